// SPDX-License-Identifier: GPL-3.0-or-later

package wiki

import (
	"bytes"
	"strings"
	"time"
)

// feed writes an Atom feed (RFC 4287). The id of an entry is the address of its
// page; times are those that the pages give themselves, so that the same
// sources make the same feed. With full set the entries hold the whole text,
// which is then read without the pages around it: addresses are absolute.
func (w *writer) feed(file, title, page string, posts []*Record, full bool) error {
	var b bytes.Buffer
	root := strings.TrimSuffix(w.site.URL, "/")
	updated := time.Unix(0, 0)
	for _, p := range posts {
		if p.changed().After(updated) {
			updated = p.changed()
		}
	}
	b.WriteString("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<feed xmlns=\"http://www.w3.org/2005/Atom\" xml:lang=\"" + esc(w.site.Language) + "\">\n")
	b.WriteString("<title>" + esc(title) + "</title>\n")
	if w.site.Description != "" {
		b.WriteString("<subtitle>" + esc(w.site.Description) + "</subtitle>\n")
	}
	b.WriteString("<id>" + esc(root+page) + "</id>\n<link href=\"" + esc(root+page) + "\"/>\n")
	b.WriteString("<link rel=\"self\" type=\"application/atom+xml\" href=\"" + esc(root+page+"feed.xml") + "\"/>\n")
	b.WriteString("<updated>" + stampOf(updated) + "</updated>\n")
	author := w.site.Author
	if author == "" {
		author = w.site.Title
	}
	b.WriteString("<author><name>" + esc(author) + "</name></author>\n")
	if full {
		w.texts[file] = nil
	}
	for _, p := range posts {
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
		if full {
			w.texts[file] = append(w.texts[file], p.File)
			x := &expander{b: w.source, host: p, feed: true}
			b.WriteString("<content type=\"html\">" + xmlText(w.absolute(string(x.page()))) + "</content>\n")
		}
		b.WriteString("</entry>\n")
	}
	b.WriteString("</feed>\n")
	return w.out.put(file, b.Bytes())
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
