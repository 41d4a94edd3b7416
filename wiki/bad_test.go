// SPDX-License-Identifier: GPL-3.0-or-later

package wiki

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"oswald"
)

// TestBadInput: what is wrong with one page is said on that page and in the
// report, and the rest is built.
func TestBadInput(t *testing.T) {
	s := newSite(t, func(c *Config) { c.MaxPage = 100 << 10 })
	src := s.cfg.Source
	write(t, src, "Good.md", "fine")
	write(t, src, "Yaml.md", "---\ntitle: [a\nb: c\n---\nthe text")
	write(t, src, "Toml.md", "+++\ntitle = \n+++\nthe text")
	write(t, src, "Latin.md", "caf\xe9")
	write(t, src, "Huge.md", strings.Repeat("word ", 50<<10))
	write(t, src, "Quotes.md", strings.Repeat(">", 80000)+"x")
	write(t, src, "Date.md", "---\ndate: someday\n---\nx")
	write(t, src, "Control.md", "a\x00b\x01c")
	write(t, src, "new\nline.md", "x")
	write(t, src, "sub/good.md", "x")
	write(t, src, "Good page.md", "x")
	write(t, src, "good-page.md", "x")
	for link, to := range map[string]string{"loop": ".", "sub/up": "..", "out.md": "/etc/hostname", "self.md": "self.md"} {
		if err := os.Symlink(to, filepath.Join(src, link)); err != nil {
			t.Fatal(err)
		}
	}
	build(t, s)
	warns := strings.Join(s.Report().Warnings, "\n")
	test := func(page, want, warning string) {
		t.Helper()
		if page != "" && !strings.Contains(article(t, s, page+"/index.html"), want) {
			t.Errorf("%s lacks %q: %s", page, want, article(t, s, page+"/index.html"))
		}
		if !strings.Contains(warns, warning) {
			t.Errorf("%s: no %q in\n%s", page, warning, warns)
		}
	}
	test("good", "fine", "")
	test("yaml", "the text", "Yaml.md:2: the front matter cannot be read")
	test("yaml", "Something is wrong with this page", "")
	test("toml", "the text", "Toml.md:2: the front matter cannot be read")
	test("latin", "caf\uFFFD", "Latin.md:1: the page is not UTF-8")
	test("huge", "larger than the limit of 100 KB", "Huge.md:1:")
	test("quotes", "<pre tabindex", "Quotes.md:1: quotes or lists are nested")
	test("date", "x", "Date.md:1: date: someday is not a date")
	test("control", "a\uFFFDb\uFFFDc", "")
	test("", "", "new line.md:1: the name of the file")
	test("", "", "out.md:1: is a link that leads out")
	test("", "", "self.md:1: is a link")
	test("", "", "loop:1: is a link to a folder")
	test("good-page", "x", "has the same address /good-page/ as Good page.md")
	test("good-page-2", "x", "")
}

func TestHostile(t *testing.T) {
	test := func(name, text string, refused bool) {
		t.Helper()
		start := time.Now()
		err := CheckText([]byte(text))
		if took := time.Since(start); took > 100*time.Millisecond {
			t.Errorf("%s: took %v", name, took)
		}
		if (oswald.CodeOf(err) == oswald.Invalid) != refused {
			t.Errorf("%s: %v", name, err)
		}
	}
	test("quotes", strings.Repeat(">", 60000), true)
	test("links", strings.Repeat("[a](", 15000), true)
	test("ticks", strings.Repeat("\\``", 20000), true)
	test("angle links", strings.Repeat("[a](<b", 10000), true)
	test("embeds", strings.Repeat("![[", 3333), true)
	test("long", strings.Repeat("a", 70000), true)
	test("list", strings.Repeat("- ", 30000), true)
	test("prose", strings.Repeat("A fair [link](x) and `code`.\n", 1500), false)
	test("deep list", "- a\n  - b\n    - c\n      - d\n", false)
	test("empty", "", false)
}

func TestErrors(t *testing.T) {
	s := newSite(t, nil)
	write(t, s.cfg.Source, "A.md", "x")
	if _, err := s.Rebuild(t.Context(), "1", "Nowhere", nil); oswald.CodeOf(err) != oswald.NotFound {
		t.Errorf("a page that is not there: %v", err)
	}
	if err := os.RemoveAll(s.cfg.Source); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Rebuild(t.Context(), "1", "", nil); oswald.CodeOf(err) != oswald.Unavailable {
		t.Errorf("without a source: %v", err)
	}
	c := Config{Source: "a", Output: "a/b", URL: "ftp://x"}
	err := c.Validate()
	for _, key := range []string{"wiki.output", "wiki.url", "wiki.title", "wiki.language", "wiki.max_page", "wiki.feed_size"} {
		if !strings.Contains(err.Error(), key) {
			t.Errorf("%v does not name %s", err, key)
		}
	}
	if err := Defaults().Validate(); err != nil {
		t.Error(err)
	}
}
