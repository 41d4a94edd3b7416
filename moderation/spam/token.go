// SPDX-License-Identifier: GPL-3.0-or-later

package spam

import (
	"bytes"
	"cmp"
	"math/bits"
	"slices"
	"unicode"
	"unicode/utf8"
)

// maxText bounds the work on one text: what lies behind it is not looked at.
const maxText = 16 << 10

// maxPiece is the length in characters at which a word is cut before it is taken
// to pieces, and gramMin and gramMax are the lengths of the pieces.
const (
	maxPiece         = 60
	gramMin, gramMax = 2, 5
)

// tableBits is the size of the hashed space of the regression: 2^18 weights.
const tableBits = 18

// A kind is what sort of feature something is.
type kind byte

const (
	word   kind = 'w' // a run of letters and digits, or one other character
	pair   kind = 'b' // two neighbours of those
	length kind = 'L'
	upper  kind = 'U'
	digit  kind = 'D'
	links  kind = 'H'
	pieces kind = 'c' // the character n-grams of one word
)

// A feature is one that the counting judge knows by its key; from and to are
// its place in the lower-cased text, or its value twice for a trait of shape.
type feature struct {
	key      uint32
	from, to int32
	kind     kind
}

// A group is the pieces of one word: grams[first:last] belong to text[from:to].
type group struct {
	first, last, from, to int32
}

// features is a text taken apart. It is reused: a filter keeps a few of them.
type features struct {
	text   []byte    // lower-cased, without invisible characters
	set    []feature // each key once, by key
	grams  []uint32  // indices of pieces, each once; none is also the index of a key in set
	groups []group
	word   []byte    // scratch: a word between two spaces
	ends   []int32   // scratch: where its characters end
	seen   []uint64  // one bit for each index; all zero between uses
	extra  []float64 // scratch of evidence
}

func newFeatures() *features {
	return &features{seen: make([]uint64, 1<<tableBits/64)}
}

// FNV-1a, 32 bits, as draft-eastlake-fnv defines it.
const (
	fnvOffset uint32 = 2166136261
	fnvPrime  uint32 = 16777619
)

func mix(h uint32, b byte) uint32 { return (h ^ uint32(b)) * fnvPrime }

func mixAll(h uint32, s []byte) uint32 {
	for _, b := range s {
		h = (h ^ uint32(b)) * fnvPrime
	}
	return h
}

func start(k kind) uint32 { return mix(mix(fnvOffset, byte(k)), ':') }

// index returns the place of a key in the table of the regression.
func index(key uint32) uint32 { return (key ^ key>>15) & (1<<tableBits - 1) }

// fresh reports whether index i has not been seen in this text yet.
func (f *features) fresh(i uint32) bool {
	bit := uint64(1) << (i & 63)
	if f.seen[i>>6]&bit != 0 {
		return false
	}
	f.seen[i>>6] |= bit
	return true
}

// read takes text apart. What it left from the last text is gone.
func (f *features) read(text string) {
	if len(text) > maxText {
		text = text[:maxText]
	}
	f.set, f.grams, f.groups = f.set[:0], f.grams[:0], f.groups[:0]
	letters, uppers, digits, chars := f.fold(text)
	f.split()
	f.trait(length, bits.Len(uint(chars+1))-1)
	f.trait(upper, 5*uppers/(letters+1))
	f.trait(digit, min(5, 20*digits/(chars+1)))
	f.trait(links, min(3, countLinks(f.text)))
	slices.SortFunc(f.set, func(a, b feature) int {
		if c := cmp.Compare(a.key, b.key); c != 0 {
			return c
		}
		return cmp.Compare(a.from, b.from)
	})
	f.set = slices.CompactFunc(f.set, func(a, b feature) bool { return a.key == b.key })
	for _, x := range f.set {
		f.fresh(index(x.key))
	}
	f.shred()
	for _, x := range f.set {
		f.seen[index(x.key)>>6] = 0
	}
	for _, i := range f.grams {
		f.seen[i>>6] = 0
	}
}

