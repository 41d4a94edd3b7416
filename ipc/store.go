// SPDX-License-Identifier: GPL-3.0-or-later

package ipc

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"oswald/internal/store"
)

// schema lies in the role's own file: an InTx handler and its record share a
// transaction.
var schema = []string{`
CREATE TABLE ipc_meta(k TEXT PRIMARY KEY, v ANY NOT NULL) STRICT;
CREATE TABLE ipc_boot(nonce TEXT PRIMARY KEY, grants INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE ipc_peer(name TEXT PRIMARY KEY, nonce TEXT NOT NULL, grants INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE ipc_outbox(
	pos INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, peer TEXT NOT NULL,
	verb TEXT NOT NULL, args BLOB NOT NULL, repeatable INTEGER NOT NULL, deadline_ms INTEGER NOT NULL,
	state TEXT NOT NULL CHECK(state IN ('offered','granted','done','refused','expired','doubt')),
	nonce TEXT NOT NULL DEFAULT '', instance TEXT NOT NULL DEFAULT '', outcome BLOB, ended_ms INTEGER) STRICT;
CREATE INDEX ipc_outbox_open ON ipc_outbox(peer, pos) WHERE state IN ('offered','granted');
CREATE INDEX ipc_outbox_ended ON ipc_outbox(ended_ms) WHERE ended_ms IS NOT NULL;
CREATE TABLE ipc_journal(
	peer TEXT NOT NULL, id TEXT NOT NULL, verb TEXT NOT NULL, args BLOB NOT NULL, kind INTEGER NOT NULL,
	state TEXT NOT NULL CHECK(state IN ('started','done','doubt')), outcome BLOB,
	after INTEGER NOT NULL DEFAULT 0, PRIMARY KEY(peer, id)) STRICT;
CREATE TABLE ipc_past(peer TEXT NOT NULL, id TEXT NOT NULL, at_ms INTEGER NOT NULL,
	state TEXT NOT NULL CHECK(state IN ('done','doubt')),
	PRIMARY KEY(peer, id)) STRICT, WITHOUT ROWID;
CREATE INDEX ipc_past_at ON ipc_past(at_ms);
`, `
ALTER TABLE ipc_outbox ADD COLUMN stop INTEGER NOT NULL DEFAULT 0; -- cancelled
ALTER TABLE ipc_outbox ADD COLUMN again INTEGER NOT NULL DEFAULT 0; -- granted more than once
`}

// commitTimeout bounds one look at the file or one commit; it is long because an
// InTx handler may hold the file.
const commitTimeout = 30 * time.Second

// A batch is what one round changes in the file, in one transaction.
type batch struct {
	ops  []statement
	then []func() // once it is committed
}

type statement struct {
	query string
	args  []any
}

func (b *batch) add(query string, args ...any) { b.ops = append(b.ops, statement{query, args}) }

func (b *batch) after(f func()) { b.then = append(b.then, f) }

// commit makes the batch durable and then lets follow what follows from it. The
// work is not cut short when ctx ends.
func (b *batch) commit(ctx context.Context, f *file) error {
	if len(b.ops) > 0 {
		if err := b.write(ctx, f); err != nil {
			return fmt.Errorf("commit: %w", err)
		}
	}
	for _, f := range b.then {
		f()
	}
	return nil
}

func (b *batch) write(ctx context.Context, f *file) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), commitTimeout)
	defer cancel()
	list := make([]*sql.Stmt, len(b.ops))
	for i, op := range b.ops { // before the transaction, which holds the connection
		var err error
		if list[i], err = f.stmt(ctx, op.query); err != nil {
			return err
		}
	}
	conn, err := f.db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close() // gives it back
	// With a context that can end, the driver would start a goroutine for each
	// statement; what can take long is the wait for the connection.
	tx, err := conn.BeginTx(context.Background(), nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() // harmless after Commit
	for i, op := range b.ops {
		if _, err := tx.Stmt(list[i]).Exec(op.args...); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// A file is the role's database with the statements of this package prepared:
// parsing them takes as long as a commit takes on a quick disk. One goroutine
// uses it.
type file struct {
	db       *sql.DB
	prepared map[string]*sql.Stmt
}

func newFile(db *sql.DB) *file { return &file{db, map[string]*sql.Stmt{}} }

func (f *file) stmt(ctx context.Context, query string) (*sql.Stmt, error) {
	st := f.prepared[query]
	if st == nil {
		var err error
		if st, err = f.db.PrepareContext(ctx, query); err != nil {
			return nil, err
		}
		f.prepared[query] = st
	}
	return st, nil
}

// row scans the one row that query finds; found is false where there is none.
func (f *file) row(ctx context.Context, scan func(scanner) error, query string, args ...any) (found bool, err error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), commitTimeout)
	defer cancel()
	st, err := f.stmt(ctx, query)
	if err != nil {
		return false, err
	}
	err = scan(st.QueryRowContext(ctx, args...))
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}

