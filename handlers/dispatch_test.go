// SPDX-License-Identifier: GPL-3.0-or-later

package handlers

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"oswald"
)

// TestEveryRow holds the table to its own rules.
func TestEveryRow(t *testing.T) {
	h := &Handlers{}
	var walk func(rows []command, path string)
	walk = func(rows []command, path string) {
		for _, c := range rows {
			p := strings.TrimSpace(path + " " + c.name)
			if c.role == oswald.NoRole || c.desc == "" || c.example == "" || (c.run == nil) == (c.answer == "") {
				t.Errorf("%s: role %v, description %q, example %q", p, c.role, c.desc, c.example)
			}
			if c.confirm != nil && (!c.changes || !c.private) {
				t.Errorf("%s asks first, so it changes something and is private", p)
			}
			if !c.hidden && path == "" && !strings.Contains(strings.Join(areas, " "), c.area) {
				t.Errorf("%s: area %q", p, c.area)
			}
			if strings.HasSuffix(c.desc, ".") || c.min > c.max {
				t.Errorf("%s: %q, %d to %d", p, c.desc, c.min, c.max)
			}
			h.rows = h.table()
			if got, err := h.parse(c.example, oswald.Actor{Role: oswald.Owner}, ""); err != nil || got.path != p {
				t.Errorf("%s: its example %q is %s, %v", p, c.example, got.path, err)
			}
			walk(c.sub, p)
		}
	}
	walk(h.table(), "")
	if m := Markdown(); !strings.Contains(m, "| `spam why N` |") || strings.Contains(m, "`yes` |") {
		t.Error(m)
	}
}

func TestRestOfLine(t *testing.T) {
	b := newBench(t)
	test := func(text, want string) {
		t.Helper()
		if reply, code := b.text(member, text); code != "" || b.spoken[len(b.spoken)-1] != want {
			t.Errorf("%q: %s, spoken %q", text, reply, b.spoken)
		}
	}
	test("say Hello  there", "both: Hello  there")
	test("say left  it's \"late\"\nnow", "left: it's \"late\"\nnow")
	test("SAY RIGHT Dinner!", "right: Dinner!")
	test("say left", "both: left")
	test("say “never closed", "both: “never closed")
	test("sa both x", "both: x")
}

func TestShortFormsAndTypos(t *testing.T) {
	h := &Handlers{}
	h.rows = h.table()
	test := func(text, want string, role oswald.Role) {
		t.Helper()
		c, err := h.parse(text, oswald.Actor{Role: role}, "")
		got := c.path
		if err != nil {
			got = oswald.MessageOf(err)
		}
		if got != want {
			t.Errorf("%q as %v: %q, want %q", text, role, got, want)
		}
	}
	test("TEMP", "temp", oswald.Member)
	test("te kitchen", "temp", oswald.Member)
	test("st", "status", oswald.Owner)
	test("sp w 12", "spam why", oswald.Owner)
	test("spam", "spam", oswald.Owner)
	test("comment 1", "comment", oswald.Owner) // although comments begins so too
	test("s", "“s” could be `search`, `spam`, `say`, `snooze` or `status`.", oswald.Owner)
	test("s", "“s” could be `search`, `say`, `snooze` or `status`.", oswald.Member) // nothing of what one may not
	test("h", "help", oswald.Guest)
	test("d", "I do not know “d”. Text `help` for what I understand.", oswald.Guest)
	test("stauts", "status", oswald.Member)
	test("temo kitchen", "temp", oswald.Member)
	test("rebiuld", "Did you mean `rebuild`? I only guess when it changes nothing.", oswald.Owner)
	test("delet 12", "delete", oswald.Owner) // the beginning, and it asks anyway
	test("delte 12", "Did you mean `delete 12`? I only guess when it changes nothing.", oswald.Owner)
	test("delte 12", "I do not know “delte”. Text `help` for what I understand.", oswald.Member)
	test("statusses", "I do not know “statusses”. Text `help` for what I understand.", oswald.Member)
	test("spam stast", "spam stats", oswald.Owner)
	test("spam nonsense", "I do not know “spam nonsense”. There is `spam why`, `spam retrain`, `spam stats` and `spam test`.", oswald.Owner)
	test("👍🏽", "yes", oswald.Guest)
	test("Yes!", "yes", oswald.Guest)
	test("!temp", "temp", oswald.Member)
	test("/help", "help", oswald.Member)
	test("ping pong", "`ping` takes nothing after it.", oswald.Member)
}

func TestRunsOnce(t *testing.T) {
	b := newBench(t)
	r := b.request(owner, "rebuild")
	first, code := shown(b.Dispatch(t.Context(), r))
	if code != "" {
		t.Fatal(first)
	}
	b.kill()
	b.open()
	again, _ := shown(b.Dispatch(t.Context(), r))
	if again != first || b.builds[r.ID] != 1 {
		t.Errorf("again: %q, %d builds", again, b.builds[r.ID])
	}
	// An error is kept too.
	b.fail = oswald.Errorf(oswald.Unavailable, "The site does not answer.")
	r = b.request(owner, "rebuild")
	b.Dispatch(t.Context(), r)
	b.fail = nil
	if text, code := shown(b.Dispatch(t.Context(), r)); text != "The site does not answer." || code != oswald.Unavailable || b.builds[r.ID] != 1 {
		t.Errorf("again: %q %q", text, code)
	}
	// Nobody gets another's answer by its number.
	r.Actor.Address = moderator
	if text, code := shown(b.Dispatch(t.Context(), r)); code != oswald.Conflict {
		t.Errorf("another's: %q", text)
	}
}

