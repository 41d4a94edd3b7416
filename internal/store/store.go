// SPDX-License-Identifier: GPL-3.0-or-later

// Package store opens the SQLite file of a role, or a PostgreSQL database that
// several servers share, and keeps its schema current. It is the one owner of the
// database drivers.
//
// A file has one connection: a transaction holds it, so code inside one uses
// the transaction for every query and never the *sql.DB. Commits are durable
// when they return (write-ahead log, synchronous=FULL); both settings are read
// back at start, because with synchronous=NORMAL the last commits can vanish at
// power loss and no test that merely kills the process would show it.
package store

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"path/filepath"

	_ "modernc.org/sqlite" // the driver "sqlite"
)

// Open opens or makes the database file at path, with mode 0600 and its folder
// with mode 0700.
func Open(ctx context.Context, path string) (*sql.DB, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("%w: folder: %w", errOpen, err)
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errOpen, err)
	}
	f.Close()
	u := url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath()}
	db, err := sql.Open("sqlite", u.String()+
		"?_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=foreign_keys(1)&_txlock=immediate")
	if err != nil {
		return nil, fmt.Errorf("%w %s: %w", errOpen, path, err)
	}
	db.SetMaxOpenConns(1)
	if err := verify(ctx, db); err != nil {
		db.Close()
		return nil, fmt.Errorf("%w %s: %w", errOpen, path, err)
	}
	return db, nil
}

// verify refuses a file whose commits would not be durable.
func verify(ctx context.Context, db *sql.DB) error {
	var mode string
	if err := db.QueryRowContext(ctx, "PRAGMA journal_mode").Scan(&mode); err != nil {
		return err
	}
	var sync int
	if err := db.QueryRowContext(ctx, "PRAGMA synchronous").Scan(&sync); err != nil {
		return err
	}
	if mode != "wal" || sync != 2 {
		return fmt.Errorf("commits would not be durable (journal_mode %s, synchronous %d)", mode, sync)
	}
	return nil
}

// Migrate brings the tables of one component up to date: steps that the file has
// not seen are run in order, each in a transaction of its own. A step, once
// released, never changes; a new one is appended. Several components share a
// file, each with a name of its own.
func Migrate(ctx context.Context, db *sql.DB, component string, steps []string) error {
	for {
		version, err := step(ctx, db, component, steps)
		switch {
		case err != nil:
			return fmt.Errorf("schema of %s, step %d: %w", component, version+1, err)
		case version > len(steps):
			return fmt.Errorf("schema of %s: %w: version %d, it knows %d", component, errNewer, version, len(steps))
		case version == len(steps):
			return nil
		}
	}
}

// step runs the first step that the database has not seen, and returns how many
// it has seen before. Another process may be doing the same.
func step(ctx context.Context, db *sql.DB, component string, steps []string) (version int, err error) {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return 0, err
	}
	defer tx.Rollback() // harmless after Commit
	if _, err := tx.ExecContext(ctx, `CREATE TABLE IF NOT EXISTS schema_version(
		component TEXT PRIMARY KEY, version INTEGER NOT NULL)`+strict(db)); err != nil {
		return 0, err
	}
	err = tx.QueryRowContext(ctx, "SELECT version FROM schema_version WHERE component = ?", component).Scan(&version)
	if err != nil && err != sql.ErrNoRows {
		return version, err
	}
	if version < len(steps) {
		if _, err := tx.ExecContext(ctx, steps[version]); err != nil {
			return version, err
		}
		const set = `INSERT INTO schema_version VALUES(?, ?)
			ON CONFLICT(component) DO UPDATE SET version = excluded.version`
		if _, err := tx.ExecContext(ctx, set, component, version+1); err != nil {
			return version, err
		}
	}
	return version, tx.Commit()
}

// strict makes SQLite check types, as PostgreSQL always does.
func strict(db *sql.DB) string {
	if Shared(db) {
		return ""
	}
	return " STRICT"
}

// Copy writes a sound copy of the database file at path into a new file, as it
// stands at one moment, while others may be using it.
func Copy(ctx context.Context, path, to string) error {
	if _, err := os.Stat(to); err == nil {
		return fmt.Errorf("%w: the copy is there already", errOpen)
	}
	db, err := Open(ctx, path)
	if err != nil {
		return err
	}
	defer db.Close()
	f, err := os.OpenFile(to, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600) // empty, and ours alone
	if err != nil {
		return fmt.Errorf("%w: %w", errOpen, err)
	}
	f.Close()
	if _, err := db.ExecContext(ctx, "VACUUM INTO ?", to); err != nil {
		os.Remove(to)
		return err
	}
	return nil
}

// Sound goes through the whole structure of the file and returns an error where
// it is damaged.
func Sound(ctx context.Context, db *sql.DB) error {
	var found string
	if err := db.QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&found); err != nil {
		return err
	}
	if found != "ok" {
		return fmt.Errorf("%w: %s", errDamaged, found)
	}
	return nil
}
