// SPDX-License-Identifier: GPL-3.0-or-later

package bot

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"oswald"
	"oswald/internal/xmppclient/xmltree"
	"oswald/internal/xmpptest"
)

// TestRooms has the bot in rooms of both servers.
func TestRooms(t *testing.T) {
	xmpptest.Servers(t, []string{"bot", "alice", "bob"}, func(t *testing.T, s *xmpptest.Server) {
		s.Register("mallory")
		for _, c := range []struct {
			name string
			f    func(*testing.T, *xmpptest.Server)
		}{
			{"Talk", testRoomTalk},
			{"History", testRoomHistory},
			{"Identity", testRoomIdentity},
			{"Hidden", testRoomHidden},
			{"Whisper", testRoomWhisper},
			{"Gone", testRoomGone},
			{"Refused", testRoomRefused},
			{"Invite", testRoomInvite},
			{"Bookmarks", testRoomBookmarks},
			{"Bounce", testRoomBounce},
			{"Restart", testRoomRestart}, // last: it ends everybody's sessions
		} {
			t.Run(c.name, func(t *testing.T) { c.f(t, s) })
		}
	})
}

// testRoomTalk talks in two rooms in all forms.
func testRoomTalk(t *testing.T, s *xmpptest.Server) {
	one, two := roomOf("talk1"), roomOf("talk2")
	alice, bob, mallory := newPerson(t, s, "alice"), newPerson(t, s, "bob"), newPerson(t, s, "mallory")
	alice.makes(one, "alice", "whois", "anyone")
	alice.makes(two, "alice", "whois", "anyone")
	r := roomBot(t, s, nil, one, two+"/Os Wald")
	r.waitRoom(one, "in it as Oswald, with one other")
	r.waitRoom(two, "in it as Os Wald")
	bob.enters(one, "bob")
	mallory.enters(one, "mallory")
	r.waitRoom(one, "with 3 others")
	r.commands.answer = func(_ context.Context, q oswald.Request) (oswald.Reply, error) {
		if q.Text == "long" {
			return oswald.Reply{Text: strings.Repeat("a line of text\n", 500), Raw: true}, nil
		}
		if q.Progress != nil {
			q.Progress("nobody in a room wants this")
		}
		return oswald.Reply{Text: fmt.Sprintf("%s %v %s %s", q.Actor.Address, q.Actor.Role, q.Room, q.Text)}, nil
	}
	alice.says(one, "!one")
	alice.hears(one+"/Oswald", "alice: "+jidOf("alice")+" owner "+one+" one")
	bob.says(one, "oswald: two words")
	bob.hears(one+"/Oswald", "bob: "+jidOf("bob")+" member "+one+" two words")
	bob.says(one, "Oswald, three")
	bob.hears(one+"/Oswald", " three")
	alice.says(two, "os wald: four")
	alice.hears(two+"/Os Wald", "alice: "+jidOf("alice")+" owner "+two+" four")
	for _, text := range []string{"five", "Oswald five", "Oswaldo: five", "!!!", "!? five", "oswald:", "hi, oswald: five", "/me five"} {
		bob.says(one, text)
	}
	mallory.says(one, "!six")
	mallory.says(one, "Oswald: six")
	alice.says(one, "!long")
	m := alice.hears(one+"/Oswald", "a line of text")
	if body := bodyOf(m); len(body) > roomPart+100 || !strings.HasSuffix(body, "(ask me in a chat of our own for all of it)") || m.Child(nsStyling, "unstyled") == nil {
		t.Errorf("long: %s", m)
	}
	wait(t, "the stranger to be counted", func() bool { r.mu.Lock(); defer r.mu.Unlock(); return len(r.strangers) == 2 })
	if n := r.commands.count(); n != 5 {
		t.Errorf("%d commands ran", n)
	}
	wait(t, "all that was said to be shown", func() bool { return r.saidLeft(t) == 0 })
	if got := r.RoomParts(); len(got) != 1 || got[0].String() != "rooms: in all 2" {
		t.Errorf("status %v", got)
	}
	// An alert goes into those rooms only that are named for it.
	r.cfg.RoomAlerts = []string{two}
	if err := r.TellRooms(t.Context(), "The oven is hot."); err != nil {
		t.Fatal(err)
	}
	if m := alice.hears(two, "The oven"); bodyOf(m) != "The oven is hot." {
		t.Errorf("alert %s", m)
	}
}

