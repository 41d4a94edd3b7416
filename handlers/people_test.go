// SPDX-License-Identifier: GPL-3.0-or-later

package handlers

import (
	"testing"

	"oswald"
)

func TestWhoMayWhat(t *testing.T) {
	b := newBench(t)
	test := func(text, who string, want oswald.Code) {
		t.Helper()
		if reply, got := b.text(who, text); got != want {
			t.Errorf("%q as %s: code %q, want %q (%s)", text, who, got, want, reply)
		}
	}
	test("help", guest, "")
	test("temp", guest, oswald.Forbidden)
	test("status", guest, oswald.Forbidden)
	test("yes", guest, oswald.NotFound)
	test("temp", member, "")
	test("say hello", member, "")
	test("flag 12", member, oswald.Forbidden)
	test("comments", member, oswald.Forbidden)
	test("spam why 12", member, oswald.Forbidden)
	test("rebuild", member, oswald.Forbidden)
	test("flag 12", moderator, "")
	test("rebuild", moderator, "")
	test("log", moderator, oswald.Forbidden)
	test("allow x@example.org owner", moderator, oswald.Forbidden)
	test("log", owner, "")
	// A stranger gets nothing, whatever it says.
	for _, text := range []string{"help", "log", "yes", "\x00", ""} {
		if r, err := b.Dispatch(t.Context(), b.request("spy@example.org", text)); r != (oswald.Reply{}) || err != nil {
			t.Errorf("a stranger's %q: %v, %v", text, r, err)
		}
	}
	// In a room the dangerous ones are refused and the rest works.
	room := func(text string, want oswald.Code) {
		t.Helper()
		r := b.request(owner, text)
		r.Room = "den@rooms.example.org"
		if _, got := shown(b.Dispatch(t.Context(), r)); got != want {
			t.Errorf("%q in a room: %q, want %q", text, got, want)
		}
	}
	room("temp", "")
	room("delete 12", oswald.Forbidden)
	room("allow x@example.org member", oswald.Forbidden)
	room("log", oswald.Forbidden)
}

func TestPeople(t *testing.T) {
	b := newBench(t)
	do := func(text string, want oswald.Code) {
		t.Helper()
		if reply, code := b.text(owner, text); code != want {
			t.Errorf("%q: %q %q", text, reply, code)
		}
	}
	role := func(address string, want oswald.Role) {
		t.Helper()
		if got := b.Role(address); got != want {
			t.Errorf("%s: %v, want %v", address, got, want)
		}
	}
	do("allow xmpp:New@Example.org/phone Moderator", "")
	do("deny "+member, "")
	do("allow "+guest+" king", oswald.Invalid)
	do("allow @ member", oswald.Invalid)
	do("deny "+owner, oswald.Conflict)
	b.kill()
	b.open()
	role("new@example.org", oswald.Moderator)
	role(member, oswald.NoRole)
	role(owner, oswald.Owner)
	role("spy@example.org", oswald.NoRole)
	if all := b.People(); len(all) != 4 {
		t.Errorf("people: %v", all)
	}
	// The last owner stays one; here nobody is an owner by configuration.
	h, err := New(Defaults(), Deps{DB: b.db, Now: b.now})
	if err != nil {
		t.Fatal(err)
	}
	local := func(text string) (string, oswald.Code) {
		return shown(h.Dispatch(t.Context(), oswald.Request{ID: oswald.RandomID(), Actor: oswald.Actor{Address: Local, Role: oswald.Owner}, Text: text, At: b.now()}))
	}
	local("allow a@example.org owner")
	if reply, code := local("deny a@example.org"); code != oswald.Conflict {
		t.Errorf("the last owner: %q", reply)
	}
	if reply, code := local("allow a@example.org guest"); code != oswald.Conflict {
		t.Errorf("the last owner: %q", reply)
	}
	local("allow b@example.org owner")
	if reply, code := local("deny a@example.org"); code != "" {
		t.Errorf("not the last owner: %q", reply)
	}
}
