// SPDX-License-Identifier: GPL-3.0-or-later

package bot

import (
	"context"
	"errors"
	"strings"
	"time"

	"oswald"
	"oswald/internal/backoff"
	"oswald/internal/xmppclient/xmltree"
)

const (
	nsMAM     = "urn:xmpp:mam:2"
	nsForward = "urn:xmpp:forward:0"
	nsForms   = "jabber:x:data"
	nsRSM     = "http://jabber.org/protocol/rsm"

	pageMax     = 50
	pagesMax    = 400             // that many more than anybody's archive of a bot
	archiveTime = 5 * time.Second // before the bot appears anyhow
	lastSeen    = "archive"
	stampForm   = "2006-01-02T15:04:05Z"
	skew        = 5 * time.Second // between the server's clock and ours
)

// catchUp reads what has come into the account's archive (XEP-0313) since the
// message that was kept last. A server need not bring again what an ended session
// had not acknowledged, if it is in the archive. What is known already is left
// out, as everywhere, by its id. catchUp reports whether nothing can be missing any
// more.
//
// Until that is done the newest message does not become the last one seen: there
// may be others before it.
func (s *session) catchUp(ctx context.Context) (complete bool) {
	b := s.b
	b.disk.flush(ctx) // what the pass before has set
	last, err := b.disk.get(ctx, lastSeen)
	if err != nil {
		b.log.Error("database", "err", err)
		return false
	}
	after, at, _ := strings.Cut(last, " ")
	if last == "" {
		// The first time: what came before the bot did is not for it. What comes while
		// it signs in may be too late for the server to bring as an offline message.
		at = b.born.Add(-skew).UTC().Format(stampForm)
	}
	for page := 0; ; page++ {
		var set, filter *xmltree.Element
		switch {
		case after != "":
			set = rsm(pageMax, "after", after)
		default: // there is none, or the archive has forgotten it
			set, filter = rsm(pageMax, "", ""), since(at)
		}
		fin, err := s.archivePage(ctx, set, filter)
		var refused *iqError
		switch {
		case ctx.Err() != nil:
			return false
		case errors.As(err, &refused) && refused.condition == "item-not-found" && after != "":
			after = ""
			continue
		case errors.As(err, &refused): // there is no archive
			b.log.Info("no archive", "condition", refused.condition)
			return true
		case err != nil:
			b.log.Warn("archive", "err", err) // the next session tries again
			return false
		}
		newest := fin.Child(nsRSM, "set").Child(nsRSM, "last").Text()
		switch {
		case newest != "":
			b.disk.set(lastSeen, mark(newest, b.now()))
		case last == "":
			b.disk.set(lastSeen, " "+at)
		}
		if newest == "" || fin.Get("complete") == "true" || page >= pagesMax {
			return true
		}
		after = newest
	}
}

// catchUpAtLast tries again until catchUp has succeeded: a server that was once too
// busy to answer must not keep what it has until the next session.
func (s *session) catchUpAtLast(ctx context.Context) {
	pause := backoff.Backoff{Min: time.Second, Max: time.Minute}
	for !s.catchUp(ctx) {
		if pause.Wait(ctx) != nil {
			return
		}
	}
	s.caughtUp.Store(true)
}

// archivePage asks for one page; what is on it comes to the reader first.
func (s *session) archivePage(ctx context.Context, set, filter *xmltree.Element) (*xmltree.Element, error) {
	id := oswald.RandomID()
	s.query.Store(&id)
	res, err := s.ask(ctx, "set", xmltree.New(nsMAM, "query", "queryid", id).Add(filter).Add(set))
	if err != nil {
		return nil, err
	}
	return res.Child(nsMAM, "fin"), nil
}

// rsm asks for a page of at most limit messages (XEP-0059).
func rsm(limit int, where, id string) *xmltree.Element {
	set := xmltree.New(nsRSM, "set").Add(xmltree.New(nsRSM, "max").AddText(itoa(limit)))
	if where != "" {
		set.Add(xmltree.New(nsRSM, where).AddText(id))
	}
	return set
}

// since is the form (XEP-0004) that asks for what is newer than at.
func since(at string) *xmltree.Element {
	field := func(name, value string) *xmltree.Element {
		return xmltree.New(nsForms, "field", "var", name).Add(xmltree.New(nsForms, "value").AddText(value))
	}
	return xmltree.New(nsForms, "x", "type", "submit").Add(field("FORM_TYPE", nsMAM), field("start", at))
}

// mark is what is kept of the last message seen: its id, and about when, for the
// case that the archive does not know it any more. Clocks differ.
func mark(id string, now time.Time) string {
	return id + " " + now.Add(-5*time.Minute).UTC().Format(stampForm)
}

// archived returns the message (XEP-0297) in a page of the archive; nil if e is none, or one
// that nobody has asked for, or that another session of the account got.
func (s *session) archived(e *xmltree.Element) *xmltree.Element {
	result := e.Child(nsMAM, "result")
	query := s.query.Load()
	if result == nil || query == nil || result.Get("queryid") != *query || !s.ours(e.Get("from")) {
		return nil
	}
	f := result.Child(nsForward, "forwarded")
	m := f.Child(nsClient, "message")
	if m == nil {
		return nil
	}
	if _, resource, full := strings.Cut(m.Get("to"), "/"); full && resource != s.b.resource {
		return nil
	}
	if d := f.Child(nsDelay, "delay"); d != nil {
		m.Add(d)
	}
	return m.Add(xmltree.New(nsIDs, "stanza-id", "by", s.b.own.String(), "id", result.Get("id")))
}
