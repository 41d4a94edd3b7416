// SPDX-License-Identifier: GPL-3.0-or-later

package wiki

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestTrails: pages know where they are on a trail, and crumbs follow parents,
// trails and folders.
func TestTrails(t *testing.T) {
	s := newSite(t, nil)
	for name, text := range map[string]string{
		"Tour.md":      "---\ntrail: true\n---\nFirst [[One]], then [[Two|two]] and [[a/Three]], [[One]] again, ![[Aside]], [[Nowhere]].",
		"Book.md":      "---\ntrail: [\"[[Two]]\", One]\nparent: Shelf\n---\n",
		"Shelf.md":     "---\nparent: a/Three\n---\n",
		"One.md":       "one",
		"Two.md":       "---\nparent: \"[[Book]]\"\n---\ntwo",
		"a/Three.md":   "three",
		"a/index.md":   "---\ntitle: The A\n---\n",
		"Aside.md":     "---\nparent: Loop\n---\n",
		"Loop.md":      "---\nparent: Aside\n---\n",
		"Home.md":      "[[Tour]]",
		"Under.md":     "---\nparent: Home\n---\n",
		"b/c/Plain.md": "x",
	} {
		write(t, s.cfg.Source, name, text)
	}
	build(t, s)
	has := func(page string, want ...string) {
		t.Helper()
		html := read(t, s, page+"/index.html")
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
	crumbs := func(page, want string) {
		t.Helper()
		_, html, _ := strings.Cut(read(t, s, page+"/index.html"), `<nav class="crumbs"`)
		html, _, _ = strings.Cut(html, "</nav>")
		var got []string
		for _, line := range strings.Split(html, "\n") {
			if in, ok := strings.CutPrefix(line, "<li>"); ok {
				in = strings.TrimSuffix(in, "</li>")
				if _, link, ok := strings.Cut(in, ">"); ok {
					in = strings.TrimSuffix(link, "</a>")
				}
				got = append(got, in)
			}
		}
		if g := strings.Join(got, " "); g != want {
			t.Errorf("%s: crumbs %q, want %q", page, g, want)
		}
	}
	has("one", `aria-label="Tour, page 1 of 3"`, `<a rel="next" href="/two/"><span>On</span> Two</a>`, `aria-label="Book, page 2 of 2"`, `<a rel="prev" href="/two/"><span>Back</span> Two</a>`)
	has("two", `aria-label="Tour, page 2 of 3"`, `rel="prev" href="/one/"`, `rel="next" href="/a/three/"`)
	has("aside", "!page 3 of")
	crumbs("one", "Test Tour Three Shelf Book") // the first trail by file
	crumbs("two", "Test Tour Three Shelf Book")
	crumbs("a/three", "Test Tour")
	crumbs("aside", "Test Loop")
	crumbs("under", "")
	crumbs("b/c/plain", "Test b c")
	write(t, s.cfg.Source, "Tour.md", "---\ntrail: true\n---\nFirst [[Two]], then [[One]].")
	build(t, s)
	has("one", `aria-label="Tour, page 2 of 2"`)
	has("a/three", "!Tour, page")
}

// TestFaults: the three lists of what is wrong with the whole.
func TestFaults(t *testing.T) {
	s := newSite(t, func(c *Config) { c.CamelCase = true })
	for name, text := range map[string]string{
		"Home.md":  "# Head\n\n{{wanted}}\n\n{{orphans}}\n\n{{broken}}\n\n[[Good]] [f](/feed.xml) [t](/tag/x/) [r](/) [[#Head]] NoSuchWord",
		"Good.md":  "[[Gone]] and [[Gone|again]], [[Gone too]]\n\n[[Home#Head]] [[Home#Nothing]] [[Home#^b]] [p](nowhere.md) ![[no.png]] [[p.png]] [x](Home.md#head)",
		"Alone.md": "[[Gone]] [[Alone]]",
		"Dated.md": "---\ndate: 2026-01-02\n---\n",
		"p.png":    "x",
	} {
		write(t, s.cfg.Source, name, text)
	}
	build(t, s)
	html := article(t, s, "index.html")
	for _, w := range []string{
		`<li>gone <span class="meta">from <a href="/alone/">Alone</a>, <a href="/good/">Good</a></span></li>` + "\n<li>gone too ",
		"<ul class=\"query\">\n<li><a href=\"/alone/\">Alone</a></li>\n</ul>",
		`line 1:</span> Gone</li>`, `line 3:</span> Home#Nothing</li>`, `line 3:</span> Home#^b</li>`, `line 3:</span> nowhere.md</li>`, `line 3:</span> no.png</li>`,
	} {
		if !strings.Contains(html, w) {
			t.Errorf("lacks %q:\n%s", w, html)
		}
	}
	if n := strings.Count(html, "line "); n != 8 {
		t.Errorf("%d broken links:\n%s", n, html)
	}
	write(t, s.cfg.Source, "Good.md", "[[Alone]]")
	write(t, s.cfg.Source, "Alone.md", "")
	build(t, s)
	if html := article(t, s, "index.html"); strings.Count(html, "None.") != 3 {
		t.Error(html)
	}
}

// TestSchedule: a page comes when its date does and goes when it expires, with
// nobody asking for a build; a build that fails is tried again.
func TestSchedule(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		start := time.Now().UTC()
		c := Defaults()
		c.Source, c.Output, c.Gate = filepath.Join(dir, "src"), filepath.Join(dir, "out"), false
		date := func(d time.Duration) string { return start.Add(d).Format("2006-01-02 15:04") }
		write(t, c.Source, "index.md", "now")
		write(t, c.Source, "soon.md", "---\ndate: "+date(3*time.Hour)+"\nexpires: "+date(30*time.Hour)+"\n---\n")
		write(t, c.Source, "draft.md", "---\ndate: "+date(time.Hour)+"\ndraft: true\n---\n")
		s, err := New(c, Deps{})
		if err != nil {
			t.Fatal(err)
		}
		s.durable = false
		build(t, s)
		if got := s.Due(); !got.Equal(start.Add(3 * time.Hour)) {
			t.Errorf("due %v, want in 3 hours from %v", got, start)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- s.KeepSchedule(ctx) }()
		there := func() bool { _, err := os.Stat(filepath.Join(c.Output, "soon/index.html")); return err == nil }
		time.Sleep(3*time.Hour - time.Second)
		synctest.Wait()
		if there() {
			t.Error("the page came before its time")
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if !there() {
			t.Error("the page did not come")
		}
		if err := os.Rename(c.Source, c.Source+".away"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(27*time.Hour + time.Second)
		synctest.Wait()
		if !there() {
			t.Error("a build that failed took the page away")
		}
		if err := os.Rename(c.Source+".away", c.Source); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		if there() || !s.Due().IsZero() {
			t.Error("the page did not go")
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}
