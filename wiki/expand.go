// SPDX-License-Identifier: GPL-3.0-or-later

package wiki

import (
	"bytes"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	gmhtml "github.com/yuin/goldmark/renderer/html"
	"github.com/yuin/goldmark/util"
)

// What one page may take to put together. Transclusions and macros that fan out
// have no cycle and would still never end.
const (
	maxParts = 3000    // transclusions and macros
	maxBytes = 8 << 20 // of HTML
	maxDepth = 60      // parts inside each other
)

// source is what an expander needs of the build: the index, and fragments.
type source struct {
	cfg    Config
	markup *markup
	ix     *index
	pics   *pictures
	load   func(file string) []byte // the fragment of a page, the text of a macro
}

// expander puts one page together: it fills the holes of its fragment, and of
// every fragment that goes into it. It is used by one goroutine.
type expander struct {
	b     *source
	host  *Record
	deps  *deps
	warns []string
	stack []frame
	parts int
	spent bool     // the budget is used up, and that was reported
	feeds []string // addresses of the feeds of its queries
	toced bool     // the text shows its headings itself
	feed  bool     // addresses are to be absolute, ids are left out
}

// frame is one part that is being put in. key tells page, section and
// arguments: the same key twice on the stack is a cycle.
type frame struct{ key, label string }

// place is where a fragment comes from.
type place struct {
	rec    *Record // the page in which it was written
	prefix string  // of ids
}

// page returns the content of the host.
func (x *expander) page() []byte {
	x.stack = append(x.stack[:0], frame{"page\x00" + x.host.File + "\x00", x.host.Title})
	var out bytes.Buffer
	frag := x.b.load(x.host.File)
	out.Grow(len(frag) + len(frag)/4)
	x.fill(&out, frag, place{rec: x.host})
	return out.Bytes()
}

func (x *expander) warn(c place, line int, format string, args ...any) {
	if len(x.warns) < 100 {
		x.warns = append(x.warns, c.rec.File+":"+strconv.Itoa(line)+": "+fmt.Sprintf(format, args...))
	}
}

// fill copies frag to out and fills its holes.
func (x *expander) fill(out *bytes.Buffer, frag []byte, c place) {
	for {
		i := bytes.IndexByte(frag, holeMark)
		if i < 0 {
			out.Write(frag)
			return
		}
		out.Write(frag[:i])
		kind, f, rest, ok := cutHole(frag[i:])
		if !ok {
			return
		}
		frag = rest
		switch {
		case kind == holePrefix:
			out.WriteString(c.prefix)
		case kind == holeWiki && len(f) == 3:
			x.wiki(out, c, f[0], f[1], lineOf(f))
		case kind == holePath && len(f) == 2:
			x.path(out, c, f[0], lineOf(f))
		case kind == holeSrc && len(f) == 3:
			x.src(out, c, f[0], f[1], lineOf(f))
		case kind == holeEmbed && len(f) == 4:
			x.embed(out, c, f[0], f[1], f[2], lineOf(f))
		case kind == holeCamel && len(f) == 2:
			x.camel(out, c, f[0])
		case kind == holeMacro && len(f) == 2:
			x.macro(out, c, f[0], lineOf(f))
		}
	}
}

// lookup finds a page by name, and remembers that it was asked for.
func (x *expander) lookup(c place, name string, line int) *Record {
	page, others := x.b.ix.resolve(name, c.rec.folder())
	x.deps.name(name, c.rec.folder(), page, others)
	if page != nil && others > 0 && line > 0 {
		x.warn(c, line, "%q could be %d pages; the nearest, %s, was taken: write its folder too", name, others+1, page.File)
	}
	return page
}

// wiki writes the attributes of a wiki link.
func (x *expander) wiki(out *bytes.Buffer, c place, target, section string, line int) {
	page := c.rec
	if target != "" {
		if page = x.lookup(c, target, line); page == nil {
			if file := x.file(c, target); file != "" {
				out.WriteString(` href="` + x.b.markup.base + esc(fileURL(file)) + `"`)
				return
			}
			x.missing(out, c, target, line)
			return
		}
	}
	out.WriteString(` href="` + x.href(c, page, section, line) + `"`)
}

// missing writes the attributes of a link to a page that does not exist.
func (x *expander) missing(out *bytes.Buffer, c place, target string, line int) {
	out.WriteString(` class="missing" title="There is no page “` + esc(target) + `” yet"`)
	x.warn(c, line, "there is no page %q", target)
}

