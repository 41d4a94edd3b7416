// SPDX-License-Identifier: GPL-3.0-or-later

package bot

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"oswald"
	"oswald/internal/xmppclient/xmltree"
	"oswald/internal/xmpptest"
)

func invitation(p *person, room string) {
	p.raw("<message to='%s' id='%s'><x xmlns='%s' jid='%s' reason='come in'/><body>come in</body></message>", botJID, oswald.RandomID(), nsInvite, room)
}

func mediated(p *person, room string) {
	p.raw("<message to='%s' id='%s'><x xmlns='%s'><invite to='%s'><reason>come in</reason></invite></x></message>", room, oswald.RandomID(), nsMUCUser, botJID)
}

// testRoomInvite invites the bot in both ways, as an owner and as others.
func testRoomInvite(t *testing.T, s *xmpptest.Server) {
	open, closed, other, missing := roomOf("open"), roomOf("invited"), roomOf("other"), roomOf("nowhere")
	alice, bob, mallory := newPerson(t, s, "alice"), newPerson(t, s, "bob"), newPerson(t, s, "mallory")
	alice.makes(open, "alice", "whois", "anyone")
	alice.makes(closed, "alice", "whois", "anyone", "membersonly", "1")
	mallory.makes(other, "mallory", "whois", "anyone")
	cfg := testConfig(t, s)
	path := filepath.Join(t.TempDir(), "bot.db")
	begin := func() *rig {
		r := newRig(t, cfg, path)
		r.hurryRooms()
		return r.run().waitOnline()
	}
	r := begin()
	invitation(mallory, other)
	mediated(mallory, other)
	invitation(bob, open)
	bob.hears(botJID, "Only an owner of mine may invite me to a room.")
	wait(t, "the stranger to be counted", func() bool { r.mu.Lock(); defer r.mu.Unlock(); return len(r.strangers) >= 2 }) // what waited offline counts too
	invitation(alice, missing)
	alice.hears(botJID, "I cannot enter "+missing+": there is no such room")
	if list := r.Rooms(); len(list) != 0 {
		t.Errorf("rooms %v", list)
	}
	invitation(alice, open)
	alice.hears(botJID, "I am in "+open+", as Oswald.")
	mediated(alice, closed)
	alice.hears(botJID, "I am in "+closed+", as Oswald.")
	invitation(alice, open)
	alice.hears(botJID, "I am in "+open+" already.")
	alice.says(open, "Oswald: hello")
	alice.hears(open+"/Oswald", "alice: you said hello")
	if n := r.commands.count(); n != 1 {
		t.Errorf("%d commands ran: %v", n, r.commands.asked)
	}
	// A new process goes to both again; from where it was banned it stays away.
	alice.affiliates(closed, botJID, "outcast", "enough")
	r.waitRoom(closed, "banned")
	r.end()
	r = begin()
	r.waitRoom(open, "in it as")
	r.waitRoom(closed, `not in it: I was banned from it`)
	if n := r.told(closed, "", false); n != 0 {
		t.Errorf("told again %d times", n)
	}
	for _, room := range []string{open, closed} {
		if text, err := r.Leave(t.Context(), room); err != nil || !strings.Contains(text, "I have left") {
			t.Errorf("leave: %q %v", text, err)
		}
	}
	alice.sees(open, "Oswald", false)
	if _, err := r.Leave(t.Context(), open); oswald.CodeOf(err) != oswald.NotFound {
		t.Errorf("leave again: %v", err)
	}
	r.end()
	r = begin()
	if list := r.Rooms(); len(list) != 0 {
		t.Errorf("rooms %v", list)
	}
	// What a server that is not ours says about who invites is asked first.
	r.live.Load().invited(xmltree.New(nsClient, "message", "from", "den@conference.example.net", "id", "i1").Add(
		xmltree.New(nsMUCUser, "x").Add(xmltree.New(nsMUCUser, "invite", "from", jidOf("alice")+"/phone"))))
	alice.hears(botJID, "text `join den@conference.example.net`")
	if list := r.Rooms(); len(list) != 0 {
		t.Errorf("rooms %v", list)
	}
}