type scanner interface{ Scan(...any) error }

func (f *file) close() {
	for _, st := range f.prepared {
		st.Close()
	}
}

func (b *batch) insertTicket(t *ticket) {
	b.add(`INSERT INTO ipc_outbox(pos, id, peer, verb, args, repeatable, deadline_ms, state) VALUES(?,?,?,?,?,?,?,?)`,
		t.pos, t.ID, t.Peer, t.Verb, []byte(t.Args), t.Repeat, t.Deadline, string(t.State))
}

func (b *batch) updateTicket(t *ticket, now int64) {
	var out []byte
	var end any
	if t.State.ended() {
		out, _ = encode(t.Out) // made of JSON, so it is JSON
		end = now
	}
	b.add(`UPDATE ipc_outbox SET state=?, nonce=?, instance=?, outcome=?, ended_ms=?, stop=?, again=? WHERE id=?`,
		string(t.State), t.Nonce, t.Inst, out, end, t.stop, t.again, t.ID)
}

func (b *batch) startJob(peer string, j *job) {
	b.add(`INSERT INTO ipc_journal(peer, id, verb, args, kind, state) VALUES(?,?,?,?,?,'started')`,
		peer, j.ID, j.Verb, []byte(nonNil(j.Args)), int(j.Kind))
}

const finishJob = `UPDATE ipc_journal SET state=?, outcome=?, after=? WHERE peer=? AND id=? AND state='started'`

func (b *batch) endJob(peer string, j *job) {
	out, _ := encode(j.Out)
	b.add(finishJob, string(j.Phase), out, 0, peer, j.ID)
}

func (b *batch) forgetJob(peer string, j *job, now int64) {
	b.add(`DELETE FROM ipc_journal WHERE peer=? AND id=?`, peer, j.ID)
	b.add(`INSERT INTO ipc_past(peer, id, at_ms, state) VALUES(?,?,?,?) ON CONFLICT DO NOTHING`, peer, j.ID, now, string(j.Phase))
}

func nonNil(b json.RawMessage) json.RawMessage {
	if b == nil {
		return json.RawMessage("null")
	}
	return b
}

// saved is what a process finds in its file.
type saved struct {
	inst    string
	boot    int64
	bn      string
	open    []*ticket
	jobs    map[string][]*job // by peer
	echoes  map[string]*echo  // by peer
	nextPos int64
}

// begin opens the books of a new process: the boot counter rises and the boot
// nonce is known before anything is published under them. Clocks help only so
// far as a file from a backup is then not behind the one it replaces.
func begin(ctx context.Context, db *sql.DB, now time.Time) (*saved, error) {
	ctx, cancel := context.WithTimeout(ctx, commitTimeout)
	defer cancel()
	if err := store.Migrate(ctx, db, "ipc", schema); err != nil {
		return nil, err
	}
	s := &saved{bn: randomHex(), jobs: map[string][]*job{}, echoes: map[string]*echo{}}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return nil, err
	}
	defer tx.Rollback() // harmless after Commit
	var boot int64
	if err := tx.QueryRowContext(ctx, `SELECT v FROM ipc_meta WHERE k='boot'`).Scan(&boot); err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, err
	}
	s.boot = max(boot+1, now.UnixMilli())
	if _, err := tx.ExecContext(ctx, `INSERT INTO ipc_meta VALUES('instance',?) ON CONFLICT DO NOTHING`, randomHex()); err != nil {
		return nil, err
	}
	if err := tx.QueryRowContext(ctx, `SELECT v FROM ipc_meta WHERE k='instance'`).Scan(&s.inst); err != nil {
		return nil, err
	}
	if _, err := tx.ExecContext(ctx, `INSERT INTO ipc_meta VALUES('boot',?) ON CONFLICT(k) DO UPDATE SET v=excluded.v`, s.boot); err != nil {
		return nil, err
	}
	if _, err := tx.ExecContext(ctx, `INSERT INTO ipc_boot VALUES(?,0)`, s.bn); err != nil {
		return nil, err
	}
	if err := errors.Join(s.loadOpen(ctx, tx), s.loadJobs(ctx, tx), s.loadEchoes(ctx, tx)); err != nil {
		return nil, err
	}
	return s, tx.Commit()
}

