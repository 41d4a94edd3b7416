// SPDX-License-Identifier: GPL-3.0-or-later

package wiki

import (
	"strconv"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// How much a word counts by where it stands.
const (
	inText    = 1
	inHeading = 4
	inTag     = 6
	inTitle   = 12

	maxPoints = 63   // more makes no page any better
	maxTerm   = 40   // letters of a word that are looked at
	maxTerms  = 5000 // different words of one page
)

// termBag collects the words of a page with their points. It remembers the words
// of the pages before, most of which come again.
type termBag struct {
	at     map[string]int32
	words  []string
	points []uint16 // by word; 0 for those of other pages
	used   []int32  // words of this page, in the order of the text
}

// manyWords is how many words a bag remembers.
const manyWords = 1 << 15

var bags = sync.Pool{New: func() any { return &termBag{at: map[string]int32{}} }}

func newBag() *termBag { return bags.Get().(*termBag) }

func (b *termBag) free() {
	for _, i := range b.used {
		b.points[i] = 0
	}
	b.used = b.used[:0]
	if len(b.words) > manyWords {
		clear(b.at)
		b.words, b.points = nil, nil
	}
	bags.Put(b)
}

// add takes the words of text. A nil bag takes none.
func (b *termBag) add(text []byte, points int) {
	if b == nil {
		return
	}
	var low [maxTerm]byte
	for i := 0; i < len(text); {
		n, plain := 0, true
		start := i
		for ; i < len(text); i++ {
			c := text[i]
			switch {
			case c >= 'a' && c <= 'z', c >= '0' && c <= '9':
			case c >= 'A' && c <= 'Z':
				c += 'a' - 'A'
			case c >= utf8.RuneSelf:
				plain = false
			default:
				c = 0
			}
			if c == 0 {
				break
			}
			if n < maxTerm {
				low[n] = c
				n++
			}
		}
		switch {
		case i == start:
			i++
		case !plain:
			for _, w := range splitTerms(string(text[start:i])) {
				b.put([]byte(w), points)
			}
		case n > 1:
			b.put(low[:n], points)
		}
	}
}

func (b *termBag) put(word []byte, points int) {
	i, known := b.at[string(word)]
	switch {
	case known && b.points[i] > 0:
		b.points[i] = min(b.points[i]+uint16(points), maxPoints)
		return
	case len(b.used) == maxTerms:
		return
	case !known:
		w := string(word)
		i = int32(len(b.words))
		b.at[w] = i
		b.words, b.points = append(b.words, w), append(b.points, 0)
	}
	b.points[i] = min(uint16(points), maxPoints)
	b.used = append(b.used, i)
}

// blob writes the bag: for each word, in the order of the text, its points, its
// length, itself.
func (b *termBag) blob() []byte {
	size := 0
	for _, i := range b.used {
		size += len(b.words[i]) + 2
	}
	out := make([]byte, 0, size)
	for _, i := range b.used {
		w := b.words[i]
		out = append(append(out, byte(b.points[i]), byte(len(w))), w...)
	}
	return out
}

// nextTerm reads the first word of a blob. Nothing is left of a damaged one.
func nextTerm(blob []byte) (word []byte, points byte, rest []byte) {
	if len(blob) < 2 || len(blob) < 2+int(blob[1]) {
		return nil, 0, nil
	}
	n := 2 + int(blob[1])
	return blob[2:n], blob[0], blob[n:]
}

// splitTerms parts a text into words as the index has them, and as search.js
// does: compatibility forms and accents are undone, letters are small. Scripts
// that put no spaces between words are parted into overlapping pairs of letters.
// A single letter is no word otherwise.
func splitTerms(text string) []string {
	var out []string
	var word, pairs []rune
	flush := func() {
		if len(word) > 1 {
			out = append(out, string(word[:min(len(word), maxTerm)]))
		}
		for i := range pairs {
			if i+1 < len(pairs) {
				out = append(out, string(pairs[i:i+2]))
			} else if i == 0 {
				out = append(out, string(pairs))
			}
		}
		word, pairs = word[:0], pairs[:0]
	}
	for _, r := range norm.NFKD.String(text) {
		if r = unicode.ToLower(r); r == 'ς' {
			r = 'σ'
		}
		switch {
		case unicode.Is(unicode.M, r):
		case unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana):
			if len(word) > 0 {
				flush()
			}
			pairs = append(pairs, r)
		case unicode.In(r, unicode.L, unicode.N):
			if len(pairs) > 0 {
				flush()
			}
			word = append(word, r)
		default:
			flush()
		}
	}
	flush()
	return out
}

// shardName names the file of a word: its first letters, those beyond ASCII by
// number. Two beginnings may share a name, and then they share the file.
func shardName(word string, letters int) string {
	plain := len(word) >= letters
	for i := 0; i < letters && plain; i++ {
		plain = word[i] < utf8.RuneSelf
	}
	if plain {
		return word[:letters]
	}
	var b strings.Builder
	for _, r := range word {
		if letters == 0 {
			break
		}
		letters--
		if r < utf8.RuneSelf {
			b.WriteRune(r)
		} else {
			b.WriteString("-" + strconv.FormatInt(int64(r), 16) + "-")
		}
	}
	return b.String()
}
