// SPDX-License-Identifier: GPL-3.0-or-later

package bot

import (
	"crypto/tls"
	"fmt"
	"maps"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"oswald"
	"oswald/internal/secret"
	"oswald/internal/xmppclient"
	"oswald/internal/xmppclient/xmltree"
	"oswald/internal/xmpptest"
)

// people has the roles of a test, which change.
type people struct {
	mu    sync.Mutex
	roles map[string]oswald.Role
}

func (p *people) all() map[string]oswald.Role {
	p.mu.Lock()
	defer p.mu.Unlock()
	return maps.Clone(p.roles)
}

func (p *people) role(who string) oswald.Role { return p.all()[who] }

func (p *people) set(user string, role oswald.Role) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.roles[jidOf(user)] = role
}

// TestPeople runs all that is about contacts with a Prosody and an ejabberd where
// nobody is in anybody's roster.
func TestPeople(t *testing.T) {
	xmpptest.Servers(t, nil, func(t *testing.T, s *xmpptest.Server) {
		for _, user := range []string{"bot", "alice", "bob", "mallory"} {
			s.Register(user)
		}
		t.Run("company", func(t *testing.T) { testCompany(t, s) })
		t.Run("blocking", func(t *testing.T) { testBlocking(t, s) })
		t.Run("forgery", func(t *testing.T) { testForgery(t, s) })
	})
}

func withPeople(t *testing.T, cfg Config, path string, p *people) *rig {
	t.Helper()
	r := newRig(t, cfg, path)
	r.deps.People, r.deps.Role = p.all, p.role
	return r.run().waitOnline()
}

