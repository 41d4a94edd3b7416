// SPDX-License-Identifier: GPL-3.0-or-later

package bot

import (
	"context"
	"database/sql"
	"slices"
	"strings"
	"time"

	"oswald"
	"oswald/internal/xmppclient/xmltree"
)

const (
	saidMost = 100           // messages that wait for a room
	saidLast = 6 * time.Hour // after which nobody in there wants them any more
	roomPart = 1500          // characters of a reply in a room, where others read too
)

// A message that was said in a room is on disk until the room has shown it to us
// too, which it does with everything that everybody there sees (XEP-0045 section
// 7.4). What a room has not shown goes again when we have entered it anew.
type said struct {
	n      int64
	id     string
	stanza string
	at     time.Time
}

// loadSaid takes in what an earlier process had to say; mu is held.
func (rs *rooms) loadSaid(ctx context.Context) error {
	rows, err := rs.b.disk.db.QueryContext(ctx, "SELECT n, room, id, stanza, at FROM bot_said ORDER BY n")
	if err != nil {
		return err
	}
	defer rows.Close()
	var stray []int64
	for rows.Next() {
		var m said
		var room string
		var at int64
		if err := rows.Scan(&m.n, &room, &m.id, &m.stanza, &at); err != nil {
			return err
		}
		m.at = time.UnixMilli(at)
		rs.saidN = m.n
		if r := rs.by[room]; r != nil {
			r.said = append(r.said, m)
		} else {
			stray = append(stray, m.n)
		}
	}
	for _, n := range stray {
		rs.forgetSaid(n)
	}
	return rows.Err()
}

func (rs *rooms) forgetSaid(n int64) {
	rs.b.disk.put(func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "DELETE FROM bot_said WHERE n = ?", n)
		return err
	}, nil)
}

// sayLocked says text in a room, now or when we are in it.
func (rs *rooms) sayLocked(r *room, id, text string, raw bool) {
	rs.sayWith(r, id, text, raw, nil, nil)
}

// sayWith is sayLocked with a change in the same transaction. then is called when
// both are on disk.
func (rs *rooms) sayWith(r *room, id, text string, raw bool, also change, then func(error)) {
	if len(r.said) >= saidMost {
		rs.b.log.Warn("too much waits for a room", "room", r.jid)
		rs.forgetSaid(r.said[0].n)
		r.said = r.said[1:]
	}
	rs.saidN++
	m := said{n: rs.saidN, id: id, at: rs.b.now()}
	e := xmltree.New(nsClient, "message", "to", r.jid, "type", "groupchat", "id", id).
		Add(xmltree.New(nsClient, "body").AddText(text), xmltree.New(nsIDs, "origin-id", "id", id))
	if raw {
		e.Add(xmltree.New(nsStyling, "unstyled"))
	}
	if coded, err := rs.b.codec.Encode(r.jid, e); err == nil {
		m.stanza = string(coded.AppendXML(nil, nsClient))
	} else {
		rs.b.log.Error("a message to a room cannot be encoded", "room", r.jid, "err", err)
		rs.b.disk.put(func(ctx context.Context, tx *sql.Tx) error {
			if also != nil {
				return also(ctx, tx)
			}
			return nil
		}, then)
		return
	}
	r.said = append(r.said, m)
	room := r.jid
	rs.b.disk.put(func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "INSERT INTO bot_said(n, room, id, stanza, at) VALUES(?, ?, ?, ?, ?)", m.n, room, m.id, m.stanza, m.at.UnixMilli())
		if err == nil && also != nil {
			err = also(ctx, tx)
		}
		return err
	}, then)
	if r.state == inside {
		rs.b.out.pass(m.stanza)
	}
}

// resendLocked says again what the room has not shown, but nothing that is old.
func (rs *rooms) resendLocked(r *room) {
	r.said = slices.DeleteFunc(r.said, func(m said) bool {
		old := rs.b.now().Sub(m.at) > saidLast
		if old {
			rs.forgetSaid(m.n)
		}
		return old
	})
	for _, m := range r.said {
		rs.b.out.pass(m.stanza)
	}
}

// reflectedLocked notes that the room has shown a message of ours.
func (rs *rooms) reflectedLocked(r *room, e *xmltree.Element) {
	id := e.Child(nsIDs, "origin-id").Get("id")
	if id == "" {
		id = e.Get("id")
	}
	rs.dropLocked(r, id)
}

