// SPDX-License-Identifier: GPL-3.0-or-later

package bot

import (
	"strings"
	"time"

	"oswald"
	"oswald/internal/xmppclient/xmltree"
)

const (
	tooLong = "That message is too long for me: I read up to 64 KB. Please send a shorter one."
	tooMany = "Too many of your messages wait already; I leave this one out. Please send it again later."
)

// message looks at one message. It runs in the reader.
func (s *session) message(e *xmltree.Element) {
	b := s.b
	inner := s.archived(e)
	if inner == nil {
		var is bool
		if inner, is = s.copied(e); is && inner == nil {
			return
		}
	}
	if inner != nil {
		e = inner
	}
	if s.ofRoom(e, inner != nil) {
		return
	}
	sender := bareOf(e.Get("from"))
	if sender == "" || sender == b.own.String() {
		return // our own account, the server, or an address that cannot be one
	}
	switch e.Get("type") {
	case "error": // never answered: two bots would do so for ever
		if b.deps.Role(sender) > oswald.NoRole {
			b.log.Warn("a message came back", "to", sender, "condition", conditionOf(e))
		}
		return
	case "groupchat", "headline":
		return
	}
	cut := e.Child(nsBlocked, "truncated") != nil
	words := cut || b.codec.Carries(e)
	if b.deps.Role(sender) == oswald.NoRole {
		if words {
			b.bother(sender)
		}
		return
	}
	b.hear()
	s.marks(e, sender)
	c := command{id: commandID(e, sender, b.own.String()), sender: sender, thread: threadOf(e), at: sentAt(e, b.now()), stanza: e.Get("id")}
	if id := stanzaID(e, b.own.String()); id != "" && s.caughtUp.Load() {
		c.seen = mark(id, b.now())
	}
	// A body beside a reaction or a retraction is for clients that do not know them.
	reactions, taken := e.Child(nsReactions, "reactions"), retracted(e)
	switch {
	case reactions != nil:
		s.reaction(c, reactions)
	case taken != "":
		s.retract(c, taken)
	case words:
		s.words(c, e, cut)
	} // else a typing state, a receipt, a marker
}

// words takes in a message that somebody has written.
func (s *session) words(c command, e *xmltree.Element, cut bool) {
	b := s.b
	receipt := ""
	if id := c.stanza; id != "" && e.Child(nsReceipts, "request") != nil {
		receipt = receiptFor(e.Get("from"), id)
	}
	if !b.in.fresh(&c) { // it came before
		if receipt != "" {
			b.out.pass(receipt)
		}
		return
	}
	answer := ""
	m, err := b.codec.Decode(c.sender, e)
	switch {
	case cut:
		answer = tooLong
	case err != nil:
		b.log.Info("a message cannot be decoded", "sender", c.sender, "err", err)
		answer = oswald.MessageOf(err)
	default:
		if c.text, c.about = b.answered(m, c.sender); len(c.text) > textMax {
			answer = tooLong
		}
		c.text = strings.TrimSpace(clean(c.text))
		c.markable = e.Child(nsMarkers, "markable") != nil
	}
	kept := s.hold(receipt)
	if original := replaced(e); answer == "" && original != "" {
		if !s.correct(c, original, kept) {
			answer = tooMany
		}
	} else if answer == "" && !b.talks.add(c, nil, kept) {
		answer = tooMany
	}
	if answer != "" {
		b.say(c.sender, c.thread, c.id, oswald.Reply{Text: answer}, c.insert(true), kept)
	}
	s.ease()
}

// hold lets the stanza at hand count as handled when what it returns is called:
// when it is on disk, and may be acknowledged. Then the receipt goes out, if there
// is one.
func (s *session) hold(receipt string) (kept func(error)) {
	release := s.b.intake.hold()
	return func(error) {
		release()
		if receipt != "" {
			s.b.out.pass(receipt)
		}
		if s.owed.Load() {
			s.b.out.signal()
		}
	}
}

// ease stops the reader until the disk has caught up.
func (s *session) ease() {
	if s.b.disk.busy() {
		s.b.disk.flush(s.ctx)
	}
}

// hasBody reports whether a message has text.
func hasBody(e *xmltree.Element) bool { return strings.TrimSpace(bodyOf(e)) != "" }

// bodyOf returns the text of a message: the body in no particular language, else
// the first one. Only bodies of jabber:client count: whatever else is called body
// is somebody's extension.
func bodyOf(e *xmltree.Element) string {
	text, found := "", false
	for _, c := range e.Children() {
		if !c.Is(nsClient, "body") {
			continue
		}
		lang := false
		for _, a := range c.Attr {
			lang = lang || a.Space == "xml" && a.Local == "lang"
		}
		if !found || !lang {
			text, found = c.Text(), true
			if !lang {
				break
			}
		}
	}
	return text
}

// threadOf returns the thread of a message, unless it is absurd.
func threadOf(e *xmltree.Element) string {
	if t := e.Child(nsClient, "thread").Text(); len(t) <= 256 {
		return t
	}
	return ""
}

// commandID names the message for ever: by what its sender called it, else by
// what our own server did (XEP-0359; nobody else's stanza-id counts), else by its
// plain id, which some programs use again.
func commandID(e *xmltree.Element, sender, own string) string {
	if o := e.Child(nsIDs, "origin-id").Get("id"); o != "" {
		return oswald.CommandID(sender, o)
	}
	stanza := stanzaID(e, own)
	switch id := e.Get("id"); {
	case stanza != "":
		return oswald.CommandID(sender, stanza)
	case id != "":
		return oswald.CommandID(sender, id)
	}
	return oswald.RandomID()
}

// stanzaID is what our own server calls a message in the archive; "" if it does
// not.
func stanzaID(e *xmltree.Element, own string) string {
	id := ""
	for _, c := range e.Children() {
		if c.Is(nsIDs, "stanza-id") && c.Get("by") == own {
			id = c.Get("id")
		}
	}
	return id
}

// sentAt returns when a message was sent: now, or the earliest time that a delay
// (XEP-0203) names, if it is not in the future.
func sentAt(e *xmltree.Element, now time.Time) time.Time {
	at := now
	for _, c := range e.Children() {
		if c.Is(nsDelay, "delay") {
			if t, err := time.Parse(time.RFC3339, c.Get("stamp")); err == nil && t.Before(at) && t.Year() > 1998 {
				at = t
			}
		}
	}
	return at
}

// receiptFor confirms a message (XEP-0184). Only people with a role get one: it
// tells that we are online.
func receiptFor(to, id string) string {
	return string(xmltree.New(nsClient, "message", "to", to, "type", "chat", "id", oswald.RandomID()).Add(
		xmltree.New(nsReceipts, "received", "id", id),
		xmltree.New(nsHints, "store")).AppendXML(nil, nsClient))
}

// presence lets people with a role see when the bot is online, and wants to see
// them too (RFC 6121 section 3): receipts come only from those who have it in
// their contacts. Strangers are refused.
func (s *session) presence(e *xmltree.Element) {
	if s.b.rooms.presence(e) || e.Get("type") != "subscribe" {
		return
	}
	who := bareOf(e.Get("from"))
	if who == "" || who == s.b.own.String() {
		return
	}
	s.subscriber(who)
}