// testRoomHistory sends a command before the bot comes, and has everybody's
// commands run once though the session breaks.
func testRoomHistory(t *testing.T, s *xmpptest.Server) {
	room := roomOf("history")
	alice := newPerson(t, s, "alice")
	alice.makes(room, "alice", "whois", "anyone")
	alice.says(room, "!early")
	alice.hears(room+"/alice", "!early")
	r := roomBot(t, s, nil, room)
	r.waitRoom(room, "in it as")
	alice.says(room, "!late")
	alice.hears(room+"/Oswald", "you said late")
	for i := range 3 {
		r.cut()
		alice.says(room, fmt.Sprintf("!cut%d", i)) // in between, or resumed
		alice.hears(room+"/Oswald", fmt.Sprintf("you said cut%d", i))
	}
	if n := r.commands.times("early"); n != 0 {
		t.Errorf("history was carried out %d times", n)
	}
	if n := r.commands.count(); n != 4 {
		t.Errorf("%d commands ran, want 4", n)
	}
	// A room that sends its history all the same.
	live := r.live.Load()
	stamped := func(from string) *xmltree.Element {
		return xmltree.New(nsClient, "message").Add(xmltree.New(nsDelay, "delay", "from", from, "stamp", "2026-01-01T00:00:00Z"))
	}
	if !live.old(stamped(room)) || !live.old(stamped("")) || live.old(stamped(r.own.Domainpart())) {
		t.Error("what is history")
	}
	// An edit of an old command runs nothing.
	alice.raw("<message to='%s' type='groupchat' id='e1'><body>!edited</body><replace xmlns='%s' id='x'/></message>", room, nsCorrect)
	alice.says(room, "!end")
	alice.hears(room+"/Oswald", "you said end")
	if r.commands.times("edited") != 0 {
		t.Error("an edit was carried out")
	}
}

// testRoomIdentity tries to be taken for the owner.
func testRoomIdentity(t *testing.T, s *xmpptest.Server) {
	room := roomOf("identity")
	alice, mallory := newPerson(t, s, "alice"), newPerson(t, s, "mallory")
	alice.makes(room, "alice", "whois", "anyone")
	r := roomBot(t, s, nil, room)
	r.waitRoom(room, "in it as")
	forged := fmt.Sprintf("<x xmlns='%s'><item affiliation='owner' role='moderator' jid='%s/phone'/></x><occupant-id xmlns='%s' id='x'/>", nsMUCUser, jidOf("alice"), nsOccupant)
	mallory.enters(room, "Alice ") // as like hers as the server allows
	mallory.raw("<presence to='%s/Alice'>%s</presence>", room, forged)
	mallory.raw("<message to='%s' type='groupchat' id='f1'><body>!forged</body>%s</message>", room, forged)
	mallory.hears(room, "!forged")
	// Alice gives her name up, and mallory takes it.
	alice.says(room, "!mine")
	alice.hears(room+"/Oswald", "alice: you said mine")
	block := make(chan struct{})
	r.commands.answer = func(_ context.Context, q oswald.Request) (oswald.Reply, error) {
		if q.Text == "slow" {
			<-block
		}
		return oswald.Reply{Text: q.Actor.Address + " " + q.Text}, nil
	}
	alice.says(room, "!slow")
	wait(t, "the command to run", func() bool { return r.commands.times("slow") == 1 })
	alice.raw("<presence to='%s/boss'/>", room)
	alice.sees(room, "boss", true)
	mallory.raw("<presence to='%s/alice'/>", room)
	mallory.sees(room, "alice", true)
	mallory.says(room, "!taken")
	mallory.hears(room+"/alice", "!taken")
	close(block)
	alice.hears(room+"/Oswald", "boss: "+jidOf("alice")+" slow") // under her name of now
	alice.says(room, "!still me")
	alice.hears(room+"/Oswald", "boss: "+jidOf("alice")+" still me")
	if r.commands.times("forged")+r.commands.times("taken") != 0 {
		t.Error("mallory was taken for alice")
	}
	wait(t, "mallory to be counted", func() bool { r.mu.Lock(); defer r.mu.Unlock(); return len(r.strangers) == 2 })
}

