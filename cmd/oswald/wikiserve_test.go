// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestWikiServe: a preview shows what was written a moment ago and leaves the site
// alone; watch builds the site itself.
func TestWikiServe(t *testing.T) {
	dir := t.TempDir()
	put := func(name, text string) {
		t.Helper()
		full := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(full, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	put("config.toml", "roles = [\"site\"]\nstate = \"state\"\n[wiki]\nsource = \"pages\"\noutput = \"public\"\n")
	for _, what := range []string{"serve", "watch"} {
		put("pages/Home.md", "first words")
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		var out lockedBuffer
		code := make(chan int, 1)
		go func() {
			code <- run(ctx, []string{"wiki", what, "--addr", "127.0.0.1:0", "--config", filepath.Join(dir, "config.toml")}, strings.NewReader(""), &out, &out)
		}()
		until := func(why string, ok func() bool) {
			t.Helper()
			tick := time.NewTicker(5 * time.Millisecond)
			defer tick.Stop()
			for !ok() {
				select {
				case <-tick.C:
				case <-ctx.Done():
					t.Fatalf("%s %s: %s", what, why, out.String())
				}
			}
		}
		url := ""
		until("says where", func() bool {
			url = regexp.MustCompile(`http://127\.0\.0\.1:\d+/`).FindString(out.String())
			return url != ""
		})
		page := func() string {
			res, err := http.Get(url)
			if err != nil {
				return ""
			}
			defer res.Body.Close()
			data, _ := io.ReadAll(res.Body)
			return string(data)
		}
		until("shows the page", func() bool { return strings.Contains(page(), "first words") })
		put("pages/Home.md", "second words")
		until("shows the change", func() bool { return strings.Contains(page(), "second words") })
		_, err := os.Stat(filepath.Join(dir, "public", "index.html"))
		if (err == nil) != (what == "watch") {
			t.Errorf("%s: the site is there: %v", what, err == nil)
		}
		cancel()
		if n := <-code; n != 0 {
			t.Errorf("%s: %d %s", what, n, out.String())
		}
	}
	var out bytes.Buffer
	put("jekyll/_posts/2020-01-02-one.md", "text {% include x %}")
	args := []string{"wiki", "import", "jekyll", filepath.Join(dir, "jekyll"), filepath.Join(dir, "pages")}
	if n := run(t.Context(), args, strings.NewReader(""), &out, &out); n != 0 || !strings.Contains(out.String(), "_posts/2020-01-02-one.md:1: the Liquid tag include") || !strings.Contains(out.String(), "pages 1,") {
		t.Errorf("import: %d %s", n, out.String())
	}
	if _, err := os.Stat(filepath.Join(dir, "pages/blog/2020-01-02-one.md")); err != nil {
		t.Error(err)
	}
}
