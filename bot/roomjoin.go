// SPDX-License-Identifier: GPL-3.0-or-later

package bot

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"oswald"
	"oswald/internal/secret"
	"oswald/internal/xmppclient/xmltree"
)

// What to do after a failure.
type again int

const (
	soon  again = iota // it passes by itself, most likely
	slow               // somebody has to do something, and may have done it by then
	never              // somebody does not want us there, or nobody can be there
)

// enter asks whether there is such a room, then goes in. Whoever enters a room
// that is not there makes it, which is nothing that a bot should do by mistake.
func (rs *rooms) enter(ctx context.Context, s *session, r *room) {
	info, err := s.askAt(ctx, r.jid, "get", xmltree.New(nsInfo, "query"))
	var password secret.Secret
	var fault error
	if r.password != nil {
		password, fault = r.password()
	}
	rs.mu.Lock()
	defer rs.mu.Unlock()
	defer rs.signal()
	r.busy = false
	if ctx.Err() != nil || rs.by[r.jid] != r || r.state != away {
		return
	}
	var refused *iqError
	switch condition := ""; {
	case fault != nil:
		rs.lostLocked(r, slow, "the file with its password cannot be used: "+fileFault(fault)+" (xmpp.room_passwords)")
		return
	case errors.As(err, &refused):
		switch condition = refused.condition; condition {
		case "item-not-found":
			rs.lostLocked(r, slow, "there is no such room; make it in your own client")
			return
		case "remote-server-not-found", "remote-server-timeout", "service-unavailable":
			rs.lostLocked(r, soon, "its server does not answer")
			return
		} // a room that says nothing about itself may still let us in
	case err != nil:
		rs.lostLocked(r, soon, "its server does not answer")
		return
	}
	r.features(info)
	x := xmltree.New(nsMUC, "x").Add(xmltree.New(nsMUC, "history", "maxstanzas", "0"))
	switch {
	case r.password != nil:
		x.Add(xmltree.New(nsMUC, "password").AddText(string(password.Reveal())))
	case r.pass != "":
		x.Add(xmltree.New(nsMUC, "password").AddText(r.pass))
	}
	r.state, r.due, r.people, r.missed = enter, time.Now().Add(enterTime), make(map[string]occupant), 0
	s.b.out.pass(string(xmltree.New(nsClient, "presence", "to", r.jid+"/"+r.nick).Add(x, s.b.caps.element()).AppendXML(nil, nsClient)))
}

// features notes what the room says that it does. An id of an occupant counts
// only if it gives them out: else the occupants could make them up (XEP-0421
// section 4).
func (r *room) features(info *xmltree.Element) {
	r.ids = false
	for _, f := range info.Child(nsInfo, "query").Children() {
		r.ids = r.ids || f.Is(nsInfo, "feature") && f.Get("var") == nsOccupant
	}
}

// exit sends the presence of somebody who leaves.
func (rs *rooms) exitLocked(r *room) {
	if rs.live != nil && (r.state == inside || r.state == enter) {
		rs.b.out.pass(string(xmltree.New(nsClient, "presence", "to", r.jid+"/"+r.nick, "type", "unavailable").AppendXML(nil, nsClient)))
	}
}

