// SPDX-License-Identifier: GPL-3.0-or-later

package moderation

import (
	"bufio"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"
	"time"

	"oswald"
)

// record is a comment on its way in or out, and one line of an export.
type record struct {
	Key    string              `json:"key"`              // what its source calls it
	Parent string              `json:"parent,omitempty"` // key of what it replies to
	Page   string              `json:"page"`             // page, or path of an address
	Author string              `json:"author"`
	ID     string              `json:"id,omitempty"`
	Text   string              `json:"text"`
	At     time.Time           `json:"at"`
	Edited *time.Time          `json:"edited,omitempty"`
	State  oswald.CommentState `json:"state"`
	Label  oswald.Verdict      `json:"label,omitempty"` // what a person said
}

// exportHead is the first line of an export.
type exportHead struct {
	Oswald  string    `json:"oswald"` // "comments"
	Version int       `json:"version"`
	At      time.Time `json:"at"`
}

// Export writes every comment as lines of JSON, which Import reads. Network
// addresses are not among them. What is posted meanwhile may be missing.
func (s *Server) Export(ctx context.Context, w io.Writer) error {
	b := bufio.NewWriter(w)
	enc := json.NewEncoder(b)
	if err := enc.Encode(exportHead{"comments", 1, s.now().UTC()}); err != nil {
		return err
	}
	for last := int64(0); ; {
		// In portions, so that the one connection is never held for long.
		list, err := query(ctx, s.db, "WHERE c.n > ? ORDER BY c.n LIMIT 500", last)
		if err != nil {
			return fmt.Errorf("export: %w", err)
		}
		if len(list) == 0 {
			return b.Flush()
		}
		for _, c := range list {
			last = c.N
			r := record{Key: fmt.Sprint(c.N), Page: c.Page, Author: c.Author, ID: c.ID, Text: c.Text, At: c.At.UTC(), State: c.State, Label: c.Label}
			if c.parent != 0 {
				r.Parent = fmt.Sprint(c.parent)
			}
			if !c.edited.IsZero() {
				at := c.edited.UTC()
				r.Edited = &at
			}
			if err := enc.Encode(r); err != nil {
				return err
			}
		}
	}
}

// ImportReport is how an import ended.
type ImportReport struct {
	Added     int
	Present   int      // there already, from an earlier import of the same file
	Empty     int      // without a text, such as what was deleted there
	Unmatched []string // paths that are no page here, with their comments left out; at most 50
	Left      int      // comments on those
}

// take stores records. Importing a file twice adds nothing the second time.
func (s *Server) take(ctx context.Context, source string, list []record) (ImportReport, error) {
	var rep ImportReport
	slices.SortStableFunc(list, func(a, b record) int { return a.At.Compare(b.At) })
	numbers := make(map[string]int64, len(list)) // key → number here
	pages := make(map[string]bool)
	for part := range slices.Chunk(list, 500) {
		if err := s.takePart(ctx, source, part, numbers, pages, &rep); err != nil {
			return rep, fmt.Errorf("import: %w", err)
		}
	}
	for page := range pages {
		s.views.drop(page)
		s.refresh.wait(ctx, page)
	}
	s.poke()
	return rep, s.settle(ctx)
}

func (s *Server) takePart(ctx context.Context, source string, part []record, numbers map[string]int64, pages map[string]bool, rep *ImportReport) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() // harmless after Commit
	for _, r := range part {
		page, ok := s.pageOf(r.Page)
		if !ok {
			rep.Left++
			if path := oneLine(cleanName(r.Page), 100); len(rep.Unmatched) < 50 && !slices.Contains(rep.Unmatched, path) {
				rep.Unmatched = append(rep.Unmatched, path)
			}
			continue
		}
		n, fresh, err := takeOne(ctx, tx, source, page, r, numbers[r.Parent], s.now())
		if err != nil {
			return err
		}
		switch {
		case n == 0:
			rep.Empty++
			continue
		case !fresh:
			rep.Present++
		default:
			rep.Added++
			if !pages[page] {
				if err := s.markChanged(ctx, tx, page); err != nil {
					return err
				}
			}
			pages[page] = true
		}
		if r.Key != "" {
			numbers[r.Key] = n
		}
	}
	return tx.Commit()
}

const maxImported = 50000 // characters of one text

// takeOne stores one record and returns its number; 0 when it has no text.
func takeOne(ctx context.Context, tx *sql.Tx, source, page string, r record, parent int64, now time.Time) (n int64, fresh bool, err error) {
	text := shorten(cleanText(r.Text), maxImported)
	if text == "" || r.State == oswald.Deleted {
		return 0, false, nil
	}
	// The nonce column, which makes one form one comment, does so for imports.
	sum := sha256.Sum256([]byte(strings.Join([]string{source, page, r.Key, r.At.UTC().Format(time.RFC3339), r.Author, text}, "\x00")))
	nonce := "import/" + base32Lower.EncodeToString(sum[:15])
	err = tx.QueryRowContext(ctx, "SELECT n FROM comment WHERE nonce = ?", nonce).Scan(&n)
	if err == nil {
		return n, false, nil
	}
	if err != sql.ErrNoRows {
		return 0, false, err
	}
	author := shorten(cleanName(r.Author), maxName)
	if author == "" {
		author = "Anonymous"
	}
	id := r.ID
	if !validID(id) {
		id = ""
	}
	verdict, score := oswald.Ham, 0.0
	switch r.State {
	case oswald.Queued:
		verdict, score = oswald.Unsure, 0.5
	case oswald.Hidden:
		verdict, score = oswald.Spam, 1
	default:
		r.State = oswald.Shown
	}
	if r.At.IsZero() || r.At.After(now) {
		r.At = now
	}
	var edited int64
	if r.Edited != nil {
		edited = r.Edited.UnixMilli()
	}
	err = tx.QueryRowContext(ctx, `INSERT INTO comment(page, parent, author, id, text, at, edited, changed, state, verdict, score, hash, nonce)
		VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING n`,
		page, parent, author, id, text, r.At.UnixMilli(), edited, now.UnixMilli(), r.State, verdict, score, textHash(text), nonce).Scan(&n)
	if err != nil {
		return 0, false, err
	}
	if r.Label == oswald.Ham || r.Label == oswald.Spam {
		err = setLabel(ctx, tx, n, r.Label == oswald.Spam, author, text, r.At.UnixMilli())
	}
	return n, true, err
}

// pageOf finds the page that an address of another system means: its path, or the
// last part of it, without the endings that web servers hide.
func (s *Server) pageOf(address string) (string, bool) {
	path := address
	if u, err := url.Parse(address); err == nil {
		path = u.Path
	}
	path = strings.ToLower(strings.Trim(path, "/"))
	for _, end := range []string{"/index.html", "/index.php", ".html", ".htm", ".php"} {
		path = strings.TrimSuffix(path, end)
	}
	for _, key := range []string{path, path[strings.LastIndexByte(path, '/')+1:]} {
		if _, _, ok := s.lookup(key); ok {
			return key, true
		}
	}
	return "", false
}
