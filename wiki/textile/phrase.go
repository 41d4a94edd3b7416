// SPDX-License-Identifier: GPL-3.0-or-later

package textile

import (
	"bytes"
	"strings"
)

// The marks of phrases, in an order of ours.
const (
	mStrong = iota // *
	mBold          // **
	mEm            // _
	mItalic        // __
	mCite          // ??
	mDel           // -
	mIns           // +
	mSup           // ^
	mSub           // ~
	mSpan          // %
	mQuote         // "
	marksCount
)

var phraseTags = [marksCount]string{"strong", "b", "em", "i", "cite", "del", "ins", "sup", "sub", "span", ""}

// phrase is a mark that may open a phrase.
type phrase struct {
	mark    int
	piece   int  // where it stands among the pieces
	bracket bool // [*…*]
	attrs   attrs
	body    int // where its text begins
}

func markOf(c byte) bool { return strings.IndexByte("*_?-+^~%", c) >= 0 }

// kind returns the mark that n times c make.
func kind(c byte, n int) (mark int, ok bool) {
	switch c {
	case '*':
		return mStrong + n - 1, n <= 2
	case '_':
		return mEm + n - 1, n <= 2
	case '?':
		return mCite, n == 2
	}
	return mDel + strings.IndexByte("-+^~%", c), n == 1
}

// mark reads a run of one of the marks.
func (s *scanner) mark(i int) int {
	src, c := s.d.src, s.d.src[i]
	n := 1
	for i+n < s.end && src[i+n] == c {
		n++
	}
	switch {
	case c == '-' && n == 2:
		s.glyph("—")
		return i + 2
	case c == '-' && n == 1 && i > s.lo && src[i-1] == ' ' && i+1 < s.end && src[i+1] == ' ':
		s.glyph("–")
		return i + 1
	}
	sizes := []int{n}
	switch {
	case n == 3 && (c == '*' || c == '_'):
		sizes = []int{2, 1}
		if k, _ := kind(c, 1); s.closes(i, i+n) && s.top(k) > s.top(k+1) {
			sizes = []int{1, 2}
		}
	case n > 3 || c == '?' && n != 2 || n == 2 && c != '*' && c != '_' && c != '?':
		s.text(src[i : i+n])
		return i + n
	}
	at := i
	for _, size := range sizes {
		k, ok := kind(c, size)
		switch {
		case !ok:
			s.text(src[at : at+size])
		case s.closes(i, i+n) && s.close(k, at, at+size):
			if s.bracket {
				at++
			}
		case s.opens(i, i+n) && !(c == '-' && s.after(i+n) == '>'):
			at = s.push(k, at, at+size, false) - size
		default:
			s.text(src[at : at+size])
		}
		at += size
	}
	return at
}

// opens says whether a mark from a to b may open a phrase.
func (s *scanner) opens(a, b int) bool {
	after := s.after(b)
	if spaceRune(after) {
		return false
	}
	before := s.before(a)
	if before < 0x80 && before != 0 && markOf(byte(before)) { // **_a_**
		n := len(s.stack)
		return n > 0 && s.stack[n-1].body == a
	}
	return spaceRune(before) || strings.ContainsRune(".,\"'?!;:([{>|=‘“«‹„‚’”»›—–…", before)
}

// closes says whether a mark from a to b may close a phrase.
func (s *scanner) closes(a, b int) bool {
	if spaceRune(s.before(a)) {
		return false
	}
	after := s.after(b)
	if after > 0 && after < 0x80 && markOf(byte(after)) {
		return true
	}
	return spaceRune(after) || strings.ContainsRune(".,\"'?!;:)]}[<|=’”»›“„‘—–…", after)
}

// top returns the place of the last open mark of a kind, or -1.
func (s *scanner) top(k int) int {
	if s.open[k] > 0 {
		for j := len(s.stack) - 1; j >= 0; j-- {
			if s.stack[j].mark == k {
				return j
			}
		}
	}
	return -1
}

// push opens a phrase with the mark from a to b, and returns where the text
// goes on.
func (s *scanner) push(k, a, b int, bracket bool) int {
	d := s.d
	p := phrase{mark: k, bracket: bracket, body: b}
	if at, next := d.attributes(b, s.end, forPhrase); next > b && next < s.end && !isSpace(d.src[next]) && !markOf(d.src[next]) {
		p.attrs, p.body = at, next
	}
	from := a
	if bracket {
		from--
	}
	s.pieces = append(s.pieces, piece{pos: from, a: len(s.buf), pa: len(s.plain)})
	s.buf = escape(s.buf, d.src[from:p.body])
	s.plain = append(s.plain, d.src[from:p.body]...)
	last := &s.pieces[len(s.pieces)-1]
	last.b, last.pb = len(s.buf), len(s.plain)
	p.piece = len(s.pieces) - 1
	s.stacked(p)
	return p.body
}

