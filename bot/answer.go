// SPDX-License-Identifier: GPL-3.0-or-later

package bot

import (
	"crypto/sha1"
	"encoding/base64"
	"strings"
	"time"

	"mellium.im/xmlstream"

	"oswald"
	"oswald/internal/xmppclient/xmltree"
)

const (
	nsInfo    = "http://jabber.org/protocol/disco#info"
	nsItems   = "http://jabber.org/protocol/disco#items"
	nsCaps    = "http://jabber.org/protocol/caps"
	nsVersion = "jabber:iq:version"
	nsTime    = "urn:xmpp:time"
	botName   = "Oswald"
	botNode   = "urn:oswald:bot"
)

// caps says what the bot is and can (XEP-0030), and the hash of that (XEP-0115),
// by which others ask once for all bots of a version.
type caps struct {
	name     string
	features []string
	ver      string
}

func newCaps(name string) caps {
	c := caps{name: name, features: features()}
	// XEP-0115 section 5.1: identities and features, sorted, each followed by "<".
	sum := sha1.Sum([]byte("client/bot//" + name + "<" + strings.Join(c.features, "<") + "<"))
	c.ver = base64.StdEncoding.EncodeToString(sum[:])
	return c
}

// element is what a presence says of it.
func (c caps) element() *xmltree.Element {
	return xmltree.New(nsCaps, "c", "hash", "sha-1", "node", botNode, "ver", c.ver)
}

// info answers a question about node; nil if there is no such node.
func (c caps) info(node string) *xmltree.Element {
	if node != "" && node != botNode+"#"+c.ver {
		return nil
	}
	q := xmltree.New(nsInfo, "query", "node", node).
		Add(xmltree.New(nsInfo, "identity", "category", "client", "type", "bot", "name", c.name))
	for _, f := range c.features {
		q.Add(xmltree.New(nsInfo, "feature", "var", f))
	}
	return q
}

// iq answers every request (RFC 6120 section 8.2.3), and hands on every answer.
func (s *session) iq(t xmlstream.TokenReadEncoder, e *xmltree.Element) {
	from := e.Get("from")
	switch e.Get("type") {
	case "result", "error":
		if s.ours(from) || from == s.b.own.Domainpart() || from == s.b.sm.jid.String() {
			from = ""
		}
		s.iqs.answer(e, from)
	case "get", "set":
		res := xmltree.New(nsClient, "iq", "type", "result", "id", e.Get("id"), "to", from)
		if cmd := e.First(); e.Get("type") == "set" && cmd.Is(nsCommands, "command") && len(e.Children()) == 1 {
			s.adhoc(e, cmd, from)
			return
		}
		payload, condition := s.answer(e, from)
		if condition != "" {
			kind := "cancel"
			if condition == "bad-request" {
				kind = "modify"
			}
			res.Set("type", "error")
			payload = xmltree.New(nsClient, "error", "type", kind).Add(xmltree.New(nsStanzas, condition))
		}
		s.write(t, res.Add(payload), true)
	}
}

// answer returns the payload of a result, or the condition of an error. Strangers
// learn nothing, not even that somebody is there.
func (s *session) answer(e *xmltree.Element, from string) (payload *xmltree.Element, condition string) {
	const no = "service-unavailable"
	children := e.Children()
	if len(children) != 1 {
		if s.known(from) {
			return nil, "bad-request"
		}
		return nil, no
	}
	q, get := children[0], e.Get("type") == "get"
	if !get {
		switch { // pushes; anybody else's are forged
		case !s.ours(from):
		case q.Is(nsRoster, "query"):
			if !s.b.roster.push(q) {
				return nil, "bad-request"
			}
			return nil, ""
		case s.b.blockPush(q):
			return nil, ""
		}
		return nil, no
	}
	if !s.known(from) {
		return nil, no
	}
	switch {
	case q.Is(nsPing, "ping"):
		return nil, ""
	case q.Is(nsLast, "query"):
		return s.b.lastActivity(), ""
	case q.Is(nsVersion, "query"): // XEP-0092
		v := xmltree.New(nsVersion, "query").Add(xmltree.New(nsVersion, "name").AddText(botName))
		if s.b.deps.Version != "" {
			v.Add(xmltree.New(nsVersion, "version").AddText(s.b.deps.Version))
		}
		return v, ""
	case q.Is(nsTime, "time"): // XEP-0202
		now := s.b.now()
		return xmltree.New(nsTime, "time").Add(
			xmltree.New(nsTime, "tzo").AddText(now.Format("-07:00")),
			xmltree.New(nsTime, "utc").AddText(now.UTC().Format(time.RFC3339))), ""
	case q.Is(nsInfo, "query"):
		if info := s.b.caps.info(q.Get("node")); info != nil {
			return info, ""
		}
		if info := s.menuInfo(q.Get("node"), from); info != nil {
			return info, ""
		}
		return nil, "item-not-found"
	case q.Is(nsItems, "query") && q.Get("node") == nsCommands:
		return s.menuItems(from), ""
	case q.Is(nsItems, "query"):
		return xmltree.New(nsItems, "query", "node", q.Get("node")), ""
	}
	return nil, no
}

// known reports whether from is our server, our account, or somebody with a role.
func (s *session) known(from string) bool {
	if s.ours(from) || from == s.b.own.Domainpart() {
		return true
	}
	bare := bareOf(from)
	return bare != "" && (bare == s.b.own.String() || s.b.deps.Role(bare) > oswald.NoRole)
}
