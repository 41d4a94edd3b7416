// SPDX-License-Identifier: GPL-3.0-or-later

package bot

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"oswald/internal/store"
	"oswald/internal/xmppclient/xmltree"
)

func TestAddressed(t *testing.T) {
	test := func(text, nick, want string) {
		t.Helper()
		if got, ok := addressed(text, nick); got != want || ok != (want != "") {
			t.Errorf("%q to %q: %q %v, want %q", text, nick, got, ok, want)
		}
	}
	test("!status", "Oswald", "status")
	test("  !status ", "Oswald", "status")
	test("Oswald: status", "Oswald", "status")
	test("oswald, say hello: all", "Oswald", "say hello: all")
	test("OSWALD:status", "Oswald", "status")
	test("Oswald: !status", "Oswald", "status")
	test("Os wald: temp", "Os wald", "temp")
	test("Ösi, temp", "ösi", "temp")
	test("\u212aate: temp", "kate", "temp") // the sign for kelvin, which is longer
	test("Oswald status", "Oswald", "")
	test("Oswald", "Oswald", "")
	test("Oswald:", "Oswald", "")
	test("Oswald: !", "Oswald", "")
	test("Oswalda: status", "Oswald", "")
	test("tell Oswald: status", "Oswald", "")
	test("!", "Oswald", "")
	test("!!", "Oswald", "")
	test("! status", "Oswald", "")
	test("!?", "Oswald", "")
	test("¡status", "Oswald", "")
	test(": status", "", "")
	test("", "Oswald", "")
}

func FuzzAddressed(f *testing.F) {
	f.Add("Oswald: status", "Oswald")
	f.Add("!x", "")
	f.Add("\xff: x", "\xff")
	f.Fuzz(func(t *testing.T, text, nick string) {
		got, ok := addressed(text, nick)
		if ok != (got != "") || ok && !strings.Contains(clean(text), got) {
			t.Errorf("%q to %q: %q %v", text, nick, got, ok)
		}
	})
}

func FuzzParseRoom(f *testing.F) {
	for _, s := range []string{"home@rooms.example.org", "xmpp:a@b?join", "a@b/Nick Name", "@b", "a@", "b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		bare, _, err := parseRoom(s)
		if err != nil {
			return
		}
		again, nick, err := parseRoom(bare)
		if again != bare || nick != "" || err != nil || !strings.Contains(bare, "@") {
			t.Errorf("%q: %q, then %q %q %v", s, bare, again, nick, err)
		}
	})
}

// offline is a bot that is in one room and never connects.
func offline(t *testing.T, address string) (*Bot, *room) {
	t.Helper()
	db, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "bot.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	c := Defaults()
	c.JID, c.PasswordFile, c.Rooms = "bot@example.org", "pw", []string{address}
	b, err := New(c, Deps{DB: db, Log: testLog()})
	if err != nil {
		t.Fatal(err)
	}
	r := b.rooms.by[address]
	r.state, r.people = inside, make(map[string]occupant)
	t.Cleanup(func() { b.disk.flush(t.Context()) })
	return b, r
}