func (rs *rooms) dropLocked(r *room, id string) (dropped bool) {
	i := slices.IndexFunc(r.said, func(m said) bool { return m.id == id })
	if i < 0 {
		return false
	}
	rs.forgetSaid(r.said[i].n)
	r.said = slices.Delete(r.said, i, i+1)
	return true
}

// bouncedLocked handles a message of ours that came back. It is never answered.
func (rs *rooms) bouncedLocked(r *room, e *xmltree.Element) {
	id := e.Get("id")
	if !slices.ContainsFunc(r.said, func(m said) bool { return m.id == id }) {
		return
	}
	condition := conditionOf(e)
	rs.b.log.Warn("a message to a room came back", "room", r.jid, "condition", condition)
	switch {
	case condition == "not-acceptable" && r.state == inside: // we are not in it (XEP-0045 section 7.4)
		rs.lostLocked(r, soon, "it has lost me without a word")
	case condition == "not-acceptable":
	case e.Child(nsClient, "error").Get("type") == "wait" && r.state == inside:
		r.due, r.heard, r.again = time.Now().Add(r.back.Next()), time.Time{}, true
		rs.signal()
	case condition == "forbidden" && !r.voice:
		r.voice = true
		rs.b.alert(r.jid, "I may not speak in the room "+r.jid+"; give me a voice in it.", false)
		rs.dropLocked(r, id)
	default:
		rs.dropLocked(r, id)
	}
}

// reply answers a command where it was given. What is too long for a room is cut.
// It returns false if we have nothing to do with that room any more.
func (rs *rooms) reply(c command, reply oswald.Reply) bool {
	bare, nick := occupantOf(c.place)
	rs.mu.Lock()
	defer rs.mu.Unlock()
	r := rs.by[bare]
	if r == nil {
		return false
	}
	if strings.TrimSpace(clean(reply.Text)) == "" {
		rs.b.disk.put(c.done(), nil)
		return true
	}
	rs.sayWith(r, c.id+".1", forRoom(rs.nickOf(r, c.sender, nick), reply.Text, reply.Raw), reply.Raw, c.done(), nil)
	return true
}

// say says r in a room with a change in the same transaction; it returns false, and
// does nothing, if bare is none of our rooms.
func (rs *rooms) say(bare, id string, r oswald.Reply, also change, then func(error)) bool {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	to := rs.by[bare]
	if to != nil {
		rs.sayWith(to, id+".1", forRoom("", r.Text, r.Raw), r.Raw, also, then)
	}
	return to != nil
}

// nickOf returns the nickname that a person has in the room now, if that is not
// the one of before.
func (rs *rooms) nickOf(r *room, real, before string) string {
	if o, ok := r.people[before]; ok && o.real == real {
		return before
	}
	for nick, o := range r.people {
		if o.real == real {
			return nick
		}
	}
	return before
}

// forRoom words a reply for a room: addressed, and not too long.
func forRoom(nick, text string, raw bool) string {
	text = strings.TrimSpace(clean(text))
	if parts := split(text, roomPart, raw); len(parts) > 1 {
		text = parts[0] + "\n… (ask me in a chat of our own for all of it)"
	}
	switch {
	case nick == "":
		return text
	case strings.HasPrefix(text, "```"):
		return nick + ":\n" + text
	}
	return nick + ": " + text
}

// TellRooms says text in each room that the configuration wants alerts told in. It
// returns nil once it is on disk; it is said when the bot is in there.
func (b *Bot) TellRooms(ctx context.Context, text string) error {
	rs := b.rooms
	ch := make(chan error, roomsMax)
	n := 0
	rs.mu.Lock()
	for _, name := range b.cfg.RoomAlerts {
		if r := rs.by[roomKey(name)]; r != nil && n < roomsMax {
			n++
			rs.sayWith(r, oswald.RandomID(), forRoom("", text, false), false, nil, func(err error) { ch <- err })
		}
	}
	rs.mu.Unlock()
	b.disk.now()
	for range n {
		select {
		case err := <-ch:
			if err != nil {
				return oswald.Wrap(err, oswald.Unavailable, "The message could not be kept; is the disk full?")
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}
