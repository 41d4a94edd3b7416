// SPDX-License-Identifier: GPL-3.0-or-later

package wiki

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestServe(t *testing.T) {
	s := newSite(t, nil)
	write(t, s.cfg.Source, "Home.md", "hello")
	write(t, s.cfg.Source, "Sub Page.md", "sub")
	write(t, s.cfg.Source, "pic.svg", "<svg xmlns='http://www.w3.org/2000/svg'/>")
	h := s.Handler()
	get := func(path string, head ...string) *httptest.ResponseRecorder {
		t.Helper()
		r := httptest.NewRequest(http.MethodGet, "http://x"+path, nil)
		for i := 0; i+1 < len(head); i += 2 {
			r.Header.Set(head[i], head[i+1])
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w
	}
	if w := get("/"); w.Code != 503 {
		t.Errorf("before the first build: %d", w.Code)
	}
	build(t, s)
	if err := os.WriteFile(filepath.Join(s.cfg.Output, ".secret"), []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/etc/hostname", filepath.Join(s.cfg.Output, "leak")); err != nil {
		t.Fatal(err)
	}
	test := func(path string, code int, ct, loc string) {
		t.Helper()
		w := get(path)
		if w.Code != code || !strings.HasPrefix(w.Header().Get("Content-Type"), ct) || w.Header().Get("Location") != loc {
			t.Errorf("%s: %d %s %s", path, w.Code, w.Header().Get("Content-Type"), w.Header().Get("Location"))
		}
		if w.Header().Get("X-Content-Type-Options") != "nosniff" || !strings.Contains(w.Header().Get("Content-Security-Policy"), "default-src 'self'") {
			t.Errorf("%s: security headers", path)
		}
	}
	test("/", 200, "text/html", "")
	test("/sub-page/", 200, "text/html", "")
	test("/sub-page", 301, "text/html", "/sub-page/")
	test("//sub-page", 301, "text/html", "/sub-page/")
	test("/feed.xml", 200, "application/atom+xml", "")
	test("/pages.json", 200, "application/json", "")
	test("/style.css", 200, "text/css", "")
	test("/pic.svg", 200, "image/svg+xml", "")
	test("/nope", 404, "text/html", "")
	test("/.secret", 404, "text/html", "")
	test("/leak", 404, "text/html", "")
	test("/../wiki_test.go", 404, "text/html", "")
	test("/%00", 404, "text/html", "")
	test("/sub-page/index.html/", 404, "text/html", "")
	w := get("/sub-page/")
	if w := get("/sub-page/", "If-None-Match", w.Header().Get("ETag")); w.Code != 304 {
		t.Errorf("with the right ETag: %d", w.Code)
	}
	r := httptest.NewRequest(http.MethodPost, "http://x/", nil)
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, r)
	if rec.Code != 405 {
		t.Errorf("POST: %d", rec.Code)
	}
	write(t, s.cfg.Output, "style.css.gz", "packed")
	if w := get("/style.css", "Accept-Encoding", "gzip, br;q=0"); w.Header().Get("Content-Encoding") != "gzip" || w.Body.String() != "packed" {
		t.Errorf("compressed: %v", w.Header())
	}
	if w := get("/style.css", "Accept-Encoding", "gzip;q=0"); w.Header().Get("Content-Encoding") != "" {
		t.Errorf("not compressed: %v", w.Header())
	}
}

func TestServeBelowPath(t *testing.T) {
	s := newSite(t, func(c *Config) { c.URL = "https://example.org/wiki/" })
	write(t, s.cfg.Source, "Home.md", "[[Other]] #tag")
	write(t, s.cfg.Source, "Other.md", "x")
	build(t, s)
	html := read(t, s, "index.html")
	for _, want := range []string{`href="/wiki/other/"`, `href="/wiki/style.css"`, `href="/wiki/tag/tag/"`, `https://example.org/wiki/"`} {
		if !strings.Contains(html, want) {
			t.Errorf("no %s in %s", want, html)
		}
	}
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "http://x/wiki/other/", nil))
	if w.Code != 200 {
		t.Errorf("%d", w.Code)
	}
}
