// SPDX-License-Identifier: GPL-3.0-or-later

package wiki

import (
	"slices"
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

// termBag collects the words of a page with their points.
type termBag struct {
	at     map[string]int32
	words  []string
	points []uint16
}

var bags = sync.Pool{New: func() any { return &termBag{at: map[string]int32{}} }}

func newBag() *termBag { return bags.Get().(*termBag) }

func (b *termBag) free() {
	clear(b.at)
	b.words, b.points = b.words[:0], b.points[:0]
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
	if i, ok := b.at[string(word)]; ok {
		b.points[i] += uint16(min(points, maxPoints))
		b.points[i] = min(b.points[i], maxPoints)
		return
	}
	if len(b.words) == maxTerms {
		return
	}
	w := string(word)
	b.at[w] = int32(len(b.words))
	b.words, b.points = append(b.words, w), append(b.points, uint16(min(points, maxPoints)))
}

// blob writes the bag: for each word in order its points, its length, itself.
func (b *termBag) blob() []byte {
	size := 0
	for _, w := range b.words {
		size += len(w) + 2
	}
	slices.Sort(b.words)
	out := make([]byte, 0, size)
	for _, w := range b.words {
		out = append(out, byte(b.points[b.at[w]]), byte(len(w)))
		out = append(out, w...)
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
