// SPDX-License-Identifier: GPL-3.0-or-later

package wiki

import (
	"bufio"
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestWatch: each change brings a build, in folders that are new too, and a page
// that is open hears of it.
func TestWatch(t *testing.T) {
	s := newSite(t, nil)
	write(t, s.cfg.Source, "Home.md", "one")
	p := NewPreview(s.Handler())
	srv := httptest.NewServer(p)
	defer srv.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	built := make(chan int, 100)
	ended := make(chan error, 1)
	go func() {
		ended <- s.Watch(ctx, func(ctx context.Context) {
			b, err := s.Rebuild(ctx, "watch", "", nil)
			if err != nil && ctx.Err() == nil {
				t.Error(err)
			}
			p.Changed()
			built <- b.Written
		})
	}()
	next := func(what string) {
		t.Helper()
		for { // of what comes in several pieces each may bring a build
			select {
			case n := <-built:
				if n > 0 {
					return
				}
			case <-ctx.Done():
				t.Fatalf("%s: no build", what)
			}
		}
	}
	next("at first")
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, srv.URL+"/-/changes", nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	events := bufio.NewReader(res.Body)
	event := func() string {
		t.Helper()
		for {
			line, err := events.ReadString('\n')
			if err != nil {
				t.Fatal(err)
			}
			if what, ok := strings.CutPrefix(line, "data: "); ok {
				return what
			}
		}
	}
	first := event()
	write(t, s.cfg.Source, "Home.md", "two")
	next("a page")
	if event() == first {
		t.Error("an open page was not told of a build")
	}
	write(t, s.cfg.Source, "new/Page.md", "three")
	next("a folder")
	write(t, s.cfg.Source, "new/Page.md", "four")
	next("a page in it")
	if err := os.Remove(filepath.Join(s.cfg.Source, "new/Page.md")); err != nil {
		t.Fatal(err)
	}
	next("a page goes")
	get := func(path string) string {
		t.Helper()
		res, err := http.Get(srv.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		var b strings.Builder
		if _, err := bufio.NewReader(res.Body).WriteTo(&b); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	if page := get("/"); !strings.Contains(page, "two") || strings.Count(page, "/-/reload.js") != 1 {
		t.Errorf("preview: %s", page)
	}
	if css := get("/style.css"); strings.Contains(css, "reload.js") || len(css) < 1000 {
		t.Errorf("style sheet: %s", css)
	}
	if js := get("/-/reload.js"); !strings.Contains(js, "EventSource") {
		t.Errorf("script: %s", js)
	}
	if read(t, s, "index.html") == get("/") {
		t.Error("the published page has the script too")
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
