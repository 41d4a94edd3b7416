// SPDX-License-Identifier: GPL-3.0-or-later

package handlers

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"oswald"
)

// writer is a site that writes, and remembers what it was asked to take back.
type writer struct {
	*house
	back []string
}

func (w *writer) Post(_ context.Context, _, title, _, _ string, _ func(string)) (oswald.Published, error) {
	return oswald.Published{Title: title, URL: "https://example.org/blog/x/"}, nil
}

func (w *writer) Append(_ context.Context, _, page, _, _ string, _ func(string)) (oswald.Published, error) {
	return oswald.Published{Title: page, URL: "https://example.org/x/"}, nil
}

func (w *writer) TakeBack(_ context.Context, _, of, _ string, _ func(string)) (oswald.Published, error) {
	w.back = append(w.back, of)
	return oswald.Published{Title: "First frost", Commit: "abc1234"}, nil
}

// TestUndo takes back what came last, and with each undo what came before that,
// whether it was a text or a decision.
func TestUndo(t *testing.T) {
	b := newBench(t)
	w := &writer{house: b.house}
	b.deps.Pages = w
	say := func(text string) string {
		t.Helper()
		r := b.request(moderator, text)
		reply, code := shown(b.Dispatch(t.Context(), r))
		if code != "" {
			t.Fatalf("%q: %s %s", text, code, reply)
		}
		b.pass(time.Second)
		return r.ID
	}
	post := say("post First frost\nThe pond.")
	say("append shopping Milk")
	say("flag 12")
	say("ping")
	b.decided = nil
	say("undo")
	if !slices.Equal(b.decided, []string{"undo"}) || len(w.back) != 0 {
		t.Fatalf("after a decision: %q %q", b.decided, w.back)
	}
	say("undo")
	reply, _ := b.text(moderator, "undo")
	if len(w.back) != 2 || w.back[1] != post || !strings.Contains(reply, "the post “First frost” is gone, commit abc1234") {
		t.Fatalf("texts: %q, %q", w.back, reply)
	}
	say("append shopping Salt")
	b.pass(2 * time.Hour)
	b.decided = nil
	say("undo")
	if len(w.back) != 2 || !slices.Equal(b.decided, []string{"undo"}) {
		t.Errorf("after two hours: %q %q", w.back, b.decided)
	}
}
