// SPDX-License-Identifier: GPL-3.0-or-later

package wiki

import (
	"bytes"
	"strconv"
	"strings"
)

// macro writes what {{raw}} stands for. A macro that does not exist stays as it
// is written, with a warning.
func (x *expander) macro(out *bytes.Buffer, c place, raw string, line int) {
	call := x.args(parseCall(raw), c, 0)
	if s, ok := x.value(call, c); ok {
		x.markdown(out, c, call, s, line)
		return
	}
	var b strings.Builder
	switch call.name {
	case "toc":
		x.toc(&b, c, call)
	case "tags":
		x.deps.tags(x.b.ix)
		x.tags(&b, call)
	case "pages", "query", "recent":
		q := call
		if call.name == "recent" {
			q = recent(call)
		}
		found := x.query(q, c)
		x.show(&b, found, q)
		x.feedOf(&b, q)
	case "backlinks":
		x.backlinks(&b, c, call, line)
	case "history":
		page := x.host
		if name := call.or("page", ""); name != "" {
			page = x.lookup(c, linkName(name), line)
		}
		if page != nil {
			x.history(&b, page)
		}
	case "changes":
		n, err := strconv.Atoi(call.or("limit", "10"))
		if err != nil || n < 1 {
			n = 10
		}
		x.lately(&b, min(n, recentChanges))
	case "wanted", "orphans", "broken":
		x.faults(&b, call.name)
	case "include":
		target, section, _ := parseWiki(strings.Trim(call.or("page", ""), "[]!"))
		x.embed(out, c, target, section, "", line)
		return
	default:
		x.user(out, c, call, raw, line)
		return
	}
	out.WriteString(b.String())
}

// query runs a query and remembers what it found.
func (x *expander) query(q call, c place) []*Record {
	found := x.b.ix.query(q, c.rec.folder())
	x.deps.query(q, c.rec.folder(), x.b.ix, found)
	return found
}

// recent is a query for the pages with the newest dates.
func recent(c call) call {
	limit := "10"
	if n, err := strconv.Atoi(c.word(0)); err == nil && n > 0 {
		limit = c.word(0)
	}
	q := call{name: "query", args: []arg{{"updated", "=", "*"}, {"sort", "=", "-updated"}, {"fields", "=", "updated"}}}
	for _, a := range c.args {
		if a.key == "limit" {
			limit = a.val
		} else if a.key != "" {
			q.args = append(q.args, a)
		}
	}
	q.args = append(q.args, arg{"limit", "=", limit})
	return q
}

// value works out the macros that stand for a text: calc, if, field, count.
func (x *expander) value(c call, ctx place) (string, bool) {
	switch c.name {
	case "calc":
		var words []string
		for _, a := range c.args {
			words = append(words, strings.Fields(a.val)...)
		}
		s, ok := calc(words)
		if !ok {
			return "?", true
		}
		return s, true
	case "if":
		test, _ := c.get("test")
		branch := "else"
		if truth(test) {
			branch = "then"
		}
		s, _ := c.get(branch)
		return s, true
	case "field":
		page := x.host
		if name, ok := c.get("page"); ok {
			target, _, _ := parseWiki(strings.Trim(name, "[]"))
			if page = x.lookup(ctx, target, 0); page == nil {
				return "", true
			}
		}
		x.deps.face(page)
		v := page.Val(fold(c.or("name", "title")))
		if isTextile(ctx.rec.File) {
			return v, true
		}
		return escapeMarkdown(v), true
	case "count":
		return strconv.Itoa(len(x.query(c, ctx))), true
	}
	return "", false
}