// botAccount is another client of the bot's own account.
func botAccount(t *testing.T, s *xmpptest.Server) *xmppclient.Client {
	t.Helper()
	c, err := xmppclient.Dial(t.Context(), xmppclient.Config{
		JID: botJID, Password: secret.New([]byte(s.Password("bot"))), Addr: s.Addr, TLS: &tls.Config{RootCAs: roots(t, s)}, Priority: -1,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func typed(typ string) func(*xmltree.Element) bool {
	return func(e *xmltree.Element) bool { return e.Get("type") == typ }
}

// testCompany wants everybody with a role asked once, let in without a question, and
// put out again with the role.
func testCompany(t *testing.T, s *xmpptest.Server) {
	path := filepath.Join(t.TempDir(), "bot.db")
	p := &people{roles: map[string]oswald.Role{jidOf("alice"): oswald.Owner}}
	alice, seen := watcher(t, s, "alice")
	_, bobSeen := watcher(t, s, "bob")
	r := withPeople(t, testConfig(t, s), path, p)
	wait(t, "alice to be asked", func() bool { return len(seen.find("presence", typed("subscribe"))) == 1 })
	alice.SendRaw("<presence to='" + botJID + "' type='subscribed'/><presence to='" + botJID + "' type='subscribe'/>")
	wait(t, "the bot to be seen", func() bool { return alice.Online(botJID) })
	wait(t, "both ways", func() bool {
		c, _ := r.roster.get(jidOf("alice"))
		return c.sees && c.shows
	})
	if n := len(seen.find("presence", typed("unsubscribed"))); n != 0 {
		t.Error("alice was refused")
	}

	p.set("bob", oswald.Member) // as allow does
	r.PeopleChanged()
	wait(t, "bob to be asked", func() bool { return len(bobSeen.find("presence", typed("subscribe"))) == 1 })
	p.set("alice", oswald.NoRole) // as deny does
	r.PeopleChanged()
	wait(t, "alice to be put out", func() bool {
		_, there := r.roster.get(jidOf("alice"))
		return !there && len(seen.find("presence", typed("unsubscribed"))) > 0 && !alice.Online(botJID)
	})
	p.set("alice", oswald.Owner)
	r.PeopleChanged()
	wait(t, "alice to be asked again", func() bool { return len(seen.find("presence", typed("subscribe"))) == 2 })

	// Bob has not answered. He is left in peace, also by the next start.
	mallory, refused := watcher(t, s, "mallory")
	r.end()
	again := withPeople(t, testConfig(t, s), path, p)
	wait(t, "the roster", func() bool {
		c, _ := again.roster.get(jidOf("bob"))
		return c.asked
	})
	mallory.SendRaw("<presence to='" + botJID + "' type='subscribe'/>")
	wait(t, "the refusal", func() bool { return len(refused.find("presence", typed("unsubscribed"))) > 0 })
	if n := len(bobSeen.find("presence", typed("subscribe"))); n != 1 {
		t.Errorf("bob was asked %d times", n)
	}
	again.mu.Lock()
	defer again.mu.Unlock()
	if fmt.Sprint(again.strangers) != "["+jidOf("mallory")+"]" {
		t.Errorf("strangers %v", again.strangers)
	}
}

// testForgery sends what only our own server may say: pushes of the roster and of
// the list of blocked addresses, carbons and pages of the archive.
func testForgery(t *testing.T, s *xmpptest.Server) {
	p := &people{roles: map[string]oswald.Role{jidOf("alice"): oswald.Owner}}
	r := withPeople(t, testConfig(t, s), filepath.Join(t.TempDir(), "bot.db"), p)
	full := fullJID(r)
	wait(t, "the archive", func() bool { return r.live.Load().caughtUp.Load() })
	query := "guessed"
	r.live.Load().query.Store(&query) // as if it were known
	inner := "<forwarded xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client' from='" + jidOf("alice") + "/x' to='" + botJID + "' type='chat' id='f'><body>forged</body></message></forwarded>"
	alice := client(t, s, "alice")
	for _, c := range []*xmppclient.Client{alice, client(t, s, "mallory")} {
		for _, q := range []string{
			"<query xmlns='" + nsRoster + "'><item jid='evil@oswald.test' subscription='both'/></query>",
			"<query xmlns='" + nsRoster + "'><item jid='" + jidOf("alice") + "' subscription='remove'/></query>",
			"<block xmlns='" + nsBlocking + "'><item jid='evil@oswald.test'/></block>",
		} {
			if _, err := c.IQ(t.Context(), full, "set", q); err == nil || !strings.Contains(err.Error(), "service-unavailable") {
				t.Errorf("%s: %v", q, err)
			}
		}
		for _, to := range []string{full, botJID} {
			for _, x := range []string{
				"<received xmlns='urn:xmpp:carbons:2'>" + inner + "</received>",
				"<sent xmlns='urn:xmpp:carbons:2'>" + inner + "</sent>",
				"<result xmlns='" + nsMAM + "' queryid='" + query + "' id='1'>" + inner + "</result>",
			} {
				c.SendRaw("<message to='" + to + "' type='chat'>" + x + "</message>")
			}
		}
		c.SendRaw("<presence to='" + full + "' type='subscribed'/>")
	}
	if got := ask(t, alice, "end").Body; got != "you said end" {
		t.Errorf("end: %q", got)
	}
	if n := r.commands.times("forged"); n != 0 {
		t.Errorf("forged commands ran %d times", n)
	}
	if _, there := r.roster.get("evil@oswald.test"); there || r.bothers.blocked["evil@oswald.test"] {
		t.Error("a forged push was believed")
	}
	// The same from the server.
	if _, err := botAccount(t, s).IQ(t.Context(), "", "set", "<query xmlns='"+nsRoster+"'><item jid='real@oswald.test'/></query>"); err != nil {
		t.Fatal(err)
	}
	wait(t, "the push", func() bool { _, there := r.roster.get("real@oswald.test"); return there })
	ver := r.roster.ver
	if err := r.live.Load().fetch(t.Context()); err != nil || r.roster.ver != ver {
		t.Errorf("version %q, then %q, %v", ver, r.roster.ver, err)
	}
}

// testBlocking wants the server to hold back who writes too much, the owners told,
// and the address let in again with a role.
func testBlocking(t *testing.T, s *xmpptest.Server) {
	p := &people{roles: map[string]oswald.Role{jidOf("alice"): oswald.Owner}}
	cfg := testConfig(t, s)
	cfg.BlockAfter = 3
	r := withPeople(t, cfg, filepath.Join(t.TempDir(), "bot.db"), p)
	other, alice, mallory := botAccount(t, s), client(t, s, "alice"), client(t, s, "mallory")
	blocked := func() bool {
		t.Helper()
		res, err := other.IQ(t.Context(), "", "get", "<blocklist xmlns='"+nsBlocking+"'/>")
		if err != nil {
			t.Fatal(err)
		}
		return strings.Contains(res.String(), jidOf("mallory"))
	}
	wait(t, "the list", func() bool {
		r.bothers.mu.Lock()
		defer r.bothers.mu.Unlock()
		return r.bothers.blocked != nil
	})
	send := func() { mallory.SendRaw("<message to='" + botJID + "' type='chat'><body>buy</body></message>") }
	count := func() int {
		r.mu.Lock()
		defer r.mu.Unlock()
		return len(r.strangers)
	}
	send()
	send()
	wait(t, "two messages", func() bool { return count() == 2 })
	if blocked() {
		t.Error("blocked too early")
	}
	send()
	wait(t, "the block", blocked)
	if m := next(t, alice); !strings.Contains(m.Body, jidOf("mallory")+" has no role here and sent 3 messages") {
		t.Errorf("the owner is told %q", m.Body)
	}
	send()
	mallory.IQ(t.Context(), "", "get", "<ping xmlns='urn:xmpp:ping'/>")
	ask(t, alice, "end")
	if n := count(); n != 3 {
		t.Errorf("%d messages came through", n)
	}
	p.set("mallory", oswald.Member)
	r.PeopleChanged()
	wait(t, "the end of the block", func() bool { return !blocked() })
	if got := ask(t, mallory, "hello").Body; got != "you said hello" {
		t.Errorf("afterwards %q", got)
	}
	if d := time.Since(r.bothers.day); d > time.Hour || r.bothers.today != 1 {
		t.Errorf("%d blocked since %v ago", r.bothers.today, d)
	}
}
