// SPDX-License-Identifier: GPL-3.0-or-later

package moderation

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"oswald"
)

// Standing is what a cryptographic ID is worth here. A name alone, an address or a
// mail address is worth nothing: anybody can claim those.
type Standing string

// The standings.
const (
	Nobody  Standing = ""        // the filter decides
	Trusted Standing = "trusted" // what the filter is unsure of is published; what it takes for spam waits
	Banned  Standing = "banned"  // hidden whatever the filter says
)

// earnedTrust is how many comments of an ID people must have approved, with none
// of its comments flagged, before it is trusted without anybody saying so.
const earnedTrust = 3

// standing returns what id is worth: what a moderator said, or else what its
// comments have earned.
func standing(ctx context.Context, q querier, id string) (Standing, error) {
	if id == "" {
		return Nobody, nil
	}
	var st Standing
	err := q.QueryRowContext(ctx, "SELECT standing FROM standing WHERE id = ?", id).Scan(&st)
	if err == nil || !errors.Is(err, sql.ErrNoRows) {
		return st, err
	}
	var ham, spam int
	err = q.QueryRowContext(ctx, `SELECT count(*) FILTER (WHERE NOT l.spam), count(*) FILTER (WHERE l.spam)
		FROM comment c JOIN label l ON l.n = c.n WHERE c.id = ?`, id).Scan(&ham, &spam)
	if err == nil && ham >= earnedTrust && spam == 0 {
		st = Trusted
	}
	return st, err
}

// stateFor is where a new text of somebody stands.
func stateFor(v oswald.Verdict, st Standing, hold bool) oswald.CommentState {
	switch {
	case st == Banned:
		return oswald.Hidden
	case st == Trusted && v == oswald.Spam:
		return oswald.Queued
	case st == Trusted && !hold:
		return oswald.Shown
	}
	return stateOf(v, hold)
}

// SetStanding bans or trusts an ID, or forgets what was said of it (Nobody). It is
// idempotent by command. A ban also hides what of that ID still waits, and returns
// how many; what is shown stays until it is flagged, since it may be harmless.
func (s *Server) SetStanding(ctx context.Context, command, id string, st Standing) (hidden int64, err error) {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return 0, fmt.Errorf("standing: %w", err)
	}
	defer tx.Rollback() // harmless after Commit
	hidden, err = s.SetStandingTx(ctx, tx, command, id, st)
	if err != nil {
		return 0, err
	}
	if err := tx.Commit(); err != nil {
		return 0, fmt.Errorf("standing: %w", err)
	}
	s.poke()
	return hidden, nil
}

// SetStandingTx is the part of SetStanding that is one transaction with whatever
// else tx does.
func (s *Server) SetStandingTx(ctx context.Context, tx *sql.Tx, command, id string, st Standing) (hidden int64, err error) {
	if !validID(id) {
		return 0, notAnID(id)
	}
	decision, ok := map[Standing]string{Nobody: "unban", Trusted: "trust", Banned: "ban"}[st]
	if !ok {
		return 0, oswald.Errorf(oswald.Invalid, "%q is no standing: use ban, trust or unban.", oneLine(string(st), 20))
	}
	at := s.now().UnixMilli()
	var done int64
	err = tx.QueryRowContext(ctx, "SELECT at FROM decision WHERE command = ?", command).Scan(&done)
	switch {
	case err == nil: // the same command again
		return countAt(ctx, tx, id, done)
	case !errors.Is(err, sql.ErrNoRows):
		return 0, fmt.Errorf("standing: %w", err)
	}
	was, err := said(ctx, tx, id)
	switch {
	case err != nil:
		return 0, fmt.Errorf("standing: %w", err)
	case was == st && st == Nobody:
		return 0, oswald.Errorf(oswald.NotFound, "Nothing was said of the ID %s.", id)
	case was == st:
		return 0, oswald.Errorf(oswald.Conflict, "The ID %s is %s already.", id, st)
	}
	if _, err := tx.ExecContext(ctx, "INSERT INTO decision(command, n, decision, was, label, at, subject) VALUES(?, 0, ?, ?, '', ?, ?)",
		command, decision, was, at, id); err != nil {
		return 0, fmt.Errorf("standing: %w", err)
	}
	if err := say(ctx, tx, id, st, at); err != nil {
		return 0, fmt.Errorf("standing: %w", err)
	}
	if st != Banned {
		return 0, nil
	}
	for _, stmt := range []string{
		"UPDATE suggestion SET state = 'hidden', decided = ? WHERE id = ? AND state = 'open'",
		"UPDATE comment SET state = 'hidden', changed = ? WHERE id = ? AND state = 'queued'",
	} {
		if _, err := tx.ExecContext(ctx, stmt, at, id); err != nil {
			return 0, fmt.Errorf("standing: %w", err)
		}
	}
	return countAt(ctx, tx, id, at)
}

