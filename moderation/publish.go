// SPDX-License-Identifier: GPL-3.0-or-later

package moderation

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"oswald"
)

// Publisher is the site role. Edit is idempotent by id.
type Publisher interface {
	Source(ctx context.Context, id, page string) (oswald.PageSource, error)
	Edit(ctx context.Context, id string, e oswald.PageEdit, progress func(string)) (oswald.Published, error)
}

// editTries is how often an edit is merged anew when the page changes under it.
const editTries = 3

// Edits returns the suggested edits that wait, newest first.
func (s *Server) Edits(ctx context.Context, _ string) ([]oswald.Edit, error) {
	list, err := s.Suggestions(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]oswald.Edit, len(list))
	for i, sg := range list {
		out[i] = sg.edit()
	}
	return out, nil
}

// diffLines is how much of a diff fits a phone.
const diffLines = 60

// Edit returns one suggested edit in any state, with its diff.
func (s *Server) Edit(ctx context.Context, _ string, n int64) (oswald.Edit, error) {
	sg, err := s.Suggestion(ctx, n)
	if err != nil {
		return oswald.Edit{}, err
	}
	e := sg.edit()
	e.Diff = sg.DiffText(diffLines)
	if addsMarkup(sg) {
		e.Diff += "⚠ It adds HTML, which runs in your readers' browsers.\n"
	}
	if sg.State != "open" || s.source == nil {
		return e, nil
	}
	if text, ok := s.source(ctx, sg.Page); ok && cleanSource(text) != sg.Base {
		if _, ok := Merge(sg.Base, cleanSource(text), sg.Text); ok {
			e.Diff += "The page has changed since; both changes fit together.\n"
		} else {
			e.Diff += "⚠ The page has changed since in the same place; this can no longer be accepted.\n"
		}
	}
	return e, nil
}

var markup = regexp.MustCompile(`(?i)<\s*(script|iframe|object|embed|style|link|meta|form|svg|base)\b|<[^>]*\bon[a-z]+\s*=|javascript:`)

// addsMarkup reports whether an edit puts in HTML that could do harm.
func addsMarkup(sg Suggestion) bool {
	return len(markup.FindAllString(sg.Text, -1)) > len(markup.FindAllString(sg.Base, -1))
}

func (sg Suggestion) edit() oswald.Edit {
	return oswald.Edit{N: sg.N, Page: sg.Page, Author: sg.Author, ID: sg.ID, Note: sg.Note, Added: sg.Added, Removed: sg.Removed, At: sg.At, State: sg.State}
}

// Reject leaves a suggested edit out. It is idempotent by id.
func (s *Server) Reject(ctx context.Context, id string, n int64) (oswald.Edit, error) {
	sg, err := s.Resolve(ctx, id, n, false)
	return sg.edit(), err
}

// Accept puts a suggested edit into its page: merged with what has changed there
// since, written by the site role, and live when it returns. It is idempotent by
// id. progress may be nil.
func (s *Server) Accept(ctx context.Context, id string, n int64, progress func(string)) (oswald.Edit, oswald.Published, error) {
	sg, err := s.Suggestion(ctx, n)
	if err != nil {
		return oswald.Edit{}, oswald.Published{}, err
	}
	var by, before, after sql.NullString
	if err := s.db.QueryRowContext(ctx, "SELECT command, before, after FROM suggestion WHERE n = ?", n).Scan(&by, &before, &after); err != nil {
		return oswald.Edit{}, oswald.Published{}, fmt.Errorf("accept: %w", err)
	}
	switch {
	case sg.State == "accepted" && by.Valid && by.String == id:
		return sg.edit(), oswald.Published{}, nil // the same command again
	case s.publish == nil:
		return oswald.Edit{}, oswald.Published{}, oswald.Errorf(oswald.Unavailable, "Edits cannot be accepted: the comment server knows no site.")
	case sg.State == "accepted" || sg.State == "rejected":
		return oswald.Edit{}, oswald.Published{}, oswald.Errorf(oswald.Conflict, "The suggested edit %d is %s already.", n, sg.State)
	}
	page, err := s.applyChange(ctx, id, sg.Page, change3{
		base: sg.Base, theirs: sg.Text, author: sg.Author, note: editNote(sg), progress: progress,
		conflict: fmt.Sprintf("Edit %d does not fit any more: the same lines of the page have changed since. Change the page by hand, or reject %d.", n, n),
		intend: func(was, will string) error {
			if after.Valid && was == after.String && before.Valid {
				return nil // a crash cut the first try off after it had written the page
			}
			_, err := s.db.ExecContext(ctx, "UPDATE suggestion SET before = ?, after = ? WHERE n = ?", was, will, n)
			return err
		},
	})
	if err != nil {
		return oswald.Edit{}, oswald.Published{}, err
	}
	sg, err = s.Resolve(ctx, id, n, true)
	if err != nil {
		return oswald.Edit{}, oswald.Published{}, err
	}
	s.log.Info("suggestion accepted", "n", n, "page", sg.Page, "commit", page.Commit)
	return sg.edit(), page, nil
}

func editNote(sg Suggestion) string {
	if sg.Note != "" {
		return sg.Note
	}
	return fmt.Sprintf("Edit %s (suggestion %d)", sg.Page, sg.N)
}

