// SPDX-License-Identifier: GPL-3.0-or-later

package wiki

import (
	"sort"
	"strconv"
	"strings"
	"time"
)

// show writes the pages that a query found, in groups where it asks for them.
func (x *expander) show(out *strings.Builder, pages []*Record, c call) {
	if len(pages) == 0 {
		text := "No pages."
		if s, ok := c.get("empty"); ok {
			text = s
		}
		if how, _ := c.get("show"); how == "inline" {
			out.WriteString(`<span class="empty">` + esc(text) + "</span>")
		} else {
			out.WriteString(`<p class="empty">` + esc(text) + "</p>\n")
		}
		return
	}
	by, ok := c.get("group")
	if !ok {
		x.showAs(out, pages, c)
		return
	}
	field := fold(by)
	for _, g := range x.groups(pages, field, c) {
		label := "—"
		if g.name != "" {
			label = x.value1(g.pages[0], field, g.name)
		}
		out.WriteString("<section class=\"group\">\n<p class=\"group-title\">" + label + "</p>\n")
		x.showAs(out, g.pages, c)
		out.WriteString("</section>\n")
	}
}

// group is what has one value in common.
type group struct {
	name  string
	pages []*Record
}

// groups parts pages by the values of a field; a page with several stands in
// several. They are sorted by value, or as the query sorts that field; what has
// no value comes last.
func (x *expander) groups(pages []*Record, field string, c call) []*group {
	at := map[string]*group{}
	var list []*group
	for _, r := range pages {
		vals := x.b.ix.vals(r, field)
		if len(vals) == 0 {
			vals = []string{""}
		}
		for _, v := range vals {
			key := fold(v)
			if field == "tag" || field == "tags" {
				key = tagFold(v)
			}
			g := at[key]
			if g == nil {
				g = &group{name: v}
				at[key] = g
				list = append(list, g)
			}
			if n := len(g.pages); n == 0 || g.pages[n-1] != r {
				g.pages = append(g.pages, r)
			}
		}
	}
	down := false
	for _, s := range c.sorts() {
		if name, ok := strings.CutPrefix(s, "-"); ok && fold(name) == field {
			down = true
		}
	}
	sort.SliceStable(list, func(i, j int) bool {
		a, b := list[i].name, list[j].name
		if a == "" || b == "" {
			return b == "" && a != ""
		}
		return compare(a, "<", b) != down && !compare(a, "=", b)
	})
	return list
}

// showAs writes pages in one of the ways that a query can ask for.
func (x *expander) showAs(out *strings.Builder, pages []*Record, c call) {
	how, _ := c.get("show")
	cols := c.columns()
	switch how {
	case "table":
		x.showTable(out, pages, cols)
	case "cards", "gallery":
		x.showCards(out, pages, cols, how)
	case "calendar":
		x.showCalendar(out, pages, c)
	case "posts":
		x.b.pagesHTML(out, pages)
	case "inline":
		for i, r := range pages {
			if i > 0 {
				out.WriteString(", ")
			}
			out.WriteString(x.link(r))
		}
	default:
		out.WriteString("<ul class=\"query\">\n")
		for _, r := range pages {
			out.WriteString("<li>" + x.link(r))
			for _, col := range cols {
				if v := x.cell(r, col.field); v != "" && col.field != "title" {
					out.WriteString(` <span class="meta">` + v + `</span>`)
				}
			}
			out.WriteString("</li>\n")
		}
		out.WriteString("</ul>\n")
	}
}

func (x *expander) showTable(out *strings.Builder, pages []*Record, cols []column) {
	if cols == nil {
		cols = []column{{"title", "Title"}, {"date", "Date"}}
	}
	out.WriteString("<div class=\"scroll\" tabindex=\"0\"><table class=\"query\">\n<thead>\n<tr>")
	for _, col := range cols {
		out.WriteString(`<th scope="col">` + esc(col.label) + "</th>")
	}
	out.WriteString("</tr>\n</thead>\n<tbody>\n")
	for _, r := range pages {
		out.WriteString("<tr>")
		for _, col := range cols {
			out.WriteString("<td>" + x.cell(r, col.field) + "</td>")
		}
		out.WriteString("</tr>\n")
	}
	out.WriteString("</tbody>\n</table></div>\n")
}

