// SPDX-License-Identifier: GPL-3.0-or-later

package bot

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"oswald/internal/xmppclient/xmltree"
)

const (
	nsEvent     = nsPubSub + "#event"
	nsBookmarks = "urn:xmpp:bookmarks:1"
	keptRooms   = "rooms"
)

// A keptRoom is what is remembered on disk of a room that is not in the
// configuration. The server's bookmarks (XEP-0402) are the same list: whoever
// signs in as the bot with a client of their own can change it there. A server
// without them leaves us with the disk.
type keptRoom struct {
	JID      string `json:"jid"`
	Nick     string `json:"nick,omitempty"`
	Password string `json:"password,omitempty"`
	Marked   bool   `json:"marked,omitempty"` // the bookmarks have had it
	Out      string `json:"out,omitempty"`    // why we stay away from it
}

// loadKept takes in the rooms that are remembered; mu is held.
func (rs *rooms) loadKept(ctx context.Context) error {
	text, err := rs.b.disk.get(ctx, keptRooms)
	if err != nil || text == "" {
		return err
	}
	var list []keptRoom
	if err := json.Unmarshal([]byte(text), &list); err != nil {
		rs.b.log.Error("the rooms that were remembered cannot be read", "err", err)
		return nil
	}
	for _, k := range list {
		if rs.by[k.JID] != nil || len(rs.by) >= roomsMax {
			continue
		}
		r := rs.addLocked(k.JID, k.Nick)
		r.kept, r.marked, r.pass, r.why = true, k.Marked, k.Password, k.Out
		if k.Out != "" {
			r.state, r.told = outside, true
		}
	}
	return nil
}

// saveLocked remembers the rooms.
func (rs *rooms) saveLocked() {
	list := []keptRoom{}
	for _, r := range rs.list() {
		if !r.kept || r.fresh {
			continue
		}
		k := keptRoom{JID: r.jid, Password: r.pass, Marked: r.marked}
		if r.wanted != rs.b.cfg.Nick {
			k.Nick = r.wanted
		}
		if r.state == outside {
			k.Out = r.why
		}
		list = append(list, k)
	}
	text, err := json.Marshal(list)
	if err != nil {
		rs.b.log.Error("the rooms cannot be remembered", "err", err)
		return
	}
	rs.b.disk.set(keptRooms, string(text))
}

// wantLocked has us in the room from now on, by command, invitation or bookmark.
// It returns nil if there are too many already.
func (rs *rooms) wantLocked(bare, nick, password string) *room {
	r := rs.by[bare]
	if r == nil {
		if len(rs.by) >= roomsMax {
			return nil
		}
		r = rs.addLocked(bare, nick)
		r.kept, r.fresh = true, true
	}
	if password != "" {
		r.pass = password
	}
	if r.state == outside || r.state == away {
		r.state, r.why, r.nick, r.nicks, r.failed, r.due, r.back = away, "", r.wanted, 0, 0, time.Now(), rs.retry
	}
	rs.signal()
	return r
}

// forgetLocked leaves the room and crosses it off.
func (rs *rooms) forgetLocked(r *room) {
	rs.exitLocked(r)
	delete(rs.by, r.jid)
	for _, m := range r.said {
		rs.forgetSaid(m.n)
	}
	rs.clearedLocked(r, "I have left the room "+r.jid+".")
	rs.saveLocked()
}

// syncMarks makes one list of the bookmarks and of what we remember: what the
// bookmarks have had and have no more was crossed off there.
func (rs *rooms) syncMarks(ctx context.Context, s *session) {
	res, err := s.ask(ctx, "get", xmltree.New(nsPubSub, "pubsub").Add(xmltree.New(nsPubSub, "items", "node", nsBookmarks)))
	var refused *iqError
	switch {
	case errors.As(err, &refused) && refused.condition == "item-not-found": // none yet
	case err != nil:
		if ctx.Err() == nil {
			rs.b.log.Info("no bookmarks", "err", err)
		}
		return
	}
	rs.mu.Lock()
	defer rs.mu.Unlock()
	if ctx.Err() != nil {
		return
	}
	rs.marks = true
	there := make(map[string]bool)
	for _, item := range res.Child(nsPubSub, "pubsub").Child(nsPubSub, "items").Children() {
		if bare, auto := rs.markLocked(item); auto {
			there[bare] = true
		}
	}
	for _, r := range rs.list() {
		switch {
		case !r.kept || there[r.jid]:
		case r.marked && r.state != outside:
			rs.forgetLocked(r)
		case r.state == inside:
			rs.publishLocked(r)
		}
	}
}