// presence takes in a presence from a room, and reports whether it was one.
func (rs *rooms) presence(e *xmltree.Element) bool {
	bare, nick := occupantOf(e.Get("from"))
	rs.mu.Lock()
	defer rs.mu.Unlock()
	r := rs.by[bare]
	if r == nil {
		return false
	}
	if r.state != inside && r.state != enter {
		return true
	}
	r.heard = time.Now()
	x := userOf(e)
	codes := statusesOf(x)
	switch e.Get("type") {
	case "error":
		if r.state == enter {
			rs.refusedLocked(r, e)
		}
	case "":
		if nick == "" {
			break
		}
		self := codes[110] || nick == r.nick && r.state == inside
		if self {
			r.nick = nick // the room may have changed it (status 210)
		}
		if _, known := r.people[nick]; known || self || len(r.people) < peopleMax {
			r.people[nick] = r.occupant(e, x)
		}
		switch {
		case self && codes[201]: // it was gone in this very moment, and we have made it
			rs.exitLocked(r)
			rs.lostLocked(r, slow, "there is no such room; make it in your own client")
		case self:
			was := r.mod
			r.mod = x.Child(nsMUCUser, "item").Get("role") == "moderator"
			if r.state == enter {
				rs.insideLocked(r)
			} else if r.mod && !was && !rs.seesLocked(r) {
				// Now we may see who is who, but some servers tell that only to
				// those who enter.
				rs.exitLocked(r)
				r.state, r.due = away, time.Now()
				rs.signal()
			}
		}
	case "unavailable":
		if nick == "" {
			break
		}
		delete(r.people, nick)
		if !codes[110] && nick != r.nick {
			break
		}
		if to := x.Child(nsMUCUser, "item").Get("nick"); codes[303] && to != "" {
			r.nick = to
			break
		}
		rs.goneLocked(r, x, codes)
	}
	return true
}

// occupant reads who a presence is of. A room puts in one item only: with more,
// somebody has slipped one in, and then nobody is believed.
func (r *room) occupant(e, x *xmltree.Element) (o occupant) {
	items := 0
	for _, c := range x.Children() {
		if c.Is(nsMUCUser, "item") {
			items++
			o.real = bareOf(c.Get("jid"))
		}
	}
	if items != 1 {
		o.real = ""
	}
	if r.ids {
		o.id = occupantID(e)
	}
	return o
}

// insideLocked notes that the room has let us in.
func (rs *rooms) insideLocked(r *room) {
	now := time.Now()
	r.state, r.due, r.heard = inside, now.Add(rs.b.cfg.RoomPing), now
	r.failed, r.nicks, r.missed, r.why, r.back, r.fresh = 0, 0, 0, "", rs.retry, false
	rs.b.log.Info("in a room", "room", r.jid, "nick", r.nick)
	rs.clearedLocked(r, fmt.Sprintf("I am in the room %s again.", r.jid))
	rs.outcomeLocked(r, nil)
	if r.kept {
		rs.saveLocked()
		rs.publishLocked(r)
	}
	rs.resendLocked(r)
	rs.signal()
}

// outcomeLocked tells all who wait how entering went. Who has asked for it by an
// invitation is told once.
func (rs *rooms) outcomeLocked(r *room, err error) {
	for _, ch := range r.wait {
		ch <- err // has room for it
	}
	r.wait = nil
	if r.tell == "" {
		return
	}
	text := rs.described(r)
	if err != nil {
		text = oswald.MessageOf(err)
	}
	rs.b.tell(r.tell, text)
	r.tell = ""
}

// lostLocked notes that we are not in the room, and when to try again. The owners
// are told once: at once if somebody has to do something about it.
func (rs *rooms) lostLocked(r *room, how again, why string) {
	rs.b.log.Warn("not in a room", "room", r.jid, "reason", why)
	was := r.state
	r.state, r.why, r.people = away, why, nil
	r.failed++
	err := oswald.Errorf(oswald.Unavailable, "I cannot enter %s: %s.", r.jid, why)
	if how == soon || how == slow && !r.fresh {
		err = oswald.Errorf(oswald.Unavailable, "I cannot enter %s: %s. I go on trying.", r.jid, why)
	}
	if r.fresh && how != soon {
		delete(rs.by, r.jid) // nobody has to be told twice
		rs.outcomeLocked(r, err)
		return
	}
	rs.outcomeLocked(r, err)
	switch how {
	case soon:
		r.due = time.Now().Add(r.back.Next())
		if was == inside && r.failed == 1 {
			r.due = time.Now().Add(r.back.Min / 8) // most likely it is there
		}
	case slow:
		r.due = time.Now().Add(max(r.back.Next(), r.back.Max/20))
	case never:
		r.state = outside
		rs.saveLocked()
	}
	if !r.told && (how != soon || r.failed >= patient) {
		r.told = true
		text := fmt.Sprintf("I am not in the room %s: %s.", r.jid, why)
		if how == never {
			text += fmt.Sprintf(" I stay away now; `join %s` has me try again, `leave %s` has me forget it.", r.jid, r.jid)
		}
		rs.b.alert(r.jid, text, false)
	}
	rs.signal()
}

