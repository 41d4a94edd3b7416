// SPDX-License-Identifier: GPL-3.0-or-later

package wiki

import (
	"os"
	"reflect"
	"strings"
	"testing"
)

// TestThemeDocument: whatever a template may use is in the document.
func TestThemeDocument(t *testing.T) {
	doc, err := os.ReadFile("../docs/theme.md")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[reflect.Type]bool{}
	var look func(typ reflect.Type, prefix string)
	look = func(typ reflect.Type, prefix string) {
		for typ.Kind() == reflect.Pointer || typ.Kind() == reflect.Slice {
			typ = typ.Elem()
		}
		if typ.Kind() != reflect.Struct || seen[typ] {
			return
		}
		seen[typ] = true
		for i := range typ.NumField() {
			f := typ.Field(i)
			if !f.IsExported() || f.Name == "Site" {
				continue
			}
			if !strings.Contains(string(doc), "`"+prefix+"."+f.Name+"`") {
				t.Errorf("docs/theme.md does not tell of %s.%s", prefix, f.Name)
			}
			look(f.Type, "")
		}
	}
	look(reflect.TypeFor[SiteData](), ".Site")
	look(reflect.TypeFor[PageData](), "")
}

// TestThemeFiles: each file of the theme can be replaced on its own.
func TestThemeFiles(t *testing.T) {
	s := newSite(t, func(c *Config) { c.Theme = t.TempDir() })
	write(t, s.cfg.Source, "index.md", "# Head *two*\n\ntext #tag")
	build(t, s)
	before := read(t, s, "index.html")
	write(t, s.cfg.Theme, "head.html", `<meta name="mine" content="{{.Title}}">`)
	write(t, s.cfg.Theme, "style.css", "/* mine */ body { color: red; }\n")
	build(t, s)
	if html := read(t, s, "index.html"); !strings.Contains(html, `<meta name="mine" content="Head two">`) || strings.Replace(html, `<meta name="mine" content="Head two">`, "", 1) != before {
		t.Errorf("%s\nwas\n%s", html, before)
	}
	if css := read(t, s, "style.css"); css != "/* mine */ body { color: red; }\n" {
		t.Errorf("%q", css)
	}
	write(t, s.cfg.Theme, "foot.html", "{{.Nothing}}")
	if _, err := s.Rebuild(t.Context(), "x", "", nil); err == nil || !strings.Contains(err.Error(), "theme") {
		t.Errorf("a faulty template: %v", err)
	}
	if read(t, s, "index.html") == "" {
		t.Error("the old site is gone")
	}
}

// TestMarkupKept has what the markup of pages must keep, add or leave alone.
func TestMarkupKept(t *testing.T) {
	s := newSite(t, nil)
	write(t, s.cfg.Source, "Other.md", "other")
	test := func(text string, want ...string) {
		t.Helper()
		write(t, s.cfg.Source, "index.md", text)
		build(t, s)
		html := article(t, s, "index.html")
		for _, w := range want {
			if not, ok := strings.CutPrefix(w, "!"); ok {
				if strings.Contains(html, not) {
					t.Errorf("%q has %q:\n%s", text, not, html)
				}
			} else if !strings.Contains(html, w) {
				t.Errorf("%q lacks %q:\n%s", text, w, html)
			}
		}
	}
	test(`Let $a_1 * b_2 * [[c]] < \{x\}$ be.`, `<span class="math">$a_1 * b_2 * [[c]] &lt; \{x\}$</span>`)
	test("$$\na_1\n\n\\sum_{i} *x* #nottag\n$$", "<div class=\"math display\">$$\na_1\n\n\\sum_{i} *x* #nottag\n$$</div>")
	test("costs $5 and $6", "costs $5 and $6", "!math")
	test("`$x$` and\n\n    $y$\n", "<code>$x$</code>", "$y$\n</code>", "!math")
	test("a[^1] b[^n]\n\n[^1]: One [[Other]].\n\n[^n]: Two.\n\n    More.", `href="#fn:1"`, `id="fn:2"`, `<a href="/other/">Other</a>`, "<p>More.", `role="doc-backlink"`)
	test("[out](https://example.org) [in](Other.md) [mail](mailto:a@example.org) <https://example.com> [[https://example.net|x]] [x](//example.org/y)",
		`<a href="https://example.org" class="external" rel="external noopener">out</a>`, `<a href="/other/">in</a>`, `<a href="mailto:a@example.org">mail</a>`,
		`<a href="https://example.com" class="external"`, `<a href="https://example.net" class="external"`, `<a href="//example.org/y" class="external"`)
	test("[x](javascript:alert(1)) [y](javascript&colon;alert(1)) [[javascript:alert(1)|z]] ![i](data:text/html,x) <javascript:alert(1)>", "!\"javascript:", "!data:text")
	test("## One\n\n### Two `code`\n\n## Ünï & 日本\n\n## One\n\n#### Deep\n", `<summary>Contents</summary>`, `<h3 id="two-code">`, `<h2 id="ünï-日本">`, `<h2 id="one-1">`, `<a href="#one-1">One</a>`, "!href=\"#deep\"")
	test("## One\n\n## Two\n\n## Three\n\n## Four\n\n{{toc depth=1}}", `<div class="toc">`, "!<summary>")
	test("---\ntoc: false\n---\n## One\n\n## Two\n\n## Three\n\n## Four\n", "!<summary>")
	test("```go\nvar x = \"<b>\"\n```\n\n```nosuch\n<b> if\n```\n", `<span class="k">var</span> x = <span class="s">&quot;&lt;b&gt;&quot;</span>`, `<code class="language-nosuch">&lt;b&gt; if`)
	test("```mermaid\ngraph TD; A-->B\n```", `<pre class="mermaid" tabindex="0">graph TD; A--&gt;B`)
	test("a %%hidden [[Nowhere]]%% b\n\n%%\nhidden\n\ntoo\n%%\n\n==marked==", "a  b", "!hidden", "<mark>marked</mark>")
}

// TestStrangers: text of strangers meets the limits before the parser sees it.
func TestStrangers(t *testing.T) {
	for name, text := range map[string]string{
		"too long": strings.Repeat("a ", 33000), "quotes": strings.Repeat(">", 33), "lists": strings.Repeat("- ", 33), "links": strings.Repeat("[a](", 20000)[:60000],
		"ticks": strings.Repeat("\\``", 20000), "brackets": strings.Repeat("[", 3000),
	} {
		if CheckText([]byte(text)) == nil {
			t.Errorf("%s: not refused", name)
		}
	}
	if err := CheckText([]byte("# A page\n\n> quoted\n\n- a\n  - b\n\n[x](y) `z`")); err != nil {
		t.Error(err)
	}
}
