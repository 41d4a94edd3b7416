// SPDX-License-Identifier: GPL-3.0-or-later

package wiki

import (
	"bytes"
	"html"
	"strconv"
	"strings"

	"github.com/yuin/goldmark/ast"
	extast "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/renderer"
	gmhtml "github.com/yuin/goldmark/renderer/html"
	"github.com/yuin/goldmark/util"

	"oswald/wiki/highlight"
)

// renderers writes our nodes, and those of goldmark that need a hole.
type renderers struct {
	m    *markup
	text gmhtml.Writer
}

func (r *renderers) RegisterFuncs(reg renderer.NodeRendererFuncRegisterer) {
	reg.Register(ast.KindHeading, r.heading)
	reg.Register(ast.KindParagraph, r.paragraph)
	reg.Register(ast.KindBlockquote, r.quote)
	reg.Register(ast.KindFencedCodeBlock, r.fence)
	reg.Register(ast.KindCodeBlock, r.code)
	reg.Register(extast.KindTaskCheckBox, r.task)
	reg.Register(ast.KindLink, r.link)
	reg.Register(ast.KindImage, r.image)
	reg.Register(ast.KindAutoLink, r.autoLink)
	reg.Register(extast.KindFootnote, r.footnote)
	reg.Register(extast.KindFootnoteList, r.footnotes)
	reg.Register(kindWiki, r.wiki)
	reg.Register(kindTag, r.tag)
	reg.Register(kindMacro, r.macro)
	reg.Register(kindCamel, r.camel)
	reg.Register(kindMath, r.math)
	reg.Register(kindMark, r.mark)
	reg.Register(kindComment, nothing)
	reg.Register(kindRaw, r.raw)
	reg.Register(kindTitle, r.title)
	reg.Register(kindEdge, r.edge)
	reg.Register(kindAnchor, r.anchor)
}

func nothing(util.BufWriter, []byte, ast.Node, bool) (ast.WalkStatus, error) {
	return ast.WalkSkipChildren, nil
}

func esc(s string) string { return html.EscapeString(s) }

func (r *renderers) heading(w util.BufWriter, _ []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
	f, h := w.(*fragment), n.(*ast.Heading)
	level := "0123456"[h.Level]
	if !entering {
		f.WriteString("</h")
		f.WriteByte(level)
		f.WriteString(">\n")
		return ast.WalkContinue, nil
	}
	id, _ := n.AttributeString("data-index")
	i, ok := id.(int)
	if !ok || f.rec == nil {
		f.WriteString("<h")
		f.WriteByte(level)
		f.WriteByte('>')
		return ast.WalkContinue, nil
	}
	rec := &f.rec.Headings[i]
	if n.Parent().Kind() == ast.KindDocument {
		rec.Off = f.Len()
	}
	f.WriteString("<h")
	f.WriteByte(level)
	f.WriteString(` id="`)
	f.id(rec.ID)
	f.WriteString(`">`)
	return ast.WalkContinue, nil
}

// holdsBlock says what a paragraph holds that may become a block: 2 if nothing
// else is in it, 1 if other things are too.
func holdsBlock(n ast.Node, src []byte) int {
	blocks, others, comments, macros := 0, 0, 0, 0
	for c := n.FirstChild(); c != nil; c = c.NextSibling() {
		switch c := c.(type) {
		case *macroNode:
			blocks++
			macros++
		case *commentNode:
			comments++
		case *wikiNode:
			if c.page() {
				blocks++
			} else {
				others++
			}
		case *ast.Text:
			if len(bytes.TrimSpace(c.Segment.Value(src))) > 0 {
				others++
			}
		case *anchorNode:
		default:
			others++
		}
	}
	switch {
	case blocks == 0 && (others > 0 || comments == 0):
		return 0
	case others == 0 && macros == 0:
		return 2
	}
	return 1
}

func (r *renderers) paragraph(w util.BufWriter, src []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
	switch holdsBlock(n, src) {
	case 2:
		if !entering {
			w.WriteByte('\n')
		}
	case 1:
		if entering {
			w.WriteString(`<div class="p">`)
		} else {
			w.WriteString("</div>\n")
		}
	default:
		if entering {
			w.WriteString("<p>")
		} else {
			w.WriteString("</p>\n")
		}
	}
	return ast.WalkContinue, nil
}

