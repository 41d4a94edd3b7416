// SPDX-License-Identifier: GPL-3.0-or-later

package wiki

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"oswald"
)

func TestAppend(t *testing.T) {
	s := newSite(t, nil)
	write(t, s.cfg.Source, "Shopping list.md", "# To buy\n\n- Bread")
	build(t, s)
	test := func(id, page, text string, want oswald.Code, all string) {
		t.Helper()
		p, err := s.Append(t.Context(), id, page, text, "ann", nil)
		if oswald.CodeOf(err) != want {
			t.Errorf("%s: code %q (%v)", id, oswald.CodeOf(err), err)
		}
		if err == nil && (p.URL != "https://example.org/shopping-list/" || p.Title != "To buy") {
			t.Errorf("%+v", p)
		}
		if b, _ := os.ReadFile(filepath.Join(s.cfg.Source, "Shopping list.md")); string(b) != all {
			t.Errorf("%s: %q, want %q", id, b, all)
		}
	}
	test("one", "shopping-list", "- Milk", "", "# To buy\n\n- Bread\n- Milk\n")
	test("one", "shopping-list", "- Milk", "", "# To buy\n\n- Bread\n- Milk\n") // the same command again
	test("two", "Shopping list", "And soon!", "", "# To buy\n\n- Bread\n- Milk\n\nAnd soon!\n")
	all := "# To buy\n\n- Bread\n- Milk\n\nAnd soon!\n\nx\n"
	test("three", "to buy", "x", "", all) // by its title
	test("four", "nowhere", "x", oswald.NotFound, all)
	test("five", "../Shopping list", "x", oswald.NotFound, all)
	test("six", "to buy", " \n", oswald.Invalid, all)
	test("seven", "to buy", "a\x00b", oswald.Invalid, all)
	test("eight", "to buy", strings.Repeat("x", maxMessage+1), oswald.Invalid, all)
	if html := read(t, s, "shopping-list/index.html"); !strings.Contains(html, "And soon!") {
		t.Error("it is not live")
	}
}

func TestPost(t *testing.T) {
	s := newSite(t, nil)
	write(t, s.cfg.Source, "Home.md", "home")
	build(t, s)
	_, gitErr := exec.LookPath("git")
	if gitErr == nil {
		for _, args := range [][]string{{"init", "-q"}, {"add", "."}, {"-c", "user.name=A", "-c", "user.email=a@b", "commit", "-qm", "x"}} {
			if out, err := exec.Command("git", append([]string{"-C", s.cfg.Source}, args...)...).CombinedOutput(); err != nil {
				t.Fatalf("%v %s", err, out)
			}
		}
	}
	first, err := s.Post(t.Context(), "one", `Frost: "the" first`, "The pond\nis frozen.", "ann", nil)
	if err != nil || first.URL != "https://example.org/blog/2026-11-24-frost-the-first/" {
		t.Fatalf("%+v %v", first, err)
	}
	if gitErr == nil && first.Commit == "" {
		t.Errorf("no commit: %q", first.Warning)
	}
	html := read(t, s, "blog/2026-11-24-frost-the-first/index.html")
	if !strings.Contains(html, "<h1>Frost: &#34;the&#34; first</h1>") || !strings.Contains(html, "is frozen") {
		t.Error(html)
	}
	if again, err := s.Post(t.Context(), "one", `Frost: "the" first`, "The pond\nis frozen.", "ann", nil); err != nil || again.URL != first.URL {
		t.Errorf("the same command again: %+v %v", again, err)
	}
	test := func(title, body string, want oswald.Code) {
		t.Helper()
		if _, err := s.Post(t.Context(), title+body, title, body, "", nil); oswald.CodeOf(err) != want {
			t.Errorf("%q: %v", title, err)
		}
	}
	test("Frost the first", "other", oswald.Conflict)
	test("", "text", oswald.Invalid)
	test("title", "", oswald.Invalid)
	test("../../etc/passwd", "text", "")
	test("日本", "text", "")
	list, err := os.ReadDir(filepath.Join(s.cfg.Source, "blog"))
	if err != nil || len(list) != 3 {
		t.Errorf("%v %v", list, err)
	}
	s.cfg.Blog = ""
	test("no blog", "text", oswald.Unavailable)
}

func TestPage(t *testing.T) {
	s := newSite(t, nil)
	write(t, s.cfg.Source, "A.md", "# The title\n\nOne *two* & <three>.\n\n- item\n- other\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n![[B]]")
	write(t, s.cfg.Source, "B.md", "From B, see [[A]] and [[Gone]].")
	build(t, s)
	p, err := s.Page(t.Context(), "the title", 1000)
	if err != nil || p.Key != "a" || p.Links != 1 {
		t.Fatalf("%+v %v", p, err)
	}
	for _, want := range []string{"One two & .", "• item\n• other", "1 · 2", "From B, see The title"} {
		if !strings.Contains(p.Text, want) && !strings.Contains(p.Text, strings.ReplaceAll(want, "The title", "A")) {
			t.Errorf("no %q in %q", want, p.Text)
		}
	}
	if strings.ContainsAny(p.Text, "<>") || strings.Contains(p.Text, "\n\n") {
		t.Errorf("%q", p.Text)
	}
	if p, err := s.Page(t.Context(), "A", 12); err != nil || len(p.Text) > 16 {
		t.Errorf("%+v %v", p, err)
	}
	st := s.State()
	if st.Built.IsZero() || len(st.Broken) != 1 || !strings.Contains(st.Broken[0], "B.md:1") {
		t.Errorf("%+v", st)
	}
}
