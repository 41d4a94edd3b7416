// SPDX-License-Identifier: GPL-3.0-or-later

package ipc

import (
	"bytes"
	"compress/gzip"
	"io"
	"math/rand/v2"
	"net/url"
	"path"
	"strings"
	"testing"

	"github.com/bradfitz/gomemcache/memcache"

	"oswald"
)

func TestNewPages(t *testing.T) {
	test := func(addr, site string, ok bool) {
		t.Helper()
		if _, err := NewPages(addr, site); (err == nil) != ok || err != nil && oswald.CodeOf(err) != oswald.Invalid {
			t.Errorf("NewPages(%q, %q): %v", addr, site, err)
		}
	}
	test("unix:/run/oswald-pages/pages.sock", "oswald", true)
	test("127.0.0.1:11211", "a.b_c-D9", true)
	test("[::1]:11211", "oswald", true)
	test("localhost:11211", "oswald", true)
	test("unix:pages.sock", "oswald", false) // nginx runs in another folder
	test("unix:", "oswald", false)
	test("", "oswald", false)
	test("192.168.1.7:11211", "oswald", false) // no password, no encryption
	test("cache.example.org:11211", "oswald", false)
	test("tls://u:p@127.0.0.1:11211", "oswald", false) // nginx cannot
	test("tcp://127.0.0.1:11211", "oswald", false)
	test("unix:/s", "", false)
	test("unix:/s", "a/b", false)
	test("unix:/s", "a b", false)
	test("unix:/s", strings.Repeat("x", 33), false)
}

func TestPagePath(t *testing.T) {
	test := func(path string, want bool) {
		t.Helper()
		if got := pagePath(path); got != want {
			t.Errorf("%q: %v, want %v", path, got, want)
		}
	}
	test("/c/getting-started", true)
	test("/c/getting-started~2", true)
	test("/c/house/kitchen.atom", true)
	test("/c/"+strings.Repeat("x", 200), true)
	test("/c/"+strings.Repeat("x", 201), false)
	test("/c/", false)
	test("/comment/a", false)
	test("/c/a//b", false)
	test("/c/./a", false)
	test("/c/a/../b", false)
	test("/c/a/..", false)
	test("/c/..a/b..", true)
	test("/c/a b", false)
	test("/c/a%20b", false)
	test("/c/a?b", false)
	test("/c/caf\u00e9", false)
	test("/c/a\n", false)
	test("/c/a\r\nset x 0 0 1\r\ny", false)
}

// FuzzPagePath wants a path that is let through to be the one that every
// reading of it gives, and to fit into a key.
func FuzzPagePath(f *testing.F) {
	f.Add("/c/getting-started~2")
	f.Add("/c/a/../b")
	f.Add("/c/a%2fb")
	f.Fuzz(func(t *testing.T, s string) {
		if !pagePath(s) {
			return
		}
		u, err := url.ParseRequestURI(s)
		if err != nil || u.Path != s || u.EscapedPath() != s || u.RawQuery != "" {
			t.Errorf("%q is read as %v, %v", s, u, err)
		}
		if clean := path.Clean(s); clean != strings.TrimSuffix(s, "/") {
			t.Errorf("%q is cleaned to %q", s, clean)
		}
		if len("pg/1/"+strings.Repeat("x", 32)+s) > 250 {
			t.Errorf("%q is too long", s)
		}
	})
}

// TestPages goes through a real Memcached, where the values must be what nginx
// expects.
func TestPages(t *testing.T) {
	d := startMemcached(t)
	p, err := NewPages(d.addr, "house")
	if err != nil {
		t.Fatal(err)
	}
	raw := memcache.New(d.addr)
	defer raw.Close()
	page := []byte(strings.Repeat("<p>gr\u00fc\u00dfe</p>\n", 1000))
	if err := p.Put("/c/house/kitchen", page); err != nil {
		t.Fatal(err)
	}
	it, err := raw.Get("pg/1/house/c/house/kitchen")
	if err != nil {
		t.Fatal(err)
	}
	r, err := gzip.NewReader(bytes.NewReader(it.Value))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, page) || it.Flags != 2 || len(it.Value) > len(page)/10 {
		t.Errorf("%d bytes, flags %d, %v", len(it.Value), it.Flags, err)
	}

	// A page that has become too large goes, so that an old one is not served.
	large := make([]byte, 2<<20)
	rand.NewChaCha8([32]byte{}).Read(large) // does not compress
	if err := p.Put("/c/house/kitchen", large); err != nil {
		t.Fatal(err)
	}
	gone := func(what string) {
		t.Helper()
		if _, err := raw.Get("pg/1/house/c/house/kitchen"); err != memcache.ErrCacheMiss {
			t.Errorf("%s: %v", what, err)
		}
	}
	gone("too large")
	// The largest that is tried does fit.
	fits := large[:pagesMax-1<<9]
	if val, err := compressed(fits); err != nil || len(val) > pagesMax || len(val) < pagesMax-1<<10 {
		t.Fatal(len(val), err)
	}
	if err := p.Put("/c/"+strings.Repeat("x", 200), fits); err != nil {
		t.Error(err)
	}
	for range 2 {
		if err := p.Put("/c/house/kitchen", page); err != nil {
			t.Fatal(err)
		}
		for range 2 { // the second time there is nothing
			if err := p.Delete("/c/house/kitchen"); err != nil {
				t.Fatal(err)
			}
			gone("deleted")
		}
	}

	// What nginx does not look up is not kept, and is no error.
	for _, path := range []string{"/c/a//b", "/c/a b", "/", "/c/" + strings.Repeat("y", 300)} {
		if p.Put(path, page) != nil || p.Delete(path) != nil {
			t.Error(path)
		}
	}

	d.kill()
	if err := p.Put("/c/house/kitchen", page); oswald.CodeOf(err) != oswald.Unavailable {
		t.Errorf("stopped: %v", err)
	}
	d.start()
	for range 3 { // connections that died fail once each
		if err = p.Put("/c/house/kitchen", page); err == nil {
			return
		}
	}
	t.Errorf("a Memcached that came back is not used: %v", err)
}
