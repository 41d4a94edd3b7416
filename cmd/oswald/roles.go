// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"context"
	"database/sql"
	"time"

	"oswald"
	"oswald/internal/secret"
	"oswald/internal/store"
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

// openComments opens the database of the comments and the role's node on the bus,
// which a further server does not have: there is one of that name.
func (a *app) openComments() (db *sql.DB, node *ipc.Node, err error) {
	if !a.cfg.Comments.Further {
		if db, node, err = a.openRole("comments"); err != nil {
			return nil, nil, err
		}
		if err := a.pair(node, "comments", "bot", "site"); err != nil {
			return nil, nil, err
		}
	}
	if a.cfg.Comments.Database == "" {
		return db, node, nil
	}
	// The file has the records of the bus, PostgreSQL the comments.
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if db, err = openShared(ctx, a.cfg.Comments.Database); err != nil {
		return nil, nil, err
	}
	a.parts.onClose(db.Close)
	a.mu.Lock()
	a.dbs["comments in PostgreSQL"] = db
	a.mu.Unlock()
	return db, node, nil
}

// openShared opens the PostgreSQL database that a file names.
func openShared(ctx context.Context, file string) (*sql.DB, error) {
	dsn, err := secret.Read(file)
	if err != nil {
		return nil, oswald.Wrap(err, oswald.Invalid, "The file that names the PostgreSQL database (comments.database_file) cannot be read; it must be readable for Oswald's user and for nobody else.")
	}
	return store.OpenPostgres(ctx, dsn)
}

func (a *app) startComments() error {
	db, node, err := a.openComments()
	if err != nil {
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
	d := moderation.Deps{
		DB:     db,
		Filter: filter,
		Pages:  pages.Page,
		Marks:  a.bus.cache,
		Store:  delivered,
		Log:    a.log,
	}
	site := wiki.NewClient(node, "site")
	sources := newSourceCache(func(ctx context.Context, page string) (oswald.PageSource, error) {
		if a.site != nil { // no need to go over the bus
			return a.site.site.Source(ctx, page)
		}
		return site.Source(ctx, oswald.RandomID(), page)
	}, a.log)
	if node != nil || a.site != nil {
		d.Source = sources.Source
	}
	if node != nil {
		d.Publisher = publisher{site, sources}
		d.Alert = func(ctx context.Context, al oswald.Alert) error {
			return node.Submit(ctx, ipc.Command{
				ID: oswald.RandomID(), Peer: "bot", Verb: "alert", Args: al, Deadline: time.Now().Add(alertPatience),
			})
		}
	}
	server, err := moderation.New(a.cfg.Comments, d)
	if err != nil {
		return err
	}
	if node != nil {
		for verb, h := range moderation.Verbs(server) {
			node.Handle(verb, h)
		}
		a.parts.start("comments", node.Run)
	}
	a.parts.start("comment server", server.Run)
	a.comments = &commentsRole{server, filter}
	return nil
}
