// SPDX-License-Identifier: GPL-3.0-or-later

package handlers

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"oswald"
)

func TestSplitWords(t *testing.T) {
	test := func(text string, want ...string) {
		t.Helper()
		got, err := splitWords(text)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: %q, %v, want %q", text, got, err, want)
		}
	}
	test("")
	test(" \t\n ")
	test("a b  c\nd", "a", "b", "c", "d")
	test(`"a b" c`, "a b", "c")
	test(`“a b” c`, "a b", "c") // as phones type it
	test(`„a b“ «c d»`, "a b", "c d")
	test(`“a b" c`, "a b", "c")
	test(`"say \"hi\" \\ now"`, `say "hi" \ now`)
	test(`it's o'clock 5" wide`, "it's", "o'clock", `5"`, "wide")
	test(`"" x`, "", "x")
	test(`"a""b"`, "a", "b")
	fails := func(text string) {
		t.Helper()
		if words, err := splitWords(text); oswald.CodeOf(err) != oswald.Invalid {
			t.Errorf("%q: %q, %v", text, words, err)
		}
	}
	fails(`"open`)
	fails(`a "b`)
	fails(`"ends with \"`)
	fails(`“straight to the end`)
}

func FuzzSplitWords(f *testing.F) {
	for _, s := range []string{`say "hello \" there" it's`, "“a” «b» „c“", "\"", "a\x00b\xff", "\\", "\u2029x\u00a0y"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		words, err := splitWords(text)
		if err != nil {
			if words != nil || oswald.CodeOf(err) != oswald.Invalid || strings.ContainsAny(oswald.MessageOf(err), "\n\x00") {
				t.Fatalf("%q: %q, %v", text, words, err)
			}
			return
		}
		// Quoted again, they are the same words.
		var again strings.Builder
		for _, w := range words {
			again.WriteString(`"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(w) + `" `)
		}
		got, err := splitWords(again.String())
		if utf8.ValidString(text) && (err != nil || !slices.Equal(got, words)) {
			t.Fatalf("%q: %q came back as %q, %v", text, words, got, err)
		}
	})
}

// FuzzParse holds that no text makes the table panic, gives a guest a command
// or leads to a sentence that is not fit to print.
func FuzzParse(f *testing.F) {
	h := &Handlers{}
	h.rows = h.table()
	for _, s := range []string{"help", "spam why 12", "say left hi", "!!", "/", "sp w", "comment \"", "\u202ehelp", "yes", "SPAM WHY #1", "."} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, role := range []oswald.Role{oswald.Guest, oswald.Member, oswald.Owner} {
			c, err := h.parse(text, oswald.Actor{Address: "a", Role: role}, "")
			if err != nil {
				m := oswald.MessageOf(err)
				if oswald.CodeOf(err) == oswald.Internal || m == "" || len(m) > 600 || strings.ContainsAny(m, "\x00\n\u202e") {
					t.Fatalf("%q: %q", text, m)
				}
				continue
			}
			if c.role == oswald.NoRole || c.role > role || len(c.args) > c.max || len(c.args) < c.min {
				t.Fatalf("%q as %v: %s %q", text, role, c.path, c.args)
			}
		}
	})
}

func TestText(t *testing.T) {
	test := func(got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	test(clip("äöü", 5), "ä…")
	test(clip("abc", 3), "abc")
	test(clip("abcd", 3), "…")
	test(oneLine("a\x00b\n c\u202e d", 20), "ab c d")
	test(oneLine("abcdef", 4), "abc…")
	test(span(-1), "0 s")
	test(span(94*1e9), "94 s")
	test(span(96*1e9), "2 min")
	test(span(3*3600*1e9), "3 h")
	test(span(48*3600*1e9), "2 days")
	test(took(1), "1 ms")
	test(took(1234*1e6), "1.2 s")
	test(listed([]string{"a", "b", "c"}, "or"), "a, b or c")
	test(percent(0.9999), "over 99 % spam")
	test(sparkline([]float64{20, 20.01, 20, 20.02}), "▅▅▅▅")
	test(sparkline([]float64{20, 30}), "▁█")
}

func TestLegible(t *testing.T) {
	test := func(in, want string) {
		t.Helper()
		if got := legible(in); got != want {
			t.Errorf("legible(%q) = %q, want %q", in, got, want)
		}
	}
	test("pi\x00ng\x07", "ping")
	test("\x1b[2Jping\u0085\u009b\u202e\ufeff\uffff\xff", "[2Jping")
	test("say a\n\tb", "say a\n\tb")
	test("👩\u200d🍳 می\u200cخواهم ü", "👩\u200d🍳 می\u200cخواهم ü")
}
