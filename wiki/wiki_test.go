// SPDX-License-Identifier: GPL-3.0-or-later

package wiki

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"oswald"
)

// at is the time at which tests build.
var at = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// newSite makes a site in a temporary folder; change alters its configuration.
func newSite(t testing.TB, change func(*Config)) *Site {
	t.Helper()
	dir := t.TempDir()
	c := Defaults()
	c.Source, c.Output = filepath.Join(dir, "pages"), filepath.Join(dir, "out")
	c.URL, c.Title, c.Gate = "https://example.org", "Test", false
	if err := os.MkdirAll(c.Source, 0o755); err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(&c)
	}
	s, err := New(c, Deps{Now: func() time.Time { return at }})
	if err != nil {
		t.Fatal(err)
	}
	s.durable = false
	return s
}

func write(t testing.TB, dir, name, text string) {
	t.Helper()
	full := filepath.Join(dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(full, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func build(t testing.TB, s *Site) oswald.Build {
	t.Helper()
	b, err := s.Rebuild(t.Context(), "test", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func read(t testing.TB, s *Site, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(s.cfg.Output, filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// article returns what stands between the tags of the article.
func article(t testing.TB, s *Site, name string) string {
	t.Helper()
	html := read(t, s, name)
	_, html, _ = strings.Cut(html, "<article>")
	html, _, _ = strings.Cut(html, "</article>")
	return html
}

// tree reads a folder.
func tree(t testing.TB, dir string) map[string]string {
	t.Helper()
	m := map[string]string{}
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(name)
		rel, _ := filepath.Rel(dir, name)
		m[filepath.ToSlash(rel)] = string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestSample(t *testing.T) {
	s := newSite(t, func(c *Config) {
		c.CamelCase = true
		c.Nav = []string{"Home", "HowToWrite", "/archive/"}
	})
	if err := WriteSample(s.cfg.Source); err != nil {
		t.Fatal(err)
	}
	b := build(t, s)
	t.Logf("%+v", b)
	for _, w := range b.Warnings {
		t.Log(w)
	}
	if keep := os.Getenv("WIKI_KEEP"); keep != "" {
		if err := os.CopyFS(keep, os.DirFS(s.cfg.Output)); err != nil {
			t.Fatal(err)
		}
	}
	again := build(t, s)
	if again.Written != 0 || again.Removed != 0 {
		t.Errorf("the second build wrote %d and removed %d", again.Written, again.Removed)
	}
}

// testContext is the context of tests that have no *testing.T at hand.
var testContext = context.Background()
