// SPDX-License-Identifier: GPL-3.0-or-later

package bot

import (
	"path/filepath"
	"strings"
	"testing"
)

func TestStrangers(t *testing.T) {
	s, r := start(t)
	mallory, alice := client(t, s, "mallory"), client(t, s, "alice")
	full := fullJID(r)
	send := func(x string) {
		t.Helper()
		if err := mallory.SendRaw(x); err != nil {
			t.Fatal(err)
		}
	}
	send("<message to='" + botJID + "' type='chat' id='m1'><body>ping</body><request xmlns='urn:xmpp:receipts'/></message>")
	send("<presence to='" + botJID + "' type='subscribe'/>")
	wait(t, "the strangers to be counted", func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		return len(r.strangers) == 2
	})
	for _, q := range []string{"<query xmlns='jabber:iq:version'/>", "<ping xmlns='urn:xmpp:ping'/>", "<query xmlns='" + nsInfo + "'/>"} {
		if _, err := mallory.IQ(t.Context(), full, "get", q); err == nil {
			t.Errorf("a stranger got an answer to %s", q)
		}
	}
	if got := ask(t, alice, "x").Body; got != "you said x" {
		t.Errorf("afterwards: %q", got)
	}
	select {
	case m := <-mallory.Messages():
		t.Errorf("a stranger got %s", m.XML)
	default:
	}
}

func fullJID(r *rig) string {
	r.Bot.mu.Lock()
	defer r.Bot.mu.Unlock()
	return r.online
}

func TestIdentity(t *testing.T) {
	s, r := start(t)
	alice := client(t, s, "alice")
	full := fullJID(r)
	if seen, err := alice.WaitOnline(t.Context(), botJID); err != nil || seen != full {
		t.Errorf("online as %q, %v; want %q", seen, err, full)
	}
	get := func(payload, want string) {
		t.Helper()
		e, err := alice.IQ(t.Context(), full, "get", payload)
		if err != nil || !strings.Contains(e.String(), want) {
			t.Errorf("%s: %v, %v", payload, e, err)
		}
	}
	get("<query xmlns='"+nsInfo+"'/>", "type='bot'")
	get("<query xmlns='"+nsInfo+"' node='"+botNode+"#"+r.caps.ver+"'/>", nsPing)
	get("<query xmlns='"+nsItems+"'/>", nsItems)
	get("<query xmlns='jabber:iq:version'/>", "1.2.3")
	get("<ping xmlns='urn:xmpp:ping'/>", "result")
	get("<time xmlns='urn:xmpp:time'/>", "utc")
	if _, err := alice.IQ(t.Context(), full, "get", "<query xmlns='"+nsInfo+"' node='x'/>"); err == nil {
		t.Error("an unknown node has an answer")
	}
	if _, err := alice.IQ(t.Context(), full, "set", "<query xmlns='jabber:iq:roster'><item jid='evil@oswald.test' subscription='both'/></query>"); err == nil {
		t.Error("a forged roster push was accepted")
	}
	// A restart keeps the resource.
	path := filepath.Join(t.TempDir(), "again.db")
	a := newRig(t, testConfig(t, s), path)
	b := newRig(t, testConfig(t, s), path)
	if a.resource != b.resource || a.resource == r.resource {
		t.Errorf("resources %q, %q, %q", r.resource, a.resource, b.resource)
	}
}
