// SPDX-License-Identifier: GPL-3.0-or-later

package textile

import (
	"bytes"
	"strconv"
	"strings"
)

// link is "(class)text(title)":address, found before the phrases are read.
type link struct {
	from             int // where it begins, with its bracket
	textFrom, textTo int
	textEnd          int // where the quote stands that ends text and title
	end              int
	url, title       string
	attrs            attrs
	safe             bool
	depth            int // phrases that were open before it
}

// maxTitle is how long the title of a link may be.
const maxTitle = 500

// findLinks finds the links of the block: a quote that opens, and later a quote
// with a colon and an address behind it, with the quotes between them in pairs.
func (s *scanner) findLinks() {
	d, src := s.d, s.d.src
	if !bytes.Contains(src[s.lo:s.hi], []byte(`":`)) {
		return
	}
	var quotes []int
	last := -1 // where the last link begins
	for i := s.lo; i < s.hi; i++ {
		if src[i] != '"' {
			if special[src[i]] {
				if a, ok := s.atom(i, s.hi); ok {
					i = a.end - 1
				}
			}
			continue
		}
		n := len(quotes)
		if n > 0 && i+2 < s.hi && src[i+1] == ':' && urlChar(src[i+2]) && i > quotes[n-1]+1 {
			open := quotes[n-1]
			if l, ok := d.link(open, i, s.lo, s.hi); ok && last < open {
				s.links = append(s.links, l)
				quotes, last = quotes[:n-1], open
				i = l.end - 1
				continue
			}
		}
		switch after := s.after(i + 1); {
		case n > 0 && !spaceRune(s.before(i)) && !wordRune(after) && after != '"':
			quotes = quotes[:n-1]
		case n > 0 && !spaceRune(s.before(i)) && (spaceRune(after) || wordRune(s.before(i)) && !wordRune(after)):
			quotes = quotes[:n-1]
		case !spaceRune(after) && !wordRune(s.before(i)):
			if len(quotes) == maxPhrases {
				quotes = append(quotes[:0], quotes[1:]...)
			}
			quotes = append(quotes, i)
		}
	}
}

// link reads the link with its quotes at a and b.
func (d *doc) link(a, b, lo, hi int) (l link, ok bool) {
	l = link{from: a, textFrom: a + 1, textTo: b, textEnd: b}
	before := byte(0)
	bracket := a > lo && d.src[a-1] == '['
	if bracket {
		l.from--
	} else if a > lo {
		before = d.src[a-1]
	}
	if bracket {
		n := b + 2
		for n < hi && urlChar(d.src[n]) && d.src[n] != ']' {
			n++
		}
		if bracket = n < hi && d.src[n] == ']'; bracket {
			l.url, l.end = string(d.src[b+2:n]), n+1
		} else {
			l.from++
		}
	}
	if !bracket {
		l.end = d.address(b+2, hi, before)
		l.url = string(d.src[b+2 : l.end])
	}
	if l.url == "" {
		return l, false
	}
	if at, next := d.attributes(l.textFrom, l.textTo, forPhrase); next > l.textFrom {
		for next < l.textTo && d.src[next] == ' ' {
			next++
		}
		if next < l.textTo {
			l.attrs, l.textFrom = at, next
		}
	}
	if d.src[b-1] == ')' {
		for i := b - 2; i > l.textFrom && b-i < maxTitle; i-- {
			if d.src[i] == '(' {
				l.title, l.textTo = strings.TrimSpace(string(d.src[i+1:b-1])), i
				break
			}
			if d.src[i] == ')' {
				break
			}
		}
	}
	for l.textTo > l.textFrom && isSpace(d.src[l.textTo-1]) {
		l.textTo--
	}
	for l.textFrom < l.textTo && isSpace(d.src[l.textFrom]) {
		l.textFrom++
	}
	l.url = d.resolve(l.url)
	l.safe = SafeURL(l.url)
	return l, l.textFrom < l.textTo
}

// openLink begins a link.
func (s *scanner) openLink(l *link) int {
	s.nextLink++
	l.textEnd = l.textTo
	if string(s.d.src[l.textFrom:l.textTo]) == "$" { // "$":address shows the address
		if l.safe {
			s.pieces = append(s.pieces, piece{kind: pieceLink, link: l, pos: l.from})
		}
		_, shown, ok := strings.Cut(l.url, ":")
		if !ok {
			shown = l.url
		}
		s.text([]byte(strings.TrimPrefix(shown, "//")))
		if l.safe {
			s.put("</a>")
		}
		return l.end
	}
	l.depth = len(s.stack)
	s.inLink, s.end = l, l.textTo
	if l.safe {
		s.pieces = append(s.pieces, piece{kind: pieceLink, link: l, pos: l.from})
	}
	return l.textFrom
}

// closeLink ends the present link, and the phrases that are open in it.
func (s *scanner) closeLink() int {
	l := s.inLink
	for len(s.stack) > l.depth {
		s.open[s.stack[len(s.stack)-1].mark]--
		s.stack = s.stack[:len(s.stack)-1]
	}
	if l.safe {
		s.put("</a>")
	}
	s.inLink, s.end = nil, s.hi
	return l.end
}

