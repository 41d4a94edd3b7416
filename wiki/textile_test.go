// SPDX-License-Identifier: GPL-3.0-or-later

package wiki

import (
	"strings"
	"testing"
)

// TestTextilePages: what belongs to the wiki works in the second markup as it
// does in the first, and across both.
func TestTextilePages(t *testing.T) {
	s := newSite(t, func(c *Config) { c.CamelCase = true })
	for name, text := range map[string]string{
		"Home.md":             "# Home\n\nSee [[Bread]], [rye](Rye.textile) and:\n\n![[Bread#Dough]]\n\n![[Bread]]\n\n{{shout what=*this*}}",
		"Bread.textile":       "---\ntags: food\nrank: 3\n---\nh1. My *bread*\n\nTake flour, see [[Home|the \"start\"]], HowTo, NoSuch and #baking/slow.\n\nh2. Dough\n\nKnead[1] it, see [[#Dough]].\n\nh2. Dough\n\nAgain.\n\nh3. Last\n\nh3. One more\n\nx\n\nfn1. For ten minutes.\n",
		"Rye.textile":         "p. A \"link\":Bread.textile#dough, \"out\":https://example.org/?a=1&b=2, \"gone\":Gone.textile, \"bad\":javascript:alert(1) and !pic.png(A cat)!\n\n|_. a |_. b |\n| [[Bread]] | #rye |\n\nbc(language-go). var x = 1\n\nbc. code [[NotALink]] #nottag <b>\n\n@[[code]]@ and <b>raw</b>",
		"Macros.textile":      "{{toc}}\n\nSum: {{calc 1 + 2}}. {{field title page=Bread}} {{if test=1 then=\"_yes_\"}} {{tell who=Ann}} {{query tag=food show=inline}} {{nosuch}}\n\n![[Bread#Dough]]\n\n![[Nowhere]]\n\n![[Macros]]",
		"macros/tell.textile": "told *{{$who}}* [[Bread]]",
		"macros/shout.md":     "loud {{$what}}",
		"HowTo.md":            "how",
		"pic.png":             "x",
		"Index/index.textile": "the folder",
		"Broken.textile":      "---\ntags: [broken\n---\nh1. Still shown",
	} {
		write(t, s.cfg.Source, name, text)
	}
	b := build(t, s)
	if b.Pages != 7 {
		t.Errorf("%d pages", b.Pages)
	}
	has := func(page string, want ...string) {
		t.Helper()
		html := read(t, s, page)
		for _, w := range want {
			if not, ok := strings.CutPrefix(w, "!"); ok && not != "" {
				if strings.Contains(html, not) {
					t.Errorf("%s: has %q:\n%s", page, not, html)
				}
			} else if !strings.Contains(html, w) {
				t.Errorf("%s: lacks %q:\n%s", page, w, html)
			}
		}
	}
	has("bread/index.html", `<h1 id="my-bread">My <strong>bread</strong></h1>`, `<a href="/">the &quot;start&quot;</a>`, `<a href="/howto/">HowTo</a>`,
		` NoSuch and `, `href="/tag/baking/slow/">#baking/slow</a>`, `<h2 id="dough">Dough</h2>`, `<h2 id="dough-1">`, `href="#dough">Dough</a>`,
		`href="#fn1"`, `id="fn1"`, `<nav aria-label="Contents">`, `<li><a href="/">Home</a>`, `<li><a href="/rye/">`, "<p>See Bread, rye and:</p>")
	has("index.html", `href="/bread/">Bread</a>`, `href="/rye/">rye</a>`, `id="e1-dough">Dough</h2>`, `href="#e1-fn1"`, `id="e1-fn1"`, `loud <em>this</em>`, "!Take flour, see <a href=\"Home")
	has("rye/index.html", `href="/bread/#dough">link</a>`, `href="https://example.org/?a=1&amp;b=2" class="external"`, `class="missing">gone</a>`, `!javascript:`,
		`<img src="/pic.png" loading="lazy" alt="A cat"`, `<td><a href="/bread/">Bread</a>`, `href="/tag/rye/"`, `code [[NotALink]] #nottag &lt;b&gt;`, `<code>[[code]]</code>`, `<b>raw</b>`, `<code class="language-go"><span class="k">var</span> x`)
	has("macros/index.html", `Sum: 3.`, "My bread", `<em>yes</em>`, `told <strong>Ann</strong> <a href="/bread/">Bread</a>`, `{{nosuch}}`, `<div class="embed"><h2 id="e`, `would go round`, `Nowhere`)
	has("index-2/index.html", "the folder")
	has("broken/index.html", "Something is wrong with this page", "Still shown")
	has("tag/food/index.html", `href="/bread/"`)
	warns := strings.Join(s.Report().Warnings, "\n")
	for _, w := range []string{"Rye.textile:1: the link to \"Gone.textile\" leads nowhere", "Macros.textile:3: there is no macro \"nosuch\"", "Macros.textile:7: there is no page \"Nowhere\"", "Broken.textile:2: the front matter", "Macros.textile:9: a loop"} {
		if !strings.Contains(warns, w) {
			t.Errorf("no warning %q in\n%s", w, warns)
		}
	}
	if f, err := s.Search("NotALink", 5); err != nil || len(f.Hits) != 1 {
		t.Errorf("code is not found: %+v, %v", f, err)
	}
}
