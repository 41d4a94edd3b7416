// SPDX-License-Identifier: GPL-3.0-or-later

package textile

import (
	"bytes"
	"strings"
)

// span is a range of the source.
type span struct{ from, to int }

// block is what stands between two blank lines, or several of these where a
// mark with two periods holds them together.
type block struct {
	mark   string // p, h1, bq, bc, pre, notextile, fn, ###; html for raw HTML
	number string // of a footnote
	attrs  attrs
	cite   string
	at     int // where the mark stands
	parts  []span
}

// split cuts the text into blocks and notes aliases and footnotes.
func (d *doc) split() {
	d.blocks = make([]block, 0, bytes.Count(d.src, []byte("\n\n"))+1)
	var open *block // a block with two periods, which takes what follows
	pos := 0
	for {
		from, to := d.chunk(pos)
		if from == to {
			break
		}
		pos = to
		if b, body, extended, ok := d.mark(from, to); ok {
			open = nil
			b.parts = []span{{body, to}}
			d.blocks = append(d.blocks, b)
			if b.mark == "fn" {
				d.notes[b.number] = false
			}
			if extended {
				open = &d.blocks[len(d.blocks)-1]
			}
		} else if open != nil {
			if open.verbatim() {
				open.parts[0].to = to
			} else {
				open.parts = append(open.parts, span{from, to})
			}
		} else if d.isRule(from, to) {
			d.blocks = append(d.blocks, block{mark: "hr", at: from, parts: []span{{from, to}}})
		} else if end := d.htmlBlock(from, to); end > 0 {
			d.blocks = append(d.blocks, block{mark: "html", at: from, parts: []span{{from, end}}})
			pos = end
			continue
		} else {
			d.blocks = append(d.blocks, block{mark: "p", at: from, parts: []span{{from, to}}})
		}
		if b := d.blocks[len(d.blocks)-1]; !b.verbatim() {
			d.findAliases(from, to)
		}
	}
}

// verbatim says whether the text of a block is no Textile.
func (b *block) verbatim() bool {
	return b.mark == "bc" || b.mark == "pre" || b.mark == "notextile" || b.mark == "###"
}

// isRule says whether a block is nothing but three or more of one sign.
func (d *doc) isRule(from, to int) bool {
	text := bytes.TrimSpace(d.src[from:to])
	return len(text) >= 3 && bytes.IndexByte([]byte("-*_"), text[0]) >= 0 && len(bytes.Trim(text, string(text[:1]))) == 0
}

// chunk returns the next lines up to a blank one.
func (d *doc) chunk(pos int) (from, to int) {
	from = -1
	for pos < len(d.src) {
		end := d.lineEnd(pos, len(d.src))
		blank := len(bytes.TrimSpace(d.src[pos:end])) == 0
		switch {
		case blank && from >= 0:
			return from, to
		case !blank:
			if from < 0 {
				from = pos
			}
			to = end
		}
		pos = end + 1
	}
	if from < 0 {
		return 0, 0
	}
	return from, to
}

var marks = []string{"p", "bq", "bc", "pre", "notextile", "###", "h1", "h2", "h3", "h4", "h5", "h6", "fn"}

// mark reads the mark that may begin a block: h2(class)>. and the like.
func (d *doc) mark(from, to int) (b block, body int, extended, ok bool) {
	line := d.lineEnd(from, to)
	text := d.src[from:line]
	for _, m := range marks {
		if !bytes.HasPrefix(text, []byte(m)) || m == "p" && bytes.HasPrefix(text, []byte("pre")) {
			continue
		}
		b = block{mark: m, at: from}
		pos := from + len(m)
		if m == "fn" {
			v, n := d.number(pos, line)
			if v == 0 {
				return b, 0, false, false
			}
			b.number = string(d.src[pos : pos+n])
			pos += n
			if pos < line && d.src[pos] == '^' { // php-textile: link back; ours always does
				pos++
			}
		}
		b.attrs, pos = d.attributes(pos, line, forBlock)
		if pos >= line || d.src[pos] != '.' {
			return b, 0, false, false
		}
		pos++
		if pos < line && d.src[pos] == '.' {
			extended = m[0] != 'h' && m != "fn"
			pos++
		}
		if m == "bq" && pos < line && d.src[pos] == ':' {
			end := pos + 1
			for end < line && urlChar(d.src[end]) {
				end++
			}
			if b.cite = string(d.src[pos+1 : end]); b.cite == "" {
				return b, 0, false, false
			}
			pos = end
		}
		switch {
		case pos < line && (d.src[pos] == ' ' || d.src[pos] == '\t'):
			return b, pos + 1, extended, true
		case pos == line && pos < to && b.verbatim(): // the text begins in the next line
			return b, pos + 1, extended, true
		}
		return b, 0, false, false
	}
	return b, 0, false, false
}

// findAliases notes the lines that give an address a name.
func (d *doc) findAliases(from, to int) {
	for from < to {
		end := d.lineEnd(from, to)
		if name, url, ok := d.alias(from, end); ok {
			d.aliases[name] = url
		}
		from = end + 1
	}
}

// renderAll writes the blocks.
func (d *doc) renderAll() {
	for i := range d.blocks {
		d.render(&d.blocks[i])
	}
}

