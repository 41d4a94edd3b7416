// SPDX-License-Identifier: GPL-3.0-or-later

package wiki

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/renderer"
	gmhtml "github.com/yuin/goldmark/renderer/html"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
)

// markup turns the source of a page into a record and a fragment. It is safe
// for concurrent use.
type markup struct {
	cfg    Config
	base   string // path below which the site lies, without a slash at its end
	md     goldmark.Markdown
	inline goldmark.Markdown // for the text of a link
}

func newMarkup(cfg Config, base string) *markup {
	m := &markup{cfg: cfg, base: base}
	ours := []util.PrioritizedValue{
		util.Prioritized(wikiParser{}, 150),
		util.Prioritized(macroParser{}, 150),
		util.Prioritized(mathParser{}, 150),
		util.Prioritized(commentParser{}, 150),
		util.Prioritized(tagParser{}, 150),
		util.Prioritized(markParser{}, 500),
	}
	if cfg.CamelCase {
		ours = append(ours, util.Prioritized(camelParser{}, 1200)) // after linkify
	}
	ropts := []renderer.Option{renderer.WithNodeRenderers(util.Prioritized(&renderers{m: m, text: gmhtml.DefaultWriter}, 50))}
	if cfg.RawHTML {
		ropts = append(ropts, gmhtml.WithUnsafe())
	}
	m.md = goldmark.New(
		goldmark.WithExtensions(extensions()...),
		goldmark.WithParserOptions(
			parser.WithInlineParsers(ours...),
			parser.WithBlockParsers(util.Prioritized(rawParser{}, 650)),
			parser.WithParagraphTransformers(util.Prioritized(calloutTransformer{}, 50)),
		),
		goldmark.WithRendererOptions(ropts...),
	)
	m.inline = goldmark.New(goldmark.WithExtensions(extension.Strikethrough),
		goldmark.WithParserOptions(parser.WithInlineParsers(util.Prioritized(markParser{}, 500))),
		goldmark.WithRendererOptions(renderer.WithNodeRenderers(util.Prioritized(&renderers{m: m, text: gmhtml.DefaultWriter}, 50))))
	return m
}

// extensions are goldmark's own that every page has.
func extensions() []goldmark.Extender {
	return []goldmark.Extender{
		extension.NewTable(extension.WithTableCellAlignMethod(extension.TableCellAlignAttribute)),
		extension.Strikethrough, extension.Linkify, extension.TaskList,
		extension.NewFootnote(extension.WithFootnoteIDPrefix("\x00p\x00")),
	}
}

// page parses one page. What is wrong with it stands in Record.Faults, as a
// notice in the fragment, or both: the page is always published.
func (m *markup) page(file string, src []byte) (*Record, []byte) {
	rec := &Record{File: file}
	sum := sha256.Sum256(src)
	rec.Hash = [16]byte(sum[:16])
	var notices []string
	fault := func(line int, format string, args ...any) {
		what := fmt.Sprintf(format, args...)
		rec.Faults = append(rec.Faults, strconv.Itoa(line)+": "+what)
		notices = append(notices, what)
	}
	if len(src) > m.cfg.MaxPage {
		fault(1, "the page is larger than the limit of %d KB (wiki.max_page): split it", m.cfg.MaxPage>>10)
		src = nil
	}
	src, valid := sanitize(src)
	if !valid {
		fault(1, "the page is not UTF-8 text: save it again as UTF-8")
	}
	raw, body, mark, lines := splitFront(src)
	if mark != 0 {
		fields, err := parseFront(raw, mark)
		if err != nil {
			line, what, _ := strings.Cut(err.Error(), ": ")
			n, _ := strconv.Atoi(line)
			fault(n, "%s", what)
		}
		m.fields(rec, fields)
	}
	if dir := strings.Trim(m.cfg.Macros, "/"); rec.Macro == "" && dir != "" && strings.HasPrefix(file, dir+"/") {
		rec.Macro = rec.base()
	}
	f := newFragment(rec)
	defer f.free()
	if rec.Macro != "" { // its text is rendered where it is called
		rec.Macro = fold(rec.Macro)
		f.Write(bytes.TrimSpace(body))
		return m.seal(rec, f)
	}
	line, hostile := 0, ""
	if !isTextile(file) {
		line, hostile = scan(body)
	}
	if hostile != "" {
		fault(line+lines, "%s: the page is shown as plain text", hostile)
	}
	for _, n := range notices {
		f.WriteString(`<p class="notice" role="alert">Something is wrong with this page: ` + esc(n) + ".</p>\n")
	}
	if hostile != "" {
		f.WriteString("<pre" + scrolls + ">" + esc(string(body)) + "</pre>\n")
	} else {
		if m.cfg.Search {
			f.bag = newBag()
			defer f.bag.free()
		}
		if isTextile(file) {
			m.textile(rec, f, body, lines)
		} else {
			m.convert(rec, f, body, lines)
		}
	}
	if rec.Title == "" {
		rec.Title = rec.base()
		if b := fold(rec.Title); (b == "index" || b == "readme") && rec.folder() != "" {
			rec.Title = rec.folder()[strings.LastIndexByte(rec.folder(), '/')+1:]
		}
	}
	if len(rec.Tags) > 0 {
		rec.Tags = uniqueTags(rec.Tags)
	}
	if bag := f.bag; bag != nil {
		bag.add([]byte(rec.Title), inTitle)
		for _, a := range rec.Aliases {
			bag.add([]byte(a), inTag)
		}
		for _, t := range rec.Tags {
			bag.add([]byte(t), inTag)
		}
		rec.words = bag.blob()
	}
	return m.seal(rec, f)
}