// href returns the address of a section of a page.
func (x *expander) href(c place, page *Record, section string, line int) string {
	id := ""
	switch {
	case strings.HasPrefix(section, "^"):
		x.deps.heads(page)
		if _, ok := page.block(section[1:]); !ok {
			x.warn(c, line, "%s has no block %s", page.File, section)
		} else {
			id = fold(section)
		}
	case section != "":
		x.deps.heads(page)
		if i := page.findHeading(section); i >= 0 {
			id = page.Headings[i].ID
		} else {
			x.warn(c, line, "%s has no heading %q", page.File, section)
		}
	}
	if id != "" {
		id = "#" + c.idPrefix(x, page) + esc(id)
	}
	if page == c.rec && (page == x.host || c.prefix != "" && c.rec.Macro != "") && id != "" && !x.feed {
		return id
	}
	if page.Macro != "" {
		page = x.host
	}
	x.deps.face(page)
	return x.url(page) + id
}

// idPrefix is what ids have before them when a link stays inside its own
// transcluded text.
func (c place) idPrefix(x *expander, page *Record) string {
	if page == c.rec && page == x.host {
		return c.prefix
	}
	return ""
}

// file finds an attachment.
func (x *expander) file(c place, name string) string {
	f := x.b.ix.file(name, c.rec.folder())
	x.deps.file(name, c.rec.folder(), f)
	return f
}

// generated are addresses that the site has without a file in the source.
var generated = []string{"/#", "/tag/", "/archive/", "/changes/", "/feed.xml", "/feed.json", "/sitemap.xml", "/pages.json", "/style.css", "/c/", "/comment/", "/404.html"}

// locate finds what the destination of a Markdown link or image means.
func (x *expander) locate(c place, dest string) (page *Record, file string) {
	target, _ := pathTarget(dest)
	if target == "" {
		return c.rec, ""
	}
	if rest, ok := strings.CutPrefix(target, "/"); ok {
		key := strings.Trim(rest, "/")
		if key == "" {
			key = "index"
		}
		page = x.b.ix.byKey[key]
		x.deps.key(key, page)
		if page != nil {
			return page, ""
		}
	}
	if file = x.file(c, target); file != "" {
		return nil, file
	}
	return x.lookup(c, target, 0), ""
}

// path writes the attributes of a Markdown link into the site.
func (x *expander) path(out *bytes.Buffer, c place, dest string, line int) {
	page, file := x.locate(c, dest)
	_, section := pathTarget(dest)
	switch {
	case page != nil:
		if section != "" && page.findHeading(section) < 0 && !strings.HasPrefix(section, "^") {
			x.deps.heads(page)
			if page == c.rec && page == x.host {
				out.WriteString(` href="#` + c.prefix + esc(section) + `"`)
				return
			}
		}
		out.WriteString(` href="` + x.href(c, page, section, line) + `"`)
	case file != "":
		out.WriteString(` href="` + x.b.markup.base + esc(fileURL(file)) + `"`)
	default:
		d := util.URLEscape([]byte(dest), true)
		if gmhtml.IsDangerousURL(d) {
			d = nil
		}
		if strings.HasPrefix(dest, "/") {
			d = append([]byte(x.b.markup.base), d...)
		}
		if dest == "/" || isGenerated(dest) {
			out.WriteString(` href="` + string(util.EscapeHTML(d)) + `"`)
			return
		}
		out.WriteString(` href="` + string(util.EscapeHTML(d)) + `" class="missing"`)
		x.warn(c, line, "the link to %q leads nowhere", dest)
	}
}

// src writes the address of a Markdown image. It stands inside the quotes of src,
// so that what is known of its size goes behind it and leaves the last quote out.
func (x *expander) src(out *bytes.Buffer, c place, dest, size string, line int) {
	if _, file := x.locate(c, dest); file != "" {
		out.WriteString(x.b.markup.base + esc(fileURL(file)) + `"` + x.sized(file, size) + ` loading="lazy`)
		return
	}
	if size != ownSize {
		defer func() { out.WriteString(strings.TrimSuffix(`"`+size, `"`)) }()
	}
	d := util.URLEscape([]byte(dest), true)
	if !gmhtml.IsDangerousURL(d) {
		out.Write(util.EscapeHTML(d))
	}
	x.warn(c, line, "the picture %q is missing", dest)
}

