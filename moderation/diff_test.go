// SPDX-License-Identifier: GPL-3.0-or-later

package moderation

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// apply makes b of a by a list of changes.
func apply(a, b []string, list []change) []string {
	var out []string
	at := 0
	for _, c := range list {
		out = append(out, a[at:c.aFrom]...)
		out = append(out, b[c.bFrom:c.bTo]...)
		at = c.aTo
	}
	return append(out, a[at:]...)
}

func TestDiff(t *testing.T) {
	test := func(from, to string, want ...string) {
		t.Helper()
		a, b := strings.Fields(from), strings.Fields(to)
		list := diff(a, b)
		if got := apply(a, b, list); !slices.Equal(got, b) {
			t.Errorf("%q to %q: %v makes %q", from, to, list, got)
		}
		var got []string
		for _, l := range unified(strings.Join(a, "\n"), strings.Join(b, "\n")) {
			if l.Kind != '@' && l.Kind != ' ' {
				got = append(got, string(l.Kind)+l.Text)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q to %q: %q, want %q", from, to, got, want)
		}
	}
	test("", "")
	test("a", "a")
	test("", "a b", "+a", "+b")
	test("a b", "", "-a", "-b")
	test("a b c", "a x c", "-b", "+x")
	test("a b c d e f g h i j", "a b c d x e f g h i", "+x", "-j")
	test("a b c a b b a", "c b a b a c", "-a", "-b", "+b", "-b", "+c") // one of the shortest
}

func TestDiffOfTextsFarApart(t *testing.T) {
	var a, b []string
	for i := range 5000 {
		a = append(a, fmt.Sprint("a", i))
		b = append(b, fmt.Sprint("b", i))
	}
	list := diff(a, b)
	if len(list) != 1 || !slices.Equal(apply(a, b, list), b) {
		t.Errorf("%d changes", len(list))
	}
}

func TestMerge(t *testing.T) {
	test := func(base, ours, theirs, want string, ok bool) {
		t.Helper()
		lines := func(s string) string {
			if s == "" {
				return ""
			}
			return strings.ReplaceAll(s, " ", "\n") + "\n"
		}
		got, gotOK := Merge(lines(base), lines(ours), lines(theirs))
		if gotOK != ok || ok && got != lines(want) {
			t.Errorf("%q, %q, %q: %q %v, want %q %v", base, ours, theirs, got, gotOK, want, ok)
		}
	}
	test("a b c d e", "a b c d e", "a b x d e", "a b x d e", true)
	test("a b c d e", "a b x d e", "a b c d e", "a b x d e", true)
	test("a b c d e", "x b c d e", "a b c d y", "x b c d y", true)
	test("a b c d e", "a x c d e", "a x c d e", "a x c d e", true) // both the same
	test("a b c d e", "a x c d e", "a y c d e", "", false)
	test("a b c d e", "a b c d e f", "a b c d e g", "", false) // both at the end
	test("a b c d e", "a c d e", "a b c d", "a c d", true)
	test("a b c d e", "a x c d e", "a b y d e", "", false) // touching
	test("a b c d e", "", "a b c d x", "", false)
	test("", "a", "", "a", true)
	test("", "", "", "", true)
}

func FuzzDiff(f *testing.F) {
	f.Add("abcabba", "cbabac")
	f.Add("", "x")
	f.Fuzz(func(t *testing.T, from, to string) {
		if len(from) > 500 || len(to) > 500 {
			return
		}
		a, b := strings.Split(from, ""), strings.Split(to, "")
		list := diff(a, b)
		if !slices.Equal(apply(a, b, list), b) {
			t.Fatalf("%q to %q by %v", from, to, list)
		}
		for i, c := range list {
			if c.aFrom > c.aTo || c.bFrom > c.bTo || i > 0 && c.aFrom <= list[i-1].aTo && c.bFrom <= list[i-1].bTo {
				t.Fatalf("%q to %q: %v", from, to, list)
			}
		}
		// A change merged with none is itself, from either side.
		x, y := strings.Join(a, "\n")+"\n", strings.Join(b, "\n")+"\n"
		if got, ok := Merge(x, y, x); !ok || got != y {
			t.Fatalf("%q with %q: %q", x, y, got)
		}
		if got, ok := Merge(x, x, y); !ok || got != y {
			t.Fatalf("%q with %q: %q", x, y, got)
		}
		if got, ok := Merge(x, y, y); !ok || got != y {
			t.Fatalf("%q with %q twice: %q", x, y, got)
		}
	})
}

func FuzzMerge(f *testing.F) {
	f.Add("abcdefgh", "xbcdefgh", "abcdefgy")
	f.Fuzz(func(t *testing.T, base, ours, theirs string) {
		if len(base)+len(ours)+len(theirs) > 600 {
			return
		}
		split := func(s string) string { return strings.Join(strings.Split(s, ""), "\n") + "\n" }
		one, ok1 := Merge(split(base), split(ours), split(theirs))
		two, ok2 := Merge(split(base), split(theirs), split(ours))
		if ok1 != ok2 || one != two {
			t.Errorf("the order matters: %q %v, %q %v", one, ok1, two, ok2)
		}
	})
}
