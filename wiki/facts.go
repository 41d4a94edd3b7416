// SPDX-License-Identifier: GPL-3.0-or-later

package wiki

import (
	"bytes"
	"net/url"
	"strings"

	"github.com/yuin/goldmark/ast"
	extast "github.com/yuin/goldmark/extension/ast"
)

// collect reads from the tree of a page what its record holds: title, headings,
// links with the words around them, tags.
func collect(rec *Record, doc ast.Node, src []byte, state *pageState) {
	c := &collector{rec: rec, src: src, state: state, ids: map[string]int{}}
	c.blocks(doc, doc)
	rec.Words = c.words
}

type collector struct {
	rec   *Record
	src   []byte
	state *pageState
	ids   map[string]int
	words int
	buf   bytes.Buffer
	links []linkAt
}

// linkAt is a link and where it stands in the text of its block.
type linkAt struct {
	Link
	off int
}

// blocks walks over block nodes.
func (c *collector) blocks(doc, n ast.Node) {
	for b := n.FirstChild(); b != nil; b = b.NextSibling() {
		if b.Kind() == extast.KindTable {
			b.SetAttributeString("tabindex", []byte("0")) // see scrolls
		}
		first := b.FirstChild()
		switch {
		case first == nil:
			if c.state.bag != nil && (b.Kind() == ast.KindFencedCodeBlock || b.Kind() == ast.KindCodeBlock) {
				for i := range b.Lines().Len() {
					seg := b.Lines().At(i)
					c.state.bag.add(seg.Value(c.src), inText)
				}
			}
		case first.Type() == ast.TypeInline:
			c.text(doc, b)
		default:
			c.blocks(doc, b)
		}
	}
}

// text reads one block that holds inline nodes.
func (c *collector) text(doc, b ast.Node) {
	c.buf.Reset()
	c.links = c.links[:0]
	c.inline(b)
	c.words += bytes.Count(c.buf.Bytes(), []byte(" ")) + 1
	if b.Kind() == ast.KindHeading {
		c.state.bag.add(c.buf.Bytes(), inHeading)
	} else {
		c.state.bag.add(c.buf.Bytes(), inText)
	}
	for _, l := range c.links {
		l.Context = window(c.buf.Bytes(), l.off)
		c.rec.Links = append(c.rec.Links, l.Link)
	}
	switch b := b.(type) {
	case *ast.Heading:
		text := strings.TrimSpace(c.buf.String())
		line := 0
		if b.Lines().Len() > 0 {
			line = c.state.line(b.Lines().At(0).Start)
		}
		if b.Level == 1 && b.Parent() == doc && len(c.rec.Headings) == 0 && first(doc) == ast.Node(b) {
			c.rec.HasH1 = true
			if c.rec.Title == "" {
				c.rec.Title = text
			}
		}
		id := distinct(c.ids, headingID(text))
		b.SetAttributeString("data-index", len(c.rec.Headings))
		c.rec.Headings = append(c.rec.Headings, Heading{Level: b.Level, Text: text, ID: id, Line: line, Off: -1})
	case *ast.Paragraph:
		if c.rec.Summary == "" && b.Parent() == doc {
			c.rec.Summary = cut(strings.TrimSpace(c.buf.String()), 200)
		}
	}
}

// first returns the first block of the page that has output.
func first(doc ast.Node) ast.Node {
	n := doc.FirstChild()
	for n != nil && (n.Kind() == kindRaw || n.Kind() == kindEdge || n.Kind() == ast.KindLinkReferenceDefinition) {
		n = n.NextSibling()
	}
	return n
}