func (r *renderers) quote(w util.BufWriter, _ []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
	t, ok := n.FirstChild().(*titleNode)
	switch {
	case !ok && entering:
		w.WriteString("<blockquote>\n")
	case !ok:
		w.WriteString("</blockquote>\n")
	case entering && t.fold == 0:
		w.WriteString(`<div class="callout" data-callout="` + esc(t.callout) + `">` + "\n")
	case entering:
		w.WriteString(`<details class="callout" data-callout="` + esc(t.callout) + `"`)
		if t.fold == '+' {
			w.WriteString(" open")
		}
		w.WriteString(">\n")
	case t.fold == 0:
		w.WriteString("</div>\n")
	default:
		w.WriteString("</details>\n")
	}
	return ast.WalkContinue, nil
}

func (r *renderers) title(w util.BufWriter, _ []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
	t := n.(*titleNode)
	el := "p"
	if t.fold != 0 {
		el = "summary"
	}
	if !entering {
		w.WriteString("</" + el + ">\n")
		return ast.WalkContinue, nil
	}
	w.WriteString("<" + el + ` class="callout-title">`)
	if n.FirstChild() == nil {
		name := []rune(t.callout)
		w.WriteString(esc(strings.ToUpper(string(name[:1])) + string(name[1:])))
	}
	return ast.WalkContinue, nil
}

// scrolls are the attributes of what may be wider than the screen: it can be
// reached, and moved, with the keyboard.
const scrolls = ` tabindex="0"`

// code writes indented code as goldmark does.
func (r *renderers) code(w util.BufWriter, src []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
	if !entering {
		w.WriteString("</code></pre>\n")
		return ast.WalkContinue, nil
	}
	w.WriteString("<pre" + scrolls + "><code>")
	for i := 0; i < n.Lines().Len(); i++ {
		seg := n.Lines().At(i)
		r.text.RawWrite(w, seg.Value(src))
	}
	return ast.WalkContinue, nil
}

// task writes the box of a list item, as goldmark does but with a name for those
// who hear it.
func (r *renderers) task(w util.BufWriter, _ []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
	if entering {
		if n.(*extast.TaskCheckBox).IsChecked {
			w.WriteString(`<input checked="" disabled="" type="checkbox" aria-label="done"> `)
		} else {
			w.WriteString(`<input disabled="" type="checkbox" aria-label="to do"> `)
		}
	}
	return ast.WalkContinue, nil
}

// fence writes fenced code as goldmark does, but for diagrams.
func (r *renderers) fence(w util.BufWriter, src []byte, node ast.Node, entering bool) (ast.WalkStatus, error) {
	n := node.(*ast.FencedCodeBlock)
	lang := n.Language(src)
	mermaid := string(lang) == "mermaid"
	switch {
	case !entering && mermaid:
		w.WriteString("</pre>\n")
		return ast.WalkContinue, nil
	case !entering:
		w.WriteString("</code></pre>\n")
		return ast.WalkContinue, nil
	case mermaid:
		w.WriteString(`<pre class="mermaid"` + scrolls + `>`)
	default:
		w.WriteString("<pre" + scrolls + "><code")
		if lang != nil {
			w.WriteString(` class="language-`)
			r.text.Write(w, lang)
			w.WriteByte('"')
		}
		w.WriteByte('>')
	}
	if f, ok := w.(*fragment); ok && r.m.cfg.Highlight && highlight.Knows(string(lang)) {
		var code []byte
		for i := 0; i < n.Lines().Len(); i++ {
			seg := n.Lines().At(i)
			code = append(code, seg.Value(src)...)
		}
		f.Write(highlight.Code(nil, string(lang), code))
		return ast.WalkContinue, nil
	}
	for i := 0; i < n.Lines().Len(); i++ {
		seg := n.Lines().At(i)
		r.text.RawWrite(w, seg.Value(src))
	}
	return ast.WalkContinue, nil
}

