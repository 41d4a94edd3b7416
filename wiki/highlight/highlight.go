// SPDX-License-Identifier: GPL-3.0-or-later

// Package highlight marks the parts of program text with the classes of a style
// sheet: k keyword, b constant or built-in, s string, n number, c comment,
// a name of a setting or attribute, i inserted line, d deleted line, h heading or
// prompt.
//
// It is a scanner driven by a table, not a parser: it knows where comments and
// strings begin and end, and the words of a language. It is linear in the length
// of the text, takes 20 KB of the program and makes nothing when it starts.
// Without its spans the HTML is the text, escaped: nothing is lost or added.
package highlight

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// maxCode is the longest text that is marked; longer ones are data.
const maxCode = 128 << 10

// Knows says whether a language is one of those that Code marks.
func Knows(name string) bool { return lookup(name) != nil }

// Code appends the text as HTML to dst. A language that it does not know is
// escaped and not marked.
func Code(dst []byte, name string, src []byte) []byte {
	l := lookup(name)
	if l == nil || len(src) > maxCode {
		return escape(dst, src)
	}
	s := &scanner{lang: l, src: src, out: dst}
	switch l.form {
	case formDiff:
		s.lines(diffLine)
	case formConsole:
		s.lines(consoleLine)
	case formMarkup:
		s.markup()
	default:
		s.program()
	}
	return s.out
}

// scanner is one text at work.
type scanner struct {
	lang *lang
	src  []byte
	out  []byte
	pos  int
	head bool // nothing but space stands before pos in its line
}

// mark writes the text up to end with a class; a span never crosses a line, so
// that lines can be taken apart.
func (s *scanner) mark(class byte, end int) {
	for s.pos < end {
		stop := end
		if i := bytes.IndexByte(s.src[s.pos:end], '\n'); i >= 0 {
			stop = s.pos + i
		}
		if stop > s.pos {
			s.out = append(append(append(s.out, `<span class="`...), class), `">`...)
			s.out = append(escape(s.out, s.src[s.pos:stop]), "</span>"...)
			s.pos = stop
		}
		if s.pos < end { // the end of the line
			s.out = append(s.out, '\n')
			s.pos++
		}
	}
}

// plain writes the text up to end as it is.
func (s *scanner) plain(end int) {
	s.out = escape(s.out, s.src[s.pos:end])
	s.pos = end
}

func (s *scanner) has(at string) bool { return bytes.HasPrefix(s.src[s.pos:], []byte(at)) }

// lineEnd returns where the line ends that pos is in.
func (s *scanner) lineEnd(pos int) int {
	if i := bytes.IndexByte(s.src[pos:], '\n'); i >= 0 {
		return pos + i
	}
	return len(s.src)
}

// program scans a programming language or a file of settings.
func (s *scanner) program() {
	s.head = true
	for s.pos < len(s.src) {
		c := s.src[s.pos]
		switch {
		case c == '\n':
			s.plain(s.pos + 1)
			s.head = true
			continue
		case c == ' ' || c == '\t' || c == '\r':
			s.plain(s.pos + 1)
			continue
		case s.comment(), s.quoted(c), s.setting(), s.special(c):
		case isLetter(c):
			s.word()
		case isDigit(c):
			s.number()
		default:
			s.plain(s.pos + 1)
		}
		s.head = false
	}
}

func (s *scanner) comment() bool {
	for _, b := range s.lang.block {
		if s.has(b[0]) {
			end := len(s.src)
			if i := bytes.Index(s.src[s.pos+len(b[0]):], []byte(b[1])); i >= 0 {
				end = s.pos + len(b[0]) + i + len(b[1])
			}
			s.mark('c', end)
			return true
		}
	}
	for _, start := range s.lang.line {
		// A # inside a word, as in $#, begins no comment.
		if s.has(start) && (start != "#" || s.pos == 0 || isSpace(s.src[s.pos-1])) {
			s.mark('c', s.lineEnd(s.pos))
			return true
		}
	}
	return false
}