// fold copies text in lower case, without what cannot be seen: zero-width
// characters are a cheap way to break up words that a filter knows.
func (f *features) fold(text string) (letters, uppers, digits, chars int) {
	f.text = f.text[:0]
	for _, r := range text {
		if r < utf8.RuneSelf {
			chars++
			switch {
			case 'a' <= r && r <= 'z':
				letters++
			case 'A' <= r && r <= 'Z':
				letters++
				uppers++
				r += 'a' - 'A'
			case '0' <= r && r <= '9':
				digits++
			}
			f.text = append(f.text, byte(r))
			continue
		}
		if unicode.Is(unicode.Cf, r) {
			continue
		}
		chars++
		switch {
		case unicode.IsLetter(r):
			letters++
			if unicode.IsUpper(r) {
				uppers++
			}
		case unicode.IsDigit(r):
			digits++
		}
		f.text = utf8.AppendRune(f.text, unicode.ToLower(r))
	}
	return letters, uppers, digits, chars
}

// split finds the words and their pairs.
func (f *features) split() {
	from, prev := -1, feature{from: -1}
	emit := func(from, to int) {
		x := feature{mixAll(start(word), f.text[from:to]), int32(from), int32(to), word}
		f.set = append(f.set, x)
		if prev.from >= 0 {
			h := mix(mixAll(start(pair), f.text[prev.from:prev.to]), ' ')
			f.set = append(f.set, feature{mixAll(h, f.text[from:to]), prev.from, x.to, pair})
		}
		prev = x
	}
	for i := 0; i < len(f.text); {
		r, n := utf8.DecodeRune(f.text[i:])
		inWord := isWord(r)
		if from >= 0 && !inWord {
			emit(from, i)
			from = -1
		}
		switch {
		case inWord && from < 0:
			from = i
		case !inWord && !unicode.IsSpace(r):
			emit(i, i+n)
		}
		i += n
	}
	if from >= 0 {
		emit(from, len(f.text))
	}
}

func isWord(r rune) bool {
	if r < utf8.RuneSelf {
		return 'a' <= r && r <= 'z' || '0' <= r && r <= '9'
	}
	return unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r)
}

func (f *features) trait(k kind, value int) {
	f.set = append(f.set, feature{mix(start(k), '0'+byte(value)), int32(value), int32(value), k})
}

func countLinks(text []byte) int {
	n := 0
	for _, mark := range [...]string{"http://", "https://", "www.", ".com"} {
		n += bytes.Count(text, []byte(mark))
	}
	return n
}

// shred takes each space-separated word to pieces of 2 to 5 characters. A space
// on either side of the word counts as a character, so that its ends are told
// from its middle.
func (f *features) shred() {
	for i := 0; i < len(f.text); {
		r, n := utf8.DecodeRune(f.text[i:])
		if unicode.IsSpace(r) {
			i += n
			continue
		}
		from := i
		f.word, f.ends = append(f.word[:0], ' '), append(f.ends[:0], 0, 1)
		for i < len(f.text) {
			if r, n = utf8.DecodeRune(f.text[i:]); unicode.IsSpace(r) {
				break
			}
			if len(f.ends) < maxPiece+2 {
				f.word = append(f.word, f.text[i:i+n]...)
				f.ends = append(f.ends, int32(len(f.word)))
			}
			i += n
		}
		f.word = append(f.word, ' ')
		f.ends = append(f.ends, int32(len(f.word)))
		first := len(f.grams)
		f.gramsOf()
		if len(f.grams) > first {
			f.groups = append(f.groups, group{int32(first), int32(len(f.grams)), int32(from), int32(i)})
		}
	}
}

func (f *features) gramsOf() {
	for p := 0; p < len(f.ends)-gramMin; p++ {
		h := start(pieces)
		for n := 1; n <= gramMax && p+n < len(f.ends); n++ {
			h = mixAll(h, f.word[f.ends[p+n-1]:f.ends[p+n]])
			if n < gramMin {
				continue
			}
			if i := index(h); f.fresh(i) {
				f.grams = append(f.grams, i)
			}
		}
	}
}
