// SPDX-License-Identifier: GPL-3.0-or-later

package moderation

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"oswald"
)

// undoWindow is how long a decision can be taken back.
const undoWindow = time.Hour

// What a row of the log of decisions can be, beside an oswald.Decision.
const (
	decisionBan    = "ban"
	decisionUnban  = "unban"
	decisionTrust  = "trust"
	decisionAccept = "accept"
	decisionReject = "reject"

	subjectEdit = "edit" // of a row whose n is the number of a suggestion
)

// logged is a row of the log of decisions.
type logged struct {
	seq, n              int64
	decision, was       string
	label, subject      string
	at                  time.Time
	comment, suggestion bool // what n is
}

// Undo takes back the last decision of the last hour that has not been taken
// back, whoever made it. It is idempotent by id.
func (s *Server) Undo(ctx context.Context, id string) (oswald.Undone, error) {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return oswald.Undone{}, fmt.Errorf("undo: %w", err)
	}
	defer tx.Rollback() // harmless after Commit
	u, err := s.UndoTx(ctx, tx, id)
	if err != nil {
		return oswald.Undone{}, err
	}
	if err := tx.Commit(); err != nil {
		return oswald.Undone{}, fmt.Errorf("undo: %w", err)
	}
	s.Undid(ctx, id)
	if u.Decision == decisionAccept {
		return s.UndoEdit(ctx, id, u.Edit.N)
	}
	return u, nil
}

// UndoTx is the part of Undo that is one transaction with whatever else tx does.
// After the commit, and only then, the caller calls Undid. An accepted edit is
// left as it is: taking it back takes the site, see UndoEdit.
func (s *Server) UndoTx(ctx context.Context, tx *sql.Tx, command string) (oswald.Undone, error) {
	d, again, err := s.lastDecision(ctx, tx, command)
	if err != nil {
		return oswald.Undone{}, err
	}
	u := oswald.Undone{Decision: d.decision, At: d.at}
	if d.subject != "" && !d.suggestion {
		u.ID = d.subject
	}
	if d.suggestion {
		sg, err := suggestion(ctx, tx, d.n)
		if err != nil {
			return u, err
		}
		u.Edit = sg.edit()
	}
	if !again && d.decision != decisionAccept {
		if err := s.takeBack(ctx, tx, d, command); err != nil {
			return oswald.Undone{}, err
		}
	}
	if d.comment {
		c, err := byNumber(ctx, tx, d.n)
		if err != nil {
			return u, err
		}
		u.Comment = c.Comment
	}
	if d.decision == decisionReject {
		u.Edit.State = d.was
	}
	return u, nil
}

// lastDecision finds what command takes back: what it took back before, or the
// last decision that stands.
func (s *Server) lastDecision(ctx context.Context, q querier, command string) (d logged, again bool, err error) {
	const columns = "SELECT seq, n, decision, was, label, subject, at FROM decision "
	scan := func(row *sql.Row) error {
		var at int64
		err := row.Scan(&d.seq, &d.n, &d.decision, &d.was, &d.label, &d.subject, &at)
		d.at = time.UnixMilli(at)
		d.suggestion, d.comment = d.subject == subjectEdit, d.subject == ""
		return err
	}
	err = scan(q.QueryRowContext(ctx, columns+"WHERE undone = ?", command))
	if err == nil {
		return d, true, nil
	}
	if errors.Is(err, sql.ErrNoRows) {
		err = scan(q.QueryRowContext(ctx, columns+"WHERE undone IS NULL ORDER BY seq DESC LIMIT 1"))
	}
	switch {
	case errors.Is(err, sql.ErrNoRows), err == nil && s.now().Sub(d.at) > undoWindow:
		return d, false, oswald.Errorf(oswald.NotFound, "Nothing was decided in the last hour that could be taken back.")
	case err != nil:
		return d, false, fmt.Errorf("undo: %w", err)
	}
	return d, false, nil
}

// leadsTo is where a decision leaves a comment. One that is elsewhere was moved by
// somebody else, such as its author.
var leadsTo = map[oswald.Decision]oswald.CommentState{
	oswald.Flag: oswald.Hidden, oswald.Unflag: oswald.Shown, oswald.Approve: oswald.Shown, oswald.Delete: oswald.Deleted, oswald.Hold: oswald.Queued,
}

// takeBack brings back what stood before d.
func (s *Server) takeBack(ctx context.Context, tx *sql.Tx, d logged, command string) error {
	at := s.now().UnixMilli()
	type stmt struct {
		text string
		args []any
	}
	list := []stmt{{"UPDATE decision SET undone = ? WHERE seq = ?", []any{command, d.seq}}}
	switch {
	case d.comment:
		c, err := byNumber(ctx, tx, d.n)
		if err != nil {
			return err
		}
		if c.Text == "" {
			return oswald.Errorf(oswald.Conflict, "The text of comment %d has been erased; nothing can be taken back.", d.n)
		}
		if led, ok := leadsTo[oswald.Decision(d.decision)]; ok && c.State != led {
			return oswald.Errorf(oswald.Conflict, "Comment %d has changed since you decided; decide afresh.", d.n)
		}
		list = append(list, stmt{"UPDATE comment SET state = ?, changed = ? WHERE n = ?", []any{d.was, at, d.n}})
		if (d.was == string(oswald.Shown)) != (c.State == oswald.Shown) {
			if err := s.markChanged(ctx, tx, c.Page); err != nil {
				return fmt.Errorf("undo: %w", err)
			}
		}
		switch {
		case d.label == string(c.Label):
		case d.label == "":
			list = append(list, stmt{"DELETE FROM label WHERE n = ?", []any{d.n}},
				stmt{countUp, []any{memoUnlearn}})
		default:
			if err := setLabel(ctx, tx, d.n, d.label == string(oswald.Spam), c.Author, c.Text, at); err != nil {
				return fmt.Errorf("undo: %w", err)
			}
		}
	case d.suggestion:
		list = append(list, stmt{"UPDATE suggestion SET state = ?, command = NULL, decided = NULL WHERE n = ?", []any{d.was, d.n}})
	default:
		if err := say(ctx, tx, d.subject, Standing(d.was), at); err != nil {
			return fmt.Errorf("undo: %w", err)
		}
		if d.decision == decisionBan {
			was := d.at.UnixMilli()
			list = append(list,
				stmt{"UPDATE comment SET state = 'queued', changed = ? WHERE id = ? AND state = 'hidden' AND changed = ?", []any{at, d.subject, was}},
				stmt{"UPDATE suggestion SET state = 'open', decided = NULL WHERE id = ? AND state = 'hidden' AND decided = ?", []any{d.subject, was}})
		}
	}
	for _, st := range list {
		if _, err := tx.ExecContext(ctx, st.text, st.args...); err != nil {
			return fmt.Errorf("undo: %w", err)
		}
	}
	return nil
}

// memoUnlearn counts labels which are no more and that the filter still knows.
const memoUnlearn = "filter/unlearn"

// Undid does what a committed undo is owed: the filter forgets, the page is made
// anew. Calling it twice does no harm.
func (s *Server) Undid(ctx context.Context, command string) {
	var n int64
	err := s.db.QueryRowContext(ctx, "SELECT n FROM decision WHERE undone = ? AND subject = ''", command).Scan(&n)
	if errors.Is(err, sql.ErrNoRows) {
		s.poke()
		return
	}
	s.Decided(ctx, n) // the page first: learning takes longer
	if err == nil {
		err = s.unlearn(ctx)
	}
	if err != nil {
		s.log.Error("after an undo", "n", n, "err", err)
	}
}
