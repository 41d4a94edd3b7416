// SPDX-License-Identifier: GPL-3.0-or-later

package moderation

import (
	"fmt"
	"strings"
	"testing"

	"oswald"
)

func TestStanding(t *testing.T) {
	st := newSite(t, nil)
	ann := []string{"name", "Ann", "secret", "a long secret"}
	i := 0
	test := func(word string, want oswald.CommentState, who ...string) int64 {
		t.Helper()
		i++
		n := st.posted("kitchen", fmt.Sprint(word, " ", i), who...)
		if c := st.comment(n); c.State != want {
			t.Errorf("%s of %v: %s, want %s", word, who, c.State, want)
		}
		return n
	}
	var mine []int64
	for range earnedTrust {
		mine = append(mine, test("perhaps", oswald.Queued, ann...))
	}
	id := st.comment(mine[0]).ID
	for _, n := range mine {
		if _, err := st.Decide(t.Context(), fmt.Sprint("a", n), n, oswald.Approve); err != nil {
			t.Fatal(err)
		}
	}
	// Three approved comments earn trust, for this ID alone.
	test("perhaps", oswald.Shown, ann...)
	test("casino", oswald.Queued, ann...)
	test("perhaps", oswald.Queued, "name", "Ann")
	test("perhaps", oswald.Queued, "name", "Ann", "secret", "another secret")
	// One flag takes it away, however many are approved.
	more := test("perhaps", oswald.Shown, ann...)
	if _, err := st.Decide(t.Context(), "more", more, oswald.Approve); err != nil {
		t.Fatal(err)
	}
	if _, err := st.Decide(t.Context(), "f", mine[0], oswald.Flag); err != nil {
		t.Fatal(err)
	}
	waits := test("perhaps", oswald.Queued, ann...)
	// A ban hides what waits and what comes, and stays until it is taken back.
	if n, err := st.SetStanding(t.Context(), "standing 1", id, Banned); err != nil || n != 2 {
		t.Errorf("%d %v", n, err)
	}
	if c := st.comment(waits); c.State != oswald.Hidden {
		t.Errorf("%s", c.State)
	}
	test("harmless", oswald.Hidden, ann...)
	test("harmless", oswald.Shown, "name", "Ann")
	if _, err := st.SetStanding(t.Context(), "standing 2", id, Nobody); err != nil {
		t.Error(err)
	}
	test("harmless", oswald.Shown, ann...)
	if _, err := st.SetStanding(t.Context(), "standing 3", id, Trusted); err != nil {
		t.Error(err)
	}
	test("perhaps", oswald.Shown, ann...)
	if _, err := st.SetStanding(t.Context(), "standing 4", "short", Banned); oswald.CodeOf(err) != oswald.Invalid {
		t.Error(err)
	}
	if _, err := st.SetStanding(t.Context(), "standing 5", "aaaaaaaaaaaa", Nobody); oswald.CodeOf(err) != oswald.NotFound {
		t.Error(err)
	}
}

func TestErase(t *testing.T) {
	dir := t.TempDir()
	st := newSiteIn(t, dir, nil)
	n := st.posted("kitchen", "Please forget this sentence of mine.", "name", "Ann Author", "secret", "a long secret")
	other := st.posted("kitchen", "Others stay.")
	id := st.comment(n).ID
	if _, err := st.Decide(t.Context(), "x", n, oswald.Approve); err != nil {
		t.Fatal(err)
	}
	if got, err := st.Erase(t.Context(), "e1", id); err != nil || got != 1 {
		t.Error(got, err)
	}
	if a := st.get("/c/kitchen"); a.has("forget this") || a.has("Ann Author") || !a.has("Others stay.") {
		t.Error(a.body)
	}
	if all, err := st.labels(t.Context()); err != nil || len(all.list) != 0 {
		t.Error(all, err)
	}
	if _, known := st.filter.knows(n); known {
		t.Error("the filter still knows it")
	}
	if st.comment(other).Text == "" {
		t.Error("too much was erased")
	}
	// Not even in the file's free pages.
	if strings.Contains(st.stored(dir), "forget this sentence") {
		t.Error("still on disk")
	}
	if got, err := st.Erase(t.Context(), "e1", id); err != nil || got != 1 {
		t.Error("the same command again:", got, err)
	}
	if _, err := st.Erase(t.Context(), "e2", id); oswald.CodeOf(err) != oswald.NotFound {
		t.Error(err)
	}
	// One without an ID goes by its number; a decision before it cannot come back.
	if _, err := st.Decide(t.Context(), "y", other, oswald.Flag); err != nil {
		t.Fatal(err)
	}
	if got, err := st.Erase(t.Context(), "e3", fmt.Sprint(other)); err != nil || got != 1 || st.comment(other).Text != "" || st.comment(other).Author != "" {
		t.Error(got, err)
	}
	if _, err := st.Undo(t.Context(), "u"); oswald.CodeOf(err) != oswald.Conflict {
		t.Error(err)
	}
	for _, who := range []string{"", "0", "-1", "999", "nobody", "aaaabbbbcccc", "99999999999999999999"} {
		if _, err := st.Erase(t.Context(), "e4", who); oswald.CodeOf(err) != oswald.NotFound && oswald.CodeOf(err) != oswald.Invalid {
			t.Errorf("%q: %v", who, err)
		}
	}
}
