// SPDX-License-Identifier: GPL-3.0-or-later

package moderation

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"oswald"
)

func TestHoldAndRestore(t *testing.T) {
	st := newSite(t, nil)
	n := st.posted("kitchen", "a fine text")
	cmd := 0
	test := func(d oswald.Decision, want oswald.CommentState, code oswald.Code) {
		t.Helper()
		cmd++
		c, err := st.Decide(t.Context(), "command "+strings.Repeat("x", cmd), n, d)
		if oswald.CodeOf(err) != code || code == "" && c.State != want || st.comment(n).State != want {
			t.Errorf("%s: %s, %v", d, st.comment(n).State, err)
		}
	}
	test(oswald.Restore, oswald.Shown, oswald.Conflict)
	test(oswald.Hold, oswald.Queued, "")
	if st.get("/c/kitchen").has("a fine text") {
		t.Error("held and on the page")
	}
	test(oswald.Hold, oswald.Queued, oswald.Conflict)
	if _, ok := st.filter.knows(n); ok {
		t.Error("hold teaches")
	}
	test(oswald.Delete, oswald.Deleted, "")
	test(oswald.Restore, oswald.Queued, "")
	test(oswald.Approve, oswald.Shown, "")
	test(oswald.Delete, oswald.Deleted, "")
	test(oswald.Restore, oswald.Shown, "")
	if !st.get("/c/kitchen").has("a fine text") {
		t.Error("restored and not on the page")
	}
}

func TestUndo(t *testing.T) {
	st := newSite(t, nil)
	n := st.posted("kitchen", "a fine text")
	decide := func(id string, d oswald.Decision) {
		t.Helper()
		if _, err := st.Decide(t.Context(), id, n, d); err != nil {
			t.Fatal(err)
		}
		st.clock.add(time.Minute)
	}
	undo := func(id string, want oswald.Code, decision oswald.Decision, state oswald.CommentState) {
		t.Helper()
		u, err := st.Undo(t.Context(), id)
		if oswald.CodeOf(err) != want || u.Decision != string(decision) {
			t.Errorf("%s: %+v %v", id, u, err)
		}
		if got := st.comment(n).State; got != state {
			t.Errorf("%s: %s, want %s", id, got, state)
		}
	}
	undo("nothing", oswald.NotFound, "", oswald.Shown)
	decide("a", oswald.Approve)
	decide("b", oswald.Flag)
	if st.get("/c/kitchen").has("a fine text") {
		t.Error("flagged and shown")
	}
	for range 2 { // the same command twice takes one decision back
		undo("u1", "", oswald.Flag, oswald.Shown)
	}
	if !st.get("/c/kitchen").has("a fine text") || st.comment(n).Label != oswald.Ham {
		t.Errorf("%+v", st.comment(n))
	}
	if m, ok := st.filter.knows(n); !ok || m.Spam {
		t.Errorf("the filter knows %+v", m)
	}
	undo("u2", "", oswald.Approve, oswald.Shown)
	if m, ok := st.filter.knows(n); ok || st.comment(n).Label != "" {
		t.Errorf("the filter still knows %+v", m)
	}
	undo("u3", oswald.NotFound, "", oswald.Shown)
	decide("c", oswald.Flag)
	st.clock.add(time.Hour)
	undo("u4", oswald.NotFound, "", oswald.Hidden) // too late

	decide("d", oswald.Unflag)
	if _, err := st.db.Exec("UPDATE comment SET state = 'deleted' WHERE n = ?", n); err != nil { // by its author
		t.Fatal(err)
	}
	undo("u5", oswald.Conflict, "", oswald.Deleted)
}

func TestUndoOfABan(t *testing.T) {
	st := newSite(t, nil)
	n := st.posted("kitchen", "perhaps fine", "name", "Ann", "secret", "correct horse")
	id := st.comment(n).ID
	who, err := st.Identity(t.Context(), "", id)
	if err != nil || who.Queued != 1 || who.Author != "Ann" || who.Standing != "" {
		t.Fatalf("%+v %v", who, err)
	}
	for range 2 {
		if hidden, err := st.SetStanding(t.Context(), "ban", id, Banned); err != nil || hidden != 1 {
			t.Fatal(hidden, err)
		}
	}
	if _, err := st.SetStanding(t.Context(), "again", id, Banned); oswald.CodeOf(err) != oswald.Conflict {
		t.Error(err)
	}
	if who, err = st.Identity(t.Context(), "", id); err != nil || who.Hidden != 1 || who.Standing != "banned" {
		t.Fatalf("%+v %v", who, err)
	}
	u, err := st.Undo(t.Context(), "undo")
	if err != nil || u.Decision != "ban" || u.ID != id || st.comment(n).State != oswald.Queued {
		t.Errorf("%+v %v", u, err)
	}
	if got, err := st.Standing(t.Context(), id); err != nil || got != Nobody {
		t.Errorf("%q %v", got, err)
	}
	if _, err := st.Identity(t.Context(), "", "aaaaaaaaaaaa"); oswald.CodeOf(err) != oswald.NotFound {
		t.Error(err)
	}
}

// shelf is a Publisher of one page.
type shelf struct {
	mu    sync.Mutex
	text  string
	edits map[string]oswald.PageEdit
	notes []string
	race  func() // called before an edit is applied
}

func (p *shelf) Source(context.Context, string, string) (oswald.PageSource, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return oswald.PageSource{Text: p.text, Hash: oswald.TextHash(p.text)}, nil
}

