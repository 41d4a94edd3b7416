// SPDX-License-Identifier: GPL-3.0-or-later

package wiki

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// How much of the past is kept.
const (
	pageChanges   = 5   // of a page, shown below it
	recentChanges = 100 // of the site; {{changes}} shows some of them
)

// revision is one commit that touched pages.
type revision struct {
	hash string // of the commit
	when int64  // seconds since 1970
	who  string
	what string // first line of the message
}

// newer sorts changes, the newest first; those of one second by their hash, so
// that the order is the same however they were read.
func newer(a, b revision) int {
	if c := cmp.Compare(b.when, a.when); c != 0 {
		return c
	}
	return cmp.Compare(a.hash, b.hash)
}

// history is what the repository of the pages tells: for each page its newest
// changes, and the newest of all with the pages that they touched.
type history struct {
	head   string // the commit that it was read at
	byFile map[string][]revision
	recent []touching
}

// touching is a change with the files that it touched.
type touching struct {
	revision
	files []string
}

// add takes a commit in. The result does not depend on the order of the calls.
func (h *history) add(c revision, files []string) {
	for _, f := range files {
		h.byFile[f] = insert(h.byFile[f], c, pageChanges, newer)
	}
	h.recent = insert(h.recent, touching{c, files}, recentChanges, func(a, b touching) int { return newer(a.revision, b.revision) })
}

// insert puts x into a sorted list of at most n.
func insert[T any](list []T, x T, n int, order func(a, b T) int) []T {
	i, there := slices.BinarySearchFunc(list, x, order)
	if there || i >= n {
		return list
	}
	list = slices.Insert(list, i, x)
	return list[:min(n, len(list))]
}

// of returns the changes of a page. A nil history knows none.
func (h *history) of(file string) []revision {
	if h == nil {
		return nil
	}
	return h.byFile[file]
}

func answerChanges(list []revision) uint64 {
	d := digestStart
	for _, c := range list {
		d.word(uint64(c.when))
		d.text(c.who)
		d.text(c.what)
	}
	return d.sum()
}

// lately returns the newest changes that touched pages which readers can see, and
// those pages.
func (ix *index) lately(n int) (list []touching, pages [][]*Record) {
	h := ix.past()
	if h == nil {
		return nil, nil
	}
	for _, t := range h.recent {
		var seen []*Record
		for _, f := range t.files {
			if p := ix.byFile[f]; p != nil {
				seen = append(seen, p)
			}
		}
		if len(seen) == 0 {
			continue // drafts, macros, pages that are gone
		}
		slices.SortFunc(seen, func(a, b *Record) int { return strings.Compare(a.File, b.File) })
		list, pages = append(list, t), append(pages, seen)
		if len(list) == n {
			break
		}
	}
	return list, pages
}

// past returns the history, or nil where there is none.
func (ix *index) past() *history {
	if ix.history == nil {
		return nil
	}
	return ix.history()
}

func answerLately(ix *index, n int) uint64 {
	list, pages := ix.lately(n)
	d := digestStart
	for i, t := range list {
		d.word(answerChanges([]revision{t.revision}))
		d.word(answerPages(pages[i]))
	}
	return d.sum()
}

// ChangeData is one change of a page, as git has it.
type ChangeData struct {
	Date string // 2026-11-24
	Who  string
	What string // first line of the commit message
}

// changes tells the changes of a page to its template.
func (w *writer) changes(r *Record, x *expander) (list []ChangeData) {
	if w.ix.history == nil {
		return nil // when there is one, every page is put together anew
	}
	for _, c := range x.changesOf(r) {
		list = append(list, c.data())
	}
	return list
}

func (c revision) data() ChangeData {
	return ChangeData{time.Unix(c.when, 0).UTC().Format("2006-01-02"), c.who, c.what}
}

// changesOf returns the changes of a page, and remembers that they were asked
// for.
func (x *expander) changesOf(r *Record) []revision {
	list := x.b.ix.past().of(r.File)
	x.deps.add(depHistory, r.File, answerChanges(list))
	return list
}

// historyHTML writes changes as the items of a list.
func historyHTML(list []ChangeData) string {
	var b strings.Builder
	for _, c := range list {
		b.WriteString(`<li><time datetime="` + c.Date + `">` + c.Date + `</time> ` + esc(c.Who) + `: ` + esc(c.What) + "</li>\n")
	}
	return b.String()
}

// history writes {{history}}: the changes of this page or another.
func (x *expander) history(out *strings.Builder, r *Record) {
	var list []ChangeData
	for _, c := range x.changesOf(r) {
		list = append(list, c.data())
	}
	if len(list) == 0 {
		out.WriteString("<p class=\"empty\">No changes are recorded.</p>\n")
		return
	}
	out.WriteString("<ul class=\"changes\">\n" + historyHTML(list) + "</ul>\n")
}

// lately writes {{changes}}: what was changed last on the site.
func (x *expander) lately(out *strings.Builder, n int) {
	x.deps.add(depLately, strconv.Itoa(n), answerLately(x.b.ix, n))
	x.b.latelyHTML(out, n)
}

func (s *source) latelyHTML(out *strings.Builder, n int) {
	list, pages := s.ix.lately(n)
	if len(list) == 0 {
		out.WriteString("<p class=\"empty\">No changes are recorded.</p>\n")
		return
	}
	out.WriteString("<ul class=\"changes\">\n")
	for i, t := range list {
		c := t.data()
		out.WriteString(`<li><time datetime="` + c.Date + `">` + c.Date + `</time> ` + esc(c.Who) + `: ` + esc(c.What))
		for j, p := range pages[i] {
			switch {
			case j == 10:
				out.WriteString(" …")
			case j < 10:
				sep := ", "
				if j == 0 {
					sep = "<br>"
				}
				out.WriteString(sep + `<a href="` + s.markup.base + pageURL(p.Key) + `">` + esc(p.Title) + `</a>`)
			}
		}
		out.WriteString("</li>\n")
	}
	out.WriteString("</ul>\n")
}

// changesPage writes the page of recent changes, unless somebody wrote a page of
// that name.
func (w *writer) changesPage() error {
	if !w.site.Changes || !w.need("changes/index.html", answerLately(w.ix, recentChanges/2)) {
		return nil
	}
	var b strings.Builder
	w.latelyHTML(&b, recentChanges/2)
	return w.list("changes/index.html", &PageData{Kind: "changes", Title: "Recent changes", URL: w.s.base + "/changes/", Crumbs: []Ref{w.home()}}, b.String())
}
