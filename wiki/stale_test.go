// SPDX-License-Identifier: GPL-3.0-or-later

package wiki

import (
	"os"
	"testing"
)

// TestStale has, by name, the ways in which other generators show what is no
// longer so. After each step the output must be what a clean build makes.
func TestStale(t *testing.T) {
	test := func(name string, steps ...op) {
		t.Helper()
		for _, restart := range []bool{false, true} {
			var ops []op
			for _, s := range steps {
				ops = append(ops, s)
				if restart {
					ops = append(ops, op{kind: "restart"})
				}
			}
			if err := replay(t, ops, ""); err != nil {
				t.Errorf("%s (restarts: %v): %v", name, restart, err)
			}
		}
	}
	w := func(name, text string) op { return op{kind: "write", name: name, text: text} }
	d := func(name string) op { return op{kind: "delete", name: name} }

	test("transitive: A puts in B, B puts in C, C changes",
		w("A.md", "x\n\n![[B]]"), w("B.md", "y\n\n![[C]]"), w("C.md", "z"), w("C.md", "z\n\nmore"))
	test("removal: a page stops matching a query",
		w("Q.md", "{{query tag=t}}"), w("P.md", "#t"), w("P.md", "no more"), w("P.md", "#t"), d("P.md"))
	test("negation: the pages that count are those that do not match",
		w("Q.md", "{{query tag!=done folder=todo}}"), w("todo/P.md", "work"), w("todo/P.md", "work #done"))
	test("influence: the order comes from a field of another page",
		w("Q.md", "{{query rank>0 sort=rank limit=1}}"), w("A.md", "---\nrank: 2\n---\na"), w("B.md", "---\nrank: 3\n---\nb"), w("B.md", "---\nrank: 1\n---\nb"))
	test("links: a query for links changes with a link",
		w("Q.md", "{{query links=T}}"), w("T.md", "t"), w("A.md", "first\n\n[[T]]"), w("A.md", "first\n\nno link"))
	test("best link: a nearer page takes over",
		w("a/L.md", "[[N]]"), w("b/N.md", "far"), w("a/N.md", "near"), d("a/N.md"))
	test("absence: a page that was missing appears",
		w("L.md", "[[N]] ![[N]] {{query links=N}} {{field title page=N}}"), w("N.md", "here"), d("N.md"))
	test("CamelCase: a word becomes a link",
		w("L.md", "see NewPage there"), w("New Page.md", "here"), d("New Page.md"))
	test("trail: neighbours only",
		w("blog/a.md", "---\ndate: 2026-01-01\n---\na"), w("blog/c.md", "---\ndate: 2026-01-03\n---\nc"), w("blog/b.md", "---\ndate: 2026-01-02\n---\nb"), d("blog/b.md"))
	test("backlink: the words around a link change",
		w("T.md", "t"), w("A.md", "first\n\nsee [[T]] now"), w("A.md", "first\n\nsee [[T]] later"))
	test("title: who shows the title of a page",
		w("T.md", "---\ntitle: Old\n---\nx"), w("a/index.md", "---\ntitle: Up\n---\nu"), w("a/P.md", "---\nparent: T\n---\n[[T]] ![[T]]"),
		w("T.md", "---\ntitle: New\n---\nx"), w("a/index.md", "---\ntitle: Upper\n---\nu"))
	test("heading: a section that others show",
		w("T.md", "intro\n\n## One\n\na\n\n## Two\n\nb"), w("A.md", "![[T#One]] [[T#Two]]"), w("T.md", "intro\n\n## One\n\nchanged\n\n## Three\n\nb"))
	test("macro: its page changes, goes and comes back",
		w("A.md", "{{m x=1}}"), w("macros/m.md", "one {{$x}}"), w("macros/m.md", "two {{$x}}"), d("macros/m.md"), w("macros/m.md", "[[A]]"))
	test("file: a picture appears and goes",
		w("A.md", "![[p.png]] ![x](p.png)"), w("p.png", "x"), d("p.png"))
	test("tag: the first spelling goes",
		w("A.md", "#Tag"), w("B.md", "#tag #tag/sub"), d("A.md"), w("C.md", "{{tags}}"), d("B.md"))
	test("alias: a redirect moves",
		w("A.md", "---\naliases: [Old]\n---\na"), w("B.md", "[[Old]]"), w("A.md", "---\naliases: [Older]\n---\na"), w("Old.md", "itself"))
	test("address: a page takes the key of another",
		w("x y.md", "second"), w("L.md", "[[x-y]] [[x y]]"), w("x-y.md", "first"), d("x y.md"))
	test("template", w("A.md", "a"), op{kind: "template", n: 1}, op{kind: "template", n: 2})
	test("configuration", w("A.md", "NewPage"), w("New Page.md", "n"), op{kind: "config", n: 0}, op{kind: "config", n: 1}, op{kind: "config", n: 3})
	test("time: a post is due, another expires",
		w("blog/a.md", "---\ndate: 2026-11-25\n---\na"), w("blog/b.md", "---\ndate: 2026-11-01\nexpires: 2026-12-01\n---\nb"), w("L.md", "[[a]] [[b]]"),
		op{kind: "clock", n: 1}, op{kind: "clock", n: 2}, op{kind: "clock", n: 0})
	test("folder and file change places",
		w("a.md", "page"), w("a/b.md", "below"), d("a.md"), w("b", "a file"), w("b.md", "a page"), d("b"), d("b.md"))
	test("crumbs: the parent of a page comes onto a trail",
		w("T.md", "---\ntrail: [X, Y]\n---\nt"), w("X.md", "x"), w("Up.md", "up"), w("Below.md", "---\nparent: Up\n---\nb"), w("W.md", "---\ntrail: true\n---\n[[Up]]"))
	test("nothing is left", w("A.md", "a #t"), d("A.md"), w("A.md", "b"))
}

