// SPDX-License-Identifier: GPL-3.0-or-later

package textile

import (
	"bytes"
	"html"
	"strings"
	"unicode/utf8"
)

// quote writes a quotation mark or an apostrophe.
func (s *scanner) quote(i int) int {
	before, after := s.before(i), s.after(i+1)
	single := s.d.src[i] == '\''
	if s.prime(i) {
		s.glyph(map[bool]string{true: "′", false: "″"}[single])
		return i + 1
	}
	opens := spaceRune(before) && !spaceRune(after) || strings.ContainsRune("([{", before) && !spaceRune(after)
	if n := len(s.stack); !opens && wordRune(after) { // behind a mark that opens, or behind other signs than that
		opens = n > 0 && s.stack[n-1].body == i || strings.ContainsRune("-–—=/>\"'“‘:;,", before)
	}
	switch {
	case single && wordRune(before):
		s.glyph("’")
	case single && spaceRune(before) && after < 0x80 && isDigit(byte(after)): // '88
		s.glyph(s.year(i))
	case single && opens:
		s.glyph("‘")
	case single:
		s.glyph("’")
	case opens:
		s.glyph("“")
	default:
		s.glyph("”")
	}
	return i + 1
}

// prime says whether a quotation mark stands for feet or inches: behind one of
// the two numbers of a dimension.
func (s *scanner) prime(i int) bool {
	src := s.d.src
	if i == s.lo || !isDigit(src[i-1]) {
		return false
	}
	n := i + 1
	if n < s.end && src[n] == ' ' {
		n++
	}
	if n < s.end && src[n]|0x20 == 'x' && s.dimension(n) {
		return true
	}
	n = i - 1
	for n > s.lo && i-n < 10 && (isDigit(src[n]) || src[n] == '.') {
		n--
	}
	if n > s.lo && src[n] == ' ' {
		n--
	}
	return src[n]|0x20 == 'x' && s.dimension(n)
}

// year tells '88 from '88 words'.
func (s *scanner) year(i int) string {
	src := s.d.src
	n := i + 1
	for n < s.end && isWord(src[n]) {
		n++
	}
	if n < s.end && src[n] == '\'' {
		return "‘"
	}
	return "’"
}

// symbols stand in round or square brackets.
var symbols = map[string]string{
	"c": "©", "r": "®", "tm": "™", "1/2": "½", "1/4": "¼", "3/4": "¾", "o": "°", "+/-": "±",
}

// symbol reads (c) and the like, and returns where it ends, or 0.
func (s *scanner) symbol(i int) int {
	src := s.d.src
	closer := byte(')')
	if src[i] == '[' {
		closer = ']'
	}
	n := bytes.IndexByte(src[i:min(s.end, i+5)], closer)
	if n < 2 {
		return 0
	}
	g, ok := symbols[strings.ToLower(string(src[i+1:i+n]))]
	if !ok {
		return 0
	}
	s.glyph(g)
	return i + n + 1
}

// dimension says whether the x at i stands between two numbers: 4 x 5, 3"x4".
func (s *scanner) dimension(i int) bool {
	src := s.d.src
	a, b := i-1, i+1
	if a >= s.lo && src[a] == ' ' {
		a--
	}
	if a >= s.lo && (src[a] == '"' || src[a] == '\'') {
		a--
	}
	if b < s.end && src[b] == ' ' {
		b++
	}
	if b+1 < s.end && (src[b] == '+' || src[b] == '-' || src[b] == '.') {
		b++
	}
	return a >= s.lo && isDigit(src[a]) && b < s.end && isDigit(src[b])
}

// word reads a CamelCase word, or capitals with what they mean: NASA(National
// Aeronautics and Space Administration). It returns where it ends, or 0.
func (s *scanner) word(i int) int {
	d, src := s.d, s.d.src
	if wordRune(s.before(i)) {
		return 0
	}
	if d.o.Camel && d.o.Wiki != nil && s.inLink == nil {
		if n := d.camelEnd(i, s.lo, s.end); n > 0 {
			s.construct(Camel, i, i, i+n, i+n)
			return i + n
		}
	}
	n := i
	for n < s.end && (isUpper(src[n]) || isDigit(src[n])) {
		n++
	}
	if n-i < 2 {
		return 0
	}
	if n < s.end && src[n] == '(' {
		if title, m := d.enclosed(n, s.end, ')'); m > 0 && strings.TrimSpace(title) != "" {
			s.put(`<abbr title="` + string(escape(nil, title)) + `">`)
			s.text(src[i:n])
			s.put("</abbr>")
			return n + m
		}
	}
	s.text(src[i:n])
	return n
}

// unentity returns text with the characters that its references stand for.
func unentity(t []byte) string {
	return strings.Map(func(r rune) rune {
		if control(r) {
			return utf8.RuneError
		}
		return r
	}, html.UnescapeString(string(t)))
}
