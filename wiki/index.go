// SPDX-License-Identifier: GPL-3.0-or-later

package wiki

import (
	"cmp"
	"path"
	"slices"
	"strings"
)

// index is what is known of all pages at once. It is made of records and of
// nothing else, and not changed once it is made.
type index struct {
	pages   []*Record // published, sorted by file
	byFile  map[string]*Record
	byKey   map[string]*Record
	macros  map[string]*Record // by folded name
	names   map[string][]candidate
	files   map[string]bool     // attachments by path
	bases   map[string][]string // attachments by folded base name
	back    map[string][]backlink
	tags    map[string]*tagPages
	order   []*tagPages // sorted by name
	latest  []*Record   // all pages, newest first
	posts   []*Record   // of the blog, newest first
	postAt  map[string]int
	trails  map[string][]stop // by file of the page that is on them
	wanted  map[string][]where
	history func() *history // reads what git tells of the pages; nil where there is no repository
	faults  []string        // over all pages: clashes of addresses
}

// candidate is a page that a name may mean.
type candidate struct {
	page  *Record
	name  string // full path without extension, or the alias
	alias bool
}

// backlink is one page that links to another.
type backlink struct {
	from *Record
	text string
	line int
}

// tagPages is a tag with its pages, those of the tags below it too.
type tagPages struct {
	name, fold string
	pages      []*Record // newest first, then by title
}

// where is a place in a page.
type where struct {
	file string
	line int
}

// newIndex settles the keys of the pages and looks up what they say of each
// other. visible are the pages to publish and the macros.
//
// same says that names and files are those of the last index, so that links
// still lead where they led, and keys and their clashes are what they were.
func newIndex(visible []*Record, files []string, blog string, same bool, clashes []string) *index {
	ix := &index{
		byFile: make(map[string]*Record, len(visible)),
		byKey:  make(map[string]*Record, len(visible)),
		macros: map[string]*Record{},
		names:  make(map[string][]candidate, len(visible)),
		files:  make(map[string]bool, len(files)),
		bases:  make(map[string][]string, len(files)),
		wanted: map[string][]where{},
	}
	for _, r := range visible {
		if r.Macro != "" {
			if old := ix.macros[r.Macro]; old == nil || old.File > r.File {
				ix.macros[r.Macro] = r
			}
			continue
		}
		ix.pages = append(ix.pages, r)
	}
	if same {
		ix.faults = clashes
	} else {
		ix.faults = assignKeys(ix.pages)
	}
	for _, r := range ix.pages {
		if !same || r.faceSum == 0 {
			r.faceSum = 0
			r.faceSum = r.face()
			r.id = searchID(r.Key)
		}
		r.sortKey = fold(r.Title)
		ix.byFile[r.File], ix.byKey[r.Key] = r, r
		name := strings.TrimSuffix(r.File, path.Ext(r.File))
		ix.names[squash(name)] = append(ix.names[squash(name)], candidate{r, name, false})
		if b := fold(path.Base(name)); (b == "index" || b == "readme") && r.folder() != "" {
			ix.names[squash(r.folder())] = append(ix.names[squash(r.folder())], candidate{r, r.folder(), false})
		}
		for _, a := range r.Aliases {
			ix.names[squash(a)] = append(ix.names[squash(a)], candidate{r, a, true})
		}
	}
	for _, f := range files {
		ix.files[f] = true
		b := fold(path.Base(f))
		ix.bases[b] = append(ix.bases[b], f)
	}
	ix.link(same)
	ix.tag()
	ix.blog(strings.Trim(blog, "/"))
	ix.layTrails()
	return ix
}

// file finds the attachment that name means when it is written in folder from.
func (ix *index) file(name, from string) string {
	name = strings.TrimSpace(name)
	if p := path.Join(from, name); ix.files[p] && !strings.HasPrefix(name, "/") {
		return p
	}
	name = strings.Trim(path.Clean("/"+name), "/")
	if ix.files[name] {
		return name
	}
	best, score := "", -1
	for _, f := range ix.bases[fold(path.Base(name))] {
		if ff := fold(f); ff != fold(name) && !strings.HasSuffix(ff, "/"+fold(name)) {
			continue
		}
		if s := common(path.Dir(f), from); s > score {
			best, score = f, s
		}
	}
	return best
}

// target finds what a link leads to.
func (ix *index) target(from *Record, l Link) *Record {
	if l.Target == "" {
		return from
	}
	if l.Kind == PathLink && strings.HasPrefix(l.Target, "/") {
		if r := ix.byKey[strings.Trim(l.Target, "/")]; r != nil {
			return r
		}
	}
	page, _ := ix.resolve(l.Target, from.folder())
	return page
}

// linked is one page that links to another: from's link number n leads to to.
type linked struct {
	to, from *Record
	n        int32
}

