// SPDX-License-Identifier: GPL-3.0-or-later

// Package moderation is the comment server: pages of comments, the form, the
// gates before it, the queue, and the decisions of moderators.
//
// It needs no account, no JavaScript, no third party and no cookie. A page of
// comments is rendered once and may be cached by anybody, because nothing in it
// belongs to one reader; whatever does (form, token, notice) is a separate
// answer that nobody may store. A comment is published, queued or hidden on
// arrival by the spam filter, and every decision of a person teaches the filter.
// Feeds are Atom (RFC 4287); the cryptographic ID is HMAC-SHA3-256 (FIPS 202).
//
// All methods of [Server] may be called from any goroutine. Run blocks and is
// called once. [Deps].Pages is called from request goroutines and must not block.
// [Client] offers the same methods over the message bus.
package moderation

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"oswald"
	"oswald/internal/secret"
	"oswald/internal/store"
)

// Marks remembers for a while that something has been seen: session tokens that
// were used, and slots of rate limits. Add reports whether key was fresh. With
// several comment servers it is shared by all of them.
type Marks interface {
	Add(key string, val []byte, ttl time.Duration) (fresh bool, err error)
}

// PageStore takes finished pages, so that a web server can serve them by itself.
// A key is the path of the page: "/c/getting-started", "/c/getting-started~2",
// "/c/getting-started.atom". Only one goroutine calls it.
type PageStore interface {
	Put(key string, html []byte) error
	Delete(key string) error
}

// Deps is what the comment server needs from others.
type Deps struct {
	// DB is from package store: a file of ours alone, or a PostgreSQL database that
	// several servers share, of which one alone has Alert.
	DB     *sql.DB
	Filter Filter
	// Pages looks a wiki page up; ok is false where there is none, and then
	// nobody can comment.
	Pages func(key string) (title, url string, ok bool)
	// Source returns the source of a page, for suggested edits; nil: none are taken.
	Source func(ctx context.Context, key string) (text string, ok bool)
	// Publisher puts accepted edits into their pages; nil: none are accepted.
	Publisher Publisher

	Marks Marks     // nil: kept in this process
	Store PageStore // nil: pages are only kept in this process
	// Alert tells the owner something unasked. It returns nil once that cannot be
	// lost any more; after an error it is called again. Run alone calls it.
	Alert func(context.Context, oswald.Alert) error
	Log   *slog.Logger
	Now   func() time.Time
}

// Server is the comment server.
type Server struct {
	cfg     Config
	db      *sql.DB
	filter  Filter
	pages   func(key string) (title, url string, ok bool)
	source  func(ctx context.Context, key string) (text string, ok bool)
	publish Publisher
	marks   *limiter
	alert   func(context.Context, oswald.Alert) error
	log     *slog.Logger
	now     func() time.Time
	keys    keys
	proxies []netip.Prefix
	asks    *questions
	tarpit  *tarpit
	views   *views
	refresh *refresher
	tmpl    *templates

	// shared says that other comment servers may have the database open too, and
	// further that this one leaves alerts and purging to another of them.
	shared, further bool

	settling sync.Mutex    // one settle at a time, so that a label is learnt once
	learnt   int64         // label.seq up to which the filter knows all; used when shared; guarded by settling
	unlearnt atomic.Int64  // value of memoUnlearn that the filter was refitted for
	wake     chan struct{} // something for Run's loop to look at
	quit     chan struct{} // closed when Run ends: releases the tarpit
}

// New connects the parts. It makes the key file if there is none, and the tables.
func New(cfg Config, d Deps) (*Server, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if d.DB == nil || d.Filter == nil || d.Pages == nil {
		return nil, errors.New("moderation: database, filter and page list are needed")
	}
	if d.Log == nil {
		d.Log = slog.New(slog.DiscardHandler)
	}
	if d.Now == nil {
		d.Now = time.Now
	}
	shared := store.Shared(d.DB)
	further := shared && d.Alert == nil
	if d.Alert == nil {
		d.Alert = func(context.Context, oswald.Alert) error { return nil }
	}
	log := d.Log.With("pkg", "moderation")
	key, err := secret.ReadOrMake(cfg.KeyFile)
	if err != nil {
		return nil, oswald.Wrap(err, oswald.Invalid, "comments.key_file cannot be read or made: give the comments role write access to its folder.")
	}
	if len(key.Reveal()) < 32 {
		return nil, oswald.Errorf(oswald.Invalid, "comments.key_file: shorter than 32 bytes; remove the file and it is made anew")
	}
	asks, err := newQuestions(cfg.Questions, log, d.Now)
	if err != nil {
		return nil, err
	}
	proxies, err := cfg.proxies()
	if err != nil {
		return nil, err
	}
	if err := store.Migrate(context.Background(), d.DB, "moderation", map[bool][]string{false: schema, true: schemaPostgres}[shared]); err != nil {
		return nil, err
	}
	s := &Server{
		cfg: cfg, db: d.DB, shared: shared, further: further, filter: d.Filter, pages: d.Pages, source: d.Source, publish: d.Publisher, alert: d.Alert, log: log, now: d.Now,
		keys: newKeys(key), proxies: proxies, asks: asks,
		marks:  newLimiter(d.Marks, log, d.Now),
		tarpit: newTarpit(cfg.Tarpit, cfg.TarpitHold),
		views:  newViews(viewBytes),
		tmpl:   parseTemplates(),
		wake:   make(chan struct{}, 1),
		quit:   make(chan struct{}),
	}
	s.refresh = newRefresher(s, d.Store)
	return s, nil
}

// Run keeps the pages in the page store current, tells the owner what waits, and
// purges what is too old. It returns when ctx ends.
func (s *Server) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	defer wg.Wait() // deferred first, so runs last
	defer close(s.quit)
	wg.Go(func() { s.refresh.run(ctx) })
	if err := s.startFilter(ctx); err != nil && ctx.Err() == nil {
		s.log.Error("the filter could not learn what people said while it was away", "err", err)
	}
	tick := time.NewTicker(20 * time.Second)
	defer tick.Stop()
	s.look(ctx)
	for {
		select {
		case <-ctx.Done():
			s.saveFilter()
			return nil
		case <-s.wake:
			s.look(ctx)
		case <-tick.C:
			s.asks.reload()
			s.follow(ctx)
			s.look(ctx)
			s.purge(ctx)
		}
	}
}

// poke asks Run's loop to look at queue and burst.
func (s *Server) poke() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// Server returns an http.Server for Handler alone, with limits that hold against
// slow clients. Who mounts Handler elsewhere takes the same limits over: answers
// that last longer (the tarpit) move their own deadlines.
func (s *Server) Server() *http.Server {
	return &http.Server{
		Handler:           s.Handler(),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       15 * time.Second,
		WriteTimeout:      20 * time.Second,
		IdleTimeout:       60 * time.Second,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
}

// Part reports how the comment server is doing, for `status`.
func (s *Server) Part(ctx context.Context) oswald.Part {
	p := oswald.Part{Name: "comments", OK: true}
	c, err := s.count(ctx)
	if err != nil {
		s.log.Error("counting comments", "err", err)
		p.OK, p.State = false, "the database does not answer: see the log"
		return p
	}
	p.State = fmt.Sprintf("%d shown, %d waiting, %d hidden", c.shown, c.queued, c.hidden)
	if held := s.tarpit.held(); held > 0 {
		p.State += fmt.Sprintf(", %d in the tarpit", held)
	}
	return p
}
