// SPDX-License-Identifier: GPL-3.0-or-later

package highlight

import (
	"bytes"
	"strings"
)

// lines marks whole lines, or the start of them.
func (s *scanner) lines(class func(line []byte) (class byte, n int)) {
	for s.pos < len(s.src) {
		end := s.lineEnd(s.pos)
		if c, n := class(s.src[s.pos:end]); c != 0 {
			s.mark(c, s.pos+n)
		}
		s.plain(min(end+1, len(s.src)))
	}
}

func diffLine(line []byte) (byte, int) {
	for _, h := range []string{"@@", "diff ", "index ", "--- ", "+++ "} {
		if bytes.HasPrefix(line, []byte(h)) {
			return 'h', len(line)
		}
	}
	switch {
	case bytes.HasPrefix(line, []byte("+")):
		return 'i', len(line)
	case bytes.HasPrefix(line, []byte("-")):
		return 'd', len(line)
	}
	return 0, 0
}

// consoleLine marks the prompt; a line that begins with # and no command after it
// reads as a comment just as well.
func consoleLine(line []byte) (byte, int) {
	for _, p := range []string{"$ ", "# ", "> ", "% "} {
		if bytes.HasPrefix(line, []byte(p)) {
			return 'h', 1
		}
	}
	return 0, 0
}

// markup scans HTML and XML.
func (s *scanner) markup() {
	for s.pos < len(s.src) {
		i := bytes.IndexAny(s.src[s.pos:], "<&")
		if i < 0 {
			s.plain(len(s.src))
			return
		}
		s.plain(s.pos + i)
		switch {
		case s.comment():
		case s.src[s.pos] == '&':
			i := bytes.IndexByte(s.src[s.pos:min(len(s.src), s.pos+12)], ';')
			if i < 0 {
				s.plain(s.pos + 1)
			} else {
				s.mark('n', s.pos+i+1)
			}
		default:
			s.tag()
		}
	}
}

func (s *scanner) tag() {
	end := s.pos + 1
	for end < len(s.src) && (isWord(s.src[end]) || strings.IndexByte("/!?:-.", s.src[end]) >= 0) {
		end++
	}
	if end == s.pos+1 {
		s.plain(end)
		return
	}
	s.mark('k', end)
	for s.pos < len(s.src) {
		c := s.src[s.pos]
		switch {
		case c == '>':
			s.mark('k', s.pos+1)
			return
		case c == '<':
			return
		case (c == '/' || c == '?') && s.pos+1 < len(s.src) && s.src[s.pos+1] == '>':
			s.mark('k', s.pos+2)
			return
		case c == '"' || c == '\'':
			i := bytes.IndexByte(s.src[s.pos+1:], c)
			if i < 0 {
				s.plain(s.pos + 1)
			} else {
				s.mark('s', s.pos+i+2)
			}
		case isLetter(c):
			end := s.pos
			for end < len(s.src) && (isWord(s.src[end]) || strings.IndexByte(":-.", s.src[end]) >= 0) {
				end++
			}
			s.mark('a', end)
		default:
			s.plain(s.pos + 1)
		}
	}
}
