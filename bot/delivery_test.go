// SPDX-License-Identifier: GPL-3.0-or-later

package bot

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"oswald"
	"oswald/internal/prosodytest"
	"oswald/internal/xmppclient"
	"oswald/internal/xmpptest"
)

func TestServerDies(t *testing.T) {
	for name, end := range map[string]func(*prosodytest.Server){
		"killed": (*prosodytest.Server).Kill, "stopped": (*prosodytest.Server).Stop,
	} {
		t.Run(name, func(t *testing.T) {
			s, r := start(t)
			ask(t, client(t, s, "alice"), "before")
			// What the server has not acknowledged when it dies goes again.
			wait(t, "the reply to be acknowledged", func() bool { return r.out.count() == 0 })
			end(s)
			wait(t, "the bot to notice", func() bool { return !r.Part().OK })
			if state := r.Part().State; !strings.HasPrefix(state, "not connected: ") {
				t.Errorf("state %q", state)
			}
			if err := r.Send(t.Context(), jidOf("alice"), oswald.Reply{Text: "while you were away"}); err != nil {
				t.Fatal(err)
			}
			s.Restart()
			alice := client(t, s, "alice")
			r.waitOnline()
			if got := next(t, alice).Body; got != "while you were away" {
				t.Errorf("got %q", got)
			}
			if got := ask(t, alice, "after").Body; got != "you said after" {
				t.Errorf("after: %q", got)
			}
			wait(t, "the outbox to be empty", func() bool { return r.out.count() == 0 })
		})
	}
}

// TestReplyWhileDisconnected starts a command, takes the server away until it has
// ended, and expects the reply after the server is back.
func TestReplyWhileDisconnected(t *testing.T) {
	s, r := start(t)
	alice := client(t, s, "alice")
	release := make(chan struct{})
	r.commands.answer = func(context.Context, oswald.Request) (oswald.Reply, error) {
		<-release
		return oswald.Reply{Text: "done at last"}, nil
	}
	if _, err := alice.Send(t.Context(), xmppclient.Message{To: botJID, Body: "slow"}); err != nil {
		t.Fatal(err)
	}
	wait(t, "the command to run", func() bool { return r.commands.times("slow") == 1 })
	s.Kill()
	wait(t, "the bot to notice", func() bool { return !r.Part().OK })
	close(release)
	wait(t, "the reply to wait", func() bool { return r.out.count() == 1 })
	s.Restart()
	if got := next(t, client(t, s, "alice")).Body; got != "done at last" {
		t.Errorf("got %q", got)
	}
	if n := r.commands.times("slow"); n != 1 {
		t.Errorf("ran %d times", n)
	}
}

// TestResume cuts the connection; what is sent meanwhile comes when the session
// is resumed, and once.
func TestResume(t *testing.T) {
	s, r := start(t)
	alice := client(t, s, "alice")
	ask(t, alice, "before")
	full := fullJID(r)
	r.quick.Min = 2 * time.Second
	s.Signal(syscall.SIGSTOP)
	r.cut()
	wait(t, "the bot to notice", func() bool { return !r.Part().OK })
	s.Signal(syscall.SIGCONT)
	if got := ask(t, alice, "meanwhile").Body; got != "you said meanwhile" {
		t.Errorf("meanwhile: %q", got)
	}
	if r.waitOnline(); fullJID(r) != full {
		t.Errorf("came back as %s, was %s", fullJID(r), full)
	}
	if !r.resumed() {
		t.Error("the session was not resumed")
	}
	if n := r.commands.times("meanwhile"); n != 1 {
		t.Errorf("ran %d times", n)
	}
}

func TestFrozenServer(t *testing.T) {
	s := server(t)
	cfg := testConfig(t, s)
	cfg.Ping, cfg.Patience = 200*time.Millisecond, 500*time.Millisecond
	r := newRig(t, cfg, filepath.Join(t.TempDir(), "bot.db")).run().waitOnline()
	s.Signal(syscall.SIGSTOP)
	wait(t, "the watchdog", func() bool { return !r.Part().OK })
	if state := r.Part().State; !strings.Contains(state, "does not answer") {
		t.Errorf("state %q", state)
	}
	s.Signal(syscall.SIGCONT)
	r.waitOnline()
}

