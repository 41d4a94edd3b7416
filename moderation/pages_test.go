// SPDX-License-Identifier: GPL-3.0-or-later

package moderation

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"oswald"
)

func TestPageFollowsDecisions(t *testing.T) {
	store := &pageMap{m: make(map[string]string)}
	st := newSite(t, func(_ *Config, d *Deps) { d.Store = store })
	st.run()
	n := st.posted("kitchen", "You see me.")
	check := func(want bool) {
		t.Helper()
		if got := st.get("/c/kitchen").has("You see me."); got != want {
			t.Errorf("served: %v", got)
		}
		eventually(t, "the page store", func() bool { return strings.Contains(store.get("/c/kitchen"), "You see me.") == want })
	}
	check(true)
	for i, d := range []oswald.Decision{oswald.Flag, oswald.Unflag, oswald.Delete, oswald.Approve} {
		if _, err := st.Decide(t.Context(), fmt.Sprint(i), n, d); err != nil {
			t.Fatal(err)
		}
		check(i%2 == 1)
	}
}

func TestPageStoreFailsAndComesBack(t *testing.T) {
	store := &pageMap{m: make(map[string]string), fail: errors.New("down")}
	st := newSite(t, func(_ *Config, d *Deps) { d.Store = store })
	st.run()
	st.posted("kitchen", "Stored all the same.")
	if !st.get("/c/kitchen").has("Stored all the same.") {
		t.Error("not served by itself")
	}
	store.mu.Lock()
	store.fail = nil
	store.mu.Unlock()
	st.posted("getting-started", "Another page wakes the writer.")
	eventually(t, "the page that failed", func() bool { return strings.Contains(store.get("/c/kitchen"), "Stored all the same.") })
}

func TestThreadsAndPages(t *testing.T) {
	store := &pageMap{m: make(map[string]string)}
	st := newSite(t, func(c *Config, d *Deps) { c.PerPage = 5; d.Store = store })
	st.run()
	first := st.posted("kitchen", "root one", "name", "Ann")
	for i := range 6 {
		st.posted("kitchen", fmt.Sprint("root again ", i))
	}
	reply := st.posted("kitchen", "a reply to one", "name", "Bob", "to", fmt.Sprint(first))
	st.posted("kitchen", "a reply to the reply", "to", fmt.Sprint(reply))
	page := st.get("/c/kitchen")
	order := []string{"root one", "a reply to one", "a reply to the reply", "root again 0", "root again 1"}
	at := 0
	for _, s := range order {
		i := strings.Index(page.body[at:], s)
		if i < 0 {
			t.Fatalf("%q is not in its place", s)
		}
		at += i
	}
	if !page.has(`c-depth-2`) || !page.has(fmt.Sprintf(`in reply to <a href="#c%d">Ann</a>`, first)) || !page.has(`rel="next" href="/c/kitchen~2"`) || page.has("root again 2") {
		t.Error(page.body)
	}
	if second := st.get("/c/kitchen~2"); !second.has("root again 2") || !second.has(`rel="prev" href="/c/kitchen"`) || !second.has("Page 2 of 2") {
		t.Error(second.body)
	}
	eventually(t, "page 2 in the store", func() bool { return strings.Contains(store.get("/c/kitchen~2"), "root again 5") })
	// When the second page is no more, it goes from the store.
	for n := first + 1; n < first+7; n++ {
		if _, err := st.Decide(t.Context(), fmt.Sprint(n), n, oswald.Delete); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "page 2 to go", func() bool { return store.get("/c/kitchen~2") == "" })
	if a := st.get("/c/kitchen~2"); a.status != http.StatusNotFound {
		t.Errorf("%d", a.status)
	}
	// A reply whose parent is hidden stands by itself.
	if _, err := st.Decide(t.Context(), "x", first, oswald.Flag); err != nil {
		t.Fatal(err)
	}
	if a := st.get("/c/kitchen"); !a.has("a reply to one") || a.has("root one") || strings.Count(a.body, "in reply to") != 1 {
		t.Error(a.body)
	}
	// The published comment's redirect leads to the page it is on.
	for i := range 5 {
		st.posted("kitchen", fmt.Sprint("more ", i))
	}
	a := st.get(st.post("kitchen", "the last one").header.Get("Location"))
	if !a.has("Page 2 of 2") || !a.has("the last one") || !a.has("is published") {
		t.Error(a.body)
	}
}

