// SPDX-License-Identifier: GPL-3.0-or-later

package wiki

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// synthetic writes a site of n pages whose shape does not change: 3,000 made-up
// words, 60 tags, 6 links a page with low numbers popular, lists, tables,
// quotations and code, 2.4 KB a page. wiki chooses [[links]] or Markdown's.
func synthetic(t testing.TB, dir string, n int, wiki bool) (total int) {
	t.Helper()
	r := rand.New(rand.NewPCG(13, 2026))
	words := make([]string, 3000)
	for i := range words {
		var b strings.Builder
		for range 1 + r.IntN(4) {
			b.WriteByte("bcdfghklmnprstvwz"[r.IntN(17)])
			b.WriteByte("aeiou"[r.IntN(5)])
		}
		if r.Float64() < 0.4 {
			b.WriteByte("lmnrst"[r.IntN(6)])
		}
		words[i] = b.String()
	}
	word := func() string { return words[r.IntN(len(words))] }
	sentence := func() string {
		k := 8 + r.IntN(11)
		list := make([]string, k)
		for i := range list {
			list[i] = word()
		}
		at := r.IntN(k)
		u := r.Float64()
		x := r.Float64()
		page := fmt.Sprintf("Page%04d", int(float64(n)*x*x))
		switch {
		case u < 0.18:
			list[at] = "**" + list[at] + "**"
		case u < 0.30:
			list[at] = "*" + list[at] + "*"
		case u < 0.38:
			list[at] = "`" + list[at] + "`"
		case u < 0.62 && wiki:
			list[at] = "[[" + page + "]]"
		case u < 0.62:
			list[at] = "[" + list[at] + "](" + page + ".md)"
		case u < 0.66:
			list[at] = "[" + list[at] + "](https://example.org/" + word() + ")"
		}
		return strings.ToUpper(list[0][:1]) + list[0][1:] + " " + strings.Join(list[1:], " ") + "."
	}
	para := func(lo, hi int) string {
		list := make([]string, lo+r.IntN(hi-lo+1))
		for i := range list {
			list[i] = sentence()
		}
		return strings.Join(list, " ") + "\n\n"
	}
	for i := range n {
		var b strings.Builder
		fmt.Fprintf(&b, "---\ntitle: %s %s %d\ndate: %d-%02d-%02d\ntags: [", word(), word(), i, 2010+i%15, 1+i%12, 1+i%28)
		tags := r.Perm(60)[:1+r.IntN(4)]
		for j, tag := range tags {
			if j > 0 {
				b.WriteString(", ")
			}
			fmt.Fprintf(&b, "tag%02d", tag)
		}
		b.WriteString("]\n---\n\n")
		for h := range 3 {
			b.WriteString("## " + word() + " " + word() + "\n\n" + para(3, 5))
			switch {
			case h == 0:
				for range 4 {
					b.WriteString("- " + sentence() + "\n")
				}
				b.WriteString("\n")
			case h == 1 && i%3 == 0:
				b.WriteString("| a | b | c |\n|---|---|---|\n")
				for range 4 {
					b.WriteString("| " + word() + " | " + word() + " | " + word() + " |\n")
				}
				b.WriteString("\n")
			case h == 1 && i%3 == 1:
				b.WriteString("> " + sentence() + "\n\n")
			}
			if h == 2 && i%2 == 0 {
				b.WriteString("    " + word() + "\n    " + word() + "\n    " + word() + "\n\n")
			}
			b.WriteString(para(2, 4))
		}
		total += b.Len()
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("Page%04d.md", i)), []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return total
}
