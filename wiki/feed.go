// SPDX-License-Identifier: GPL-3.0-or-later

package wiki

import (
	"bytes"
	"encoding/json"
	"path"
	"sort"
	"strings"
	"time"
)

// feedData is what a feed is made of. It is written twice: as Atom (RFC 4287)
// and as JSON Feed 1.1.
type feedData struct {
	file  string // in the output, without extension
	title string
	page  string // address of the page that it is a feed of
	posts func() []*Record
	full  bool // entries hold the whole text
}

// feed writes a feed, or the one of its two forms that is out of date. of is the
// digest of what it is made of.
func (w *writer) feed(f feedData, of uint64) error {
	atom, jsonFeed := w.need(f.file+".xml", of), w.need(f.file+".json", of)
	if !atom && !jsonFeed {
		return nil
	}
	posts := f.posts()
	var content []string
	if f.full {
		w.texts[f.file] = nil
		for _, p := range posts {
			w.texts[f.file] = append(w.texts[f.file], p.File)
			x := &expander{b: w.source, host: p, feed: true}
			content = append(content, w.absolute(string(x.page())))
		}
	}
	if atom {
		if err := w.out.put(f.file+".xml", w.atom(f, posts, content)); err != nil {
			return err
		}
	}
	if jsonFeed {
		data, err := w.jsonFeed(f, posts, content)
		if err != nil {
			return err
		}
		return w.out.put(f.file+".json", data)
	}
	return nil
}

// atom writes the Atom form. The id of an entry is the address of its page;
// times are those that the pages give themselves, so that the same sources make
// the same feed. Content is read without the page around it: addresses are
// absolute.
func (w *writer) atom(f feedData, posts []*Record, content []string) []byte {
	var b bytes.Buffer
	root := strings.TrimSuffix(w.site.URL, "/")
	updated := time.Unix(0, 0)
	for _, p := range posts {
		if p.changed().After(updated) {
			updated = p.changed()
		}
	}
	b.WriteString("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<feed xmlns=\"http://www.w3.org/2005/Atom\" xml:lang=\"" + esc(w.site.Language) + "\">\n")
	b.WriteString("<title>" + esc(f.title) + "</title>\n")
	if w.site.Description != "" {
		b.WriteString("<subtitle>" + esc(w.site.Description) + "</subtitle>\n")
	}
	id := root + f.page
	if path.Base(f.file) != "feed" { // one of several feeds of a page
		id = root + "/" + f.file + ".xml"
	}
	b.WriteString("<id>" + esc(id) + "</id>\n<link href=\"" + esc(root+f.page) + "\"/>\n")
	b.WriteString("<link rel=\"self\" type=\"application/atom+xml\" href=\"" + esc(root+feedURL(f.file+".xml")) + "\"/>\n")
	b.WriteString("<updated>" + stampOf(updated) + "</updated>\n")
	b.WriteString("<author><name>" + esc(w.feedAuthor()) + "</name></author>\n")
	for i, p := range posts {
		url := root + pageURL(p.Key)
		b.WriteString("<entry>\n<title>" + esc(p.Title) + "</title>\n<id>" + esc(url) + "</id>\n<link href=\"" + esc(url) + "\"/>\n")
		if !p.Date.IsZero() {
			b.WriteString("<published>" + stampOf(p.Date) + "</published>\n")
		}
		b.WriteString("<updated>" + stampOf(p.changed()) + "</updated>\n")
		for _, t := range p.Tags {
			b.WriteString("<category term=\"" + esc(t) + "\"/>\n")
		}
		if p.Summary != "" {
			b.WriteString("<summary>" + esc(p.Summary) + "</summary>\n")
		}
		if f.full {
			b.WriteString("<content type=\"html\">" + xmlText(content[i]) + "</content>\n")
		}
		b.WriteString("</entry>\n")
	}
	b.WriteString("</feed>\n")
	return b.Bytes()
}

// feedAuthor is who writes; an Atom feed must name somebody.
func (w *writer) feedAuthor() string {
	if w.site.Author != "" {
		return w.site.Author
	}
	return w.site.Title
}

