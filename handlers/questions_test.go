// SPDX-License-Identifier: GPL-3.0-or-later

package handlers

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"oswald"
)

func TestConfirm(t *testing.T) {
	b := newBench(t)
	test := func(who, text, want string, code oswald.Code) {
		t.Helper()
		if reply, got := b.text(who, text); got != code || !strings.Contains(reply, want) {
			t.Errorf("%s: %q: %q %q", who, text, reply, got)
		}
	}
	test(moderator, "delete 12", "Cheap replica watches! Buy at http://cheap.example\nRemove it? yes/no", "")
	test(owner, "yes", "not asked", oswald.NotFound) // not from the same address
	if len(b.decided) != 0 {
		t.Fatal(b.decided)
	}
	b.kill()
	b.open() // the question survives
	yes := b.request(moderator, "Yes!")
	if reply, code := shown(b.Dispatch(t.Context(), yes)); code != "" || !strings.Contains(reply, "is deleted") {
		t.Errorf("yes: %q %q", reply, code)
	}
	if reply, code := shown(b.Dispatch(t.Context(), yes)); code != "" || !strings.Contains(reply, "is deleted") {
		t.Errorf("the same yes again: %q %q", reply, code)
	}
	test(moderator, "yes", "not asked", oswald.NotFound)
	if len(b.decided) != 1 {
		t.Error(b.decided)
	}
	// Too late.
	test(owner, "delete 11", "yes/no", "")
	b.pass(5*time.Minute + time.Second)
	test(owner, "yes", "over 5 min old", oswald.Expired)
	// The role was taken away between question and answer.
	test(moderator, "delete 11", "yes/no", "")
	test(owner, "deny "+moderator, "no role any more", "")
	r := b.request(moderator, "yes")
	r.Actor.Role = oswald.Guest // as another room might say
	if reply, code := shown(b.Dispatch(t.Context(), r)); code != oswald.Forbidden {
		t.Errorf("after deny: %q %q", reply, code)
	}
	// A question takes the place of the one before.
	test(owner, "delete 11", "#11", "")
	test(owner, "delete 12", "deleted already", oswald.Conflict)
	first := b.request(owner, "delete 11")
	b.Dispatch(t.Context(), first)
	test(owner, "no", "nothing was done", "")
	if reply, _ := shown(b.Dispatch(t.Context(), first)); !strings.Contains(reply, "nothing was done") {
		t.Errorf("the declined one again: %q", reply)
	}
	// A yes that was sent before the question does not answer it.
	test(owner, "delete 11", "yes/no", "")
	r = b.request(owner, "yes")
	r.At = r.At.Add(-2 * time.Minute)
	if reply, code := shown(b.Dispatch(t.Context(), r)); code != oswald.Conflict {
		t.Errorf("an old yes: %q %q", reply, code)
	}
	if len(b.decided) != 1 {
		t.Error(b.decided)
	}
}

func TestLate(t *testing.T) {
	b := newBench(t)
	late := func(text string, by time.Duration) (string, oswald.Code) {
		r := b.request(owner, text)
		r.At = r.At.Add(-by)
		return shown(b.Dispatch(t.Context(), r))
	}
	if reply, _ := late("temp", 3*time.Hour); !strings.Contains(reply, "kitchen") {
		t.Errorf("only reads, so no question: %q", reply)
	}
	if reply, _ := late("flag 12", 9*time.Minute); !strings.Contains(reply, "hidden") {
		t.Errorf("not late yet: %q", reply)
	}
	if reply, _ := late("flag 11", 3*time.Hour); reply != "Sent 3 h ago while I was away: `flag 11`\nRun it? yes/no" || len(b.decided) != 1 {
		t.Errorf("late: %q", reply)
	}
	if reply, _ := b.text(owner, "yes"); !strings.Contains(reply, "hidden") {
		t.Errorf("yes: %q", reply)
	}
	if reply, _ := late("delete 11", 24*time.Hour); !strings.Contains(reply, "Sent 24 h ago") || strings.Count(reply, "yes/no") != 1 {
		t.Errorf("late and dangerous: one question, not two: %q", reply)
	}
	if reply, _ := b.text(owner, "yes"); !strings.Contains(reply, "is deleted") {
		t.Errorf("yes: %q", reply)
	}
}

