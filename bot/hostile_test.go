// SPDX-License-Identifier: GPL-3.0-or-later

package bot

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"mellium.im/xmpp/jid"

	"oswald"
	"oswald/internal/xmppclient"
	"oswald/internal/xmppclient/xmltree"
	"oswald/internal/xmpptest"
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
		"<message to='" + bare + "' type='chat'><body>" + strings.Repeat("z", 256<<10) + "</body></message>",
		"<message to='" + bare + "' type='chat'><nothing xmlns='urn:nobody:knows'><body>x</body></nothing></message>",
		"<message to='" + bare + "' type='chat'><body>one</body><body>two</body></message>",
		"<message to='" + bare + "' type='chat'><body xml:lang='de'>eins</body><body xml:lang='en'>one</body></message>",
		"<message to='" + bare + "' from='x\u202e@oswald.test' type='chat'><body>x</body></message>",
		"<presence to='x\u2066y@oswald.test'/>",
		"<iq to='" + to + "' type='get' id='12'><unknown xmlns='urn:nobody:knows'/></iq>",
		"<iq to='" + to + "' type='set' id='13'><query xmlns='jabber:iq:roster'><item jid='\U0001FAE9a\u0301@x' subscription='both'/></query></iq>",
		"<iq to='" + to + "' type='get' id='14'><query xmlns='" + nsInfo + "' node='" + strings.Repeat("n", 5000) + "'/></iq>",
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

// TestHostile sends each of them through each server, from somebody with a role. The
// session lives and the next command is answered on it.
func TestHostile(t *testing.T) {
	xmpptest.Servers(t, []string{"bot", "alice", "bob"}, func(t *testing.T, s *xmpptest.Server) {
		r := fresh(t, s, nil)
		alice := client(t, s, "alice")
		full := fullJID(r)
		ask(t, alice, "begin")
		peer := client(t, s, "bob")
		for i, x := range hostile(full) {
			peer.SendRaw(x)
			if _, err := peer.IQ(t.Context(), "", "get", "<ping xmlns='urn:xmpp:ping'/>"); err != nil {
				peer.Close()
				peer = client(t, s, "bob") // a stanza that the server refuses ends its sender's stream
			}
			if got := ask(t, alice, fmt.Sprint("still there after ", i)).Body; got != fmt.Sprint("you said still there after ", i) {
				t.Errorf("after %s: %q", clip(x, 200), got)
			}
		}
		if now := fullJID(r); now != full || r.sessions() != 1 {
			t.Errorf("%d sessions; %s became %s", r.sessions(), full, now)
		}
	})
}

// TestForgery lets bob, who may command the bot a little, say that alice, who may
// more, has said something, in every way that has worked with some client. And he
// sends errors, which must not be answered, or two bots would do so for ever.
func TestForgery(t *testing.T) {
	xmpptest.Servers(t, []string{"bot", "alice", "bob"}, func(t *testing.T, s *xmpptest.Server) {
		r := fresh(t, s, nil)
		full := fullJID(r)
		var heard atomic.Int64
		cfg := clientConfig(t, s, "bob", "")
		cfg.OnStanza = func(e *xmltree.Element) {
			if e.Local == "message" && bareOf(e.Get("from")) == botJID {
				heard.Add(1)
			}
		}
		bob, err := xmppclient.Dial(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		defer bob.Close()
		inner := "<forwarded xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client' from='" + jidOf("alice") + "/phone' to='" + botJID +
			"' type='chat' id='f'><body>forged</body></message></forwarded>"
		query := "x"
		if q := r.live.Load().query.Load(); q != nil {
			query = *q
		}
		carbon := func(kind, inner string) string {
			return "<" + kind + " xmlns='urn:xmpp:carbons:2'>" + inner + "</" + kind + ">"
		}
		for _, to := range []string{botJID, full} {
			for _, x := range []string{
				carbon("received", inner), carbon("sent", inner),
				carbon("received", strings.Replace(inner, "<body>forged</body>", carbon("sent", inner), 1)),
				"<result xmlns='urn:xmpp:mam:2' queryid='" + query + "' id='1'>" + inner + "</result>",
				"<result xmlns='urn:xmpp:mam:2' id='1'>" + inner + "</result>", inner,
				"<addresses xmlns='http://jabber.org/protocol/address'><address type='ofrom' jid='" + jidOf("alice") + "'/></addresses>",
				"<privilege xmlns='urn:xmpp:privilege:2'>" + inner + "</privilege>",
			} {
				bob.SendRaw("<message to='" + to + "' type='chat' id='" + oswald.RandomID() + "'>" + x + "</message>")
			}
			// Errors, with and without what they are an answer to.
			for range 5 {
				bob.SendRaw("<message to='" + to + "' type='error' id='" + oswald.RandomID() + "'><body>forged</body><error type='cancel'>" +
					"<service-unavailable xmlns='" + nsStanzas + "'/></error></message>")
			}
		}
		for _, q := range []string{
			"<query xmlns='jabber:iq:roster'><item jid='mallory@oswald.test' subscription='both'/></query>",
			"<query xmlns='jabber:iq:roster'><item jid='" + jidOf("alice") + "' subscription='remove'/></query>",
			"<query xmlns='jabber:iq:roster'><item jid='x\u202e@oswald.test' subscription='both'/></query>",
			"<block xmlns='urn:xmpp:blocking'><item jid='" + jidOf("alice") + "'/></block>",
		} {
			if _, err := bob.IQ(t.Context(), full, "set", q); err == nil {
				t.Errorf("%s was accepted", q)
			}
		}
		before := heard.Load()
		if got := ask(t, bob, "really me").Body; got != "you said really me" {
			t.Errorf("afterwards: %q", got)
		}
		if n := r.commands.times("forged"); n != 0 {
			t.Errorf("a forged command ran %d times", n)
		}
		if before != 0 {
			t.Errorf("%d messages in answer to forgeries and errors", before)
		}
		if got := ask(t, client(t, s, "alice"), "and me").Body; got != "you said and me" {
			t.Errorf("alice: %q", got)
		}
		if r.sessions() != 1 {
			t.Errorf("%d sessions", r.sessions())
		}
	})
}
