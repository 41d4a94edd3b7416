// SPDX-License-Identifier: GPL-3.0-or-later

package bot

import (
	"encoding/xml"
	"fmt"
	"runtime/debug"
	"strconv"
	"strings"

	"mellium.im/xmlstream"
	"mellium.im/xmpp/jid"

	"oswald/internal/xmppclient/xmltree"
)

const (
	nsClient   = "jabber:client"
	nsIDs      = "urn:xmpp:sid:0"
	nsStates   = "http://jabber.org/protocol/chatstates"
	nsStyling  = "urn:xmpp:styling:0"
	nsReceipts = "urn:xmpp:receipts"
	nsMarkers  = "urn:xmpp:chat-markers:0"
	nsHints    = "urn:xmpp:hints"
	nsDelay    = "urn:xmpp:delay"
	nsRoster   = "jabber:iq:roster"
	nsStanzas  = "urn:ietf:params:xml:ns:xmpp-stanzas"
)

func itoa(n int) string { return strconv.Itoa(n) }

// HandleXMPP handles one element of the stream. It is the only handler, and it
// always returns nil: the library ends the stream for any error. It runs inside
// the reader, so it answers through t or hands on, and never waits for the server.
func (s *session) HandleXMPP(t xmlstream.TokenReadEncoder, start *xml.StartElement) error {
	var e *xmltree.Element
	defer func() {
		if p := recover(); p != nil { // a stanza must not end the program
			s.b.log.Error("handling a stanza", "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			if typ := e.Get("type"); e.Is(nsClient, "iq") && (typ == "get" || typ == "set") {
				adhocAsk{s: s, id: e.Get("id"), from: e.Get("from")}.refuse("wait", "internal-server-error", "")
			}
		}
	}()
	e = tree(t, *start)
	if e == nil {
		return nil // the stream has ended in the middle
	}
	switch {
	case e.Space == nsSM:
		s.manage(t, e)
	case e.Space != nsClient:
	case e.Local == "iq":
		s.b.intake.stanza()
		e.Set("type", strings.TrimPrefix(e.Get("type"), request))
		s.iq(t, e)
	case e.Local == "message":
		s.b.intake.stanza()
		s.message(e)
	case e.Local == "presence":
		s.b.intake.stanza()
		s.presence(e)
	}
	return nil
}

// manage handles the elements of XEP-0198.
func (s *session) manage(t xmlstream.TokenReadEncoder, e *xmltree.Element) {
	switch e.Local {
	case "r":
		s.owed.Store(true) // first, so that whoever releases a stanza meanwhile sees it
		if n, short := s.b.intake.handled(); !short {
			s.owed.Store(false)
			s.write(t, ackOf(n), false)
		} // else when the last one is on disk, with what there is to say
	case "a":
		if h, err := strconv.ParseUint(e.Get("h"), 10, 32); err == nil {
			s.b.out.ack(uint32(h))
		}
	}
}

func ackOf(n uint32) *xmltree.Element {
	return xmltree.New(nsSM, "a", "h", strconv.FormatUint(uint64(n), 10))
}

// write answers inside the handler. stanza is true where XEP-0198 counts it. The
// first token takes the lock of the way out, until the handler returns.
func (s *session) write(t xmlstream.TokenReadEncoder, e *xmltree.Element, stanza bool) {
	first := true
	var put func(e *xmltree.Element) error
	put = func(e *xmltree.Element) error {
		start := xml.StartElement{Name: xml.Name{Space: e.Space, Local: e.Local}}
		for _, a := range e.Attr {
			if a.Space == "" {
				start.Attr = append(start.Attr, xml.Attr{Name: xml.Name{Local: a.Local}, Value: a.Value})
			}
		}
		if err := t.EncodeToken(start); err != nil {
			return err
		}
		if first && stanza {
			s.sent.Add(1)
		}
		first = false
		for _, n := range e.Nodes {
			if n.El != nil {
				if err := put(n.El); err != nil {
					return err
				}
			} else if err := t.EncodeToken(xml.CharData(n.Text)); err != nil {
				return err
			}
		}
		return t.EncodeToken(start.End())
	}
	if err := put(e); err != nil {
		s.conn.closeFor(err)
	}
}

// tree reads the rest of the element that start begins; nil if it never ends.
// (Decoding a struct from t directly trips over how the library ends an element.)
func tree(t xml.TokenReader, start xml.StartElement) *xmltree.Element {
	root := element(start)
	open := []*xmltree.Element{root}
	for {
		tok, err := t.Token()
		top := open[len(open)-1]
		switch tok := tok.(type) {
		case xml.StartElement:
			e := element(tok)
			top.Add(e)
			open = append(open, e)
		case xml.EndElement:
			if open = open[:len(open)-1]; len(open) == 0 {
				return root
			}
		case xml.CharData:
			top.AddText(string(tok))
		}
		if err != nil {
			return nil
		}
	}
}

func element(t xml.StartElement) *xmltree.Element {
	e := &xmltree.Element{Space: t.Name.Space, Local: t.Name.Local}
	for _, a := range t.Attr {
		switch a.Name.Space {
		case "":
			if a.Name.Local == "xmlns" {
				continue
			}
		case "xmlns":
			continue
		case "http://www.w3.org/XML/1998/namespace":
			a.Name.Space = "xml"
		}
		e.Attr = append(e.Attr, xmltree.Attr{Space: a.Name.Space, Local: a.Name.Local, Value: a.Value})
	}
	return e
}

// bareOf returns the bare JID of an address in its normal form; "" if it is no
// address.
func bareOf(s string) string {
	j, err := jid.Parse(s)
	if err != nil {
		return ""
	}
	return j.Bare().String()
}
