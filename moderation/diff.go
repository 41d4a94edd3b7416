// SPDX-License-Identifier: GPL-3.0-or-later

package moderation

import (
	"fmt"
	"slices"
	"strings"
)

// change says that lines [aFrom, aTo) of one text are lines [bFrom, bTo) of another.
type change struct{ aFrom, aTo, bFrom, bTo int }

// maxEdits bounds the work of a diff: texts further apart than this many lines
// are told as one replaced by the other.
const maxEdits = 1000

// diff returns how a becomes b, by the greedy algorithm of Myers (1986): the
// fewest lines taken out and put in.
func diff(a, b []string) []change {
	head := 0
	for head < len(a) && head < len(b) && a[head] == b[head] {
		head++
	}
	tail := 0
	for tail < len(a)-head && tail < len(b)-head && a[len(a)-1-tail] == b[len(b)-1-tail] {
		tail++
	}
	a, b = a[head:len(a)-tail], b[head:len(b)-tail]
	if len(a) == 0 && len(b) == 0 {
		return nil
	}
	var list []change
	x, y := 0, 0
	for _, m := range append(matches(a, b), [2]int{len(a), len(b)}) {
		if m[0] > x || m[1] > y {
			list = append(list, change{head + x, head + m[0], head + y, head + m[1]})
		}
		x, y = m[0]+1, m[1]+1
	}
	return list
}

// matches returns the pairs of equal lines that a shortest edit keeps, in order;
// none when a and b are too far apart.
func matches(a, b []string) [][2]int {
	most := min(len(a)+len(b), maxEdits)
	v := make([]int, 2*most+3) // furthest x on each diagonal; middle is most+1
	mid := most + 1
	var trace [][]int
	for d := 0; d <= most; d++ {
		trace = append(trace, slices.Clone(v[mid-d:mid+d+1]))
		for k := -d; k <= d; k += 2 {
			x := v[mid+k-1] + 1
			if k == -d || k != d && v[mid+k-1] < v[mid+k+1] {
				x = v[mid+k+1]
			}
			y := x - k
			for x < len(a) && y < len(b) && a[x] == b[y] {
				x, y = x+1, y+1
			}
			v[mid+k] = x
			if x >= len(a) && y >= len(b) {
				return walk(trace, len(a), len(b))
			}
		}
	}
	return nil
}

// walk goes the way back through the traces and collects the diagonals.
func walk(trace [][]int, x, y int) [][2]int {
	var list [][2]int
	for d := len(trace) - 1; d > 0; d-- {
		at := func(k int) int { return trace[d][k+d] } // furthest x before step d
		k := x - y
		from := k - 1
		if k == -d || k != d && at(k-1) < at(k+1) {
			from = k + 1
		}
		px := at(from)
		py := px - from
		// Down or right first, then along the diagonal: backwards the other way.
		for x > px && y > py && !(x == px+1 && y == py || x == px && y == py+1) {
			x, y = x-1, y-1
			list = append(list, [2]int{x, y})
		}
		x, y = px, py
	}
	for x > 0 && y > 0 {
		x, y = x-1, y-1
		list = append(list, [2]int{x, y})
	}
	slices.Reverse(list)
	return list
}

func splitLines(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(strings.TrimSuffix(s, "\n"), "\n")
}

// diffLine is a line of a diff: Kind is ' ', '+', '-' or '@' for a place.
type diffLine struct {
	Kind rune
	Text string
}

// unified lists how one text becomes another, with three lines around each change.
func unified(from, to string) []diffLine {
	const around = 3
	a, b := splitLines(from), splitLines(to)
	var out []diffLine
	list := diff(a, b)
	for i := 0; i < len(list); {
		first := i
		for i++; i < len(list) && list[i].aFrom-list[i-1].aTo <= 2*around; i++ {
		}
		last := list[i-1]
		start, end := max(0, list[first].aFrom-around), min(len(a), last.aTo+around)
		out = append(out, diffLine{'@', fmt.Sprintf("line %d", start+1)})
		at := start
		for _, c := range list[first:i] {
			for ; at < c.aFrom; at++ {
				out = append(out, diffLine{' ', a[at]})
			}
			for ; at < c.aTo; at++ {
				out = append(out, diffLine{'-', a[at]})
			}
			for _, line := range b[c.bFrom:c.bTo] {
				out = append(out, diffLine{'+', line})
			}
		}
		for ; at < end; at++ {
			out = append(out, diffLine{' ', a[at]})
		}
	}
	return out
}

// Merge brings two changes of one text together, line by line: what ours and
// theirs made of base. It reports false where both changed the same or touching
// lines in different ways; then a person has to look.
func Merge(base, ours, theirs string) (merged string, ok bool) {
	a, x, y := splitLines(base), splitLines(ours), splitLines(theirs)
	one, two := diff(a, x), diff(a, y)
	var out []string
	at := 0
	for len(one) > 0 || len(two) > 0 {
		// The next region of base that anybody changed, grown until nothing that
		// was changed touches it.
		from, to := len(a)+1, 0
		if len(one) > 0 {
			from, to = one[0].aFrom, one[0].aTo
		}
		if len(two) > 0 && (two[0].aFrom < from || two[0].aFrom == from && two[0].aTo < to) {
			from, to = two[0].aFrom, two[0].aTo
		}
		i, j := 0, 0
		for grown := true; grown; {
			grown = false
			for i < len(one) && one[i].aFrom <= to {
				to, i, grown = max(to, one[i].aTo), i+1, true
			}
			for j < len(two) && two[j].aFrom <= to {
				to, j, grown = max(to, two[j].aTo), j+1, true
			}
		}
		left, right := region(a, x, one[:i], from, to), region(a, y, two[:j], from, to)
		out = append(out, a[at:from]...)
		switch {
		case i == 0:
			out = append(out, right...)
		case j == 0, slices.Equal(left, right):
			out = append(out, left...)
		default:
			return "", false
		}
		at, one, two = to, one[i:], two[j:]
	}
	out = append(out, a[at:]...)
	if len(out) == 0 {
		return "", true
	}
	return strings.Join(out, "\n") + "\n", true
}

// region is what changes make of lines [from, to) of a.
func region(a, b []string, list []change, from, to int) []string {
	var out []string
	for _, c := range list {
		out = append(out, a[from:c.aFrom]...)
		out = append(out, b[c.bFrom:c.bTo]...)
		from = c.aTo
	}
	return append(out, a[from:to]...)
}
