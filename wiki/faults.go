// SPDX-License-Identifier: GPL-3.0-or-later

package wiki

import (
	"slices"
	"sort"
	"strconv"
	"strings"
)

// What is wrong with the whole of the pages, for {{wanted}}, {{orphans}} and
// {{broken}}, and for the report of a build.

// orphans returns the pages that no other page links to. Those that are found
// otherwise are none: the front page, the page of a folder, a dated page.
func (ix *index) orphans() (list []*Record) {
	for _, p := range ix.pages {
		if b := fold(p.base()); b == "index" || b == "readme" {
			continue // the pages below it link to it
		}
		if len(ix.back[p.File]) == 0 && p.Key != "index" && p.Date.IsZero() {
			list = append(list, p)
		}
	}
	return list
}

// wantedPage is a page that does not exist, and where it is linked to.
type wantedPage struct {
	name string // as the first link has it
	from []*Record
}

// wantedPages returns the pages that are linked to and do not exist, those that
// most pages want first.
func (ix *index) wantedPages() []wantedPage {
	var list []wantedPage
	for name, at := range ix.wanted {
		at = slices.Clone(at) // several pages may ask at once
		sort.Slice(at, func(i, j int) bool {
			return at[i].file < at[j].file || at[i].file == at[j].file && at[i].line < at[j].line
		})
		w := wantedPage{name: name}
		for _, l := range at {
			if p := ix.byFile[l.file]; p != nil && (len(w.from) == 0 || w.from[len(w.from)-1] != p) {
				w.from = append(w.from, p)
			}
		}
		list = append(list, w)
	}
	sort.Slice(list, func(i, j int) bool {
		if a, b := len(list[i].from), len(list[j].from); a != b {
			return a > b
		}
		return list[i].name < list[j].name
	})
	return list
}

// brokenLink is a link that leads nowhere, or not to the part that it names.
type brokenLink struct {
	from *Record
	line int
	to   string // as written
}

// brokenLinks looks at every link of every page.
func (ix *index) brokenLinks() (list []brokenLink) {
	for _, r := range ix.pages {
		for _, l := range r.Links {
			if ix.leads(r, l) {
				continue
			}
			to := l.Target
			if l.Section != "" {
				to += "#" + l.Section
			}
			list = append(list, brokenLink{r, l.Line, to})
		}
	}
	return list
}

// leads says whether a link leads where it says.
func (ix *index) leads(r *Record, l Link) bool {
	to := r
	switch {
	case l.Kind == CamelLink:
		return true // a word without a page is no link
	case l.Target == "":
	case isFile(l.Target):
		return ix.file(l.Target, r.folder()) != "" || isGenerated(l.Target)
	default:
		if to = ix.byFile[l.to]; to == nil {
			return ix.file(l.Target, r.folder()) != "" || l.Kind == PathLink && (l.Target == "/" || isGenerated(l.Target))
		}
	}
	switch id, block := strings.CutPrefix(l.Section, "^"); {
	case l.Section == "":
		return true
	case block:
		_, ok := to.block(id)
		return ok
	case l.Kind == PathLink && to == r:
		return true // the page may set the mark in HTML
	}
	return to.findHeading(l.Section) >= 0
}

// isGenerated says whether an address is of something that the build makes.
func isGenerated(dest string) bool {
	for _, g := range generated {
		if strings.HasPrefix(dest, g) {
			return true
		}
	}
	return strings.HasSuffix(dest, "/feed.xml") || strings.HasSuffix(dest, "/feed.json")
}

// answerFaults is the answer to what {{wanted}}, {{orphans}} or {{broken}} list.
func answerFaults(ix *index, kind string) uint64 {
	d := digestStart
	switch kind {
	case "orphans":
		d.word(answerPages(ix.orphans()))
	case "wanted":
		for _, w := range ix.wantedPages() {
			d.text(w.name)
			d.word(answerPages(w.from))
		}
	case "broken":
		for _, b := range ix.brokenLinks() {
			d.word(b.from.face())
			d.word(uint64(b.line))
			d.text(b.to)
		}
	}
	return d.sum()
}

// faults writes {{wanted}}, {{orphans}} or {{broken}}.
func (x *expander) faults(out *strings.Builder, kind string) {
	x.deps.add(depFaults, kind, answerFaults(x.b.ix, kind))
	out.WriteString("<ul class=\"query\">\n")
	n := 0
	switch kind {
	case "orphans":
		for _, r := range x.b.ix.orphans() {
			out.WriteString("<li>" + x.link(r) + "</li>\n")
			n++
		}
	case "wanted":
		for _, w := range x.b.ix.wantedPages() {
			out.WriteString("<li>" + esc(w.name) + ` <span class="meta">from`)
			for i, r := range w.from {
				if i > 0 {
					out.WriteString(",")
				}
				out.WriteString(" " + x.link(r))
			}
			out.WriteString("</span></li>\n")
			n++
		}
	case "broken":
		for _, b := range x.b.ix.brokenLinks() {
			out.WriteString("<li>" + x.link(b.from) + ` <span class="meta">line ` + strconv.Itoa(b.line) + ":</span> " + esc(b.to) + "</li>\n")
			n++
		}
	}
	if n == 0 {
		out.WriteString("<li class=\"empty\">None.</li>\n")
	}
	out.WriteString("</ul>\n")
}
