// SPDX-License-Identifier: GPL-3.0-or-later

package bot

import (
	"context"
	"strings"

	"oswald/internal/xmppclient/xmltree"
)

const nsCarbons = "urn:xmpp:carbons:2"

// carbons asks for copies of what other sessions of the account get (XEP-0280): a
// server may give a message to the bare JID to one session only, such as that of
// somebody who looks after the account.
func (s *session) carbons(ctx context.Context) {
	if _, err := s.ask(ctx, "set", xmltree.New(nsCarbons, "enable")); err != nil && ctx.Err() == nil {
		s.b.log.Info("no carbon copies", "err", err)
	}
}

// copied returns the message in a copy, and whether e is one at all. Copies are only
// true if they come from our own account: anybody can put a message into another
// one (CVE-2017-5589 and others). Nil is a copy that is none of our business: of
// what was sent in the name of the account, of what went to another session by its
// name, and of a copy.
func (s *session) copied(e *xmltree.Element) (m *xmltree.Element, is bool) {
	received, sent := e.Child(nsCarbons, "received"), e.Child(nsCarbons, "sent")
	if received == nil && sent == nil {
		return nil, false
	}
	if !s.ours(e.Get("from")) {
		s.b.log.Warn("a forged copy of a message", "from", clip(e.Get("from"), 100))
		return nil, true
	}
	m = received.Child(nsForward, "forwarded").Child(nsClient, "message")
	if m == nil || m.Child(nsCarbons, "received") != nil || m.Child(nsCarbons, "sent") != nil {
		return nil, true
	}
	if bare, resource, full := strings.Cut(m.Get("to"), "/"); bareOf(bare) != s.b.own.String() || full && resource != s.b.resource {
		return nil, true
	}
	if d := received.Child(nsForward, "forwarded").Child(nsDelay, "delay"); d != nil {
		m.Add(d)
	}
	// Whoever got the message itself confirms it (XEP-0184 section 5.4).
	m.Filter(func(e *xmltree.Element) bool { return !e.Is(nsReceipts, "request") })
	return m, true
}
