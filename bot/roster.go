// SPDX-License-Identifier: GPL-3.0-or-later

package bot

import (
	"context"
	"database/sql"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"oswald"
	"oswald/internal/xmppclient/xmltree"
)

const (
	// askAgain is how long a person who has not answered is left in peace.
	askAgain  = 7 * 24 * time.Hour
	rosterMax = 5000 // contacts that are remembered
)

// A contact is an item of the roster (RFC 6121 section 2.1.2).
type contact struct {
	sees, shows bool // they see our presence; we see theirs
	asked       bool // we have asked to see it
}

// A roster is the account's contacts as the server has told. Safe for concurrent
// use.
type roster struct {
	mu     sync.Mutex
	ver    string // of what is in items (XEP-0237, RFC 6121 section 2.6)
	items  map[string]contact
	pushes int
}

func contactOf(i *xmltree.Element) contact {
	sub := i.Get("subscription")
	return contact{
		sees:  sub == "both" || sub == "from" || i.Get("approved") == "true",
		shows: sub == "both" || sub == "to",
		asked: i.Get("ask") == "subscribe",
	}
}

// push takes in a change that the server tells of (section 2.1.6). It returns false
// if it is none.
func (r *roster) push(q *xmltree.Element) bool {
	list := q.Children()
	if len(list) != 1 || !list[0].Is(nsRoster, "item") {
		return false
	}
	who := bareOf(list[0].Get("jid"))
	if who == "" {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.pushes++
	if r.ver = q.Get("ver"); list[0].Get("subscription") == "remove" {
		delete(r.items, who)
	} else if len(r.items) < rosterMax {
		r.items[who] = contactOf(list[0])
	}
	return true
}

func (r *roster) get(who string) (contact, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c, ok := r.items[who]
	return c, ok
}

// fetch asks for the roster, which is also how a server knows that we want to be
// told of changes (section 2.1.6). A server that knows the version of what we have
// answers with nothing.
func (s *session) fetch(ctx context.Context) error {
	r := &s.b.roster
	for {
		r.mu.Lock()
		pushes, q := r.pushes, xmltree.New(nsRoster, "query").Set("ver", r.ver)
		r.mu.Unlock()
		res, err := s.ask(ctx, "get", q)
		if err != nil {
			return err
		}
		list := res.Child(nsRoster, "query")
		if list == nil {
			return nil
		}
		items := make(map[string]contact)
		for _, i := range list.Children() {
			if who := bareOf(i.Get("jid")); who != "" && i.Is(nsRoster, "item") && len(items) < rosterMax {
				items[who] = contactOf(i)
			}
		}
		r.mu.Lock()
		if pushes == r.pushes {
			r.ver, r.items = list.Get("ver"), items
			r.mu.Unlock()
			return nil
		}
		r.mu.Unlock() // it has changed since; which of both is newer nobody knows
	}
}

// PeopleChanged lets the bot look again at who has a role. It may be called at any
// time and returns at once.
func (b *Bot) PeopleChanged() {
	select {
	case b.company <- struct{}{}:
	default:
	}
}

// keepCompany holds the contacts to the people with a role, and blocks those who
// bother it, until ctx ends. A session that is not resumed reads both lists anew.
func (s *session) keepCompany(ctx context.Context, anew bool) {
	for {
		if anew {
			if err := s.fetch(ctx); err != nil && ctx.Err() == nil {
				s.b.log.Warn("roster", "err", err)
			} else if err == nil {
				s.blocked(ctx)
				s.befriend(ctx)
			}
		} else {
			s.befriend(ctx)
		}
		s.shutOut(ctx)
		anew = false
		select {
		case <-ctx.Done():
			s.b.PeopleChanged() // what was not done yet the next session does
			return
		case <-s.b.company:
		}
	}
}

// befriend lets everybody with a role see when the bot is online and wants to see
// them too: phones confirm messages to contacts only. Who has lost the role is no
// contact any more.
func (s *session) befriend(ctx context.Context) {
	b := s.b
	if b.deps.People == nil {
		return
	}
	people := map[string]bool{}
	for address, role := range b.deps.People() {
		if who := bareOf(address); role > oswald.NoRole && who != "" && who != b.own.String() {
			people[who] = true
		}
	}
	for _, who := range slices.Sorted(maps.Keys(people)) {
		c, _ := b.roster.get(who)
		if !c.sees {
			s.subscription(who, "subscribed") // before they ask (RFC 6121 section 3.4)
		}
		if !c.shows && !c.asked && b.mayAsk(ctx, who) {
			s.subscription(who, "subscribe")
		}
		b.unblock(who)
	}
	for _, who := range b.friends(ctx, people) {
		if _, there := b.roster.get(who); !there {
			b.forget(who)
			continue
		}
		_, err := s.ask(ctx, "set", xmltree.New(nsRoster, "query").Add(xmltree.New(nsRoster, "item", "jid", who, "subscription", "remove")))
		if err != nil { // a group of the server's own, for example
			b.log.Info("a contact without a role stays", "who", who, "err", err)
			continue
		}
		b.forget(who)
	}
}

// friends notes on disk that people are contacts because of their role, and returns
// those who were and have none any more. Contacts that others have made, such as a
// group of the server, are left alone.
func (b *Bot) friends(ctx context.Context, people map[string]bool) []string {
	const prefix = "friend "
	var gone []string // the disk may still write to it where there is an error
	err := b.disk.wait(ctx, func(ctx context.Context, tx *sql.Tx) error {
		gone = nil
		rows, err := tx.QueryContext(ctx, "SELECT key FROM bot_kept WHERE key >= ? AND key < ?", prefix, "friend!")
		if err != nil {
			return err
		}
		defer rows.Close()
		known := map[string]bool{}
		for rows.Next() {
			var key string
			if err := rows.Scan(&key); err != nil {
				return err
			}
			who := strings.TrimPrefix(key, prefix)
			if known[who] = true; !people[who] {
				gone = append(gone, who)
			}
		}
		if err := rows.Err(); err != nil {
			return err
		}
		for who := range people {
			if !known[who] {
				if err := setTx(ctx, tx, prefix+who, ""); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		if ctx.Err() == nil {
			b.log.Error("contacts", "err", err)
		}
		return nil
	}
	return gone
}

func (s *session) subscription(who, typ string) {
	s.b.out.pass(string(xmltree.New(nsClient, "presence", "to", who, "type", typ).AppendXML(nil, nsClient)))
}

// mayAsk reports whether who has not been asked for a while, and notes that he is
// asked now: a phone rings for it, and no answer is an answer too.
func (b *Bot) mayAsk(ctx context.Context, who string) bool {
	key := "asked " + who
	b.disk.flush(ctx)
	last, err := b.disk.get(ctx, key)
	if err != nil {
		return false
	}
	if ms, err := strconv.ParseInt(last, 10, 64); err == nil && b.now().Sub(time.UnixMilli(ms)) < askAgain {
		return false
	}
	b.disk.set(key, b.now().UnixMilli())
	return true
}

// forget lets who be asked again if he gets a role again.
func (b *Bot) forget(who string) {
	b.disk.put(func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "DELETE FROM bot_kept WHERE key IN (?, ?)", "asked "+who, "friend "+who)
		return err
	}, nil)
}

// subscriber answers somebody who wants to see when the bot is online (RFC 6121
// section 3). Strangers are refused and counted.
func (s *session) subscriber(who string) {
	b := s.b
	if b.deps.Role(who) == oswald.NoRole {
		b.bother(who)
		s.subscription(who, "unsubscribed")
		return
	}
	s.subscription(who, "subscribed")
	if c, _ := b.roster.get(who); !c.shows && !c.asked {
		s.subscription(who, "subscribe")
	}
}
