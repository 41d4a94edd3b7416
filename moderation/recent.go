// SPDX-License-Identifier: GPL-3.0-or-later

package moderation

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"oswald"
)

// recentPath is where the newest comments of all pages are, as JSON. No page has
// that name, since a page's name has no dot.
const recentPath = "/c/recent.json"

// recentMax is how many they are.
const recentMax = 20

// recent is the ring of the newest comments that are shown, newest first, as
// oswald.Recent says it.
func (s *Server) recent(ctx context.Context) (doc, error) {
	list, err := query(ctx, s.db, "WHERE c.state = 'shown' ORDER BY c.n DESC LIMIT ?", recentMax)
	if err != nil {
		return doc{}, err
	}
	out := make([]oswald.Recent, 0, len(list))
	for _, c := range list {
		title, _, ok := s.lookup(c.Page)
		if !ok {
			continue
		}
		out = append(out, oswald.Recent{N: c.N, Page: c.Page, Title: title, Author: c.Author, Text: oneLine(c.Text, 140), At: c.At.UTC(),
			// The server finds the page of comments that has it.
			URL: fmt.Sprintf("/c/%s?note=here&n=%d#c%d", c.Page, c.N, c.N)})
	}
	b, err := json.Marshal(out) // escapes < and > and &
	return newDoc(append(b, '\n')), err
}

func (s *Server) serveRecent(w http.ResponseWriter, r *http.Request) {
	d, err := s.recent(r.Context())
	if err != nil {
		s.broken(w, "recent comments", err)
		return
	}
	serveDoc(w, r, d, "application/json", "no-cache")
}
