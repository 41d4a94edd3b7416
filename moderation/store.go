// SPDX-License-Identifier: GPL-3.0-or-later

package moderation

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"oswald"
)

// querier is a *sql.DB or a *sql.Tx.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// comment is a row of the table: what moderators see, and what only we need.
type comment struct {
	oswald.Comment
	parent  int64
	edited  time.Time
	changed time.Time
	net     string
}

const selectComment = `SELECT c.n, c.page, c.parent, c.author, c.id, c.signer, c.text, c.at, c.edited, c.changed,
	c.state, c.verdict, c.score, c.net, l.spam FROM comment c LEFT JOIN label l ON l.n = c.n `

func scan(row interface{ Scan(...any) error }) (comment, error) {
	var c comment
	var at, edited, changed int64
	var label sql.NullBool
	err := row.Scan(&c.N, &c.Page, &c.parent, &c.Author, &c.ID, &c.Signer, &c.Text, &at, &edited, &changed,
		&c.State, &c.Verdict, &c.Score, &c.net, &label)
	c.At, c.changed = time.UnixMilli(at), time.UnixMilli(changed)
	if edited != 0 {
		c.edited = time.UnixMilli(edited)
	}
	if label.Valid {
		c.Label = oswald.Ham
		if label.Bool {
			c.Label = oswald.Spam
		}
	}
	return c, err
}

func query(ctx context.Context, q querier, where string, args ...any) ([]comment, error) {
	rows, err := q.QueryContext(ctx, selectComment+where, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var list []comment
	for rows.Next() {
		c, err := scan(rows)
		if err != nil {
			return nil, err
		}
		list = append(list, c)
	}
	return list, rows.Err()
}

// byNumber returns comment n, or a NotFound error for people.
func byNumber(ctx context.Context, q querier, n int64) (comment, error) {
	c, err := scan(q.QueryRowContext(ctx, selectComment+"WHERE c.n = ?", n))
	if errors.Is(err, sql.ErrNoRows) {
		return c, oswald.Errorf(oswald.NotFound, "There is no comment %d.", n)
	}
	if err != nil {
		return c, fmt.Errorf("comment %d: %w", n, err)
	}
	return c, nil
}

const listMax = 20 // what a phone shows, and a register of the bus holds

// List returns the newest comments that are not deleted, of one page or of all,
// newest first. Long texts are shortened; Get has them whole.
func (s *Server) List(ctx context.Context, _, page string) ([]oswald.Comment, error) {
	where, args := "WHERE c.state <> 'deleted' ", []any{}
	if page != "" {
		if !validKey(page) {
			return nil, oswald.Errorf(oswald.Invalid, "%q is not the name of a page.", oneLine(page, 40))
		}
		where += "AND c.page = ? "
		args = append(args, page)
	}
	list, err := query(ctx, s.db, where+"ORDER BY c.n DESC LIMIT ?", append(args, listMax)...)
	if err != nil {
		return nil, fmt.Errorf("list: %w", err)
	}
	out := make([]oswald.Comment, len(list))
	for i, c := range list {
		c.Text = oneLine(c.Text, 140)
		out[i] = c.Comment
	}
	return out, nil
}

// Get returns one comment in any state.
func (s *Server) Get(ctx context.Context, _ string, n int64) (oswald.Comment, error) {
	c, err := byNumber(ctx, s.db, n)
	return c.Comment, err
}

type counts struct {
	shown, queued, hidden, ham, spam    int
	postedToday, caughtToday, corrected int
}

func (s *Server) count(ctx context.Context) (c counts, err error) {
	now := s.now()
	today := time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, now.Location()).UnixMilli()
	month := now.AddDate(0, 0, -30).UnixMilli()
	err = s.db.QueryRowContext(ctx, `SELECT
		(SELECT count(*) FROM comment WHERE state = 'shown'),
		(SELECT count(*) FROM comment WHERE state = 'queued'),
		(SELECT count(*) FROM comment WHERE state = 'hidden'),
		(SELECT count(*) FROM label WHERE NOT spam),
		(SELECT count(*) FROM label WHERE spam),
		(SELECT count(*) FROM comment WHERE at >= ?1),
		(SELECT count(*) FROM comment WHERE at >= ?1 AND verdict = 'spam'),
		(SELECT count(*) FROM comment c JOIN label l ON l.n = c.n WHERE c.at >= ?2
			AND (c.verdict = 'spam' AND NOT l.spam OR c.verdict = 'ham' AND l.spam))`, today, month).
		Scan(&c.shown, &c.queued, &c.hidden, &c.ham, &c.spam, &c.postedToday, &c.caughtToday, &c.corrected)
	return c, err
}

