// SPDX-License-Identifier: GPL-3.0-or-later

package bot

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"

	"mellium.im/xmpp"
	"mellium.im/xmpp/jid"

	"oswald/internal/xmppclient/xmltree"
)

const (
	nsBind = "urn:ietf:params:xml:ns:xmpp-bind"
	nsSM   = "urn:xmpp:sm:3"
)

// smState is what outlives a connection (XEP-0198). Counters wrap at 2^32.
type smState struct {
	id      string // to resume by; "" when that is not possible
	enabled bool
	in      uint32 // stanzas handled by us
	h       uint32 // of ours, handled by the server, as it said when resuming
	jid     jid.JID
	resumed bool
}

// reply is any answer of the server while binding.
type reply struct {
	XMLName xml.Name
	Type    string `xml:"type,attr"`
	ID      string `xml:"id,attr"`
	H       uint32 `xml:"h,attr"`
	Resume  string `xml:"resume,attr"`
	JID     string `xml:"urn:ietf:params:xml:ns:xmpp-bind bind>jid"`
	Error   struct {
		Inner []struct{ XMLName xml.Name } `xml:",any"`
	} `xml:"jabber:client error"`
}

// bindError is why the server gives no session.
type bindError struct{ condition string }

// Error names the condition.
func (e *bindError) Error() string { return "bind: " + e.condition }

// bind resumes the session in st if it can; else it binds resource (RFC 6120
// section 7) and enables stream management. Both are one feature, because the
// library would run separate ones in any order.
func bind(st *smState, resource string) xmpp.StreamFeature {
	f := xmpp.BindResource() // its Name, Necessary, Prohibited and Parse are right
	f.Negotiate = func(_ context.Context, s *xmpp.Session, _ any) (xmpp.SessionState, io.ReadWriter, error) {
		r := s.TokenReader()
		defer r.Close()
		d := xml.NewTokenDecoder(r)
		ask := func(want func(reply) bool, format string, args ...any) (e reply, err error) {
			if _, err := fmt.Fprintf(s.Conn(), format, args...); err != nil {
				return e, err
			}
			for range 100 { // whoever knows our full JID may send something in between
				e = reply{}
				if err := d.Decode(&e); err != nil {
					return e, err
				}
				if want(e) {
					return e, nil
				}
			}
			return e, errors.New("bind: no answer among 100 elements")
		}
		management := func(e reply) bool { return e.XMLName.Space == nsSM && e.XMLName.Local != "r" }
		_, sm := s.Feature(nsSM)
		st.resumed, st.h = false, 0
		if sm && st.id != "" {
			e, err := ask(management, `<resume xmlns='%s' h='%d' previd='%s'/>`, nsSM, st.in, xmltree.Escape(st.id))
			if err != nil {
				return 0, nil, err
			}
			if e.XMLName.Local == "resumed" {
				st.resumed, st.h = true, e.H
				s.UpdateAddr(st.jid)
				return xmpp.Ready, nil, nil
			}
		}
		st.id, st.enabled, st.in = "", false, 0
		e, err := ask(func(e reply) bool { return e.XMLName.Local == "iq" && e.ID == "bind" },
			`<iq type='set' id='bind'><bind xmlns='%s'><resource>%s</resource></bind></iq>`, nsBind, xmltree.Escape(resource))
		if err != nil {
			return 0, nil, err
		}
		if e.Type != "result" {
			refused := &bindError{"refused"}
			if len(e.Error.Inner) > 0 {
				refused.condition = e.Error.Inner[0].XMLName.Local
			}
			return 0, nil, refused
		}
		if st.jid, err = jid.Parse(e.JID); err != nil {
			return 0, nil, fmt.Errorf("bind: %w", err)
		}
		s.UpdateAddr(st.jid)
		if sm {
			if e, err = ask(management, `<enable xmlns='%s' resume='true'/>`, nsSM); err != nil {
				return 0, nil, err
			}
			if e.XMLName.Local == "enabled" {
				st.enabled = true
				if e.Resume == "true" || e.Resume == "1" {
					st.id = e.ID
				}
			}
		}
		return xmpp.Ready, nil, nil
	}
	return f
}
