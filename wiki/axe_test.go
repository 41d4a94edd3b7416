// SPDX-License-Identifier: GPL-3.0-or-later

package wiki

import (
	"context"
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"
)

// axePages are the kinds of pages that are looked at.
var axePages = []string{"/", "/howtowrite/", "/querycorner/", "/puttingpagestogether/", "/macromagic/", "/mirror/", "/kinds/", "/old/", "/broken/",
	"/blog/", "/blog/2026-11-20-one-folder/", "/archive/", "/archive/1/", "/tag/", "/tag/recipe/", "/search/", "/nowhere/", "/recipes/oat-bread/"}

const axeKinds = "---\ntags: [kind, kind/of]\nparent: HowToWrite\ntrail: [Home, QueryCorner, Old]\n---\n" +
	"# Kinds of things\n\n{{toc}}\n\n## Code\n\n```go\n// F is a comment.\nfunc F(x int) (string, error) { return \"text\", nil }\n```\n\n```diff\n-old\n+new\n@@ 1 @@\n```\n\n```console\n$ ls\n```\n\n    indented " + "a very long line that does not fit the width of a phone, or of any other thing that one holds in a hand\n\n" +
	"## Callouts\n\n> [!note] Note\n> a [link](Home.md)\n\n> [!warning]- Closed\n> text\n\n> [!danger]\n> text\n\n> [!tip]\n> text\n\n> [!quote] Q\n> text\n\n> plain quotation\n\n" +
	"## Lists\n\n- [ ] open\n- [x] done\n\n1. a\n2. b\n\n| a | b |\n|--|--|\n| c | ==d== |\n\n" +
	"## Queries\n\n{{query tag=recipe show=cards}}\n\n{{query tag=recipe show=gallery}}\n\n{{query folder=blog show=calendar}}\n\n{{query tag=recipe group=serves show=table fields=title,minutes,tags}}\n\n{{query folder=blog group=month show=posts feed=yes}}\n\n{{wanted}} {{orphans}} {{broken}} {{backlinks}} {{tags}}\n\n" +
	"### Deeper\n\n#### Deepest\n\n[[Nowhere]] [out](https://example.org) ![[pic.svg]] ![[gone.png]] $x^2$ a note[^1] #tag `code` {{nosuch}} ![[Kinds]] ![[HowToWrite#Links]]\n\n[^1]: The note.\n"

// TestAccessible lays axe-core (OSWALD_AXE names its axe.min.js) on each kind of
// page, on a phone and on a desk, light and dark. It must find nothing at all.
func TestAccessible(t *testing.T) {
	axe := os.Getenv("OSWALD_AXE")
	if axe == "" {
		t.Skip("needs axe-core: OSWALD_AXE names its axe.min.js")
	}
	script, err := os.ReadFile(axe)
	if err != nil {
		t.Fatal(err)
	}
	chromium, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("needs chromium (apt-get install chromium)")
	}
	s := newSite(t, func(c *Config) {
		c.CamelCase, c.ArchiveSize = true, 1
		c.Nav = []string{"HowToWrite", "QueryCorner", "blog"}
	})
	if err := WriteSample(s.cfg.Source); err != nil {
		t.Fatal(err)
	}
	write(t, s.cfg.Source, "Kinds.md", axeKinds)
	write(t, s.cfg.Source, "Old.textile", "h1. In Textile\n\nh2. A *list*\n\n* one\n* two\n\n|_. a |_. b |\n| c | [[Home]] |\n\nbc(language-python). def f(): return None\n\nx[1]\n\nfn1. note\n")
	write(t, s.cfg.Source, "Broken.md", "---\ntags: [x\n---\n"+strings.Repeat(">", 40))
	write(t, s.cfg.Source, "pic.svg", drawing(30, 20))
	build(t, s)
	pages := axePages
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/axe.js":
			w.Header().Set("Content-Type", "text/javascript")
			_, _ = w.Write(script)
		case "/driver":
			list, _ := json.Marshal(pages)
			w.Header().Set("Content-Type", "text/html")
			fmt.Fprintf(w, axeDriver, list)
		default:
			rec := httptest.NewRecorder()
			s.Handler().ServeHTTP(rec, r)
			w.Header().Set("Content-Type", rec.Header().Get("Content-Type"))
			w.WriteHeader(rec.Code)
			_, _ = w.Write(rec.Body.Bytes())
		}
	}))
	defer srv.Close()
	for _, width := range []int{360, 1280} {
		for scheme, name := range []string{"dark", "light"} {
			t.Run(fmt.Sprint(name, " ", width), func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
				defer cancel()
				cmd := exec.CommandContext(ctx, chromium, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--hide-scrollbars", "--user-data-dir="+t.TempDir(),
					fmt.Sprint("--blink-settings=preferredColorScheme=", scheme), fmt.Sprint("--window-size=", max(width, 500), ",900"), "--virtual-time-budget=600000", "--dump-dom",
					srv.URL+fmt.Sprint("/driver?", width))
				cmd.WaitDelay = 5 * time.Second
				out, err := cmd.Output()
				if err != nil {
					t.Fatal(err)
				}
				m := axeResult.FindStringSubmatch(string(out))
				if m == nil {
					t.Fatalf("no result in %s", cut(string(out), 2000))
				}
				var seen []struct {
					Page, Title string
					Passes      int
					Wide        bool
					Found       []string
				}
				if err := json.Unmarshal([]byte(html.UnescapeString(m[1])), &seen); err != nil {
					t.Fatal(err)
				}
				if len(seen) != len(pages) {
					t.Errorf("%d pages of %d seen", len(seen), len(pages))
				}
				for _, p := range seen {
					if p.Passes < 10 {
						t.Errorf("%s (%s): only %d rules apply", p.Page, p.Title, p.Passes)
					}
					if p.Wide {
						t.Errorf("%s is wider than the window", p.Page)
					}
					for _, f := range p.Found {
						t.Errorf("%s: %s", p.Page, f)
					}
				}
			})
		}
	}
}

var axeResult = regexp.MustCompile(`(?s)<pre id="result">(.*?)</pre>`)

const axeDriver = `<!doctype html><title>axe</title><pre id="result0"></pre><script>
(async () => {
  const out = [];
  for (const page of %s) {
    const f = document.createElement("iframe");
    f.style.cssText = "border:0;height:900px;width:" + location.search.slice(1) + "px";
    f.src = page;
    await new Promise(done => { f.onload = done; document.body.append(f); });
    const d = f.contentDocument, w = f.contentWindow;
    await new Promise(done => { const s = d.createElement("script"); s.src = "/axe.js"; s.onload = done; d.head.append(s); });
    for (const x of d.querySelectorAll("details")) x.open = true;
    const r = await w.axe.run(d);
    out.push({page, title: d.title, passes: r.passes.length, wide: d.documentElement.scrollWidth > w.innerWidth,
      found: r.violations.map(v => v.id + ": " + v.nodes.map(n => n.html.slice(0, 200) + " " + n.failureSummary).slice(0, 3).join(" | "))});
    f.remove();
  }
  document.getElementById("result0").outerHTML = "<pre id=\"result\"></pre>";
  document.getElementById("result").textContent = JSON.stringify(out);
})();
</script>`
