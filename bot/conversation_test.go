// SPDX-License-Identifier: GPL-3.0-or-later

package bot

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"oswald"
	"oswald/internal/xmppclient"
)

func TestConversation(t *testing.T) {
	s, r := start(t)
	if want := "connected as " + botJID + " since "; !strings.HasPrefix(r.Part().State, want) {
		t.Errorf("state %q", r.Part().State)
	}
	alice := client(t, s, "alice")
	m := ask(t, alice, "hello")
	if m.Body != "you said hello" || m.ChatState != "active" || m.OriginID == "" || m.Thread == "" {
		t.Errorf("reply %s", m.XML)
	}
	r.commands.answer = func(ctx context.Context, q oswald.Request) (oswald.Reply, error) {
		switch q.Text {
		case "panic":
			panic("at the disco")
		case "fail":
			return oswald.Reply{}, errors.New("a secret path")
		case "refuse":
			return oswald.Reply{}, oswald.Errorf(oswald.Invalid, "You may not.")
		case "raw":
			return oswald.Reply{Text: "*x*\x1b[31m\u202e", Raw: true}, nil
		case "long":
			return oswald.Reply{Text: strings.Repeat("a line of text\n", 1000)}, nil
		case "progress":
			q.Progress("half of it")
			return oswald.Reply{Text: "all"}, nil
		case "empty":
			return oswald.Reply{}, nil
		}
		return oswald.Reply{Text: "ok " + q.Text}, nil
	}
	for _, text := range []string{"panic", "fail"} {
		if got := ask(t, alice, text).Body; !strings.HasPrefix(got, "Internal error (ref ") {
			t.Errorf("%s: %q", text, got)
		}
	}
	if got := ask(t, alice, "refuse").Body; got != "You may not." {
		t.Errorf("refuse: %q", got)
	}
	if m := ask(t, alice, "raw"); m.Body != "*x*[31m" || !strings.Contains(m.XML, nsStyling) {
		t.Errorf("raw: %s", m.XML)
	}
	var parts []string
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	m, err := alice.Command(ctx, botJID, "long", func(m xmppclient.Message) { parts = append(parts, m.Body) })
	parts = append(parts, m.Body)
	if got := strings.Join(parts, "\n"); err != nil || len(parts) != 4 || got != strings.TrimRight(strings.Repeat("a line of text\n", 1000), "\n") {
		t.Errorf("long: %d parts, %d bytes, %v", len(parts), len(got), err)
	}
	parts = nil
	m, err = alice.Command(ctx, botJID, "progress", func(m xmppclient.Message) { parts = append(parts, m.ChatState+" "+m.Body) })
	if err != nil || m.Body != "all" || fmt.Sprint(parts) != "[composing half of it]" {
		t.Errorf("progress: %v then %q, %v", parts, m.Body, err)
	}
}

func TestOnce(t *testing.T) {
	s, r := start(t)
	alice := client(t, s, "alice")
	same := "<message to='" + botJID + "' type='chat' id='%s'><body>%s</body><origin-id xmlns='urn:xmpp:sid:0' id='o-%s'/></message>"
	for range 3 {
		alice.SendRaw(fmt.Sprintf(same, "1", "again", "1"))
	}
	alice.SendRaw("<message to='" + botJID + "' type='chat' id='2'><body>twice</body><body>twice</body><body xml:lang='de'>zweimal</body><body xmlns='urn:x'>other</body></message>")
	alice.SendRaw("<message to='" + botJID + "' type='chat' id='3'><body xmlns='urn:x'>hidden</body></message>")
	ask(t, alice, "end")
	for text, want := range map[string]int{"again": 1, "twice": 1, "zweimal": 0, "other": 0, "hidden": 0, "end": 1} {
		if got := r.commands.times(text); got != want {
			t.Errorf("%q ran %d times, want %d", text, got, want)
		}
	}
}

func TestBadMessages(t *testing.T) {
	s, r := start(t)
	alice := client(t, s, "alice")
	if got := ask(t, alice, strings.Repeat("x", 100<<10)).Body; got != tooLong {
		t.Errorf("long: %q", got)
	}
	alice.SendRaw("<message to='" + botJID + "' type='chat' id='e1'><encrypted xmlns='eu.siacs.conversations.axolotl'><header sid='1'/><payload>eA==</payload></encrypted><body>I sent you an OMEMO message</body></message>")
	if got := next(t, alice).Body; got != sorryEncrypted {
		t.Errorf("encrypted: %q", got)
	}
	alice.SendRaw("<message to='" + botJID + "' type='chat' id='e2'><encrypted xmlns='eu.siacs.conversations.axolotl'><header sid='1'/></encrypted></message>")
	alice.SendRaw("<message to='" + botJID + "' type='error' id='e3'><body>bounced</body><error type='cancel'><gone xmlns='" + nsStanzas + "'/></error></message>")
	alice.SendRaw("<message to='" + botJID + "' type='headline' id='e4'><body>news</body></message>")
	if got := ask(t, alice, "tab\tline\nend\u0085\u202e").Body; got != "you said tab\tline\nend" {
		t.Errorf("controls: %q", got)
	}
	for _, text := range []string{"bounced", "news", "I sent you an OMEMO message"} {
		if r.commands.times(text) != 0 {
			t.Errorf("%q ran", text)
		}
	}
}

func TestDelayAndReceipt(t *testing.T) {
	s, r := start(t)
	r.end()
	alice := client(t, s, "alice")
	before := time.Now().Add(-2 * time.Second)
	id, err := alice.Send(t.Context(), xmppclient.Message{To: botJID, Body: "early"})
	if err != nil {
		t.Fatal(err)
	}
	alice.IQ(t.Context(), "", "get", "<ping xmlns='urn:xmpp:ping'/>") // it is stored
	again := newRig(t, r.cfg, filepath.Join(t.TempDir(), "bot.db")).run().waitOnline()
	receipt, reply := false, false
	deadline := time.NewTimer(30 * time.Second)
	defer deadline.Stop()
	for !receipt || !reply {
		select {
		case m := <-alice.Messages():
			receipt = receipt || m.Receipt == id
			reply = reply || m.Body == "you said early"
		case <-deadline.C:
			t.Fatalf("receipt %v, reply %v", receipt, reply)
		}
	}
	again.commands.mu.Lock()
	defer again.commands.mu.Unlock()
	if at := again.commands.asked[0].At; at.Before(before) || time.Since(at) > time.Minute {
		t.Errorf("sent at %v", at)
	}
}

// TestHang wants a command that cannot be stopped to be reported, and the next one
// to run.
func TestHang(t *testing.T) {
	s := server(t)
	cfg := testConfig(t, s)
	cfg.Timeout = 50 * time.Millisecond
	r := newRig(t, cfg, filepath.Join(t.TempDir(), "bot.db")).run().waitOnline()
	release := make(chan struct{})
	defer close(release)
	r.commands.answer = func(_ context.Context, q oswald.Request) (oswald.Reply, error) {
		if q.Text == "hang" {
			<-release
		}
		return oswald.Reply{Text: "fine"}, nil
	}
	alice := client(t, s, "alice")
	states := ""
	m, err := alice.Command(t.Context(), botJID, "hang", func(m xmppclient.Message) { states += m.ChatState })
	if err != nil || !strings.HasPrefix(m.Body, "Internal error (ref ") || states != "composing" {
		t.Errorf("%q after %q, %v", m.Body, states, err)
	}
	if got := ask(t, alice, "next").Body; got != "fine" {
		t.Errorf("next: %q", got)
	}
}
