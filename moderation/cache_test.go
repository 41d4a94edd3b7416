// SPDX-License-Identifier: GPL-3.0-or-later

package moderation

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"oswald"
)

func TestHolePersonalDataInSharedCache(t *testing.T) {
	store := &pageMap{m: make(map[string]string)}
	st := newSite(t, func(_ *Config, d *Deps) { d.Store = store })
	st.run()
	loc := st.post("kitchen", "First", "name", "Ann", "secret", "a long secret").header.Get("Location")
	u, err := url.Parse(loc)
	if err != nil {
		t.Fatal(err)
	}
	mine := st.get(u.RequestURI())
	if mine.header.Get("Cache-Control") != "no-store" || !mine.has("edit=") {
		t.Errorf("what belongs to the author alone: %v", mine.header)
	}
	for _, path := range []string{"/c/kitchen", "/c/kitchen.atom"} {
		a := st.get(path)
		eventually(t, path, func() bool { return store.get(path) == a.body })
		if a.header.Get("Set-Cookie") != "" || a.header.Get("Cache-Control") != "no-cache" || a.header.Get("ETag") == "" || a.header.Get("Vary") != "" {
			t.Errorf("%s: %v", path, a.header)
		}
		for _, personal := range []string{"token", "edit=", "keep", "Thank you", "<form"} {
			if strings.Contains(a.body, personal) {
				t.Errorf("%s holds %q", path, personal)
			}
		}
		// The same bytes for everybody.
		b := st.do(request(t, "GET", st.web.URL+path, "Cookie", "a=b", "X-Forwarded-For", "192.0.2.7", "User-Agent", "other", "Accept-Language", "de"))
		if b.body != a.body {
			t.Errorf("%s differs by reader", path)
		}
		if c := st.do(request(t, "GET", st.web.URL+path, "If-None-Match", a.header.Get("ETag"))); c.status != 304 || c.body != "" {
			t.Errorf("%s again: %d", path, c.status)
		}
	}
	for _, path := range []string{"/comment/kitchen", "/c/nowhere", "/c/kitchen?note=shown"} {
		if a := st.get(path); a.header.Get("Cache-Control") != "no-store" || a.header.Get("Set-Cookie") != "" {
			t.Errorf("%s: %v", path, a.header)
		}
	}
}

func TestHoleModerationByGET(t *testing.T) {
	st := newSite(t, nil)
	n := st.posted("kitchen", "Stays.")
	loc := st.post("kitchen", "Can be changed.").header.Get("Location")
	u, _ := url.Parse(loc)
	// A scanner that opens every link changes nothing.
	for _, path := range []string{"/c/kitchen", u.RequestURI(), "/comment/kitchen?edit=" + u.Query().Get("edit"),
		"/comment/kitchen?edit=" + u.Query().Get("edit") + "&text=changed&do=post", fmt.Sprintf("/comment/kitchen?to=%d&do=delete", n)} {
		st.get(path)
	}
	if c := st.comment(n + 1); c.Text != "Can be changed." || c.State != oswald.Shown || !c.edited.IsZero() {
		t.Errorf("%+v", c)
	}
	for _, method := range []string{"PUT", "DELETE", "PATCH", "OPTIONS"} {
		if a := st.do(request(t, method, st.web.URL+"/comment/kitchen")); a.status != 405 && a.status != 403 {
			t.Errorf("%s: %d", method, a.status)
		}
	}
}

func TestHoleCrossOriginPost(t *testing.T) {
	st := newSite(t, nil)
	test := func(want int, header ...string) {
		t.Helper()
		v := st.form("/comment/kitchen", "text", fmt.Sprint("From ", header))
		st.clock.add(time.Minute)
		if a := st.send("/comment/kitchen", v, header...); a.status != want {
			t.Errorf("%v: %d, want %d", header, a.status, want)
		}
	}
	test(303, "Sec-Fetch-Site", "same-origin")
	test(303, "Origin", st.web.URL)
	test(403, "Sec-Fetch-Site", "cross-site")
	test(403, "Sec-Fetch-Site", "same-site")
	test(403, "Origin", "https://evil.example")
	test(415, "Content-Type", "text/plain")
	test(415, "Content-Type", "multipart/form-data; boundary=x")
}

func TestHoleForeignHost(t *testing.T) {
	st := newSite(t, func(c *Config, _ *Deps) { c.Hosts = []string{"example.org"} })
	test := func(host string, want int) {
		t.Helper()
		r := request(t, "GET", st.web.URL+"/c/kitchen")
		r.Host = host
		if a := st.do(r); a.status != want {
			t.Errorf("%s: %d", host, a.status)
		}
	}
	test("example.org", 200)
	test("EXAMPLE.org:8080", 200)
	test("evil.example", 421)
}

func TestForgedTokens(t *testing.T) {
	st := newSite(t, nil)
	tok := newToken(st.now(), 7)
	sealed := st.keys.seal(tok, "kitchen")
	if got, ok := st.keys.open(sealed, "kitchen"); !ok || got.nonce != tok.nonce || got.question != 7 || !got.issued.Equal(tok.issued) {
		t.Fatalf("%+v %v", got, ok)
	}
	if _, ok := st.keys.open(sealed, "other"); ok {
		t.Error("good for another page")
	}
	raw, _ := base64.RawURLEncoding.DecodeString(sealed)
	for i := range raw {
		for bit := range 8 {
			b := append([]byte(nil), raw...)
			b[i] ^= 1 << bit
			if _, ok := st.keys.open(base64.RawURLEncoding.EncodeToString(b), "kitchen"); ok {
				t.Fatalf("bit %d of byte %d does not matter", bit, i)
			}
		}
	}
	b := make([]byte, len(raw))
	rand.Read(b)
	for _, s := range []string{"", "x", sealed + "A", sealed[1:], sealed + "=", base64.RawURLEncoding.EncodeToString(b)} {
		if _, ok := st.keys.open(s, "kitchen"); ok {
			t.Errorf("%q is good", s)
		}
	}
}

func TestHolePredictableKey(t *testing.T) {
	dirs := [2]string{t.TempDir(), t.TempDir()}
	var ids [2]string
	for i, dir := range dirs {
		st := newSiteIn(t, dir, nil)
		ids[i] = st.keys.identity("Ann", "secret")
		fi, err := os.Stat(filepath.Join(dir, "key"))
		if err != nil || fi.Mode().Perm() != 0o600 {
			t.Error(fi, err)
		}
	}
	if ids[0] == ids[1] {
		t.Error("two servers give the same ID")
	}
	cfg := Defaults()
	cfg.KeyFile = filepath.Join(t.TempDir(), "short")
	if err := os.WriteFile(cfg.KeyFile, []byte("short"), 0o600); err != nil {
		t.Fatal(err)
	}
	st := newSite(t, nil)
	if _, err := New(cfg, Deps{DB: st.db, Filter: st.filter, Pages: lookupTestPage}); err == nil || !strings.Contains(err.Error(), "comments.key_file") {
		t.Errorf("a short key: %v", err)
	}
}

func TestHoleUnboundedCaptchaStore(t *testing.T) {
	// Opening forms leaves nothing behind.
	st := newSite(t, nil)
	for range 50 {
		st.get("/comment/kitchen")
	}
	if n := len(st.marks.own.end); n != 0 {
		t.Errorf("%d marks", n)
	}
}

func request(t *testing.T, method, url string, header ...string) *http.Request {
	t.Helper()
	r, err := http.NewRequest(method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return r
}
