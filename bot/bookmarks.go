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
	Gone     bool   `json:"gone,omitempty"`   // left, but still among the bookmarks
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
		if k.Gone {
			rs.gone[k.JID] = true
			continue
		}
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
	for bare := range rs.gone {
		list = append(list, keptRoom{JID: bare, Gone: true})
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
	delete(rs.gone, bare)
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
	rs.mu.Lock()
	noted := rs.noted
	rs.mu.Unlock()
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
		bare, auto := rs.markLocked(item)
		there[bare] = auto
	}
	for bare := range rs.gone {
		if _, still := there[bare]; !still {
			delete(rs.gone, bare)
		}
	}
	for _, r := range rs.list() {
		switch {
		case !r.kept || there[r.jid]:
		case r.marked && r.state != outside && noted == rs.noted: // else it may just have come
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
	if rs.gone[bare] {
		rs.asideLocked(func(ctx context.Context) { rs.unmark(ctx, bare) })
		return bare, false
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
		rs.noted++
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
			rs.noted++
			rs.saveLocked()
		}
	})
}

// publishMark publishes one bookmark where only we may read it. A node that was made
// otherwise is set right first (XEP-0402 section 3.3); so is one of a server that
// cannot be told at once how many bookmarks there may be, which is ejabberd's.
func (s *session) publishMark(ctx context.Context, item *xmltree.Element) error {
	closed := []string{"pubsub#persist_items", "true", "pubsub#access_model", "whitelist"}
	publish := func(options ...string) error {
		_, err := s.ask(ctx, "set", xmltree.New(nsPubSub, "pubsub").Add(
			xmltree.New(nsPubSub, "publish", "node", nsBookmarks).Add(item.Copy()),
			xmltree.New(nsPubSub, "publish-options").Add(submit(nsPubSub+"#publish-options", append(closed, options...)...))))
		return err
	}
	err := publish("pubsub#max_items", "max", "pubsub#send_last_published_item", "never")
	var refused *iqError
	if !errors.As(err, &refused) {
		return err
	}
	s.b.log.Info("bookmarks", "condition", refused.condition)
	if err := publish(); err != nil && !errors.As(err, &refused) {
		return err
	}
	for _, most := range []string{"max", "255"} {
		const owner = nsPubSub + "#owner"
		form := submit(nsPubSub+"#node_config", append(closed, "pubsub#max_items", most, "pubsub#notify_retract", "true", "pubsub#send_last_published_item", "never")...)
		_, err = s.ask(ctx, "set", xmltree.New(owner, "pubsub").Add(xmltree.New(owner, "configure", "node", nsBookmarks).Add(form)))
		if !errors.As(err, &refused) {
			break
		}
	}
	if err != nil {
		return err
	}
	return publish()
}

// unmark takes a room that we have left off the bookmarks. Where that does not work
// now it is done when the bookmarks are looked at next.
func (rs *rooms) unmark(ctx context.Context, bare string) {
	rs.mu.Lock()
	s := rs.live
	rs.mu.Unlock()
	if s == nil {
		return
	}
	_, err := s.ask(ctx, "set", xmltree.New(nsPubSub, "pubsub").Add(
		xmltree.New(nsPubSub, "retract", "node", nsBookmarks, "notify", "true").Add(xmltree.New(nsPubSub, "item", "id", bare))))
	var refused *iqError
	if err != nil && !errors.As(err, &refused) {
		rs.b.log.Warn("a room could not be taken off the bookmarks", "room", bare, "err", err)
		return
	}
	rs.mu.Lock()
	defer rs.mu.Unlock()
	if rs.gone[bare] {
		delete(rs.gone, bare)
		rs.saveLocked()
	}
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