// countAt counts the comments of id that a ban at that time has hidden.
func countAt(ctx context.Context, q querier, id string, at int64) (n int64, err error) {
	err = q.QueryRowContext(ctx, "SELECT count(*) FROM comment WHERE id = ? AND state = 'hidden' AND changed = ?", id, at).Scan(&n)
	return n, err
}

// said returns what a moderator said of an ID.
func said(ctx context.Context, q querier, id string) (st Standing, err error) {
	err = q.QueryRowContext(ctx, "SELECT standing FROM standing WHERE id = ?", id).Scan(&st)
	if errors.Is(err, sql.ErrNoRows) {
		return Nobody, nil
	}
	return st, err
}

func say(ctx context.Context, tx *sql.Tx, id string, st Standing, at int64) error {
	if st == Nobody {
		_, err := tx.ExecContext(ctx, "DELETE FROM standing WHERE id = ?", id)
		return err
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO standing VALUES(?, ?, ?)
		ON CONFLICT(id) DO UPDATE SET standing = excluded.standing, at = excluded.at`, id, st, at)
	return err
}

func notAnID(id string) error {
	return oswald.Errorf(oswald.Invalid, "%q is not an ID: it has 12 characters, as the comment shows it.", oneLine(id, 40))
}

// Identity returns what is known of an ID, so that a ban hits the right one.
func (s *Server) Identity(ctx context.Context, _, id string) (oswald.Identity, error) {
	if !validID(id) {
		return oswald.Identity{}, notAnID(id)
	}
	st, err := standing(ctx, s.db, id)
	if err != nil {
		return oswald.Identity{}, fmt.Errorf("identity: %w", err)
	}
	who := oswald.Identity{ID: id, Standing: string(st)}
	newest, err := query(ctx, s.db, "WHERE c.id = ? ORDER BY c.n DESC LIMIT 1", id)
	if err != nil {
		return oswald.Identity{}, fmt.Errorf("identity: %w", err)
	}
	var edits int
	err = s.db.QueryRowContext(ctx, `SELECT count(*) FILTER (WHERE state = 'shown'), count(*) FILTER (WHERE state = 'queued'),
		count(*) FILTER (WHERE state = 'hidden'), (SELECT count(*) FROM suggestion WHERE id = ?1) FROM comment WHERE id = ?1`, id).
		Scan(&who.Shown, &who.Queued, &who.Hidden, &edits)
	if err != nil {
		return oswald.Identity{}, fmt.Errorf("identity: %w", err)
	}
	if len(newest) == 0 && edits == 0 && st == Nobody {
		return oswald.Identity{}, oswald.Errorf(oswald.NotFound, "Nobody has written under the ID %s.", id)
	}
	if len(newest) > 0 {
		who.Author, who.Text = newest[0].Author, oneLine(newest[0].Text, 300)
	}
	return who, nil
}

// Standing returns what an ID is worth.
func (s *Server) Standing(ctx context.Context, id string) (Standing, error) {
	return standing(ctx, s.db, id)
}

// column returns the strings of a query's one column.
func column(ctx context.Context, q querier, stmt string, args ...any) ([]string, error) {
	rows, err := q.QueryContext(ctx, stmt, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var list []string
	for rows.Next() {
		var v string
		if err := rows.Scan(&v); err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	return list, rows.Err()
}
