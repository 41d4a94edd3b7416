// SPDX-License-Identifier: GPL-3.0-or-later

package wiki

import (
	"html/template"
	"sort"
	"strconv"
	"strings"
)

// showing are the arguments of a query that say how it looks, not what it finds.
var showing = map[string]bool{"show": true, "fields": true, "empty": true, "title": false}

// query finds pages by their records: every filter must hold. from is the page
// in which it stands.
//
//	tag=recipe folder=blog rating>3 author=ann author!=bob title~soup
//	links=Page (they link to it)  linked=Page (it links to them)
//	sort=title sort=-date limit=10
func (ix *index) query(c call, folder string) []*Record {
	out := make([]*Record, 0, 16)
	var tests []func(*Record) bool
	limit := -1
	var sorts []string
	for _, a := range c.args {
		switch {
		case showing[a.key]:
		case a.key == "limit":
			limit, _ = strconv.Atoi(a.val)
		case a.key == "sort":
			sorts = append(sorts, strings.Split(a.val, ",")...)
		case a.key == "links" || a.key == "linked":
			tests = append(tests, ix.linking(a, folder))
		case a.key == "" && strings.HasPrefix(a.val, "#"):
			tests = append(tests, filter(arg{"tag", "=", a.val}))
		case a.key == "":
		default:
			tests = append(tests, filter(a))
		}
	}
	source := ix.pages
	for _, a := range c.args { // a tag narrows the search at once
		if a.key == "tag" && a.op == "=" {
			source = nil
			if tp := ix.tags[tagFold(a.val)]; tp != nil {
				source = tp.pages
			}
			break
		}
	}
	for _, r := range source {
		ok := true
		for _, t := range tests {
			if ok = t(r); !ok {
				break
			}
		}
		if ok {
			out = append(out, r)
		}
	}
	sortPages(out, sorts)
	if limit >= 0 && len(out) > limit {
		out = out[:limit]
	}
	return out
}

// filter makes the test of one argument. With several values one must hold;
// for != none may be equal.
func filter(a arg) func(*Record) bool {
	op, want := a.op, a.val
	neg := op == "!="
	if neg {
		op = "="
	}
	one := func(v string) bool { return compare(v, op, want) }
	switch a.key {
	case "tag", "tags":
		f := tagFold(want)
		one = func(v string) bool { t := tagFold(v); return t == f || strings.HasPrefix(t, f+"/") }
	case "folder":
		f := fold(strings.Trim(want, "/"))
		one = func(v string) bool { t := fold(v); return t == f || strings.HasPrefix(t, f+"/") || f == "" }
	}
	return func(r *Record) bool {
		vals := r.Vals(a.key)
		if want == "*" && op == "=" {
			return len(vals) > 0 != neg
		}
		for _, v := range vals {
			if one(v) {
				return !neg
			}
		}
		return neg
	}
}

// linking makes the test of links=Page or linked=Page.
func (ix *index) linking(a arg, folder string) func(*Record) bool {
	name, _, _ := parseWiki(strings.Trim(a.val, "[]"))
	page, _ := ix.resolve(name, folder)
	set := map[string]bool{}
	if page != nil && a.key == "links" {
		for _, b := range ix.back[page.File] {
			set[b.from.File] = true
		}
	}
	if page != nil && a.key == "linked" {
		for _, l := range page.Links {
			if to := ix.target(page, l); to != nil && to != page {
				set[to.File] = true
			}
		}
	}
	return func(r *Record) bool { return set[r.File] == (a.op != "!=") }
}

// sortPages sorts by the fields named, - before a field for the other way
// round; pages without the field come last. By title in the end.
func sortPages(pages []*Record, fields []string) {
	sort.SliceStable(pages, func(i, j int) bool {
		a, b := pages[i], pages[j]
		for _, f := range fields {
			f = strings.TrimSpace(f)
			down := strings.HasPrefix(f, "-")
			f = fold(strings.TrimPrefix(f, "-"))
			x, y := a.Val(f), b.Val(f)
			switch {
			case x == y:
				continue
			case x == "" || y == "":
				return y == ""
			case compare(x, "=", y):
				continue
			}
			return compare(x, "<", y) != down
		}
		return byTitle(a, b)
	})
}

// render writes the pages found as a list, a table or cards.
func (x *expander) render(out *strings.Builder, pages []*Record, c call) {
	if len(pages) == 0 {
		if s, ok := c.get("empty"); ok {
			out.WriteString(`<p class="empty">` + esc(s) + "</p>\n")
		} else {
			out.WriteString("<p class=\"empty\">No pages.</p>\n")
		}
		return
	}
	var fields []string
	if s, ok := c.get("fields"); ok {
		for _, f := range strings.Split(s, ",") {
			if f = strings.TrimSpace(f); f != "" {
				fields = append(fields, f)
			}
		}
	}
	show, _ := c.get("show")
	switch show {
	case "table":
		if fields == nil {
			fields = []string{"title", "date"}
		}
		out.WriteString("<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Table\"><table class=\"query\">\n<thead>\n<tr>")
		for _, f := range fields {
			out.WriteString("<th>" + esc(strings.ToUpper(f[:1])+f[1:]) + "</th>")
		}
		out.WriteString("</tr>\n</thead>\n<tbody>\n")
		for _, r := range pages {
			out.WriteString("<tr>")
			for _, f := range fields {
				out.WriteString("<td>" + x.cell(r, fold(f)) + "</td>")
			}
			out.WriteString("</tr>\n")
		}
		out.WriteString("</tbody>\n</table></div>\n")
	case "cards":
		out.WriteString("<ul class=\"cards\">\n")
		for _, r := range pages {
			out.WriteString(`<li><a href="` + x.url(r) + `">` + esc(r.Title) + `</a><p>` + esc(r.Summary) + "</p></li>\n")
		}
		out.WriteString("</ul>\n")
	case "inline":
		for i, r := range pages {
			if i > 0 {
				out.WriteString(", ")
			}
			out.WriteString(`<a href="` + x.url(r) + `">` + esc(r.Title) + `</a>`)
		}
	default:
		out.WriteString("<ul class=\"query\">\n")
		for _, r := range pages {
			out.WriteString(`<li><a href="` + x.url(r) + `">` + esc(r.Title) + `</a>`)
			for _, f := range fields {
				if f != "title" {
					out.WriteString(` <span class="meta">` + x.cell(r, fold(f)) + `</span>`)
				}
			}
			out.WriteString("</li>\n")
		}
		out.WriteString("</ul>\n")
	}
}

// cell writes one field of a page.
func (x *expander) cell(r *Record, field string) string {
	switch field {
	case "title":
		return `<a href="` + x.url(r) + `">` + esc(r.Title) + `</a>`
	case "tags", "tag":
		s := make([]string, len(r.Tags))
		for i, t := range r.Tags {
			s[i] = `<a class="tag" href="` + esc(x.b.markup.base+tagURL(t)) + `">#` + esc(t) + `</a>`
		}
		return strings.Join(s, " ")
	case "date", "updated":
		if v := r.Val(field); v != "" {
			return `<time datetime="` + v + `">` + v + `</time>`
		}
		return ""
	}
	return template.HTMLEscapeString(r.Val(field))
}

func (x *expander) url(r *Record) string { return x.b.markup.base + pageURL(r.Key) }
