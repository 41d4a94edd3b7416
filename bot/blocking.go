// SPDX-License-Identifier: GPL-3.0-or-later

package bot

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"oswald"
	"oswald/internal/xmppclient/xmltree"
)

const (
	nsBlocking = "urn:xmpp:blocking"

	bothersIn  = time.Hour
	bothersMax = 1000 // strangers that are counted at a time
	blocksMax  = 10   // a day: a flood from many addresses is the server's to stop
)

// bothers counts what strangers send, and knows whom the server holds back
// (XEP-0191). Safe for concurrent use.
type bothers struct {
	mu      sync.Mutex
	since   time.Time
	count   map[string]int // in the hour since then
	day     time.Time
	today   int             // blocked since day
	blocked map[string]bool // as the server has told; nil where it cannot
	due     map[string]bool // to be blocked: true, or unblocked: false
}

// bother counts something that somebody without a role has sent to us alone.
func (b *Bot) bother(who string) {
	b.stranger(who)
	t := &b.bothers
	t.mu.Lock()
	defer t.mu.Unlock()
	now := b.now()
	if now.Sub(t.since) > bothersIn {
		t.since, t.count = now, make(map[string]int)
	}
	if now.Sub(t.day) > 24*time.Hour {
		t.day, t.today = now, 0
	}
	if _, ok := t.count[who]; !ok && len(t.count) >= bothersMax {
		return
	}
	t.count[who]++
	if t.count[who] != b.cfg.BlockAfter || t.today >= blocksMax || t.blocked == nil || !strings.Contains(who, "@") {
		return
	}
	t.today++
	t.due[who] = true
	b.PeopleChanged()
}

// unblock lets the server let who through again, if it does not.
func (b *Bot) unblock(who string) {
	t := &b.bothers
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.count, who)
	if t.due[who] {
		delete(t.due, who)
	}
	if t.blocked[who] {
		t.due[who] = false
	}
}

// blocked learns whom the server holds back, and so whether it can.
func (s *session) blocked(ctx context.Context) {
	res, err := s.ask(ctx, "get", xmltree.New(nsBlocking, "blocklist"))
	t := &s.b.bothers
	t.mu.Lock()
	defer t.mu.Unlock()
	var refused *iqError
	if err != nil {
		if errors.As(err, &refused) {
			t.blocked = nil
		}
		return
	}
	t.blocked = make(map[string]bool)
	for _, i := range res.Child(nsBlocking, "blocklist").Children() {
		t.blocked[i.Get("jid")] = true
	}
}

// blockPush takes in a change of the list by another client of the account. It
// returns false if it is none.
func (b *Bot) blockPush(q *xmltree.Element) bool {
	if !q.Is(nsBlocking, "block") && !q.Is(nsBlocking, "unblock") {
		return false
	}
	t := &b.bothers
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.blocked == nil {
		return true
	}
	if q.Local == "unblock" && len(q.Children()) == 0 {
		clear(t.blocked)
	}
	for _, i := range q.Children() {
		if q.Local == "unblock" {
			delete(t.blocked, i.Get("jid"))
		} else if len(t.blocked) < rosterMax {
			t.blocked[i.Get("jid")] = true
		}
	}
	return true
}

// shutOut tells the server whom to hold back and whom not any more.
func (s *session) shutOut(ctx context.Context) {
	t := &s.b.bothers
	t.mu.Lock()
	due := t.due
	t.due = make(map[string]bool)
	t.mu.Unlock()
	for who, block := range due {
		verb := "unblock"
		if block {
			verb = "block"
		}
		_, err := s.ask(ctx, "set", xmltree.New(nsBlocking, verb).Add(xmltree.New(nsBlocking, "item", "jid", who)))
		if err != nil {
			s.b.log.Warn(verb, "who", who, "err", err)
			continue
		}
		s.b.log.Info(verb, "who", who)
		t.mu.Lock()
		if t.blocked != nil {
			t.blocked[who] = block
		}
		t.mu.Unlock()
		if block {
			s.b.tellOwners(fmt.Sprintf("%s has no role here and sent %d messages within an hour; the server holds that address back now. `allow %s` would let it in.", who, s.b.cfg.BlockAfter, who))
		}
	}
}

// tellOwners sends text to every owner.
func (b *Bot) tellOwners(text string) {
	if b.deps.People == nil {
		return
	}
	for address, role := range b.deps.People() {
		if who := bareOf(address); role == oswald.Owner && who != "" {
			b.say(who, "", oswald.RandomID(), oswald.Reply{Text: text, Raw: true}, nil, nil)
		}
	}
}
