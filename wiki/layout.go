// SPDX-License-Identifier: GPL-3.0-or-later

package wiki

import (
	"bytes"
	"html/template"
	"strings"
	"sync"
	"sync/atomic"

	"oswald"
)

// SiteData is what every template may use as .Site.
type SiteData struct {
	Title, Description, Language, Author string
	URL                                  string // with a slash at its end
	Base                                 string // path before every address of the site: "" or "/wiki"
	Nav                                  []Ref
	Blog                                 bool // there is a blog, with an archive and a feed
	Changes                              bool // there is a page of recent changes
	Search                               bool // there is a page to search at
}

// Ref is a link.
type Ref struct {
	Title, URL string
	Count      int // of pages, for a tag
}

// BacklinkData is one page that links here, with the words around the link.
type BacklinkData struct {
	Title, URL, Context string
}

// PageData is what a template gets.
type PageData struct {
	Site        *SiteData
	Kind        string // "page", "post", "tag", "tags", "archive", "search" or "missing"
	Title       string
	Description string
	URL         string // path of this page
	Canonical   string // whole address of this page
	Content     template.HTML
	Heading     template.HTML // the title as the text itself writes it, or empty
	Date        string
	Updated     string
	Tags        []Ref
	Crumbs      []Ref // from the top down, without this page; an URL may be empty
	TOC         template.HTML
	Backlinks   []BacklinkData
	TagsHTML    template.HTML // Tags, Crumbs and Backlinks as the default theme writes
	CrumbsHTML  template.HTML // them: templates are slow at loops
	LinkedHTML  template.HTML
	HistoryHTML template.HTML
	Trails      []TrailData
	History     []ChangeData // the newest first; empty where the pages are in no repository
	Newer       *Ref         // neighbours of a post
	Older       *Ref
	Comments    string // address of the comments, or empty
	Feed        string // address of a feed of this page, or empty
	Classes     string // cssclasses of the front matter
}

// JSONFeed is the address of Feed in its other form.
func (d *PageData) JSONFeed() string { return strings.TrimSuffix(d.Feed, ".xml") + ".json" }

// theme holds the parsed templates.
type theme struct {
	page   *template.Template
	css    []byte
	js     []byte
	source [][]byte
}

// theme reads templates and style sheet.
func (s *Site) theme() (*theme, error) {
	t := &theme{page: template.New("theme")}
	for _, name := range []string{"page.html", "head.html", "foot.html"} {
		src, err := s.loadTheme(name)
		if err != nil {
			return nil, err
		}
		t.source = append(t.source, src)
		if _, err := t.page.New(name).Parse(string(src)); err != nil {
			return nil, oswald.Wrap(err, oswald.Invalid, "The template %s of the theme is faulty: %s.", name, cut(err.Error(), 200))
		}
	}
	var err error
	t.css, err = s.loadTheme("style.css")
	if err != nil {
		return nil, err
	}
	t.js, err = s.loadTheme("search.js")
	t.source = append(t.source, t.css, t.js)
	return t, err
}

// writer writes the files of one build.
type writer struct {
	s *Site
	*source
	theme *theme
	out   *output
	site  *SiteData
	warns []string
	known map[string]uint64   // what generated files were made of, last time
	made  map[string]uint64   // … and this time
	dirty map[*Record]bool    // pages that were put together anew
	feeds atomic.Bool         // a page that asks for a feed, or did, was put together anew
	texts map[string][]string // generated files that hold the whole text of pages, and of which
	all   uint64              // digest of the faces of all pages
}

func (w *writer) siteData() *SiteData {
	d := &SiteData{
		Title: w.cfg.Title, Description: w.cfg.Description, Language: w.cfg.Language, Author: w.cfg.Author,
		URL: strings.TrimRight(w.cfg.URL, "/") + "/", Base: w.s.base, Blog: len(w.ix.posts) > 0, Search: w.cfg.Search,
		Changes: w.ix.history != nil && w.ix.byKey["changes"] == nil,
	}
	for _, name := range w.cfg.Nav {
		if r, _ := w.ix.resolve(name, ""); r != nil {
			d.Nav = append(d.Nav, w.ref(r))
		} else if strings.HasPrefix(name, "/") {
			title := strings.Trim(name, "/")
			d.Nav = append(d.Nav, Ref{Title: strings.ToUpper(title[:min(1, len(title))]) + title[min(1, len(title)):], URL: w.s.base + name})
		} else {
			w.warns = append(w.warns, "wiki.nav:1: there is no page "+name)
		}
	}
	return d
}

func (w *writer) ref(r *Record) Ref { return Ref{Title: r.Title, URL: w.s.base + pageURL(r.Key)} }