// showCards writes cards with title, picture and summary or the fields asked
// for; a gallery is of pictures with their titles, without the pages that have
// none.
func (x *expander) showCards(out *strings.Builder, pages []*Record, cols []column, how string) {
	out.WriteString("<ul class=\"" + how + "\">\n")
	for _, r := range pages {
		pic := x.b.ix.picture(r)
		if pic == "" && how == "gallery" {
			continue
		}
		out.WriteString(`<li>`)
		if pic != "" {
			out.WriteString(`<img src="` + x.b.markup.base + esc(fileURL(pic)) + `" alt=""` + x.size(pic) + ` loading="lazy">`)
		}
		out.WriteString(x.link(r))
		switch {
		case len(cols) > 0:
			for _, col := range cols {
				if v := x.cell(r, col.field); v != "" && col.field != "title" {
					out.WriteString(`<p>` + v + `</p>`)
				}
			}
		case how == "cards" && r.Summary != "":
			out.WriteString(`<p>` + esc(r.Summary) + "</p>")
		}
		out.WriteString("</li>\n")
	}
	out.WriteString("</ul>\n")
}

// maxMonths bounds what a calendar shows: the newest months that have pages.
const maxMonths = 24

// showCalendar writes a table for each month in which a page has a date.
func (x *expander) showCalendar(out *strings.Builder, pages []*Record, c call) {
	field := "date"
	if v, ok := c.get("by"); ok {
		field = fold(v)
	}
	days := map[time.Time][]*Record{}
	seen := map[time.Time]bool{}
	var months []time.Time
	for _, r := range pages {
		for _, v := range x.b.ix.vals(r, field) {
			t, ok := parseDate(v)
			if !ok {
				continue
			}
			day := time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC)
			days[day] = append(days[day], r)
			if m := day.AddDate(0, 0, 1-day.Day()); !seen[m] {
				seen[m] = true
				months = append(months, m)
			}
		}
	}
	if len(months) == 0 {
		out.WriteString("<p class=\"empty\">No dates.</p>\n")
		return
	}
	sort.Slice(months, func(i, j int) bool { return months[i].Before(months[j]) })
	for _, m := range months[max(0, len(months)-maxMonths):] {
		out.WriteString("<table class=\"calendar\">\n<caption>" + m.Format("January 2006") + "</caption>\n<tr>")
		for _, d := range []string{"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"} {
			out.WriteString(`<th scope="col">` + d + "</th>")
		}
		out.WriteString("</tr>\n")
		first := m.AddDate(0, 0, -(int(m.Weekday())+6)%7)
		for d := first; d.Before(m.AddDate(0, 1, 0)); d = d.AddDate(0, 0, 1) {
			if d.Weekday() == time.Monday {
				out.WriteString("<tr>")
			}
			switch {
			case d.Month() != m.Month():
				out.WriteString("<td></td>")
			case len(days[d]) == 0:
				out.WriteString("<td>" + strconv.Itoa(d.Day()) + "</td>")
			default:
				out.WriteString(`<td class="full"><time datetime="` + d.Format("2006-01-02") + `">` + strconv.Itoa(d.Day()) + "</time>")
				for _, r := range days[d] {
					out.WriteString(" " + x.link(r))
				}
				out.WriteString("</td>")
			}
			if d.Weekday() == time.Sunday {
				out.WriteString("</tr>\n")
			}
		}
		if last := m.AddDate(0, 1, -1).Weekday(); last != time.Sunday {
			out.WriteString(strings.Repeat("<td></td>", 7-int(last)) + "</tr>\n")
		}
		out.WriteString("</table>\n")
	}
}

func (x *expander) link(r *Record) string {
	return `<a href="` + x.url(r) + `">` + esc(r.Title) + `</a>`
}

// cell writes one field of a page.
func (x *expander) cell(r *Record, field string) string {
	if field == "title" {
		return x.link(r)
	}
	var parts []string
	for _, v := range x.b.ix.vals(r, field) {
		if s := x.value1(r, field, v); s != "" {
			parts = append(parts, s)
		}
	}
	if field == "tags" || field == "tag" {
		return strings.Join(parts, " ")
	}
	return strings.Join(parts, ", ")
}

// value1 writes one value of a field: a tag, a date or a link as such.
func (x *expander) value1(r *Record, field, v string) string {
	if i := strings.LastIndexByte(field, '.'); i >= 0 {
		field = field[i+1:]
	}
	switch field {
	case "tags", "tag":
		return `<a class="tag" href="` + esc(x.b.markup.base+tagURL(v)) + `">#` + esc(v) + `</a>`
	case "date", "updated", "created":
		return `<time datetime="` + esc(v) + `">` + esc(v) + `</time>`
	}
	if !strings.HasPrefix(v, "[[") || !strings.HasSuffix(v, "]]") {
		return esc(v)
	}
	n := &wikiNode{}
	n.target, n.section, n.text = parseWiki(v[2 : len(v)-2])
	page := x.lookup(place{rec: r}, n.target, 0)
	if page == nil {
		return esc(n.label())
	}
	x.deps.face(page)
	return `<a href="` + x.url(page) + `">` + esc(n.label()) + `</a>`
}
