// SPDX-License-Identifier: GPL-3.0-or-later

package xmppserver

import (
	"slices"
	"strconv"
	"strings"

	"oswald"
	"oswald/internal/xmppclient/xmltree"
)

const (
	nsEvent  = "http://jabber.org/protocol/pubsub#event"
	nsCaps   = "http://jabber.org/protocol/caps"
	maxNodes = 50
	maxItems = 200 // of a node
)

// node is what an account has published under one name, oldest first.
type node struct {
	items   []*xmltree.Element
	private bool // nobody else's business
}

// caps is what a client says it can (XEP-0115). Only what it wants to be told of
// matters here; it is kept with the session, so it needs no proof.
type caps struct {
	ver    string // node#ver of the last presence
	id     string // of the question that is under way
	notify []string
}

// pubsubLocked is the part of XEP-0163 that clients need: it keeps what is
// published (avatar, nick, bookmarks), tells those who want to know and gives it to
// whoever asks.
func (s *Server) pubsubLocked(r request) (*xmltree.Element, *failed) {
	q := r.payload.First()
	if r.of == nil {
		return nil, unavailable
	}
	name := q.Get("node")
	n := r.of.nodes[name]
	if r.get {
		switch {
		case !q.Is(nsPubSub, "items") || name == "":
			return nil, unavailable
		case n == nil:
			return nil, notFound
		case n.private && !r.own:
			return nil, forbidden
		}
		return itemsOf(n.items, q)
	}
	switch {
	case !r.own:
		return nil, forbidden
	case name == "" || len(name) > 1000:
		return nil, badRequest
	case q.Is(nsPubSub, "publish"):
		return s.publishLocked(r.of, name, q, r.payload.Child(nsPubSub, "publish-options"))
	case q.Is(nsPubSub, "retract") && n != nil:
		id := q.Child(nsPubSub, "item").Get("id")
		n.items = slices.DeleteFunc(n.items, func(i *xmltree.Element) bool {
			if i.Get("id") != id {
				return false
			}
			r.of.stored -= sizeOf(i)
			s.eventLocked(r.of, name, xmltree.New(nsEvent, "retract", "id", id))
			return true
		})
		return nil, nil
	}
	return nil, unavailable
}

// itemsOf returns all items of a node, those asked for by id, or the newest.
func itemsOf(kept []*xmltree.Element, q *xmltree.Element) (*xmltree.Element, *failed) {
	out := xmltree.New(nsPubSub, "items", "node", q.Get("node"))
	var ids []string
	for _, i := range q.Children() {
		ids = append(ids, i.Get("id"))
	}
	for _, i := range kept {
		if ids == nil || slices.Contains(ids, i.Get("id")) {
			out.Add(i)
		}
	}
	if n, err := strconv.Atoi(q.Get("max_items")); err == nil && n >= 0 && n < len(out.Nodes) {
		out.Nodes = out.Nodes[len(out.Nodes)-n:]
	}
	return xmltree.New(nsPubSub, "pubsub").Add(out), nil
}

func (s *Server) publishLocked(a *account, name string, q, options *xmltree.Element) (*xmltree.Element, *failed) {
	i := q.Child(nsPubSub, "item")
	if i == nil {
		return nil, badRequest
	}
	if i.Get("id") == "" {
		i.Set("id", oswald.RandomID())
	}
	n := a.nodes[name]
	if n == nil {
		if len(a.nodes) >= maxNodes {
			return nil, tooMuch
		}
		n = new(node)
	}
	var old *xmltree.Element
	at := slices.IndexFunc(n.items, func(o *xmltree.Element) bool { return o.Get("id") == i.Get("id") })
	if at < 0 && len(n.items) >= maxItems {
		at = 0
	}
	if at >= 0 {
		old = n.items[at]
	}
	if !a.fits(sizeOf(i) - sizeOf(old)) {
		return nil, tooMuch
	}
	if at >= 0 {
		n.items = slices.Delete(n.items, at, at+1)
	}
	n.items = append(n.items, i)
	n.private = n.private || form(options.Child(nsForm, "x"))["pubsub#access_model"] == "whitelist" ||
		strings.Contains(name, "bookmarks")
	a.nodes[name] = n
	s.eventLocked(a, name, eventItem(i))
	return xmltree.New(nsPubSub, "pubsub").Add(xmltree.New(nsPubSub, "publish", "node", name).
		Add(xmltree.New(nsPubSub, "item", "id", i.Get("id")))), nil
}

func eventItem(i *xmltree.Element) *xmltree.Element {
	e := xmltree.New(nsEvent, "item", "id", i.Get("id"))
	e.Nodes = i.Nodes
	return e
}

// eventLocked tells the sessions that want to know about a node of a.
func (s *Server) eventLocked(a *account, name string, what *xmltree.Element) {
	for _, o := range s.availableLocked() {
		s.eventToLocked(o, a, name, what)
	}
}

func (s *Server) eventToLocked(o *session, a *account, name string, what *xmltree.Element) {
	if !slices.Contains(o.caps.notify, name) || o.acct != a && (a.nodes[name].private || a.blocked[o.acct.bare] || o.acct.blocked[a.bare]) {
		return
	}
	s.pushLocked(o, item{size: sizeOf(what) + 512, at: s.now(), el: xmltree.New(nsClient, "message", "type", "headline", "from", a.bare, "to", o.full).
		Add(xmltree.New(nsEvent, "event").Add(xmltree.New(nsEvent, "items", "node", name).Add(what)))})
}

// capsLocked asks a client what it can, when its presence says something new.
func (s *Server) capsLocked(sess *session) {
	c := sess.presence.Child(nsCaps, "c")
	if c == nil {
		return
	}
	ver := c.Get("node") + "#" + c.Get("ver")
	if ver == sess.caps.ver {
		return
	}
	sess.caps = caps{ver: ver, id: oswald.RandomID()}
	s.tellLocked(sess, xmltree.New(nsClient, "iq", "type", "get", "id", sess.caps.id, "from", s.cfg.Domain, "to", sess.full).
		Add(xmltree.New(nsInfo, "query", "node", ver)))
}

// capsAnswerLocked learns what a client wants to be told of, and tells it the
// newest of all that is there already.
func (s *Server) capsAnswerLocked(sess *session, e *xmltree.Element) {
	if sess.caps.id == "" || e.Get("id") != sess.caps.id {
		return
	}
	sess.caps.id = ""
	for _, f := range e.Child(nsInfo, "query").Children() {
		if name, ok := strings.CutSuffix(f.Get("var"), "+notify"); ok && len(sess.caps.notify) < maxNodes {
			sess.caps.notify = append(sess.caps.notify, name)
		}
	}
	for _, a := range s.accounts {
		for _, name := range sess.caps.notify {
			if n := a.nodes[name]; n != nil && len(n.items) > 0 {
				s.eventToLocked(sess, a, name, eventItem(n.items[len(n.items)-1]))
			}
		}
	}
}