// escapeMarkdown keeps a text from being markup.
func escapeMarkdown(s string) string {
	if !strings.ContainsAny(s, "\\`*_{}[]()#+-.!|<>~=$%") {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if strings.ContainsRune("\\`*_{}[]#!|<>~=$%", r) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}

// args works out the text macros inside the arguments, so that the argument of
// a call is its value: {{countdown n={{calc 3 - 1}}}} counts.
func (x *expander) args(c call, ctx place, depth int) call {
	for i, a := range c.args {
		if c.name == "if" && a.key != "test" || depth > 8 || !strings.Contains(a.val, "{{") {
			continue
		}
		c.args[i].val = x.inner(a.val, ctx, depth)
	}
	return c
}

func (x *expander) inner(s string, ctx place, depth int) string {
	var b strings.Builder
	for {
		i := strings.Index(s, "{{")
		if i < 0 {
			b.WriteString(s)
			return b.String()
		}
		n := macroEnd([]byte(s[i:]))
		if n == 0 {
			b.WriteString(s)
			return b.String()
		}
		b.WriteString(s[:i])
		whole := s[i : i+n]
		s = s[i+n:]
		call := x.args(parseCall(whole[2:len(whole)-2]), ctx, depth+1)
		if v, ok := x.value(call, ctx); ok {
			b.WriteString(v)
		} else {
			b.WriteString(whole)
		}
	}
}

// user calls a macro that a page defines.
func (x *expander) user(out *bytes.Buffer, c place, call call, raw string, line int) {
	def := x.b.ix.macros[call.name]
	x.deps.macro(call.name, def)
	if def == nil {
		out.WriteString("{{" + esc(strings.Trim(raw, " ")) + "}}")
		if call.name != "" {
			x.warn(c, line, "there is no macro %q", call.name)
		} else if strings.TrimSpace(raw) == "" {
			x.warn(c, line, "the braces {{}} are empty")
		}
		return
	}
	if !x.enter(out, c, "macro\x00"+call.String(), label(call), line) {
		return
	}
	defer x.leave()
	body := substitute(string(x.b.load(def.File)), call)
	x.parse(out, place{rec: def}, body)
}

// label names a call in a chain of calls.
func label(c call) string {
	s := "{{" + c.name
	for _, a := range c.args {
		s += " " + a.key + a.op + a.val
	}
	return cut(s, 60) + "}}"
}

// markdown writes a text that a macro stands for.
func (x *expander) markdown(out *bytes.Buffer, c place, call call, s string, line int) {
	special := "\\`*_{}[]()#!|<>~=$%&\n"
	if isTextile(c.rec.File) {
		special += `"-+^@?:`
	}
	// In Textile nothing escapes: only what the writer wrote is markup there.
	if !strings.ContainsAny(s, special) || isTextile(c.rec.File) && call.name != "if" {
		out.WriteString(esc(s))
		return
	}
	if !x.enter(out, c, "text\x00"+call.String()+"\x00"+s, label(call), line) {
		return
	}
	defer x.leave()
	x.parse(out, c, s)
}

// parse renders a text and puts it in. A text of one paragraph goes into the
// line in which the macro stands.
func (x *expander) parse(out *bytes.Buffer, c place, body string) {
	if len(body) > 64<<10 {
		out.WriteString(`<span class="notice">The text of the macro is too long.</span>`)
		return
	}
	rec := &Record{File: c.rec.File, Key: c.rec.Key, Title: c.rec.Title, Macro: c.rec.Macro}
	frag := x.b.markup.text(rec, []byte(body))
	x.fill(out, frag, place{rec: c.rec, prefix: "m" + strconv.Itoa(x.parts) + "-"})
}

// toc writes the headings of the page as a nested list.
func (x *expander) toc(b *strings.Builder, c place, call call) {
	depth, err := strconv.Atoi(call.or("depth", "3"))
	if err != nil || depth < 1 {
		depth = 3
	}
	x.toced = true
	b.WriteString("<div class=\"toc\">\n")
	writeTOC(b, x.host, depth)
	b.WriteString("</div>\n")
}

// writeTOC writes nested lists of the headings at the top level of a page.
func writeTOC(b *strings.Builder, r *Record, depth int) {
	var open []int // levels of the lists that are open
	for i, h := range r.Headings {
		if h.Off < 0 || i == 0 && r.HasH1 || h.Level > depth+1 {
			continue
		}
		for len(open) > 0 && h.Level < open[len(open)-1] {
			b.WriteString("</li>\n</ul>\n")
			open = open[:len(open)-1]
			if len(open) > 0 && open[len(open)-1] < h.Level {
				open = append(open, h.Level)
				b.WriteString("\n<ul>\n")
				goto item
			}
		}
		if len(open) == 0 || h.Level > open[len(open)-1] {
			open = append(open, h.Level)
			b.WriteString("<ul>\n")
		} else {
			b.WriteString("</li>\n")
		}
	item:
		b.WriteString(`<li><a href="#` + esc(h.ID) + `">` + esc(h.Text) + `</a>`)
	}
	for range open {
		b.WriteString("</li>\n</ul>\n")
	}
}

// tags writes all tags with their counts.
func (x *expander) tags(b *strings.Builder, call call) {
	x.b.tagList(b, fold(call.or("under", "")))
}

// tagList writes tags as a list; under limits it to those below a tag.
func (s *source) tagList(b *strings.Builder, under string) {
	under = tagFold(under)
	b.WriteString("<ul class=\"tags\">\n")
	for _, t := range s.ix.order {
		if under != "" && !strings.HasPrefix(t.fold, under+"/") {
			continue
		}
		b.WriteString(`<li><a class="tag" href="` + esc(s.markup.base+tagURL(t.fold)) + `">#` + esc(t.name) + `</a> <span class="meta">` + strconv.Itoa(len(t.pages)) + "</span></li>\n")
	}
	b.WriteString("</ul>\n")
}

// backlinks writes which pages link to a page.
func (x *expander) backlinks(b *strings.Builder, c place, call call, line int) {
	page := x.host
	if name := call.or("page", ""); name != "" {
		target, _, _ := parseWiki(strings.Trim(name, "[]"))
		if page = x.lookup(c, target, line); page == nil {
			b.WriteString(`<p class="empty">No pages.</p>`)
			return
		}
	}
	list := x.b.ix.back[page.File]
	x.deps.back(page, list)
	if len(list) == 0 {
		b.WriteString(`<p class="empty">No pages.</p>`)
		return
	}
	b.WriteString("<ul class=\"backlinks\">\n")
	for _, l := range list {
		b.WriteString(`<li><a href="` + x.url(l.from) + `">` + esc(l.from.Title) + `</a> <q>` + esc(l.text) + "</q></li>\n")
	}
	b.WriteString("</ul>\n")
}
