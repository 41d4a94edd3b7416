// SPDX-License-Identifier: GPL-3.0-or-later

package textile

import (
	"bytes"
	"strings"
)

// The kinds of atoms: what is read as a whole, without phrases in it.
const (
	atomCode    = iota // @…@
	atomRaw            // ==…==
	atomAlt            // (…)! of an image
	atomTag            // <…>, as it is
	atomComment        // <!-- … -->
	atomWiki           // [[…]], ![[…]], {{…}}
	atomImage          // !…!
	atomElement        // <code>, <pre>, <notextile>: one kind for each
	atomsCount  = atomElement + 3
)

type atom struct {
	kind     int
	from, to int // the text inside
	start    int
	end      int
	what     Kind
	img      *image
	el       string
}

// search finds what ends an atom. A search in vain is not done again: no later
// one could find anything.
func (s *scanner) search(kind, from, limit int, closer string) int {
	if s.failed[kind] == limit+1 || from > limit {
		return -1
	}
	n := bytes.Index(s.d.src[from:limit], []byte(closer))
	if n < 0 {
		s.failed[kind] = limit + 1
		return -1
	}
	return from + n
}

var rawElements = []string{"code", "pre", "notextile"}

// atom reads the atom at i, if one begins there.
func (s *scanner) atom(i, limit int) (a atom, ok bool) {
	d, src := s.d, s.d.src
	a = atom{start: i}
	switch c := src[i]; c {
	case '@':
		return s.codeAt(i, i+1, limit)
	case '=':
		if i+1 < limit && src[i+1] == '=' && !wordRune(s.before(i)) && s.before(i) != '=' {
			if n := s.search(atomRaw, i+2, limit, "=="); n > i+2 {
				return atom{kind: atomRaw, from: i + 2, to: n, end: n + 2}, true
			}
		}
	case '!':
		if i+2 < limit && src[i+1] == '[' && src[i+2] == '[' && s.inLink == nil {
			if n := d.wikiEnd(i+1, limit); n > 0 {
				return atom{kind: atomWiki, what: Embed, start: i, from: i + 3, to: i + 1 + n - 2, end: i + 1 + n}, true
			}
		}
		if img, end := s.image(i, limit); end > 0 {
			return atom{kind: atomImage, img: img, end: end}, true
		}
	case '[':
		if i+1 >= limit {
			break
		}
		if src[i+1] == '@' {
			if a, ok := s.codeAt(i+1, i+2, limit); ok && a.end < limit && src[a.end] == ']' {
				a.end++
				return a, true
			}
		}
		if s.inLink == nil {
			if n := d.wikiEnd(i, limit); n > 0 {
				return atom{kind: atomWiki, what: WikiLink, start: i, from: i + 2, to: i + n - 2, end: i + n}, true
			}
		}
	case '{':
		if n := d.wikiEnd(i, limit); n > 0 && len(bytes.TrimSpace(src[i+2:i+n-2])) > 0 {
			return atom{kind: atomWiki, what: Macro, start: i, from: i + 2, to: i + n - 2, end: i + n}, true
		}
	case '<':
		if d.o.RawHTML {
			return s.tag(i, limit)
		}
	}
	return a, false
}

// codeAt reads @…@ with its first mark at i.
func (s *scanner) codeAt(i, from, limit int) (a atom, ok bool) {
	src := s.d.src
	if wordRune(s.before(i)) || from >= limit || isSpace(src[from]) || src[from] == '@' {
		return a, false
	}
	for n := from; ; n++ {
		if n = s.search(atomCode, n, limit, "@"); n < 0 {
			return a, false
		}
		if n+1 >= limit || !wordRune(s.after(n+1)) {
			return atom{kind: atomCode, start: i, from: from, to: n, end: n + 1}, true
		}
	}
}

// tag reads raw HTML.
func (s *scanner) tag(i, limit int) (a atom, ok bool) {
	src := s.d.src
	rest := src[i:limit]
	if bytes.HasPrefix(rest, []byte("<!--")) {
		if n := s.search(atomComment, i+4, limit, "-->"); n >= 0 {
			return atom{kind: atomTag, from: i, to: n + 3, end: n + 3}, true
		}
		return a, false
	}
	n := tagEnd(rest)
	if n == 0 {
		return a, false
	}
	for j, el := range rawElements {
		if name := string(rest[1:min(n-1, len(el)+1)]); strings.EqualFold(name, el) && !isWord(rest[len(el)+1]) {
			if e := s.search(atomElement+j, i+n, limit, "</"+el+">"); e >= 0 {
				return atom{kind: atomElement, el: el, start: i, from: i + n, to: e, end: e + len(el) + 3}, true
			}
		}
	}
	return atom{kind: atomTag, from: i, to: i + n, end: i + n}, true
}

// tagEnd returns the length of the tag that begins t, or 0.
func tagEnd(t []byte) int {
	if len(t) < 3 || t[0] != '<' || !isWord(t[1]) && (t[1] != '/' || !isWord(t[2])) || isDigit(t[1]) {
		return 0
	}
	t = t[:min(len(t), maxWiki)]
	n := bytes.IndexByte(t, '>') + 1
	if n > 0 && bytes.IndexByte(t[1:n], '<') >= 0 {
		return 0
	}
	return n
}

// emit writes an atom.
func (s *scanner) emit(a atom) {
	src := s.d.src
	switch a.kind {
	case atomCode:
		s.put("<code>")
		s.text(src[a.from:a.to])
		s.put("</code>")
	case atomRaw:
		s.raw(src[a.from:a.to])
	case atomTag:
		s.put(string(src[a.from:a.to]))
	case atomElement:
		if a.el == "notextile" {
			s.raw(src[a.from:a.to])
			return
		}
		open, text, end := string(src[a.start:a.from]), src[a.from:a.to], "</"+a.el+">"
		if t := bytes.TrimSpace(text); a.el == "pre" && bytes.HasPrefix(t, []byte("<code")) && bytes.HasSuffix(t, []byte("</code>")) {
			if n := tagEnd(t); n > 0 && n <= len(t)-len("</code>") {
				open, text, end = open+string(t[:n]), t[n:len(t)-len("</code>")], "</code></pre>"
			}
		}
		s.put(open)
		s.text([]byte(unentity(text)))
		s.put(end)
	case atomWiki:
		s.construct(a.what, a.start, a.from, a.to, a.end)
	case atomImage:
		s.pieces = append(s.pieces, piece{kind: pieceImage, img: a.img, pos: a.img.pos})
	}
}

// raw writes text without a look at it; only where tags may pass it is HTML.
func (s *scanner) raw(t []byte) {
	if s.d.o.RawHTML {
		s.put(string(t))
		return
	}
	s.text(t)
}
