// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"oswald"
	"oswald/internal/backoff"
	"oswald/internal/sdnotify"
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
	// missing are the roles besides the bot that could not be started. It does
	// not change once the bot runs.
	missing []oswald.Part
	lost    error // why the bot could not be started at first

	mu  sync.Mutex
	dbs map[string]*sql.DB // of each role; guarded by mu
}

type appOptions struct {
	roles []string
	web   net.Listener // overrides web.listen; startApp closes it where it is not used
	log   *slog.Logger
}

// startApp builds the roles and starts them on parts, each after what it stands
// on. A role that cannot be built leaves the others working: status and the log
// say what to do about it. It fails where there is nothing left to run; what has
// been started is then left to parts.stop.
func startApp(parts *stack, cfg Config, o appOptions) (*app, error) {
	a := &app{cfg: cfg, log: o.log, parts: parts, dbs: map[string]*sql.DB{}}
	if cfg.Web.URL != "" {
		a.cfg.Wiki.URL, a.cfg.Comments.BaseURL = cfg.Web.URL, cfg.Web.URL
	}
	err := a.build(o)
	if a.site == nil && a.comments == nil && o.web != nil {
		o.web.Close()
	}
	return a, err
}

func (a *app) build(o appOptions) error {
	roles, err := a.claimRoles(o.roles)
	if err != nil {
		return err
	}
	if a.bus, err = openBus(a.parts, a.cfg, slices.Contains(roles, "bot"), a.log); err != nil {
		return err
	}
	errs := make([]error, 0, len(roles))
	try := func(role string, start func() error) {
		if !slices.Contains(roles, role) {
			return
		}
		if err := a.parts.attempt(start); err != nil {
			errs = append(errs, a.lose(role, err))
		}
	}
	try("site", a.startSite)
	try("comments", a.startComments)
	var site, comments http.Handler
	if a.site != nil {
		site = a.site.site.Handler()
	}
	if a.comments != nil {
		comments = a.comments.server.Handler()
	} else if slices.Contains(o.roles, "comments") {
		comments = http.HandlerFunc(noComments)
	}
	if site != nil || comments != nil {
		a.startWeb(o.web, front(site, comments))
	}
	try("bot", a.startBot)
	if len(errs) == len(roles) {
		return errors.Join(errs...)
	}
	if a.bot == nil && slices.Contains(roles, "bot") {
		a.lost = errs[len(errs)-1]
		a.parts.start("bot, once more", a.retryBot)
	}
	return nil
}

// retryBot tries again to start the bot, which nobody can ask what is wrong with
// it: a full disk may have room again, a backup that held the database may be
// done. The other roles are lost until a restart, which status says.
func (a *app) retryBot(ctx context.Context) error {
	again := backoff.Backoff{Min: 2 * time.Second, Max: 5 * time.Minute}
	last := ""
	for again.Wait(ctx) == nil {
		err := a.parts.attempt(a.startBot)
		if err == nil {
			a.log.Info("the bot is up after all")
			<-ctx.Done()
			break
		}
		a.forget("bot")
		if err.Error() != last {
			a.log.Error("the bot still cannot be started", "err", err)
		}
		last = err.Error()
	}
	return nil
}

// claimRoles keeps two processes from running one role on one state folder. It
// returns the roles that are ours.
func (a *app) claimRoles(roles []string) (ours []string, err error) {
	if err := os.MkdirAll(a.cfg.State, 0o700); err != nil {
		return nil, oswald.Wrap(err, oswald.Unavailable, "The state folder (state) cannot be made; name another, or make it and give it to Oswald's user.")
	}
	var errs []error
	for _, role := range roles {
		unlock, err := lockFile(filepath.Join(a.cfg.State, role+".lock"))
		switch {
		case errors.Is(err, errLocked):
			errs = append(errs, oswald.Errorf(oswald.Conflict, "Another oswald runs the role %s with this state folder; stop one of the two.", role))
		case err != nil:
			return nil, oswald.Wrap(err, oswald.Unavailable, "The state folder (state) cannot be written; give it to Oswald's user.")
		default:
			a.parts.onClose(unlock)
			ours = append(ours, role)
		}
	}
	switch {
	case len(ours) == 0 && len(roles) > 1:
		return nil, oswald.Errorf(oswald.Conflict, "Another oswald is running with this state folder; stop it first, or name another folder under state.")
	case len(ours) == 0:
		return nil, errors.Join(errs...)
	}
	for _, err := range errs {
		a.log.Error("a role is left out", "err", err)
		a.missing = append(a.missing, oswald.Part{Name: "role", State: oswald.MessageOf(err)})
	}
	return ours, nil
}

