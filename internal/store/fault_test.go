// SPDX-License-Identifier: GPL-3.0-or-later

package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"oswald"
)

func TestExplain(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "bot.db")
	test := func(what string, err error, words ...string) {
		t.Helper()
		if !Known(err) {
			t.Errorf("%s: not known: %v", what, err)
		}
		got := oswald.MessageOf(Explain(err, path))
		for _, w := range append(words, "bot.db") {
			if !strings.Contains(got, w) {
				t.Errorf("%s is explained without %q: %s", what, w, got)
			}
		}
		if strings.Contains(got, dir) {
			t.Errorf("%s is explained with a path: %s", what, got)
		}
	}
	open := func() error {
		db, err := Open(t.Context(), path)
		if err == nil {
			defer db.Close()
			err = Sound(t.Context(), db)
		}
		return err
	}
	if err := open(); err != nil {
		t.Fatal(err)
	}

	os.Remove(path)
	if err := os.WriteFile(path, []byte(strings.Repeat("this is no database ", 500)), 0o600); err != nil {
		t.Fatal(err)
	}
	test("garbage", open(), "damaged", "backup")
	os.Remove(path)
	if err := os.Mkdir(path, 0o700); err != nil {
		t.Fatal(err)
	}
	test("a folder", open(), "Oswald's user")
	os.Remove(path)

	db, err := Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	if err := Migrate(t.Context(), db, "a", []string{"CREATE TABLE a(x)", "CREATE TABLE b(x)"}); err != nil {
		t.Fatal(err)
	}
	test("a newer file", Migrate(t.Context(), db, "a", []string{"CREATE TABLE a(x)"}), "newer oswald")
	if _, err := db.Exec("PRAGMA max_page_count = 1"); err != nil {
		t.Fatal(err)
	}
	_, err = db.Exec("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i < 99999) INSERT INTO a SELECT i FROM n")
	test("a full disk", err, "full", "make room")
	db.Close()
	test("a full disk elsewhere", fmt.Errorf("key: %w", syscall.ENOSPC), "full")

	db, err = Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec("PRAGMA wal_checkpoint(TRUNCATE)"); err != nil {
		t.Fatal(err)
	}
	db.Close()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := 4096; i < len(b); i++ {
		b[i] ^= 0x55
	}
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	test("a damaged middle", open(), "damaged", "backup")

	if Known(errors.New("else")) || Known(nil) || Explain(nil, path) != nil {
		t.Error("what is no fault of a database is taken for one")
	}
}
