// SPDX-License-Identifier: GPL-3.0-or-later

package xmppserver

import (
	"slices"
	"strconv"
	"strings"

	"oswald/internal/xmppclient/xmltree"
)

const nsRoster = "jabber:iq:roster"

// presenceLocked handles presence (RFC 6121 sections 3 and 4). Everybody is
// subscribed to everybody, so requests for it are granted at once.
func (s *Server) presenceLocked(sess *session, e *xmltree.Element, to jid, size int) {
	if e.Get("to") != "" {
		s.directedLocked(sess, e, to, size)
		return
	}
	switch e.Get("type") {
	case "":
		first := sess.presence == nil
		p, err := strconv.Atoi(strings.TrimSpace(e.Child(nsClient, "priority").Text()))
		if err != nil || p < -128 || p > 127 {
			p = 0
		}
		sess.presence, sess.priority = e, p
		s.announceLocked(sess, e)
		if first {
			s.welcomeLocked(sess)
			s.changedLocked()
		}
		s.capsLocked(sess)
		if p >= 0 {
			waiting := sess.acct.offline
			sess.acct.offline = nil
			for _, it := range waiting {
				s.pushLocked(sess, it.late(s.cfg.Domain))
			}
		}
	case "unavailable":
		if sess.presence != nil {
			sess.presence = nil
			s.announceLocked(sess, e)
			s.changedLocked()
		}
	}
}

// announceLocked tells everybody who is available about sess.
func (s *Server) announceLocked(sess *session, e *xmltree.Element) {
	for _, o := range s.availableLocked() {
		if o.acct.blocked[sess.acct.bare] || sess.acct.blocked[o.acct.bare] {
			continue
		}
		p := e.Copy().Set("from", sess.full).Set("to", o.acct.bare)
		s.tellLocked(o, p)
	}
}

// welcomeLocked tells a session that has become available who else is.
func (s *Server) welcomeLocked(sess *session) {
	for _, o := range s.availableLocked() {
		if o != sess && !sess.acct.blocked[o.acct.bare] && !o.acct.blocked[sess.acct.bare] {
			s.tellLocked(sess, o.presence.Copy().Set("to", sess.full))
		}
	}
}

func (s *Server) availableLocked() []*session {
	var all []*session
	for _, a := range s.accounts {
		for _, o := range a.sessions {
			if o.presence != nil {
				all = append(all, o)
			}
		}
	}
	return all
}

// directedLocked handles presence with an address.
func (s *Server) directedLocked(sess *session, e *xmltree.Element, to jid, size int) {
	acct := s.accounts[to.local]
	switch typ := e.Get("type"); typ {
	case "subscribe":
		answer := "subscribed"
		if acct == nil {
			answer = "unsubscribed"
		}
		s.tellLocked(sess, xmltree.New(nsClient, "presence", "type", answer, "from", to.bare(), "to", sess.acct.bare, "id", e.Get("id")))
	case "subscribed", "unsubscribe", "unsubscribed": // all is settled
	case "probe":
		if acct != nil && !acct.blocked[sess.acct.bare] {
			for _, o := range acct.sessions {
				if o.presence != nil {
					s.tellLocked(sess, o.presence.Copy().Set("to", sess.full))
				}
			}
		}
	default:
		if acct == nil {
			if to.local != "" {
				s.bounceLocked(sess, e, "cancel", "service-unavailable")
			}
			return
		}
		if acct.blocked[sess.acct.bare] {
			return
		}
		for _, o := range slices.Clone(acct.sessions) {
			if o.resource == to.resource || to.resource == "" && o.presence != nil {
				s.pushLocked(o, item{el: e, size: size + 256, at: s.now()})
			}
		}
	}
}

// contact is the roster item that stands for o in the roster of a.
func contact(a, o *account) *xmltree.Element {
	name := a.names[o.local]
	if name == "" {
		name = o.nick
	}
	return xmltree.New(nsRoster, "item", "jid", o.bare, "name", name, "subscription", "both").
		Add(xmltree.New(nsRoster, "group").AddText("Oswald"))
}

// rosterLocked answers the roster, and lets a contact be renamed.
func (s *Server) rosterLocked(r request) (*xmltree.Element, *failed) {
	if r.get {
		r.from.roster = true
		q := xmltree.New(nsRoster, "query")
		for _, o := range s.othersLocked(r.from.acct) {
			q.Add(contact(r.from.acct, o))
		}
		return q, nil
	}
	i := r.payload.Child(nsRoster, "item")
	j, err := parseJID(i.Get("jid"))
	if err != nil || len(i.Get("name")) > 200 {
		return nil, badRequest
	}
	o := s.accounts[j.local]
	if o == nil || j.domain != s.cfg.Domain || o == r.from.acct || i.Get("subscription") == "remove" {
		return nil, notAllowed
	}
	r.from.acct.names[o.local] = i.Get("name")
	s.pushRosterLocked(r.from.acct, o)
	return nil, nil
}

// pushRosterLocked tells the sessions of a about its contact o.
func (s *Server) pushRosterLocked(a, o *account) {
	for _, sess := range slices.Clone(a.sessions) {
		if sess.roster {
			s.tellLocked(sess, xmltree.New(nsClient, "iq", "type", "set", "id", s.nextIDLocked(), "to", sess.full).
				Add(xmltree.New(nsRoster, "query").Add(contact(a, o))))
		}
	}
}

func (s *Server) nextIDLocked() string {
	s.following++
	return "srv" + strconv.Itoa(s.following)
}
