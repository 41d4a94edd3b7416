// SPDX-License-Identifier: GPL-3.0-or-later

package xmppserver

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"oswald/internal/xmppclient"
)

func TestRequests(t *testing.T) {
	s := start(t)
	alice, bob := s.dial(t, "alice/a"), s.dial(t, "bob/b")
	test := func(c *xmppclient.Client, to, typ, payload, want string) {
		t.Helper()
		res, err := c.IQ(t.Context(), to, typ, payload)
		got := fmt.Sprint(err)
		if err == nil {
			got = res.String()
		}
		if !strings.Contains(got, want) {
			t.Errorf("%s %s to %q: %s, want %s", typ, payload, to, got, want)
		}
	}
	test(alice, "", "get", "<ping xmlns='urn:xmpp:ping'/>", "result")
	test(alice, domain, "get", "<ping xmlns='urn:xmpp:ping'/>", "result")
	test(alice, bob.JID(), "get", "<ping xmlns='urn:xmpp:ping'/>", "result")
	test(alice, at("bob"), "get", "<ping xmlns='urn:xmpp:ping'/>", "service-unavailable")
	test(alice, at("bob")+"/gone", "get", "<ping xmlns='urn:xmpp:ping'/>", "service-unavailable")
	test(alice, at("nobody"), "get", "<ping xmlns='urn:xmpp:ping'/>", "service-unavailable")
	test(alice, "elsewhere.test", "get", "<ping xmlns='urn:xmpp:ping'/>", "remote-server-not-found")
	test(alice, domain, "get", "<query xmlns='jabber:iq:version'/>", "Oswald")
	test(alice, domain, "get", "<time xmlns='urn:xmpp:time'/>", "<utc>")
	test(alice, domain, "get", "<query xmlns='http://jabber.org/protocol/disco#info'/>", "urn:xmpp:carbons:2")
	test(alice, domain, "get", "<query xmlns='http://jabber.org/protocol/disco#items'/>", "result")
	test(alice, at("alice"), "get", "<query xmlns='http://jabber.org/protocol/disco#info'/>", "urn:xmpp:mam:2")
	test(alice, "", "get", "<query xmlns='http://jabber.org/protocol/disco#info'/>", "urn:xmpp:sid:0")
	test(alice, "", "set", "<session xmlns='urn:ietf:params:xml:ns:xmpp-session'/>", "result")
	test(alice, "", "get", "<query xmlns='urn:nobody'/>", "service-unavailable")
	test(alice, "", "get", "", "bad-request")
	test(alice, "", "get", "<a xmlns='x'/><b xmlns='x'/>", "bad-request")
	test(alice, bob.JID(), "get", "", "bad-request")
	test(alice, at("bob"), "get", "<query xmlns='jabber:iq:roster'/>", "service-unavailable")

	test(alice, "", "get", "<query xmlns='jabber:iq:private'><storage xmlns='s'/></query>", "<storage xmlns='s'/>")
	test(alice, "", "set", "<query xmlns='jabber:iq:private'><storage xmlns='s'>kept</storage></query>", "result")
	test(alice, "", "get", "<query xmlns='jabber:iq:private'><storage xmlns='s'/></query>", "kept")
	test(bob, at("alice"), "get", "<query xmlns='jabber:iq:private'><storage xmlns='s'/></query>", "service-unavailable")

	test(alice, "", "get", "<vCard xmlns='vcard-temp'/>", "result")
	test(bob, at("alice"), "get", "<vCard xmlns='vcard-temp'/>", "item-not-found")
	test(alice, "", "set", "<vCard xmlns='vcard-temp'><FN>Alice</FN></vCard>", "result")
	test(bob, at("alice"), "get", "<vCard xmlns='vcard-temp'/>", "<FN>Alice</FN>")
	test(bob, at("alice"), "set", "<vCard xmlns='vcard-temp'/>", "forbidden")

	const ps = "<pubsub xmlns='http://jabber.org/protocol/pubsub'>%s</pubsub>"
	test(bob, at("alice"), "get", fmt.Sprintf(ps, "<items node='nick'/>"), "item-not-found")
	test(alice, "", "set", fmt.Sprintf(ps, "<publish node='nick'><item id='1'><nick xmlns='n'>Al</nick></item></publish>"), "id='1'")
	test(alice, "", "set", fmt.Sprintf(ps, "<publish node='nick'><item id='2'><nick xmlns='n'>Ally</nick></item></publish><publish-options><x xmlns='jabber:x:data'/></publish-options>"), "id='2'")
	test(alice, "", "set", fmt.Sprintf(ps, "<publish node='nick'><item id='1'><nick xmlns='n'>Alice</nick></item></publish>"), "id='1'")
	test(bob, at("alice"), "get", fmt.Sprintf(ps, "<items node='nick'/>"), "<item id='2'><nick xmlns='n'>Ally</nick></item><item id='1'><nick xmlns='n'>Alice</nick></item>")
	test(bob, at("alice"), "get", fmt.Sprintf(ps, "<items node='nick' max_items='1'/>"), "<items node='nick'><item id='1'>")
	test(bob, at("alice"), "get", fmt.Sprintf(ps, "<items node='nick'><item id='2'/></items>"), "<items node='nick'><item id='2'>")
	test(bob, at("alice"), "set", fmt.Sprintf(ps, "<publish node='nick'><item/></publish>"), "forbidden")
	test(alice, "", "set", fmt.Sprintf(ps, "<retract node='nick'><item id='1'/></retract>"), "result")
	test(alice, "", "set", fmt.Sprintf(ps, "<publish node='big'><item>"+strings.Repeat("x", 200_000)+"</item></publish>"), "result")

	test(alice, "", "set", "<query xmlns='jabber:iq:roster'><item jid='bob@oswald.test' name='Bobby'/></query>", "result")
	test(alice, "", "get", "<query xmlns='jabber:iq:roster'/>", "name='Bobby'")
	test(alice, "", "set", "<query xmlns='jabber:iq:roster'><item jid='bob@oswald.test' subscription='remove'/></query>", "not-allowed")
	test(alice, "", "set", "<query xmlns='jabber:iq:roster'><item jid='x@y'/></query>", "not-allowed")
}