// page puts one page together and writes it.
func (w *writer) page(p *stored) error {
	x := &expander{b: w.source, host: p.rec, deps: &deps{}}
	d := w.data(p.rec, x)
	was := p.deps
	p.deps, p.warns = x.deps.encode(), x.warns
	if strings.Contains(was, feedMark) || strings.Contains(p.deps, feedMark) {
		w.feeds.Store(true)
	}
	return w.write(pageFile(p.rec.Key), d)
}

// data collects what the template of a page needs. Whatever is asked of other
// pages is noted by x.
func (w *writer) data(r *Record, x *expander) *PageData {
	d := &PageData{
		Site: w.site, Kind: "page", Title: r.Title, Description: r.Summary,
		URL: w.s.base + pageURL(r.Key),
	}
	content := x.page()
	if r.HasH1 && bytes.HasPrefix(content, []byte("<h1")) {
		if i := bytes.Index(content, []byte("</h1>\n")); i > 0 {
			d.Heading, content = template.HTML(content[:i+5]), content[i+6:]
		}
	}
	d.Content = template.HTML(content)
	if len(x.feeds) > 0 {
		d.Feed = x.feeds[0]
	}
	d.Canonical = strings.TrimSuffix(w.site.URL, "/") + pageURL(r.Key)
	if !r.Date.IsZero() {
		d.Date = day(r.Date)
	}
	if !r.Updated.IsZero() && !r.Updated.Equal(r.Date) {
		d.Updated = day(r.Updated)
	}
	for _, t := range r.Tags {
		d.Tags = append(d.Tags, Ref{Title: t, URL: w.s.base + tagURL(t)})
	}
	d.Crumbs = w.crumbs(r, x)
	n := 0
	for i, h := range r.Headings {
		if h.Off >= 0 && !(i == 0 && r.HasH1) && h.Level <= 3 {
			n++
		}
	}
	if v := r.Val("toc"); n >= 4 && v != "false" && !x.toced {
		var b strings.Builder
		writeTOC(&b, r, 2)
		d.TOC = template.HTML(b.String())
	}
	back := w.ix.back[r.File]
	x.deps.back(r, back)
	for _, l := range back {
		d.Backlinks = append(d.Backlinks, BacklinkData{l.from.Title, w.s.base + pageURL(l.from.Key), l.text})
	}
	w.neighbours(r, d, x)
	d.Trails = w.trails(r, x)
	d.History = w.changes(r, x)
	if w.cfg.Comments && r.Val("comments") != "false" {
		d.Comments = w.s.base + "/c/" + r.Key
	}
	d.Classes = strings.Join(r.Vals("cssclasses"), " ")
	return d
}

// neighbours links a post to the one before and the one after it.
func (w *writer) neighbours(r *Record, d *PageData, x *expander) {
	if i, ok := w.ix.postAt[r.File]; ok {
		d.Kind = "post"
		if i > 0 {
			ref := w.ref(w.ix.posts[i-1])
			d.Newer = &ref
		}
		if i+1 < len(w.ix.posts) {
			ref := w.ref(w.ix.posts[i+1])
			d.Older = &ref
		}
	}
	x.deps.near(r, w.ix)
}

// write puts a page through the template.
func (w *writer) write(file string, d *PageData) error {
	d.lists()
	b := buffers.Get().(*bytes.Buffer)
	defer buffers.Put(b)
	b.Reset()
	if err := w.theme.page.ExecuteTemplate(b, "page.html", d); err != nil {
		return oswald.Wrap(err, oswald.Invalid, "The theme fails on the page %q: %s.", d.Title, cut(err.Error(), 200))
	}
	if err := w.out.put(file, b.Bytes()); err != nil {
		return err
	}
	return nil
}

// buffers are reused: a page is a few KB, and there are thousands of them.
var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// lists writes what the default theme has no loops for.
func (d *PageData) lists() {
	var b strings.Builder
	for _, t := range d.Tags {
		b.WriteString(` <a class="tag" href="` + esc(t.URL) + `">#` + esc(t.Title) + `</a>`)
	}
	d.TagsHTML = template.HTML(b.String())
	b.Reset()
	for _, c := range d.Crumbs {
		if len(d.Crumbs) == 1 {
			break // the front page alone: its name is at the top of every page
		}
		if c.URL == "" {
			b.WriteString("<li>" + esc(c.Title) + "</li>\n")
		} else {
			b.WriteString(`<li><a href="` + esc(c.URL) + `">` + esc(c.Title) + "</a></li>\n")
		}
	}
	d.CrumbsHTML = template.HTML(b.String())
	b.Reset()
	for _, l := range d.Backlinks {
		b.WriteString(`<li><a href="` + l.URL + `">` + esc(l.Title) + `</a>`)
		if l.Context != "" {
			b.WriteString("<p>" + esc(l.Context) + "</p>")
		}
		b.WriteString("</li>\n")
	}
	d.LinkedHTML = template.HTML(b.String())
	d.HistoryHTML = template.HTML(historyHTML(d.History))
}