func TestWithoutStreamManagement(t *testing.T) {
	s := server(t)
	s.Configure(`password_hash = "SHA-256"`, "")
	s.Configure(`"smacks";`, "")
	s.Register("bot") // again, for SCRAM-SHA-1
	s.Register("alice")
	r := newRig(t, testConfig(t, s), filepath.Join(t.TempDir(), "bot.db")).run().waitOnline()
	alice := client(t, s, "alice")
	ask(t, alice, "one")
	wait(t, "the outbox to be empty", func() bool { return r.out.count() == 0 })
	s.Restart()
	wait(t, "the bot to come back", func() bool { return r.sessions() == 2 && r.Part().OK })
	ask(t, client(t, s, "alice"), "two")
}

func TestFlood(t *testing.T) {
	n := 500
	if long() {
		n = 2000
	}
	s, r := start(t)
	alice, bob := client(t, s, "alice"), client(t, s, "bob")
	go func() {
		for range alice.Messages() {
		}
	}()
	for i := range n {
		if _, err := alice.Send(t.Context(), xmppclient.Message{To: botJID, Body: fmt.Sprint("flood ", i), NoReceipt: true}); err != nil {
			t.Fatal(err)
		}
	}
	if got := ask(t, bob, "and me?").Body; got != "you said and me?" {
		t.Errorf("bob: %q", got)
	}
	wait(t, "all to run", func() bool { return r.commands.times(fmt.Sprint("flood ", n-1)) == 1 })
	wait(t, "the outbox to be empty", func() bool { return r.out.count() == 0 })
	r.commands.mu.Lock()
	defer r.commands.mu.Unlock()
	at := 0
	for _, q := range r.commands.asked {
		if q.Actor.Address == jidOf("alice") {
			if q.Text != fmt.Sprint("flood ", at) {
				t.Fatalf("%q instead of number %d", q.Text, at)
			}
			at++
		}
	}
	if at != n {
		t.Errorf("%d of %d ran", at, n)
	}
}

// TestRestart stops the bot while a command runs and others wait: after the start
// they run under the same IDs, in order, and are answered on their threads.
func TestRestart(t *testing.T) {
	s := server(t)
	cfg, path := testConfig(t, s), filepath.Join(t.TempDir(), "bot.db")
	r := newRig(t, cfg, path).run().waitOnline()
	r.commands.answer = func(ctx context.Context, _ oswald.Request) (oswald.Reply, error) {
		<-ctx.Done()
		return oswald.Reply{}, ctx.Err()
	}
	alice := client(t, s, "alice")
	for i := range 50 {
		alice.Send(t.Context(), xmppclient.Message{To: botJID, Body: fmt.Sprint(i), Thread: fmt.Sprint("t", i)})
	}
	wait(t, "the first to run", func() bool { return r.commands.times("0") == 1 })
	r.end()
	id := r.commands.asked[0].ID
	r.db.Close()
	again := newRig(t, cfg, path).run().waitOnline()
	for i := range 50 {
		if m := next(t, alice); m.Body != fmt.Sprint("you said ", i) || m.Thread != fmt.Sprint("t", i) {
			t.Fatalf("number %d: %s", i, m.XML)
		}
	}
	again.commands.mu.Lock()
	defer again.commands.mu.Unlock()
	if len(again.commands.asked) != 50 || again.commands.asked[0].ID != id {
		t.Errorf("%d ran, the first as %s, not %s", len(again.commands.asked), again.commands.asked[0].ID, id)
	}
}

// TestFarewell stops the bot the moment after a reply: at the next start nothing is
// sent again, and the server brings nothing again.
func TestFarewell(t *testing.T) {
	xmpptest.Servers(t, []string{"bot", "alice", "bob"}, func(t *testing.T, s *xmpptest.Server) {
		cfg, path := testConfig(t, s), filepath.Join(t.TempDir(), "bot.db")
		for i := range 5 {
			r := newRig(t, cfg, path).run().waitOnline()
			alice := client(t, s, "alice")
			text := fmt.Sprint("round ", i)
			if m := ask(t, alice, text); m.Body != "you said "+text || !m.Delay.IsZero() {
				t.Errorf("%s", m.XML)
			}
			if err := r.Send(t.Context(), jidOf("alice"), oswald.Reply{Text: text}); err != nil {
				t.Fatal(err)
			}
			if m := next(t, alice); m.Body != text { // nothing of the round before
				t.Errorf("%q, want %q", m.Body, text)
			}
			r.end()
			if n := r.out.count(); n != 0 {
				t.Errorf("%d messages would go again", n)
			}
			if n := r.commands.count(); n != 1 {
				t.Errorf("%d commands in round %d", n, i)
			}
			r.db.Close()
			alice.Close()
		}
	})
}