// testRoomHidden is in a room that shows nobody's address, until the bot is made a
// moderator of it.
func testRoomHidden(t *testing.T, s *xmpptest.Server) {
	room := roomOf("hidden")
	alice, mallory := newPerson(t, s, "alice"), newPerson(t, s, "mallory")
	alice.makes(room, "alice", "whois", "moderators")
	r := roomBot(t, s, nil, room)
	r.waitRoom(room, "I cannot see who is who")
	mallory.enters(room, "mallory")
	mallory.says(room, "!one")
	m := mallory.hears(room+"/Oswald", "")
	if bodyOf(m) != "mallory: "+unseen {
		t.Errorf("said %s", m)
	}
	alice.says(room, "!two") // no second sentence so soon
	alice.affiliates(room, botJID, "admin", "")
	wait(t, "the bot to see who is who", func() bool {
		state := r.roomState(room)
		return strings.HasPrefix(state, "in it as") && !strings.Contains(state, "cannot")
	})
	alice.says(room, "!three")
	alice.hears(room+"/Oswald", "alice: you said three")
	alice.affiliates(room, botJID, "member", "")
	alice.says(room, "!four")
	alice.hears(room+"/alice", "!four")
	wait(t, "the commands to be counted", func() bool { return r.commands.count() >= 1 })
	if n := r.commands.count(); n > 2 || r.commands.times("one")+r.commands.times("two") > 0 {
		t.Errorf("%d commands ran", n)
	}
	// The same room at a server that is not ours is not believed at all.
	if r.rooms.believed("a@conference.example.net") || r.rooms.believed("a@evil"+r.own.Domainpart()) || !r.rooms.believed(room) {
		t.Error("whom the bot believes")
	}
	r.cfg.RoomServers = []string{"conference.example.net"}
	if !r.rooms.believed("a@conference.example.net") {
		t.Error("a server that the configuration names")
	}
}

// testRoomWhisper sends private messages through a room.
func testRoomWhisper(t *testing.T, s *xmpptest.Server) {
	room, hidden := roomOf("whisper"), roomOf("whisper2")
	alice, mallory := newPerson(t, s, "alice"), newPerson(t, s, "mallory")
	alice.makes(room, "alice", "whois", "anyone")
	alice.makes(hidden, "alice", "whois", "moderators")
	r := roomBot(t, s, nil, room, hidden)
	r.waitRoom(room, "in it as")
	r.waitRoom(hidden, "in it as")
	r.commands.answer = func(_ context.Context, q oswald.Request) (oswald.Reply, error) {
		return oswald.Reply{Text: fmt.Sprintf("%s room=%q", q.Text, q.Room)}, nil
	}
	whisper := func(p *person, room, text string) {
		p.raw("<message to='%s/Oswald' type='chat' id='%s'><body>%s</body><x xmlns='%s'/></message>", room, oswald.RandomID(), text, nsMUCUser)
	}
	mallory.enters(room, "mallory")
	whisper(mallory, room, "psst")
	whisper(alice, room, "delete 3")
	alice.hears(room+"/Oswald", privately)
	alice.hears(botJID, `delete 3 room=""`) // in the chat of their own
	whisper(alice, hidden, "delete 4")
	alice.hears(hidden+"/Oswald", unseen)
	if r.commands.count() != 1 {
		t.Errorf("%d commands ran", r.commands.count())
	}
	wait(t, "mallory to be counted", func() bool { r.mu.Lock(); defer r.mu.Unlock(); return len(r.strangers) == 1 })
}

