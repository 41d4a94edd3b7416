// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"context"
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
	a.parts.start("scheduled pages", site.KeepSchedule)
	a.site = &siteRole{site}
	return nil
}

// alertPatience is how long an alert waits for a bot that is away.
const alertPatience = 24 * time.Hour

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
		Publisher: publisher{site, sources},
		Marks:     a.bus.cache,
		Store:     delivered,
		Alert: func(ctx context.Context, al oswald.Alert) error {
			return node.Submit(ctx, ipc.Command{
				ID: oswald.RandomID(), Peer: "bot", Verb: "alert", Args: al, Deadline: time.Now().Add(alertPatience),
			})
		},
		Log: a.log,
	})
	if err != nil {
		return err
	}
	for verb, h := range moderation.Verbs(server) {
		node.Handle(verb, h)
	}
	a.parts.start("comments", node.Run)
	a.parts.start("comment server", server.Run)
	a.comments = &commentsRole{server, filter}
	return nil
}
