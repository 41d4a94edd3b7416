// SPDX-License-Identifier: GPL-3.0-or-later

package bot

import (
	"context"
	"fmt"
	"runtime"
	"testing"
	"time"

	"oswald"
	"oswald/internal/xmppclient"
	"oswald/internal/xmpptest"
)

// floodHeap is how much memory the bot, and the clients of the test, may come to
// hold for what waits.
const floodHeap = 64 << 20

// TestQueue lets one person send as much as waits while every command hangs, and
// then lets go. Another one is served in between; all run once and in order; what is
// in memory is bounded.
func TestQueue(t *testing.T) {
	n := 1000
	if long() {
		n = waitingMax
	}
	xmpptest.Servers(t, []string{"bot", "alice", "bob"}, func(t *testing.T, s *xmpptest.Server) {
		r := fresh(t, s, func(c *Config) { c.Patience = time.Minute }) // the server is busy, not dead
		alice, bob := client(t, s, "alice"), newPhone(t, s, "bob")
		gate := make(chan struct{})
		r.commands.answer = func(ctx context.Context, q oswald.Request) (oswald.Reply, error) {
			if q.Actor.Address == jidOf("alice") {
				<-gate
			}
			return oswald.Reply{Text: echo(q.Text)}, nil
		}
		answers := make(chan string, n)
		go func() {
			defer close(answers)
			for m := range alice.Messages() {
				if m.Body != "" && m.ChatState != "composing" {
					answers <- m.Body
				}
			}
		}()
		before := heap()
		for i := range n {
			if _, err := alice.Send(t.Context(), xmppclient.Message{To: botJID, Body: fmt.Sprint("flood ", i), NoReceipt: true}); err != nil {
				t.Fatal(err)
			}
		}
		bob.say("and me?") // while all of alice's wait
		bob.check(echo)
		within(t, 5*time.Minute, "all to be kept", func() bool { return r.waiting("alice") == n-1 })
		if q := r.queued("alice"); q > talkMax {
			t.Errorf("%d commands in memory", q)
		}
		if now := heap(); now > before+floodHeap {
			t.Errorf("the heap grew from %d to %d bytes", before, now)
		}
		close(gate)
		deadline := time.After(10 * time.Minute)
		for i := range n {
			select {
			case got := <-answers:
				if want := echo(fmt.Sprint("flood ", i)); got != want {
					t.Fatalf("%q instead of %q", got, want)
				}
			case <-deadline:
				t.Fatalf("%d answers", i)
			}
			if i == n/2 {
				if now := heap(); now > before+floodHeap {
					t.Errorf("the heap grew from %d to %d bytes", before, now)
				}
			}
		}
		for i := range n {
			if times := r.commands.times(fmt.Sprint("flood ", i)); times != 1 {
				t.Fatalf("number %d ran %d times", i, times)
			}
		}
		if r.sessions() != 1 {
			t.Errorf("%d sessions", r.sessions())
		}
	})
}

// heap returns how many bytes are in use.
func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// waiting returns how many commands of user wait, and queued how many of those are
// in memory.
func (r *rig) waiting(user string) int {
	r.talks.mu.Lock()
	defer r.talks.mu.Unlock()
	if k := r.talks.by[jidOf(user)]; k != nil {
		return k.count
	}
	return 0
}

func (r *rig) queued(user string) int {
	r.talks.mu.Lock()
	defer r.talks.mu.Unlock()
	if k := r.talks.by[jidOf(user)]; k != nil {
		return len(k.queue)
	}
	return 0
}
