// SPDX-License-Identifier: GPL-3.0-or-later

package wiki

import (
	"bytes"
	"regexp"
	"strconv"
	"strings"

	"github.com/yuin/goldmark/util"

	"oswald/wiki/highlight"
	"oswald/wiki/textile"
)

// The extensions of pages, by which their markup is known.
const (
	markdownExt = ".md"
	textileExt  = ".textile"
)

// isPage says whether a file is a page.
func isPage(file string) bool { return trimPage(file) != file }

// isTextile says whether a file is a page in the second markup.
func isTextile(file string) bool { return hasExt(file, textileExt) }

// trimPage returns the name of a file without the extension of a page.
func trimPage(file string) string {
	for _, ext := range []string{markdownExt, textileExt} {
		if hasExt(file, ext) {
			return file[:len(file)-len(ext)]
		}
	}
	return file
}

func hasExt(file, ext string) bool {
	return len(file) >= len(ext) && strings.EqualFold(file[len(file)-len(ext):], ext)
}

// textile renders a text in Textile. Whatever belongs to the wiki becomes the
// same holes and the same facts as in Markdown. Its time is linear in its
// length, so that it needs no scan before.
func (m *markup) textile(rec *Record, f *fragment, body []byte, before int) {
	t := &textilePage{m: m, rec: rec, bag: f.bag, before: before, ids: map[string]int{}, hole: newFragment(rec)}
	defer t.hole.free()
	code := highlight.Code
	if !m.cfg.Highlight {
		code = nil
	}
	out, heads := textile.Convert(body, textile.Options{
		Attributes: true, Styles: m.cfg.RawHTML, RawHTML: m.cfg.RawHTML, Camel: m.cfg.CamelCase,
		Wiki: t.construct, Link: t.link, Image: t.image, ID: t.id, HeadingID: t.headingID, Text: t.text, Code: code, Scrolls: scrolls,
	})
	for i, h := range heads {
		if i == 0 && h.Level == 1 && h.Off == 0 {
			rec.HasH1 = true
			if rec.Title == "" {
				rec.Title = h.Text
			}
		}
		rec.Headings = append(rec.Headings, Heading{Level: h.Level, Text: h.Text, ID: h.ID, Line: before + h.Line, Off: f.Len() + h.Off})
	}
	f.one = t.blocks == 1 && (bytes.HasPrefix(out, []byte("<p>")) || bytes.HasPrefix(out, []byte(`<div class="p">`)))
	for _, at := range textileNote.FindAllSubmatchIndex(out, -1) {
		if end := bytes.Index(out[at[0]:], []byte("</p>\n")); end > 0 {
			rec.Blocks = append(rec.Blocks, Block{ID: string(out[at[2]:at[3]]), Start: f.Len() + at[0], End: f.Len() + at[0] + end + len("</p>\n")})
		}
	}
	f.Write(out)
}

// textileNote begins a footnote, which a transcluded section takes along.
var textileNote = regexp.MustCompile(`<p class="footnote[^"]*" id="\x00p\x00(fn\d+)"`)

// textilePage is a page while it is converted.
type textilePage struct {
	m      *markup
	rec    *Record
	bag    *termBag
	before int // lines of front matter
	ids    map[string]int
	links  []linkAt  // of the block that is being read
	hole   *fragment // where a hole is written before it is copied
	blocks int       // read so far
}

// write appends to dst what fill writes to a fragment.
func (t *textilePage) write(dst []byte, fill func(f *fragment)) []byte {
	t.hole.Reset()
	fill(t.hole)
	return append(dst, t.hole.Bytes()...)
}

// construct writes a link of the wiki, an embedding, a tag, a macro or a
// CamelCase word.
func (t *textilePage) construct(dst []byte, c textile.Construct) ([]byte, textile.Form) {
	line := t.before + c.Line
	r := &renderers{m: t.m}
	switch c.Kind {
	case textile.WikiLink, textile.Embed:
		n := &wikiNode{embed: c.Kind == textile.Embed, line: line}
		if n.target, n.section, n.text = parseWiki(c.Text); n.target == "" && n.section == "" {
			return dst, textile.Literal
		}
		kind, form := WikiLink, textile.Inline
		if n.embed {
			kind = Embedding
		}
		if n.page() {
			form = textile.Block
		}
		if !external(n.target) {
			t.links = append(t.links, linkAt{Link{Target: n.target, Section: n.section, Line: line, Kind: kind}, c.At})
		}
		return t.write(dst, func(f *fragment) { _, _ = r.wiki(f, nil, n, true) }), form
	case textile.Tag:
		if !validTag(c.Text) {
			return dst, textile.Literal
		}
		t.rec.Tags = append(t.rec.Tags, c.Text)
		return t.write(dst, func(f *fragment) { _, _ = r.tag(f, nil, &tagNode{tag: c.Text}, true) }), textile.Inline
	case textile.Camel:
		t.links = append(t.links, linkAt{Link{Target: c.Text, Line: line, Kind: CamelLink}, c.At})
		return t.write(dst, func(f *fragment) { f.hole(holeCamel, c.Text, strconv.Itoa(line)) }), textile.Inline
	case textile.Macro:
		raw := strings.TrimSpace(c.Text)
		if raw == "" {
			raw = " "
		}
		return t.write(dst, func(f *fragment) { f.hole(holeMacro, raw, strconv.Itoa(line)) }), textile.Block
	}
	return dst, textile.Literal
}

// note notes a link to a file of the source folder.
func (t *textilePage) note(r textile.Ref, kind LinkKind) {
	if target, section := pathTarget(r.URL); target != "" || section != "" {
		t.links = append(t.links, linkAt{Link{Target: target, Section: section, Line: t.before + r.Line, Kind: kind}, r.At})
	}
}

// link writes the attributes of a link; its address was found to be safe.
func (t *textilePage) link(dst []byte, r textile.Ref) []byte {
	return t.write(dst, func(f *fragment) {
		if external(r.URL) {
			away(f, util.URLEscape([]byte(r.URL), true))
			return
		}
		t.note(r, PathLink)
		f.hole(holePath, clean(r.URL), strconv.Itoa(t.before+r.Line))
	})
}

// image writes the value of src.
func (t *textilePage) image(dst []byte, r textile.Ref) []byte {
	return t.write(dst, func(f *fragment) {
		if external(r.URL) {
			f.Write(util.EscapeHTML(util.URLEscape([]byte(r.URL), true)))
			return
		}
		t.note(r, Embedding)
		size := ""
		if r.Sized {
			size = ownSize
		}
		f.hole(holeSrc, clean(r.URL), size, strconv.Itoa(t.before+r.Line))
	})
}

// ownSize stands for the size of a picture that has its attributes already.
const ownSize = "-"

func (t *textilePage) id(dst []byte, id string) []byte {
	return t.write(dst, func(f *fragment) { f.id(id) })
}

func (t *textilePage) headingID(text string) string { return distinct(t.ids, headingID(text)) }

// text takes the words of a block, and its links with the words around them.
func (t *textilePage) text(el, text string) {
	t.blocks++
	points := inText
	if el[0] == 'h' {
		points = inHeading
	}
	t.bag.add([]byte(text), points)
	if el == "pre" {
		return
	}
	t.rec.Words += strings.Count(text, " ") + 1
	for _, l := range t.links {
		l.Context = window([]byte(text), min(l.off, len(text)))
		t.rec.Links = append(t.rec.Links, l.Link)
	}
	t.links = t.links[:0]
	if el == "p" && t.rec.Summary == "" && text != "" {
		t.rec.Summary = cut(text, 200)
	}
}
