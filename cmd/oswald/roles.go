// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"oswald"
	"oswald/ipc"
	"oswald/moderation"
	"oswald/moderation/spam"
	"oswald/wiki"
)

// siteRole builds the wiki and serves it.
type siteRole struct{ site *wiki.Site }

func (a *app) startSite() error {
	site, err := wiki.New(a.cfg.Wiki, wiki.Deps{Log: a.log})
	if err != nil {
		return err
	}
	_, node, err := a.openRole("site")
	if err != nil {
		return err
	}
	if err := a.pair(node, "site", "bot", "comments"); err != nil {
		return err
	}
	for verb, h := range wiki.Verbs(site) {
		node.Handle(verb, h)
	}
	a.parts.start("site", node.Run)
	a.parts.start("first build", func(ctx context.Context) error {
		// What was edited while the role was away is built before anybody asks.
		if _, err := site.Rebuild(ctx, "start-"+oswald.RandomID(), "", nil); err != nil && ctx.Err() == nil {
			a.log.Error("first build", "err", err)
		}
		<-ctx.Done()
		return nil
	})
	a.site = &siteRole{site}
	return nil
}

// commentsRole is the comment server with its filter.
type commentsRole struct {
	server *moderation.Server
	filter *spam.Filter
}

func (a *app) startComments() error {
	db, node, err := a.openRole("comments")
	if err != nil {
		return err
	}
	if err := a.pair(node, "comments", "bot", "site"); err != nil {
		return err
	}
	filter, err := spam.New(a.cfg.Spam, spam.Deps{Log: a.log})
	if err != nil {
		return err
	}
	a.parts.onClose(filter.Save)
	alerts := newAlertSender(node, a.log)
	output := ""
	if a.site != nil {
		output = a.cfg.Wiki.Output
	}
	pages := newPageList(output, a.cfg.Wiki.URL, a.log)
	delivered, err := a.cfg.Delivery.pageStore()
	if err != nil {
		return err
	}
	site := wiki.NewClient(node, "site")
	sources := newSourceCache(func(ctx context.Context, page string) (oswald.PageSource, error) {
		if a.site != nil { // no need to go over the bus
			return a.site.site.Source(ctx, page)
		}
		return site.Source(ctx, oswald.RandomID(), page)
	}, a.log)
	server, err := moderation.New(a.cfg.Comments, moderation.Deps{
		DB:        db,
		Filter:    filter,
		Pages:     pages.Page,
		Source:    sources.Source,
		Publisher: publisher{site, sources, a.cfg.Wiki.URL},
		Marks:     a.bus.cache,
		Store:     delivered,
		Alert:     alerts.send,
		Log:       a.log,
	})
	if err != nil {
		return err
	}
	for verb, h := range moderation.Verbs(server) {
		node.Handle(verb, h)
	}
	a.parts.start("comments", node.Run)
	a.parts.start("alerts of comments", alerts.run)
	a.parts.start("comment server", server.Run)
	a.comments = &commentsRole{server, filter}
	return nil
}

// An alertSender puts alerts on the way to the bot. What is waiting to be put on
// disk is bounded by the number of alert keys: a newer alert replaces an older
// one of the same key.
type alertSender struct {
	node *ipc.Node
	log  *slog.Logger
	wake chan struct{}

	mu      sync.Mutex
	waiting []oswald.Alert
}

// maxWaiting bounds the alerts between the request that caused them and the disk.
const maxWaiting = 256

func newAlertSender(node *ipc.Node, log *slog.Logger) *alertSender {
	return &alertSender{node: node, log: log, wake: make(chan struct{}, 1)}
}

// send never blocks: it may be called in the middle of a transaction.
func (s *alertSender) send(a oswald.Alert) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.waiting {
		if s.waiting[i].Key == a.Key {
			s.waiting[i] = a
			return
		}
	}
	if len(s.waiting) == maxWaiting {
		s.log.Error("too many alerts at once; one is lost", "key", a.Key)
		return
	}
	s.waiting = append(s.waiting, a)
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

func (s *alertSender) run(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-s.wake:
		}
		s.mu.Lock()
		list := s.waiting
		s.waiting = nil
		s.mu.Unlock()
		for _, a := range list {
			err := s.node.Submit(ctx, ipc.Command{
				ID: oswald.RandomID(), Peer: "bot", Verb: "alert", Args: a,
				Deadline: time.Now().Add(24 * time.Hour),
			})
			if err != nil && ctx.Err() == nil {
				s.log.Error("alert for the bot", "key", a.Key, "err", err)
			}
		}
	}
}
