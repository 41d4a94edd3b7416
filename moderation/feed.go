// SPDX-License-Identifier: GPL-3.0-or-later

package moderation

import (
	"bytes"
	"context"
	"encoding/xml"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// The Atom feed (RFC 4287) of a page of comments, and of the whole site.

type atomFeed struct {
	XMLName xml.Name    `xml:"http://www.w3.org/2005/Atom feed"`
	ID      string      `xml:"id"`
	Title   string      `xml:"title"`
	Updated string      `xml:"updated"`
	Links   []atomLink  `xml:"link"`
	Entries []atomEntry `xml:"entry"`
}

type atomLink struct {
	Rel  string `xml:"rel,attr"`
	Href string `xml:"href,attr"`
	Type string `xml:"type,attr,omitempty"`
}

type atomEntry struct {
	ID        string      `xml:"id"`
	Title     string      `xml:"title"`
	Published string      `xml:"published"`
	Updated   string      `xml:"updated"`
	Author    string      `xml:"author>name"`
	Link      atomLink    `xml:"link"`
	Content   atomContent `xml:"content"`
}

type atomContent struct {
	Type string `xml:"type,attr"`
	HTML string `xml:",chardata"` // escaped once more by encoding/xml, as type html asks
}

const feedEntries = 30

func (s *Server) renderFeed(ctx context.Context, key, title, _ string, v *view) (doc, error) {
	return s.views.page(key, v, 0, func() (doc, error) {
		list, err := query(ctx, s.db, "WHERE c.page = ? AND c.state = 'shown' ORDER BY c.n DESC LIMIT ?", key, feedEntries)
		if err != nil {
			return doc{}, err
		}
		return s.atom("Comments on "+title, "/c/"+key, "/c/"+key+".atom", list, func(c comment) (string, string) {
			return title, fmt.Sprintf("%s#c%d", pagePath(key, v.where[c.N]), c.N)
		})
	})
}

// serveSiteFeed answers GET /comment/feed.atom: the newest comments of all pages.
func (s *Server) serveSiteFeed(w http.ResponseWriter, r *http.Request) {
	list, err := query(r.Context(), s.db, "WHERE c.state = 'shown' ORDER BY c.n DESC LIMIT ?", feedEntries)
	if err != nil {
		s.broken(w, "feed", err)
		return
	}
	kept := list[:0]
	titles := make(map[string]string)
	for _, c := range list {
		if title, _, ok := s.lookup(c.Page); ok {
			titles[c.Page] = title
			kept = append(kept, c)
		}
	}
	d, err := s.atom("Comments", "/", "/comment/feed.atom", kept, func(c comment) (string, string) {
		href := "/c/" + c.Page
		if v, err := s.view(r.Context(), c.Page); err == nil {
			href = pagePath(c.Page, v.where[c.N])
		}
		return titles[c.Page], fmt.Sprintf("%s#c%d", href, c.N)
	})
	if err != nil {
		s.broken(w, "feed", err)
		return
	}
	serveDoc(w, r, d, "application/atom+xml; charset=utf-8", "no-cache")
}

// atom writes a feed of list, newest first; where tells title and address of the
// page that a comment stands on.
func (s *Server) atom(title, page, self string, list []comment, where func(comment) (title, href string)) (doc, error) {
	base := strings.TrimSuffix(s.cfg.BaseURL, "/")
	updated := time.Unix(0, 0)
	f := atomFeed{ID: base + self, Title: title, Links: []atomLink{
		{Rel: "self", Href: base + self, Type: "application/atom+xml"},
		{Rel: "alternate", Href: base + page, Type: "text/html"},
	}}
	u, err := url.Parse(base)
	if err != nil {
		return doc{}, err
	}
	for _, c := range list {
		changed := c.At
		if c.edited.After(changed) {
			changed = c.edited
		}
		if changed.After(updated) {
			updated = changed
		}
		pageTitle, href := where(c)
		f.Entries = append(f.Entries, atomEntry{
			// A tag URI (RFC 4151) stays when the page is renumbered or moved.
			ID:        fmt.Sprintf("tag:%s,2026:comment/%d", u.Hostname(), c.N),
			Title:     fmt.Sprintf("%s on %s", c.Author, pageTitle),
			Published: c.At.UTC().Format(time.RFC3339),
			Updated:   changed.UTC().Format(time.RFC3339),
			Author:    c.Author,
			Link:      atomLink{Rel: "alternate", Href: base + href, Type: "text/html"},
			// Without links to pages: in a feed reader a path leads nowhere.
			Content: atomContent{"html", string(render(c.Text, nil))},
		})
	}
	f.Updated = updated.UTC().Format(time.RFC3339)
	var b bytes.Buffer
	b.WriteString(xml.Header)
	enc := xml.NewEncoder(&b)
	enc.Indent("", " ")
	if err := enc.Encode(f); err != nil {
		return doc{}, err
	}
	b.WriteByte('\n')
	return newDoc(b.Bytes()), nil
}