// clearedLocked ends what the owners have been told of the room. It does so too
// for what an earlier process has told.
func (rs *rooms) clearedLocked(r *room, text string) {
	r.told, r.voice = false, false
	rs.b.alert(r.jid, text, true)
}

// refusedLocked handles an error that says why we may not enter (XEP-0045 section
// 7.2).
func (rs *rooms) refusedLocked(r *room, e *xmltree.Element) {
	condition := conditionOf(e)
	wait := e.Child(nsClient, "error").Get("type") == "wait"
	switch {
	case condition == "conflict" && r.nicks < nicksMax:
		r.nicks++
		r.nick = r.wanted + "-" + strconv.Itoa(r.nicks+1)
		r.state, r.due = away, time.Now()
		rs.signal()
		return
	case condition == "conflict":
		r.nick, r.nicks = r.wanted, 0
		rs.lostLocked(r, slow, "somebody else there has every name that I would take")
	case condition == "forbidden":
		rs.lostLocked(r, never, "I am banned from it")
	case condition == "not-authorized":
		rs.lostLocked(r, never, "it wants a password, or another one than I have (xmpp.room_passwords)")
	case condition == "registration-required":
		rs.lostLocked(r, slow, "it is for members only; make me a member of it")
	case condition == "not-allowed":
		rs.lostLocked(r, slow, "there is no such room, and I may not make one")
	case condition == "not-acceptable", condition == "jid-malformed":
		rs.lostLocked(r, never, "it does not let me in under the name "+r.nick+" (xmpp.nick)")
	case condition == "gone":
		rs.lostLocked(r, never, "it is there no more")
	case condition == "item-not-found":
		rs.lostLocked(r, slow, "nobody may enter it yet; its owner has to set it up")
	case condition == "service-unavailable" && !wait:
		rs.lostLocked(r, slow, "it is full")
	default:
		rs.lostLocked(r, soon, "it refuses me for now ("+condition+")")
	}
}

// goneLocked handles the end of our stay (XEP-0045 sections 8.2, 9.1, 9.4, 10.9).
// Being kicked is no error, and we do not come back by ourselves: whoever kicks a
// bot wants it quiet.
func (rs *rooms) goneLocked(r *room, x *xmltree.Element, codes map[int]bool) {
	item := x.Child(nsMUCUser, "item")
	because := ""
	if actor := item.Child(nsMUCUser, "actor").Get("nick"); actor != "" {
		because = " by " + clip(clean(actor), 60)
	}
	reason := item.Child(nsMUCUser, "reason").Text()
	destroyed := x.Child(nsMUCUser, "destroy")
	if destroyed != nil {
		reason = destroyed.Child(nsMUCUser, "reason").Text()
	}
	if reason = oneLine(reason); reason != "" {
		because += " (\"" + reason + "\")"
	}
	switch {
	case destroyed != nil:
		why := "it was destroyed" + because
		if venue := bareOf(destroyed.Get("jid")); venue != "" {
			why += ", and its people were sent to " + venue
		}
		rs.lostLocked(r, never, why)
	case codes[301]:
		rs.lostLocked(r, never, "I was banned from it"+because)
	case codes[321], codes[322]:
		rs.lostLocked(r, never, "it is for members only now and I am none"+because)
	case codes[332]:
		rs.lostLocked(r, soon, "its server is being shut down")
	case codes[333]:
		rs.lostLocked(r, soon, "its server lost the connection to us")
	case codes[307]:
		rs.lostLocked(r, never, "I was kicked out"+because)
	default:
		rs.lostLocked(r, soon, "it put me out without saying why")
	}
}

// oneLine makes a reason of somebody else fit a sentence.
func oneLine(s string) string { return clip(spaces(clean(s)), 120) }