func (d *doc) render(b *block) {
	first := b.parts[0]
	switch b.mark {
	case "###":
	case "hr":
		d.out = append(d.out, "<hr>\n"...)
	case "html":
		d.html(first)
	case "bc", "pre":
		d.out = append(d.out, "<pre"...)
		d.out = append(d.attrs(d.out, b.attrs), d.o.Scrolls...)
		d.out = append(d.out, '>')
		inner := b.attrs
		inner.id = ""
		if b.mark == "bc" {
			d.out = append(d.out, "<code"...)
			d.out = append(d.attrs(d.out, inner), '>')
		} else if first.from < first.to && d.src[first.from] == '\n' {
			d.out = append(d.out, '\n') // the parser of HTML drops the first
		}
		if b.mark == "bc" && d.o.Code != nil {
			d.out = d.o.Code(d.out, strings.TrimPrefix(b.attrs.class, "language-"), d.src[first.from:first.to])
		} else {
			d.out = escape(d.out, d.src[first.from:first.to])
		}
		if b.mark == "bc" {
			d.out = append(d.out, "</code>"...)
		}
		d.out = append(d.out, "</pre>\n"...)
		d.told("pre", d.src[first.from:first.to])
	case "notextile":
		d.notextile(first)
	case "bq":
		d.out = append(d.out, "<blockquote"...)
		if b.cite != "" && SafeURL(d.resolve(b.cite)) {
			d.out = append(d.out, ` cite="`...)
			d.out = append(escape(d.out, d.resolve(b.cite)), '"')
		}
		inner := b.attrs
		inner.id = ""
		d.out = append(d.attrs(d.out, b.attrs), ">\n"...)
		for _, p := range b.parts {
			d.text("p", inner, p)
		}
		d.out = append(d.out, "</blockquote>\n"...)
	case "fn":
		d.footnote(b)
	case "p":
		for _, p := range b.parts {
			d.text("p", b.attrs, p)
			b.attrs.id = "" // one element has it
		}
	default:
		d.heading(b)
	}
}

// text writes paragraphs, lists and tables.
func (d *doc) text(el string, a attrs, p span) {
	for p.from < p.to {
		switch end := d.lineEnd(p.from, p.to); {
		case d.isItem(p.from, end):
			p.from = d.list(p.from, p.to)
		case d.isTerm(p.from, p.to):
			p.from = d.terms(p.from, p.to)
		case d.isTable(p.from, p.to):
			p.from = d.table(p.from, p.to)
		default:
			for end < p.to && !d.interrupts(end+1, p.to) {
				end = d.lineEnd(end+1, p.to)
			}
			d.paragraph(el, a, span{p.from, end})
			p.from = end + 1
		}
	}
}

// interrupts says whether a line ends the paragraph before it.
func (d *doc) interrupts(pos, end int) bool {
	line := d.lineEnd(pos, end)
	return d.isItem(pos, line) && d.src[pos] != ';' && d.src[pos] != ':'
}

// paragraph writes one paragraph, unless nothing is in it.
func (d *doc) paragraph(el string, a attrs, p span) {
	s := d.inline(p.from, p.to)
	if len(s.html) == 0 {
		return
	}
	switch {
	case s.only:
		d.out = append(d.out, s.html...)
		d.out = append(d.out, '\n')
	case s.blocks:
		if !d.o.Attributes || a.class == "" {
			d.out = append(d.out, `<div class="p"`...)
			a.class = ""
		} else {
			d.out = append(d.out, "<div"...)
		}
		d.out = append(d.attrs(d.out, a), '>')
		d.out = append(d.out, s.html...)
		d.out = append(d.out, "</div>\n"...)
	default:
		d.out = append(append(d.out, '<'), el...)
		d.out = append(d.attrs(d.out, a), '>')
		d.out = append(d.out, s.html...)
		d.out = append(append(append(d.out, "</"...), el...), ">\n"...)
	}
	d.told("p", s.plain)
}

// told hands the plain text of a block on.
func (d *doc) told(el string, plain []byte) {
	if d.o.Text != nil {
		d.o.Text(el, strings.TrimSpace(string(plain)))
	}
}

func (d *doc) heading(b *block) {
	s := d.inline(b.parts[0].from, b.parts[0].to)
	h := Heading{Level: int(b.mark[1] - '0'), Text: strings.TrimSpace(string(s.plain)), Line: d.line(b.at), Off: len(d.out)}
	if d.o.Attributes {
		h.ID = b.attrs.id
	}
	if h.ID == "" && d.o.HeadingID != nil {
		h.ID = d.o.HeadingID(h.Text)
	}
	b.attrs.id = ""
	d.out = append(append(d.out, '<'), b.mark...)
	if h.ID != "" {
		d.setID(h.ID)
	}
	d.out = append(d.attrs(d.out, b.attrs), '>')
	d.out = append(d.out, s.html...)
	d.out = append(append(append(d.out, "</"...), b.mark...), ">\n"...)
	d.heads = append(d.heads, h)
	d.told(b.mark, s.plain)
}

func (d *doc) footnote(b *block) {
	a := b.attrs
	a.id = ""
	d.out = append(d.out, `<p class="footnote`...)
	if d.o.Attributes && a.class != "" {
		d.out = escape(append(d.out, ' '), a.class)
	}
	a.class = ""
	d.out = append(d.out, '"')
	d.setID("fn" + b.number)
	d.out = append(d.attrs(d.out, a), '>')
	if d.notes[b.number] { // a link back leads somewhere
		d.out = append(d.out, `<a href="#`...)
		d.out = d.id(d.out, "fnr"+b.number)
		d.out = append(append(append(d.out, `"><sup>`...), b.number...), `</sup></a> `...)
	} else {
		d.out = append(append(append(d.out, "<sup>"...), b.number...), "</sup> "...)
	}
	s := d.inline(b.parts[0].from, b.parts[0].to)
	d.out = append(d.out, s.html...)
	d.out = append(d.out, "</p>\n"...)
	d.told("p", s.plain)
}
