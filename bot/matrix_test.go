// SPDX-License-Identifier: GPL-3.0-or-later

package bot

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"oswald"
	"oswald/internal/xmppclient"
	"oswald/internal/xmpptest"
)

// TestMatrix does to the bot, on each server, what the world does. With OSWALD_LONG
// it does it longer and more often.
func TestMatrix(t *testing.T) {
	cases := []struct {
		name string
		test func(*testing.T, *xmpptest.Server)
	}{
		{"killed", testKilled},
		{"frozen", testFrozen},
		{"cut", testCut},
		{"restarts under load", testRestarts},
		{"twin", testTwin},
		{"slow net", testSlowNet},
		{"hang and panic", testHangAndPanic},
		{"clock", testClock},
		{"idle", testIdle},
	}
	xmpptest.Servers(t, []string{"bot", "alice", "bob"}, func(t *testing.T, s *xmpptest.Server) {
		for _, c := range cases {
			t.Run(c.name, func(t *testing.T) { c.test(t, s) })
		}
	})
}

// fresh starts a bot that knows nothing, at s or at a relay before it.
func fresh(t *testing.T, s *xmpptest.Server, change func(*Config)) *rig {
	t.Helper()
	cfg := testConfig(t, s)
	if change != nil {
		change(&cfg)
	}
	r := newRig(t, cfg, filepath.Join(t.TempDir(), "bot.db")).run().waitOnline()
	t.Cleanup(func() { // what is left would come to the next one
		if !t.Failed() {
			wait(t, "the outbox to be empty", func() bool { return r.out.count() == 0 })
		}
	})
	return r
}

// once wants each text to have been asked once.
func (r *rig) once(p *phone) {
	r.t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, id := range p.said {
		if n := r.commands.times(p.texts[id]); n != 1 {
			r.t.Errorf("%q ran %d times", p.texts[id], n)
		}
	}
}

// testKilled crashes the server while a command runs. The answer is there when the
// server is.
func testKilled(t *testing.T, s *xmpptest.Server) {
	r := fresh(t, s, nil)
	alice := newPhone(t, s, "alice")
	release := make(chan struct{})
	r.commands.answer = func(_ context.Context, q oswald.Request) (oswald.Reply, error) {
		<-release
		return oswald.Reply{Text: echo(q.Text)}, nil
	}
	alice.say("before the crash")
	wait(t, "the command to run", func() bool { return r.commands.times("before the crash") == 1 })
	s.Kill()
	wait(t, "the bot to notice", func() bool { return !r.Part().OK })
	close(release)
	if err := r.Send(t.Context(), s.JID("alice"), oswald.Reply{Text: "the oven is hot"}); err != nil {
		t.Fatal(err)
	}
	alice.say("during the crash")
	s.Restart()
	alice.check(echo)
	r.once(alice)
	alice.hears("the oven is hot")
}

// testFrozen stops the server's process: connections stay and nobody answers.
func testFrozen(t *testing.T, s *xmpptest.Server) {
	d := 3 * time.Second
	if long() {
		d = 2 * time.Minute
	}
	r := fresh(t, s, func(c *Config) { c.Ping, c.Patience = 300*time.Millisecond, time.Second })
	alice := newPhone(t, s, "alice")
	alice.say("before")
	alice.check(echo)
	s.Signal(syscall.SIGSTOP)
	begin := time.Now()
	alice.say("into the silence")
	if err := r.Send(t.Context(), s.JID("alice"), oswald.Reply{Text: "an alert"}); err != nil {
		t.Fatal(err)
	}
	wait(t, "the watchdog", func() bool { return !r.Part().OK })
	if state := r.Part().State; !strings.Contains(state, "does not answer") {
		t.Errorf("state %q", state)
	}
	thaw := time.NewTimer(d - time.Since(begin))
	<-thaw.C
	s.Signal(syscall.SIGCONT)
	alice.check(echo)
	r.once(alice)
	r.waitOnline()
	alice.hears("an alert")
}

