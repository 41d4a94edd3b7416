// SPDX-License-Identifier: GPL-3.0-or-later

package spam

import (
	"cmp"
	"math"
	"slices"
)

// maxSlots bounds the table: 2 MiB, three quarters of them in use.
const maxSlots = 1 << 18

// A count is how many spam and ham messages hold the feature of a key.
type count struct {
	key       uint32
	spam, ham uint16
}

// counts is an open-addressed hash table, 8 bytes a slot; Go's own map would
// take four times as much. Key 0 marks a free slot, so the feature whose key is
// 0 shares the slot of key 1.
type counts struct {
	slots     []count
	used      int
	spam, ham int // messages counted
}

func newCounts() *counts { return &counts{slots: make([]count, 1<<12)} }

// slot returns where key is, or where it would go.
func (c *counts) slot(key uint32) *count {
	mask := uint32(len(c.slots) - 1)
	for i := key * 2654435769 >> 7; ; i++ {
		if s := &c.slots[i&mask]; s.key == key || s.key == 0 {
			return s
		}
	}
}

func (c *counts) get(key uint32) (spam, ham float64) {
	s := c.slot(max(key, 1))
	return float64(s.spam), float64(s.ham)
}

// add counts a message with these features.
func (c *counts) add(set []feature, spam bool) {
	if spam {
		c.spam++
	} else {
		c.ham++
	}
	for _, x := range set {
		if spam {
			c.put(x.key, 1, 0)
		} else {
			c.put(x.key, 0, 1)
		}
	}
}

// put adds to the counts of one feature.
func (c *counts) put(key uint32, spam, ham uint32) {
	if c.used >= len(c.slots)/4*3 {
		c.grow()
	}
	s := c.slot(max(key, 1))
	if s.key == 0 {
		s.key = max(key, 1)
		c.used++
	}
	s.spam = uint16(min(uint32(s.spam)+min(spam, math.MaxUint16), math.MaxUint16))
	s.ham = uint16(min(uint32(s.ham)+min(ham, math.MaxUint16), math.MaxUint16))
}

// remove takes back what add did.
func (c *counts) remove(set []feature, spam bool) {
	if spam {
		c.spam = max(c.spam-1, 0)
	} else {
		c.ham = max(c.ham-1, 0)
	}
	for _, x := range set {
		s := c.slot(max(x.key, 1))
		if spam && s.spam > 0 {
			s.spam--
		} else if !spam && s.ham > 0 {
			s.ham--
		}
	}
}

// grow doubles the table, or, at its bound, forgets the features seen least:
// they say least and are most of all.
func (c *counts) grow() {
	size, least := len(c.slots), 1
	if size < maxSlots {
		size *= 2
	} else {
		for c.seen(least) > size/2 {
			least++
		}
	}
	old := c.slots
	c.slots, c.used = make([]count, size), 0
	for _, s := range old {
		if int(s.spam)+int(s.ham) >= least {
			*c.slot(s.key) = s
			c.used++
		}
	}
}

// seen returns how many features were seen in at least so many messages.
func (c *counts) seen(least int) int {
	n := 0
	for _, s := range c.slots {
		if int(s.spam)+int(s.ham) >= least {
			n++
		}
	}
	return n
}

// sorted returns the counts that are not nought, by key.
func (c *counts) sorted() []count {
	list := make([]count, 0, c.used)
	for _, s := range c.slots {
		if s.spam > 0 || s.ham > 0 {
			list = append(list, s)
		}
	}
	slices.SortFunc(list, func(a, b count) int { return cmp.Compare(a.key, b.key) })
	return list
}
