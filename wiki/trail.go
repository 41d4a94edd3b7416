// SPDX-License-Identifier: GPL-3.0-or-later

package wiki

import (
	"slices"
	"strings"
)

// A trail leads through pages in an order that somebody chose: a book, a tour. A
// page with trail: true in its front matter is the way along its links, one with
// trail: [A, B] the way along those pages.

// stop is one page on a trail.
type stop struct {
	trail      *Record
	prev, next *Record // nil at the ends
	at, of     int     // this is page at, from 1, of so many
}

// layTrails finds the pages of all trails.
func (ix *index) layTrails() {
	ix.trails = map[string][]stop{}
	for _, t := range ix.pages {
		way := ix.way(t)
		for i, p := range way {
			s := stop{trail: t, at: i + 1, of: len(way)}
			if i > 0 {
				s.prev = way[i-1]
			}
			if i+1 < len(way) {
				s.next = way[i+1]
			}
			ix.trails[p.File] = append(ix.trails[p.File], s)
		}
	}
}

// way returns the pages of the trail that t is; none if it is no trail.
func (ix *index) way(t *Record) []*Record {
	vals := t.Vals("trail")
	if len(vals) == 0 {
		return nil
	}
	var way []*Record
	add := func(p *Record) {
		if p != nil && p != t && !slices.Contains(way, p) {
			way = append(way, p)
		}
	}
	if len(vals) > 1 || vals[0] != "true" && vals[0] != "false" {
		for _, v := range vals {
			p, _ := ix.resolve(linkName(v), t.folder())
			add(p)
		}
		return way
	}
	for _, l := range t.Links {
		if vals[0] == "true" && l.known && l.Kind != Embedding {
			add(ix.byFile[l.to])
		}
	}
	return way
}

// answerTrail is the answer to which trails a page is on, between which pages.
func answerTrail(p *Record, ix *index) uint64 {
	d := digestStart
	for _, s := range ix.trails[p.File] {
		for _, r := range []*Record{s.trail, s.prev, s.next} {
			if r == nil {
				d.word(1)
				continue
			}
			d.text(r.Key)
			d.text(r.Title)
		}
		d.word(uint64(s.at))
		d.word(uint64(s.of))
	}
	return d.sum()
}

// TrailData is one trail that a page is on.
type TrailData struct {
	Trail      Ref  // the page that lays it
	Prev, Next *Ref // nil at the ends
	At, Of     int  // this is page At of Of
}

// trails tells the trails of a page to its template.
func (w *writer) trails(r *Record, x *expander) (list []TrailData) {
	if len(w.ix.trails) == 0 {
		return nil // when there is one, every page is put together anew
	}
	x.deps.add(depTrail, r.File, answerTrail(r, w.ix))
	for _, s := range w.ix.trails[r.File] {
		d := TrailData{Trail: w.ref(s.trail), At: s.at, Of: s.of}
		if s.prev != nil {
			ref := w.ref(s.prev)
			d.Prev = &ref
		}
		if s.next != nil {
			ref := w.ref(s.next)
			d.Next = &ref
		}
		list = append(list, d)
	}
	return list
}

// maxCrumbs is how many parents a page may have above each other.
const maxCrumbs = 12

// crumbs are the pages above a page, from the front page down: those that its
// parent in the front matter names, or else the first trail that it is on, or
// else the folders that it is in.
func (w *writer) crumbs(r *Record, x *expander) []Ref {
	if r.Key == "index" {
		return nil
	}
	return append([]Ref{w.home()}, w.above(r, x, []*Record{r})...)
}

func (w *writer) above(r *Record, x *expander, seen []*Record) []Ref {
	var p *Record
	if up := r.Val("parent"); up != "" {
		p = x.lookup(place{rec: r}, linkName(up), 1)
	} else if len(w.ix.trails) > 0 {
		x.deps.add(depTrail, r.File, answerTrail(r, w.ix)) // on none now, perhaps on one later
		if on := w.ix.trails[r.File]; len(on) > 0 {
			p = on[0].trail
		}
	}
	switch {
	case p == nil:
		return w.folders(r, x)
	case slices.Contains(seen, p) || len(seen) > maxCrumbs:
		return nil
	}
	x.deps.face(p)
	if p.Key == "index" {
		return nil // it comes first anyway
	}
	return append(w.above(p, x, append(seen, p)), w.ref(p))
}

// folders are the folders that a page is in, as the pages of their names.
func (w *writer) folders(r *Record, x *expander) []Ref {
	folder := r.folder()
	if folder == "" {
		return nil
	}
	var out []Ref
	parts := strings.Split(folder, "/")
	for i := range parts {
		path := strings.Join(parts[:i+1], "/")
		ref := Ref{Title: parts[i]}
		key := slug(path)
		p := w.ix.byKey[key]
		x.deps.key(key, p)
		if p == r {
			break
		}
		if p != nil {
			x.deps.face(p)
			ref = w.ref(p)
		}
		out = append(out, ref)
	}
	return out
}
