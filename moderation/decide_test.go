// SPDX-License-Identifier: GPL-3.0-or-later

package moderation

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"oswald"
	"oswald/internal/secret"
	"oswald/ipc"
	"oswald/moderation/spam"
)

var testSecret = secret.New([]byte("0123456789abcdef0123456789abcdef"))

func TestDecide(t *testing.T) {
	st := newSite(t, nil)
	shown := st.posted("kitchen", "fine")
	queued := st.posted("kitchen", "perhaps")
	hidden := st.posted("kitchen", "casino")
	i := 0
	test := func(n int64, d oswald.Decision, state oswald.CommentState, label oswald.Verdict, code oswald.Code) {
		t.Helper()
		i++
		c, err := st.Decide(t.Context(), fmt.Sprint("command ", i), n, d)
		if oswald.CodeOf(err) != code {
			t.Fatalf("%s %d: %v, want %q", d, n, err, code)
		}
		now := st.comment(n)
		if err == nil && (c.State != state || c.Label != label) || now.State != state || now.Label != label {
			t.Errorf("%s %d: %s labelled %q, stored %s labelled %q; want %s labelled %q", d, n, c.State, c.Label, now.State, now.Label, state, label)
		}
		m, known := st.filter.knows(n)
		if known != (label != "") || known && m.Spam != (label == oswald.Spam) {
			t.Errorf("%s %d: the filter knows %+v (%v)", d, n, m, known)
		}
	}
	test(shown, oswald.Flag, oswald.Hidden, oswald.Spam, "")
	test(shown, oswald.Flag, oswald.Hidden, oswald.Spam, oswald.Conflict)
	test(shown, oswald.Unflag, oswald.Shown, oswald.Ham, "")
	test(shown, oswald.Approve, oswald.Shown, oswald.Ham, oswald.Conflict)
	test(shown, oswald.Delete, oswald.Deleted, oswald.Ham, "")
	test(shown, oswald.Delete, oswald.Deleted, oswald.Ham, oswald.Conflict)
	test(shown, oswald.Approve, oswald.Shown, oswald.Ham, "") // the text was still there
	test(queued, oswald.Delete, oswald.Deleted, "", "")       // neither flagged nor judged spam: teaches nothing
	test(queued, oswald.Approve, oswald.Shown, oswald.Ham, "")
	test(hidden, oswald.Flag, oswald.Hidden, oswald.Spam, "") // confirms what the filter thought
	test(hidden, oswald.Delete, oswald.Deleted, oswald.Spam, "")
	test(hidden, "explode", oswald.Deleted, oswald.Spam, oswald.Invalid)
	if _, err := st.Decide(t.Context(), "x", 4711, oswald.Flag); oswald.CodeOf(err) != oswald.NotFound {
		t.Error(err)
	}
	st.posted("kitchen", "casino two")
	test(st.last(), oswald.Delete, oswald.Deleted, oswald.Spam, "")
	if all, err := st.messages(t.Context(), map[bool]string{false: "WHERE NOT learnt", true: fmt.Sprint("WHERE seq > ", st.learnt)}[st.shared]); err != nil || len(all.list) != 0 {
		t.Errorf("to be learnt once more: %+v %v", all, err)
	}
}

func TestDecideTwiceByTheSameCommand(t *testing.T) {
	st := newSite(t, nil)
	n := st.posted("kitchen", "fine")
	for range 3 {
		if c, err := st.Decide(t.Context(), "one", n, oswald.Flag); err != nil || c.State != oswald.Hidden {
			t.Error(c, err)
		}
	}
	other := st.posted("kitchen", "also fine")
	if _, err := st.Decide(t.Context(), "one", other, oswald.Flag); oswald.CodeOf(err) != oswald.Conflict {
		t.Error(err)
	}
}