// TestALongDiscussionIsPutOutInPart: one comment more is one page put out, and
// what it changes on other pages is noticed too.
func TestALongDiscussionIsPutOutInPart(t *testing.T) {
	if onPostgres() != "" {
		t.Skip("where others put pages too, all of a discussion are put out")
	}
	store := &pageMap{m: make(map[string]string)}
	st := newSite(t, func(c *Config, d *Deps) { c.PerPage, d.Store = 5, store })
	st.run()
	var first int64
	for i := range 12 {
		n := st.posted("kitchen", fmt.Sprint("root ", i))
		if i == 0 {
			first = n
		}
	}
	put := func(key, text string, also ...string) {
		t.Helper()
		eventually(t, text, func() bool { return strings.Contains(store.get(key), text) })
		eventually(t, "the feed", func() bool { return strings.Contains(store.get("/c/kitchen.atom"), text) })
		got := store.puts()
		if want := append([]string{key, "/c/kitchen.atom", recentPath}, also...); !slices.Equal(slices.Sorted(slices.Values(got)), slices.Sorted(slices.Values(want))) {
			t.Errorf("%s: %q were put out, not %q", text, got, want)
		}
	}
	eventually(t, "the last", func() bool { return strings.Contains(store.get("/c/kitchen~3"), "root 11") })
	eventually(t, "its mark", func() bool {
		var n int
		return st.db.QueryRow("SELECT count(*) FROM dirty").Scan(&n) == nil && n == 0
	})
	store.puts()
	st.posted("kitchen", "one more")
	put("/c/kitchen~3", "one more")
	// A reply on the first page moves the last of it to the second, and so on.
	st.posted("kitchen", "a reply", "to", fmt.Sprint(first))
	put("/c/kitchen", "a reply", "/c/kitchen~2", "/c/kitchen~3")
	if !strings.Contains(store.get("/c/kitchen~2"), "root 4") || !strings.Contains(store.get("/c/kitchen~3"), "root 9") {
		t.Error("a page is not current")
	}
}

func TestAPageThatChangesWhileItIsMade(t *testing.T) {
	vs := newViews(1 << 20)
	build := func() (*view, error) { return chunked(nil, 5), nil }
	stale, err := vs.get("a", 0, func() (*view, error) {
		vs.drop("a") // a comment is committed just now
		return build()
	})
	if err != nil {
		t.Fatal(err)
	}
	if fresh, _ := vs.get("a", 0, build); fresh == stale {
		t.Error("a stale page was kept")
	}
	fresh, _ := vs.get("a", 0, build)
	// The same for the bytes of one page.
	if _, err := vs.page("a", fresh, 1, func() (doc, error) { vs.drop("a"); return newDoc([]byte("old")), nil }); err != nil {
		t.Fatal(err)
	}
	next, _ := vs.get("a", 0, build)
	if d, _ := vs.page("a", next, 1, func() (doc, error) { return newDoc([]byte("new")), nil }); string(d.body) != "new" {
		t.Errorf("%s", d.body)
	}
}

func TestViewsAreBounded(t *testing.T) {
	vs := newViews(10000)
	for i := range 100 {
		key := fmt.Sprint(i)
		v, err := vs.get(key, 0, func() (*view, error) { return chunked(nil, 5), nil })
		if err != nil {
			t.Fatal(err)
		}
		if _, err := vs.page(key, v, 1, func() (doc, error) { return newDoc(make([]byte, 1000)), nil }); err != nil {
			t.Fatal(err)
		}
		if vs.bytes > vs.max || len(vs.kept) > 10 {
			t.Fatalf("%d bytes of %d pages", vs.bytes, len(vs.kept))
		}
	}
	for key := range vs.kept {
		vs.drop(key)
	}
	if vs.bytes != 0 {
		t.Errorf("%d bytes of nothing", vs.bytes)
	}
}

func TestDeepThread(t *testing.T) {
	var list []node
	for n := int64(1); n <= 100000; n++ {
		list = append(list, node{n: n, parent: n - 1, bytes: 10})
	}
	v := chunked(list, 50)
	if len(v.order) != 100000 || len(v.chunks) != 2000 || v.order[99999].depth != 99999 {
		t.Errorf("%d on %d", len(v.order), len(v.chunks))
	}
}