func (p *shelf) Edit(_ context.Context, id string, e oswald.PageEdit, _ func(string)) (oswald.Published, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.race != nil {
		race := p.race
		p.race = nil
		race()
	}
	if _, done := p.edits[id]; done {
		return oswald.Published{URL: "/kitchen/"}, nil
	}
	if oswald.TextHash(p.text) != e.Was {
		return oswald.Published{}, oswald.Errorf(oswald.Conflict, "It has changed.")
	}
	at, out := 0, ""
	for _, c := range e.Splices {
		out += p.text[at:c.At] + c.Put
		at = c.At + c.Cut
	}
	p.text = out + p.text[at:]
	if oswald.TextHash(p.text) != e.Now {
		return oswald.Published{}, oswald.Errorf(oswald.Invalid, "The splices are wrong: %q", p.text)
	}
	p.edits[id] = e
	p.notes = append(p.notes, e.Author+": "+e.Note)
	return oswald.Published{URL: "/kitchen/"}, nil
}

func TestAcceptAndUndo(t *testing.T) {
	p := &shelf{text: "# The kitchen\r\n\r\nThe oven is old.\r\n\r\nIt is warm.\r\n\r\nLast.", edits: map[string]oswald.PageEdit{}}
	st := newSite(t, func(_ *Config, d *Deps) {
		d.Publisher = p
		d.Source = func(ctx context.Context, key string) (string, bool) {
			src, err := p.Source(ctx, "", key)
			return src.Text, err == nil && key == "kitchen"
		}
	})
	suggest := func(old, new string) (n int64) {
		t.Helper()
		v := st.form("/comment/kitchen?suggest=1", "name", "Ann", "note", "Better")
		v.Set("text", strings.Replace(v.Get("text"), old, new, 1))
		st.clock.add(time.Minute)
		if a := st.send("/comment/kitchen", v); a.status != 303 {
			t.Fatalf("%d %s", a.status, a.body)
		}
		list, err := st.Edits(t.Context(), "")
		if err != nil || len(list) == 0 {
			t.Fatal(list, err)
		}
		return list[0].N
	}
	one, two, three := suggest("old", "new"), suggest("old", "blue"), suggest("Last", "The end")
	if e, err := st.Edit(t.Context(), "", one); err != nil || !strings.Contains(e.Diff, "+ The oven is new.") {
		t.Fatalf("%+v %v", e, err)
	}
	for i := range 2 {
		e, page, err := st.Accept(t.Context(), "a", one, nil)
		if err != nil || e.State != "accepted" || i == 0 && page.URL != "/kitchen/" {
			t.Fatalf("%+v %+v %v", e, page, err)
		}
	}
	if want := "# The kitchen\r\n\r\nThe oven is new.\r\n\r\nIt is warm.\r\n\r\nLast.\r\n"; p.text != want {
		t.Errorf("%q", p.text)
	}
	if e, err := st.Edit(t.Context(), "", two); err != nil || !strings.Contains(e.Diff, "in the same place") {
		t.Errorf("%+v %v", e, err)
	}
	if _, _, err := st.Accept(t.Context(), "b", two, nil); oswald.CodeOf(err) != oswald.Conflict || !strings.Contains(oswald.MessageOf(err), "reject") {
		t.Errorf("%v", err)
	}
	if _, _, err := st.Accept(t.Context(), "b2", one, nil); oswald.CodeOf(err) != oswald.Conflict {
		t.Errorf("%v", err)
	}
	if e, err := st.Reject(t.Context(), "c", two); err != nil || e.State != "rejected" {
		t.Errorf("%+v %v", e, err)
	}
	// The owner writes while the edit is on its way.
	p.race = func() { p.text = strings.Replace(p.text, "warm", "cold", 1) }
	if _, page, err := st.Accept(t.Context(), "d", three, nil); err != nil || !page.Merged {
		t.Errorf("%+v %v", page, err)
	}
	if !strings.Contains(p.text, "new") || !strings.Contains(p.text, "cold") || !strings.Contains(p.text, "The end") {
		t.Errorf("%q", p.text)
	}
	for _, id := range []string{"u1", "u1"} {
		if u, err := st.Undo(t.Context(), id); err != nil || u.Decision != "accept" || u.Edit.N != three || strings.Contains(p.text, "The end") {
			t.Errorf("%+v %v %q", u, err, p.text)
		}
	}
	if u, err := st.Undo(t.Context(), "u2"); err != nil || u.Decision != "reject" || u.Edit.State != "open" {
		t.Errorf("%+v %v", u, err)
	}
	if u, err := st.Undo(t.Context(), "u3"); err != nil || u.Edit.N != one || !strings.Contains(p.text, "old") || !strings.Contains(p.text, "cold") {
		t.Errorf("%+v %v %q", u, err, p.text)
	}
	if e, _, err := st.Accept(t.Context(), "e", one, nil); err != nil || e.State != "accepted" || !strings.Contains(p.text, "new") {
		t.Errorf("%+v %v %q", e, err, p.text)
	}
	p.text = strings.Replace(p.text, "new", "purple", 1)
	if _, err := st.Undo(t.Context(), "u4"); oswald.CodeOf(err) != oswald.Conflict {
		t.Errorf("%v", err)
	}
	if p.notes[0] != "Ann: Better" {
		t.Errorf("%q", p.notes)
	}
}

func FuzzSplices(f *testing.F) {
	f.Add("a\nb\r\nc", "a\nc\n")
	f.Fuzz(func(t *testing.T, a, b string) {
		at, out := 0, ""
		for _, c := range splices(a, b) {
			out += a[at:c.At] + c.Put
			at = c.At + c.Cut
		}
		if out += a[at:]; out != b {
			t.Errorf("%q, want %q", out, b)
		}
	})
}