// testRoomGone puts the bot out of rooms in every way.
func testRoomGone(t *testing.T, s *xmpptest.Server) {
	kick, ban, member, destroyed, lost := roomOf("kick"), roomOf("ban"), roomOf("member"), roomOf("destroyed"), roomOf("lost")
	alice := newPerson(t, s, "alice")
	all := []string{kick, ban, member, destroyed, lost}
	for _, room := range all {
		alice.makes(room, "alice", "whois", "anyone")
	}
	r := roomBot(t, s, func(c *Config) { c.RoomPing = 300 * time.Millisecond }, all...)
	for _, room := range all {
		r.waitRoom(room, "in it as")
	}
	alice.kicks(kick, "Oswald", "too loud")
	r.waitRoom(kick, `I was kicked out`)
	r.waitRoom(kick, `("too loud")`)
	alice.affiliates(ban, botJID, "outcast", "away with you")
	r.waitRoom(ban, `I was banned from it`)
	alice.affiliates(member, botJID, "member", "")
	alice.ask(member, string(xmltree.New(nsMUC+"#owner", "query").Add(submit(nsMUC+"#roomconfig", "muc#roomconfig_membersonly", "1")).AppendXML(nil, nsClient)))
	alice.affiliates(member, botJID, "none", "")
	r.waitRoom(member, "members only")
	alice.ask(destroyed, fmt.Sprintf("<query xmlns='%s#owner'><destroy jid='%s'><reason>we moved</reason></destroy></query>", nsMUC, kick))
	r.waitRoom(destroyed, `it was destroyed ("we moved"), and its people were sent to `+kick)
	for _, room := range all[:4] {
		if n := r.told(room, "I stay away now", false); n != 1 {
			t.Errorf("%s: told %d times", room, n)
		}
	}
	// Put out behind the bot's back: only a ping can show it.
	alice.mu.Lock()
	alice.seen = nil
	alice.mu.Unlock()
	full := fullJID(r)
	r.slips(lost, alice)
	alice.sees(lost, "Oswald", true)
	if n := r.told(lost, "", false); n != 0 {
		t.Errorf("%s: told %d times of what passed by itself", lost, n)
	}
	r.waitRoom(lost, "in it as")
	if full != fullJID(r) {
		t.Error("another session")
	}
	if got := r.RoomParts(); len(got) != 1 || got[0].OK || !strings.Contains(got[0].State, "in 1 of 5, not in ") {
		t.Errorf("status %v", got)
	}
	// Back by command, where that works.
	if state, err := r.Join(t.Context(), kick); err != nil || !strings.Contains(state, "as Oswald") {
		t.Errorf("join: %q %v", state, err)
	}
	if n := r.told(kick, "again", true); n == 0 {
		t.Error("nobody was told that the bot is back")
	}
	if _, err := r.Join(t.Context(), ban); err == nil || !strings.Contains(oswald.MessageOf(err), "banned") {
		t.Errorf("join: %v", err)
	}
	alice.says(kick, "!hello")
	alice.hears(kick+"/Oswald", "you said hello")
}

// testRoomRefused goes to rooms that do not let the bot in at first, or at all.
func testRoomRefused(t *testing.T, s *xmpptest.Server) {
	taken, locked, closed, missing := roomOf("taken"), roomOf("locked"), roomOf("closed"), roomOf("missing")
	alice, bob := newPerson(t, s, "alice"), newPerson(t, s, "bob")
	alice.makes(taken, "Oswald", "whois", "anyone")
	alice.makes(locked, "alice", "passwordprotectedroom", "1", "roomsecret", "xyzzy")
	alice.makes(closed, "alice", "membersonly", "1")
	r := roomBot(t, s, nil, taken, locked, closed, missing)
	r.waitRoom(taken, "in it as Oswald-2")
	alice.says(taken, "Oswald-2: hello")
	alice.hears(taken+"/Oswald-2", "you said hello")
	r.waitRoom(locked, "wants a password")
	r.waitRoom(closed, "members only")
	r.waitRoom(missing, "no such room")
	// What somebody can do something about is tried again.
	alice.affiliates(closed, botJID, "member", "")
	r.waitRoom(closed, "in it as")
	bob.makes(missing, "bob")
	r.waitRoom(missing, "in it as")
	for _, room := range []string{closed, missing} {
		if n := r.told(room, "I am not in the room", false); n != 1 {
			t.Errorf("%s: told %d times", room, n)
		}
		if n := r.told(room, "again", true); n != 1 {
			t.Errorf("%s: told %d times that it is over", room, n)
		}
	}
	r.end()
	secret := passwordFile(t, s) // of the right mode; the room has another password
	r = roomBot(t, s, func(c *Config) { c.RoomPasswords = map[string]string{locked: secret} }, locked)
	r.waitRoom(locked, "wants a password")
	if n := r.told(locked, "xmpp.room_passwords", false); n != 1 {
		t.Errorf("told %d times", n)
	}
	alice.ask(locked, string(xmltree.New(nsMUC+"#owner", "query").Add(submit(nsMUC+"#roomconfig", "muc#roomconfig_passwordprotectedroom", "1", "muc#roomconfig_roomsecret", s.Password("bot"))).AppendXML(nil, nsClient)))
	if _, err := r.Join(t.Context(), locked); err != nil {
		t.Errorf("with the password: %v", err)
	}
}