// external says whether a destination leads away from the site: it has a
// scheme, or begins with two slashes.
func external(dest string) bool {
	if strings.HasPrefix(dest, "//") {
		return true
	}
	i := strings.IndexAny(dest, ":/?#")
	return i > 0 && dest[i] == ':'
}

func (r *renderers) link(w util.BufWriter, _ []byte, node ast.Node, entering bool) (ast.WalkStatus, error) {
	f, n := w.(*fragment), node.(*ast.Link)
	if !entering {
		f.WriteString("</a>")
		return ast.WalkContinue, nil
	}
	dest := string(n.Destination)
	if external(dest) {
		r.href(f, util.URLEscape(n.Destination, true))
	} else {
		f.WriteString("<a")
		f.hole(holePath, dest, strconv.Itoa(r.m.lineOf(f, node)))
	}
	if n.Title != nil {
		f.WriteString(` title="`)
		r.text.Write(f, n.Title)
		f.WriteByte('"')
	}
	f.WriteByte('>')
	return ast.WalkContinue, nil
}

// href begins a link to another site. A dangerous address is left empty.
func (r *renderers) href(f *fragment, dest []byte) {
	f.WriteString("<a")
	away(f, dest)
}

// away writes the attributes of a link to another site.
func away(f *fragment, dest []byte) {
	f.WriteString(` href="`)
	if !gmhtml.IsDangerousURL(dest) {
		f.Write(util.EscapeHTML(dest))
	}
	f.WriteByte('"')
	if !bytes.HasPrefix(bytes.ToLower(dest), []byte("mailto:")) {
		f.WriteString(` class="external" rel="external noopener"`)
	}
}

func (r *renderers) autoLink(w util.BufWriter, src []byte, node ast.Node, entering bool) (ast.WalkStatus, error) {
	if !entering {
		return ast.WalkContinue, nil
	}
	f, n := w.(*fragment), node.(*ast.AutoLink)
	url := n.URL(src)
	if n.AutoLinkType == ast.AutoLinkEmail && !bytes.HasPrefix(bytes.ToLower(url), []byte("mailto:")) {
		url = append([]byte("mailto:"), url...)
	}
	r.href(f, util.URLEscape(url, false))
	f.WriteByte('>')
	f.Write(util.EscapeHTML(n.Label(src)))
	f.WriteString("</a>")
	return ast.WalkContinue, nil
}

func (r *renderers) image(w util.BufWriter, src []byte, node ast.Node, entering bool) (ast.WalkStatus, error) {
	if !entering {
		return ast.WalkContinue, nil
	}
	f, n := w.(*fragment), node.(*ast.Image)
	alt := plain(node, src)
	size := ""
	if i := strings.LastIndexByte(alt, '|'); i >= 0 && imageSize(alt[i+1:]) != "" {
		alt, size = alt[:i], imageSize(alt[i+1:])
	} else if size = imageSize(alt); size != "" { // ![250](…)
		alt = ""
	}
	f.WriteString(`<img src="`)
	if dest := string(n.Destination); external(dest) {
		if d := util.URLEscape(n.Destination, true); !gmhtml.IsDangerousURL(d) {
			f.Write(util.EscapeHTML(d))
		}
	} else {
		f.hole(holeSrc, dest, size, strconv.Itoa(r.m.lineOf(f, node)))
		size = ""
	}
	f.WriteString(`" alt="`)
	f.Write(util.EscapeHTML([]byte(alt)))
	f.WriteByte('"')
	if n.Title != nil {
		f.WriteString(` title="`)
		r.text.Write(f, n.Title)
		f.WriteByte('"')
	}
	f.WriteString(size + ">")
	return ast.WalkSkipChildren, nil
}

// imageSize turns 100 or 100x145 into attributes; it is empty for other texts.
func imageSize(s string) string {
	w, h, both := strings.Cut(strings.TrimSpace(s), "x")
	if n, err := strconv.Atoi(w); err != nil || n < 1 || n > 10000 {
		return ""
	}
	if !both {
		return ` width="` + w + `"`
	}
	if n, err := strconv.Atoi(h); err != nil || n < 1 || n > 10000 {
		return ""
	}
	return ` width="` + w + `" height="` + h + `"`
}
