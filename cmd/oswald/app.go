// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"time"

	"oswald"
	"oswald/internal/store"
	"oswald/ipc"
)

// An app is the roles that run in this process.
type app struct {
	cfg   Config
	log   *slog.Logger
	parts *stack
	bus   *bus

	bot      *botRole
	site     *siteRole
	comments *commentsRole
	web      *running // nil without a web server
}

type appOptions struct {
	roles []string
	web   net.Listener // overrides web.listen; startApp closes it where it fails
	log   *slog.Logger
}

// startApp builds the roles and starts them on parts, each after what it stands
// on. Where one cannot be built, what has been started is left to parts.stop.
func startApp(parts *stack, cfg Config, o appOptions) (*app, error) {
	a := &app{cfg: cfg, log: o.log, parts: parts}
	if cfg.Web.URL != "" {
		a.cfg.Wiki.URL, a.cfg.Comments.BaseURL = cfg.Web.URL, cfg.Web.URL
	}
	err := a.build(o)
	if err != nil && o.web != nil {
		o.web.Close()
	}
	return a, err
}

func (a *app) build(o appOptions) (err error) {
	if a.bus, err = openBus(a.parts, a.cfg, slices.Contains(o.roles, "bot"), a.log); err != nil {
		return err
	}
	var site, comments http.Handler
	if slices.Contains(o.roles, "site") {
		if a.site, err = a.startSite(); err != nil {
			return err
		}
		site = a.site.site.Handler()
	}
	if slices.Contains(o.roles, "comments") {
		if a.comments, err = a.startComments(); err != nil {
			return err
		}
		comments = a.comments.server.Handler()
	}
	if site != nil || comments != nil {
		if err := a.startWeb(o.web, front(site, comments)); err != nil {
			return err
		}
	}
	if slices.Contains(o.roles, "bot") {
		if a.bot, err = a.startBot(); err != nil {
			return err
		}
	}
	return nil
}

func (a *app) startWeb(l net.Listener, h http.Handler) error {
	if l == nil {
		if a.cfg.Web.Listen == "" {
			return nil
		}
		var err error
		if l, err = net.Listen("tcp", a.cfg.Web.Listen); err != nil {
			return oswald.Wrap(err, oswald.Unavailable, "The web server cannot listen on %s (web.listen): is another program using it?", a.cfg.Web.Listen)
		}
	}
	a.web = a.parts.start("web", func(ctx context.Context) error { return serveWeb(ctx, l, h, a.log) })
	return nil
}

// openRole opens the database of a role and its node on the bus.
func (a *app) openRole(name string) (*sql.DB, *ipc.Node, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	path := filepath.Join(a.cfg.State, name+".db")
	db, err := store.Open(ctx, path)
	if err != nil {
		return nil, nil, oswald.Wrap(err, oswald.Unavailable, "The database %s cannot be used; if it is damaged, restore a backup or move it away to start anew.", path)
	}
	a.parts.onClose(db.Close)
	node, err := ipc.New(a.cfg.IPC, ipc.Deps{Name: name, DB: db, Bus: a.bus.bus, Version: version, Log: a.log})
	if err != nil {
		return nil, nil, fmt.Errorf("%s on the bus: %w", name, err)
	}
	return db, node, nil
}

// pair introduces node to its peers; each pair of roles has a key of its own.
func (a *app) pair(node *ipc.Node, name string, peers ...string) error {
	for _, peer := range peers {
		key, err := pairKey(a.cfg.Bus.Keys, name, peer)
		if err != nil {
			return err
		}
		if err := node.Pair(peer, key); err != nil {
			return err
		}
	}
	return nil
}

// cmdRun starts what the configuration enables.
func cmdRun(ctx context.Context, c console, args []string) error {
	cfg, err := configFlag(c, "run", args)
	if err != nil {
		return err
	}
	return runRoles(ctx, c, cfg, cfg.Roles)
}

// cmdRole starts one role.
func cmdRole(role string) func(context.Context, console, []string) error {
	return func(ctx context.Context, c console, args []string) error {
		cfg, err := configFlag(c, role, args)
		if err != nil {
			return err
		}
		return runRoles(ctx, c, cfg, []string{role})
	}
}

// runRoles runs until ctx ends.
func runRoles(ctx context.Context, c console, cfg Config, roles []string) error {
	level, err := cfg.logLevel()
	if err != nil {
		return err
	}
	log := newLogger(c.err, level)
	parts := &stack{log: log}
	defer parts.stop()
	if _, err := startApp(parts, cfg, appOptions{roles: roles, log: log}); err != nil {
		return err
	}
	log.Info("oswald is up", "version", version, "roles", roles)
	<-ctx.Done()
	log.Info("stopping")
	return nil
}
