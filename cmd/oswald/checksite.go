// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"oswald"
	"oswald/internal/memcached"
	"oswald/internal/store"
	"oswald/ipc"
	"oswald/moderation"
	"oswald/moderation/spam"
	"oswald/wiki"
)

// writable makes a file in dir, or where dir will be made, and removes it.
func writable(dir string) error {
	for {
		if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) || dir == filepath.Dir(dir) {
			break
		}
		dir = filepath.Dir(dir)
	}
	f, err := os.CreateTemp(dir, ".oswald-check-")
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

// checkSite builds the whole site into a folder of its own and throws it away.
func checkSite(ctx context.Context, d *doctor) (string, error) {
	for _, dir := range []string{d.cfg.Wiki.Output, d.cfg.Wiki.State} {
		if dir == "" {
			continue
		}
		if err := writable(dir); err != nil {
			return "", oswald.Wrap(err, oswald.Unavailable, "The folder of the site cannot be written; give wiki.output and wiki.state to Oswald's user.")
		}
	}
	dir, err := os.MkdirTemp("", "oswald-check-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	cfg := d.cfg.Wiki
	cfg.Output, cfg.State = filepath.Join(dir, "site"), filepath.Join(dir, "state")
	s, err := wiki.New(cfg, wiki.Deps{Log: d.log})
	if err != nil {
		return "", err
	}
	build, err := s.Rebuild(ctx, "check", "", nil)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%d pages build in %v, %d warnings", build.Pages, build.Took.Round(time.Millisecond), len(build.Warnings)), nil
}

func checkSpam(_ context.Context, d *doctor) (string, error) {
	f, err := spam.New(d.cfg.Spam, spam.Deps{Log: d.log})
	if err != nil {
		return "", err
	}
	begin := time.Now()
	r := f.Classify("Thank you, the page about the laser tripwire helped me a lot.")
	return fmt.Sprintf("%s engine, a friendly comment scores %.2f in %v", d.cfg.Spam.Engine, r.Score, time.Since(begin).Round(time.Microsecond)), nil
}

// checkComments builds the comment server on an empty database, and throws that
// away.
func checkComments(ctx context.Context, d *doctor) (string, error) {
	dir, err := os.MkdirTemp("", "oswald-check-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	db, err := store.Open(ctx, filepath.Join(dir, "check.db"))
	if err != nil {
		return "", err
	}
	defer db.Close()
	cfg := d.cfg.Comments
	if _, err := os.Stat(cfg.KeyFile); errors.Is(err, fs.ErrNotExist) {
		cfg.KeyFile = filepath.Join(dir, "key") // the real one is made at first start
	}
	filter, err := spam.New(d.cfg.Spam, spam.Deps{Log: d.log})
	if err != nil {
		return "", err
	}
	_, err = moderation.New(cfg, moderation.Deps{
		DB:     db,
		Filter: filter,
		Pages:  func(string) (string, string, bool) { return "", "", false },
		Marks:  ipc.NewCache(memcached.New(memcached.Defaults())),
		Log:    d.log,
	})
	if err != nil {
		return "", startFault(err)
	}
	if cfg.Database == "" {
		return "questions and keys are there", nil
	}
	shared, err := openShared(ctx, cfg.Database)
	if err != nil {
		return "", store.Explain(err, "")
	}
	return "questions and keys are there, and PostgreSQL answers", shared.Close()
}
