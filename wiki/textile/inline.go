// SPDX-License-Identifier: GPL-3.0-or-later

package textile

import (
	"bytes"
	"unicode"
	"unicode/utf8"
)

// maxPhrases is how many phrases may be open at once, which bounds how deep
// they nest.
const maxPhrases = 40

// inlined is the result of one block of phrases.
type inlined struct {
	html, plain []byte // valid until the next call
	blocks      bool   // some construct of the wiki is a block
	only        bool   // and nothing else is in it
}

// scanner reads phrases. It makes a list of pieces in one pass; a mark that
// opens a phrase is a piece of its own, which becomes a tag once the mark that
// closes the phrase is found and stays text otherwise. So each byte is seen a
// fixed number of times.
type scanner struct {
	d      *doc
	lo, hi int // the range of the source
	end    int // where the present link text ends, or hi

	buf, plain []byte
	pieces     []piece
	stack      []phrase
	open       [marksCount]int // how many of each mark are on the stack

	links    []link
	nextLink int
	inLink   *link
	failed   [atomsCount]int // where the last search for the end of an atom ended in vain
	broken   int             // macros that do not end
	noBreaks bool            // the end of a line breaks nothing
	bracket  bool            // the phrase that ended last was [*…*]

	html, shown []byte // the result and its plain text
	wiki        bool   // some construct of the wiki is in it
}

// piece is a part of the result.
type piece struct {
	kind       uint8
	a, b       int // range in buf, or of the source for a construct
	pa, pb     int // range in plain
	pos        int // where it stands in the source
	img        *image
	link       *link
	what       Kind
	textA, len int // of a construct: the text inside the brackets
}

const (
	pieceText uint8 = iota
	pieceWiki
	pieceLink
	pieceImage
)

// inline renders a range of the source.
func (d *doc) inline(from, to int) inlined {
	for to > from && isSpace(d.src[to-1]) {
		to--
	}
	for from < to && isSpace(d.src[from]) {
		from++
	}
	s := &d.s
	s.d, s.lo, s.hi, s.end = d, from, to, to
	s.buf, s.plain, s.pieces, s.stack, s.links = s.buf[:0], s.plain[:0], s.pieces[:0], s.stack[:0], s.links[:0]
	s.nextLink, s.inLink, s.broken, s.wiki = 0, nil, 0, false
	clear(s.open[:])
	s.findLinks()
	clear(s.failed[:])
	s.broken = 0
	s.scan()
	return s.finish()
}

// put adds HTML that is no text of the reader, such as a tag.
func (s *scanner) put(html string) {
	a := len(s.buf)
	s.buf = append(s.buf, html...)
	s.grow(a, len(s.plain))
}

// text adds text as it is.
func (s *scanner) text(t []byte) {
	a, pa := len(s.buf), len(s.plain)
	s.buf = escape(s.buf, t)
	s.plain = append(s.plain, t...)
	s.grow(a, pa)
}

// glyph adds characters that need no escaping.
func (s *scanner) glyph(t string) {
	a, pa := len(s.buf), len(s.plain)
	s.buf = append(s.buf, t...)
	s.plain = append(s.plain, t...)
	s.grow(a, pa)
}

// grow makes what was added part of the last piece, or a new one.
func (s *scanner) grow(a, pa int) {
	if n := len(s.pieces); n > 0 {
		if p := &s.pieces[n-1]; p.kind == pieceText && p.b == a && p.pb == pa && p.pos < 0 {
			p.b, p.pb = len(s.buf), len(s.plain)
			return
		}
	}
	s.pieces = append(s.pieces, piece{a: a, b: len(s.buf), pa: pa, pb: len(s.plain), pos: -1})
}

// special marks the bytes at which the scanner looks closer.
var special = func() (t [256]bool) {
	for _, c := range []byte("\n\"'*_?-+^~%@!{[<&=.#(xX") {
		t[c] = true
	}
	for c := 'A'; c <= 'Z'; c++ {
		t[c] = true
	}
	return t
}()

func (s *scanner) scan() {
	src := s.d.src
	i := s.lo
	for {
		if s.inLink != nil && i >= s.inLink.textEnd {
			i = s.closeLink()
			continue
		}
		if i >= s.end {
			return
		}
		if i == s.lo || src[i-1] == '\n' {
			if src[i] == '[' {
				if line := s.d.lineEnd(i, s.hi); s.inLink == nil && s.isAlias(i, line) {
					i = min(line+1, s.hi)
					continue
				}
			}
			for i < s.end && (src[i] == ' ' || src[i] == '\t') {
				i++
			}
			if i >= s.end {
				continue
			}
		}
		run := i
		for i < s.end && !special[src[i]] {
			i++
		}
		if i > run {
			t := src[run:i]
			if i < s.end && src[i] == '\n' {
				t = bytes.TrimRight(t, " \t")
			}
			s.text(t)
			if i == s.end {
				continue
			}
		}
		i = s.at(i)
	}
}

