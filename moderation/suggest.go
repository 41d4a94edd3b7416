// SPDX-License-Identifier: GPL-3.0-or-later

package moderation

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"oswald"
)

// Suggested edits are the wiki's editing without accounts: anybody may change the
// source of a page in a form; what they made of it waits until a person accepts
// it. This file keeps suggestions and their diffs. Putting an accepted one into
// the page is the site's work; [Merge] tells it how.

// maxSource is the longest page that can be edited in a form, in characters.
const maxSource = 100_000

// maxNote is the longest note on what was changed.
const maxNote = 200

// Suggestion is an edit that somebody suggests.
type Suggestion struct {
	N              int64
	Page           string
	Author, ID     string
	Note           string // what the author says of it
	Base, Text     string // the page's source before and after; empty in lists
	Added, Removed int    // lines
	At             time.Time
	State          string // "open", "accepted", "rejected", "hidden" (spam)
}

// cleanSource is cleanText for the source of a page: it takes out what is harmful
// and leaves the rest as it is, so that a diff shows what was changed and no more.
func cleanSource(s string) string {
	s = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(strings.ToValidUTF8(s, "\uFFFD"))
	s = strings.Map(func(r rune) rune {
		if r == '\n' || allowed(r) {
			return r
		}
		return -1
	}, s)
	return strings.TrimRight(s, "\n") + "\n"
}

func sourceHash(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:12])
}

// suggestForm makes f a form for the source of its page.
func (s *Server) suggestForm(ctx context.Context, f *form) bool {
	if s.source == nil {
		return false
	}
	text, ok := s.source(ctx, f.Key)
	if !ok || utf8.RuneCountInString(text) > maxSource {
		return false
	}
	f.Suggest, f.source = true, cleanSource(text)
	f.Base, f.MaxText = sourceHash(f.source), maxSource
	return true
}

// checkSuggestion is check for a suggestion.
func (s *Server) checkSuggestion(f *form, base string) {
	if n := utf8.RuneCountInString(f.Note); n > maxNote {
		f.fault("note", fmt.Sprintf("Your note has %d characters; %d fit.", n, maxNote))
	}
	switch n := utf8.RuneCountInString(f.Text); {
	case n > maxSource:
		f.fault("text", fmt.Sprintf("The page would have %d characters; %d fit.", n, maxSource))
		return
	case f.Text == f.source:
		f.fault("text", "You have not changed anything yet.")
		return
	case base != f.Base:
		f.fault("text", "The page has changed since you opened it. Below is what your text would change now; please look at it and send it again.")
	}
	f.Diff = unified(f.source, f.Text)
}

// acceptSuggestion stores a suggestion that passed the gates.
func (s *Server) acceptSuggestion(w http.ResponseWriter, r *http.Request, f *form, t token, net string) {
	var added strings.Builder
	sg := Suggestion{Page: f.Key, Author: f.Name, ID: f.ID, Note: f.Note, Base: f.source, Text: f.Text, State: "open", At: s.now()}
	if sg.Author == "" {
		sg.Author = "Anonymous"
	}
	for _, l := range unified(sg.Base, sg.Text) {
		switch l.Kind {
		case '+':
			sg.Added++
			added.WriteString(l.Text + "\n")
		case '-':
			sg.Removed++
		}
	}
	if sg.Added > 0 && s.filter.Classify(added.String()).Verdict == oswald.Spam {
		sg.State = "hidden"
	}
	err := s.storeSuggestion(r.Context(), &sg, t.mark(), net)
	if err != nil && !s.suggested(r.Context(), t.mark()) {
		ref := oswald.RandomID()[:6]
		s.log.Error("a suggestion could not be stored", "ref", ref, "err", err)
		f.fault("", "Your suggestion could not be stored just now. Please send it again in a minute (reference "+ref+").")
		s.rearm(f, t)
		s.writeForm(w, http.StatusServiceUnavailable, f)
		return
	}
	s.log.Info("suggestion", "n", sg.N, "page", sg.Page, "state", sg.State, "added", sg.Added, "removed", sg.Removed)
	s.poke()
	s.thankSuggestion(w, f.Key)
}

func (s *Server) thankSuggestion(w http.ResponseWriter, key string) {
	w.Header().Set("Location", "/c/"+key+"?note=suggested")
	w.WriteHeader(http.StatusSeeOther)
}

func (s *Server) storeSuggestion(ctx context.Context, sg *Suggestion, nonce, net string) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() // harmless after Commit
	worth, err := standing(ctx, tx, sg.ID)
	if err != nil {
		return err
	}
	if worth == Banned {
		sg.State = "hidden"
	}
	err = tx.QueryRowContext(ctx, `INSERT INTO suggestion(page, author, id, note, base, text, added, removed, at, state, net, nonce)
		VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING n`, sg.Page, sg.Author, sg.ID, sg.Note, sg.Base, sg.Text, sg.Added, sg.Removed,
		sg.At.UnixMilli(), sg.State, net, nonce).Scan(&sg.N)
	if err != nil {
		return err
	}
	return tx.Commit()
}

// suggested reports whether a form became a suggestion.
func (s *Server) suggested(ctx context.Context, nonce string) bool {
	var n int64
	return s.db.QueryRowContext(ctx, "SELECT n FROM suggestion WHERE nonce = ?", nonce).Scan(&n) == nil
}

