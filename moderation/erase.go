// SPDX-License-Identifier: GPL-3.0-or-later

package moderation

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"

	"oswald"
)

// decisionErase is a row of the log whose n is how much was erased: it makes the
// command idempotent, names nobody, and is never taken back.
const decisionErase = "erase"

// Erase removes for good what a person asks to have removed: all that was written
// under an ID, or one comment by its number. Text, name and address go, and the
// label the filter was taught with; the filter is refitted without it. A ban of
// the ID stays. It returns how many comments and suggested edits there were, and
// is idempotent by command.
func (s *Server) Erase(ctx context.Context, command, who string) (n int64, err error) {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return 0, fmt.Errorf("erase: %w", err)
	}
	defer tx.Rollback() // harmless after Commit
	err = tx.QueryRowContext(ctx, "SELECT n FROM decision WHERE command = ? AND decision = ?", command, decisionErase).Scan(&n)
	if err == nil {
		return n, nil // the same command again
	}
	if !errors.Is(err, sql.ErrNoRows) {
		return 0, fmt.Errorf("erase: %w", err)
	}
	n, pages, err := s.eraseTx(ctx, tx, command, who)
	if err != nil {
		return 0, err
	}
	if err := tx.Commit(); err != nil {
		return 0, fmt.Errorf("erase: %w", err)
	}
	for _, page := range pages {
		s.views.drop(page)
		s.refresh.wait(ctx, page)
	}
	s.poke()
	if err := s.unlearn(ctx); err != nil {
		return n, oswald.Wrap(err, oswald.Unavailable, "It is erased, but the filter still knows the words: send spam retrain.")
	}
	return n, nil
}

// eraseTx does the work of Erase, and returns the pages that look different now.
func (s *Server) eraseTx(ctx context.Context, tx *sql.Tx, command, who string) (n int64, pages []string, err error) {
	where, nobody, arg := "id = ?", "Nobody has written under the ID %s.", any(who)
	if number, err := strconv.ParseInt(who, 10, 64); err == nil && number > 0 && len(who) < 12 {
		where, nobody, arg = "n = ?", "There is no comment %s.", number
	} else if !validID(who) {
		return 0, nil, notAnID(who)
	}
	if err := s.secureDelete(ctx, tx); err != nil {
		return 0, nil, fmt.Errorf("erase: %w", err)
	}
	if pages, err = column(ctx, tx, "SELECT DISTINCT page FROM comment WHERE state = 'shown' AND "+where, arg); err != nil {
		return 0, nil, fmt.Errorf("erase: %w", err)
	}
	at := s.now().UnixMilli()
	run := func(stmt string, args ...any) (rows int64) {
		if err != nil {
			return 0
		}
		var res sql.Result
		if res, err = tx.ExecContext(ctx, stmt, args...); err != nil {
			return 0
		}
		rows, err = res.RowsAffected()
		return rows
	}
	if run("DELETE FROM label WHERE n IN (SELECT n FROM comment WHERE "+where+")", arg) > 0 && err == nil {
		err = countMemo(ctx, tx, memoUnlearn)
	}
	n = run(`UPDATE comment SET text = '', author = '', net = '', id = '', signer = '', hash = '', state = 'deleted', changed = ?
		WHERE text <> '' AND `+where, at, arg)
	if where == "id = ?" {
		n += run("DELETE FROM suggestion WHERE id = ?", arg)
		run("DELETE FROM decision WHERE subject = ?", arg)
	}
	if err == nil && n == 0 {
		return 0, nil, oswald.Errorf(oswald.NotFound, nobody, who)
	}
	run("INSERT INTO decision(command, n, decision, was, label, at, subject, undone) VALUES(?, ?, ?, '', '', ?, ?, ?)",
		command, n, decisionErase, at, decisionErase, command)
	for _, page := range pages {
		if err == nil {
			err = s.markChanged(ctx, tx, page)
		}
	}
	if err != nil {
		return 0, nil, fmt.Errorf("erase: %w", err)
	}
	return n, pages, nil
}

// secureDelete makes SQLite overwrite what this connection deletes: a text that is
// to be gone must not linger in free pages of the file. PostgreSQL has no such
// thing: what is deleted there is overwritten after the next vacuum.
func (s *Server) secureDelete(ctx context.Context, q querier) error {
	if s.shared {
		return nil
	}
	_, err := q.ExecContext(ctx, "PRAGMA secure_delete = 1")
	return err
}
