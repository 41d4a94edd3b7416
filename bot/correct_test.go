// SPDX-License-Identifier: GPL-3.0-or-later

package bot

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"oswald"
	"oswald/internal/xmppclient"
	"oswald/internal/xmppclient/xmltree"
	"oswald/internal/xmpptest"
)

// gate is a dispatcher in which the command "slow" runs until it is let go, or
// stopped.
type gate struct {
	begun, open chan struct{}
}

func newGate(r *rig) *gate {
	g := &gate{make(chan struct{}, 16), make(chan struct{})}
	r.commands.mu.Lock()
	defer r.commands.mu.Unlock()
	r.commands.answer = func(ctx context.Context, q oswald.Request) (oswald.Reply, error) {
		if strings.HasPrefix(q.Text, "slow") {
			g.begun <- struct{}{}
			select {
			case <-g.open:
			case <-ctx.Done():
				return oswald.Reply{}, ctx.Err()
			}
		}
		text := "did " + q.Text
		if q.Corrects != "" {
			text += " instead"
		}
		return oswald.Reply{Text: text}, nil
	}
	return g
}

func retraction(id, of string) string {
	return "<message to='" + botJID + "' type='chat' id='" + id + "'><retract xmlns='" + nsRetract + "' id='" + of +
		"'/><body>/me took a message back</body><fallback xmlns='urn:xmpp:fallback:0' for='" + nsRetract + "'/><store xmlns='urn:xmpp:hints'/></message>"
}

// settle waits until the server has all that the bot has said: what it has not
// acknowledged would be said again in the next test.
func settle(t *testing.T, r *rig) {
	t.Helper()
	wait(t, "the outbox to be empty", func() bool { return r.out.count() == 0 })
}

// bodies waits for n messages with a body.
func bodies(t *testing.T, c *xmppclient.Client, n int) (list []string) {
	t.Helper()
	for range n {
		list = append(list, next(t, c).Body)
	}
	return list
}