// Suggestions returns the open ones, newest first, without their texts.
func (s *Server) Suggestions(ctx context.Context) ([]Suggestion, error) {
	rows, err := s.db.QueryContext(ctx, `SELECT n, page, author, id, note, '', '', added, removed, at, state
		FROM suggestion WHERE state = 'open' ORDER BY n DESC LIMIT ?`, listMax)
	if err != nil {
		return nil, fmt.Errorf("suggestions: %w", err)
	}
	defer rows.Close()
	var list []Suggestion
	for rows.Next() {
		sg, err := scanSuggestion(rows)
		if err != nil {
			return nil, fmt.Errorf("suggestions: %w", err)
		}
		list = append(list, sg)
	}
	return list, rows.Err()
}

// Suggestion returns one in any state, with its texts.
func (s *Server) Suggestion(ctx context.Context, n int64) (Suggestion, error) {
	return suggestion(ctx, s.db, n)
}

func suggestion(ctx context.Context, q querier, n int64) (Suggestion, error) {
	sg, err := scanSuggestion(q.QueryRowContext(ctx, `SELECT n, page, author, id, note, base, text, added, removed, at, state
		FROM suggestion WHERE n = ?`, n))
	if errors.Is(err, sql.ErrNoRows) {
		return sg, oswald.Errorf(oswald.NotFound, "There is no suggested edit %d.", n)
	}
	if err != nil {
		return sg, fmt.Errorf("suggestion %d: %w", n, err)
	}
	return sg, nil
}

func scanSuggestion(row interface{ Scan(...any) error }) (sg Suggestion, err error) {
	var at int64
	err = row.Scan(&sg.N, &sg.Page, &sg.Author, &sg.ID, &sg.Note, &sg.Base, &sg.Text, &sg.Added, &sg.Removed, &at, &sg.State)
	sg.At = time.UnixMilli(at)
	return sg, err
}

// DiffText returns a suggestion as a diff that fits a phone: at most so many lines.
func (sg Suggestion) DiffText(lines int) string {
	var b strings.Builder
	list := unified(sg.Base, sg.Text)
	for i, l := range list {
		if i == lines {
			fmt.Fprintf(&b, "… and %d more lines\n", len(list)-i)
			break
		}
		fmt.Fprintf(&b, "%c %s\n", l.Kind, shorten(l.Text, 200))
	}
	return b.String()
}

// Resolve records that a suggestion was accepted or rejected. It is idempotent by
// command. Who accepts one puts it into the page first.
func (s *Server) Resolve(ctx context.Context, command string, n int64, accept bool) (Suggestion, error) {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return Suggestion{}, fmt.Errorf("resolve: %w", err)
	}
	defer tx.Rollback() // harmless after Commit
	sg, err := s.ResolveTx(ctx, tx, command, n, accept)
	if err != nil {
		return Suggestion{}, err
	}
	if err := tx.Commit(); err != nil {
		return Suggestion{}, fmt.Errorf("resolve: %w", err)
	}
	s.poke()
	return sg, nil
}

// ResolveTx is the part of Resolve that is one transaction with whatever else tx
// does.
func (s *Server) ResolveTx(ctx context.Context, tx *sql.Tx, command string, n int64, accept bool) (Suggestion, error) {
	sg, err := suggestion(ctx, tx, n)
	if err != nil {
		return Suggestion{}, err
	}
	state := "rejected"
	if accept {
		state = "accepted"
	}
	var by sql.NullString
	if err := tx.QueryRowContext(ctx, "SELECT command FROM suggestion WHERE n = ?", n).Scan(&by); err != nil {
		return Suggestion{}, fmt.Errorf("resolve: %w", err)
	}
	if by.Valid && by.String == command {
		return sg, nil // the same command again
	}
	if sg.State == "accepted" || sg.State == "rejected" {
		return Suggestion{}, oswald.Errorf(oswald.Conflict, "The suggested edit %d is %s already.", n, sg.State)
	}
	if _, err := tx.ExecContext(ctx, "UPDATE suggestion SET state = ?, command = ?, decided = ? WHERE n = ?",
		state, command, s.now().UnixMilli(), n); err != nil {
		return Suggestion{}, fmt.Errorf("resolve: %w", err)
	}
	if err := logEdit(ctx, tx, command, sg, accept, s.now()); err != nil {
		return Suggestion{}, fmt.Errorf("resolve: %w", err)
	}
	sg.State = state
	return sg, nil
}

// lookSuggestions tells the owner of suggestions, once each.
func (s *Server) lookSuggestions(ctx context.Context) error {
	told, err := s.memo(ctx, memoEdits)
	if err != nil {
		return err
	}
	list, err := s.Suggestions(ctx)
	if err != nil {
		return err
	}
	now := s.now()
	switch {
	case len(list) == 0 && told != 0:
		return s.tell(ctx, oswald.Alert{Key: "edits/queue", Severity: oswald.Info, Summary: "No suggested edit waits any more.", At: now, Resolved: true}, memoEdits, 0)
	case len(list) == 0 || list[0].N <= told:
		return nil
	}
	sg := list[0]
	sum := fmt.Sprintf("%s suggests edit %d to %s: %s added, %s removed.", sg.Author, sg.N, sg.Page, plural(sg.Added, "line"), plural(sg.Removed, "line"))
	if sg.Note != "" {
		sum += " “" + sg.Note + "”"
	}
	if len(list) > 1 {
		sum += fmt.Sprintf(" %d wait in all.", len(list))
	}
	sum += fmt.Sprintf(" Answer diff %d, accept %d or reject %d.", sg.N, sg.N, sg.N)
	return s.tell(ctx, oswald.Alert{Key: "edits/queue", Severity: oswald.Info, Summary: sum, At: now, About: fmt.Sprintf("edit:%d", sg.N)}, memoEdits, sg.N)
}
