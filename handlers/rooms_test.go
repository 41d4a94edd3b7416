// SPDX-License-Identifier: GPL-3.0-or-later

package handlers

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"oswald"
)

// lodge is a Rooms that remembers where it is.
type lodge struct{ in []string }

func (l *lodge) Rooms() []oswald.Part {
	var list []oswald.Part
	for _, r := range l.in {
		list = append(list, oswald.Part{Name: r, OK: true, State: "in it as Oswald, with 2 others"})
	}
	return list
}

func (l *lodge) Join(ctx context.Context, room string) (string, error) {
	if _, ok := ctx.Deadline(); !ok {
		return "", oswald.Errorf(oswald.Internal, "no deadline")
	}
	if room == "attic@rooms.example.org" {
		return "", oswald.Errorf(oswald.Unavailable, "I cannot enter %s: there is no such room.", room)
	}
	l.in = append(l.in, room)
	return "I am in " + room + " as Oswald, with 2 others.", nil
}

func (l *lodge) Leave(_ context.Context, room string) (string, error) {
	i := slices.Index(l.in, room)
	if i < 0 {
		return "", oswald.Errorf(oswald.NotFound, "I am not in a room %s.", room)
	}
	l.in = slices.Delete(l.in, i, i+1)
	return "I have left " + room + ".", nil
}

// TestRooms has an owner, and nobody else, send the bot into rooms.
func TestRooms(t *testing.T) {
	b := newBench(t)
	b.deps.Rooms = new(lodge)
	test := func(who, room, text, want string) {
		t.Helper()
		r, err := b.Dispatch(t.Context(), oswald.Request{Actor: oswald.Actor{Address: who, Role: b.Role(who)}, Room: room, Text: text, At: b.now()})
		if err != nil {
			r.Text = oswald.MessageOf(err)
		}
		if !strings.Contains(r.Text, want) {
			t.Errorf("%q: %q, want %q", text, r.Text, want)
		}
	}
	test(owner, "", "rooms", "I am in no room.")
	test(owner, "", "join attic@rooms.example.org", "no such room")
	test(owner, "", "join home@rooms.example.org", "I am in home@rooms.example.org as Oswald")
	test(owner, "", "rooms", "home@rooms.example.org: in it as Oswald, with 2 others")
	test(moderator, "", "join home@rooms.example.org", "You may not use")
	test(moderator, "", "rooms", "You may not use")
	// What is said in a room is read by all of it.
	test(owner, "home@rooms.example.org", "rooms", "private chat only")
	test(owner, "home@rooms.example.org", "leave home@rooms.example.org", "private chat only")
	test(owner, "home@rooms.example.org", "status", "xmpp: connected")
	// A question is for the one who has caused it, and for the place where it was asked.
	late := oswald.Request{ID: "late000000000000", Actor: oswald.Actor{Address: owner, Role: oswald.Owner}, Room: "home@rooms.example.org", Text: "say hello", At: b.now().Add(-time.Hour)}
	if r, err := b.Dispatch(t.Context(), late); err != nil || !strings.Contains(r.Text, "yes/no") {
		t.Errorf("late: %q %v", r.Text, err)
	}
	test(moderator, "home@rooms.example.org", "yes", "I have not asked anything")
	test(owner, "", "yes", "I have not asked anything")
	test(owner, "home@rooms.example.org", "yes", "Said on both sides")
	test(owner, "", "leave home@rooms.example.org", "I have left home@rooms.example.org.")
	test(owner, "", "leave home@rooms.example.org", "I am not in")
	b.deps.Rooms = nil
	test(owner, "", "rooms", "not configured")
}
