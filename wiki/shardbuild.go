// SPDX-License-Identifier: GPL-3.0-or-later

package wiki

import (
	"slices"
	"sort"
)

// postings is the room for the postings of one word.
type postings struct{ from, to, end int }

// allShards makes the files of all words: it counts the postings of each word,
// makes room for just so many, and fills it. Large sites are gone through in
// parts, so that memory holds the postings of one part only.
func (b *work) allShards(sh shape) error {
	var list []*stored
	for _, p := range b.at {
		if p.toIndex().key != "" {
			list = append(list, p)
		}
	}
	sort.Slice(list, func(i, j int) bool {
		if x, y := list[i].rec.id, list[j].rec.id; x != y {
			return x < y
		}
		return list[i].rec.Key < list[j].rec.Key
	})
	parts := uint32(1 + len(list)/10000)
	var buf []byte
	each := func(part uint32, f func(p *stored, word []byte, points byte)) {
		for _, p := range list {
			buf = b.m.readWords(p.toIndex(), buf)
			for blob := buf; len(blob) > 0; {
				var word []byte
				var n byte
				if word, n, blob = nextTerm(blob); parts == 1 || partOf(word)%parts == part {
					f(p, word, n)
				}
			}
		}
	}
	for part := range parts {
		lists := map[string]*postings{}
		total := 0
		each(part, func(_ *stored, word []byte, _ byte) {
			l := lists[string(word)]
			if l == nil {
				l = &postings{}
				lists[string(word)] = l
			}
			l.end += idSize + 1
			total += idSize + 1
		})
		words := make([]string, 0, len(lists))
		for w := range lists {
			words = append(words, w)
		}
		slices.Sort(words)
		at := 0
		for _, w := range words {
			l := lists[w]
			l.from, l.to, at = at, at, at+l.end
			l.end = at
		}
		room := make([]byte, total)
		each(part, func(p *stored, word []byte, points byte) {
			l := lists[string(word)]
			if l == nil || l.to+idSize+1 > l.end {
				b.m.fault.Store(true) // the pack has changed under us
				return
			}
			copy(room[l.to:], p.rec.id)
			room[l.to+idSize] = '0' + points
			l.to += idSize + 1
		})
		if err := b.writeShards(sh, words, func(w string) []byte { return room[lists[w].from:lists[w].to] }); err != nil {
			return err
		}
	}
	return nil
}

// partOf spreads words so that those of one file stay together.
func partOf(word []byte) uint32 {
	h := uint32(0)
	for i, c := range word {
		if i == 1 && c < 0x80 || i == 4 { // the first letter, however many bytes
			break
		}
		h = h*31 + uint32(c)
	}
	return h ^ h>>3
}

// writeShards writes the files of words, which are in order: those of one file
// follow each other.
func (b *work) writeShards(sh shape, words []string, list func(word string) []byte) error {
	var text []byte
	for i, w := range words {
		text = append(append(append(append(text, w...), ' '), list(w)...), '\n')
		file := sh.wordFile(w)
		if i+1 < len(words) && sh.wordFile(words[i+1]) == file {
			continue
		}
		if err := b.w.out.put(file, text); err != nil {
			return err
		}
		text = text[:0]
	}
	return nil
}
