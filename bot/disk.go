// SPDX-License-Identifier: GPL-3.0-or-later

package bot

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// schema has the steps of the tables of package bot. Times are milliseconds
// since 1970.
var schema = []string{`
	CREATE TABLE bot_kept(
		key   TEXT PRIMARY KEY,
		value TEXT NOT NULL
	) STRICT, WITHOUT ROWID;
	CREATE TABLE bot_inbox(
		n      INTEGER PRIMARY KEY,
		id     TEXT NOT NULL UNIQUE,       -- oswald.CommandID
		sender TEXT NOT NULL,              -- bare JID
		thread TEXT NOT NULL,
		text   TEXT NOT NULL,              -- emptied when done
		at     INTEGER NOT NULL,
		done   INTEGER NOT NULL
	) STRICT;
	CREATE INDEX bot_waiting ON bot_inbox(sender, n) WHERE done = 0;
	CREATE TABLE bot_outbox(
		n      INTEGER PRIMARY KEY,
		stanza TEXT NOT NULL,
		at     INTEGER NOT NULL
	) STRICT`, `
	CREATE TABLE bot_sent(
		n         INTEGER PRIMARY KEY,
		id        TEXT NOT NULL UNIQUE,    -- of the message
		who       TEXT NOT NULL,           -- bare JID it went to
		about     TEXT NOT NULL,
		head      TEXT NOT NULL,           -- how its text begins
		at        INTEGER NOT NULL,
		received  INTEGER NOT NULL DEFAULT 0,
		displayed INTEGER NOT NULL DEFAULT 0,
		reactions TEXT NOT NULL DEFAULT ''
	) STRICT;
	ALTER TABLE bot_inbox ADD COLUMN stanza TEXT NOT NULL DEFAULT '';   -- the message's own id
	ALTER TABLE bot_inbox ADD COLUMN about TEXT NOT NULL DEFAULT '';    -- what the answered message was about
	ALTER TABLE bot_inbox ADD COLUMN corrects TEXT NOT NULL DEFAULT ''; -- the id it takes the place of
	ALTER TABLE bot_inbox ADD COLUMN reaction INTEGER NOT NULL DEFAULT 0;
	ALTER TABLE bot_inbox ADD COLUMN markable INTEGER NOT NULL DEFAULT 0`, `
	ALTER TABLE bot_inbox ADD COLUMN place TEXT NOT NULL DEFAULT ''; -- occupant JID in a room
	CREATE TABLE bot_said(
		n      INTEGER PRIMARY KEY,
		room   TEXT NOT NULL,
		id     TEXT NOT NULL,
		stanza TEXT NOT NULL,
		at     INTEGER NOT NULL
	) STRICT`,
}

const (
	diskTime  = 30 * time.Second
	batchMax  = 500
	diskQueue = 4096
	linger    = 25 * time.Millisecond // for others to gather, while nobody waits
)

// A disk carries out changes of the database in the order they are put, many in
// one transaction: they gather for a moment, and while others commit. A change
// that somebody waits for does not linger. It needs no Run.
type disk struct {
	db    *sql.DB
	log   *slog.Logger
	hurry chan struct{} // of one: somebody waits

	mu      sync.Mutex
	ops     []op
	running bool
	idle    []chan struct{} // closed when nothing is left to do
}

// op is one change. then is called after the commit, or with the error, in order;
// it must be quick, and may put more.
type op struct {
	do   func(ctx context.Context, tx *sql.Tx) error
	then func(error)
}

// put adds a change and returns at once.
func (d *disk) put(do func(ctx context.Context, tx *sql.Tx) error, then func(error)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.ops = append(d.ops, op{do, then})
	if !d.running {
		d.running = true
		go d.run() // ends by itself; flush waits for it
	}
	if len(d.ops) >= batchMax {
		d.now()
	}
}

// now ends the lingering.
func (d *disk) now() {
	select {
	case d.hurry <- struct{}{}:
	default:
	}
}

// gather waits for a moment, or until somebody is in a hurry.
func (d *disk) gather() {
	t := time.NewTimer(linger)
	defer t.Stop()
	select {
	case <-t.C:
	case <-d.hurry:
	}
}

// busy reports whether so much waits that the reader should stop reading.
func (d *disk) busy() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.ops) > diskQueue
}

func (d *disk) run() {
	for {
		d.gather() // also before it ends: whoever comes next finds it running
		d.mu.Lock()
		batch := d.ops[:min(len(d.ops), batchMax)]
		if d.ops = d.ops[len(batch):]; len(batch) == 0 {
			d.running, d.ops = false, nil
			for _, ch := range d.idle {
				close(ch)
			}
			d.idle = nil
			d.mu.Unlock()
			return
		}
		if len(d.ops) > 0 || len(d.idle) > 0 {
			d.now() // no lingering before the next round
		}
		d.mu.Unlock()
		if err := d.commit(batch); err == nil || len(batch) == 1 {
			for _, o := range batch {
				d.done(o, err)
			}
			continue
		}
		for i, o := range batch { // one of them is bad: it must not take the others along
			d.done(o, d.commit(batch[i:i+1]))
		}
	}
}

func (d *disk) done(o op, err error) {
	if err != nil {
		d.log.Error("database", "err", err)
	}
	if o.then != nil {
		o.then(err)
	}
}

func (d *disk) commit(batch []op) error {
	ctx, cancel := context.WithTimeout(context.Background(), diskTime)
	defer cancel()
	tx, err := d.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() // harmless after Commit
	for _, o := range batch {
		if err := o.do(ctx, tx); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// flush waits until nothing is left to do, or until ctx ends.
func (d *disk) flush(ctx context.Context) {
	d.mu.Lock()
	if !d.running {
		d.mu.Unlock()
		return
	}
	ch := make(chan struct{})
	d.idle = append(d.idle, ch)
	d.mu.Unlock()
	d.now()
	ctx, cancel := context.WithTimeout(ctx, diskTime)
	defer cancel()
	select {
	case <-ch:
	case <-ctx.Done():
		d.log.Error("the database is slow")
	}
}

// wait puts a change and waits for its commit.
func (d *disk) wait(ctx context.Context, do func(ctx context.Context, tx *sql.Tx) error) error {
	ch := make(chan error, 1)
	d.put(do, func(err error) { ch <- err })
	d.now()
	select {
	case err := <-ch:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// keep returns the value kept under key; there it keeps fresh if there is none.
func (d *disk) keep(ctx context.Context, key, fresh string) (value string, err error) {
	_, err = d.db.ExecContext(ctx, "INSERT INTO bot_kept VALUES(?, ?) ON CONFLICT DO NOTHING", key, fresh)
	if err != nil {
		return "", err
	}
	err = d.db.QueryRowContext(ctx, "SELECT value FROM bot_kept WHERE key = ?", key).Scan(&value)
	return value, err
}

// get returns the value kept under key; "" if there is none.
func (d *disk) get(ctx context.Context, key string) (value string, err error) {
	err = d.db.QueryRowContext(ctx, "SELECT value FROM bot_kept WHERE key = ?", key).Scan(&value)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return value, err
}

// set keeps value under key.
func (d *disk) set(key string, value any) {
	d.put(func(ctx context.Context, tx *sql.Tx) error { return setTx(ctx, tx, key, fmt.Sprint(value)) }, nil)
}

func setTx(ctx context.Context, tx *sql.Tx, key, value string) error {
	_, err := tx.ExecContext(ctx, "INSERT INTO bot_kept VALUES(?1, ?2) ON CONFLICT(key) DO UPDATE SET value = ?2", key, value)
	return err
}
