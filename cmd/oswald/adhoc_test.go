// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"strings"
	"testing"

	"oswald/internal/terminal"
	"oswald/internal/xmppclient/xmltree"
)

// TestProfanityMenu takes a dangerous command out of the menu of a terminal client:
// it asks first.
func TestProfanityMenu(t *testing.T) {
	terminal.Needs(t, "profanity", "tmux")
	onBoth(t, func(t *testing.T, h *house, bot string) {
		there := func() bool { return strings.Contains(h.page("/c/house/kitchen"), "two evenings") }
		eventually(t, "the form", func() bool { return tokenField.MatchString(h.page("/comment/house/kitchen")) })
		h.comment("house/kitchen", "Ann", "The shelf under the window took two evenings.", "192.0.2.7")
		eventually(t, "the comment", there)
		p := profanity(t, h)
		p.Type("/win 1")
		p.Type("/cmd exec status " + bot)
		p.Wait("status completed", "All is well.", "disk:")
		p.Type("/cmd exec delete " + bot)
		p.Wait("Number (required)")
		p.Type("/field1 1")
		p.Type("/form submit")
		p.Wait("delete: really?", "Remove it?")
		shot(t, "menu-really-"+h.server.Name, p)
		if !there() {
			t.Fatal("nobody has said yes")
		}
		p.Type("/form submit")
		p.Wait("delete completed", "is deleted")
		shot(t, "menu-deleted-"+h.server.Name, p)
		eventually(t, "the comment to go", func() bool { return !there() })
	})
}

// TestPeopleAreContacts gives somebody a role by text and takes it away in the menu:
// the account's contacts follow, and both are on the record.
func TestPeopleAreContacts(t *testing.T) {
	h := newHouse(t, "")
	h.server.Register("zoe") // in nobody's contacts
	start(t, "run", "--config", h.config)
	alice := h.login("alice")
	bot := alice.awaitBot()
	account := h.dial("oswald")
	contact := func() bool {
		t.Helper()
		res, err := account.IQ(t.Context(), "", "get", "<query xmlns='jabber:iq:roster'/>")
		if err != nil {
			t.Fatal(err)
		}
		return strings.Contains(res.String(), h.server.JID("zoe"))
	}
	alice.expect("allow "+h.server.JID("zoe"), "role member")
	eventually(t, "zoe to be a contact", contact)
	const commands = "http://jabber.org/protocol/commands"
	step := func(attrs, inner string) string {
		t.Helper()
		res, err := alice.client.IQ(t.Context(), bot, "set", "<command xmlns='"+commands+"' node='deny' "+attrs+">"+inner+"</command>")
		if err != nil {
			t.Fatal(err)
		}
		return res.First().String()
	}
	form, err := xmltree.Parse([]byte(step("", "")))
	if err != nil || form.Get("status") != "executing" {
		t.Fatalf("%v, %v", form, err)
	}
	got := step("sessionid='"+form.Get("sessionid")+"'", "<x xmlns='jabber:x:data' type='submit'><field var='jid'><value>"+h.server.JID("zoe")+"</value></field></x>")
	if !strings.Contains(got, "has no role any more") {
		t.Errorf("deny: %s", got)
	}
	eventually(t, "zoe to be no contact", func() bool { return !contact() })
	alice.expect("log", "allow "+h.server.JID("zoe"), "deny "+h.server.JID("zoe"))
}
