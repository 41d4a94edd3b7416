// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"

	"oswald"
	"oswald/wiki"
)

// wikiServe builds the site each time a page changes and shows it at an address
// of this machine, where open pages load themselves again. watch builds the site
// itself; serve is a preview, which builds into a folder that goes again and
// leaves the site alone.
func wikiServe(ctx context.Context, c console, what string, args []string) error {
	flags := flag.NewFlagSet("wiki "+what, flag.ContinueOnError)
	flags.SetOutput(c.err)
	file := flags.String("config", defaultConfig, "configuration file")
	addr := flags.String("addr", "127.0.0.1:8081", "address to show the site at")
	if flags.Parse(args) != nil || flags.NArg() != 0 {
		return errUsage
	}
	cfg, err := loadConfig(*file)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", *addr)
	if err != nil {
		return oswald.Wrap(err, oswald.Unavailable, "Nothing can be shown at %s: choose another address with --addr.", *addr)
	}
	defer l.Close()
	if cfg.Web.URL != "" {
		cfg.Wiki.URL = cfg.Web.URL
	}
	if what == "serve" {
		dir, err := os.MkdirTemp("", "oswald-preview-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		cfg.Wiki.Output, cfg.Wiki.State = filepath.Join(dir, "site"), filepath.Join(dir, "state")
		cfg.Wiki.URL, cfg.Wiki.Gate, cfg.Wiki.Compress = "http://"+l.Addr().String()+"/", false, nil
	} else {
		unlock, err := lockSite(cfg)
		if err != nil {
			return err
		}
		defer unlock()
	}
	log := newLogger(c.err, slog.LevelError)
	site, err := wiki.New(cfg.Wiki, wiki.Deps{Log: log})
	if err != nil {
		return err
	}
	preview := wiki.NewPreview(site.Handler())
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	served := make(chan error, 1)
	go func() {
		defer cancel()
		served <- serveWeb(ctx, l, preview, log)
	}()
	fmt.Fprintf(c.out, "http://%s/ shows %s; Ctrl-C ends it.\n", l.Addr(), cfg.Wiki.Source)
	err = site.Watch(ctx, func(ctx context.Context) {
		b, err := site.Rebuild(ctx, "watch-"+oswald.RandomID(), "", nil)
		switch {
		case ctx.Err() != nil:
		case err != nil:
			fmt.Fprintln(c.out, oswald.MessageOf(err))
		case b.Written+b.Removed > 0:
			_ = printBuild(c, b, nil)
			preview.Changed()
		}
	})
	cancel()
	if err2 := <-served; err == nil {
		err = err2
	}
	return err
}
