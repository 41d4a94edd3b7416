// SPDX-License-Identifier: GPL-3.0-or-later

package bot

import (
	"crypto/tls"
	"fmt"
	"path/filepath"
	"testing"

	"oswald/internal/secret"
	"oswald/internal/xmppclient"
	"oswald/internal/xmppclient/xmltree"
	"oswald/internal/xmpptest"
)

// TestCarbons lets a person use the bot's account at the same time, with a higher
// priority, so that messages to the account go to that session: the bot gets a copy
// of each, carries it out once, and does not do so again when it finds it in the
// archive.
func TestCarbons(t *testing.T) {
	xmpptest.Servers(t, []string{"bot", "alice", "bob"}, func(t *testing.T, s *xmpptest.Server) {
		path := filepath.Join(t.TempDir(), "bot.db")
		r := newRig(t, testConfig(t, s), path).run().waitOnline()
		alice := client(t, s, "alice")
		ask(t, alice, "before")
		person, err := xmppclient.Dial(t.Context(), xmppclient.Config{
			JID: botJID + "/person", Password: secret.New([]byte(s.Password("bot"))), Addr: s.Addr, TLS: &tls.Config{RootCAs: roots(t, s)},
		})
		if err != nil {
			t.Fatal(err)
		}
		defer person.Close()
		if err := person.SendRaw("<presence><priority>100</priority></presence>"); err != nil {
			t.Fatal(err)
		}
		person.IQ(t.Context(), "", "get", "<ping xmlns='urn:xmpp:ping'/>")
		if got := ask(t, alice, "copied").Body; got != "you said copied" {
			t.Errorf("%q", got)
		}
		// To that session by name: a talk between people.
		if _, err := alice.Send(t.Context(), xmppclient.Message{To: botJID + "/person", Body: "just us"}); err != nil {
			t.Fatal(err)
		}
		// And what that person writes in the name of the account.
		if _, err := person.Send(t.Context(), xmppclient.Message{To: s.JID("alice"), Body: "by hand"}); err != nil {
			t.Fatal(err)
		}
		ask(t, alice, "after")
		r.end()
		r.db.Close()
		again := newRig(t, r.cfg, path).run().waitOnline()
		ask(t, alice, "the end")
		for text, want := range map[string]int{"before": 1, "copied": 1, "after": 1, "just us": 0, "by hand": 0} {
			if got := r.commands.times(text) + again.commands.times(text); got != want {
				t.Errorf("%q ran %d times, want %d", text, got, want)
			}
		}
	})
}

// TestForgedCopies sends copies from people, of all forms; none of them counts.
func TestForgedCopies(t *testing.T) {
	s, r := start(t)
	inner := func(n int, to string) string {
		return fmt.Sprintf("<forwarded xmlns='"+nsForward+"'><message xmlns='jabber:client' from='%s/x' to='%s' type='chat' id='c%d'><body>forged</body></message></forwarded>", jidOf("alice"), to, n)
	}
	for _, user := range []string{"mallory", "bob", "alice"} {
		peer := client(t, s, user)
		for i, to := range []string{botJID, fullJID(r)} {
			for _, dir := range []string{"received", "sent"} {
				copied := "<" + dir + " xmlns='" + nsCarbons + "'>" + inner(i, botJID) + "</" + dir + ">"
				peer.SendRaw("<message to='" + to + "' type='chat' id='f'>" + copied + "<body>forged</body></message>")
				peer.SendRaw("<message to='" + to + "' id='g'>" + copied + "</message>")
				peer.SendRaw("<message to='" + to + "' id='h'>" + inner(i, botJID) + "</message>")
			}
		}
		peer.IQ(t.Context(), "", "get", "<ping xmlns='urn:xmpp:ping'/>")
	}
	ask(t, client(t, s, "alice"), "the end")
	if n := r.commands.times("forged"); n != 0 {
		t.Errorf("%d forged copies ran", n)
	}
}

// TestCopies looks at copies that servers do not let through.
func TestCopies(t *testing.T) {
	cfg := Defaults()
	cfg.JID, cfg.PasswordFile = botJID, "none"
	db := newRig(t, cfg, filepath.Join(t.TempDir(), "bot.db"))
	s := &session{b: db.Bot}
	test := func(from, to, more string, want bool) {
		t.Helper()
		e, err := xmltree.Parse([]byte("<message xmlns='jabber:client' from='" + from + "'><received xmlns='" + nsCarbons + "'><forwarded xmlns='" + nsForward +
			"'><delay xmlns='" + nsDelay + "' stamp='2026-01-02T03:04:05Z'/><message xmlns='jabber:client' from='a@b/c' to='" + to + "'><body>x</body><request xmlns='" + nsReceipts + "'/>" + more + "</message></forwarded></received></message>"))
		if err != nil {
			t.Fatal(err)
		}
		m, is := s.copied(e)
		if !is || (m != nil) != want {
			t.Errorf("from %q to %q: %v, %v", from, to, m, is)
		}
		if m != nil && (m.Child(nsReceipts, "request") != nil || m.Child(nsDelay, "delay") == nil) {
			t.Errorf("%v", m)
		}
	}
	test("", botJID, "", true) // the library has made our own address empty
	test(botJID, botJID, "", true)
	test(botJID, botJID+"/"+db.resource, "", true)
	test(botJID, botJID+"/other", "", false)
	test(botJID, "else@where", "", false)
	test(botJID+"/other", botJID, "", false) // another session is not the account
	test("oswald.test", botJID, "", false)
	test("alice@oswald.test", botJID, "", false)
	test(botJID, botJID, "<received xmlns='"+nsCarbons+"'/>", false)
}
