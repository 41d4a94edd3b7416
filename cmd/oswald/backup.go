// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"oswald"
	"oswald/internal/store"
)

// cmdBackup copies what Oswald keeps, while it runs: each database as one sound
// file, and the keys. Restoring is copying the folder's files back into the state
// folder of an oswald that is stopped.
func cmdBackup(ctx context.Context, c console, args []string) error {
	cfg, rest, err := configArgs(c, "backup", args)
	if err != nil {
		return err
	}
	if len(rest) != 1 {
		return errUsage
	}
	dir := rest[0]
	if err := os.Mkdir(dir, 0o700); errors.Is(err, fs.ErrExist) {
		return oswald.Errorf(oswald.Conflict, "%s is there already; name a new folder for each backup.", dir)
	} else if err != nil {
		return oswald.Wrap(err, oswald.Unavailable, "The folder %s cannot be made.", dir)
	}
	ctx, cancel := context.WithTimeout(ctx, time.Hour)
	defer cancel()
	found, err := filepath.Glob(filepath.Join(cfg.State, "*.db"))
	if err != nil {
		return err
	}
	for _, path := range found {
		if err := store.Copy(ctx, path, filepath.Join(dir, filepath.Base(path))); err != nil {
			return store.Explain(err, path)
		}
		fmt.Fprintln(c.out, filepath.Base(path))
	}
	keys, err := filepath.Glob(filepath.Join(cfg.Bus.Keys, "*.key"))
	if err != nil {
		return err
	}
	for _, path := range append(keys, cfg.Comments.KeyFile) {
		name, err := filepath.Rel(cfg.State, path)
		if err != nil || !filepath.IsLocal(name) {
			name = filepath.Base(path)
		}
		switch err := copyKey(path, filepath.Join(dir, name)); {
		case errors.Is(err, fs.ErrNotExist):
			continue
		case err != nil:
			return oswald.Wrap(err, oswald.Unavailable, "The key %s cannot be copied.", filepath.Base(path))
		}
		found = append(found, path)
		fmt.Fprintln(c.out, name)
	}
	if len(found) == 0 {
		return oswald.Errorf(oswald.NotFound, "There is nothing in the state folder yet.")
	}
	if cfg.Comments.Database != "" && slices.Contains(cfg.Roles, "comments") {
		fmt.Fprintln(c.out, "The comments are in PostgreSQL: back them up with pg_dump.")
	}
	return nil
}

func copyKey(from, to string) error {
	b, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return err
	}
	return os.WriteFile(to, b, 0o600)
}