// testCut ends each connection after a random number of bytes in either direction:
// in the middle of a stanza, of a login, of an acknowledgement.
func testCut(t *testing.T, s *xmpptest.Server) {
	cuts := 15
	if long() {
		cuts = 300
	}
	relay := newRelay(t, s.Addr)
	var healed atomic.Bool
	relay.cut = func(int) (up, down int) {
		if healed.Load() {
			return -1, -1
		}
		if rand.IntN(2) == 0 {
			return 1000 + rand.IntN(6000), -1
		}
		return -1, 3000 + rand.IntN(8000)
	}
	cfg := testConfig(t, s)
	cfg.Server = relay.addr
	r := newRig(t, cfg, filepath.Join(t.TempDir(), "bot.db"))
	r.quick.Min, r.quick.Max = 20*time.Millisecond, 50*time.Millisecond
	r.run()
	alice, bob := newPhone(t, s, "alice"), newPhone(t, s, "bob")
	for i := 0; relay.count.Load() < int64(cuts); i++ {
		alice.say(fmt.Sprint("alice cut ", i))
		bob.say(fmt.Sprint("bob cut ", i))
		within(t, time.Minute, "some answers", func() bool { return alice.unanswered() < 5 && bob.unanswered() < 5 })
	}
	healed.Store(true)
	alice.check(echo)
	bob.check(echo)
	r.once(alice)
	r.once(bob)
	wait(t, "the outbox to be empty", func() bool { return r.out.count() == 0 })
}

// testRestarts stops and starts the server while two people talk to the bot.
func testRestarts(t *testing.T, s *xmpptest.Server) {
	n, restarts := 40, 2
	if long() {
		n, restarts = 400, 10
	}
	r := fresh(t, s, nil)
	alice, bob := newPhone(t, s, "alice"), newPhone(t, s, "bob")
	for range restarts {
		for i := range n / restarts {
			alice.say(fmt.Sprint("alice load ", i, " ", len(alice.said)))
			bob.say(fmt.Sprint("bob load ", i, " ", len(bob.said)))
		}
		s.Restart()
	}
	alice.check(echo)
	bob.check(echo)
	r.once(alice)
	r.once(bob)
}

// testTwin signs in under the bot's own address and resource, again and again: the
// two must not throw each other out for ever, and the bot comes back when the twin
// has gone.
func testTwin(t *testing.T, s *xmpptest.Server) {
	cfg := testConfig(t, s)
	r := newRig(t, cfg, filepath.Join(t.TempDir(), "bot.db"))
	r.quick.Min, r.quick.Max = 50*time.Millisecond, 100*time.Millisecond
	r.slow.Min = 4 * time.Second
	r.run().waitOnline()
	alice := newPhone(t, s, "alice")
	alice.say("before the twin")
	alice.check(echo)
	_, resource, _ := strings.Cut(fullJID(r), "/")
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	for ctx.Err() == nil { // as a second bot would
		twin, err := dialAs(ctx, t, s, "bot", resource)
		if err != nil {
			continue
		}
		select {
		case <-twin.Done():
		case <-ctx.Done():
		}
		twin.Close()
	}
	if n := r.sessions(); n < 2 || n > 10 { // without the pause it would be dozens
		t.Errorf("%d sessions in three seconds of fight", n)
	}
	within(t, time.Minute, "the bot to come back", func() bool { return r.Part().OK })
	alice.say("after the twin")
	alice.check(echo)
	r.once(alice)
}

// testSlowNet lets a few kilobytes a second pass. Nobody is declared dead for that.
func testSlowNet(t *testing.T, s *xmpptest.Server) {
	relay := newRelay(t, s.Addr)
	relay.rate = 6 << 10
	r := fresh(t, s, func(c *Config) { c.Server, c.Ping, c.Patience = relay.addr, time.Second, 3*time.Second })
	alice := newPhone(t, s, "alice")
	long := strings.Repeat("x", 2000)
	for i := range 8 {
		alice.say(fmt.Sprint(i, long))
	}
	alice.check(echo)
	r.once(alice)
	if n := r.sessions(); n != 1 {
		t.Errorf("%d sessions", n)
	}
}

