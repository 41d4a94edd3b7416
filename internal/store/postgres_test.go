// SPDX-License-Identifier: GPL-3.0-or-later

package store_test

import (
	"strings"
	"sync"
	"testing"

	"oswald/internal/postgrestest"
	"oswald/internal/secret"
	"oswald/internal/store"
)

// TestPostgres: steps are run once although two open the database at the same
// time, and a transaction reads and writes as if it were alone.
func TestPostgres(t *testing.T) {
	dsn := secret.New([]byte(postgrestest.Start(t).Schema("one")))
	steps := []string{"CREATE TABLE counter(name TEXT PRIMARY KEY, value BIGINT NOT NULL); INSERT INTO counter VALUES('a', 0)",
		"ALTER TABLE counter ADD COLUMN more TEXT NOT NULL DEFAULT '?'"}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			db, err := store.OpenPostgres(t.Context(), dsn)
			if err != nil {
				t.Error(err)
				return
			}
			defer db.Close()
			if !store.Shared(db) {
				t.Error("not shared")
			}
			if err := store.Migrate(t.Context(), db, "test", steps); err != nil {
				t.Error(err)
				return
			}
			for range 25 {
				tx, err := db.BeginTx(t.Context(), nil)
				if err != nil {
					t.Error(err)
					return
				}
				var v int64
				if err := tx.QueryRow("SELECT value FROM counter WHERE name = ? AND more = '?' -- really?\n AND name = ?1", "a").Scan(&v); err != nil {
					t.Error(err)
				}
				if _, err := tx.Exec("UPDATE counter SET value = ?2 WHERE name = ?1", "a", v+1); err != nil {
					t.Error(err)
				}
				if err := tx.Commit(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	db, err := store.OpenPostgres(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var v int64
	if err := db.QueryRow("SELECT value FROM counter").Scan(&v); err != nil || v != 100 {
		t.Error(v, err)
	}
	if err := store.Migrate(t.Context(), db, "test", steps[:1]); !store.Known(err) {
		t.Errorf("a newer database: %v", err)
	}
}

func TestPostgresThatIsNotThere(t *testing.T) {
	for _, dsn := range []string{"host=/nowhere password=hunter2", "postgres://x:hunter2@[", "hunter2"} {
		_, err := store.OpenPostgres(t.Context(), secret.New([]byte(dsn)))
		if !store.Known(err) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%v", err)
		}
	}
}