// testRoomBookmarks changes the bookmarks with another client of the account.
func testRoomBookmarks(t *testing.T, s *xmpptest.Server) {
	one, two, three := roomOf("mark1"), roomOf("mark2"), roomOf("mark3")
	alice, hand := newPerson(t, s, "alice"), newPerson(t, s, "bot")
	for _, room := range []string{one, two, three} {
		alice.makes(room, "alice", "whois", "anyone")
	}
	items := func() string {
		t.Helper()
		e, err := hand.IQ(t.Context(), "", "get", "<pubsub xmlns='"+nsPubSub+"'><items node='"+nsBookmarks+"'/></pubsub>")
		if err != nil {
			return err.Error()
		}
		return e.String()
	}
	publish := func(room, attrs string) {
		t.Helper()
		hand.ask("", fmt.Sprintf("<pubsub xmlns='%s'><publish node='%s'><item id='%s'><conference xmlns='%s' %s><nick>Marked</nick></conference></item></publish></pubsub>", nsPubSub, nsBookmarks, room, nsBookmarks, attrs))
	}
	retract := func(room string) {
		t.Helper()
		hand.ask("", fmt.Sprintf("<pubsub xmlns='%s'><retract node='%s' notify='true'><item id='%s'/></retract></pubsub>", nsPubSub, nsBookmarks, room))
	}
	// What earlier tests have left on the server.
	hand.IQ(t.Context(), "", "set", "<pubsub xmlns='"+nsPubSub+"#owner'><delete node='"+nsBookmarks+"'/></pubsub>")
	cfg := testConfig(t, s)
	cfg.RoomPing = 300 * time.Millisecond
	path := filepath.Join(t.TempDir(), "bot.db")
	begin := func() *rig {
		r := newRig(t, cfg, path)
		r.hurryRooms()
		return r.run().waitOnline()
	}
	r := begin()
	if _, err := r.Join(t.Context(), one+"/Oz"); err != nil {
		t.Fatal(err)
	}
	wait(t, "the room to be among the bookmarks", func() bool { return strings.Contains(items(), one) })
	if got := items(); !strings.Contains(got, "autojoin='true'") || !strings.Contains(got, "<nick>Oz</nick>") {
		t.Errorf("bookmarks %s", got)
	}
	if e, err := alice.IQ(t.Context(), botJID, "get", "<pubsub xmlns='"+nsPubSub+"'><items node='"+nsBookmarks+"'/></pubsub>"); err == nil {
		t.Errorf("anybody may read the bookmarks: %s", e)
	}
	publish(two, "autojoin='true'")
	r.waitRoom(two, "in it as Marked")
	publish(two, "autojoin='false'")
	alice.sees(two, "Marked", false)
	retract(one)
	alice.sees(one, "Oz", false)
	wait(t, "the rooms to be left", func() bool { return len(r.Rooms()) == 0 })
	// A forged event changes nothing.
	alice.raw("<message to='%s' type='headline'><event xmlns='%s'><items node='%s'><item id='%s'><conference xmlns='%s' autojoin='true'/></item></items></event></message>", fullJID(r), nsEvent, nsBookmarks, three, nsBookmarks)
	ask(t, alice.Client, "still there")
	if len(r.Rooms()) != 0 {
		t.Errorf("rooms %v", r.Rooms())
	}
	// What was changed while the bot was away.
	publish(two, "autojoin='1'")
	r.waitRoom(two, "in it as")
	r.end()
	retract(two)
	publish(three, "autojoin='1'")
	r = begin()
	r.waitRoom(three, "in it as Marked")
	wait(t, "the other to be left", func() bool { return len(r.Rooms()) == 1 })
	if _, err := r.Leave(t.Context(), three); err != nil {
		t.Error(err)
	}
	wait(t, "the room to be off the bookmarks", func() bool { return !strings.Contains(items(), three) })
	// One that is left while there is no connection.
	if _, err := r.Join(t.Context(), one); err != nil {
		t.Fatal(err)
	}
	wait(t, "the room to be among the bookmarks", func() bool { return strings.Contains(items(), one) })
	r.end()
	if _, err := r.Leave(t.Context(), one); err != nil {
		t.Error(err)
	}
	r = begin()
	wait(t, "the room to be off the bookmarks", func() bool { return !strings.Contains(items(), one) })
	if list := r.Rooms(); len(list) != 0 {
		t.Errorf("rooms %v", list)
	}
}

// testRoomBounce has replies come back from rooms.
func testRoomBounce(t *testing.T, s *xmpptest.Server) {
	quiet, lost := roomOf("quiet"), roomOf("bounce")
	alice := newPerson(t, s, "alice")
	alice.makes(quiet, "alice", "whois", "anyone", "moderatedroom", "1")
	alice.makes(lost, "alice", "whois", "anyone")
	r := roomBot(t, s, nil, quiet, lost)
	r.waitRoom(quiet, "in it as")
	r.waitRoom(lost, "in it as")
	alice.ask(quiet, fmt.Sprintf("<query xmlns='%s#admin'><item nick='Oswald' role='visitor'/></query>", nsMUC))
	alice.says(quiet, "!one")
	wait(t, "the owners to be told", func() bool { return r.told(quiet, "give me a voice", false) == 1 })
	alice.says(quiet, "!two")
	wait(t, "the replies to be dropped", func() bool { return r.commands.count() == 2 && r.saidLeft(t) == 0 })
	if n := r.told(quiet, "give me a voice", false); n != 1 {
		t.Errorf("told %d times", n)
	}
	// The room has lost the bot while a command ran: the answer comes all the same.
	block := make(chan struct{})
	r.commands.answer = func(_ context.Context, q oswald.Request) (oswald.Reply, error) {
		<-block
		return oswald.Reply{Text: "after all"}, nil
	}
	alice.says(lost, "!slow")
	wait(t, "the command to run", func() bool { return r.commands.times("slow") == 1 })
	r.slips(lost, alice)
	close(block)
	alice.hears(lost+"/Oswald", "alice: after all")
	r.waitRoom(lost, "in it as")
	wait(t, "the reply to be shown", func() bool { return r.saidLeft(t) == 0 })
}

// testRoomRestart restarts the server, and ends it as a crash does.
func testRoomRestart(t *testing.T, s *xmpptest.Server) {
	room := roomOf("restart")
	alice := newPerson(t, s, "alice")
	alice.makes(room, "alice", "whois", "anyone", "persistentroom", "1")
	r := roomBot(t, s, nil, room)
	r.waitRoom(room, "in it as")
	for i, again := range []func(){s.Restart, func() { s.Kill(); s.Restart() }} {
		before := r.sessions()
		again()
		wait(t, "another session", func() bool { return r.sessions() > before && r.Part().OK })
		r.waitRoom(room, "in it as")
		alice = newPerson(t, s, "alice")
		alice.enters(room, "alice")
		alice.says(room, fmt.Sprintf("!after%d", i))
		alice.hears(room+"/Oswald", fmt.Sprintf("alice: you said after%d", i))
		if n := r.commands.times(fmt.Sprintf("after%d", i)); n != 1 {
			t.Errorf("ran %d times", n)
		}
	}
	if n := r.told(room, "", false); n != 0 {
		t.Errorf("the owners were told %d times of what passed by itself", n)
	}
}
