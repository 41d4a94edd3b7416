// SPDX-License-Identifier: GPL-3.0-or-later

package moderation

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"oswald"
)

// TestRecent: the newest comments of the site follow every decision, at the server
// and in the page store, and each address leads to its comment.
func TestRecent(t *testing.T) {
	store := &pageMap{m: make(map[string]string)}
	st := newSite(t, func(c *Config, d *Deps) { c.PerPage, d.Store = 5, store })
	st.run()
	recent := func() (list []oswald.Recent) {
		t.Helper()
		a := st.get("/c/recent.json")
		if err := json.Unmarshal([]byte(a.body), &list); err != nil || a.header.Get("Content-Type") != "application/json" || a.header.Get("Cache-Control") != "no-cache" {
			t.Fatal(err, a)
		}
		eventually(t, "the store", func() bool { return store.get("/c/recent.json") == a.body })
		return list
	}
	if a := st.get("/c/recent.json"); a.body != "[]\n" {
		t.Errorf("%q", a.body)
	}
	for i := range 23 {
		st.posted([]string{"kitchen", "getting-started"}[i%2], fmt.Sprintf("<b>Number</b> %d.", i))
	}
	st.posted("kitchen", "casino")  // hidden
	st.posted("kitchen", "perhaps") // waits
	list := recent()
	if len(list) != recentMax || list[0].Text != "<b>Number</b> 22." || list[0].Title != "Getting started" && list[0].Title != "The kitchen" {
		t.Fatalf("%d: %+v", len(list), list[0])
	}
	if strings.Contains(store.get("/c/recent.json"), "<b>") {
		t.Error("not escaped in JSON")
	}
	for _, r := range list {
		if a := st.get(strings.SplitN(r.URL, "#", 2)[0]); !a.has(fmt.Sprintf(`id="c%d"`, r.N)) || a.header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s does not lead to %d", r.URL, r.N)
		}
	}
	if _, err := st.Decide(t.Context(), "a", list[0].N, oswald.Flag); err != nil {
		t.Fatal(err)
	}
	if now := recent(); now[0].N != list[1].N {
		t.Errorf("hidden and still there: %+v", now[0])
	}
	if _, err := st.Undo(t.Context(), "b"); err != nil {
		t.Fatal(err)
	}
	if now := recent(); now[0].N != list[0].N {
		t.Errorf("back and not there: %+v", now[0])
	}
}
