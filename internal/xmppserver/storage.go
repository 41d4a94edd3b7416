// SPDX-License-Identifier: GPL-3.0-or-later

package xmppserver

import (
	"slices"

	"oswald/internal/xmppclient/xmltree"
)

// fits reports whether an account's stores may grow by so much, and counts it.
func (a *account) fits(grow int) bool {
	if a.stored+grow > storeBytes {
		return false
	}
	a.stored += grow
	return true
}

func sizeOf(els ...*xmltree.Element) (n int) {
	for _, e := range els {
		if e != nil {
			n += len(e.String())
		}
	}
	return n
}

// vcardLocked keeps business cards (XEP-0054), which everybody may read.
func (s *Server) vcardLocked(r request) (*xmltree.Element, *failed) {
	switch {
	case r.of == nil && r.iq.Get("to") != "":
		return nil, unavailable
	case r.get && r.of.vcard == nil && r.own:
		return xmltree.New("vcard-temp", "vCard"), nil
	case r.get && r.of.vcard == nil:
		return nil, notFound
	case r.get:
		return r.of.vcard, nil
	case !r.own:
		return nil, forbidden
	case !r.of.fits(sizeOf(r.payload) - sizeOf(r.of.vcard)):
		return nil, tooMuch
	}
	r.of.vcard = r.payload
	return nil, nil
}

// privateLocked keeps what a client wants back (XEP-0049).
func (s *Server) privateLocked(r request) (*xmltree.Element, *failed) {
	in := r.payload.First()
	if in == nil || len(r.payload.Children()) != 1 {
		return nil, badRequest
	}
	key, a := in.Space+" "+in.Local, r.from.acct
	if r.get {
		if kept := a.private[key]; kept != nil {
			in = kept
		}
		return xmltree.New("jabber:iq:private", "query").Add(in), nil
	}
	if !a.fits(sizeOf(in) - sizeOf(a.private[key])) {
		return nil, tooMuch
	}
	a.private[key] = in
	return nil, nil
}

// blockLocked keeps the list of those who cannot reach an account (XEP-0191).
func (s *Server) blockLocked(r request) (*xmltree.Element, *failed) {
	a, q := r.from.acct, r.payload
	if r.get {
		list := xmltree.New(nsBlock, "blocklist")
		for b := range a.blocked {
			list.Add(xmltree.New(nsBlock, "item", "jid", b))
		}
		return list, nil
	}
	var jids []string
	for _, i := range q.Children() {
		j, err := parseJID(i.Get("jid"))
		if err != nil {
			return nil, badRequest
		}
		jids = append(jids, j.bare())
	}
	switch {
	case q.Local == "block" && len(jids) == 0:
		return nil, badRequest
	case q.Local == "block":
		if len(a.blocked)+len(jids) > maxAccounts {
			return nil, tooMuch
		}
		for _, j := range jids {
			a.blocked[j] = true
		}
	case q.Local == "unblock" && len(jids) == 0:
		clear(a.blocked)
	case q.Local == "unblock":
		for _, j := range jids {
			delete(a.blocked, j)
		}
	default:
		return nil, badRequest
	}
	for _, o := range slices.Clone(a.sessions) { // section 3.3: all sessions learn of it
		if o.roster {
			s.tellLocked(o, xmltree.New(nsClient, "iq", "type", "set", "id", s.nextIDLocked(), "to", o.full).Add(q))
		}
	}
	return nil, nil
}
