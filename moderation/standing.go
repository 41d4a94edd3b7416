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
	err = q.QueryRowContext(ctx, `SELECT coalesce(sum(l.spam = 0), 0), coalesce(sum(l.spam = 1), 0)
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
// idempotent. A ban also hides what of that ID still waits, and returns how many;
// what is shown stays until it is flagged, since it may be harmless.
func (s *Server) SetStanding(ctx context.Context, id string, st Standing) (hidden int64, err error) {
	if !validID(id) {
		return 0, oswald.Errorf(oswald.Invalid, "%q is not an ID: it has 12 characters, as the comment shows it.", oneLine(id, 40))
	}
	if st != Nobody && st != Trusted && st != Banned {
		return 0, oswald.Errorf(oswald.Invalid, "%q is no standing: use ban, trust or unban.", oneLine(string(st), 20))
	}
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return 0, fmt.Errorf("standing: %w", err)
	}
	defer tx.Rollback() // harmless after Commit
	if st == Nobody {
		res, err := tx.ExecContext(ctx, "DELETE FROM standing WHERE id = ?", id)
		if err != nil {
			return 0, fmt.Errorf("standing: %w", err)
		}
		if n, err := res.RowsAffected(); err == nil && n == 0 {
			return 0, oswald.Errorf(oswald.NotFound, "Nothing was said of the ID %s.", id)
		}
		return 0, tx.Commit()
	}
	at := s.now().UnixMilli()
	if st == Banned {
		if _, err := tx.ExecContext(ctx, "UPDATE suggestion SET state = 'hidden' WHERE id = ? AND state = 'open'", id); err != nil {
			return 0, fmt.Errorf("standing: %w", err)
		}
	}
	if _, err := tx.ExecContext(ctx, `INSERT INTO standing VALUES(?, ?, ?)
		ON CONFLICT(id) DO UPDATE SET standing = excluded.standing, at = excluded.at`, id, st, at); err != nil {
		return 0, fmt.Errorf("standing: %w", err)
	}
	if st == Banned {
		res, err := tx.ExecContext(ctx, "UPDATE comment SET state = 'hidden', changed = ? WHERE id = ? AND state = 'queued'", at, id)
		if err != nil {
			return 0, fmt.Errorf("standing: %w", err)
		}
		if hidden, err = res.RowsAffected(); err != nil {
			return 0, err
		}
	}
	if err := tx.Commit(); err != nil {
		return 0, fmt.Errorf("standing: %w", err)
	}
	s.poke()
	return hidden, nil
}

// Standing returns what an ID is worth.
func (s *Server) Standing(ctx context.Context, id string) (Standing, error) {
	return standing(ctx, s.db, id)
}

// Erase removes what was written under an ID: texts, names, addresses, and the
// labels the filter was taught with; the filter is refitted without them. It
// returns how many comments there were.
func (s *Server) Erase(ctx context.Context, id string) (n int64, err error) {
	if !validID(id) {
		return 0, oswald.Errorf(oswald.Invalid, "%q is not an ID: it has 12 characters, as the comment shows it.", oneLine(id, 40))
	}
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return 0, fmt.Errorf("erase: %w", err)
	}
	defer tx.Rollback() // harmless after Commit
	if err := secureDelete(ctx, tx); err != nil {
		return 0, fmt.Errorf("erase: %w", err)
	}
	pages, err := column(ctx, tx, "SELECT DISTINCT page FROM comment WHERE id = ? AND state = 'shown'", id)
	if err != nil {
		return 0, fmt.Errorf("erase: %w", err)
	}
	res, err := tx.ExecContext(ctx, "DELETE FROM label WHERE n IN (SELECT n FROM comment WHERE id = ?)", id)
	if err != nil {
		return 0, fmt.Errorf("erase: %w", err)
	}
	if _, err := tx.ExecContext(ctx, "DELETE FROM suggestion WHERE id = ?", id); err != nil {
		return 0, fmt.Errorf("erase: %w", err)
	}
	unlearn, err := res.RowsAffected()
	if err != nil {
		return 0, err
	}
	res, err = tx.ExecContext(ctx, `UPDATE comment SET text = '', author = '', net = '', id = '', hash = '', state = 'deleted', changed = ?
		WHERE id = ?`, s.now().UnixMilli(), id)
	if err != nil {
		return 0, fmt.Errorf("erase: %w", err)
	}
	if n, err = res.RowsAffected(); err != nil {
		return 0, err
	}
	if n == 0 {
		return 0, oswald.Errorf(oswald.NotFound, "There is no comment of the ID %s.", id)
	}
	for _, page := range pages {
		if s.refresh.store == nil {
			break
		}
		if err := markDirty(ctx, tx, page); err != nil {
			return 0, fmt.Errorf("erase: %w", err)
		}
	}
	if err := tx.Commit(); err != nil {
		return 0, fmt.Errorf("erase: %w", err)
	}
	for _, page := range pages {
		s.views.drop(page)
		s.refresh.wait(ctx, page)
	}
	s.poke()
	if unlearn == 0 {
		return n, nil
	}
	all, err := s.labels(ctx)
	if err == nil {
		_, err = s.refit(ctx, all)
	}
	if err != nil {
		return n, oswald.Wrap(err, oswald.Unavailable, "The comments are erased, but the filter still knows their words: send spam retrain.")
	}
	return n, nil
}

// secureDelete makes SQLite overwrite what this connection deletes: a text that is
// to be gone must not linger in free pages of the file.
func secureDelete(ctx context.Context, q querier) error {
	_, err := q.ExecContext(ctx, "PRAGMA secure_delete = 1")
	return err
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
