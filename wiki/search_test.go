// SPDX-License-Identifier: GPL-3.0-or-later

package wiki

import (
	"reflect"
	"strings"
	"testing"
)

func TestTerms(t *testing.T) {
	test := func(text string, want ...string) {
		t.Helper()
		b := newBag()
		defer b.free()
		b.add([]byte(text), 1)
		var got []string
		for blob := b.blob(); len(blob) > 0; {
			var w []byte
			w, _, blob = nextTerm(blob)
			got = append(got, string(w))
		}
		if strings.Join(got, " ") != strings.Join(want, " ") {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
		if ours := splitTerms(text); !reflect.DeepEqual(ours, want) && len(ours)+len(want) > 0 {
			t.Errorf("%q: split into %q, want %q", text, ours, want)
		}
	}
	test("The Heating, upstairs: 21°C!", "the", "heating", "upstairs", "21")
	test("a b c")
	test("Été à Zürich, STRASSE straße", "ete", "zurich", "strasse", "straße")
	test("ΟΔΟΣ", "οδοσ")
	test("東京都 x 京", "東京", "京都", "京")
	test("ﬁle №5 x2", "file", "no5", "x2")
	test(strings.Repeat("x", 60), strings.Repeat("x", 40))
}

func TestPatchShard(t *testing.T) {
	test := func(data string, want string, edits ...edit) {
		t.Helper()
		if got := string(patchShard([]byte(data), edits)); got != want {
			t.Errorf("%q: %q, want %q", data, got, want)
		}
	}
	test("", "ab aaaaaa1\n", edit{"ab", "aaaaaa", 1})
	test("ab aaaaaa1\n", "", edit{"ab", "aaaaaa", 0})
	test("ab aaaaaa1\nad bbbbbb2\n", "ab aaaaaa1\nac cccccc3\nad bbbbbb2\n", edit{"ac", "cccccc", 3})
	test("ab aaaaaa1cccccc1\n", "ab aaaaaa1bbbbbb2cccccc1\n", edit{"ab", "bbbbbb", 2})
	test("ab aaaaaa1\n", "ab aaaaaa5\n", edit{"ab", "aaaaaa", 5}, edit{"ab", "aaaaaa", 0})
	test("ab aaaaaa1\nabc aaaaaa1\n", "ab aaaaaa1\nabc aaaaaa4\n", edit{"abc", "aaaaaa", 4})
	test("abc aaaaaa1\n", "ab bbbbbb1\nabc aaaaaa1\n", edit{"ab", "bbbbbb", 1})
}

func TestSearch(t *testing.T) {
	s := newSite(t, nil)
	write(t, s.cfg.Source, "Heating.md", "# Heating\n\nThe boiler stands in the cellar.")
	write(t, s.cfg.Source, "Cellar.md", "# Cellar\n\nDamp in winter. See [[Heating]] for the boilers. Größe 東京都.")
	write(t, s.cfg.Source, "Draft.md", "---\ndraft: true\n---\nboiler")
	build(t, s)
	test := func(query, want string) {
		t.Helper()
		f, err := s.Search(query, 10)
		if err != nil {
			t.Errorf("%q: %v", query, err)
		}
		var got []string
		for _, h := range f.Hits {
			got = append(got, h.Key)
		}
		if f.Part {
			got = append(got, "part")
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%q: %q, want %q", query, got, want)
		}
	}
	test("boiler", "heating cellar")
	test("BOILER cellar!", "cellar heating")
	test("winter", "cellar")
	test("heating nowhere", "heating cellar part")
	test("zebra", "")
	test("grosse", "")
	test("große", "cellar") // accents do not matter
	test("東京", "cellar")
	test("heat", "heating cellar")
	for _, bad := range []string{"", " ", "!", "a"} {
		if _, err := s.Search(bad, 10); err == nil {
			t.Errorf("%q was searched for", bad)
		}
	}
}

// TestSmall: what a reader loads once, besides pages, is less than 15 KB.
func TestSmall(t *testing.T) {
	s := newSite(t, nil)
	write(t, s.cfg.Source, "A.md", "a")
	build(t, s)
	if n := len(read(t, s, "style.css")) + len(read(t, s, "search.js")); n >= 15000 {
		t.Errorf("style sheet and script are %d bytes", n)
	}
	if html := read(t, s, "search/index.html"); strings.Contains(html, " onclick") || strings.Contains(html, " style=") || strings.Contains(html, "<script>") {
		t.Error("code stands in the page, which the content security policy forbids")
	}
}
