// SPDX-License-Identifier: GPL-3.0-or-later

package moderation

import (
	"context"
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// pageData is one page of comments. Nothing in it depends on who asks.
type pageData struct {
	Key, Title, URL    string
	Comments           []shownComment
	Total, Page, Pages int
	Prev, Next, Feed   string
	Closed             bool
	Editable           bool // edits to the page are taken
	Contact            bool // there is a form to write to the owner
	// Notice and EditURL are for the person who just posted, on an answer that
	// nobody may store.
	Notice, EditURL string
	EditUntil       time.Time
}

type shownComment struct {
	N          int64
	Author, ID string
	Signer     string // fingerprint of its SSH key
	Owner      bool
	Body       template.HTML // written by render alone
	At, Edited time.Time
	Depth      int
	Parent     int64
	ParentHref string
	ParentName string
}

// view returns how the comments on key lie on pages.
func (s *Server) view(ctx context.Context, key string) (*view, error) {
	var version int64
	if s.shared {
		// Before the view is made: then it is at least as new as its version says.
		var err error
		if version, err = s.memo(ctx, "version/"+key); err != nil {
			return nil, err
		}
		s.views.dropOlder(key, version)
	}
	return s.views.get(key, version, func() (*view, error) {
		rows, err := s.db.QueryContext(context.WithoutCancel(ctx), // others wait for it too
			"SELECT n, parent, octet_length(text), changed FROM comment WHERE page = ? AND state = 'shown' ORDER BY n", key)
		if err != nil {
			return nil, err
		}
		defer rows.Close()
		var list []node
		for rows.Next() {
			var c node
			if err := rows.Scan(&c.n, &c.parent, &c.bytes, &c.changed); err != nil {
				return nil, err
			}
			list = append(list, c)
		}
		return chunked(list, s.cfg.PerPage), rows.Err()
	})
}

// data collects page p of v.
func (s *Server) data(ctx context.Context, key, title, url string, v *view, p int) (pageData, error) {
	d := pageData{Key: key, Title: title, URL: url, Total: len(v.order), Page: p, Pages: len(v.chunks), Feed: "/c/" + key + ".atom",
		Editable: s.source != nil, Contact: s.cfg.Contact}
	if p > 1 {
		d.Prev = pagePath(key, p-1)
	}
	if p < len(v.chunks) {
		d.Next = pagePath(key, p+1)
	}
	closed, err := s.closed(ctx, key)
	if err != nil {
		return d, err
	}
	d.Closed = closed
	nodes := v.order[v.chunks[p-1][0]:v.chunks[p-1][1]]
	if len(nodes) == 0 {
		return d, nil
	}
	low, high := nodes[0].n, nodes[0].n
	for _, c := range nodes {
		low, high = min(low, c.n), max(high, c.n)
	}
	list, err := query(ctx, s.db, "WHERE c.page = ? AND c.state = 'shown' AND c.n BETWEEN ? AND ?", key, low, high)
	if err != nil {
		return d, err
	}
	byN := make(map[int64]comment, len(list))
	for _, c := range list {
		byN[c.N] = c
	}
	for _, at := range nodes {
		c, ok := byN[at.n]
		if !ok {
			continue // decided upon a moment ago
		}
		sc := s.show(c)
		sc.Depth = min(at.depth, 5)
		if sc.Parent = at.parent; at.parent != 0 {
			sc.ParentHref = "#c" + strconv.FormatInt(at.parent, 10)
			if pp := v.where[at.parent]; pp != p {
				sc.ParentHref = pagePath(key, pp) + sc.ParentHref
			}
			sc.ParentName = byN[at.parent].Author
		}
		d.Comments = append(d.Comments, sc)
	}
	return d, nil
}

// show is a comment as readers see it.
func (s *Server) show(c comment) shownComment {
	return shownComment{N: c.N, Author: c.Author, ID: c.ID, Signer: c.Signer, Owner: c.ID != "" && slices.Contains(s.cfg.OwnerIDs, c.ID),
		Body: render(c.Text, s.pages), At: c.At, Edited: c.edited}
}

func (s *Server) renderPage(ctx context.Context, key, title, url string, v *view, p int) (doc, error) {
	return s.views.page(key, v, p, func() (doc, error) {
		d, err := s.data(ctx, key, title, url, v, p)
		if err != nil {
			return doc{}, err
		}
		body, err := s.tmpl.render("page", d)
		if err != nil {
			return doc{}, fmt.Errorf("template: %w", err)
		}
		return newDoc(body), nil
	})
}

// notices are the only texts that a redirect can bring to the top of a page.
var notices = map[string]string{
	"shown":     "Thank you. Your comment is published.",
	"waits":     "Thank you. Your comment waits for approval, and appears here when it has been read.",
	"deleted":   "Your comment is deleted.",
	"suggested": "Thank you. Your edit waits for approval; the page changes when it is accepted.",
}

// servePage answers GET /c/KEY, /c/KEY~2 and /c/KEY.atom.
func (s *Server) servePage(w http.ResponseWriter, r *http.Request) {
	key := r.PathValue("key")
	key, feed := strings.CutSuffix(key, ".atom")
	p := 1
	if name, number, ok := strings.Cut(key, "~"); ok {
		n, err := strconv.Atoi(number)
		if err != nil || n < 2 || feed || strconv.Itoa(n) != number {
			s.notFound(w)
			return
		}
		key, p = name, n
	}
	title, url, ok := s.lookup(key)
	if !ok {
		s.notFound(w)
		return
	}
	v, err := s.view(r.Context(), key)
	if err != nil {
		s.broken(w, "page of comments", err)
		return
	}
	if p > len(v.chunks) {
		s.notFound(w)
		return
	}
	if feed {
		d, err := s.renderFeed(r.Context(), key, title, url, v)
		if err != nil {
			s.broken(w, "feed", err)
			return
		}
		serveDoc(w, r, d, "application/atom+xml; charset=utf-8", "no-cache")
		return
	}
	if note := r.URL.Query().Get("note"); notices[note] != "" || note == "here" {
		if n, err := strconv.ParseInt(r.URL.Query().Get("n"), 10, 64); err == nil && p == 1 && v.where[n] != 0 {
			p = v.where[n] // the page that has it
		}
		s.servePosted(w, r, key, title, url, v, p, notices[note])
		return
	}
	d, err := s.renderPage(r.Context(), key, title, url, v, p)
	if err != nil {
		s.broken(w, "page of comments", err)
		return
	}
	// no-cache means: store it, but ask before showing it. So a hidden comment is
	// gone at once, and an unchanged page costs a 304.
	serveDoc(w, r, d, "text/html; charset=utf-8", "no-cache")
}

// servePosted shows the page with a notice for who just posted. It is made for
// this one answer and nobody may store it.
func (s *Server) servePosted(w http.ResponseWriter, r *http.Request, key, title, url string, v *view, p int, notice string) {
	d, err := s.data(r.Context(), key, title, url, v, p)
	if err != nil {
		s.broken(w, "page of comments", err)
		return
	}
	d.Notice = notice
	if sealed := r.URL.Query().Get("edit"); sealed != "" {
		if e, ok := s.openEdit(sealed, key); ok {
			d.EditURL, d.EditUntil = "/comment/"+key+"?edit="+sealed, e.until
		}
	}
	body, err := s.tmpl.render("page", d)
	if err != nil {
		s.broken(w, "template", err)
		return
	}
	writeHTML(w, http.StatusOK, body)
}

// lookup is Pages behind the one whitelist of names.
func (s *Server) lookup(key string) (title, url string, ok bool) {
	if !validKey(key) {
		return "", "", false
	}
	title, url, ok = s.pages(key)
	if !ok || !strings.HasPrefix(url, "/") || strings.HasPrefix(url, "//") || strings.Contains(url, `\`) {
		return "", "", false
	}
	return cleanName(title), url, true
}

const selectNewest = "SELECT coalesce(max(at), 0) FROM comment WHERE page = ? AND state = 'shown'"

// closed reports whether a page takes no more comments.
func (s *Server) closed(ctx context.Context, key string) (bool, error) {
	if s.cfg.ReadOnlyAge == 0 {
		return false, nil
	}
	var last int64
	err := s.db.QueryRowContext(ctx, selectNewest, key).Scan(&last)
	return last != 0 && s.now().Sub(time.UnixMilli(last)) > s.cfg.ReadOnlyAge, err
}