// inline adds the text below n, and notes links and tags.
func (c *collector) inline(n ast.Node) {
	for i := n.FirstChild(); i != nil; i = i.NextSibling() {
		switch i := i.(type) {
		case *ast.Text:
			join(n, i, c.src)
			c.buf.Write(i.Segment.Value(c.src))
			if i.SoftLineBreak() || i.HardLineBreak() {
				c.buf.WriteByte(' ')
			}
		case *ast.String:
			c.buf.Write(i.Value)
		case *wikiNode:
			kind := WikiLink
			if i.embed {
				kind = Embedding
			}
			if !external(i.target) {
				c.links = append(c.links, linkAt{Link{Target: i.target, Section: i.section, Line: i.line, Kind: kind}, c.buf.Len()})
			}
			if !i.embed {
				c.buf.WriteString(i.label())
			}
		case *camelNode:
			c.links = append(c.links, linkAt{Link{Target: i.word, Line: i.line, Kind: CamelLink}, c.buf.Len()})
			c.buf.WriteString(i.word)
		case *tagNode:
			c.rec.Tags = append(c.rec.Tags, i.tag)
			c.buf.WriteString("#" + i.tag)
		case *mathNode:
			c.buf.WriteString(i.formula)
		case *ast.AutoLink:
			c.buf.Write(i.Label(c.src))
		case *ast.Link:
			c.dest(string(i.Destination), i, PathLink)
			c.inline(i)
		case *ast.Image:
			c.dest(string(i.Destination), i, Embedding)
		case *macroNode, *commentNode, *ast.RawHTML, *extast.FootnoteLink, *extast.FootnoteBacklink:
		default:
			c.inline(i)
		}
	}
}

// join puts the texts after t that follow it in the source into it. The inline
// parsers split a text wherever one of their letters stands, inside an entity
// like &#42; too, which would then not be one any more.
func join(parent ast.Node, t *ast.Text, src []byte) {
	for !t.SoftLineBreak() && !t.HardLineBreak() {
		next, ok := t.NextSibling().(*ast.Text)
		if !ok || next.Segment.Start != t.Segment.Stop || next.Segment.Padding != 0 || t.IsRaw() != next.IsRaw() ||
			bytes.IndexByte(t.Segment.Value(src), '&') < 0 {
			return
		}
		t.Segment.Stop = next.Segment.Stop
		t.SetSoftLineBreak(next.SoftLineBreak())
		t.SetHardLineBreak(next.HardLineBreak())
		parent.RemoveChild(parent, next)
	}
}

// dest notes a Markdown link to a file of the source folder.
func (c *collector) dest(dest string, n ast.Node, kind LinkKind) {
	if external(dest) {
		return
	}
	line := c.state.line(max(0, n.Pos()))
	n.SetAttributeString("data-line", line)
	target, section := pathTarget(dest)
	if target == "" && section == "" {
		return
	}
	c.links = append(c.links, linkAt{Link{Target: target, Section: section, Line: line, Kind: kind}, c.buf.Len()})
}

// pathTarget parts the destination of a Markdown link into file and section.
func pathTarget(dest string) (target, section string) {
	dest, section, _ = strings.Cut(dest, "#")
	dest, _, _ = strings.Cut(dest, "?")
	if s, err := url.PathUnescape(section); err == nil {
		section = s
	}
	if s, err := url.PathUnescape(dest); err == nil {
		dest = s
	}
	return clean(dest), clean(section)
}

// plain returns the text below n.
func plain(n ast.Node, src []byte) string {
	c := &collector{rec: &Record{}, src: src, state: &pageState{}}
	c.inline(n)
	return c.buf.String()
}

// window returns up to 160 bytes of text around an offset, cut at spaces.
func window(s []byte, off int) string {
	const side = 80
	from, to := 0, len(s)
	if off > side {
		from = off - side
		if i := bytes.IndexByte(s[from:off], ' '); i >= 0 {
			from += i + 1
		} else {
			for from < off && s[from]&0xc0 == 0x80 {
				from++
			}
		}
	}
	if to-off > side {
		to = off + side
		if i := bytes.LastIndexByte(s[off:to], ' '); i > 0 {
			to = off + i
		} else {
			for to > off && s[to]&0xc0 == 0x80 {
				to--
			}
		}
	}
	out := make([]byte, 0, to-from+8)
	if from > 0 {
		out = append(out, "… "...)
	}
	space := true
	for _, c := range s[from:to] {
		if isSpace(c) {
			if !space {
				out = append(out, ' ')
			}
			space = true
			continue
		}
		out, space = append(out, c), false
	}
	out = bytes.TrimRight(out, " ")
	if to < len(s) {
		out = append(out, " …"...)
	}
	return string(out)
}
