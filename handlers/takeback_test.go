// SPDX-License-Identifier: GPL-3.0-or-later

package handlers

import (
	"strings"
	"testing"

	"oswald"
)

func TestTakeBack(t *testing.T) {
	b := newBench(t)
	retract := func(of oswald.Request, want string, code oswald.Code) {
		t.Helper()
		got, c := shown(b.Retract(t.Context(), oswald.Request{ID: of.ID, Actor: of.Actor, At: b.now()}))
		if c != code || !strings.Contains(got, want) || want == "" && got != "" {
			t.Errorf("taking %q back: %q %q", of.Text, got, c)
		}
	}
	run := func(text string) oswald.Request {
		r := b.request(owner, text)
		b.Dispatch(t.Context(), r)
		return r
	}
	asked := run("delete 12")
	stranger := asked
	stranger.Actor.Address = moderator
	retract(stranger, "", "") // not theirs
	retract(asked, "Fine, nothing was done: `delete 12`.", "")
	if got, code := b.text(owner, "yes"); code != oswald.NotFound {
		t.Errorf("the question still waits: %q", got)
	}
	retract(asked, "", "")
	retract(run("ping"), "", "")
	retract(run("tmep"), "", "")
	retract(run("flag 12"), "does not undo it", oswald.Conflict)
	retract(b.request(owner, "never sent"), "", "")
	old := run("delete 11")
	next := run("delete 12") // takes its place
	retract(old, "", "")
	if got, _ := b.text(owner, "yes"); !strings.Contains(got, "#12") {
		t.Errorf("the other question: %q", got)
	}
	retract(next, "does not undo it", oswald.Conflict)
}

// TestTakeBackRunning takes back what runs: it is a job like any other.
func TestTakeBackRunning(t *testing.T) {
	b := newBench(t)
	b.house.block = make(chan struct{})
	req, end := b.request(owner, "say left one"), make(chan string, 1)
	go func() {
		reply, _ := shown(b.Dispatch(t.Context(), req))
		end <- reply
	}()
	waitFor(t, func() bool { return len(b.underWay()) == 1 })
	other := oswald.Request{ID: req.ID, Actor: oswald.Actor{Address: member, Role: oswald.Member}, At: b.now()}
	if r, err := b.Retract(t.Context(), other); err != nil || r.Text != "" {
		t.Errorf("somebody else: %q, %v", r.Text, err)
	}
	if got, _ := shown(b.Retract(t.Context(), req)); got != "I have told `say left one` to stop; it says itself how it ended." {
		t.Errorf("%q", got)
	}
	if got := <-end; got != "`say` was cancelled." {
		t.Errorf("%q", got)
	}
}

func TestCorrection(t *testing.T) {
	b := newBench(t)
	test := func(first, second, want string, code oswald.Code) {
		t.Helper()
		r := b.request(owner, first)
		b.Dispatch(t.Context(), r)
		c := b.request(owner, second)
		c.Corrects = r.ID
		if got, cd := shown(b.Dispatch(t.Context(), c)); cd != code || !strings.Contains(got, want) {
			t.Errorf("%q, no, %q: %q %q", first, second, got, cd)
		}
	}
	test("pnig", "ping", "Pong", "")
	test("ping", "version", "0.1", "")
	test("delete 11", "delete 12", "Delete #12", "")
	if got, _ := b.text(owner, "yes"); !strings.Contains(got, "#12") {
		t.Errorf("yes to the corrected one: %q", got)
	}
	test("flag 11", "flag 12", "`flag 11` has been carried out already", oswald.Conflict)
	if n := len(b.decided); n != 2 {
		t.Error(b.decided)
	}
	c := b.request(owner, "ping")
	c.Corrects = "never heard of it"
	if got, code := shown(b.Dispatch(t.Context(), c)); code != "" || !strings.HasPrefix(got, "Pong") {
		t.Errorf("%q %q", got, code)
	}
}
