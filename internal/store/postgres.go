// SPDX-License-Identifier: GPL-3.0-or-later

package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"oswald/internal/secret"
)

// writeLock is the advisory lock that every transaction takes first, so that one
// writes at a time as in a SQLite file, whichever server it is of. What reads
// outside a transaction does not wait.
const writeLock = 0x6f73776c64 // "oswld"

// OpenPostgres opens the database that dsn names, as libpq writes it: a URL, or
// words such as "host=/run/postgresql dbname=oswald". Queries are written as for
// SQLite, with ? and ?1 for their arguments. Unlike a file it has several
// connections, and other processes may have it open: a transaction still has the
// database to itself for writing.
func OpenPostgres(ctx context.Context, dsn secret.Secret) (*sql.DB, error) {
	cfg, err := pgx.ParseConfig(strings.TrimSpace(string(dsn.Reveal())))
	if err != nil {
		return nil, fmt.Errorf("%w: the words that name the server are not understood", errPostgres) // err may quote the password
	}
	for name, value := range map[string]string{
		"application_name":                    "oswald",
		"synchronous_commit":                  "on",
		"lock_timeout":                        "10s",
		"statement_timeout":                   "60s",
		"idle_in_transaction_session_timeout": "60s", // a server that hangs must not hold the others up
		"timezone":                            "UTC",
	} {
		cfg.RuntimeParams[name] = value
	}
	if cfg.ConnectTimeout == 0 {
		cfg.ConnectTimeout = 10 * time.Second
	}
	db := sql.OpenDB(connector{stdlib.GetConnector(*cfg)})
	db.SetMaxOpenConns(8)
	db.SetMaxIdleConns(4)
	db.SetConnMaxIdleTime(5 * time.Minute)
	var fsync, commit, encoding string
	for name, value := range map[string]*string{"fsync": &fsync, "synchronous_commit": &commit, "server_encoding": &encoding} {
		if err := db.QueryRowContext(ctx, "SHOW "+name).Scan(value); err != nil {
			db.Close()
			return nil, fmt.Errorf("%w: %w", errPostgres, err)
		}
	}
	switch {
	case fsync != "on" || commit != "on":
		err = fmt.Errorf("%w: commits would not be durable (fsync %s, synchronous_commit %s)", errPostgres, fsync, commit)
	case encoding != "UTF8":
		err = fmt.Errorf("%w: the encoding is %s, not UTF8", errPostgres, encoding)
	}
	if err != nil {
		db.Close()
		return nil, err
	}
	return db, nil
}

// Shared reports whether db is one that other processes may have open too.
func Shared(db *sql.DB) bool {
	_, ok := db.Driver().(postgres)
	return ok
}

// postgres is pgx for queries written as for SQLite.
type postgres struct{}

func (postgres) Open(string) (driver.Conn, error) {
	return nil, fmt.Errorf("%w: opened without a connector", errPostgres)
}

type connector struct{ pgx driver.Connector }

func (connector) Driver() driver.Driver { return postgres{} }

func (c connector) Connect(ctx context.Context) (driver.Conn, error) {
	inner, err := c.pgx.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return conn{inner.(*stdlib.Conn)}, nil
}

type conn struct{ *stdlib.Conn }

func (c conn) Prepare(query string) (driver.Stmt, error) { return c.Conn.Prepare(dollars(query)) }

func (c conn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	return c.Conn.PrepareContext(ctx, dollars(query))
}

func (c conn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	return c.Conn.ExecContext(ctx, dollars(query), args)
}

func (c conn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	return c.Conn.QueryContext(ctx, dollars(query), args)
}

// BeginTx begins a transaction that has waited for its turn to write. Each of its
// queries sees all that was committed before.
func (c conn) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	tx, err := c.Conn.BeginTx(ctx, opts)
	if err != nil || opts.ReadOnly {
		return tx, err
	}
	if _, err := c.Conn.ExecContext(ctx, "SELECT pg_advisory_xact_lock($1)", []driver.NamedValue{{Ordinal: 1, Value: int64(writeLock)}}); err != nil {
		_ = tx.Rollback()
		return nil, err
	}
	return tx, nil
}

// dollars writes ? and ?2 as $1 and $2. A question mark inside quotes or a comment
// stays.
func dollars(query string) string {
	if !strings.Contains(query, "?") {
		return query
	}
	var b strings.Builder
	n := 0
	for i := 0; i < len(query); i++ {
		skip := 0
		switch c := query[i]; {
		case c == '\'' || c == '"':
			skip = strings.IndexByte(query[i+1:], c) + 2
		case c == '-' && strings.HasPrefix(query[i:], "--"):
			skip = strings.IndexByte(query[i:], '\n')
		case c == '?':
			end := i + 1
			for end < len(query) && query[end] >= '0' && query[end] <= '9' {
				end++
			}
			b.WriteByte('$')
			if end > i+1 {
				b.WriteString(query[i+1 : end])
			} else {
				n++
				b.WriteString(strconv.Itoa(n))
			}
			i = end - 1
			continue
		}
		if skip > 1 {
			b.WriteString(query[i : i+skip])
			i += skip - 1
			continue
		}
		b.WriteByte(query[i])
	}
	return b.String()
}
