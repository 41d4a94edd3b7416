// SPDX-License-Identifier: GPL-3.0-or-later

package xmppserver

import (
	"fmt"
	"strings"
	"testing"
)

// TestEvents publishes before and after somebody who wants to know is there.
func TestEvents(t *testing.T) {
	s := start(t)
	bot := s.dial(t, "bot/x")
	publish := func(node, text, options string) {
		t.Helper()
		_, err := bot.IQ(t.Context(), "", "set", fmt.Sprintf("<pubsub xmlns='%s'><publish node='%s'><item id='1'><d xmlns='d'>%s</d></item></publish>%s</pubsub>", nsPubSub, node, text, options))
		if err != nil {
			t.Fatal(err)
		}
	}
	const whitelist = "<publish-options><x xmlns='jabber:x:data' type='submit'><field var='pubsub#access_model'><value>whitelist</value></field></x></publish-options>"
	publish("avatar", "first", "")
	publish("secret", "hidden", whitelist)
	publish("other", "unwanted", "")

	alice := s.connect(t)
	alice.auth("alice")
	alice.ask("<iq type='set' id='b'><bind xmlns='"+nsBind+"'/></iq>", "<iq")
	alice.write("<presence><c xmlns='" + nsCaps + "' hash='sha-1' node='n' ver='v'/></presence>")
	// event reads until an event comes.
	event := func(want string) {
		t.Helper()
		for {
			e, err := alice.xr.Next()
			if err != nil {
				t.Fatal(err)
			}
			if q := e.Child(nsInfo, "query"); q != nil {
				if q.Get("node") != "n#v" {
					t.Errorf("%s", e)
				}
				alice.write("<iq type='result' id='" + e.Get("id") + "' to='" + domain + "'><query xmlns='" + nsInfo + "' node='n#v'><feature var='avatar+notify'/><feature var='secret+notify'/></query></iq>")
			}
			if ev := e.Child(nsEvent, "event"); ev != nil {
				if got := ev.Child(nsEvent, "items").String(); !strings.Contains(got, want) || e.Get("from") != at("bot") {
					t.Errorf("%s, want %s", got, want)
				}
				return
			}
		}
	}
	event("<item id='1'><d xmlns='d'>first</d></item>")
	publish("secret", "hidden", "")
	publish("other", "unwanted", "")
	publish("avatar", "second", "")
	event("second")
	if _, err := bot.IQ(t.Context(), "", "set", "<pubsub xmlns='"+nsPubSub+"'><retract node='avatar'><item id='1'/></retract></pubsub>"); err != nil {
		t.Fatal(err)
	}
	event("<retract id='1'/>")

	bob := s.dial(t, "bob/b")
	if _, err := bob.IQ(t.Context(), at("bot"), "get", "<pubsub xmlns='"+nsPubSub+"'><items node='secret'/></pubsub>"); err == nil || !strings.Contains(err.Error(), "forbidden") {
		t.Error(err)
	}
}
