// SPDX-License-Identifier: GPL-3.0-or-later

package wiki

import (
	"bytes"
	"regexp"

	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
)

// rawParser reads comments (%%) and formulas ($$) of several lines, which may
// hold anything, blank lines too.
type rawParser struct{}

func (rawParser) Trigger() []byte { return []byte{'%', '$'} }

func (rawParser) Open(_ ast.Node, reader text.Reader, pc parser.Context) (ast.Node, parser.State) {
	line, seg := reader.PeekLine()
	at := pc.BlockOffset()
	if at < 0 || at+2 > len(line) || line[at] != line[at+1] {
		return nil, parser.NoChildren
	}
	fence := line[at : at+2]
	rest := line[at+2:]
	if end := bytes.Index(rest, fence); end >= 0 {
		if !util.IsBlank(rest[end+2:]) {
			return nil, parser.NoChildren // part of a paragraph
		}
	} else if len(bytes.TrimSpace(rest)) > 0 && fence[0] == '$' && bytes.ContainsAny(rest, "$") {
		return nil, parser.NoChildren
	}
	if !closes(reader, fence) {
		return nil, parser.NoChildren
	}
	node := &rawBlock{math: fence[0] == '$'}
	node.done = bytes.Contains(rest, fence)
	node.Lines().Append(seg)
	reader.AdvanceToEOL()
	return node, parser.NoChildren
}

// closes says whether the fence that opens here is closed further down, so
// that a lone %% or $$ does not swallow the page. It looks at 400 lines.
func closes(reader text.Reader, fence []byte) bool {
	line, seg := reader.PeekLine()
	at := bytes.Index(line, fence)
	rest := reader.Source()[seg.Start:]
	if at+2 > len(rest) {
		return false
	}
	rest = rest[at+2:]
	if len(rest) > 16<<10 {
		rest = rest[:16<<10]
	}
	return bytes.Contains(rest, fence)
}

func (rawParser) Continue(n ast.Node, reader text.Reader, _ parser.Context) parser.State {
	node := n.(*rawBlock)
	if node.done {
		return parser.Close
	}
	line, seg := reader.PeekLine()
	fence := []byte("%%")
	if node.math {
		fence = []byte("$$")
	}
	node.Lines().Append(seg)
	node.done = bytes.Contains(line, fence)
	reader.AdvanceToEOL()
	return parser.Continue | parser.NoChildren
}

func (rawParser) Close(ast.Node, text.Reader, parser.Context) {}
func (rawParser) CanInterruptParagraph() bool                 { return true }
func (rawParser) CanAcceptIndentedLine() bool                 { return false }

var calloutLine = regexp.MustCompile(`^\[!([\pL\pN_][\pL\pN_ -]{0,39})\]([+-]?)[ \t]*`)

// calloutTransformer makes a title of the first line of a quotation that reads
// [!type] Title.
type calloutTransformer struct{}

func (calloutTransformer) Transform(p *ast.Paragraph, reader text.Reader, _ parser.Context) {
	quote, ok := p.Parent().(*ast.Blockquote)
	if !ok || p.PreviousSibling() != nil || p.Lines().Len() == 0 {
		return
	}
	seg := p.Lines().At(0)
	line := seg.Value(reader.Source())
	if len(line) < 4 || line[0] != '[' || line[1] != '!' {
		return
	}
	m := calloutLine.FindSubmatch(line)
	if m == nil {
		return
	}
	title := &titleNode{callout: fold(string(bytes.TrimSpace(m[1])))}
	if len(m[2]) > 0 {
		title.fold = m[2][0]
	}
	rest := text.NewSegment(seg.Start+len(m[0])-seg.Padding, seg.Stop)
	rest = rest.TrimRightSpace(reader.Source())
	if rest.Start < rest.Stop {
		title.Lines().Append(rest)
	}
	quote.InsertBefore(quote, p, title)
	lines := p.Lines()
	lines.SetSliced(1, lines.Len())
	if lines.Len() == 0 {
		quote.RemoveChild(quote, p)
		return
	}
	p.SetLines(lines)
}

var blockID = regexp.MustCompile(`(?:^|[ \t])\^([A-Za-z0-9-]{1,80})$`)

// markBlocks finds the ^id at the end of blocks, takes it out of the text and
// puts edges around the block it names. A paragraph that is nothing but ^id
// names the block before it.
func markBlocks(doc ast.Node, src []byte) {
	var found []ast.Node
	_ = ast.Walk(doc, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		if k := n.Kind(); k == ast.KindParagraph || k == ast.KindTextBlock {
			if t, ok := n.LastChild().(*ast.Text); ok && bytes.IndexByte(t.Segment.Value(src), '^') >= 0 {
				found = append(found, n)
			}
			return ast.WalkSkipChildren, nil
		}
		if n.Type() == ast.TypeInline {
			return ast.WalkSkipChildren, nil
		}
		return ast.WalkContinue, nil
	})
	for _, n := range found {
		t := n.LastChild().(*ast.Text)
		val := t.Segment.Value(src)
		m := blockID.FindSubmatchIndex(val)
		if m == nil {
			continue
		}
		id := fold(string(val[m[2]:m[3]]))
		start := t.Segment.Start
		left := text.NewSegment(start, start+m[0])
		t.Segment = left.TrimRightSpace(src)
		if prev := t.PreviousSibling(); prev != nil && t.Segment.Len() == 0 {
			n.RemoveChild(n, t)
			if p, ok := prev.(*ast.Text); ok {
				p.SetSoftLineBreak(false)
				p.SetHardLineBreak(false)
			}
		}
		target, wrap, bare := n, "", false
		if n.FirstChild() == nil || n.FirstChild() == ast.Node(t) && t.Segment.Len() == 0 {
			prev := n.PreviousSibling()
			if prev == nil || prev.Kind() == kindEdge {
				continue
			}
			n.Parent().RemoveChild(n.Parent(), n)
			target, bare = prev, true
		} else {
			n.InsertBefore(n, n.FirstChild(), &anchorNode{id: "^" + id})
		}
		if item, ok := target.Parent().(*ast.ListItem); ok && target.PreviousSibling() == nil {
			target, wrap = item, "ul"
			if item.Parent().(*ast.List).IsOrdered() {
				wrap = "ol"
			}
		}
		parent := target.Parent()
		parent.InsertBefore(parent, target, &edgeNode{id: id, anchor: bare})
		if next := target.NextSibling(); next != nil {
			parent.InsertBefore(parent, next, &edgeNode{id: id, end: true, wrap: wrap})
		} else {
			parent.AppendChild(parent, &edgeNode{id: id, end: true, wrap: wrap})
		}
	}
}
