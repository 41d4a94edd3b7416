// SPDX-License-Identifier: GPL-3.0-or-later

package wiki

import (
	"sort"
	"strconv"
	"strings"
)

// blog finds the posts: dated pages in the folder of the blog.
func (ix *index) blog(folder string) {
	if folder == "" {
		return
	}
	for _, r := range ix.pages {
		if strings.HasPrefix(r.File, folder+"/") && !r.Date.IsZero() {
			ix.posts = append(ix.posts, r)
		}
	}
	sort.SliceStable(ix.posts, func(i, j int) bool {
		if a, b := ix.posts[i].Date, ix.posts[j].Date; !a.Equal(b) {
			return a.After(b)
		}
		return ix.posts[i].File > ix.posts[j].File
	})
	ix.postAt = make(map[string]int, len(ix.posts))
	for i, r := range ix.posts {
		ix.postAt[r.File] = i
	}
}

// archive lists the posts of the blog by year. The oldest posts stand on page 1,
// so that a full page never changes when another post is written; the newest,
// between one and two pages of them, stand on /archive/ itself.
func (w *writer) archive() error {
	posts, size := w.ix.posts, w.cfg.ArchiveSize
	if len(posts) == 0 {
		return nil
	}
	full := max(0, len(posts)/size-1) // numbered pages
	for n := full; n >= 0; n-- {
		// n is 0 for the newest, else the number of the page.
		from, to := 0, len(posts)-full*size
		if n > 0 {
			from, to = len(posts)-n*size, len(posts)-(n-1)*size
		}
		if err := w.archivePage(n, full, posts[from:to]); err != nil {
			return err
		}
	}
	return nil
}

// archiveURL is the address of a page of the archive.
func archiveURL(n int) string {
	if n == 0 {
		return "/archive/"
	}
	return "/archive/" + strconv.Itoa(n) + "/"
}

func (w *writer) archivePage(n, full int, posts []*Record) error {
	file := strings.TrimPrefix(archiveURL(n), "/") + "index.html"
	d := &PageData{Kind: "archive", Title: "Archive", URL: w.s.base + archiveURL(n), Crumbs: []Ref{w.home()}, Feed: w.s.base + "/feed.xml"}
	if n > 0 {
		d.Title = "Archive, page " + strconv.Itoa(n)
		d.Crumbs = append(d.Crumbs, Ref{Title: "Archive", URL: w.s.base + "/archive/"})
		newer := n + 1
		if n == full {
			newer = 0
		}
		d.Newer = &Ref{Title: "posts", URL: w.s.base + archiveURL(newer)}
	}
	switch {
	case n == 0 && full > 0:
		d.Older = &Ref{Title: "posts", URL: w.s.base + archiveURL(full)}
	case n > 1:
		d.Older = &Ref{Title: "posts", URL: w.s.base + archiveURL(n-1)}
	}
	of := digestStart
	of.word(faces(posts))
	for _, r := range []*Ref{d.Newer, d.Older} {
		if of.word(1); r != nil {
			of.text(r.URL)
		}
	}
	if !w.need(file, of.sum()) {
		return nil
	}
	var b strings.Builder
	for i := 0; i < len(posts); {
		year, j := posts[i].Date.Year(), i
		for j < len(posts) && posts[j].Date.Year() == year {
			j++
		}
		y := strconv.Itoa(year)
		b.WriteString("<h2 id=\"y" + y + "\">" + y + "</h2>\n")
		w.pagesHTML(&b, posts[i:j])
		i = j
	}
	return w.list(file, d, b.String())
}

// siteFeed writes the feed of the site: the newest posts with their whole text,
// or the pages last changed where there is no blog.
func (w *writer) siteFeed() error {
	posts := w.ix.posts
	if len(posts) == 0 {
		posts = w.dated(w.ix.latest)
	}
	posts = posts[:min(len(posts), w.cfg.FeedSize)]
	for _, p := range posts {
		if w.dirty[p] {
			delete(w.known, "feed.xml")
			delete(w.known, "feed.json")
		}
	}
	return w.feed(feedData{file: "feed", title: w.site.Title, page: "/", posts: func() []*Record { return posts }, full: true}, faces(posts))
}