func (s *scanner) quoted(c byte) bool {
	l := s.lang
	if l.triple && (s.has(`"""`) || s.has(`'''`)) {
		end := len(s.src)
		if i := bytes.Index(s.src[s.pos+3:], s.src[s.pos:s.pos+3]); i >= 0 {
			end = s.pos + 3 + i + 3
		}
		s.mark('s', end)
		return true
	}
	if strings.IndexByte(l.raw, c) >= 0 { // until the same sign, over lines
		end := len(s.src)
		if i := bytes.IndexByte(s.src[s.pos+1:], c); i >= 0 {
			end = s.pos + 1 + i + 1
		}
		s.mark('s', end)
		return true
	}
	if strings.IndexByte(l.quotes, c) < 0 {
		return false
	}
	end := s.pos + 1
	if c == '\'' && l.sep != 0 && s.pos > 0 && isWord(s.src[s.pos-1]) {
		return false // don't
	}
	if c == '\'' && l.lifetime && !s.has(`'\`) {
		if _, n := utf8.DecodeRune(s.src[end:]); end+n >= len(s.src) || s.src[end+n] != '\'' {
			return false
		}
	}
	for end < len(s.src) && s.src[end] != c && (s.src[end] != '\n' || l.long) {
		if s.src[end] == '\\' && end+1 < len(s.src) && s.src[end+1] != '\n' {
			end++
		}
		end++
	}
	if end < len(s.src) && s.src[end] == c {
		end++
	} else if c == '\'' && !l.long { // an apostrophe, or the lifetime of a reference
		return false
	}
	class := byte('s')
	if l.form == formJSON {
		i := end
		for i < len(s.src) && isSpace(s.src[i]) {
			i++
		}
		if i < len(s.src) && s.src[i] == ':' {
			class = 'a'
		}
	}
	s.mark(class, end)
	return true
}

// setting marks the name in "name: value" or "name = value" at the start of a
// line, and [sections].
func (s *scanner) setting() bool {
	l := s.lang
	if !s.head || l.sep == 0 {
		return false
	}
	end := s.lineEnd(s.pos)
	if s.src[s.pos] == '[' && l.sep == '=' {
		if i := bytes.IndexByte(s.src[s.pos:end], ']'); i > 0 {
			s.mark('h', s.pos+i+1)
			return true
		}
	}
	at := s.pos
	for l.sep == ':' && at+1 < end && s.src[at] == '-' && s.src[at+1] == ' ' { // items of a list
		at += 2
	}
	from := at
	for at < end && (isWord(s.src[at]) || s.src[at] == '-' || s.src[at] == '.' || s.src[at] == '"') {
		at++
	}
	name := at
	for at < end && s.src[at] == ' ' {
		at++
	}
	if name == from || at == end || s.src[at] != l.sep || l.sep == ':' && at+1 < end && s.src[at+1] != ' ' {
		return false
	}
	s.plain(from)
	s.mark('a', name)
	return true
}

// special marks what begins with a sign: variables, decorators, rules, colours.
func (s *scanner) special(c byte) bool {
	if strings.IndexByte(s.lang.sigils, c) < 0 || s.pos+1 == len(s.src) {
		return false
	}
	end := s.pos + 1
	switch next := s.src[end]; {
	case c == '$' && (next == '{' || next == '('):
		if next == '(' && s.lang.form != formMake {
			return false
		}
		closing := byte('}')
		if next == '(' {
			closing = ')'
		}
		i := bytes.IndexByte(s.src[end:min(len(s.src), end+200)], closing)
		if i < 0 || bytes.IndexByte(s.src[end:end+i], '\n') >= 0 {
			return false
		}
		end += i + 1
	case c == '$' && strings.IndexByte("@#?*!$<^", next) >= 0:
		end++
	default:
		for end < len(s.src) && (isWord(s.src[end]) || c == '@' && s.src[end] == '-' || c == '#' && isWord(s.src[end])) {
			end++
		}
		if end == s.pos+1 {
			return false
		}
	}
	s.mark('b', end)
	return true
}

func (s *scanner) word() {
	l := s.lang
	end := s.pos
	for end < len(s.src) && (isWord(s.src[end]) || l.dash && s.src[end] == '-') {
		end++
	}
	w := string(s.src[s.pos:end])
	if l.fold {
		w = strings.ToLower(w)
	}
	after := end
	for after < len(s.src) && s.src[after] == ' ' {
		after++
	}
	switch {
	case l.form == formCSS && after < len(s.src) && s.src[after] == ':' && (after+1 == len(s.src) || !isLetter(s.src[after+1])) && s.indented(s.pos):
		s.mark('a', end)
	case has(l.keywords, w):
		s.mark('k', end)
	case has(l.consts, w):
		s.mark('b', end)
	case l.command && s.head:
		s.mark('k', end)
	default:
		s.plain(end)
	}
}

// indented says whether pos stands behind a brace or at the start of an indented
// line: where style sheets have properties and not selectors.
func (s *scanner) indented(pos int) bool {
	for i := pos - 1; i >= 0 && i > pos-200; i-- {
		switch s.src[i] {
		case '{', ';':
			return true
		case '\n':
			return i+1 < pos
		case ' ', '\t':
		default:
			return false
		}
	}
	return false
}

func (s *scanner) number() {
	end := s.pos
	for end < len(s.src) && (isWord(s.src[end]) || s.src[end] == '.' && end+1 < len(s.src) && isDigit(s.src[end+1]) ||
		(s.src[end] == '+' || s.src[end] == '-') && (s.src[end-1] == 'e' || s.src[end-1] == 'E') && end > s.pos && !bytes.HasPrefix(s.src[s.pos:], []byte("0x"))) {
		end++
	}
	s.mark('n', end)
}

func isLetter(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || c >= 0x80
}
func isDigit(c byte) bool { return c >= '0' && c <= '9' }
func isWord(c byte) bool  { return isLetter(c) || isDigit(c) }
func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

// has says whether w is one of the words of a list.
func has(list, w string) bool {
	for {
		i := strings.Index(list, w)
		if i < 0 {
			return false
		}
		end := i + len(w)
		if (i == 0 || list[i-1] == ' ') && (end == len(list) || list[end] == ' ') {
			return true
		}
		list = list[end:]
	}
}

// escape appends text so that it is safe in an element.
func escape(dst, src []byte) []byte {
	for _, c := range src {
		switch c {
		case '&':
			dst = append(dst, "&amp;"...)
		case '<':
			dst = append(dst, "&lt;"...)
		case '>':
			dst = append(dst, "&gt;"...)
		case '"':
			dst = append(dst, "&quot;"...)
		default:
			dst = append(dst, c)
		}
	}
	return dst
}