func (s *saved) loadOpen(ctx context.Context, tx *sql.Tx) error {
	if err := tx.QueryRowContext(ctx, `SELECT coalesce(max(seq),0)+1 FROM sqlite_sequence WHERE name='ipc_outbox'`).Scan(&s.nextPos); err != nil {
		return err
	}
	rows, err := tx.QueryContext(ctx, selectTicket+` WHERE state IN ('offered','granted') ORDER BY pos`)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		t, err := scanTicket(rows)
		if err != nil {
			return err
		}
		t.unsure = true
		s.open = append(s.open, t)
	}
	return rows.Err()
}

const selectTicket = `SELECT pos, id, peer, verb, args, repeatable, deadline_ms, state, nonce, instance, outcome, stop, again FROM ipc_outbox`

func scanTicket(row scanner) (*ticket, error) {
	t := new(ticket)
	var args, out []byte
	err := row.Scan(&t.pos, &t.ID, &t.Peer, &t.Verb, &args, &t.Repeat, &t.Deadline, (*string)(&t.State), &t.Nonce, &t.Inst, &out, &t.stop, &t.again)
	if err != nil {
		return nil, err
	}
	t.Args = args
	if out != nil {
		err = json.Unmarshal(out, &t.Out)
	}
	return t, err
}

// ticket returns the ticket of id, or nil.
func (f *file) ticket(ctx context.Context, id string) (t *ticket, err error) {
	found, err := f.row(ctx, func(r scanner) error { t, err = scanTicket(r); return err }, selectTicket+` WHERE id=?`, id)
	if !found {
		return nil, err
	}
	return t, nil
}

func (s *saved) loadJobs(ctx context.Context, tx *sql.Tx) error {
	rows, err := tx.QueryContext(ctx, `SELECT peer, id, verb, args, kind, state, outcome, after FROM ipc_journal ORDER BY rowid`)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		j := new(job)
		var peer string
		var args, out []byte
		if err := rows.Scan(&peer, &j.ID, &j.Verb, &args, (*int)(&j.Kind), (*string)(&j.Phase), &out, &j.after); err != nil {
			return err
		}
		j.Args = args
		if out != nil {
			if err := json.Unmarshal(out, &j.Out); err != nil {
				return err
			}
		}
		s.jobs[peer] = append(s.jobs[peer], j)
	}
	return rows.Err()
}

func (s *saved) loadEchoes(ctx context.Context, tx *sql.Tx) error {
	rows, err := tx.QueryContext(ctx, `SELECT name, nonce, grants FROM ipc_peer`)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		e := new(echo)
		if err := rows.Scan(&name, &e.BN, &e.GN); err != nil {
			return err
		}
		s.echoes[name] = e
	}
	return rows.Err()
}

// grants returns how many grants the file records for a process of this role.
func (f *file) grants(ctx context.Context, bn string) (n int64, ok bool, err error) {
	ok, err = f.row(ctx, func(r scanner) error { return r.Scan(&n) }, `SELECT grants FROM ipc_boot WHERE nonce=?`, bn)
	return n, ok, err
}

// past returns how the command of peer ended, if it was forgotten since.
func (f *file) past(ctx context.Context, peer, id string) (end phase, err error) {
	_, err = f.row(ctx, func(r scanner) error { return r.Scan((*string)(&end)) }, `SELECT state FROM ipc_past WHERE peer=? AND id=?`, peer, id)
	return end, err
}

// prune forgets what ended before the given time. The sender keeps longer than
// the worker: an id must not be offered anew once the worker has forgotten it.
func (b *batch) prune(now time.Time, keep time.Duration) {
	b.add(`DELETE FROM ipc_past WHERE at_ms < ?`, now.Add(-keep).UnixMilli())
	b.add(`DELETE FROM ipc_outbox WHERE ended_ms < ?`, now.Add(-keep-24*time.Hour).UnixMilli())
}
