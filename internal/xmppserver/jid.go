// SPDX-License-Identifier: GPL-3.0-or-later

package xmppserver

import (
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"
)

// jid is an address of XMPP (RFC 7622), with the case of local part and domain
// folded. The full tables of PRECIS are left out: our accounts are ASCII.
type jid struct{ local, domain, resource string }

func (j jid) bare() string {
	if j.local == "" {
		return j.domain
	}
	return j.local + "@" + j.domain
}

var errJID = errors.New("not a JID")

func parseJID(s string) (jid, error) {
	bare, resource, full := strings.Cut(s, "/")
	local, domain, ok := strings.Cut(bare, "@")
	if !ok {
		local, domain = "", bare
	}
	j := jid{strings.ToLower(local), strings.ToLower(strings.TrimSuffix(domain, ".")), resource}
	switch {
	case j.domain == "", ok && j.local == "", full && j.resource == "",
		len(j.local) > 1023, len(j.domain) > 1023, len(j.resource) > 1023,
		strings.ContainsAny(j.local, "\"&'/:<>@ "), strings.ContainsAny(j.domain, "\"&'/<>@ "),
		!utf8.ValidString(s), strings.ContainsFunc(s, unicode.IsControl):
		return jid{}, errJID
	}
	return j, nil
}
