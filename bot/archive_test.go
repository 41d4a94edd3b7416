// SPDX-License-Identifier: GPL-3.0-or-later

package bot

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"oswald"
	"oswald/internal/xmppclient"
)

// TestArchive lets messages come to an account without offline storage while
// nobody is signed in: the next start finds them in the archive, in order, once
// each, and not those of before.
func TestArchive(t *testing.T) {
	s := server(t)
	s.Configure(`"offline"; `, "")
	cfg, path := testConfig(t, s), filepath.Join(t.TempDir(), "bot.db")
	r := newRig(t, cfg, path).run().waitOnline()
	alice := client(t, s, "alice")
	ask(t, alice, "before")
	r.end()
	r.db.Close()
	n := 2*pageMax + 7
	for i := range n {
		if _, err := alice.Send(t.Context(), xmppclient.Message{To: botJID, Body: fmt.Sprint(i), NoReceipt: true}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := alice.IQ(t.Context(), "", "get", "<ping xmlns='urn:xmpp:ping'/>"); err != nil { // they are stored
		t.Fatal(err)
	}
	again := newRig(t, cfg, path).run().waitOnline()
	for i := range n {
		wait(t, "the message from the archive", func() bool { return again.commands.times(fmt.Sprint(i)) == 1 })
	}
	ask(t, alice, "after")
	again.commands.mu.Lock()
	defer again.commands.mu.Unlock()
	for i, q := range again.commands.asked {
		if want := fmt.Sprint(i); i < n && q.Text != want {
			t.Fatalf("%q instead of %s", q.Text, want)
		}
	}
	if got := len(again.commands.asked); got != n+1 {
		t.Errorf("%d ran, want %d", got, n+1)
	}
}

// TestArchiveAndOffline gets the same messages from the archive and as offline
// messages, with every kind of name; each runs once.
func TestArchiveAndOffline(t *testing.T) {
	s := server(t)
	cfg, path := testConfig(t, s), filepath.Join(t.TempDir(), "bot.db")
	r := newRig(t, cfg, path).run().waitOnline()
	alice := client(t, s, "alice")
	ask(t, alice, "before")
	r.end()
	r.db.Close()
	alice.SendRaw("<message to='" + botJID + "' type='chat' id='p'><body>plain id</body></message>" +
		"<message to='" + botJID + "' type='chat'><body>no id</body></message>" +
		"<message to='" + botJID + "' type='chat' id='q'><body>origin</body><origin-id xmlns='" + nsIDs + "' id='q'/></message>")
	if _, err := alice.IQ(t.Context(), "", "get", "<ping xmlns='urn:xmpp:ping'/>"); err != nil {
		t.Fatal(err)
	}
	again := newRig(t, cfg, path).run().waitOnline()
	ask(t, alice, "after")
	wait(t, "the archive to be read", func() bool { return again.live.Load().caughtUp.Load() })
	ask(t, alice, "end")
	for _, text := range []string{"plain id", "no id", "origin", "after"} {
		if n := again.commands.times(text); n != 1 {
			t.Errorf("%q ran %d times", text, n)
		}
	}
	if n := again.commands.times("before"); n != 0 {
		t.Error("an old command ran again")
	}
}

// TestArchiveForged sends results that nobody has asked for.
func TestArchiveForged(t *testing.T) {
	s, r := start(t)
	alice := client(t, s, "alice")
	mallory := client(t, s, "mallory")
	for _, to := range []string{botJID, fullJID(r)} {
		mallory.SendRaw("<message to='" + to + "' id='f'><result xmlns='" + nsMAM + "' id='1'><forwarded xmlns='" + nsForward +
			"'><message xmlns='jabber:client' from='" + jidOf("alice") + "' to='" + botJID + "' type='chat'><body>forged</body></message></forwarded></result></message>")
		mallory.SendRaw("<message to='" + to + "' id='c'><received xmlns='urn:xmpp:carbons:2'><forwarded xmlns='" + nsForward +
			"'><message xmlns='jabber:client' from='" + jidOf("alice") + "' to='" + botJID + "' type='chat'><body>forged</body></message></forwarded></received></message>")
	}
	mallory.IQ(t.Context(), "", "get", "<ping xmlns='urn:xmpp:ping'/>")
	ask(t, alice, "end")
	if n := r.commands.times("forged"); n != 0 {
		t.Errorf("a forged command ran %d times", n)
	}
}

// TestStopBound stops the bot while a command hears nothing.
func TestStopBound(t *testing.T) {
	s, r := start(t)
	release := make(chan struct{})
	defer close(release)
	r.commands.answer = func(context.Context, oswald.Request) (oswald.Reply, error) {
		<-release
		return oswald.Reply{}, nil
	}
	alice := client(t, s, "alice")
	if _, err := alice.Send(t.Context(), xmppclient.Message{To: botJID, Body: "deaf"}); err != nil {
		t.Fatal(err)
	}
	wait(t, "the command to run", func() bool { return r.commands.times("deaf") == 1 })
	begin := time.Now()
	r.end()
	if d := time.Since(begin); d > 4*time.Second {
		t.Errorf("stopping took %v", d)
	}
}

// TestAnswer gives the reply to a command of an earlier process: only if the bot
// does not have it, once, and a message with that id that comes later is old.
func TestAnswer(t *testing.T) {
	s, r := start(t)
	alice := client(t, s, "alice")
	ask(t, alice, "hello")
	had := r.commands.asked[0].ID
	if err := r.Answer(t.Context(), had, jidOf("alice"), oswald.Reply{Text: "twice"}); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := r.Answer(t.Context(), oswald.CommandID(jidOf("alice"), "lost"), jidOf("alice"), oswald.Reply{Text: "late"}); err != nil {
			t.Fatal(err)
		}
	}
	if got := next(t, alice).Body; got != "late" {
		t.Errorf("got %q", got)
	}
	alice.Send(t.Context(), xmppclient.Message{To: botJID, ID: "lost", OriginID: "lost", Body: "lost"})
	ask(t, alice, "end")
	if n := r.commands.times("lost"); n != 0 {
		t.Errorf("ran %d times", n)
	}
	select {
	case m := <-alice.Messages():
		if m.Body != "" {
			t.Errorf("also got %q", m.Body)
		}
	default:
	}
}
