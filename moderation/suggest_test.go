// SPDX-License-Identifier: GPL-3.0-or-later

package moderation

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"oswald"
)

func TestSuggestAnEdit(t *testing.T) {
	var mu sync.Mutex
	source := "# The kitchen\n\nThe oven is <b>old</b>.\n\nIt is warm.\n"
	st := newSite(t, func(_ *Config, d *Deps) {
		d.Source = func(_ context.Context, key string) (string, bool) {
			mu.Lock()
			defer mu.Unlock()
			return source, key == "kitchen"
		}
	})
	if a := st.get("/c/kitchen"); !a.has("/comment/kitchen?suggest=1") {
		t.Error("no way to it")
	}
	if a := st.get("/comment/getting-started?suggest=1"); a.status != 404 {
		t.Errorf("a page without a source: %d", a.status)
	}
	v := st.form("/comment/kitchen?suggest=1", "name", "Ann", "note", "It got a new oven")
	if v.Get("text") != source {
		t.Fatalf("%q", v.Get("text"))
	}
	st.clock.add(time.Minute)
	a := st.send("/comment/kitchen", v)
	if a.status != 422 || !a.has("not changed anything") {
		t.Errorf("%d %s", a.status, a.body)
	}
	better := strings.ReplaceAll(strings.Replace(source, "<b>old</b>", "new", 1), "\n", "\r\n") // as browsers send it
	v = st.form("/comment/kitchen?suggest=1", "name", "Ann", "note", "It got a new oven", "text", better, "do", "preview")
	a = st.send("/comment/kitchen", v)
	if a.status != 200 || !a.has("<del>- The oven is &lt;b&gt;old&lt;/b&gt;.</del>") || !a.has("<ins>+ The oven is new.</ins>") || strings.Count(a.body, "<ins>") != 1 {
		t.Errorf("%d %s", a.status, a.body)
	}
	v = fields(a.body)
	v.Set("answer", st.solve(a.body))
	st.clock.add(time.Minute)
	for range 2 { // a double click
		if a = st.send("/comment/kitchen", v); a.status != http.StatusSeeOther || a.header.Get("Location") != "/c/kitchen?note=suggested" {
			t.Errorf("%d %s", a.status, a.body)
		}
	}
	if !st.get("/c/kitchen?note=suggested").has("edit waits for approval") {
		t.Error("no notice")
	}
	list, err := st.Suggestions(t.Context())
	if err != nil || len(list) != 1 || list[0].Added != 1 || list[0].Removed != 1 || list[0].Author != "Ann" {
		t.Fatalf("%+v %v", list, err)
	}
	n := list[0].N
	st.look(t.Context())
	st.look(t.Context())
	told := st.told("edits/queue")
	if len(told) != 1 || !strings.Contains(told[0].Summary, fmt.Sprintf("accept %d", n)) || !strings.Contains(told[0].Summary, "It got a new oven") {
		t.Errorf("%+v", told)
	}
	sg, err := st.Suggestion(t.Context(), n)
	if err != nil || sg.Base != source || sg.Text != strings.Replace(source, "<b>old</b>", "new", 1) {
		t.Errorf("%+v %v", sg, err)
	}
	if got := sg.DiffText(100); !strings.Contains(got, "- The oven is <b>old</b>.\n+ The oven is new.\n") {
		t.Errorf("%s", got)
	}
	for range 2 {
		if sg, err := st.Resolve(t.Context(), "one", n, true); err != nil || sg.State != "accepted" {
			t.Errorf("%+v %v", sg, err)
		}
	}
	if _, err := st.Resolve(t.Context(), "two", n, false); oswald.CodeOf(err) != oswald.Conflict {
		t.Error(err)
	}
	st.look(t.Context())
	if told := st.told("edits/queue"); len(told) != 2 || !told[1].Resolved {
		t.Errorf("%+v", told)
	}

	// A page that changes meanwhile: nothing is lost, and the difference is shown.
	v = st.form("/comment/kitchen?suggest=1", "text", source+"One more line.\n")
	mu.Lock()
	source = strings.Replace(source, "warm", "cold", 1)
	mu.Unlock()
	st.clock.add(time.Minute)
	a = st.send("/comment/kitchen", v)
	if a.status != 422 || !a.has("has changed since") || !a.has("<ins>+ One more line.</ins>") || !a.has("<ins>+ It is warm.</ins>") || !a.has("<del>- It is cold.</del>") {
		t.Errorf("%d %s", a.status, a.body)
	}
	if v = fields(a.body); !strings.HasSuffix(v.Get("text"), "One more line.\n") || v.Get("answer") == "" {
		t.Errorf("lost: %v", v)
	}
	if a = st.send("/comment/kitchen", v); a.status != http.StatusSeeOther {
		t.Errorf("%d %s", a.status, a.body)
	}
	// Spam is kept and not told of.
	v = st.form("/comment/kitchen?suggest=1", "text", source+"The best casino!\n")
	st.clock.add(time.Minute)
	if a = st.send("/comment/kitchen", v); a.status != http.StatusSeeOther {
		t.Errorf("%d %s", a.status, a.body)
	}
	if list, err := st.Suggestions(t.Context()); err != nil || len(list) != 1 {
		t.Errorf("%+v %v", list, err)
	}
}

func TestSuggestionsAreOffByDefault(t *testing.T) {
	st := newSite(t, nil)
	if a := st.get("/comment/kitchen?suggest=1"); a.status != 404 {
		t.Errorf("%d", a.status)
	}
	v := st.form("/comment/kitchen", "text", "x", "suggest", "1")
	st.clock.add(time.Minute)
	if a := st.send("/comment/kitchen", v); a.status != 404 {
		t.Errorf("%d", a.status)
	}
	if a := st.get("/c/kitchen"); a.has("suggest") {
		t.Error("offered")
	}
}
