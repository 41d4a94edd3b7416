// SPDX-License-Identifier: GPL-3.0-or-later

package spam

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"oswald"
)

// maxEvidence is how many features a result names, and leastEvidence how far from
// even, in log-odds, one must lie to be named.
const (
	maxEvidence   = 15
	leastEvidence = 0.05
)

// A clue is one feature with its share in the log-odds of the blend.
type clue struct {
	feature  feature
	strength float64
}

// evidence names what moved an opinion, strongest first. A feature's share is
// what it adds to the regression and a third of what it tells the other judge,
// as in the blend.
func (m *model) evidence(f *features, o opinion) []oswald.Evidence {
	var best [maxEvidence]clue
	n := 0
	put := func(x feature, strength float64) {
		if math.Abs(strength) < leastEvidence || n == maxEvidence && math.Abs(strength) <= math.Abs(best[n-1].strength) {
			return
		}
		n = min(n+1, maxEvidence)
		best[n-1] = clue{x, strength}
		for i := n - 1; i > 0 && math.Abs(best[i].strength) > math.Abs(best[i-1].strength); i-- {
			best[i], best[i-1] = best[i-1], best[i]
		}
	}
	// The pieces of a word speak for the word where it stands alone.
	f.extra = append(f.extra[:0], make([]float64, len(f.set))...)
	for _, g := range f.groups {
		var sum float32
		for _, i := range f.grams[g.first:g.last] {
			sum += m.lr[i].w
		}
		s := float64(sum) / o.root
		key := mixAll(start(word), f.text[g.from:g.to])
		if i, ok := slices.BinarySearchFunc(f.set, key, func(x feature, key uint32) int { return cmp.Compare(x.key, key) }); ok {
			f.extra[i] += s
		} else {
			put(feature{from: g.from, to: g.to, kind: pieces}, s)
		}
	}
	t := m.totals()
	for i, x := range f.set {
		s := f.extra[i] + float64(m.lr[index(x.key)].w)/o.root
		if t.spam > 0 && t.ham > 0 {
			if p := m.of(x.key, t); math.Abs(p-0.5) > ownFisher.minDev {
				s += logit(p) / 3
			}
		}
		put(x, s)
	}
	list := make([]oswald.Evidence, n)
	for i, c := range best[:n] {
		list[i] = oswald.Evidence{Feature: f.name(c.feature), Spam: sigmoid(c.strength)}
	}
	slices.SortStableFunc(list, strongest)
	return list
}

// strongest orders evidence by how far it is from even.
func strongest(a, b oswald.Evidence) int {
	return cmp.Compare(math.Abs(b.Spam-0.5), math.Abs(a.Spam-0.5))
}

// name says what a feature is, in words.
func (f *features) name(x feature) string {
	switch x.kind {
	case word:
		return fmt.Sprintf("word “%s”", f.quote(x))
	case pair:
		return fmt.Sprintf("words “%s”", f.quote(x))
	case pieces:
		return fmt.Sprintf("spelling of “%s”", f.quote(x))
	case length:
		if x.from == 0 {
			return "no text"
		}
		return fmt.Sprintf("length of %d to %d characters", 1<<x.from-1, 1<<(x.from+1)-2)
	case upper:
		return [...]string{"hardly any capitals", "some capitals", "many capitals", "mostly capitals", "nearly all capitals", "nothing but capitals"}[min(x.from, 5)]
	case digit:
		return [...]string{"hardly any digits", "few digits", "some digits", "many digits", "a great many digits", "mostly digits"}[min(x.from, 5)]
	case links:
		return [...]string{"no link", "1 link", "2 links", "3 links or more"}[min(x.from, 3)]
	}
	return string(x.kind)
}

// quote returns the words of a feature, shortened, for one line of a phone.
func (f *features) quote(x feature) string {
	const most = 40
	s := strings.Join(strings.Fields(string(f.text[x.from:x.to])), " ")
	if utf8.RuneCountInString(s) > most {
		s = string([]rune(s)[:most-1]) + "…"
	}
	return s
}
