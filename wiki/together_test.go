// SPDX-License-Identifier: GPL-3.0-or-later

package wiki

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestTogether has the cases on which transclusion and macros break.
func TestTogether(t *testing.T) {
	s := newSite(t, func(c *Config) { c.CamelCase = true })
	pages := map[string]string{
		"Self.md":         "before\n\n![[Self]]\n\nafter",
		"A.md":            "in a\n\n![[B]]",
		"B.md":            "in b\n\n![[A]]",
		"Own.md":          "![[#One]]\n\n![[#Two]]\n\n# One\n\nfirst\n\n# Two\n\nsecond",
		"Args.md":         "{{greet who=Ann}} and {{greet who=Bob}}",
		"macros/greet.md": "hello {{$who|you}}",
		"Down.md":         "{{down n=3}}",
		"macros/down.md":  `{{$n}} {{if test="{{$n}} > 0" then="{{down n={{calc {{$n}} - 1}}}}" else=end}}`,
		"Up.md":           "{{up n=1}}",
		"macros/up.md":    "{{$n}} {{up n={{calc {{$n}} + 1}}}}",
		"Loop.md":         "{{loop}}",
		"macros/loop.md":  "x {{loop}}",
		"Fan.md":          "{{fan n=1}}",
		"macros/fan.md":   "{{fan n={{calc {{$n}} * 2}}}} {{fan n={{calc {{$n}} * 2 + 1}}}}",
		"Query.md":        "---\ntags: q\n---\n{{query tag=q}}",
		"Empty.md":        "{{}} and {{ }} and {{nosuch a=b}}",
		"Toc.md":          "{{toc}}\n\n## One\n\n![[Toc]]\n\n## Two",
		"index/index.md":  "folder called index",
		"Missing.md":      "![[Nowhere]] and [[Nowhere too|text]]",
		"Feed.md":         "{{query tag=nothing}} {{query tag=nothing empty=\"none at all\"}}",
		"Entity.md":       "---\ntitle: A &amp; <b>\n---\n[[Entity|x &lt; y]] #käse",
		"Foot.md":         "# F\n\ntext[^1]\n\n[^1]: note\n\n![[Foot2#G]]",
		"Foot2.md":        "# G\n\nother[^a] ![[p.png]]\n\n[^a]: second note",
		"Block.md":        "![[Host#^b]] ![[Host#^li]] ![[Host#^tab]]",
		"Host.md":         "a paragraph ^b\n\n- one\n- two ^li\n\n| a |\n|---|\n| c |\n\n^tab\n\n> q\n\n^none",
		"p.png":           "x",
		"Pic.md":          "![[p.png|100x50]] ![[p.png|A cat|20]] ![alt|30](p.png) ![[p.png#icon]] ![[gone.png]]",
		"Camel.md":        "FooBar and OtherWord, (FooBar), `FooBar` [FooBar](https://x.org) xFooBar",
		"Foo Bar.md":      "hi",
	}
	for name, text := range pages {
		write(t, s.cfg.Source, name, text)
	}
	b := build(t, s)
	has := func(page string, want ...string) {
		t.Helper()
		html := article(t, s, page+"/index.html")
		for _, w := range want {
			if not, ok := strings.CutPrefix(w, "!"); ok {
				if strings.Contains(html, not) {
					t.Errorf("%s: has %q:\n%s", page, not, html)
				}
			} else if !strings.Contains(html, w) {
				t.Errorf("%s: lacks %q:\n%s", page, w, html)
			}
		}
	}
	warns := strings.Join(s.Report().Warnings, "\n")
	warned := func(w string) {
		t.Helper()
		if !strings.Contains(warns, w) {
			t.Errorf("no warning %q in\n%s", w, warns)
		}
	}
	has("self", "before", "Self → Self", "after")
	warned("Self.md:3: a loop: Self → Self")
	has("a", "in b", "A → B → A")
	warned("a loop: A → B → A")
	has("own", "first", "second", "!go round")
	has("args", "hello Ann and hello Bob", "!go round")
	has("down", "3 2 1 0 end")
	has("up", "1 2 3 4 5")
	warned("too much is put into this page")
	has("loop", "go round for ever", "{{loop}} → {{loop}}")
	has("query", `<a href="/query/">Query</a>`)
	has("empty", "{{}} and {{}} and {{nosuch a=b}}")
	warned(`there is no macro "nosuch"`)
	has("toc", `href="#one"`, `href="#two"`, "Toc → Toc")
	if b.Pages != 23 {
		t.Errorf("%d pages", b.Pages)
	}
	has("missing", `class="missing"`, "text</a>")
	has("feed", "No pages.", "none at all")
	has("entity", "<h1>A &amp;amp; &lt;b&gt;</h1>", "x &lt; y", `href="/tag/k%C3%A4se/"`)
	has("foot", `id="fn:1"`, `id="e1-fn:1"`, "second note", `href="#e1-fn:1"`)
	has("block", "a paragraph", "<ul>\n<li><span id=\"e2-^li\"></span>two", "<table tabindex", "!<li>one")
	has("pic", `width="100" height="50"`, `alt="A cat" width="20"`, `width="30" loading="lazy" alt="alt"`, `class="icon"`, "gone.png")
	warned(`Pic.md:1: the file "gone.png" is missing`)
	has("camel", `<a href="/foo-bar/">FooBar</a> and OtherWord, (<a href="/foo-bar/">FooBar</a>)`, "<code>FooBar</code>", "xFooBar", `noopener">FooBar</a>`)
	if _, err := os.Stat(filepath.Join(s.cfg.Output, "tag", "käse", "index.html")); err != nil {
		t.Error(err)
	}
}