// openTag writes the tag that begins a link.
func (d *doc) openTag(dst []byte, l *link, at int) []byte {
	dst = d.anchor(dst, l.url, l.from, at)
	dst = d.attrs(dst, l.attrs)
	if l.title != "" {
		dst = append(dst, ` title="`...)
		dst = append(escape(dst, l.title), '"')
	}
	return append(dst, '>')
}

func (d *doc) anchor(dst []byte, url string, pos, at int) []byte {
	dst = append(dst, "<a"...)
	if d.o.Link != nil {
		return d.o.Link(dst, Ref{URL: url, Line: d.line(pos), At: at})
	}
	dst = append(dst, ` href="`...)
	return append(escape(dst, url), '"')
}

// image is !(class)address 100x50 (alt)!:link
type image struct {
	width, height int

	pos   int
	url   string
	alt   string
	href  string
	attrs attrs
}

// image reads an image at i, and returns where it ends, or 0.
func (s *scanner) image(i, limit int) (img *image, end int) {
	d, src := s.d, s.d.src
	if wordRune(s.before(i)) || s.before(i) == '!' || i+3 >= limit {
		return nil, 0
	}
	img = &image{pos: i}
	pos := i + 1
	align := ""
	if j := strings.IndexByte("<>=", src[pos]); j >= 0 {
		align = [...]string{"left", "right", "center"}[j]
		pos++
	}
	img.attrs, pos = d.attributes(pos, limit, forPhrase)
	if align == "" && pos < limit {
		if j := strings.IndexByte("<>=", src[pos]); j >= 0 {
			align = [...]string{"left", "right", "center"}[j]
			pos++
		}
	}
	img.attrs.align = align
	if pos+1 < limit && src[pos] == '.' && src[pos+1] == ' ' {
		pos += 2
	}
	from := pos
	for pos < limit && !isSpace(src[pos]) && src[pos] != '!' && src[pos] != '(' && src[pos] != '"' && src[pos] != '<' {
		pos++
	}
	if pos == from || pos >= limit {
		return nil, 0
	}
	img.url = string(src[from:pos])
	if src[pos] == ' ' {
		pos++
	}
	if w, n := d.number(pos, limit); n > 0 && pos+n < limit && src[pos+n] == 'x' { // 100x50, as in Text::Textile
		if h, m := d.number(pos+n+1, limit); m > 0 {
			img.width, img.height = w, h
			if pos += n + 1 + m; pos < limit && src[pos] == ' ' {
				pos++
			}
		}
	}
	if pos < limit && src[pos] == '(' {
		n := s.search(atomAlt, pos, limit, ")!")
		if n < 0 {
			return nil, 0
		}
		img.alt = strings.TrimSpace(string(src[pos+1 : n]))
		pos = n + 1
	}
	if pos >= limit || src[pos] != '!' || strings.Contains(img.alt, "\n") {
		return nil, 0
	}
	pos++
	if pos < limit && src[pos] == ':' && s.inLink == nil {
		before := byte(0)
		if i > s.lo {
			before = src[i-1]
		}
		if n := d.address(pos+1, limit, before); n > pos+1 {
			img.href = d.resolve(string(src[pos+1 : n]))
			pos = n
		}
	}
	if pos < limit && (wordRune(s.after(pos)) || src[pos] == '!') {
		return nil, 0
	}
	img.url = d.resolve(img.url)
	return img, pos
}

// imageTag writes an image. An address that may not be used leaves its text.
func (d *doc) imageTag(dst []byte, img *image, at int) []byte {
	linked := img.href != "" && SafeURL(img.href)
	if linked {
		dst = append(d.anchor(dst, img.href, img.pos, at), '>')
	}
	if !SafeURL(img.url) {
		dst = escape(dst, img.alt)
	} else {
		dst = append(dst, `<img src="`...)
		if d.o.Image != nil {
			dst = d.o.Image(dst, Ref{URL: img.url, Line: d.line(img.pos), At: at, Sized: img.width > 0})
		} else {
			dst = escape(dst, img.url)
		}
		dst = append(dst, `" alt="`...)
		dst = append(escape(dst, img.alt), '"')
		if img.alt != "" {
			dst = append(dst, ` title="`...)
			dst = append(escape(dst, img.alt), '"')
		}
		if img.width > 0 {
			dst = append(strconv.AppendInt(append(dst, ` width="`...), int64(img.width), 10), '"')
			dst = append(strconv.AppendInt(append(dst, ` height="`...), int64(img.height), 10), '"')
		}
		a := img.attrs
		if a.align != "" {
			dst = append(append(append(dst, ` align="`...), a.align...), '"')
			a.align = ""
		}
		dst = append(d.attrs(dst, a), '>')
	}
	if linked {
		dst = append(dst, "</a>"...)
	}
	return dst
}