// markLocked takes in one bookmark. It reports whether we are to be in that room.
func (rs *rooms) markLocked(item *xmltree.Element) (bare string, auto bool) {
	bare = bareOf(item.Get("id"))
	c := item.Child(nsBookmarks, "conference")
	if bare == "" || c == nil {
		return "", false
	}
	r := rs.by[bare]
	if on := c.Get("autojoin"); on != "true" && on != "1" {
		if r != nil && r.kept && r.marked {
			rs.forgetLocked(r)
		}
		return bare, false
	}
	if r == nil {
		if r = rs.wantLocked(bare, c.Child(nsBookmarks, "nick").Text(), c.Child(nsBookmarks, "password").Text()); r == nil {
			return bare, false
		}
		r.fresh = false // somebody wants us there, so that what goes wrong is told
	}
	if r.kept && !r.marked {
		r.marked = true
		rs.saveLocked()
	}
	return bare, true
}

// marksChanged takes in what our own account's bookmarks say unasked (XEP-0163),
// and reports whether e is such news.
func (s *session) marksChanged(e *xmltree.Element) bool {
	items := e.Child(nsEvent, "event").Child(nsEvent, "items")
	if items.Get("node") != nsBookmarks || !s.ours(e.Get("from")) {
		return false
	}
	rs := s.b.rooms
	rs.mu.Lock()
	defer rs.mu.Unlock()
	for _, c := range items.Children() {
		switch {
		case c.Is(nsEvent, "item"):
			rs.markLocked(c)
		case c.Is(nsEvent, "retract"):
			if r := rs.by[bareOf(c.Get("id"))]; r != nil && r.kept && r.marked {
				rs.forgetLocked(r)
			}
		}
	}
	return true
}

// publishLocked puts the room among the bookmarks, where only we may read it.
func (rs *rooms) publishLocked(r *room) {
	s := rs.live
	if s == nil || !rs.marks || r.marked {
		return
	}
	c := xmltree.New(nsBookmarks, "conference", "autojoin", "true")
	if r.wanted != "" {
		c.Add(xmltree.New(nsBookmarks, "nick").AddText(r.wanted))
	}
	if r.pass != "" {
		c.Add(xmltree.New(nsBookmarks, "password").AddText(r.pass))
	}
	item := xmltree.New(nsPubSub, "item", "id", r.jid).Add(c)
	rs.asideLocked(func(ctx context.Context) {
		err := s.publishMark(ctx, item)
		rs.mu.Lock()
		defer rs.mu.Unlock()
		if err != nil {
			rs.b.log.Warn("the room could not be put among the bookmarks", "room", r.jid, "err", err)
		} else if rs.by[r.jid] == r {
			r.marked = true
			rs.saveLocked()
		}
	})
}

// publishMark publishes one bookmark. A node that was made otherwise is set right
// first (XEP-0402 section 3.3).
func (s *session) publishMark(ctx context.Context, item *xmltree.Element) error {
	options := []string{
		"pubsub#persist_items", "true", "pubsub#max_items", "max",
		"pubsub#send_last_published_item", "never", "pubsub#access_model", "whitelist",
	}
	publish := func() error {
		_, err := s.ask(ctx, "set", xmltree.New(nsPubSub, "pubsub").Add(
			xmltree.New(nsPubSub, "publish", "node", nsBookmarks).Add(item.Copy()),
			xmltree.New(nsPubSub, "publish-options").Add(submit(nsPubSub+"#publish-options", options...))))
		return err
	}
	err := publish()
	var refused *iqError
	if errors.As(err, &refused) && (refused.condition == "conflict" || refused.condition == "precondition-not-met") {
		const owner = nsPubSub + "#owner"
		_, err = s.ask(ctx, "set", xmltree.New(owner, "pubsub").Add(
			xmltree.New(owner, "configure", "node", nsBookmarks).Add(submit(nsPubSub+"#node_config", options...))))
		if err == nil {
			err = publish()
		}
	}
	return err
}

// unmarkLocked takes the room off the bookmarks.
func (rs *rooms) unmarkLocked(r *room) {
	s := rs.live
	if s == nil || !rs.marks || !r.kept {
		return
	}
	retract := xmltree.New(nsPubSub, "retract", "node", nsBookmarks, "notify", "true").Add(xmltree.New(nsPubSub, "item", "id", r.jid))
	rs.asideLocked(func(ctx context.Context) {
		_, err := s.ask(ctx, "set", xmltree.New(nsPubSub, "pubsub").Add(retract))
		var refused *iqError
		if err != nil && !(errors.As(err, &refused) && refused.condition == "item-not-found") {
			rs.b.log.Warn("the room could not be taken off the bookmarks", "err", err)
		}
	})
}

// submit is a form that is filled in (XEP-0004), of pairs of name and value.
func submit(kind string, pairs ...string) *xmltree.Element {
	x := xmltree.New(nsForms, "x", "type", "submit").Add(
		xmltree.New(nsForms, "field", "var", "FORM_TYPE", "type", "hidden").Add(xmltree.New(nsForms, "value").AddText(kind)))
	for i := 0; i+1 < len(pairs); i += 2 {
		x.Add(xmltree.New(nsForms, "field", "var", pairs[i]).Add(xmltree.New(nsForms, "value").AddText(pairs[i+1])))
	}
	return x
}
