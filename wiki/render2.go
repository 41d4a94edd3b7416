// SPDX-License-Identifier: GPL-3.0-or-later

package wiki

import (
	"bytes"
	"strconv"

	"github.com/yuin/goldmark/ast"
	extast "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/util"
)

// wiki writes a wiki link or an embedding.
func (r *renderers) wiki(w util.BufWriter, _ []byte, node ast.Node, entering bool) (ast.WalkStatus, error) {
	if !entering {
		return ast.WalkContinue, nil
	}
	f, n := w.(*fragment), node.(*wikiNode)
	line := strconv.Itoa(n.line)
	if n.embed {
		f.hole(holeEmbed, n.target, n.section, n.text, line)
		return ast.WalkContinue, nil
	}
	if external(n.target) { // [[https://example.org|text]]
		r.href(f, util.URLEscape([]byte(n.target), true))
		f.WriteByte('>')
	} else {
		f.WriteString("<a")
		f.hole(holeWiki, n.target, n.section, line)
		f.WriteByte('>')
	}
	f.Write(r.m.inlineText(n.label()))
	f.WriteString("</a>")
	return ast.WalkContinue, nil
}

func (r *renderers) tag(w util.BufWriter, _ []byte, node ast.Node, entering bool) (ast.WalkStatus, error) {
	if entering {
		tag := node.(*tagNode).tag
		w.WriteString(`<a class="tag" href="` + esc(r.m.base+tagURL(tag)) + `">#` + esc(tag) + `</a>`)
	}
	return ast.WalkContinue, nil
}

func (r *renderers) macro(w util.BufWriter, _ []byte, node ast.Node, entering bool) (ast.WalkStatus, error) {
	if entering {
		n := node.(*macroNode)
		w.(*fragment).hole(holeMacro, n.raw, strconv.Itoa(n.line))
	}
	return ast.WalkContinue, nil
}

func (r *renderers) camel(w util.BufWriter, _ []byte, node ast.Node, entering bool) (ast.WalkStatus, error) {
	if entering {
		n := node.(*camelNode)
		w.(*fragment).hole(holeCamel, n.word, strconv.Itoa(n.line))
	}
	return ast.WalkContinue, nil
}

func (r *renderers) math(w util.BufWriter, _ []byte, node ast.Node, entering bool) (ast.WalkStatus, error) {
	if entering {
		n := node.(*mathNode)
		class := "math"
		if n.display {
			class = "math display"
		}
		w.WriteString(`<span class="` + class + `">` + esc(n.formula) + `</span>`)
	}
	return ast.WalkContinue, nil
}

func (r *renderers) mark(w util.BufWriter, _ []byte, _ ast.Node, entering bool) (ast.WalkStatus, error) {
	if entering {
		w.WriteString("<mark>")
	} else {
		w.WriteString("</mark>")
	}
	return ast.WalkContinue, nil
}

// raw writes a formula of several lines; a comment has no output.
func (r *renderers) raw(w util.BufWriter, src []byte, node ast.Node, entering bool) (ast.WalkStatus, error) {
	n := node.(*rawBlock)
	if !entering || !n.math {
		return ast.WalkContinue, nil
	}
	w.WriteString(`<div class="math display">`)
	for i := 0; i < n.Lines().Len(); i++ {
		seg := n.Lines().At(i)
		line := seg.Value(src)
		if i == n.Lines().Len()-1 {
			line = bytes.TrimRight(line, "\r\n")
		}
		w.WriteString(esc(string(line)))
	}
	w.WriteString("</div>\n")
	return ast.WalkContinue, nil
}

// edge remembers where a block begins and ends.
func (r *renderers) edge(w util.BufWriter, _ []byte, node ast.Node, entering bool) (ast.WalkStatus, error) {
	f, n := w.(*fragment), node.(*edgeNode)
	switch {
	case !entering:
	case !n.end:
		f.open[n.id] = f.Len()
		if n.anchor {
			f.WriteString(`<span id="`)
			f.id("^" + n.id)
			f.WriteString(`"></span>`)
		}
	case f.rec != nil:
		f.rec.Blocks = append(f.rec.Blocks, Block{ID: n.id, Start: f.open[n.id], End: f.Len(), Wrap: n.wrap})
	}
	return ast.WalkContinue, nil
}

func (r *renderers) anchor(w util.BufWriter, _ []byte, node ast.Node, entering bool) (ast.WalkStatus, error) {
	if entering {
		f := w.(*fragment)
		f.WriteString(`<span id="`)
		f.id(node.(*anchorNode).id)
		f.WriteString(`"></span>`)
	}
	return ast.WalkContinue, nil
}

// footnotes writes the list of footnotes as goldmark does, and remembers where
// the text of the page ends.
func (r *renderers) footnotes(w util.BufWriter, _ []byte, _ ast.Node, entering bool) (ast.WalkStatus, error) {
	f := w.(*fragment)
	if entering {
		f.body = f.Len()
		f.WriteString(footOpen)
	} else {
		f.WriteString(footClose)
	}
	return ast.WalkContinue, nil
}

const (
	footOpen  = "<div class=\"footnotes\" role=\"doc-endnotes\">\n<hr>\n<ol>\n"
	footClose = "</ol>\n</div>\n"
)

// footnote writes one footnote, as a block that a transcluded section can take
// along.
func (r *renderers) footnote(w util.BufWriter, _ []byte, node ast.Node, entering bool) (ast.WalkStatus, error) {
	f, id := w.(*fragment), "fn:"+strconv.Itoa(node.(*extast.Footnote).Index)
	if entering {
		f.note = f.Len()
		f.WriteString(`<li id="`)
		f.id(id)
		f.WriteString("\">\n")
		return ast.WalkContinue, nil
	}
	f.WriteString("</li>\n")
	if f.rec != nil {
		f.rec.Blocks = append(f.rec.Blocks, Block{ID: id, Start: f.note, End: f.Len()})
	}
	return ast.WalkContinue, nil
}
