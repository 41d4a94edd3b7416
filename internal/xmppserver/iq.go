// SPDX-License-Identifier: GPL-3.0-or-later

package xmppserver

import (
	"oswald"
	"oswald/internal/xmppclient/xmltree"
)

const (
	nsInfo   = "http://jabber.org/protocol/disco#info"
	nsItems  = "http://jabber.org/protocol/disco#items"
	nsPubSub = "http://jabber.org/protocol/pubsub"
	nsMAM    = "urn:xmpp:mam:2"
	nsBlock  = "urn:xmpp:blocking"
	nsRSM    = "http://jabber.org/protocol/rsm"
)

// request is a get or set that the server answers itself.
type request struct {
	from    *session
	of      *account // whose data; nil: the server's
	own     bool     // of is from's
	get     bool
	iq      *xmltree.Element
	payload *xmltree.Element
	size    int
}

// failed is the error that answers a request.
type failed struct{ typ, condition string }

var (
	badRequest  = &failed{"modify", "bad-request"}
	notAllowed  = &failed{"cancel", "not-allowed"}
	notFound    = &failed{"cancel", "item-not-found"}
	forbidden   = &failed{"auth", "forbidden"}
	unavailable = &failed{"cancel", "service-unavailable"}
	tooMuch     = &failed{"wait", "resource-constraint"}
)

// iqLocked routes a request or an answer (RFC 6121 section 8.5, RFC 6120 section
// 8.2.3). What is for a full JID goes there; the server answers the rest.
func (s *Server) iqLocked(sess *session, e *xmltree.Element, to jid, size int) {
	typ := e.Get("type")
	request := typ == "get" || typ == "set"
	if e.Get("id") == "" || !request && typ != "result" && typ != "error" || request && len(e.Children()) != 1 {
		if typ != "result" && typ != "error" {
			s.bounceLocked(sess, e, "modify", "bad-request")
		}
		return
	}
	acct := s.accounts[to.local]
	if to.resource != "" && to.local != "" {
		if acct != nil && !acct.blocked[sess.acct.bare] {
			for _, o := range acct.sessions {
				if o.resource == to.resource {
					s.pushLocked(o, item{el: e, size: size + 256, at: s.now()})
					return
				}
			}
		}
		s.bounceLocked(sess, e, "cancel", "service-unavailable")
		return
	}
	if !request {
		s.capsAnswerLocked(sess, e) // or it answers a roster push
		return
	}
	if acct == nil && to.local != "" {
		s.bounceLocked(sess, e, "cancel", "service-unavailable")
		return
	}
	payload, fail := s.answerLocked(requestOf(sess, acct, e, size))
	if fail != nil {
		s.bounceLocked(sess, e, fail.typ, fail.condition)
		return
	}
	s.tellLocked(sess, xmltree.New(nsClient, "iq", "type", "result", "id", e.Get("id"), "from", e.Get("to"), "to", sess.full).Add(payload))
}

func requestOf(sess *session, acct *account, e *xmltree.Element, size int) request {
	return request{from: sess, of: acct, own: acct == sess.acct, get: e.Get("type") == "get", iq: e, payload: e.First(), size: size}
}

// answerLocked is the table of all that the server answers. A payload of nil is an
// empty result.
func (s *Server) answerLocked(r request) (*xmltree.Element, *failed) {
	q := r.payload
	switch name := q.Space + " " + q.Local; {
	case name == "urn:xmpp:ping ping" && r.get && (r.of == nil || r.own):
		return nil, nil
	case name == nsInfo+" query" && r.get:
		return s.infoLocked(r)
	case name == nsItems+" query" && r.get:
		return s.itemsLocked(r)
	case name == "vcard-temp vCard":
		return s.vcardLocked(r)
	case name == nsPubSub+" pubsub":
		return s.pubsubLocked(r)
	case r.of != nil && !r.own:
		return nil, unavailable // what follows is nobody else's business
	case name == "jabber:iq:version query" && r.get && r.of == nil:
		return xmltree.New(q.Space, "query").Add(
			xmltree.New(q.Space, "name").AddText("Oswald's own server, for trying"),
			xmltree.New(q.Space, "version").AddText("1")), nil
	case name == "urn:xmpp:time time" && r.get && r.of == nil:
		now := s.now()
		return xmltree.New(q.Space, "time").Add(
			xmltree.New(q.Space, "tzo").AddText(now.Format("-07:00")),
			xmltree.New(q.Space, "utc").AddText(stamp(now))), nil
	case name == "urn:ietf:params:xml:ns:xmpp-session session" && !r.get:
		return nil, nil
	case !r.own && r.iq.Get("to") != "" && q.Space != nsCarbons:
		return nil, unavailable // what follows is an account's
	case name == nsRoster+" query":
		return s.rosterLocked(r)
	case name == nsCarbons+" enable" && !r.get, name == nsCarbons+" disable" && !r.get:
		r.from.carbons = q.Local == "enable"
		return nil, nil
	case name == nsMAM+" query":
		return s.mamLocked(r)
	case name == "jabber:iq:private query":
		return s.privateLocked(r)
	case q.Space == nsBlock:
		return s.blockLocked(r)
	}
	return nil, unavailable
}

// infoLocked lists what server and accounts can (XEP-0030). The archive is an
// account's, so clients look for it there.
func (s *Server) infoLocked(r request) (*xmltree.Element, *failed) {
	if r.payload.Get("node") != "" {
		return nil, notFound
	}
	q := xmltree.New(nsInfo, "query")
	identity := func(category, typ, name string) {
		q.Add(xmltree.New(nsInfo, "identity", "category", category, "type", typ, "name", name))
	}
	features := []string{nsInfo, nsItems, "vcard-temp"}
	if r.of == nil {
		identity("server", "im", "Oswald's own server")
		features = append(features, "urn:xmpp:ping", "jabber:iq:version", "urn:xmpp:time", nsCarbons, nsBlock,
			nsRoster, "jabber:iq:private", "msgoffline")
	} else {
		identity("account", "registered", "")
		identity("pubsub", "pep", "")
		features = append(features, nsPubSub, nsPubSub+"#publish", nsPubSub+"#retrieve-items", nsPubSub+"#persistent-items",
			nsPubSub+"#multi-items", nsPubSub+"#retract-items", nsPubSub+"#publish-options",
			"urn:xmpp:bookmarks:1#compat", nsMAM, nsIDs)
	}
	for _, f := range features {
		q.Add(xmltree.New(nsInfo, "feature", "var", f))
	}
	return q, nil
}

func (s *Server) itemsLocked(r request) (*xmltree.Element, *failed) {
	q := xmltree.New(nsItems, "query", "node", r.payload.Get("node"))
	if r.own && q.Get("node") == "" {
		for node := range r.of.nodes {
			q.Add(xmltree.New(nsItems, "item", "jid", r.of.bare, "node", node))
		}
	}
	return q, nil
}

// archiveID names a message in an archive for ever: after a restart no id may come
// back for another message.
func archiveID() string { return oswald.RandomID() }
