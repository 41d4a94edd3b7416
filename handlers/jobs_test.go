// SPDX-License-Identifier: GPL-3.0-or-later

package handlers

import (
	"context"
	"slices"
	"strings"
	"testing"

	"oswald"
)

// elsewhere is the bus as a Canceller: it knows the commands in ids.
type elsewhere struct {
	ids  []string
	told []string
}

func (e *elsewhere) Cancel(_ context.Context, id string) error {
	if !slices.Contains(e.ids, id) {
		return oswald.Errorf(oswald.NotFound, "No such command is under way.")
	}
	e.told = append(e.told, id)
	return nil
}

func TestJobs(t *testing.T) {
	b := newBench(t)
	bus := &elsewhere{}
	b.deps.Canceller = bus
	b.house.block = make(chan struct{})
	test := func(who, text, want string, code oswald.Code) {
		t.Helper()
		reply, got := b.text(who, text)
		if !strings.Contains(reply, want) || got != code {
			t.Errorf("%s: %q: %q %q", who, text, reply, got)
		}
	}
	test(member, "jobs", "Nothing is running.", "")
	test(member, "cancel", "Nothing of yours is running.", oswald.NotFound)
	type end struct {
		reply string
		code  oswald.Code
	}
	say := func(who, text string) (oswald.Request, chan end) {
		t.Helper()
		req, ch, n := b.request(who, text), make(chan end, 1), len(b.underWay())
		go func() {
			reply, code := shown(b.Dispatch(t.Context(), req))
			ch <- end{reply, code}
		}()
		for len(b.underWay()) == n {
			if t.Context().Err() != nil {
				t.Fatal("it does not run")
			}
		}
		return req, ch
	}
	_, first := say(owner, "say left one")
	far, second := say(member, "say right two")
	test(member, "jobs", "1 `say left one` by me, for", "")
	test(member, "jobs", "2 `say right two` by ann, for", "")
	test(member, "cancel 1", "Job 1 is not yours", oswald.Forbidden)
	test(member, "cancel 3", "No job 3 is running", oswald.NotFound)
	test(member, "cancel dinner", "Say the number of a job", oswald.Invalid)
	bus.ids = []string{far.ID}
	test(member, "cancel", "I have told `say right two` to stop", "")
	if !slices.Equal(bus.told, []string{far.ID}) {
		t.Errorf("the bus was told %q", bus.told)
	}
	test(owner, "cancel 1", "I have told `say left one` to stop", "")
	if e := <-first; e.reply != "`say` was cancelled." || e.code != oswald.Conflict {
		t.Errorf("%+v", e)
	}
	_, third := say(owner, "say both three") // takes the number that is free
	test(owner, "jobs", "1 `say both three`", "")
	close(b.house.block)
	for _, ch := range []chan end{second, third} {
		if e := <-ch; !strings.Contains(e.reply, "1.7 s") || e.code != "" {
			t.Errorf("%+v", e)
		}
	}
	test(owner, "jobs", "Nothing is running.", "")
	if reply, _ := b.text(owner, "log 20"); !strings.Contains(reply, "say left one → refused") || !strings.Contains(reply, "ann: cancel → done") {
		t.Error(reply)
	}
}

func TestUrgent(t *testing.T) {
	b := newBench(t)
	for text, want := range map[string]bool{
		"cancel": true, " !Cancel 2": true, "hush.": true, "/jobs": true, "can": false, "say cancel": false, "": false, "rebuild": false,
	} {
		if b.Urgent(text) != want {
			t.Errorf("%q", text)
		}
	}
}
