// SPDX-License-Identifier: GPL-3.0-or-later

package xmppserver

import (
	"slices"

	"oswald/internal/xmppclient/xmltree"
)

const (
	nsStanzas = "urn:ietf:params:xml:ns:xmpp-stanzas"
	nsIDs     = "urn:xmpp:sid:0"
	nsHints   = "urn:xmpp:hints"
	nsCarbons = "urn:xmpp:carbons:2"
	nsForward = "urn:xmpp:forward:0"
	nsMarkers = "urn:xmpp:chat-markers:0"
)

// handle carries out one element of a client and returns the sessions whose queues
// it filled. It is the only way in, so stanzas have one order for everybody.
func (s *Server) handle(c *conn, sess *session, e *xmltree.Element, size int) []congested {
	s.mu.Lock()
	defer s.mu.Unlock()
	if sess.conn != c {
		return nil // it has ended meanwhile
	}
	s.slow = nil
	if e.Space == nsSM {
		s.manageLocked(sess, e)
		return s.slow
	}
	if e.Space != nsClient || e.Local != "message" && e.Local != "presence" && e.Local != "iq" {
		s.endLocked(sess, "unsupported-stanza-type", "Only message, presence and iq.")
		return nil
	}
	if !s.faults.NoAck {
		sess.sm.in++
	}
	if s.faults.Lose != nil && s.faults.Lose(sess.full, e) {
		return nil
	}
	e.Set("from", sess.full) // whatever it says
	to := jid{domain: s.cfg.Domain, local: sess.acct.local}
	if t := e.Get("to"); t != "" {
		var err error
		if to, err = parseJID(t); err != nil {
			s.bounceLocked(sess, e, "modify", "jid-malformed")
			return s.slow
		}
	}
	switch {
	case to.domain != s.cfg.Domain:
		s.bounceLocked(sess, e, "cancel", "remote-server-not-found")
	case e.Local == "message":
		s.messageLocked(sess, e, to, size)
	case e.Local == "presence":
		s.presenceLocked(sess, e, to, size)
	default:
		s.iqLocked(sess, e, to, size)
	}
	return s.slow
}

func stanzaError(typ, condition string) *xmltree.Element {
	return xmltree.New(nsClient, "error", "type", typ).Add(xmltree.New(nsStanzas, condition))
}

// bounceLocked sends e back, unless it is an answer itself.
func (s *Server) bounceLocked(sess *session, e *xmltree.Element, typ, condition string) {
	if t := e.Get("type"); t == "error" || e.Local == "iq" && t == "result" {
		return
	}
	r := xmltree.New(nsClient, e.Local, "type", "error", "id", e.Get("id"), "from", e.Get("to"), "to", sess.full)
	if e.Local == "message" {
		r.Add(e.Child(nsClient, "thread"), e.Child(nsIDs, "origin-id"))
	}
	s.tellLocked(sess, r.Add(stanzaError(typ, condition)))
}