// TestOccupants wants nobody believed whose presence is odd, and no more people
// remembered than there is room for.
func TestOccupants(t *testing.T) {
	const room = "home@rooms.example.org"
	b, r := offline(t, room)
	item := func(jid string) *xmltree.Element { return xmltree.New(nsMUCUser, "item", "jid", jid) }
	come := func(nick string, x ...*xmltree.Element) {
		t.Helper()
		if !b.rooms.presence(xmltree.New(nsClient, "presence", "from", room+"/"+nick).Add(x...)) {
			t.Error("no presence of a room")
		}
	}
	user := func(c ...*xmltree.Element) *xmltree.Element { return xmltree.New(nsMUCUser, "x").Add(c...) }
	test := func(nick, want string) {
		t.Helper()
		if got := b.rooms.who(r, nick, xmltree.New(nsClient, "message")); got != want {
			t.Errorf("%s is %q, want %q", nick, got, want)
		}
	}
	come("alice", user(item("Alice@Example.org/phone")))
	test("alice", "alice@example.org")
	test("Alice", "") // nicknames are told apart by every letter
	test("nobody", "")
	come("two", user(item("alice@example.org"), item("mallory@example.org")))
	test("two", "")
	come("twice", user(item("mallory@example.org")), user(item("alice@example.org")))
	test("twice", "")
	come("odd", user(item("@@")))
	test("odd", "")
	come("none")
	test("none", "")
	come("alice") // the room does not show it any more
	test("alice", "")
	if b.rooms.presence(xmltree.New(nsClient, "presence", "from", "other@rooms.example.org/alice").Add(user(item("alice@example.org")))) {
		t.Error("a room that is not ours")
	}
	// An id counts where the room says that it gives them out.
	id := func(s string) *xmltree.Element { return xmltree.New(nsOccupant, "occupant-id", "id", s) }
	r.features(xmltree.New(nsClient, "iq").Add(xmltree.New(nsInfo, "query").Add(xmltree.New(nsInfo, "feature", "var", nsOccupant))))
	come("carol", user(item("carol@example.org")), id("c1"))
	for _, c := range []struct{ id, want string }{{"c1", "carol@example.org"}, {"c2", ""}, {"", ""}} {
		if got := b.rooms.who(r, "carol", xmltree.New(nsClient, "message").Add(id(c.id))); got != c.want {
			t.Errorf("with the id %q: %q", c.id, got)
		}
	}
	r.features(nil)
	if got := b.rooms.who(r, "carol", xmltree.New(nsClient, "message").Add(id("c2"))); got != "carol@example.org" {
		t.Errorf("an id that the room does not vouch for: %q", got)
	}
	for i := range peopleMax + 100 {
		come(fmt.Sprint("n", i), user(item(fmt.Sprintf("n%d@example.org", i))))
	}
	if len(r.people) > peopleMax {
		t.Errorf("%d people are remembered", len(r.people))
	}
	test(fmt.Sprint("n", peopleMax+50), "")
	b.rooms.mu.Lock()
	defer b.rooms.mu.Unlock()
	for i := range 2 * roomsMax {
		b.rooms.wantLocked(fmt.Sprintf("r%d@rooms.example.org", i), "", "")
	}
	if len(b.rooms.by) != roomsMax {
		t.Errorf("%d rooms", len(b.rooms.by))
	}
	for i := range 3 * saidMost {
		b.rooms.sayLocked(r, fmt.Sprint("m", i), "x", false)
	}
	if len(r.said) != saidMost {
		t.Errorf("%d messages wait", len(r.said))
	}
}

func TestRoomConfig(t *testing.T) {
	test := func(want string, change func(*Config)) {
		t.Helper()
		c := Defaults()
		c.JID, c.PasswordFile = "bot@example.org", "pw"
		c.Rooms = []string{"home@rooms.example.org"}
		change(&c)
		err := c.Validate()
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	test("", func(*Config) {})
	test("", func(c *Config) {
		c.RoomAlerts = []string{"Home@Rooms.example.org"}
		c.RoomPasswords = map[string]string{"home@rooms.example.org": "/f"}
		c.RoomServers = []string{"conference.example.net"}
	})
	test("xmpp.nick: ", func(c *Config) { c.Nick = "" })
	test("xmpp.rooms: ", func(c *Config) { c.Rooms = []string{"rooms.example.org"} })
	test("named twice", func(c *Config) { c.Rooms = append(c.Rooms, "home@rooms.example.org/Other") })
	test("xmpp.room_alerts: ", func(c *Config) { c.RoomAlerts = []string{"other@rooms.example.org"} })
	test("xmpp.room_passwords: ", func(c *Config) { c.RoomPasswords = map[string]string{"other@rooms.example.org": "/f"} })
	test("xmpp.room_servers: ", func(c *Config) { c.RoomServers = []string{"a@conference.example.net"} })
	test("xmpp.room_ping: ", func(c *Config) { c.RoomPing = 0 })
}
