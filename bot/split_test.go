// SPDX-License-Identifier: GPL-3.0-or-later

package bot

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestSplit(t *testing.T) {
	test := func(s string, limit int, raw bool, want ...string) {
		t.Helper()
		if got := split(s, limit, raw); !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", s, got, want)
		}
	}
	test("", 20, false, "")
	test("short", 20, false, "short")
	test("twelve chars\ntwelve chars", 20, false, "twelve chars", "twelve chars")
	test("twelve chars\n\n\ntwelve chars", 20, false, "twelve chars\n\n", "twelve chars")
	test("one two three four five six", 20, false, "one two three four", "five six")
	test("äöüäöüäöüäöüäöüäöüäöüäöü", 20, false, "äöüäöüäöüäöüäöüäöüäö", "üäöü")
	// A block is closed and opened again, and has no empty rest.
	test("```\ncode line 1\ncode line 2\n```\nend", 20, false, "```\ncode line 1\n```", "```\ncode line 2\n```", "end")
	// One that fits into a part is not cut.
	test("some words\n```\na\nb\n```\nend", 20, false, "some words", "```\na\nb\n```\nend")
	test("```go\nfunc main() { print() }\n```", 20, false, "```go\n```", "```\nfunc main()\n```", "```\n{ print() }\n```")
	test("```\nnever closed\nat all", 20, false, "```\nnever closed\n```", "```\nat all")
	// Where nothing is styled nothing is closed.
	test("```\ncode line 1\ncode line 2\n```\nend", 20, true, "```\ncode line 1", "code line 2\n```\nend")
	// What looks like one character stays one.
	test("aaaaaaaaaaaaaaaaaa👩‍👩‍👧‍👦b", 20, false, "aaaaaaaaaaaaaaaaaa", "👩‍👩‍👧‍👦b")
	test("aaaaaaaaaaaaaaaaaaae\u0301b", 20, false, "aaaaaaaaaaaaaaaaaaa", "e\u0301b")
}

func FuzzSplit(f *testing.F) {
	f.Add("a\nb\nc", 20, false)
	f.Add("```\nabc\ndef ghi\n```", 20, false)
	f.Add("words before\n```\nabc\ndef ghi\n```\nwords after it\n```x\n```", 20, false)
	f.Add("```\n```\n```\n```\n```", 20, false)
	f.Add(strings.Repeat("ü ", 50), 30, true)
	f.Add("```"+strings.Repeat("`", 40), 20, false)
	f.Add("00000000000000000000```000000000000000000", 20, false)
	f.Fuzz(func(t *testing.T, s string, limit int, raw bool) {
		if limit < 20 || limit > 5000 {
			return
		}
		s = clean(s)
		parts := split(s, limit, raw)
		squeeze := func(s string) string { return strings.NewReplacer(" ", "", "\n", "", "\t", "", "`", "").Replace(s) }
		if got := squeeze(strings.Join(parts, "")); got != squeeze(s) {
			t.Errorf("%q became %q", s, parts)
		}
		var lines []string
		for i, p := range parts {
			if n := utf8.RuneCountInString(p); n > limit {
				t.Errorf("%q: a part of %d characters", s, n)
			}
			if !utf8.ValidString(p) {
				t.Errorf("%q: cut within a character", s)
			}
			open := false
			for line := range strings.SplitSeq(p, "\n") {
				lines = append(lines, line)
				if open = open != (!open && strings.HasPrefix(line, fence) || open && closes(line)); raw {
					open = false
				}
			}
			if open && i < len(parts)-1 {
				t.Errorf("%q: a block of part %d is never closed: %q", s, i, parts)
			}
		}
		// Every line that fits beside a block's ends is there in one piece, in order.
		for line := range strings.SplitSeq(s, "\n") {
			if utf8.RuneCountInString(line) > limit-2*(1+len(fence)) || strings.TrimSpace(line) == "" {
				continue
			}
			i := slices.Index(lines, line)
			if i < 0 {
				t.Fatalf("%q: the line %q is cut: %q", s, line, parts)
			}
			lines = lines[i+1:]
		}
	})
}