// testHangAndPanic has commands that do not behave. The bot lives, says what it can,
// and others are served meanwhile.
func testHangAndPanic(t *testing.T, s *xmpptest.Server) {
	r := fresh(t, s, func(c *Config) { c.Timeout, c.Workers = 300*time.Millisecond, 2 })
	stuck := make(chan struct{})
	defer close(stuck)
	r.commands.answer = func(ctx context.Context, q oswald.Request) (oswald.Reply, error) {
		switch q.Text {
		case "hang":
			<-stuck
		case "obey":
			<-ctx.Done()
			return oswald.Reply{}, ctx.Err()
		case "panic":
			panic("at the disco")
		case "nil":
			var none *oswald.Reply
			return *none, nil
		case "fail":
			return oswald.Reply{}, errors.New("/a/secret/path")
		}
		return oswald.Reply{Text: echo(q.Text)}, nil
	}
	alice, bob := newPhone(t, s, "alice"), newPhone(t, s, "bob")
	for _, text := range []string{"hang", "obey", "panic", "nil", "fail"} {
		id := alice.say(text)
		bob.say("beside " + text)
		wait(t, "an answer to "+text, func() bool { return alice.unanswered() == 0 })
		alice.mu.Lock()
		for _, body := range alice.answers[id] {
			if !strings.Contains(body, "(ref ") || strings.Contains(body, "secret") {
				t.Errorf("%s: %q", text, body)
			}
		}
		alice.mu.Unlock()
	}
	bob.check(echo)
	if n := r.sessions(); n != 1 {
		t.Errorf("%d sessions", n)
	}
}

// testClock moves the clock by a day, forth and back, in the middle of a talk.
func testClock(t *testing.T, s *xmpptest.Server) {
	cfg := testConfig(t, s)
	cfg.Ping = 200 * time.Millisecond
	r := newRig(t, cfg, filepath.Join(t.TempDir(), "bot.db"))
	var shift atomic.Int64
	now := func() time.Time { return time.Now().Add(time.Duration(shift.Load())) }
	r.now, r.out.now = now, now
	r.quick.Min = 50 * time.Millisecond
	r.run().waitOnline()
	alice := newPhone(t, s, "alice")
	for i, by := range []time.Duration{0, 26 * time.Hour, -26 * time.Hour, -50 * 365 * 24 * time.Hour, 0} {
		shift.Store(int64(by))
		alice.say(fmt.Sprint("clock ", i))
		alice.check(echo)
		if i == 1 || i == 2 { // it catches up in another time too
			before := r.sessions()
			r.cut()
			wait(t, "the next session", func() bool { return r.sessions() > before && r.Part().OK })
		}
	}
	r.once(alice)
}

// testIdle leaves the bot alone behind a box that forgets quiet connections. What it
// does to be remembered is enough.
func testIdle(t *testing.T, s *xmpptest.Server) {
	relay := newRelay(t, s.Addr)
	relay.idle = 2500 * time.Millisecond
	d, ping := 6*time.Second, 2*time.Second
	if long() {
		relay.idle, d, ping = 45*time.Second, 10*time.Minute, Defaults().Ping
	}
	r := fresh(t, s, func(c *Config) { c.Server, c.Ping = relay.addr, ping })
	alice := newPhone(t, s, "alice")
	alice.say("good night")
	alice.check(echo)
	full := fullJID(r)
	quiet := time.NewTimer(d)
	<-quiet.C
	alice.say("good morning")
	alice.check(echo)
	if r.sessions() != 1 || relay.forgotten.Load() != 0 || fullJID(r) != full {
		t.Errorf("%d sessions, %d forgotten connections", r.sessions(), relay.forgotten.Load())
	}
}

// dialAs signs in under a resource.
func dialAs(ctx context.Context, t *testing.T, s *xmpptest.Server, user, resource string) (*xmppclient.Client, error) {
	return xmppclient.Dial(ctx, clientConfig(t, s, user, resource))
}
