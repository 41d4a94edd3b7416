// SPDX-License-Identifier: GPL-3.0-or-later

package wiki

import (
	"bytes"
	"encoding/json"
	"html/template"
	"sort"
	"strings"
)

// generated writes what is made of the records of many pages: tags, archive,
// feeds, site map, list of pages, redirects, the page for what is missing.
func (w *writer) generated(pages map[string]*stored) error {
	w.all = faces(w.ix.pages)
	if err := w.tagPages(); err != nil {
		return err
	}
	if err := w.archive(); err != nil {
		return err
	}
	if err := w.changesPage(); err != nil {
		return err
	}
	if err := w.siteFeed(); err != nil {
		return err
	}
	if err := w.queryFeeds(pages); err != nil {
		return err
	}
	if w.ix.byKey["index"] == nil {
		if err := w.front(); err != nil {
			return err
		}
	}
	if err := w.pageList(); err != nil {
		return err
	}
	if err := w.sitemap(); err != nil {
		return err
	}
	if err := w.redirects(); err != nil {
		return err
	}
	if !w.need("404.html", 0) {
		return nil
	}
	return w.list("404.html", &PageData{Kind: "missing", Title: "There is no such page", URL: w.s.base + "/404.html"},
		`<p>The address may be mistyped, or the page was renamed. Start again from <a href="`+esc(w.s.base)+`/">the front page</a> or look through <a href="`+esc(w.s.base)+`/tag/">the tags</a>.</p>`)
}

// need says whether a generated file must be made: it is new, or what it is
// made of is not what it was. If not, the file of the last build stays.
func (w *writer) need(file string, of uint64) bool {
	w.made[file] = of
	if old, ok := w.known[file]; ok && old == of && w.out.has(file) {
		w.out.keep(file)
		return false
	}
	return true
}

// faces is the digest of how pages show in a list.
func faces(pages []*Record) uint64 { return answerPages(pages) }

// list writes a page that has no source.
func (w *writer) list(file string, d *PageData, content string) error {
	d.Site, d.Content = w.site, template.HTML(content)
	d.Canonical = strings.TrimSuffix(w.site.URL, "/") + strings.TrimPrefix(d.URL, w.s.base)
	return w.write(file, d)
}

func (w *writer) home() Ref { return Ref{Title: w.site.Title, URL: w.s.base + "/"} }

// pagesHTML lists pages with their dates and summaries.
func (s *source) pagesHTML(b *strings.Builder, pages []*Record) {
	b.WriteString("<ul class=\"pages\">\n")
	for _, r := range pages {
		b.WriteString(`<li><a href="` + s.markup.base + pageURL(r.Key) + `">` + esc(r.Title) + `</a>`)
		if t := r.changed(); !t.IsZero() {
			b.WriteString(` <time datetime="` + t.Format("2006-01-02") + `">` + t.Format("2 January 2006") + `</time>`)
		}
		if r.Summary != "" {
			b.WriteString("<p>" + esc(r.Summary) + "</p>")
		}
		b.WriteString("</li>\n")
	}
	b.WriteString("</ul>\n")
}

func (w *writer) tagPages() error {
	if !w.need("tag/index.html", answerTags(w.ix)) {
		return w.eachTag()
	}
	var b strings.Builder
	if len(w.ix.order) == 0 {
		b.WriteString("<p>No page has a tag yet.</p>")
	} else {
		w.tagList(&b, "")
	}
	if err := w.list("tag/index.html", &PageData{Kind: "tags", Title: "Tags", URL: w.s.base + "/tag/", Crumbs: []Ref{w.home()}}, b.String()); err != nil {
		return err
	}
	return w.eachTag()
}

func (w *writer) eachTag() error {
	for _, t := range w.ix.order {
		if err := w.tagPage(t); err != nil {
			return err
		}
	}
	return nil
}

func (w *writer) tagPage(t *tagPages) error {
	of := digestStart
	of.text(t.name)
	of.word(faces(t.pages))
	for _, o := range w.ix.order {
		if strings.HasPrefix(o.fold, t.fold+"/") || strings.HasPrefix(t.fold, o.fold+"/") {
			of.text(o.name)
			of.word(uint64(len(o.pages)))
		}
	}
	f := feedData{file: "tag/" + t.fold + "/feed", title: "#" + t.name + " – " + w.site.Title, page: tagURL(t.fold), posts: func() []*Record { return w.dated(t.pages) }}
	if err := w.feed(f, of.sum()); err != nil {
		return err
	}
	page := "tag/" + t.fold + "/index.html"
	if !w.need(page, of.sum()) {
		return nil
	}
	var b strings.Builder
	crumbs := []Ref{w.home(), {Title: "Tags", URL: w.s.base + "/tag/"}}
	for i := range t.fold {
		if t.fold[i] == '/' {
			up := w.ix.tags[t.fold[:i]]
			crumbs = append(crumbs, Ref{Title: "#" + up.name, URL: w.s.base + tagURL(up.fold)})
		}
	}
	for _, o := range w.ix.order {
		if strings.HasPrefix(o.fold, t.fold+"/") {
			w.tagList(&b, t.fold)
			break
		}
	}
	w.pagesHTML(&b, t.pages)
	feed := tagURL(t.fold) + "feed.xml"
	d := &PageData{Kind: "tag", Title: "#" + t.name, URL: w.s.base + tagURL(t.fold), Crumbs: crumbs, Feed: w.s.base + feed}
	return w.list(page, d, b.String())
}