// seal ends the work on a page.
func (m *markup) seal(rec *Record, f *fragment) (*Record, []byte) {
	rec.Links, rec.Headings = slices.Clone(rec.Links), slices.Clone(rec.Headings) // without the room to grow: they are kept
	rec.Body = f.Len()
	if f.body >= 0 {
		rec.Body = f.body
	}
	out := bytes.Clone(f.Bytes())
	sum := sha256.Sum256(out)
	rec.Frag = [16]byte(sum[:16])
	return rec, out
}

// convert parses and renders the text of a page.
func (m *markup) convert(rec *Record, f *fragment, body []byte, before int) {
	pc := parser.NewContext()
	state := &pageState{lines: lineStarts(body), before: before, bag: f.bag}
	pc.Set(stateKey, state)
	doc := m.md.Parser().Parse(text.NewReader(body), parser.WithContext(pc))
	if bytes.IndexByte(body, '^') >= 0 {
		markBlocks(doc, body)
	}
	collect(rec, doc, body, state)
	f.one = doc.ChildCount() == 1 && doc.FirstChild().Kind() == ast.KindParagraph
	if err := m.md.Renderer().Render(f, body, doc); err != nil {
		rec.Faults = append(rec.Faults, "1: the page cannot be rendered: "+err.Error())
	}
}

// text renders a text that is no page: the expansion of a macro, in the markup of
// the file that it stands in. A single paragraph comes without its tags.
func (m *markup) text(rec *Record, body []byte) []byte {
	f := newFragment(rec)
	if isTextile(rec.File) {
		m.textile(rec, f, body, 0)
	} else if _, hostile := scan(body); hostile != "" {
		f.WriteString("<pre>" + esc(string(body)) + "</pre>\n")
	} else {
		m.convert(rec, f, body, 0)
	}
	out := bytes.TrimSuffix(f.Bytes(), []byte("\n"))
	if f.one {
		for _, el := range [][2]string{{"<p>", "</p>"}, {`<div class="p">`, "</div>"}} {
			if in, ok := bytes.CutPrefix(out, []byte(el[0])); ok {
				out = bytes.TrimSuffix(in, []byte(el[1]))
				break
			}
		}
	}
	return bytes.Clone(out)
}

// inlineText renders the text of a link, with emphasis and code.
func (m *markup) inlineText(s string) []byte {
	if !strings.ContainsAny(s, "*_`~=\\&<") || len(s) > 500 {
		return util.EscapeHTML([]byte(s))
	}
	f := newFragment(nil)
	if err := m.inline.Convert([]byte(s), f); err != nil {
		return util.EscapeHTML([]byte(s))
	}
	out := bytes.TrimSpace(f.Bytes())
	if in, ok := bytes.CutPrefix(out, []byte("<p>")); ok {
		if in, ok := bytes.CutSuffix(in, []byte("</p>")); ok && !bytes.Contains(in, []byte("<a")) && !bytes.Contains(in, []byte("<p>")) {
			return in
		}
	}
	return util.EscapeHTML([]byte(s))
}

// lineOf returns the line of an inline node that goldmark made.
func (m *markup) lineOf(f *fragment, n ast.Node) int {
	if v, ok := n.AttributeString("data-line"); ok {
		if line, ok := v.(int); ok {
			return line
		}
	}
	return 0
}

// fields reads what the front matter says of the page itself.
func (m *markup) fields(rec *Record, fields []Field) {
	rec.Fields = fields
	one := func(keys ...string) string {
		for _, k := range keys {
			for _, f := range fields {
				if f.Key == k && len(f.Vals) > 0 && f.Vals[0] != "" {
					return f.Vals[0]
				}
			}
		}
		return ""
	}
	all := func(key string) []string {
		for _, f := range fields {
			if f.Key == key {
				return f.Vals
			}
		}
		return nil
	}
	rec.Title = one("title")
	rec.Summary = one("description", "summary")
	rec.Permalink = one("permalink")
	rec.Macro = one("macro")
	date := func(keys ...string) (t time.Time) {
		for _, key := range keys {
			if s := one(key); s != "" {
				var ok bool
				if t, ok = parseDate(s); ok {
					return t
				}
				rec.Faults = append(rec.Faults, "1: "+key+": "+cut(s, 40)+" is not a date: write it as 2026-11-24")
			}
		}
		return t
	}
	rec.Date = date("date", "created")
	rec.Updated = date("updated", "modified", "lastmod")
	rec.Expires = date("expires", "expirydate")
	rec.Draft = one("draft") == "true" || one("publish") == "false"
	for _, t := range append(all("tags"), all("tag")...) {
		for _, t := range strings.FieldsFunc(t, func(r rune) bool { return r == ',' || r == ' ' }) {
			if t = strings.TrimPrefix(t, "#"); validTag(t) {
				rec.Tags = append(rec.Tags, t)
			}
		}
	}
	for _, f := range fields {
		for _, v := range f.Vals {
			if strings.HasPrefix(v, "[[") && strings.HasSuffix(v, "]]") {
				n := &wikiNode{}
				if n.target, n.section, n.text = parseWiki(v[2 : len(v)-2]); n.target != "" && !external(n.target) {
					rec.Links = append(rec.Links, Link{Target: n.target, Section: n.section, Line: 1, Context: f.Key + ": " + n.label()})
				}
			}
		}
	}
	rec.Aliases = append(append([]string(nil), all("aliases")...), all("alias")...)
}

// uniqueTags drops tags that are there already in another spelling.
func uniqueTags(tags []string) []string {
	seen := make(map[string]bool, len(tags))
	out := tags[:0]
	for _, t := range tags {
		if f := tagFold(t); !seen[f] {
			seen[f] = true
			out = append(out, t)
		}
	}
	return out
}

func isValid(b []byte) bool { return utf8.Valid(b) }