func TestStoreIsBounded(t *testing.T) {
	s := start(t)
	alice := s.dial(t, "alice/a")
	full := false
	for i := range 10 {
		_, err := alice.IQ(t.Context(), "", "set", fmt.Sprintf("<query xmlns='jabber:iq:private'><a xmlns='n%d'>%s</a></query>", i, strings.Repeat("x", 200_000)))
		full = full || err != nil && strings.Contains(err.Error(), "resource-constraint")
	}
	if !full {
		t.Error("no bound")
	}
}

func TestArchive(t *testing.T) {
	clock := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	s := start(t, func(s *Server) { s.now = func() time.Time { clock = clock.Add(time.Second); return clock } })
	alice, bob := s.dial(t, "alice/a"), s.dial(t, "bob/b")
	for i := range 10 {
		to := at("bob")
		if i == 9 {
			to = at("bot")
		}
		send(t, alice, to, fmt.Sprint(i))
	}
	var ids []string
	for range 9 {
		ids = append(ids, next(t, bob).StanzaID)
	}
	// query returns the bodies that come, and the <fin/>.
	query := func(c *xmppclient.Client, form, rsm string) (string, string) {
		t.Helper()
		x := ""
		if form != "" {
			x = "<x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'><value>urn:xmpp:mam:2</value></field>" + form + "</x>"
		}
		fin, err := c.IQ(t.Context(), "", "set", "<query xmlns='urn:xmpp:mam:2' queryid='q'>"+x+"<set xmlns='http://jabber.org/protocol/rsm'>"+rsm+"</set></query>")
		if err != nil {
			return err.Error(), ""
		}
		bodies := ""
		for len(c.Messages()) > 0 {
			m := <-c.Messages()
			if r := m.Element.Child("urn:xmpp:mam:2", "result"); r != nil && r.Get("queryid") == "q" {
				f := r.Child("urn:xmpp:forward:0", "forwarded")
				if f.Child("urn:xmpp:delay", "delay").Get("stamp") == "" || m.From != strings.Split(c.JID(), "/")[0] {
					t.Errorf("%s", m.XML)
				}
				bodies += f.Child("jabber:client", "message").Child("jabber:client", "body").Text()
			}
		}
		return bodies, fin.String()
	}
	test := func(c *xmppclient.Client, form, rsm, want, wantFin string) {
		t.Helper()
		got, fin := query(c, form, rsm)
		if got != want || !strings.Contains(fin, wantFin) {
			t.Errorf("%s %s: %q %s", form, rsm, got, fin)
		}
	}
	field := func(k, v string) string { return "<field var='" + k + "'><value>" + v + "</value></field>" }
	test(alice, "", "", "0123456789", "complete='true'")
	test(bob, "", "", "012345678", "<count>9</count>")
	test(bob, "", "<max>3</max>", "012", "<last>"+ids[2])
	test(bob, "", "<max>3</max><after>"+ids[2]+"</after>", "345", "index='3'")
	test(bob, "", "<max>3</max><after>"+ids[5]+"</after>", "678", "complete='true'")
	test(bob, "", "<max>3</max><after>"+ids[8]+"</after>", "", "complete='true'")
	test(bob, "", "<max>3</max><before/>", "678", "index='6'")
	test(bob, "", "<max>3</max><before>"+ids[3]+"</before>", "012", "complete='true'")
	test(bob, "", "<max>3</max><before>"+ids[4]+"</before>", "123", "<fin xmlns")
	test(bob, "", "<max>0</max>", "", "<count>9</count>")
	test(bob, "", "<max>x</max>", "modify error bad-request", "")
	test(bob, "", "<after>unknown</after>", "cancel error item-not-found", "")
	test(alice, field("with", at("bot")), "", "9", "complete")
	test(alice, field("with", at("bob")+"/b"), "<max>2</max>", "01", "")
	test(alice, field("with", "@"), "", "modify error bad-request", "")
	test(alice, field("start", "yesterday"), "", "modify error bad-request", "")
	_, fin := query(bob, field("start", "2100-01-01T00:00:00Z"), "")
	if !strings.Contains(fin, "<count>0</count>") {
		t.Error(fin)
	}
	// The stamp that an archive shows is one that it finds again.
	s.mu.Lock()
	at5 := s.accounts["bob"].archive.items[5].at
	s.mu.Unlock()
	test(bob, field("start", stamp(at5)), "", "5678", "")
	test(bob, field("end", stamp(at5)), "", "012345", "")
}
