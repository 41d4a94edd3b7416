// SPDX-License-Identifier: GPL-3.0-or-later

package bot

import (
	"slices"
	"strings"

	"mellium.im/xmpp/jid"

	"oswald"
)

// validateRooms reports what is wrong with the settings of rooms.
func (c Config) validateRooms(bad func(format string, args ...any)) {
	if _, err := jid.New("a", "example.org", c.Nick); err != nil || c.Nick == "" || len(c.Nick) > 100 {
		bad("nick: %q cannot be a nickname", clip(c.Nick, 80))
	}
	var known []string
	for _, s := range c.Rooms {
		bare, _, err := parseRoom(s)
		switch {
		case err != nil:
			bad("rooms: %q is not a room such as home@rooms.example.org", clip(s, 80))
		case slices.Contains(known, bare):
			bad("rooms: %s is named twice", bare)
		}
		known = append(known, bare)
	}
	if len(c.Rooms) > roomsMax {
		bad("rooms: %d are too many, the most is %d", len(c.Rooms), roomsMax)
	}
	for _, s := range c.RoomAlerts {
		if !slices.Contains(known, roomKey(s)) {
			bad("room_alerts: %q is not one of xmpp.rooms", clip(s, 80))
		}
	}
	for s, file := range c.RoomPasswords {
		if !slices.Contains(known, roomKey(s)) || file == "" {
			bad("room_passwords: %q is not one of xmpp.rooms, or has no file", clip(s, 80))
		}
	}
	for _, s := range c.RoomServers {
		if j, err := jid.Parse(s); err != nil || j.Localpart() != "" || j.Resourcepart() != "" {
			bad("room_servers: %q is not a server such as conference.example.net", clip(s, 80))
		}
	}
}

// parseRoom reads the address of a room as people type it, with the nickname that
// may follow.
func parseRoom(s string) (bare, nick string, err error) {
	s = strings.TrimSpace(s)
	if len(s) > 5 && strings.EqualFold(s[:5], "xmpp:") {
		s, _, _ = strings.Cut(s[5:], "?")
	}
	bare, nick = occupantOf(s)
	if at := strings.IndexByte(bare, '@'); at <= 0 {
		return "", "", oswald.Errorf(oswald.Invalid, "%q is not a room such as home@rooms.example.org.", clip(s, 80))
	}
	return bare, nick, nil
}

// roomKey is the room of s in the form that rooms are known by; "" if it is none.
func roomKey(s string) string {
	bare, _, err := parseRoom(s)
	if err != nil {
		return ""
	}
	return bare
}
