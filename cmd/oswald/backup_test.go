// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"oswald/internal/store"
)

// TestBackup copies a database that is being written, and restores it.
func TestBackup(t *testing.T) {
	dir := t.TempDir()
	config, state := filepath.Join(dir, "config.toml"), filepath.Join(dir, "state")
	for name, text := range map[string]string{"config.toml": "state = \"state\"\nroles = [\"comments\"]\n", "state/keys/bot-site.key": strings.Repeat("k", 44), "state/comments.key": strings.Repeat("c", 44)} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	db, err := store.Open(t.Context(), filepath.Join(state, "comments.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	// Two rows a transaction: a copy has both of them or none.
	if _, err := db.Exec("CREATE TABLE pair(a INTEGER NOT NULL, b INTEGER NOT NULL)"); err != nil {
		t.Fatal(err)
	}
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			tx, err := db.Begin()
			if err != nil {
				t.Error(err)
				return
			}
			for half := range 2 {
				if _, err := tx.Exec("INSERT INTO pair VALUES(?, ?)", i, half); err != nil {
					t.Error(err)
				}
			}
			if err := tx.Commit(); err != nil {
				t.Error(err)
			}
		}
	})
	var out, errs bytes.Buffer
	backup := func(args ...string) int {
		out.Reset()
		errs.Reset()
		return run(t.Context(), append([]string{"backup", "--config", config}, args...), nil, &out, &errs)
	}
	to := filepath.Join(dir, "backup")
	code := backup(to)
	close(stop)
	wg.Wait()
	if code != 0 || !strings.Contains(out.String(), "comments.db") {
		t.Fatalf("%d %s%s", code, &out, &errs)
	}
	if backup(to) != 1 || !strings.Contains(errs.String(), "there already") {
		t.Errorf("a second one into the same folder: %s", &errs)
	}
	if backup() != 2 {
		t.Error("without a folder")
	}
	var kept []string
	err = filepath.WalkDir(to, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		fi, err := e.Info()
		if err == nil && fi.Mode().Perm() != 0o600 {
			t.Errorf("%s can be read by others", path)
		}
		name, _ := filepath.Rel(to, path)
		kept = append(kept, name)
		return err
	})
	if got := fmt.Sprint(kept); err != nil || got != "[comments.db comments.key keys/bot-site.key]" {
		t.Error(got, err)
	}
	// The backup is a state folder.
	again, err := store.Open(t.Context(), filepath.Join(to, "comments.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	var whole, odd int
	if err := again.QueryRow("SELECT count(*), (SELECT count(*) FROM (SELECT 1 FROM pair GROUP BY a HAVING count(*) <> 2)) FROM pair").Scan(&whole, &odd); err != nil || odd != 0 {
		t.Errorf("%d rows, %d transactions by half: %v", whole, odd, err)
	}
	if err := store.Sound(t.Context(), again); err != nil {
		t.Error(err)
	}
}
