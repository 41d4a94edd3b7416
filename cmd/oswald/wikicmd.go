// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"

	"oswald"
	"oswald/wiki"
)

// cmdWiki works on the site without chat and without the site role. That must not
// run meanwhile, since only one process may build; to check does not matter.
func cmdWiki(ctx context.Context, c console, args []string) error {
	switch {
	case len(args) > 0 && (args[0] == "serve" || args[0] == "watch"):
		return wikiServe(ctx, c, args[0], args[1:])
	case len(args) > 0 && args[0] == "import":
		return wikiImport(ctx, c, args[1:])
	}
	if len(args) == 0 || !slices.Contains([]string{"build", "publish", "rollback", "check"}, args[0]) {
		return errUsage
	}
	what := args[0]
	cfg, err := configFlag(c, "wiki "+what, args[1:])
	if err != nil {
		return err
	}
	if cfg.Web.URL != "" {
		cfg.Wiki.URL = cfg.Web.URL
	}
	if what == "check" {
		return checkWiki(ctx, c, cfg.Wiki)
	}
	site, err := wiki.New(cfg.Wiki, wiki.Deps{Log: newLogger(c.err, slog.LevelError)})
	if err != nil {
		return err
	}
	unlock, err := lockSite(cfg)
	if err != nil {
		return err
	}
	defer unlock()
	if os.Getenv("GOGC") == "" {
		// A process for one build holds much for a short time: less room for garbage
		// is what a small machine needs, and costs some hundredths of the time.
		debug.SetGCPercent(60)
	}
	switch what {
	case "build":
		b, err := site.Rebuild(ctx, "shell-"+oswald.RandomID(), "", nil)
		return printBuild(c, b, err)
	case "publish":
		b, err := site.Publish(ctx, "shell-"+oswald.RandomID(), nil)
		return printBuild(c, b, err)
	case "rollback":
		set, err := site.Rollback(ctx, "shell-"+oswald.RandomID())
		if err != nil {
			return err
		}
		fmt.Fprintf(c.out, "taken back: %s\nBuilds change nothing until `oswald wiki publish`.\n", set.Summary())
		return nil
	}
	return errUsage
}

// lockSite keeps the site role and other commands from building meanwhile.
func lockSite(cfg Config) (unlock func(), err error) {
	if err := os.MkdirAll(cfg.State, 0o700); err != nil {
		return nil, oswald.Wrap(err, oswald.Unavailable, "The state folder (state) cannot be made; name another, or make it and give it to Oswald's user.")
	}
	release, err := lockFile(filepath.Join(cfg.State, "site.lock"))
	if errors.Is(err, errLocked) {
		return nil, oswald.Errorf(oswald.Conflict, "The site role is running and does this itself: ask it in the chat or with `oswald ctl`, or stop it first.")
	}
	if err != nil {
		return nil, oswald.Wrap(err, oswald.Unavailable, "The state folder (state) cannot be written; give it to Oswald's user.")
	}
	return func() { _ = release() }, nil
}

// checkWiki builds into a folder that goes again, and lists what is wrong.
func checkWiki(ctx context.Context, c console, cfg wiki.Config) error {
	dir, err := os.MkdirTemp("", "oswald-check-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	cfg.Output, cfg.State = filepath.Join(dir, "site"), filepath.Join(dir, "state")
	site, err := wiki.New(cfg, wiki.Deps{Log: newLogger(c.err, slog.LevelError)})
	if err != nil {
		return err
	}
	if _, err := site.Rebuild(ctx, "check", "", nil); err != nil {
		return err
	}
	for _, w := range site.Report().Warnings {
		fmt.Fprintln(c.out, w)
	}
	if n := len(site.State().Broken); n > 0 {
		return oswald.Errorf(oswald.Conflict, "What leads nowhere or does not work: %d.", n)
	}
	fmt.Fprintln(c.out, "Every link leads somewhere.")
	return nil
}

func printBuild(c console, b oswald.Build, err error) error {
	if err != nil {
		return err
	}
	fmt.Fprintf(c.out, "pages %d: %d files written, %d removed, %d as they were, in %d ms\n", b.Pages, b.Written, b.Removed, b.Unchanged, b.Took.Milliseconds())
	for _, w := range b.Warnings {
		fmt.Fprintln(c.out, w)
	}
	return nil
}