// testCorrect corrects commands that wait, run, are done, and never came.
func testCorrect(t *testing.T, s *xmpptest.Server) {
	r := newRig(t, testConfig(t, s), filepath.Join(s.Dir, "talk.db")).run().waitOnline()
	g := newGate(r)
	alice := client(t, s, "alice")
	send := func(m xmppclient.Message) string {
		t.Helper()
		m.To = botJID
		id, err := alice.Send(t.Context(), m)
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	slow := send(xmppclient.Message{Body: "slow"})
	<-g.begun
	wrong := send(xmppclient.Message{Body: "wrong"})
	send(xmppclient.Message{Body: "last"})
	fixed := xmppclient.Message{ID: "fix", OriginID: "fix", Body: "right", Replace: wrong}
	send(fixed)
	send(fixed) // the same once more
	send(xmppclient.Message{Body: "slower", Replace: slow})
	send(xmppclient.Message{Body: "lost and found", Replace: "lost"})
	send(xmppclient.Message{ID: "lost", Body: "lost"}) // after all, and too late
	alice.IQ(t.Context(), "", "get", "<ping xmlns='urn:xmpp:ping'/>")
	if _, err := client(t, s, "bob").Send(t.Context(), xmppclient.Message{To: botJID, Body: "not mine", Replace: slow}); err != nil {
		t.Fatal(err)
	}
	wait(t, "all of it to have come", func() bool { return r.commands.times("not mine") == 1 })
	close(g.open)
	want := []string{"did slow", "did right", "did last", "did slower instead", "did lost and found"}
	if got := bodies(t, alice, len(want)); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	send(xmppclient.Message{Body: "late", Replace: wrong})
	if got := next(t, alice).Body; got != "did late instead" {
		t.Errorf("the dispatcher is not asked: %q", got)
	}
	if n := r.commands.times("wrong") + r.commands.times("lost"); n != 0 {
		t.Errorf("%d of the corrected ones ran", n)
	}
	settle(t, r)
}

// testRetract takes back commands that wait, run, are done, and never came.
func testRetract(t *testing.T, s *xmpptest.Server) {
	r := newRig(t, testConfig(t, s), filepath.Join(s.Dir, "talk.db"))
	r.deps.Retract = func(_ context.Context, q oswald.Request) (oswald.Reply, error) {
		if r.commands.idOf("slow change") == q.ID {
			return oswald.Reply{}, oswald.Errorf(oswald.Conflict, "Too late.")
		}
		return oswald.Reply{}, nil
	}
	r.run().waitOnline()
	g := newGate(r)
	alice := client(t, s, "alice")
	send := func(text string) string {
		t.Helper()
		id, err := alice.Send(t.Context(), xmppclient.Message{To: botJID, Body: text})
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	slow := send("slow")
	<-g.begun
	waiting := send("waiting")
	alice.SendRaw(retraction("r1", waiting))
	alice.SendRaw(retraction("r1", waiting))
	if got := next(t, alice).Body; got != "Taken back: `waiting` was not run." {
		t.Errorf("%q", got)
	}
	alice.SendRaw(retraction("r2", "never came"))
	alice.SendRaw(retraction("r3", slow))
	if got := next(t, alice).Body; got != "Stopped: `slow`." {
		t.Errorf("%q", got)
	}
	change := send("slow change")
	<-g.begun
	alice.SendRaw("<message to='" + botJID + "' type='chat' id='r4'><apply-to xmlns='" + nsFasten + "' id='" + change + "'><retract xmlns='" + nsRetract0 + "'/></apply-to></message>")
	if got := next(t, alice).Body; got != "Too late." {
		t.Errorf("%q", got)
	}
	close(g.open)
	if got := next(t, alice).Body; got != "did slow change" {
		t.Errorf("%q", got)
	}
	alice.SendRaw(retraction("r5", slow)) // long over: nothing to say
	if got := ask(t, alice, "end").Body; got != "did end" {
		t.Errorf("%q", got)
	}
	if r.commands.times("waiting") != 0 {
		t.Error("what was taken back ran")
	}
	wait(t, "all to be done on disk", func() bool {
		var n int
		return r.db.QueryRow("SELECT count(*) FROM bot_inbox WHERE done = 0").Scan(&n) == nil && n == 0
	})
	settle(t, r)
}

func (c *commands) idOf(text string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, r := range c.asked {
		if r.Text == text {
			return r.ID
		}
	}
	return ""
}

// testAmendOnDisk changes commands that are not in memory: more wait than fit there.
func testAmendOnDisk(t *testing.T, s *xmpptest.Server) {
	r := newRig(t, testConfig(t, s), filepath.Join(s.Dir, "talk.db")).run().waitOnline()
	g := newGate(r)
	alice := client(t, s, "alice")
	ids := make(map[int]string)
	for i := range talkMax + 20 {
		text := fmt.Sprint("number ", i)
		if i == 0 {
			text = "slow"
		}
		ids[i], _ = alice.Send(t.Context(), xmppclient.Message{To: botJID, Body: text, NoReceipt: true})
	}
	<-g.begun
	last := talkMax + 19
	alice.Send(t.Context(), xmppclient.Message{To: botJID, Body: "changed", Replace: ids[last]})
	alice.SendRaw(retraction("gone", ids[last-1]))
	if got := next(t, alice).Body; got != fmt.Sprintf("Taken back: `number %d` was not run.", last-1) {
		t.Fatal(got)
	}
	close(g.open)
	got := bodies(t, alice, last)
	if got[last-1] != "did changed" || got[last-2] != fmt.Sprint("did number ", last-2) {
		t.Errorf("at the end %q", got[last-3:])
	}
	if n := r.commands.times(fmt.Sprint("number ", last)) + r.commands.times(fmt.Sprint("number ", last-1)); n != 0 {
		t.Errorf("%d ran that were corrected or taken back", n)
	}
	wait(t, "the queue to be gone", func() bool { r.talks.mu.Lock(); defer r.talks.mu.Unlock(); return len(r.talks.by) == 0 })
	settle(t, r)
}

// testProgress wants one message that is corrected now and then, as long as it is
// the last one, a picture on the command, and the result as a message of its own.
func testProgress(t *testing.T, s *xmpptest.Server) {
	r := newRig(t, testConfig(t, s), filepath.Join(s.Dir, "talk.db"))
	r.every = 100 * time.Millisecond
	r.run().waitOnline()
	alice := client(t, s, "alice")
	step := make(chan string)
	r.commands.answer = func(_ context.Context, q oswald.Request) (oswald.Reply, error) {
		for text := range step {
			q.Progress(text)
		}
		if q.Text == "fail" {
			return oswald.Reply{}, oswald.Errorf(oswald.Invalid, "It failed.")
		}
		return oswald.Reply{Text: "all done"}, nil
	}
	id, err := alice.Send(t.Context(), xmppclient.Message{To: botJID, Body: "work", ChatState: "active"})
	if err != nil {
		t.Fatal(err)
	}
	any := func(what string, ok func(xmppclient.Message) bool) xmppclient.Message {
		t.Helper()
		deadline := time.NewTimer(20 * time.Second)
		defer deadline.Stop()
		for {
			select {
			case m := <-alice.Messages():
				if ok(m) {
					return m
				}
			case <-deadline.C:
				t.Fatalf("no %s", what)
			}
		}
	}
	says := func(text string) xmppclient.Message {
		t.Helper()
		return any(text, func(m xmppclient.Message) bool {
			if m.Body != "" && m.Body != text {
				t.Errorf("%q instead of %q", m.Body, text)
			}
			return m.Body != ""
		})
	}
	shows := func(picture, of string) {
		t.Helper()
		m := any(picture, func(m xmppclient.Message) bool { return m.ReactsTo != "" })
		if m.ReactsTo != of || !slices.Equal(m.Reactions, []string{picture}) || m.Element.Child(nsHints, "store") == nil {
			t.Errorf("%s", m.XML)
		}
	}
	step <- "page 1"
	first := says("page 1")
	shows("👀", id)
	step <- "page 2" // too soon, and then out of date
	step <- "page 3"
	second := says("page 3")
	if first.Replace != "" || second.Replace != first.ID || second.ID == first.ID || second.From != first.From {
		t.Errorf("%s, then %s", first.XML, second.XML)
	}
	step <- "page 4"
	if third := says("page 4"); third.Replace != first.ID { // the original, always
		t.Errorf("%s", third.XML)
	}
	if err := r.Send(t.Context(), jidOf("alice"), oswald.Reply{Text: "an alert"}); err != nil {
		t.Fatal(err)
	}
	says("an alert")
	step <- "page 5"
	if m := says("page 5"); m.Replace != "" {
		t.Errorf("corrects what is not the last message: %s", m.XML)
	}
	close(step)
	shows("✅", id)
	if m := says("all done"); m.Replace != "" || m.ChatState != "active" || m.Element.Child(nsReceipts, "request") == nil {
		t.Errorf("%s", m.XML)
	}
	step = make(chan string, 1)
	step <- "trying"
	close(step)
	id, err = alice.Send(t.Context(), xmppclient.Message{To: botJID, Body: "fail"})
	if err != nil {
		t.Fatal(err)
	}
	says("trying")
	shows("👀", id)
	shows("❌", id)
	says("It failed.")
	settle(t, r)
}

// testMarks wants a command that was carried out to be marked as displayed where
// its sender asks for it, and nothing of that in a chat state.
func testMarks(t *testing.T, s *xmpptest.Server) {
	r := newRig(t, testConfig(t, s), filepath.Join(s.Dir, "talk.db")).run().waitOnline()
	alice := client(t, s, "alice")
	alice.SendRaw("<message to='" + botJID + "' type='chat' id='m1'><body>one</body><markable xmlns='" + nsMarkers + "'/></message>")
	marked, replied := false, false
	deadline := time.NewTimer(20 * time.Second)
	defer deadline.Stop()
	for !marked || !replied {
		select {
		case m := <-alice.Messages():
			marked = marked || m.Displayed == "m1" && m.Body == ""
			replied = replied || m.Body == "you said one"
		case <-deadline.C:
			t.Fatalf("marked %v, replied %v", marked, replied)
		}
	}
	ask(t, alice, "two") // asks for no marker
	if err := r.Send(t.Context(), jidOf("alice"), oswald.Reply{Text: "Hot!", About: "alert:A1"}); err != nil {
		t.Fatal(err)
	}
	var m xmppclient.Message
	for m.Body == "" {
		if m = <-alice.Messages(); m.Displayed != "" {
			t.Errorf("marked unasked: %s", m.XML)
		}
	}
	for _, want := range []struct{ ns, name string }{{nsReceipts, "request"}, {nsMarkers, "markable"}, {nsHints, "store"}} {
		if m.Element.Child(want.ns, want.name) == nil {
			t.Errorf("an alert without %s: %s", want.name, m.XML)
		}
	}
	seen := func(received, displayed bool) func() bool {
		return func() bool {
			list := r.Seen("alert:A1", time.Time{})
			return len(list) == 1 && list[0].Who == jidOf("alice") && list[0].Received.IsZero() != received && list[0].Displayed.IsZero() != displayed
		}
	}
	wait(t, "the receipt", seen(true, false)) // the client sends it by itself
	if _, err := client(t, s, "bob").Send(t.Context(), xmppclient.Message{To: botJID, Displayed: m.ID}); err != nil {
		t.Fatal(err)
	}
	ask(t, alice, "three")
	if !seen(true, false)() {
		t.Error("somebody else's marker counts")
	}
	if _, err := alice.Send(t.Context(), xmppclient.Message{To: botJID, Displayed: m.ID}); err != nil {
		t.Fatal(err)
	}
	wait(t, "the marker", seen(true, true))
	state, err := xmltree.Parse([]byte(r.wire(outgoing{to: "a@b", id: "x", state: "composing"})))
	if err != nil || state.Child(nsHints, "no-store") == nil {
		t.Errorf("%v, %v", state, err)
	}
	settle(t, r)
}