// lose notes that a role could not be started, and returns why in plain words.
func (a *app) lose(role string, err error) error {
	if store.Known(err) {
		err = store.Explain(err, a.database(role))
	}
	a.log.Error("a role cannot be started", "role", role, "err", err)
	a.forget(role)
	if role != "bot" {
		a.missing = append(a.missing, oswald.Part{Name: role, State: oswald.MessageOf(startFault(err)) + " Then restart oswald."})
	}
	return err
}

// forget drops the database of a role that has not been started.
func (a *app) forget(role string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.dbs, role)
}

// startFault words why something could not be built. An error that was not
// written for people names at least the key that it is about.
func startFault(err error) error {
	if oswald.CodeOf(err) != oswald.Internal {
		return err
	}
	for _, key := range knownKeys() {
		if strings.HasPrefix(err.Error(), key+":") {
			return oswald.Wrap(err, oswald.Invalid, "It cannot be started: check %s; the log says more.", key)
		}
	}
	return oswald.Wrap(err, oswald.Unavailable, "It cannot be started; the log says why.")
}

func (a *app) database(role string) string { return filepath.Join(a.cfg.State, role+".db") }

// startWeb serves h at l, or at web.listen as soon as that is free.
func (a *app) startWeb(l net.Listener, h http.Handler) {
	listen := func() (net.Listener, error) { return l, nil }
	if l == nil {
		if a.cfg.Web.Listen == "" {
			return
		}
		listen = func() (net.Listener, error) {
			l, err := net.Listen("tcp", a.cfg.Web.Listen)
			return l, listenFault(err, "web server", "web.listen")
		}
	}
	a.parts.startServer("web server", listen, func(ctx context.Context, l net.Listener) error {
		return serveWeb(ctx, l, h, a.log)
	})
}

// openRole opens the database of a role and its node on the bus.
func (a *app) openRole(name string) (*sql.DB, *ipc.Node, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	db, err := store.Open(ctx, a.database(name))
	if err != nil {
		return nil, nil, err
	}
	a.parts.onClose(db.Close)
	a.mu.Lock()
	a.dbs[name] = db
	a.mu.Unlock()
	node, err := ipc.New(a.cfg.IPC, ipc.Deps{Name: name, DB: db, Bus: a.bus.bus, Version: version, Log: a.log})
	if err != nil {
		return nil, nil, fmt.Errorf("on the bus: %w", err)
	}
	return db, node, nil
}

// pair introduces node to its peers; each pair of roles has a key of its own.
func (a *app) pair(node *ipc.Node, name string, peers ...string) error {
	for _, peer := range peers {
		if err := node.PairFiles(peer, ipc.NewKeys(a.cfg.Bus.Keys)); err != nil {
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
	a, err := startApp(parts, cfg, appOptions{roles: roles, log: log})
	if err != nil {
		return err
	}
	systemd := sdnotify.New(os.Getenv, os.Getpid(), log)
	systemd.Ready("running " + strings.Join(roles, ", "))
	parts.start("watchdog", func(ctx context.Context) error {
		systemd.Watch(ctx, a.alive)
		<-ctx.Done()
		return nil
	})
	log.Info("oswald is up", "version", version, "roles", roles)
	<-ctx.Done()
	systemd.Stopping()
	log.Info("stopping")
	return nil
}