// front stands in for a front page that nobody wrote.
func (w *writer) front() error {
	if !w.need("index.html", w.all) {
		return nil
	}
	var b strings.Builder
	pages := append([]*Record(nil), w.ix.pages...)
	sort.SliceStable(pages, func(i, j int) bool { return byTitle(pages[i], pages[j]) })
	b.WriteString("<ul class=\"query\">\n")
	for _, r := range pages {
		b.WriteString(`<li><a href="` + w.s.base + pageURL(r.Key) + `">` + esc(r.Title) + "</a></li>\n")
	}
	b.WriteString("</ul>\n")
	return w.list("index.html", &PageData{Kind: "page", Title: w.site.Title, Description: w.site.Description, URL: w.s.base + "/"}, b.String())
}

// pageList writes pages.json, from which the comment server knows the pages.
func (w *writer) pageList() error {
	if !w.need("pages.json", w.all) {
		return nil
	}
	type entry struct {
		Key   string `json:"key"`
		URL   string `json:"url"`
		Title string `json:"title"`
	}
	list := make([]entry, 0, len(w.ix.pages))
	for _, r := range w.ix.pages {
		list = append(list, entry{r.Key, w.s.base + pageURL(r.Key), r.Title})
	}
	sort.Slice(list, func(i, j int) bool { return list[i].Key < list[j].Key })
	var b bytes.Buffer
	b.WriteString("[")
	for i, e := range list {
		if i > 0 {
			b.WriteString(",")
		}
		line, err := json.Marshal(e)
		if err != nil {
			return err
		}
		b.WriteString("\n")
		b.Write(line)
	}
	b.WriteString("\n]\n")
	return w.out.put("pages.json", b.Bytes())
}

func (w *writer) sitemap() error {
	if !w.need("sitemap.xml", w.all) {
		return nil
	}
	var b bytes.Buffer
	b.WriteString("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<urlset xmlns=\"http://www.sitemaps.org/schemas/sitemap/0.9\">\n")
	root := strings.TrimSuffix(w.site.URL, "/")
	for _, r := range w.ix.pages {
		b.WriteString("<url><loc>" + esc(root+pageURL(r.Key)) + "</loc>")
		if t := r.changed(); !t.IsZero() {
			b.WriteString("<lastmod>" + t.Format("2006-01-02") + "</lastmod>")
		}
		b.WriteString("</url>\n")
	}
	b.WriteString("</urlset>\n")
	return w.out.put("sitemap.xml", b.Bytes())
}

// redirects leads from the addresses that aliases would have to their pages,
// where nothing else is.
func (w *writer) redirects() error {
	taken := map[string]bool{}
	for _, r := range w.ix.pages {
		for _, a := range append(append([]string(nil), r.Aliases...), r.Vals("redirect_from")...) {
			if len(a) > 200 {
				continue
			}
			key := pageKey(a+".md", "")
			if key == "index" || key == "changes" && w.site.Changes || taken[key] || w.ix.byKey[key] != nil {
				continue
			}
			taken[key] = true
			of := digestStart
			of.text(r.Key)
			of.text(r.Title)
			if !w.need(pageFile(key), of.sum()) {
				continue
			}
			to := esc(w.s.base + pageURL(r.Key))
			html := `<!doctype html><html lang="` + esc(w.site.Language) + `"><meta charset="utf-8"><title>` + esc(r.Title) +
				`</title><meta http-equiv="refresh" content="0; url=` + to + `"><link rel="canonical" href="` +
				esc(strings.TrimSuffix(w.site.URL, "/")+pageURL(r.Key)) + `"><p>This page is at <a href="` + to + `">` + to + "</a>.</p></html>\n"
			if err := w.out.put(pageFile(key), []byte(html)); err != nil {
				return err
			}
		}
	}
	return nil
}

// assets writes the style sheet, unless the source folder has one of its own.
func (w *writer) assets() error {
	if w.ix.files["style.css"] {
		return nil
	}
	return w.out.put("style.css", w.theme.css)
}

// script writes what searches in the browser.
func (w *writer) script() error {
	if !w.cfg.Search || w.ix.files["search.js"] {
		return nil
	}
	return w.out.put("search.js", w.theme.js)
}
