// SPDX-License-Identifier: GPL-3.0-or-later

package bot

import (
	"fmt"
	"time"

	"oswald"
	"oswald/internal/xmppclient/xmltree"
)

const nsInvite = "jabber:x:conference"

// invited takes an invitation to a room, direct (XEP-0249) or by the room (XEP-0045
// section 7.8), and reports whether e is one. Only an owner's is followed, in the
// rights of whose account its own server vouches; what a room says of who invites
// is worth as much as the room's server.
func (s *session) invited(e *xmltree.Element) bool {
	b := s.b
	from, nick := occupantOf(e.Get("from"))
	var room, by, password string
	doubt := false
	if invite := userOf(e).Child(nsMUCUser, "invite"); invite != nil && nick == "" {
		room, by = from, bareOf(invite.Get("from"))
		password = userOf(e).Child(nsMUCUser, "password").Text()
		doubt = !b.rooms.believed(room)
	} else if x := e.Child(nsInvite, "x"); x != nil && x.Get("jid") != "" {
		room, by, password = bareOf(x.Get("jid")), from, x.Get("password")
	} else {
		return false
	}
	if typ := e.Get("type"); typ == "error" || typ == "groupchat" || room == "" || by == "" || by == b.own.String() {
		return true
	}
	role := b.deps.Role(by)
	if role == oswald.NoRole {
		if by == from {
			b.bother(by)
		} else { // by the word of a room only
			b.stranger(by)
		}
		return true
	}
	c := command{id: commandID(e, by, b.own.String()), sender: by, at: sentAt(e, b.now())}
	if !b.in.fresh(&c) {
		return true // it came before
	}
	b.disk.put(c.insert(true), nil)
	switch {
	case role < oswald.Owner:
		b.tell(by, "Only an owner of mine may invite me to a room.")
		return true
	case b.now().Sub(c.at) > 24*time.Hour:
		b.tell(by, fmt.Sprintf("You invited me to %s long ago, while I was away. Text `join %s` if you still want me there.", room, room))
		return true
	}
	rs := b.rooms
	rs.mu.Lock()
	defer rs.mu.Unlock()
	if doubt {
		if rs.once("invite "+room, 24*time.Hour) {
			b.tell(by, fmt.Sprintf("An invitation to %s came in your name, by a server that is not ours. If it was you, text `join %s`.", room, room))
		}
		return true
	}
	r := rs.wantLocked(room, "", password)
	switch {
	case r == nil:
		b.tell(by, fmt.Sprintf("I am in %d rooms already, which is as many as I can look after.", roomsMax))
	case r.state == inside:
		b.tell(by, "I am in "+room+" already.")
	default:
		r.tell = by
	}
	return true
}