// messageLocked routes a message of a client (RFC 6121 section 8.5).
func (s *Server) messageLocked(sess *session, e *xmltree.Element, to jid, size int) {
	acct := s.accounts[to.local]
	if acct == nil {
		s.bounceLocked(sess, e, "cancel", "service-unavailable")
		return
	}
	if acct.blocked[sess.acct.bare] {
		s.bounceLocked(sess, e, "cancel", "service-unavailable")
		return
	}
	if sess.acct.blocked[acct.bare] {
		s.bounceLocked(sess, e, "cancel", "not-acceptable")
		return
	}
	// Only we give ids in our name (XEP-0359 section 4).
	e.Filter(func(x *xmltree.Element) bool {
		if !x.Is(nsIDs, "stanza-id") {
			return true
		}
		by, err := parseJID(x.Get("by"))
		return err == nil && by.domain != s.cfg.Domain
	})
	it := item{el: e, size: size + 256, at: s.now(), keep: lasting(e)}
	if it.keep {
		if acct != sess.acct {
			s.archiveLocked(sess.acct, it)
		}
		id := s.archiveLocked(acct, it)
		it.el = e.Copy().Add(xmltree.New(nsIDs, "stanza-id", "id", id, "by", acct.bare))
	}
	var got []*session
	typ := e.Get("type")
	if to.resource != "" {
		for _, o := range acct.sessions {
			if o.resource == to.resource {
				s.pushLocked(o, it)
				got = append(got, o)
				break
			}
		}
	}
	if got == nil {
		switch typ {
		case "error":
			return
		case "groupchat":
			s.bounceLocked(sess, e, "cancel", "service-unavailable")
			return
		case "headline":
			if to.resource != "" {
				return
			}
		}
		var ok bool
		if got, ok = s.deliverLocked(acct, it); !ok {
			s.bounceLocked(sess, e, "wait", "resource-constraint")
			return
		}
	}
	s.copyLocked(sess, acct, it, e, got)
}

// lasting reports whether a message belongs into archive and offline storage:
// a body, or what phones must learn later too; no mere sign of typing.
func lasting(e *xmltree.Element) bool {
	if t := e.Get("type"); t != "" && t != "chat" && t != "normal" {
		return false
	}
	if e.Child(nsHints, "no-store") != nil || e.Child(nsHints, "no-permanent-store") != nil {
		return false
	}
	for _, x := range e.Children() {
		switch x.Space + " " + x.Local {
		case nsClient + " body", nsHints + " store", "urn:xmpp:receipts received", nsMarkers + " displayed",
			"urn:xmpp:reactions:0 reactions", "urn:xmpp:message-retract:1 retract",
			"eu.siacs.conversations.axolotl encrypted":
			return true
		}
	}
	return false
}

// deliverLocked gives a message for the bare JID to all sessions that take part in
// chats, or keeps it until there is one. ok is false when too many wait already.
func (s *Server) deliverLocked(acct *account, it item) (got []*session, ok bool) {
	for _, o := range slices.Clone(acct.sessions) { // a push may end one
		if o.presence != nil && o.priority >= 0 {
			s.pushLocked(o, it)
			got = append(got, o)
		}
	}
	if got != nil || !it.keep {
		return got, true
	}
	if len(acct.offline) >= maxOffline || itemsSize(acct.offline)+it.size > softBytes {
		return nil, false
	}
	acct.offline = append(acct.offline, it)
	return nil, true
}

func itemsSize(items []item) (n int) {
	for _, it := range items {
		n += it.size
	}
	return n
}

// copyLocked sends carbons (XEP-0280 sections 6 to 8): to the sender's other
// sessions what was sent, to the recipient's what was received elsewhere.
func (s *Server) copyLocked(from *session, acct *account, it item, sent *xmltree.Element, got []*session) {
	typ := sent.Get("type")
	if typ != "chat" && !(it.keep && (typ == "" || typ == "normal")) ||
		sent.Child(nsCarbons, "private") != nil || sent.Child(nsHints, "no-copy") != nil {
		return
	}
	wrap := func(o *session, dir string, e *xmltree.Element) {
		s.pushLocked(o, item{size: it.size + 512, at: it.at, el: xmltree.New(nsClient, "message",
			"from", o.acct.bare, "to", o.full, "type", typ).Add(xmltree.New(nsCarbons, dir).
			Add(xmltree.New(nsForward, "forwarded").Add(e)))})
	}
	for _, o := range slices.Clone(from.acct.sessions) {
		if o != from && o.carbons && !slices.Contains(got, o) {
			wrap(o, "sent", sent)
		}
	}
	if acct == from.acct {
		return
	}
	for _, o := range slices.Clone(acct.sessions) {
		if o.carbons && !slices.Contains(got, o) {
			wrap(o, "received", it.el)
		}
	}
}