// errDuplicate says that the same text is on the page or waits for it.
var errDuplicate = errors.New("moderation: the same comment is there already")

const longText = 40 // shorter texts ("Thanks!") may well be written twice

// selectLike counts what is like a new comment: the same on its page, the same
// anywhere, any in the last minute, the same with the same signature.
const selectLike = `SELECT
	(SELECT count(*) FROM comment WHERE hash = ?1 AND at > ?2 AND page = ?3 AND state <> 'deleted' AND (net = ?4 OR ?5)),
	(SELECT count(*) FROM comment WHERE hash = ?1 AND at > ?2),
	(SELECT count(*) FROM comment WHERE at > ?6),
	(SELECT count(*) FROM comment WHERE signer = ?7 AND signer <> '' AND hash = ?1 AND page = ?3)`

// insert stores a new comment in the state that its verdict, and its likeness to
// others, ask for. It returns errDuplicate for a text that is there already.
func (s *Server) insert(ctx context.Context, c *comment, nonce string, hold bool) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() // harmless after Commit
	now := s.now()
	hash := textHash(c.Text)
	long := utf8.RuneCountInString(c.Text) >= longText
	var twice, elsewhere, lately, signed int
	err = tx.QueryRowContext(ctx, selectLike, hash, now.Add(-24*time.Hour).UnixMilli(), c.Page, c.net, long, now.Add(-time.Minute).UnixMilli(), c.Signer).
		Scan(&twice, &elsewhere, &lately, &signed)
	if err != nil {
		return err
	}
	if twice > 0 || signed > 0 { // a signature is good once
		return errDuplicate
	}
	if long && elsewhere >= 2 || lately >= s.cfg.FloodLimit {
		hold = true
	}
	worth, err := standing(ctx, tx, c.ID)
	if err != nil {
		return err
	}
	c.State = stateFor(c.Verdict, worth, hold)
	c.At = now
	err = tx.QueryRowContext(ctx, `INSERT INTO comment(page, parent, author, id, text, at, changed, state, verdict, score, net, hash, nonce, signer)
		VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13) RETURNING n`,
		c.Page, c.parent, c.Author, c.ID, c.Text, now.UnixMilli(), c.State, c.Verdict, c.Score, c.net, hash, nonce, c.Signer).Scan(&c.N)
	if err != nil {
		return err
	}
	if c.State == oswald.Shown {
		if err := s.markChanged(ctx, tx, c.Page); err != nil {
			return err
		}
	}
	return tx.Commit()
}

func stateOf(v oswald.Verdict, hold bool) oswald.CommentState {
	switch {
	case v == oswald.Spam:
		return oswald.Hidden
	case v == oswald.Ham && !hold:
		return oswald.Shown
	}
	return oswald.Queued
}

// byNonce returns the comment that a form became, if it became one.
func (s *Server) byNonce(ctx context.Context, nonce string) (comment, bool) {
	c, err := scan(s.db.QueryRowContext(ctx, selectComment+"WHERE c.nonce = ?", nonce))
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		s.log.Error("looking a form up", "err", err)
	}
	return c, err == nil
}

// markChanged records that a page looks different: it is to be rendered into the
// page store, and other servers on the same database are to forget what they have
// of it.
func (s *Server) markChanged(ctx context.Context, q querier, page string) error {
	if s.refresh.store != nil {
		if _, err := q.ExecContext(ctx, `INSERT INTO dirty(page) VALUES(?)
			ON CONFLICT(page) DO UPDATE SET seq = dirty.seq + 1`, page); err != nil {
			return err
		}
	}
	if !s.shared {
		return nil
	}
	return countMemo(ctx, q, "version/"+page)
}

// countUp adds one to a number in memo.
const countUp = "INSERT INTO memo VALUES(?, 1) ON CONFLICT(key) DO UPDATE SET value = memo.value + 1"

func countMemo(ctx context.Context, q querier, key string) error {
	_, err := q.ExecContext(ctx, countUp, key)
	return err
}

func (s *Server) memo(ctx context.Context, key string) (v int64, err error) {
	err = s.db.QueryRowContext(ctx, "SELECT value FROM memo WHERE key = ?", key).Scan(&v)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return v, err
}

func setMemo(ctx context.Context, q querier, key string, v int64) error {
	_, err := q.ExecContext(ctx, "INSERT INTO memo VALUES(?, ?) ON CONFLICT(key) DO UPDATE SET value = excluded.value", key, v)
	return err
}