// TestResolve has the rules by which a name finds its page.
func TestResolve(t *testing.T) {
	var pages []*Record
	for _, f := range []string{"Home.md", "a/Note.md", "b/Note.md", "b/c/Deep.md", "Été.md", "some-thing.md", "d/index.md"} {
		pages = append(pages, &Record{File: f, Aliases: map[string][]string{"Home.md": {"Start", "old/Name"}}[f]})
	}
	ix := newIndex(pages, nil, "", false, nil)
	test := func(name, from, want string, others int) {
		t.Helper()
		p, n := ix.resolve(name, from)
		got := ""
		if p != nil {
			got = p.File
		}
		if got != want || n != others {
			t.Errorf("%q in %q: %q and %d others, want %q and %d", name, from, got, n, want, others)
		}
	}
	test("Home", "", "Home.md", 0)
	test("home", "x", "Home.md", 0)
	test("start", "", "Home.md", 0)
	test("old/name", "", "Home.md", 0)
	test("name", "", "", 0)
	test("Note", "a", "a/Note.md", 1)
	test("Note", "b/c", "b/Note.md", 1)
	test("b/Note", "a", "b/Note.md", 0)
	test("c/deep", "", "b/c/Deep.md", 0)
	test("../b/Note", "a", "b/Note.md", 0)
	test("../../etc/passwd", "a", "", 0)
	test("e\u0301te\u0301", "", "Été.md", 0)
	test("Some Thing", "", "some-thing.md", 0)
	test("d", "", "d/index.md", 0)
	test("Note.md", "a", "a/Note.md", 1)
	test("", "", "", 0)
}

func TestKeys(t *testing.T) {
	test := func(file, permalink, want string) {
		t.Helper()
		if got := pageKey(file, permalink); got != want {
			t.Errorf("%s %s: %q, want %q", file, permalink, got, want)
		}
	}
	test("Getting Started.md", "", "getting-started")
	test("Home.md", "", "index")
	test("a/index.md", "", "a")
	test("a/A.md", "", "a")
	test("Straße & Über.md", "", "strasse-uber")
	test("日本.md", "", "pcf2abf0c5b")
	test("c/x.md", "", "c-page/x")
	test("x.md", "/Some/Where/", "some/where")
	test("x.md", "../../etc", "etc")
	test("Don't.md", "", "dont")
}
