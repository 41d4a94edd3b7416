// SPDX-License-Identifier: GPL-3.0-or-later

package bot

import (
	"fmt"
	"strings"
	"testing"

	"mellium.im/xmpp/jid"
)

// hostile returns stanzas to the full JID to that have ended sessions of others.
func hostile(to string) []string {
	bare := jid.MustParse(to).Bare().String()
	msg := func(inner string) string {
		return "<message to='" + bare + "' type='chat' id='h'><body>x</body>" + inner + "</message>"
	}
	list := []string{
		"<iq to='" + to + "' type='get' id='1'/>",
		"<iq to='" + to + "' type='get' id='2'>text</iq>",
		"<iq to='" + to + "' type='get' id='3'><a xmlns='urn:a'/><b xmlns='urn:b'/></iq>",
		"<iq to='" + to + "' type='get'><ping xmlns='urn:xmpp:ping'/></iq>",
		"<iq to='" + to + "' type='odd' id='5'><ping xmlns='urn:xmpp:ping'/></iq>",
		"<iq to='" + to + "' type='result' id='6'/>",
		"<iq to='" + to + "' type='error' id='7'><error type='cancel'/></iq>",
		"<iq to='" + to + "' type='error' id='8'/>",
		"<iq to='" + to + "' type='set' id='9'><query xmlns='jabber:iq:roster'><item jid='@@' subscription='both'/></query></iq>",
		"<iq to='" + to + "' type='set' id='10'><query xmlns='jabber:iq:roster'/></iq>",
		"<iq to='" + to + "' type='get' id='11'><x xmlns='urn:x'>" + strings.Repeat("<a/>", 20000) + "</x></iq>",
		"<message to='" + bare + "'/>",
		"<message to='" + bare + "' type='chat'>text</message>",
		"<message to='" + bare + "' type='chat'>" + strings.Repeat("<body>b</body>", 6000) + "</message>",
		"<message to='" + bare + "' type='chat'><body>a<b>c</b>d</body></message>",
		"<message to='" + bare + "' type='odd'><body>odd</body></message>",
		"<message to='" + bare + "' type='groupchat'><body>group</body></message>",
		"<message to='" + bare + "' type='error'><body>x</body></message>",
		"<message to='" + bare + "'><received xmlns='urn:xmpp:carbons:2'><forwarded xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client' from='alice@oswald.test/x' to='" + bare + "' type='chat'><body>forged</body></message></forwarded></received></message>",
		"<message to='" + bare + "' type='chat'><body>" + strings.Repeat("y", 200<<10) + "</body></message>",
		"<presence to='" + to + "'><show>odd</show></presence>",
		"<presence to='" + to + "' type='probe'/>",
		"<presence to='" + to + "' type='odd'/>",
		msg("<a><b>" + strings.Repeat("<c>", 95) + strings.Repeat("</c>", 95) + "</b></a>"),
		msg("<![CDATA[<stream:error/>]]>"),
		msg("<!-- c -->"),
		msg("<?pi x?>"),
	}
	for _, in := range []string{
		"<stream:error xmlns:stream='" + nsStream + "'/>",
		"<stream:foo xmlns:stream='" + nsStream + "'/>",
		"<stream:stream xmlns:stream='" + nsStream + "'/>",
		"<error xmlns='" + nsStream + "'><conflict xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></error>",
		"<foo xmlns='" + nsStream + "'><stream/></foo>",
		"<p:stream xmlns:p='" + nsStream + "'/>",
		"<p:x xmlns:p='http://etherx.jabber.org/&#115;treams'/>",
		"<x xmlns='urn:x' xmlns:p='" + nsStream + "' p:a='b'><p:error/></x>",
		"<x xmlns='urn:x'><y xmlns='" + nsStream + "'/></x>",
	} {
		list = append(list, msg(in),
			"<iq to='"+to+"' type='get' id='s'>"+in+"</iq>",
			"<presence to='"+to+"'>"+in+"</presence>",
			msg("<forwarded xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client'>"+in+"</message></forwarded>"))
	}
	return append(list,
		"<message to='"+bare+"' type='chat' xmlns:p='"+nsStream+"'><p:error/></message>",
		"<message to='"+bare+"' type='chat' id='h'><body xml:lang='xx' xml:foo='y'>z</body></message>")
}

func TestHostile(t *testing.T) {
	s, r := start(t)
	alice := client(t, s, "alice")
	full := fullJID(r)
	ask(t, alice, "begin")
	for i, x := range hostile(full) {
		peer := client(t, s, "bob") // a stanza that the server refuses ends its sender's stream
		peer.SendRaw(x)
		peer.IQ(t.Context(), "", "get", "<ping xmlns='urn:xmpp:ping'/>")
		peer.Close()
		if got := ask(t, alice, fmt.Sprint("still there after ", i)).Body; got != fmt.Sprint("you said still there after ", i) {
			t.Errorf("after %s: %q", clip(x, 200), got)
		}
	}
	if now := fullJID(r); now != full || r.sessions() != 1 {
		t.Errorf("%d sessions; %s became %s", r.sessions(), full, now)
	}
}
