// SPDX-License-Identifier: GPL-3.0-or-later

package xmppclient

import (
	"context"
	"strings"
	"time"

	"oswald"
	"oswald/internal/xmppclient/xmltree"
)

const (
	nsDisco    = "http://jabber.org/protocol/disco#info"
	nsStates   = "http://jabber.org/protocol/chatstates"
	nsReceipts = "urn:xmpp:receipts"
	nsIDs      = "urn:xmpp:sid:0"
	nsCarbons  = "urn:xmpp:carbons:2"
	nsForward  = "urn:xmpp:forward:0"
)

// Message is one message, in or out. Send uses To, Type, ID, OriginID, Thread,
// Body, Subject, ChatState, Receipt, Replace, OOB and NoReceipt.
type Message struct {
	From, To  string
	Type      string // "chat" if empty when sent
	ID        string // RFC 6120 section 8.1.3
	OriginID  string // XEP-0359
	StanzaID  string // XEP-0359, as our own server, or the room, gave it
	Thread    string
	Subject   string
	Body      string
	ChatState string    // XEP-0085: active, composing, paused, inactive, gone
	Receipt   string    // XEP-0184: the id that is confirmed as received
	Displayed string    // XEP-0333: the id that was seen
	Replace   string    // XEP-0308: the id that is corrected
	ReplyTo   string    // XEP-0461: the id that is answered
	Reactions []string  // XEP-0444
	ReactsTo  string    // XEP-0444: the id that is reacted to
	OOB       string    // XEP-0066: a URL
	Delay     time.Time // XEP-0203: when it was sent, if it was kept; else zero
	Carbon    string    // XEP-0280: "sent" or "received" for a copy
	Error     error     // a *StanzaError where Type is "error"
	XML       string    // as it came

	Element *xmltree.Element // the same, parsed; do not change it

	// NoReceipt leaves out the request for a receipt when sending.
	NoReceipt bool
}

// Send sends m, gives it what it lacks of id, origin-id and type, and asks for a
// receipt. It returns the id when the message is written.
func (c *Client) Send(ctx context.Context, m Message) (id string, err error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	if m.ID == "" {
		m.ID = oswald.RandomID()
	}
	if m.OriginID == "" {
		m.OriginID = m.ID
	}
	if m.Type == "" {
		m.Type = "chat"
	}
	return m.ID, c.write(m.build().AppendXML(nil, "jabber:client"))
}

func (m Message) build() *xmltree.Element {
	e := xmltree.New("jabber:client", "message", "to", m.To, "type", m.Type, "id", m.ID)
	text := func(local, s string) {
		if s != "" {
			e.Add(xmltree.New("jabber:client", local).AddText(s))
		}
	}
	text("subject", m.Subject)
	text("body", m.Body)
	text("thread", m.Thread)
	e.Add(xmltree.New(nsIDs, "origin-id", "id", m.OriginID))
	if m.Body != "" && !m.NoReceipt && m.Type != "groupchat" {
		e.Add(xmltree.New(nsReceipts, "request"))
	}
	if m.ChatState != "" {
		e.Add(xmltree.New(nsStates, m.ChatState))
	}
	if m.Receipt != "" {
		e.Add(xmltree.New(nsReceipts, "received", "id", m.Receipt))
	}
	if m.Displayed != "" {
		e.Add(xmltree.New("urn:xmpp:chat-markers:0", "displayed", "id", m.Displayed))
	}
	if m.Replace != "" {
		e.Add(xmltree.New("urn:xmpp:message-correct:0", "replace", "id", m.Replace))
	}
	if m.ReplyTo != "" {
		e.Add(xmltree.New("urn:xmpp:reply:0", "reply", "to", m.To, "id", m.ReplyTo))
	}
	if m.ReactsTo != "" {
		r := xmltree.New("urn:xmpp:reactions:0", "reactions", "id", m.ReactsTo)
		for _, s := range m.Reactions {
			r.Add(xmltree.New(r.Space, "reaction").AddText(s))
		}
		e.Add(r)
	}
	if m.OOB != "" {
		e.Add(xmltree.New("jabber:x:oob", "x").Add(xmltree.New("jabber:x:oob", "url").AddText(m.OOB)))
	}
	return e
}

// parse reads a message; own is our bare JID, the only one besides a room whose
// stanza-ids count.
func parse(e *xmltree.Element, own, raw string) Message {
	m := Message{
		From: e.Get("from"), To: e.Get("to"), Type: e.Get("type"), ID: e.Get("id"),
		XML: raw, Element: e,
	}
	bare, _, _ := strings.Cut(m.From, "/")
	for _, c := range e.Children() {
		switch c.Space + " " + c.Local {
		case "jabber:client body":
			if m.Body == "" {
				m.Body = c.Text()
			}
		case "jabber:client subject":
			m.Subject = c.Text()
		case "jabber:client thread":
			m.Thread = c.Text()
		case nsIDs + " origin-id":
			m.OriginID = c.Get("id")
		case nsIDs + " stanza-id":
			if by := c.Get("by"); by == own || m.Type == "groupchat" && by == bare {
				m.StanzaID = c.Get("id")
			}
		case nsReceipts + " received":
			m.Receipt = c.Get("id")
		case "urn:xmpp:chat-markers:0 displayed":
			m.Displayed = c.Get("id")
		case "urn:xmpp:message-correct:0 replace":
			m.Replace = c.Get("id")
		case "urn:xmpp:reply:0 reply":
			m.ReplyTo = c.Get("id")
		case "urn:xmpp:reactions:0 reactions":
			m.ReactsTo = c.Get("id")
			for _, r := range c.Children() {
				m.Reactions = append(m.Reactions, r.Text())
			}
		case "jabber:x:oob x":
			m.OOB = c.Child("jabber:x:oob", "url").Text()
		case "urn:xmpp:delay delay":
			if t, err := time.Parse(time.RFC3339, c.Get("stamp")); err == nil {
				m.Delay = t
			}
		default:
			if c.Space == nsStates {
				m.ChatState = c.Local
			}
		}
	}
	if m.Type == "error" {
		m.Error = stanzaError(e)
	}
	return m
}

// message answers a request for a receipt, then passes the message to the command
// that waits for it, or to Messages.
func (c *Client) message(e *xmltree.Element, raw string) {
	m := parse(e, c.bare, raw)
	for _, dir := range []string{"received", "sent"} {
		x := e.Child(nsCarbons, dir)
		if x == nil {
			continue
		}
		inner := x.Child(nsForward, "forwarded").Child("jabber:client", "message")
		if m.From != c.bare || inner == nil {
			return // XEP-0280 section 11: only our own account may send copies
		}
		m = parse(inner, c.bare, raw)
		m.Carbon = dir
	}
	if m.Carbon == "" && m.ID != "" && m.Type != "error" && m.Type != "groupchat" && e.Child(nsReceipts, "request") != nil {
		r := Message{To: m.From, Type: m.Type, ID: oswald.RandomID(), Receipt: m.ID}
		r.OriginID = r.ID
		c.write(r.build().AppendXML(nil, "jabber:client"))
	}
	if m.Carbon == "" && c.claimed(m) {
		return
	}
	select {
	case c.in <- m:
		return
	default:
	}
	select {
	case <-c.in:
		c.dropped.Add(1)
	default:
	}
	c.in <- m // there is room: nobody else sends
}