// TestResume kills the process in the middle of commands.
func TestResume(t *testing.T) {
	b := newBench(t)
	b.block = make(chan struct{})
	ctx, kill := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	requests := []oswald.Request{b.request(owner, "rebuild"), b.request(member, "say hello"), b.request(owner, "rebuild recipes/bread")}
	for _, r := range requests {
		wg.Go(func() { b.Dispatch(ctx, r) })
	}
	waitFor(t, func() bool {
		b.house.mu.Lock()
		defer b.house.mu.Unlock()
		return len(b.builds) == 2 && len(b.spoken) == 1
	})
	kill()
	wg.Wait()
	b.kill()
	close(b.block)
	b.open()

	// The same stanza comes again while Resume is at it: one answer, one run.
	var dup string
	wg.Go(func() { dup, _ = shown(b.Dispatch(t.Context(), requests[0])) })
	var mu sync.Mutex
	sent := map[string][]string{}
	var failed bool
	send := func(_ context.Context, _, to string, r oswald.Reply) error {
		mu.Lock()
		defer mu.Unlock()
		if !failed && strings.Contains(r.Text, "built") {
			failed = true
			return errors.New("the outbox is full")
		}
		sent[to] = append(sent[to], r.Text)
		return nil
	}
	if err := b.Resume(t.Context(), send); err != nil {
		t.Fatal(err)
	}
	wg.Wait()
	if len(sent[owner]) != 1 || !strings.HasPrefix(sent[owner][0], "(after a restart) The site is built") {
		t.Errorf("owner: %q", sent[owner])
	}
	if len(sent[member]) != 1 || sent[member][0] != "I was restarted during `say hello`; it may or may not have happened." {
		t.Errorf("member: %q", sent[member])
	}
	if len(b.spoken) != 1 {
		t.Errorf("spoken again: %q", b.spoken)
	}
	if dup == "" || strings.HasPrefix(dup, "NOT") {
		t.Errorf("the duplicate: %q", dup)
	}
	// The reply that could not be sent is sent after the next restart.
	b.kill()
	b.open()
	b.Resume(t.Context(), send)
	if len(sent[owner]) != 2 {
		t.Errorf("owner after the next restart: %q", sent[owner])
	}
	b.kill()
	b.open()
	b.Resume(t.Context(), send)
	if len(sent[owner]) != 2 || len(sent[member]) != 1 {
		t.Errorf("sent again: %q", sent)
	}
}

func waitFor(t *testing.T, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(20 * time.Second); !ok(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatal("it does not happen")
		}
	}
}

// TestAnswerToOne wants a "yes" that names its question to answer no other.
func TestAnswerToOne(t *testing.T) {
	b := newBench(t)
	first := b.request(moderator, "delete 12")
	reply, err := b.Dispatch(t.Context(), first)
	if err != nil || oswald.QuestionOf(reply.About) != first.ID {
		t.Fatalf("%+v, %v", reply, err)
	}
	b.text(moderator, "delete 11") // another question, by text
	yes := b.request(moderator, "yes")
	yes.About = reply.About
	if got, code := shown(b.Dispatch(t.Context(), yes)); code != oswald.Conflict || len(b.decided) != 0 {
		t.Errorf("%q %q, did %v", got, code, b.decided)
	}
	if got, code := b.text(moderator, "yes"); code != "" || !strings.Contains(got, "is deleted") {
		t.Errorf("the other one: %q %q", got, code)
	}
	again, err := b.Dispatch(t.Context(), first)
	if err != nil || again.About != "" {
		t.Errorf("no question waits, and it says %+v, %v", again, err)
	}
}
