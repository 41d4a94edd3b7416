// SPDX-License-Identifier: GPL-3.0-or-later

package wiki

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/gzip"
)

// TestCompress: what lies compressed beside a file is that file, changes with it
// and not otherwise, and goes with it.
func TestCompress(t *testing.T) {
	s := newSite(t, func(c *Config) { c.Compress = []string{"gzip", "br"} })
	long := strings.Repeat("some words that come again ", 80)
	write(t, s.cfg.Source, "A.md", "a "+long)
	write(t, s.cfg.Source, "B.md", "b "+long)
	write(t, s.cfg.Source, "notes.txt", long)
	write(t, s.cfg.Source, "own.txt", long)
	write(t, s.cfg.Source, "own.txt.gz", "of the owner")
	write(t, s.cfg.Source, "tiny.txt", "x")
	build(t, s)
	unpack := func(name string) string {
		t.Helper()
		f, err := os.Open(filepath.Join(s.cfg.Output, name))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		r := io.Reader(brotli.NewReader(f))
		if strings.HasSuffix(name, ".gz") {
			if r, err = gzip.NewReader(f); err != nil {
				t.Fatal(err)
			}
		}
		data, err := io.ReadAll(r)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		return string(data)
	}
	same := func() {
		t.Helper()
		for _, name := range []string{"a/index.html", "b/index.html", "style.css", "search.js", "notes.txt"} {
			for _, ext := range []string{".gz", ".br"} {
				if unpack(name+ext) != read(t, s, name) {
					t.Errorf("%s%s holds another text", name, ext)
				}
			}
		}
	}
	same()
	if read(t, s, "own.txt.gz") != "of the owner" {
		t.Error("a file of the owner was replaced")
	}
	if _, err := os.Stat(filepath.Join(s.cfg.Output, "tiny.txt.gz")); err == nil {
		t.Error("a tiny file was compressed")
	}
	w := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodGet, "http://x/a/", nil)
	r.Header.Set("Accept-Encoding", "gzip")
	s.Handler().ServeHTTP(w, r)
	if w.Header().Get("Content-Encoding") != "gzip" || w.Header().Get("Vary") != "Accept-Encoding" {
		t.Errorf("served: %v", w.Header())
	}
	old := time.Now().Add(-time.Hour)
	for _, name := range []string{"a/index.html.gz", "b/index.html.gz"} {
		if err := os.Chtimes(filepath.Join(s.cfg.Output, name), old, old); err != nil {
			t.Fatal(err)
		}
	}
	write(t, s.cfg.Source, "A.md", "another "+long)
	build(t, s)
	same()
	fi, err := os.Stat(filepath.Join(s.cfg.Output, "b/index.html.gz"))
	if err != nil || !fi.ModTime().Equal(old) {
		t.Errorf("an unchanged file was compressed again: %v", err)
	}
	if set, err := s.Changes(); err != nil || !strings.HasPrefix(set.Summary(), "1 page") {
		t.Errorf("%q %v", set.Summary(), err)
	}
	if err := os.Remove(filepath.Join(s.cfg.Source, "B.md")); err != nil {
		t.Fatal(err)
	}
	build(t, s)
	if left, _ := filepath.Glob(filepath.Join(s.cfg.Output, "b*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	if _, err := s.Rollback(t.Context(), "back"); err != nil {
		t.Fatal(err)
	}
	same()
}
