// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"os"
	"strings"
	"testing"

	"oswald/internal/terminal"
)

// TestProfanityRoom makes a room with a terminal client, invites Oswald into it and
// gives commands there.
func TestProfanityRoom(t *testing.T) {
	if os.Getenv("OSWALD_CLIENTS") == "" && os.Getenv("OSWALD_LONG") == "" {
		t.Skip("runs with the other clients (make test-clients), and in make test-long")
	}
	terminal.Needs(t, "profanity", "tmux")
	onBoth(t, func(t *testing.T, h *house, bot string) {
		oswald := h.server.JID("oswald")
		room := "den@rooms." + h.server.Domain
		alice := h.login("alice") // sees what Oswald says in their own chat
		p := profanity(t, h)
		p.Type("/join " + room + " nick alice")
		p.Wait("Room locked")
		p.Type("/room accept")
		p.Wait("Room unlocked")
		p.Type("/invite send " + oswald)
		eventually(t, "Oswald to be in the room", func() bool { return alice.told("I am in "+room) == 1 })
		if alice.told("I cannot see who is who in that room") != 1 {
			t.Error("nothing was said of the addresses that the room hides")
		}
		p.Type("!status")
		p.Wait("alice: I cannot see who you are in this room")
		p.Type("/affiliation set admin " + oswald)
		eventually(t, "Oswald to see who is who", func() bool {
			r := h.ctl("rooms")
			return strings.Contains(r, room+": in it as Oswald") && !strings.Contains(r, "cannot see")
		})
		p.Type("!ping")
		p.Wait("alice: Pong")
		p.Type("Oswald: temp")
		p.Wait("°C")
		p.Type("!log")
		p.Wait("`log` works in a private chat only.")
		p.Type("!delete 1")
		p.Wait("`delete` works in a private chat only.")
		shot(t, "profanity-room-"+h.server.Name, p)
		p.Type("/kick Oswald enough for today")
		eventually(t, "alice to be told", func() bool { return alice.told("I was kicked out by alice (\"enough for today\")") == 1 })
		shot(t, "profanity-kicked-"+h.server.Name, p)
	})
}
