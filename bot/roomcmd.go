// SPDX-License-Identifier: GPL-3.0-or-later

package bot

import (
	"context"
	"fmt"
	"strings"

	"oswald"
)

// Rooms says of each room that the bot is or wants to be in how it is with it.
func (b *Bot) Rooms() []oswald.Part {
	rs := b.rooms
	rs.mu.Lock()
	defer rs.mu.Unlock()
	list := []oswald.Part{}
	for _, r := range rs.list() {
		list = append(list, oswald.Part{Name: r.jid, OK: r.state == inside, State: rs.stateOf(r)})
	}
	return list
}

// RoomParts is Rooms in one line for `status`; nothing if there are no rooms.
func (b *Bot) RoomParts() []oswald.Part {
	all := b.Rooms()
	if len(all) == 0 {
		return nil
	}
	p := oswald.Part{Name: "rooms", OK: true}
	in := 0
	var out []string
	for _, r := range all {
		if r.OK {
			in++
		} else {
			out = append(out, r.Name)
		}
	}
	p.State = fmt.Sprintf("in %d of %d", in, len(all))
	if len(out) == 0 {
		p.State = fmt.Sprintf("in all %d", in)
		if in == 1 {
			p.State = "in " + all[0].Name
		}
		return []oswald.Part{p}
	}
	p.OK = false
	if len(out) > 3 {
		out = append(out[:3], "…")
	}
	p.State += ", not in " + strings.Join(out, ", ") + "; `rooms` says why"
	return []oswald.Part{p}
}

// Join enters a room and stays in it, also after a restart; the room may be written
// ROOM@SERVER/NICKNAME. It returns, in words for the asker, how it is in there; an
// error says why not, and whether the bot goes on trying. It waits until ctx ends at
// most.
func (b *Bot) Join(ctx context.Context, room string) (string, error) {
	bare, nick, err := parseRoom(room)
	if err != nil {
		return "", err
	}
	rs := b.rooms
	rs.mu.Lock()
	r := rs.wantLocked(bare, nick, "")
	switch {
	case r == nil:
		rs.mu.Unlock()
		return "", oswald.Errorf(oswald.Unavailable, "I am in %d rooms already, which is as many as I can look after; `leave` one first.", roomsMax)
	case r.state == inside:
		defer rs.mu.Unlock()
		return rs.described(r), nil
	case rs.live == nil && !b.Part().OK:
		defer rs.mu.Unlock()
		r.fresh = false // it is remembered, though nobody knows yet whether it works
		rs.saveLocked()
		return "", oswald.Errorf(oswald.Unavailable, "I am not connected now; I shall enter %s as soon as I am.", bare)
	}
	ch := make(chan error, 1)
	if len(r.wait) < roomsMax {
		r.wait = append(r.wait, ch)
	}
	rs.mu.Unlock()
	select {
	case err := <-ch:
		if err != nil {
			return "", err
		}
	case <-ctx.Done():
		return "", oswald.Errorf(oswald.Unavailable, "%s does not answer yet; I go on trying.", bare)
	}
	rs.mu.Lock()
	defer rs.mu.Unlock()
	return rs.described(r), nil
}

// described is for whoever has sent us into r.
func (rs *rooms) described(r *room) string {
	if r.state != inside {
		return "I was in " + r.jid + ", and am " + rs.stateOf(r) + "."
	}
	text := fmt.Sprintf("I am in %s, as %s. There, begin with ! or %s: so that I know that you mean me.", r.jid, r.nick, r.nick)
	if !rs.seesLocked(r) {
		text += " " + rs.blind(r)
	}
	return text
}

// Leave leaves a room and forgets it, and returns that in words for the asker. One
// of the configuration is entered again at the next start.
func (b *Bot) Leave(ctx context.Context, room string) (string, error) {
	bare, _, err := parseRoom(room)
	if err != nil {
		return "", err
	}
	rs := b.rooms
	rs.mu.Lock()
	r := rs.by[bare]
	if r == nil {
		rs.mu.Unlock()
		b.alert(bare, "I do not go to the room "+bare+" any more.", true) // an earlier process may have told of it
		return "", oswald.Errorf(oswald.NotFound, "I am not in a room %s; `rooms` lists those where I am.", clip(bare, 80))
	}
	if r.kept {
		rs.gone[bare] = true // it may be among the bookmarks though we do not know it yet
	}
	rs.forgetLocked(r)
	rs.mu.Unlock()
	if r.kept {
		rs.unmark(ctx, bare)
	}
	b.disk.flush(ctx)
	if r.listed {
		return fmt.Sprintf("I have left %s. It is in config.toml (xmpp.rooms), so I go there again when I am restarted.", bare), nil
	}
	return fmt.Sprintf("I have left %s.", bare), nil
}