// link fills in backlinks and wanted pages.
func (ix *index) link(same bool) {
	var all []linked
	for _, r := range ix.pages {
		r.in, r.seen = 0, nil
	}
	for _, r := range ix.pages {
		if !same {
			for i := range r.Links {
				r.Links[i].known = false
			}
		}
		all = ix.linkPage(r, all)
	}
	for _, l := range all {
		l.to.in++
	}
	room := make([]backlink, len(all)) // of all lists, one after the other
	ix.back = make(map[string][]backlink, len(ix.pages))
	at := 0
	for _, r := range ix.pages {
		if r.in > 0 {
			ix.back[r.File] = room[at : at+int(r.in) : at+int(r.in)]
			at, r.in = at+int(r.in), int32(at)
		}
	}
	for _, l := range all {
		room[l.to.in] = backlink{l.from, l.from.Links[l.n].Context, l.from.Links[l.n].Line}
		l.to.in++
	}
	for _, list := range ix.back {
		sortBack(list)
	}
}

func sortBack(list []backlink) {
	if len(list) > 1 {
		slices.SortStableFunc(list, func(a, b backlink) int { return compareTitle(a.from, b.from) })
	}
}

// linkPage finds where the links of one page lead, notes those that lead
// nowhere, and adds the others to list, once for each page.
func (ix *index) linkPage(r *Record, list []linked) []linked {
	for i := range r.Links {
		l := &r.Links[i]
		if l.Target == "" || isFile(l.Target) {
			continue
		}
		var to *Record
		if l.known {
			to = ix.byFile[l.to]
		} else {
			to = ix.target(r, *l)
			l.known, l.to = true, ""
			if to != nil {
				l.to = to.File
			}
		}
		switch {
		case to == nil && l.Kind != CamelLink && l.Kind != PathLink && ix.file(l.Target, r.folder()) == "":
			name := fold(l.Target)
			ix.wanted[name] = append(ix.wanted[name], where{r.File, l.Line})
		case to != nil && to != r && to.seen != r:
			to.seen = r
			list = append(list, linked{to, r, int32(i)})
		}
	}
	for _, l := range list[max(0, len(list)-len(r.Links)):] {
		l.to.seen = nil
	}
	return list
}

// replace gives a page its new record, where nothing that others can find it by
// has changed: same names, same face. It returns the pages whose backlinks may
// have changed.
func (ix *index) replace(old, now *Record) map[string]bool {
	touched := map[string]bool{}
	for _, l := range old.Links {
		if to := ix.target(old, l); to != nil && to != old {
			touched[to.File] = true
		} else if to == nil {
			name := fold(l.Target)
			ix.wanted[name] = drop(ix.wanted[name], func(w where) bool { return w.file == old.File })
			if len(ix.wanted[name]) == 0 {
				delete(ix.wanted, name)
			}
		}
	}
	for file := range touched {
		ix.back[file] = drop(ix.back[file], func(b backlink) bool { return b.from == old })
	}
	now.Key, now.faceSum, now.sortKey, now.id = old.Key, old.faceSum, old.sortKey, old.id
	*old = *now
	for _, l := range ix.linkPage(old, nil) {
		touched[l.to.File] = true
		link := &old.Links[l.n]
		ix.back[l.to.File] = append(ix.back[l.to.File], backlink{old, link.Context, link.Line})
	}
	for file := range touched {
		sortBack(ix.back[file])
	}
	if old.Val("trail") != "" {
		ix.layTrails()
	}
	return touched
}

// drop returns list without what is unwanted.
func drop[T any](list []T, unwanted func(T) bool) []T {
	out := list[:0]
	for _, x := range list {
		if !unwanted(x) {
			out = append(out, x)
		}
	}
	return out
}

func byTitle(a, b *Record) bool { return compareTitle(a, b) < 0 }

func compareTitle(a, b *Record) int {
	if c := strings.Compare(a.sortKey, b.sortKey); c != 0 {
		return c
	}
	return strings.Compare(a.File, b.File)
}

// newest sorts by date, newest first; pages without one come last, by title.
func newest(a, b *Record) bool {
	if x, y := a.changed(), b.changed(); !x.Equal(y) {
		return x.After(y)
	}
	return byTitle(a, b)
}

// newestFirst is a list of pages in the order of newest.
func newestFirst(pages []*Record) []*Record {
	type dated struct {
		sec int64
		r   *Record
	}
	list := make([]dated, len(pages))
	for i, r := range pages {
		list[i] = dated{r.changed().Unix(), r}
	}
	slices.SortFunc(list, func(a, b dated) int {
		switch {
		case a.sec != b.sec:
			return cmp.Compare(b.sec, a.sec)
		case newest(a.r, b.r):
			return -1
		}
		return 1
	})
	out := make([]*Record, len(list))
	for i := range list {
		out[i] = list[i].r
	}
	return out
}

// find returns the file in the output of the page that a person means.
func (ix *index) find(name string) string {
	r := ix.byKey[strings.Trim(name, "/")]
	if r == nil {
		r, _ = ix.resolve(name, "")
	}
	if r == nil {
		return ""
	}
	return pageFile(r.Key)
}
