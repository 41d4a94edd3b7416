// SPDX-License-Identifier: GPL-3.0-or-later

package moderation

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"oswald"
)

// Decide carries out what a moderator said. It is idempotent by id, the command's
// name; the filter has learnt and the page is current when it returns.
func (s *Server) Decide(ctx context.Context, id string, n int64, d oswald.Decision) (oswald.Comment, error) {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return oswald.Comment{}, fmt.Errorf("decide: %w", err)
	}
	defer tx.Rollback() // harmless after Commit
	c, err := s.DecideTx(ctx, tx, id, n, d)
	if err != nil {
		return oswald.Comment{}, err
	}
	if err := tx.Commit(); err != nil {
		return oswald.Comment{}, fmt.Errorf("decide: %w", err)
	}
	s.Decided(ctx, n)
	return c, nil
}

// DecideTx is the part of Decide that is one transaction with whatever else tx
// does. After the commit, and only then, the caller calls Decided.
func (s *Server) DecideTx(ctx context.Context, tx *sql.Tx, id string, n int64, d oswald.Decision) (oswald.Comment, error) {
	c, err := byNumber(ctx, tx, n)
	if err != nil {
		return oswald.Comment{}, err
	}
	var done int64
	err = tx.QueryRowContext(ctx, "SELECT n FROM decision WHERE command = ? AND subject = ''", id).Scan(&done)
	switch {
	case err == nil && done == n:
		return c.Comment, nil // the same command again
	case err == nil:
		return oswald.Comment{}, oswald.Errorf(oswald.Conflict, "This command was already carried out for another comment.")
	case !errors.Is(err, sql.ErrNoRows):
		return oswald.Comment{}, fmt.Errorf("decide: %w", err)
	}
	state, label, err := outcome(c.Comment, d)
	if err == nil && d == oswald.Restore {
		state, err = beforeDeletion(ctx, tx, n)
	}
	if err != nil {
		return oswald.Comment{}, err
	}
	at := s.now().UnixMilli()
	if _, err := tx.ExecContext(ctx, "INSERT INTO decision(command, n, decision, was, label, at) VALUES(?, ?, ?, ?, ?, ?)",
		id, n, d, c.State, c.Label, at); err != nil {
		return oswald.Comment{}, fmt.Errorf("decide: %w", err)
	}
	if _, err := tx.ExecContext(ctx, "UPDATE comment SET state = ?, changed = ? WHERE n = ?", state, at, n); err != nil {
		return oswald.Comment{}, fmt.Errorf("decide: %w", err)
	}
	if label != "" && label != c.Label {
		if err := setLabel(ctx, tx, n, label == oswald.Spam, c.Author, c.Text, at); err != nil {
			return oswald.Comment{}, fmt.Errorf("decide: %w", err)
		}
		c.Label = label
	}
	if (state == oswald.Shown) != (c.State == oswald.Shown) {
		if err := s.markChanged(ctx, tx, c.Page); err != nil {
			return oswald.Comment{}, fmt.Errorf("decide: %w", err)
		}
	}
	c.State = state
	return c.Comment, nil
}

// outcome says what a decision makes of a comment: its state, and the label to
// learn, or "" to learn nothing.
func outcome(c oswald.Comment, d oswald.Decision) (oswald.CommentState, oswald.Verdict, error) {
	already := func(what string) error {
		return oswald.Errorf(oswald.Conflict, "Comment %d is %s already.", c.N, what)
	}
	if c.Text == "" {
		return "", "", oswald.Errorf(oswald.Conflict, "The text of comment %d has been erased; there is nothing left to decide.", c.N)
	}
	switch d {
	case oswald.Flag:
		if c.State == oswald.Hidden && c.Label == oswald.Spam {
			return "", "", already("flagged as spam")
		}
		return oswald.Hidden, oswald.Spam, nil
	case oswald.Unflag, oswald.Approve:
		if c.State == oswald.Shown && c.Label == oswald.Ham {
			return "", "", already("approved")
		}
		return oswald.Shown, oswald.Ham, nil
	case oswald.Delete:
		if c.State == oswald.Deleted {
			return "", "", already("deleted")
		}
		if c.Label == "" && c.Verdict == oswald.Spam {
			return oswald.Deleted, oswald.Spam, nil
		}
		return oswald.Deleted, "", nil
	case oswald.Hold:
		if c.State == oswald.Queued {
			return "", "", already("waiting")
		}
		return oswald.Queued, "", nil
	case oswald.Restore:
		if c.State != oswald.Deleted {
			return "", "", oswald.Errorf(oswald.Conflict, "Comment %d is not deleted.", c.N)
		}
		return oswald.Queued, "", nil
	}
	return "", "", oswald.Errorf(oswald.Invalid, "%q is no decision: use flag, unflag, approve, hold, delete or restore.", oneLine(string(d), 20))
}

// beforeDeletion is the state that comment n had when it was deleted.
func beforeDeletion(ctx context.Context, q querier, n int64) (state oswald.CommentState, err error) {
	err = q.QueryRowContext(ctx, `SELECT was FROM decision WHERE n = ? AND subject = '' AND decision = ? AND undone IS NULL
		ORDER BY seq DESC LIMIT 1`, n, oswald.Delete).Scan(&state)
	if errors.Is(err, sql.ErrNoRows) || err == nil && state == oswald.Deleted {
		return oswald.Queued, nil // its author deleted it: a person has to look
	}
	if err != nil {
		return "", fmt.Errorf("decide: %w", err)
	}
	return state, nil
}

// Decided does what a committed decision on comment n is owed: the filter learns,
// the page is made anew, alerts are cleared. Calling it twice does no harm, and
// what a crash prevents is done at the next start.
func (s *Server) Decided(ctx context.Context, n int64) {
	c, err := byNumber(ctx, s.db, n)
	if err != nil {
		s.log.Error("after a decision", "n", n, "err", err)
		return
	}
	s.views.drop(c.Page)
	s.refresh.wait(ctx, c.Page)
	if err := s.settle(ctx); err != nil {
		s.log.Error("the filter did not learn yet", "n", n, "err", err)
	}
	s.poke()
}
