// SPDX-License-Identifier: GPL-3.0-or-later

package store

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestMigrate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a folder", "100% of it?#.db")
	db, err := Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	steps := []string{"CREATE TABLE a(x) STRICT", "CREATE TABLE b(x INTEGER) STRICT"}
	steps[0] = "CREATE TABLE a(x INTEGER) STRICT"
	for range 2 {
		if err := Migrate(t.Context(), db, "one", steps[:1]); err != nil {
			t.Fatal(err)
		}
	}
	if err := Migrate(t.Context(), db, "one", steps); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec("INSERT INTO b VALUES(1)"); err != nil {
		t.Fatal(err)
	}
	if err := Migrate(t.Context(), db, "two", []string{"CREATE TABLE broken"}); err == nil {
		t.Error("a broken step was accepted")
	}
	if err := Migrate(t.Context(), db, "one", steps[:1]); err == nil || !strings.Contains(err.Error(), "newer oswald") {
		t.Errorf("a file from the future: %v", err)
	}
	db.Close()
	if fi, err := os.Stat(path); err != nil || fi.Mode().Perm() != 0o600 {
		t.Errorf("mode of the file: %v, %v", fi.Mode(), err)
	}
}

func TestOpenRefuses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	if err := os.WriteFile(path, []byte(strings.Repeat("this is no database ", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), path); err == nil {
		t.Error("opened a file that is no database")
	}
}