// stacked puts an open mark on the stack. When it is full the oldest goes.
func (s *scanner) stacked(p phrase) {
	if len(s.stack) == maxPhrases {
		s.open[s.stack[0].mark]--
		s.stack = append(s.stack[:0], s.stack[1:]...)
	}
	s.stack = append(s.stack, p)
	s.open[p.mark]++
}

// close ends the phrase that the last open mark of a kind began. It sets
// s.bracket if the bracket behind the mark ends with it.
func (s *scanner) close(k, a, b int) bool {
	j := s.top(k)
	if j < 0 || s.inLink != nil && j < s.inLink.depth {
		return false
	}
	p := s.stack[j]
	if p.body >= a || p.bracket && (b >= s.end || s.d.src[b] != ']') {
		return false
	}
	for _, q := range s.stack[j:] {
		s.open[q.mark]--
	}
	s.stack = s.stack[:j]
	d := s.d
	piece := &s.pieces[p.piece]
	piece.a, piece.pa, piece.pb = len(s.buf), 0, 0
	s.buf = append(append(s.buf, '<'), phraseTags[k]...)
	s.buf = append(d.attrs(s.buf, p.attrs), '>')
	piece.b = len(s.buf)
	a0, pa := len(s.buf), len(s.plain)
	s.buf = append(append(append(s.buf, "</"...), phraseTags[k]...), '>')
	s.grow(a0, pa)
	s.bracket = p.bracket
	return true
}

// bracketed opens [*…*]; it returns 0 if nothing closes.
func (s *scanner) bracketed(i int) int {
	src, c := s.d.src, s.d.src[i+1]
	n := 1
	for i+1+n < s.end && src[i+1+n] == c {
		n++
	}
	k, ok := kind(c, n)
	if !ok || spaceRune(s.after(i+1+n)) {
		return 0
	}
	return s.push(k, i+1, i+1+n, true)
}

// footnote reads [1] behind a word, and returns where it ends, or 0.
func (s *scanner) footnote(i int) int {
	d := s.d
	if spaceRune(s.before(i)) || s.inLink != nil {
		return 0
	}
	_, n := d.number(i+1, s.end)
	j := i + 1 + n
	plain := n > 0 && j < s.end && d.src[j] == '!'
	if plain {
		j++
	}
	if n == 0 || j >= s.end || d.src[j] != ']' {
		return 0
	}
	number := string(d.src[i+1 : i+1+n])
	seen, there := d.notes[number]
	if !there {
		return 0
	}
	d.notes[number] = true
	a, pa := len(s.buf), len(s.plain)
	s.buf = append(s.buf, `<sup class="footnote"`...)
	if !seen {
		s.buf = append(s.buf, ` id="`...)
		s.buf = append(d.id(s.buf, "fnr"+number), '"')
	}
	s.buf = append(s.buf, '>')
	if plain {
		s.buf = append(s.buf, number...)
	} else {
		s.buf = append(s.buf, `<a href="#`...)
		s.buf = append(d.id(s.buf, "fn"+number), `">`...)
		s.buf = append(append(s.buf, number...), "</a>"...)
	}
	s.buf = append(s.buf, "</sup>"...)
	s.grow(a, pa)
	return j + 1
}

// entity returns the length of the character reference that begins t, or 0.
func entity(t []byte) int {
	end := bytes.IndexByte(t[:min(len(t), 34)], ';')
	if end < 2 {
		return 0
	}
	name := t[1:end]
	if name[0] == '#' {
		name = name[1:]
		digit := isDigit
		if len(name) > 0 && (name[0] == 'x' || name[0] == 'X') {
			name = name[1:]
			digit = func(c byte) bool { return isDigit(c) || c|0x20 >= 'a' && c|0x20 <= 'f' }
		}
		if len(name) == 0 || len(name) > 7 {
			return 0
		}
		for _, c := range name {
			if !digit(c) {
				return 0
			}
		}
		return end + 1
	}
	for _, c := range name {
		if !isWord(c) {
			return 0
		}
	}
	return end + 1
}