func TestTheSameAtTheSameTime(t *testing.T) {
	b := newBench(t)
	b.block = make(chan struct{})
	r := b.request(owner, "rebuild")
	var wg sync.WaitGroup
	replies := make([]string, 8)
	for i := range replies {
		wg.Go(func() { replies[i], _ = shown(b.Dispatch(t.Context(), r)) })
	}
	close(b.block)
	wg.Wait()
	for _, text := range replies {
		if text != replies[0] || !strings.HasPrefix(text, "The site is built") {
			t.Errorf("%q", replies)
			break
		}
	}
	if b.builds[r.ID] != 1 {
		t.Errorf("%d builds", b.builds[r.ID])
	}
}

func TestFaults(t *testing.T) {
	b := newBench(t)
	ref := regexp.MustCompile(`^Internal error \(ref ([a-z2-7]{4})\)\.$`)
	test := func(what string) {
		t.Helper()
		reply, code := b.text(owner, "rebuild")
		m := ref.FindStringSubmatch(reply)
		if m == nil || code != oswald.Internal {
			t.Fatalf("%s: %q %q", what, reply, code)
		}
		if log := b.log.String(); !strings.Contains(log, "ref="+m[1]) || !strings.Contains(log, what) {
			t.Errorf("%s with ref %s is not in the log:\n%s", what, m[1], log)
		}
	}
	b.fail = errors.New("dial tcp 10.0.0.1: refused")
	test("dial tcp 10.0.0.1: refused")
	b.panics = true
	test("the roof is on fire")
	b.panics, b.fail = false, nil
	if reply, code := b.text(owner, "rebuild"); code != "" {
		t.Error("does not live on:", reply)
	}
	if reply, code := b.text(owner, "say "+strings.Repeat("x", 1<<20)); code != oswald.Invalid {
		t.Errorf("1 MB: %q %q", reply, code)
	}
	b.deps.Pages, b.deps.Comments, b.deps.Spam, b.deps.Speaker, b.deps.Thermometer, b.deps.Alerts, b.deps.Hosts, b.deps.Status = nil, nil, nil, nil, nil, nil, nil, nil
	for _, text := range []string{"rebuild", "comments", "comment 1", "flag 1", "delete 1", "spam", "spam why 1", "spam retrain", "spam stats", "say x", "temp", "alerts", "ack", "hosts", "status"} {
		if reply, code := b.text(owner, text); code != oswald.Unavailable || !strings.HasSuffix(reply, "not configured on this machine.") {
			t.Errorf("%s: %q %q", text, reply, code)
		}
	}
}

func TestRate(t *testing.T) {
	b := newBench(t)
	for range Defaults().Rate {
		b.text(member, "ping")
	}
	if reply, code := b.text(member, "ping"); code != oswald.Unavailable {
		t.Errorf("one too many: %q", reply)
	}
	if _, code := b.text(owner, "ping"); code != "" {
		t.Error("another person is held up")
	}
	b.pass(time.Second)
	if _, code := b.text(member, "ping"); code != "" {
		t.Error("the bucket does not fill up")
	}
}

func TestJournal(t *testing.T) {
	b := newBench(t)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- b.Run(ctx) }()
	b.text(member, "ping")
	b.text(owner, "unflag 12")
	b.text(member, "temp")
	b.text(owner, "flag 12")
	stop()
	if err := <-done; err != nil { // writes what waits
		t.Fatal(err)
	}
	b.kill()
	b.open()
	reply, _ := b.text(owner, "log")
	if !strings.Contains(reply, "ann: temp → done") || !strings.Contains(reply, "me: flag 12 → done") {
		t.Error(reply)
	}
	// All in one millisecond, of which half was written down later: in their order all the same.
	last := -1
	for _, what := range []string{": ping", ": unflag 12", ": temp", ": flag 12"} {
		at := strings.Index(reply, what)
		if at < last {
			t.Errorf("%q is out of order: %s", what, reply)
		}
		last = at
	}
	b.pass(91 * 24 * time.Hour)
	b.prune(t.Context())
	if reply, _ := b.text(owner, "log"); strings.Contains(reply, "flag") {
		t.Errorf("after 91 days: %s", reply)
	}
}

func TestProgress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var got []string
		req := oswald.Request{Progress: func(s string) { mu.Lock(); defer mu.Unlock(); got = append(got, s) }}
		report, stop := progress(req, "Building…")
		time.Sleep(3 * time.Second)
		report("page 3 of 12")
		report("page 3 of 12")
		stop()
		report("too late")
		report, stop = progress(req, "Building…")
		report("quick")
		stop()
		time.Sleep(time.Minute)
		if fmt.Sprint(got) != "[Building… page 3 of 12]" {
			t.Errorf("%q", got)
		}
	})
}

func TestAnswerToAnAlert(t *testing.T) {
	b := newBench(t)
	test := func(word, want string) {
		t.Helper()
		reply, _ := shown(b.Answer(t.Context(), b.request(owner, word), "A2"))
		if !strings.HasPrefix(reply, want) {
			t.Errorf("%q: %q", word, reply)
		}
	}
	test("👍🏽", "A2 is acknowledged")
	test("OK!", "A2 is acknowledged")
	test("ping", "Pong")
}

func TestConfig(t *testing.T) {
	if err := Defaults().Validate(); err != nil {
		t.Error(err)
	}
	err := Config{Rate: -1}.Validate()
	for _, key := range []string{"late", "answer", "timeout", "build", "keep", "rate"} {
		if err == nil || !strings.Contains(err.Error(), "commands."+key+": ") {
			t.Errorf("%v lacks %s", err, key)
		}
	}
}