// change3 is a change to make to a page: what turns base into theirs.
type change3 struct {
	base, theirs string
	author, note string
	conflict     string // what to say where the page has changed in the same place
	intend       func(was, will string) error
	progress     func(string)
}

// applyChange merges c into the page as it stands and has the site write it.
func (s *Server) applyChange(ctx context.Context, id, page string, c change3) (p oswald.Published, err error) {
	for try := range editTries {
		// Reading is harmless, so it is a fresh question each time.
		src, err := s.publish.Source(ctx, oswald.RandomID(), page)
		if err != nil {
			return p, err
		}
		now := cleanSource(src.Text)
		merged, ok := Merge(cleanSource(c.base), now, cleanSource(c.theirs))
		if !ok {
			return p, oswald.Errorf(oswald.Conflict, "%s", c.conflict)
		}
		if strings.Contains(src.Text, "\r\n") {
			merged = strings.ReplaceAll(merged, "\n", "\r\n")
		}
		if err := c.intend(src.Text, merged); err != nil {
			return p, fmt.Errorf("edit: %w", err)
		}
		p, err = s.publish.Edit(ctx, fmt.Sprintf("%s.e%d", id, try), oswald.PageEdit{
			Page: page, Was: src.Hash, Now: oswald.TextHash(merged), Splices: splices(src.Text, merged), Author: c.author, Note: c.note,
		}, c.progress)
		if err == nil || oswald.CodeOf(err) != oswald.Conflict || try == editTries-1 {
			p.Merged = now != cleanSource(c.base) && now != merged
			return p, err
		}
	}
	return p, nil // not reached
}

// splices returns the changes of whole lines that make b of a.
func splices(a, b string) []oswald.Splice {
	old, new := strings.SplitAfter(a, "\n"), strings.SplitAfter(b, "\n")
	var list []oswald.Splice
	at, line := 0, 0
	for _, c := range diff(old, new) {
		for ; line < c.aFrom; line++ {
			at += len(old[line])
		}
		sp := oswald.Splice{At: at, Put: strings.Join(new[c.bFrom:c.bTo], "")}
		for ; line < c.aTo; line++ {
			sp.Cut += len(old[line])
		}
		at += sp.Cut
		list = append(list, sp)
	}
	return list
}

// logEdit writes a decision on a suggestion into the log, so that it can be taken
// back.
func logEdit(ctx context.Context, tx *sql.Tx, command string, sg Suggestion, accept bool, now time.Time) error {
	decision := decisionReject
	if accept {
		decision = decisionAccept
	}
	_, err := tx.ExecContext(ctx, "INSERT INTO decision(command, n, decision, was, label, at, subject) VALUES(?, ?, ?, ?, '', ?, ?)",
		command, sg.N, decision, sg.State, now.UnixMilli(), subjectEdit)
	return err
}

// UndoEdit takes an accepted edit out of its page again, and lets what was changed
// there afterwards stand. It is idempotent by id.
func (s *Server) UndoEdit(ctx context.Context, id string, n int64) (oswald.Undone, error) {
	var seq, at int64
	var was string
	var undone, before, after sql.NullString
	err := s.db.QueryRowContext(ctx, `SELECT d.seq, d.at, d.was, d.undone, s.before, s.after FROM decision d JOIN suggestion s ON s.n = d.n
		WHERE d.n = ? AND d.subject = ? AND d.decision = ? ORDER BY d.seq DESC LIMIT 1`, n, subjectEdit, decisionAccept).
		Scan(&seq, &at, &was, &undone, &before, &after)
	switch {
	case errors.Is(err, sql.ErrNoRows), err == nil && (!before.Valid || !after.Valid):
		return oswald.Undone{}, oswald.Errorf(oswald.NotFound, "The suggested edit %d was not accepted.", n)
	case err != nil:
		return oswald.Undone{}, fmt.Errorf("undo: %w", err)
	case undone.Valid && undone.String != id:
		return oswald.Undone{}, oswald.Errorf(oswald.Conflict, "The suggested edit %d was taken back already.", n)
	case s.publish == nil:
		return oswald.Undone{}, oswald.Errorf(oswald.Unavailable, "The edit cannot be taken back: the comment server knows no site.")
	}
	sg, err := s.Suggestion(ctx, n)
	if err != nil {
		return oswald.Undone{}, err
	}
	u := oswald.Undone{Decision: decisionAccept, At: time.UnixMilli(at), Edit: sg.edit()}
	if undone.Valid {
		return u, nil // the same command again
	}
	u.Page, err = s.applyChange(ctx, id, sg.Page, change3{
		base: after.String, theirs: before.String, author: "Oswald", note: "Take back: " + editNote(sg),
		conflict: fmt.Sprintf("Edit %d cannot be taken back: the same lines of the page have changed since. Change the page by hand.", n),
		intend:   func(string, string) error { return nil },
	})
	if err != nil {
		return oswald.Undone{}, err
	}
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return oswald.Undone{}, fmt.Errorf("undo: %w", err)
	}
	defer tx.Rollback() // harmless after Commit
	if err := s.takeBack(ctx, tx, logged{seq: seq, n: n, was: was, subject: subjectEdit, suggestion: true}, id); err != nil {
		return oswald.Undone{}, err
	}
	if err := tx.Commit(); err != nil {
		return oswald.Undone{}, fmt.Errorf("undo: %w", err)
	}
	s.poke()
	u.Edit.State = was
	return u, nil
}
