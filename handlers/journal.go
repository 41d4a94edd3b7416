// SPDX-License-Identifier: GPL-3.0-or-later

package handlers

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"oswald"
)

// schema has the steps of the tables of package handlers. Times are
// milliseconds since 1970.
var schema = []string{`
	CREATE TABLE journal(
		n       INTEGER PRIMARY KEY,
		id      TEXT NOT NULL UNIQUE,
		who     TEXT NOT NULL,
		room    TEXT NOT NULL,
		text    TEXT NOT NULL,             -- as typed
		sent    INTEGER NOT NULL,          -- by the asker
		at      INTEGER NOT NULL,          -- accepted, or answered if it only read
		ended   INTEGER NOT NULL DEFAULT 0,
		state   TEXT NOT NULL,
		reply   TEXT NOT NULL DEFAULT '',
		raw     INTEGER NOT NULL DEFAULT 0,
		code    TEXT NOT NULL DEFAULT '',  -- of the error, if the reply is one
		via     TEXT NOT NULL DEFAULT ''   -- the command that this "yes" or "no" answers
	) STRICT;
	CREATE INDEX journal_at ON journal(at);
	CREATE INDEX journal_open ON journal(state) WHERE state = 'accepted';
	CREATE TABLE questions(
		who     TEXT NOT NULL,
		room    TEXT NOT NULL,
		id      TEXT NOT NULL,             -- of the command that waits for the answer
		asked   INTEGER NOT NULL,
		PRIMARY KEY(who, room)
	) STRICT, WITHOUT ROWID;
	CREATE TABLE people(
		address TEXT PRIMARY KEY,
		role    TEXT NOT NULL,
		by      TEXT NOT NULL,
		at      INTEGER NOT NULL
	) STRICT, WITHOUT ROWID`,
}

// The states of a journal row.
const (
	stateAccepted = "accepted" // on disk; runs, or ran when the program ended
	stateAsked    = "asked"    // waits for yes or no
	stateDone     = "done"
	stateRefused  = "refused" // did nothing
	stateExpired  = "expired" // certainly never ran
	stateUnknown  = "unknown" // may have run
	stateDeclined = "declined"
)

// An entry is a row of the journal.
type entry struct {
	N               int64
	ID, Who, Room   string
	Text            string
	Sent, At, Ended time.Time
	State           string
	Reply           oswald.Reply
	Code            oswald.Code
	Via             string
}

// outcome returns what the command answered.
func (e entry) outcome() (oswald.Reply, error) {
	if e.Code != "" {
		return oswald.Reply{}, oswald.Errorf(e.Code, "%s", e.Reply.Text)
	}
	r := e.Reply
	if e.State == stateAsked {
		r.About = oswald.AboutQuestion(e.ID)
	}
	return r, nil
}

const (
	batchEvery = 2 * time.Second
	batchMax   = 5000 // entries that wait for their batch
	noteMax    = 2000 // bytes of a text or reply that is kept of a command that only reads
)

// A journal is the record of commands. Safe for concurrent use.
type journal struct {
	db  *sql.DB
	log *slog.Logger

	mu      sync.Mutex
	waiting []entry // of commands that only read
	dropped int
	latest  time.Time // the last stamp
}

func newJournal(db *sql.DB, log *slog.Logger) *journal { return &journal{db: db, log: log} }

// stamp is t, or just after the last stamp where two fall into one millisecond,
// so that rows written late sort as they came.
func (j *journal) stamp(t time.Time) time.Time {
	t = t.Truncate(time.Millisecond)
	j.mu.Lock()
	defer j.mu.Unlock()
	if d := j.latest.Sub(t); d >= 0 && d < time.Second { // more is a clock set back
		t = j.latest.Add(time.Millisecond)
	}
	j.latest = t
	return t
}

// note records a command that has changed nothing, some time soon.
func (j *journal) note(e entry) {
	e.Text = clip(e.Text, noteMax)
	e.Reply.Text = clip(e.Reply.Text, noteMax)
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(j.waiting) >= batchMax {
		j.dropped++
		return
	}
	j.waiting = append(j.waiting, e)
}

