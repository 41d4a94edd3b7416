// SPDX-License-Identifier: GPL-3.0-or-later

package spam

import (
	"cmp"
	"maps"
	"slices"
)

// maxRemembered bounds the text kept for replays, in bytes.
const maxRemembered = 2 << 20

// An entry is a label the filter knows. The text is empty where it is not in
// memory: after a start, or when there are too many.
type entry struct {
	n    int64
	spam bool
	text string
}

// memory is the labels the filter knows, by number.
type memory struct {
	list   []entry
	bytes  int
	oldest int // texts before it were dropped
}

func (m *memory) find(n int64) (int, bool) {
	if k := len(m.list); k == 0 || m.list[k-1].n < n {
		return k, false // the usual case: a new comment
	}
	return slices.BinarySearchFunc(m.list, n, func(e entry, n int64) int { return cmp.Compare(e.n, n) })
}

func (m *memory) get(n int64) (entry, bool) {
	if i, ok := m.find(n); ok {
		return m.list[i], true
	}
	return entry{}, false
}

func (m *memory) put(n int64, spam bool, text string) {
	i, ok := m.find(n)
	if !ok {
		m.list = slices.Insert(m.list, i, entry{n: n})
	}
	m.bytes += len(text) - len(m.list[i].text)
	m.list[i].spam, m.list[i].text = spam, text
	for m.bytes > maxRemembered && m.oldest < len(m.list) {
		m.bytes -= len(m.list[m.oldest].text)
		m.list[m.oldest].text = ""
		m.oldest++
	}
}

func sortedKeys(m map[int64]Message) []int64 { return slices.Sorted(maps.Keys(m)) }