// at reads what begins at i with a special byte, and returns where it ends.
func (s *scanner) at(i int) int {
	d, src := s.d, s.d.src
	if s.nextLink < len(s.links) && s.inLink == nil {
		if l := &s.links[s.nextLink]; l.from == i {
			return s.openLink(l)
		}
	}
	c := src[i]
	if c == '\n' {
		s.lineBreak()
		return i + 1
	}
	if a, ok := s.atom(i, s.end); ok {
		s.emit(a)
		return a.end
	}
	switch c {
	case '"', '\'':
		return s.quote(i)
	case '*', '_', '?', '-', '+', '^', '~', '%':
		return s.mark(i)
	case '#':
		if n := d.tagEnd(i, s.lo, s.end); n > 0 && d.o.Wiki != nil && s.inLink == nil {
			s.construct(Tag, i, i+1, i+n, i+n)
			return i + n
		}
	case '[':
		if n := s.footnote(i); n > 0 {
			return n
		}
		if i+1 < s.end && markOf(src[i+1]) {
			if n := s.bracketed(i); n > 0 {
				return n
			}
		}
		if n := s.symbol(i); n > 0 {
			return n
		}
	case '(':
		if n := s.symbol(i); n > 0 {
			return n
		}
	case '&':
		if n := entity(src[i:s.end]); n > 0 {
			a, pa := len(s.buf), len(s.plain)
			s.buf = append(s.buf, src[i:i+n]...)
			s.plain = append(s.plain, unentity(src[i:i+n])...)
			s.grow(a, pa)
			return i + n
		}
	case '.':
		if i+2 < s.end && src[i+1] == '.' && src[i+2] == '.' {
			s.glyph("…")
			return i + 3
		}
	case 'x', 'X':
		if s.dimension(i) {
			s.glyph("×")
			return i + 1
		}
	}
	if isUpper(c) {
		if n := s.word(i); n > 0 {
			return n
		}
	}
	s.text(src[i : i+1])
	return i + 1
}

// lineBreak ends a line.
func (s *scanner) lineBreak() {
	a, pa := len(s.buf), len(s.plain)
	if s.noBreaks {
		s.buf = append(s.buf, '\n')
	} else {
		s.buf = append(s.buf, "<br>\n"...)
	}
	s.plain = append(s.plain, ' ')
	s.grow(a, pa)
}

// isAlias says whether a line gives an address a name and is not shown.
func (s *scanner) isAlias(pos, line int) bool {
	_, _, ok := s.d.alias(pos, line)
	return ok
}

// construct notes something of the wiki.
func (s *scanner) construct(k Kind, from, textFrom, textTo, to int) {
	s.wiki = true
	s.pieces = append(s.pieces, piece{kind: pieceWiki, what: k, a: from, b: to, pos: from, textA: textFrom, len: textTo - textFrom})
}

// finish puts the pieces together.
func (s *scanner) finish() inlined {
	var r inlined
	d := s.d
	s.html = s.html[:0]
	plain := s.shown[:0]
	content := !s.wiki // something that is no construct of the wiki
	var gaps []span    // what stands between constructs: line ends
	for i := range s.pieces {
		p := &s.pieces[i]
		switch p.kind {
		case pieceText:
			s.html = append(s.html, s.buf[p.a:p.b]...)
			plain = append(plain, s.plain[p.pa:p.pb]...)
			if content = content || len(bytes.TrimSpace(bytes.ReplaceAll(s.buf[p.a:p.b], []byte("<br>"), nil))) > 0; !content {
				gaps = append(gaps, span{len(s.html) - (p.b - p.a), len(s.html)})
			}
		case pieceLink:
			content = true
			s.html = d.openTag(s.html, p.link, len(plain))
		case pieceImage:
			content = true
			s.html = d.imageTag(s.html, p.img, len(plain))
		case pieceWiki:
			// A function of the options may convert another text, but with a
			// scanner of its own.
			c := Construct{Kind: p.what, Text: string(d.src[p.textA : p.textA+p.len]), Line: d.line(p.a), At: len(plain)}
			out, form := d.o.Wiki(s.html, c)
			if form == Literal {
				s.html = escape(s.html, d.src[p.a:p.b])
				plain = append(plain, d.src[p.a:p.b]...)
				content = true
				continue
			}
			s.html = out
			plain = append(plain, c.Label()...)
			r.blocks = r.blocks || form == Block
			content = content || form != Block
		}
	}
	// Aliases leave line ends behind that break nothing.
	s.shown = plain
	html := s.html
	for _, br := range []string{"<br>\n", "\n"} {
		for bytes.HasPrefix(html, []byte(br)) {
			html = html[len(br):]
		}
		html = bytes.TrimSuffix(html, []byte(br))
	}
	r.html, r.plain, r.only = html, plain, r.blocks && !content
	if r.only && len(gaps) > 0 { // blocks one below the other need no <br>
		r.html = nil
		from := 0
		for _, g := range gaps {
			r.html = append(append(r.html, s.html[from:g.from]...), '\n')
			from = g.to
		}
		r.html = append(r.html, s.html[from:]...)
	}
	return r
}

// before returns the rune that stands before a position; 0 at the start.
func (s *scanner) before(i int) rune {
	lo := s.lo
	if s.inLink != nil {
		lo = s.inLink.textFrom
	}
	if i <= lo {
		return 0
	}
	r, _ := utf8.DecodeLastRune(s.d.src[lo:i])
	return r
}

// after returns the rune at a position; 0 at the end.
func (s *scanner) after(i int) rune {
	if i >= s.end {
		return 0
	}
	r, _ := utf8.DecodeRune(s.d.src[i:s.end])
	return r
}

func wordRune(r rune) bool {
	if r < utf8.RuneSelf {
		return isWord(byte(r))
	}
	return unicode.IsLetter(r) || unicode.IsNumber(r) || unicode.IsMark(r)
}

func spaceRune(r rune) bool { return r == 0 || unicode.IsSpace(r) }