// flush writes what waits, in one transaction.
func (j *journal) flush(ctx context.Context) error {
	j.mu.Lock()
	list, dropped := j.waiting, j.dropped
	j.waiting, j.dropped = nil, 0
	j.mu.Unlock()
	if dropped > 0 {
		j.log.Warn("commands that only read came too fast to be recorded", "dropped", dropped)
	}
	if len(list) == 0 {
		return nil
	}
	err := inTx(ctx, j.db, func(tx *sql.Tx) error {
		for _, e := range list {
			if _, err := insert(ctx, tx, e); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil { // keep them for the next try
		j.mu.Lock()
		j.waiting = append(list, j.waiting...)
		j.mu.Unlock()
	}
	return err
}

// inserter is a *sql.DB or a *sql.Tx.
type inserter interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// insert adds e; fresh is false if its ID is there already.
func insert(ctx context.Context, db inserter, e entry) (fresh bool, err error) {
	res, err := db.ExecContext(ctx, `INSERT INTO journal(id, who, room, text, sent, at, ended, state, reply, raw, code, via)
		VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT(id) DO NOTHING`,
		e.ID, e.Who, e.Room, e.Text, millis(e.Sent), millis(e.At), millis(e.Ended), e.State, e.Reply.Text, e.Reply.Raw, string(e.Code), e.Via)
	if err != nil {
		return false, err
	}
	n, err := res.RowsAffected()
	return n == 1, err
}

// finish records how id ended.
func (j *journal) finish(ctx context.Context, id, state string, at time.Time, reply oswald.Reply, code oswald.Code) error {
	_, err := j.db.ExecContext(ctx, "UPDATE journal SET state = ?, ended = ?, reply = ?, raw = ?, code = ? WHERE id = ?",
		state, millis(at), reply.Text, reply.Raw, string(code), id)
	return err
}

const columns = "SELECT n, id, who, room, text, sent, at, ended, state, reply, raw, code, via FROM journal "

func scanEntry(row interface{ Scan(...any) error }) (e entry, err error) {
	var sent, at, ended int64
	err = row.Scan(&e.N, &e.ID, &e.Who, &e.Room, &e.Text, &sent, &at, &ended, &e.State, &e.Reply.Text, &e.Reply.Raw, &e.Code, &e.Via)
	e.Sent, e.At, e.Ended = fromMillis(sent), fromMillis(at), fromMillis(ended)
	return e, err
}

// find returns the row of id; nil if there is none.
func (j *journal) find(ctx context.Context, id string) (*entry, error) {
	e, err := scanEntry(j.db.QueryRowContext(ctx, columns+"WHERE id = ?", id))
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	return &e, err
}

func (j *journal) list(ctx context.Context, where string, args ...any) ([]entry, error) {
	rows, err := j.db.QueryContext(ctx, columns+where, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var list []entry
	for rows.Next() {
		e, err := scanEntry(rows)
		if err != nil {
			return nil, err
		}
		list = append(list, e)
	}
	return list, rows.Err()
}

// unfinished returns the commands that were accepted and have no end.
func (j *journal) unfinished(ctx context.Context) ([]entry, error) {
	return j.list(ctx, "WHERE state = 'accepted' ORDER BY n")
}

// last returns the n newest rows, newest first, without the bare answers.
func (j *journal) last(ctx context.Context, n int) ([]entry, error) {
	if err := j.flush(ctx); err != nil {
		return nil, err
	}
	return j.list(ctx, "WHERE via = '' ORDER BY at DESC, n DESC LIMIT ?", n)
}

func (j *journal) prune(ctx context.Context, before time.Time) error {
	_, err := j.db.ExecContext(ctx, "DELETE FROM journal WHERE at < ? AND state <> 'accepted'", millis(before))
	return err
}

// inTx runs f in a transaction; inside it, f uses tx and nothing else.
func inTx(ctx context.Context, db *sql.DB, f func(tx *sql.Tx) error) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	defer tx.Rollback() // harmless after Commit
	if err := f(tx); err != nil {
		return err
	}
	return tx.Commit()
}

func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func fromMillis(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms)
}