func TestDecisionIsOneTransaction(t *testing.T) {
	st := newSite(t, nil)
	n := st.posted("kitchen", "fine")
	tx, err := st.db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := st.DecideTx(t.Context(), tx, "one", n, oswald.Flag); err != nil {
		t.Fatal(err)
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	if c := st.comment(n); c.State != oswald.Shown || c.Label != "" {
		t.Errorf("%+v", c)
	}
	if _, known := st.filter.knows(n); known {
		t.Error("learnt what was rolled back")
	}
}

func TestRestart(t *testing.T) {
	// A decision that was committed while nobody looked after it is made good.
	dir := t.TempDir()
	st := newSiteIn(t, dir, nil)
	n := st.posted("kitchen", "fine")
	tx, err := st.db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := st.DecideTx(t.Context(), tx, "one", n, oswald.Flag); err != nil {
		t.Fatal(err)
	}
	if err := tx.Commit(); err != nil { // and then the power fails
		t.Fatal(err)
	}
	st.db.Close()
	again := newSiteIn(t, dir, nil)
	again.run()
	eventually(t, "the label", func() bool { m, ok := again.filter.knows(n); return ok && m.Spam })
	if again.get("/c/kitchen").has("fine") {
		t.Error("still shown")
	}
}

func TestRetrain(t *testing.T) {
	st := newSite(t, nil)
	if _, err := st.Retrain(t.Context(), "x"); oswald.CodeOf(err) != oswald.Conflict {
		t.Error(err)
	}
	a, b := st.posted("kitchen", "fine"), st.posted("kitchen", "casino")
	for n, d := range map[int64]oswald.Decision{a: oswald.Approve, b: oswald.Flag} {
		if _, err := st.Decide(t.Context(), fmt.Sprint(n), n, d); err != nil {
			t.Fatal(err)
		}
	}
	if err := st.Train(t.Context(), []spam.Message{{Text: "old spam", Spam: true}, {Text: "old ham"}, {Text: "older ham"}}); err != nil {
		t.Fatal(err)
	}
	got, err := st.Retrain(t.Context(), "x")
	if err != nil || got.HamLearnt != 3 || got.SpamLearnt != 2 || st.filter.refits != 1 || len(st.filter.learnt) != 5 {
		t.Errorf("%+v %v %+v", got, err, st.filter.learnt)
	}
	if got.Shown != 1 || got.Hidden != 1 || got.PostedToday != 2 || got.CaughtToday != 1 || got.Corrected != 0 {
		t.Errorf("%+v", got)
	}
	why, err := st.Why(t.Context(), "x", b)
	if err != nil || why.Comment.N != b || len(why.Evidence) != 1 {
		t.Errorf("%+v %v", why, err)
	}
}

func TestReason(t *testing.T) {
	st := newSite(t, nil)
	test := func(text, want string) {
		t.Helper()
		if got := st.reason(st.comment(st.posted("kitchen", text))); got != want {
			t.Errorf("%q waits%q, want %q", text, got, want)
		}
	}
	test("perhaps", " for: perhaps")
	test("fine", "")
	test(strings.Repeat("https://a.example/x ", st.cfg.MaxLinks+1), " and 6 links")
}

func TestAlertOfTheQueue(t *testing.T) {
	st := newSite(t, nil)
	look := func(want int) oswald.Alert {
		t.Helper()
		st.look(t.Context())
		told := st.told("comments/queue")
		if len(told) != want {
			t.Fatalf("%d alerts, want %d: %+v", len(told), want, told)
		}
		if want == 0 {
			return oswald.Alert{}
		}
		return told[want-1]
	}
	look(0)
	n := st.posted("kitchen", "perhaps **bold**\nnext line", "name", "Ann", "secret", "a long secret")
	a := look(1)
	for _, want := range []string{fmt.Sprintf("approve %d", n), fmt.Sprintf("flag %d", n), fmt.Sprintf("comment %d", n), "kitchen", "0.60 for: perhaps. Ann (" + st.comment(n).ID + ")", "perhaps **bold** next line"} {
		if !strings.Contains(a.Summary, want) {
			t.Errorf("%q is not in %q", want, a.Summary)
		}
	}
	look(1)
	st.posted("kitchen", "perhaps two")
	look(1) // grouped
	st.posted("kitchen", "perhaps three")
	st.clock.add(time.Minute)
	if a := look(2); !strings.Contains(a.Summary, "perhaps two") || !strings.Contains(a.Summary, "perhaps three") || !strings.Contains(a.Summary, "3 wait in all") {
		t.Errorf("%q", a.Summary)
	}
	for i := range int64(3) {
		if _, err := st.Decide(t.Context(), fmt.Sprint(i), n+i, oswald.Approve); err != nil {
			t.Fatal(err)
		}
	}
	if a := look(3); !a.Resolved {
		t.Errorf("%+v", a)
	}
	look(3)
	st.posted("kitchen", "perhaps four")
	if a := look(4); a.Resolved {
		t.Errorf("%+v", a)
	}
}

// An alert that could not be put on its way is told again, and not for good
// believed told.
func TestAlertComesThroughAtLast(t *testing.T) {
	st := newSite(t, nil)
	page := st.posted("kitchen", "perhaps one")
	for i := range 5 {
		st.posted("kitchen", fmt.Sprint("casino ", i))
	}
	st.deaf = true
	st.look(t.Context())
	st.deaf = false
	for range 2 {
		st.look(t.Context())
	}
	for _, key := range []string{"comments/queue", "spam/burst"} {
		if told := st.told(key); len(told) != 1 {
			t.Errorf("%s: %+v", key, told)
		}
	}
	if _, err := st.Decide(t.Context(), "1", page, oswald.Approve); err != nil {
		t.Fatal(err)
	}
	st.deaf = true
	st.look(t.Context())
	st.deaf = false
	st.look(t.Context())
	if told := st.told("comments/queue"); len(told) != 2 || !told[1].Resolved {
		t.Errorf("%+v", told)
	}
}

func TestAlertOfABurst(t *testing.T) {
	dir := t.TempDir()
	st := newSiteIn(t, dir, nil)
	look := func(st *site, want int, resolved bool) {
		t.Helper()
		st.look(t.Context())
		told := st.told("spam/burst")
		if len(told) != want || want > 0 && told[want-1].Resolved != resolved {
			t.Fatalf("want %d: %+v", want, told)
		}
	}
	for i := range 4 {
		st.posted("kitchen", fmt.Sprint("casino ", i))
	}
	look(st, 0, false)
	st.posted("getting-started", "casino five")
	look(st, 1, false)
	st.posted("kitchen", "casino six")
	look(st, 1, false)
	// A restart does not tell it again.
	st.db.Close()
	again := newSiteIn(t, dir, nil)
	again.clock.t = st.clock.t
	look(again, 0, false)
	again.clock.add(11 * time.Minute)
	look(again, 1, true)
	look(again, 1, true)
}

// loop carries commands to the verbs of a server as the bus does: as JSON.
type loop struct {
	t     *testing.T
	st    *site
	verbs map[string]ipc.Handler
}

func (l loop) Call(ctx context.Context, c ipc.Command, _ func(string)) (json.RawMessage, error) {
	args, err := json.Marshal(c.Args)
	if err != nil {
		l.t.Fatal(err)
	}
	h, ok := l.verbs[c.Verb]
	if !ok {
		l.t.Fatalf("no verb %q", c.Verb)
	}
	call := ipc.Call{ID: c.ID, Verb: c.Verb, Args: args}
	var out any
	if h.Tx != nil {
		tx, err := l.st.db.BeginTx(ctx, nil)
		if err != nil {
			return nil, err
		}
		defer tx.Rollback() // harmless after Commit
		if out, err = h.Tx(ctx, tx, call); err != nil {
			return nil, err
		}
		if err := tx.Commit(); err != nil {
			return nil, err
		}
		h.After(call)
	} else if out, err = h.Run(ctx, call); err != nil {
		return nil, err
	}
	b, err := json.Marshal(out)
	if len(b) > 8<<10 {
		l.t.Errorf("%s answers with %d bytes", c.Verb, len(b))
	}
	return b, err
}

func TestClient(t *testing.T) {
	st := newSite(t, nil)
	c := NewClient(loop{t, st, verbs(st.Server)}, "comments")
	var n int64
	for i := range 25 {
		n = st.posted("kitchen", fmt.Sprint(i, strings.Repeat(" <&\u2028é>", 900)), "name", strings.Repeat("<é", 30))
	}
	list, err := c.List(t.Context(), "a", "kitchen")
	if err != nil || len(list) < 10 || list[0].N != n {
		t.Errorf("%d %v", len(list), err)
	}
	one, err := c.Get(t.Context(), "b", n)
	if err != nil || one.N != n || len(one.Text) < 1000 {
		t.Errorf("%+v %v", one, err)
	}
	if _, err := c.Get(t.Context(), "b", 4711); oswald.CodeOf(err) != oswald.NotFound {
		t.Error(err)
	}
	one, err = c.Decide(t.Context(), "c", n, oswald.Flag)
	if err != nil || one.State != oswald.Hidden || one.Label != oswald.Spam {
		t.Errorf("%+v %v", one, err)
	}
	if m, ok := st.filter.knows(n); !ok || !m.Spam {
		t.Error("not learnt")
	}
	if _, err := c.Why(t.Context(), "d", n); err != nil {
		t.Error(err)
	}
	if s, err := c.Retrain(t.Context(), "e"); err != nil || s.SpamLearnt != 1 {
		t.Errorf("%+v %v", s, err)
	}
	if s, err := c.Stats(t.Context(), "f"); err != nil || s.Hidden != 1 || s.Corrected != 1 {
		t.Errorf("%+v %v", s, err)
	}
}

func TestConfig(t *testing.T) {
	if err := Defaults().Validate(); err != nil {
		t.Error(err)
	}
	var zero Config
	err := zero.Validate()
	if err == nil {
		t.Fatal("the zero Config is good")
	}
	for _, key := range []string{"key_file", "base_url", "form_lifetime", "rate_window", "rate_limit", "per_page", "retention"} {
		if !strings.Contains(err.Error(), "comments."+key+": ") {
			t.Errorf("%s is not named in %v", key, err)
		}
	}
	bad := Defaults()
	bad.Proxies = []string{"10.0.0.0/8", "nonsense"}
	bad.OwnerIDs = []string{"me"}
	if err := bad.Validate(); err == nil || !strings.Contains(err.Error(), `"nonsense"`) || !strings.Contains(err.Error(), "owner_ids") {
		t.Error(err)
	}
}