// jsonFeed writes the form of JSON Feed 1.1 (jsonfeed.org).
func (w *writer) jsonFeed(f feedData, posts []*Record, content []string) ([]byte, error) {
	type author struct {
		Name string `json:"name"`
	}
	type item struct {
		ID        string   `json:"id"`
		URL       string   `json:"url"`
		Title     string   `json:"title"`
		Text      string   `json:"content_text,omitempty"`
		HTML      string   `json:"content_html,omitempty"`
		Summary   string   `json:"summary,omitempty"`
		Published string   `json:"date_published,omitempty"`
		Modified  string   `json:"date_modified,omitempty"`
		Tags      []string `json:"tags,omitempty"`
	}
	root := strings.TrimSuffix(w.site.URL, "/")
	feed := struct {
		Version     string   `json:"version"`
		Title       string   `json:"title"`
		Home        string   `json:"home_page_url"`
		URL         string   `json:"feed_url"`
		Description string   `json:"description,omitempty"`
		Language    string   `json:"language"`
		Authors     []author `json:"authors"`
		Items       []item   `json:"items"`
	}{"https://jsonfeed.org/version/1.1", f.title, root + f.page, root + feedURL(f.file+".json"), w.site.Description, w.site.Language,
		[]author{{w.feedAuthor()}}, []item{}}
	for i, p := range posts {
		it := item{ID: root + pageURL(p.Key), URL: root + pageURL(p.Key), Title: p.Title, Summary: p.Summary, Modified: stampOf(p.changed()), Tags: p.Tags}
		if !p.Date.IsZero() {
			it.Published = stampOf(p.Date)
		}
		if f.full {
			it.HTML = content[i]
		}
		if it.HTML == "" { // one of both must be there
			it.Text, it.Summary = p.Summary, ""
			if it.Text == "" {
				it.Text = p.Title
			}
		}
		feed.Items = append(feed.Items, it)
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	err := e.Encode(feed)
	return b.Bytes(), err
}

// feedURL is the address of a file of a feed: tags may need escaping.
func feedURL(file string) string { return fileURL(file) }

// dated returns the pages of list that have a date, newest first, as many as a
// feed holds.
func (w *writer) dated(list []*Record) []*Record {
	var posts []*Record
	for _, r := range list {
		if !r.changed().IsZero() {
			posts = append(posts, r)
		}
	}
	sort.SliceStable(posts, func(i, j int) bool { return newest(posts[i], posts[j]) })
	return posts[:min(len(posts), w.cfg.FeedSize)]
}

// feedName is the name of the files of the feed that a query asks for with
// feed=NAME, or empty.
func feedName(c call) string {
	v, ok := c.get("feed")
	switch v = strings.TrimSpace(v); {
	case !ok, v == "", v == "no", v == "false":
		return ""
	case v == "yes", v == "true":
		return "feed"
	}
	return strings.ReplaceAll(slug(v), "/", "-")
}

// feedOf links the feed of a query from the page that shows it.
func (x *expander) feedOf(out *strings.Builder, q call) {
	name := feedName(q)
	if name == "" || x.feed {
		return
	}
	url := x.b.markup.base + feedURL(pageFolder(x.host.Key)+name+".xml")
	x.feeds = append(x.feeds, url)
	out.WriteString(`<p class="meta"><a class="feed" href="` + esc(url) + `">Feed</a></p>` + "\n")
}

// pageFolder is the folder of a page in the output, with a slash at its end.
func pageFolder(key string) string { return strings.TrimSuffix(pageFile(key), "index.html") }

// feedMark stands in the question of a query that asks for a feed.
const feedMark = "\x01feed\x02"

// queryFeeds writes the feeds that queries ask for. Which those are stands in
// the questions of the pages, those that were not put together anew too.
func (w *writer) queryFeeds(pages map[string]*stored) error {
	for _, r := range w.ix.pages {
		taken := map[string]bool{}
		list := pages[r.File].deps
		for strings.Contains(list, feedMark) {
			var d dep
			if d, list = nextDep(list); d.kind != depQuery || !strings.Contains(d.arg, feedMark) {
				continue
			}
			folder, arg, _ := strings.Cut(d.arg, "\x00")
			c := decodeCall(arg)
			name := feedName(c)
			file := pageFolder(r.Key) + name
			if name == "" || taken[name] || file == "feed" {
				continue
			}
			taken[name] = true
			title, ok := c.get("feedtitle")
			if !ok {
				title = r.Title + " – " + w.site.Title
			}
			posts := w.dated(w.ix.query(c, folder))
			f := feedData{file: file, title: title, page: pageURL(r.Key), posts: func() []*Record { return posts }}
			of := digestStart
			of.text(title)
			of.word(faces(posts))
			if err := w.feed(f, of.sum()); err != nil {
				return err
			}
		}
	}
	return nil
}

// absolute puts the address of the site before addresses that begin with a
// slash.
func (w *writer) absolute(s string) string {
	host := strings.TrimSuffix(strings.TrimSuffix(w.site.URL, "/"), w.s.base)
	s = strings.ReplaceAll(s, `href="/`, `href="`+esc(host)+`/`)
	return strings.ReplaceAll(s, `src="/`, `src="`+esc(host)+`/`)
}

// xmlText escapes a text, and drops what XML 1.0 cannot hold.
func xmlText(s string) string {
	return esc(strings.Map(func(r rune) rune {
		if r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0xfffe || r == 0xffff {
			return -1
		}
		return r
	}, s))
}
