// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"oswald"
)

const (
	sourceFresh   = 10 * time.Second // for forms; accepting an edit always asks anew
	sourceEntries = 64
	sourceAsks    = 4 // at a time: visitors must not fill the bus
	sourceTimeout = 8 * time.Second
)

// A sourceCache keeps the sources of pages for the forms in which visitors edit
// them, so that a form costs the site role nothing when many ask for it. Safe
// for concurrent use.
type sourceCache struct {
	ask  func(ctx context.Context, page string) (oswald.PageSource, error)
	log  *slog.Logger
	slot chan struct{}

	mu    sync.Mutex
	known map[string]cachedSource
}

type cachedSource struct {
	text string
	ok   bool
	at   time.Time
}

func newSourceCache(ask func(context.Context, string) (oswald.PageSource, error), log *slog.Logger) *sourceCache {
	return &sourceCache{ask: ask, log: log, slot: make(chan struct{}, sourceAsks), known: map[string]cachedSource{}}
}

// Source returns the source of a page; ok is false where it cannot be had.
func (c *sourceCache) Source(ctx context.Context, page string) (text string, ok bool) {
	if s, fresh := c.look(page); fresh {
		return s.text, s.ok
	}
	ctx, cancel := context.WithTimeout(ctx, sourceTimeout)
	defer cancel()
	select {
	case c.slot <- struct{}{}:
	case <-ctx.Done():
		return "", false
	}
	defer func() { <-c.slot }()
	if s, fresh := c.look(page); fresh { // somebody asked while we waited
		return s.text, s.ok
	}
	src, err := c.ask(ctx, page)
	if err != nil && ctx.Err() == nil {
		c.log.Warn("source of a page", "page", page, "err", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.known) >= sourceEntries {
		clear(c.known)
	}
	c.known[page] = cachedSource{src.Text, err == nil, time.Now()}
	return src.Text, err == nil
}

func (c *sourceCache) look(page string) (s cachedSource, fresh bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s = c.known[page]
	return s, !s.at.IsZero() && time.Since(s.at) < sourceFresh
}

// forget is called when a page has been edited.
func (c *sourceCache) forget(page string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.known, page)
}

// A publisher is the site role as the comment server uses it.
type publisher struct {
	site interface {
		Source(ctx context.Context, id, page string) (oswald.PageSource, error)
		Edit(ctx context.Context, id string, e oswald.PageEdit, progress func(string)) (oswald.Published, error)
	}
	sources *sourceCache
}

// Source implements moderation.Publisher.
func (p publisher) Source(ctx context.Context, id, page string) (oswald.PageSource, error) {
	return p.site.Source(ctx, id, page)
}

// Edit implements moderation.Publisher.
func (p publisher) Edit(ctx context.Context, id string, e oswald.PageEdit, progress func(string)) (oswald.Published, error) {
	defer p.sources.forget(e.Page)
	return p.site.Edit(ctx, id, e, progress)
}