// TestUntouched: what has not changed keeps its time, foreign files stay, and a
// page that is gone takes its folder with it.
func TestUntouched(t *testing.T) {
	s := newSite(t, nil)
	write(t, s.cfg.Source, "A.md", "a")
	write(t, s.cfg.Source, "B.md", "b")
	write(t, s.cfg.Source, "f.bin", "data")
	build(t, s)
	write(t, s.cfg.Output, "foreign/index.html", "mine")
	stat := func(name string) int64 {
		fi, err := os.Stat(s.cfg.Output + "/" + name)
		if err != nil {
			t.Fatal(err)
		}
		return fi.ModTime().UnixNano()
	}
	a, f, css := stat("a/index.html"), stat("f.bin"), stat("style.css")
	write(t, s.cfg.Source, "B.md", "changed")
	for _, cold := range []bool{false, true} {
		if cold {
			s.close()
			if err := os.Remove(s.cfg.state() + "/cache"); err != nil {
				t.Fatal(err)
			}
		}
		build(t, s)
		if stat("a/index.html") != a || stat("f.bin") != f || stat("style.css") != css {
			t.Errorf("an unchanged file was written (cold: %v)", cold)
		}
	}
	if err := os.Remove(s.cfg.Source + "/B.md"); err != nil {
		t.Fatal(err)
	}
	if b := build(t, s); b.Removed != 2 { // the page, and the file of the one word that it had
		t.Errorf("%d removed", b.Removed)
	}
	if _, err := os.Stat(s.cfg.Output + "/b"); err == nil {
		t.Error("the folder of a page that is gone is still there")
	}
	if read(t, s, "foreign/index.html") != "mine" {
		t.Error("a foreign file was touched")
	}
	s.close()
	if err := os.RemoveAll(s.cfg.state()); err != nil { // everything forgotten
		t.Fatal(err)
	}
	build(t, s)
	if stat("a/index.html") != a {
		t.Error("an unchanged file was written after the state was lost")
	}
}