func (x *expander) camel(out *bytes.Buffer, c place, word string) {
	if page := x.lookup(c, word, 0); page != nil {
		x.deps.face(page)
		out.WriteString(`<a href="` + x.url(page) + `">` + esc(word) + `</a>`)
		return
	}
	out.WriteString(esc(word))
}

// embed writes ![[target#section|label]]: a picture, sound, film or page.
func (x *expander) embed(out *bytes.Buffer, c place, target, section, label string, line int) {
	if isFile(target) {
		x.media(out, c, target, section, label, line)
		return
	}
	page := c.rec
	if target != "" {
		page = x.lookup(c, target, line)
	}
	if page == nil {
		if file := x.file(c, target); file != "" {
			x.media(out, c, target, section, label, line)
			return
		}
		out.WriteString(`<a`)
		x.missing(out, c, target, line)
		out.WriteString(`>` + esc(target) + `</a>`)
		return
	}
	name := page.Title
	if section != "" {
		name += " › " + strings.Join(splitSection(section), " › ")
	}
	if !x.enter(out, c, "page\x00"+page.File+"\x00"+headingFold(section), name, line) {
		return
	}
	defer x.leave()
	x.deps.frag(page)
	x.deps.face(page)
	part, ok := x.cut(page, section)
	if !ok {
		x.warn(c, line, "%s has no part %q to put in here", page.File, section)
		out.WriteString(`<p class="notice">` + esc(name) + ` does not exist.</p>`)
		return
	}
	out.WriteString(`<div class="embed">`)
	x.fill(out, part, place{rec: page, prefix: "e" + strconv.Itoa(x.parts) + "-"})
	if page != x.host {
		out.WriteString(`<p class="embed-from"><a href="` + x.url(page) + `">` + esc(page.Title) + `</a></p>`)
	}
	out.WriteString("</div>\n")
}

var noteRef = regexp.MustCompile(`href="#\x00p\x00(fn:?\d+)"`)

// cut returns the part of a page's fragment that section names, with the
// footnotes that it refers to.
func (x *expander) cut(page *Record, section string) ([]byte, bool) {
	frag := x.b.load(page.File)
	if section == "" {
		return frag, true
	}
	var part []byte
	if id, ok := strings.CutPrefix(section, "^"); ok {
		b, ok := page.block(id)
		if !ok || b.End > len(frag) {
			return nil, false
		}
		part = frag[b.Start:b.End]
		if b.Wrap != "" {
			part = []byte("<" + b.Wrap + ">\n" + string(part) + "</" + b.Wrap + ">\n")
		}
	} else {
		start, end, _, ok := page.section(section)
		if !ok || end > len(frag) {
			return nil, false
		}
		part = frag[start:end]
	}
	refs := noteRef.FindAllSubmatch(part, -1)
	if refs == nil {
		return part, true
	}
	var notes []byte
	seen := map[string]bool{}
	for _, m := range refs {
		if b, ok := page.block(string(m[1])); ok && !seen[b.ID] && b.End <= len(frag) && !bytes.Contains(part, frag[b.Start:b.End]) {
			seen[b.ID] = true
			notes = append(notes, frag[b.Start:b.End]...)
		}
	}
	switch part = bytes.Clone(part); {
	case len(notes) == 0:
	case isTextile(page.File): // paragraphs
		part = append(part, notes...)
	default:
		part = append(append(append(part, footOpen...), notes...), footClose...)
	}
	return part, true
}

// enter begins a part, unless it is a cycle or the budget is spent; then it
// writes what stands in its place.
func (x *expander) enter(out *bytes.Buffer, c place, key, label string, line int) bool {
	for i, f := range x.stack {
		if f.key != key {
			continue
		}
		chain := ""
		for _, f := range x.stack[i:] {
			chain += f.label + " → "
		}
		chain += label
		out.WriteString(`<span class="notice cycle">This would go round for ever: ` + esc(chain) + `</span>`)
		x.warn(c, line, "a loop: %s", chain)
		return false
	}
	x.parts++
	if x.parts > maxParts || out.Len() > maxBytes || len(x.stack) > maxDepth {
		out.WriteString(`<span class="notice">…</span>`)
		if !x.spent {
			x.spent = true
			x.warn(c, line, "too much is put into this page (%d parts, %d KB): the rest is left out", x.parts-1, out.Len()>>10)
		}
		return false
	}
	x.stack = append(x.stack, frame{key, label})
	return true
}

func (x *expander) leave() { x.stack = x.stack[:len(x.stack)-1] }
