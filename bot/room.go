// SPDX-License-Identifier: GPL-3.0-or-later

package bot

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"oswald/internal/backoff"
	"oswald/internal/secret"
)

const (
	nsMUC     = "http://jabber.org/protocol/muc"
	nsMUCUser = nsMUC + "#user"

	roomsMax  = 50   // rooms at a time
	peopleMax = 2000 // occupants of a room that are known; nobody beyond them is believed
	nicksMax  = 5    // nicknames that are tried in a room

	enterTime = 30 * time.Second // for a room to let us in
	roomMin   = 2 * time.Second  // between tries to enter a room
	roomMax   = 10 * time.Minute
	patient   = 3 // failures that pass by themselves before anybody is told
)

// rooms are the multi-user chats (XEP-0045) that the bot is in, or wants to be.
// The reader, the commands and, while there is a session, its goroutine for rooms
// come in here; mu guards all, and nothing is waited for under it.
type rooms struct {
	b     *Bot
	wake  chan struct{} // of one: something may be due
	retry backoff.Backoff

	mu    sync.Mutex
	live  *session // nil while there is none to enter rooms with
	by    map[string]*room
	asked map[string]time.Time // who was told what lately; see once
	marks bool                 // the server keeps our bookmarks
	noted int                  // how often we have put something among them
	look  time.Time            // when to look at them next
	gone  map[string]bool      // rooms that we have left and that are still among them
	todo  []func(ctx context.Context)
	saidN int64 // the last said.n
}

type roomState int

const (
	away    roomState = iota // to be entered when it is due
	enter                    // on the way in; given up when it is due
	inside                   // looked after when it is due
	outside                  // and not to be entered by itself
)

// A room is one of them.
type room struct {
	jid      string // bare
	nick     string // ours in there, or the one that is tried
	wanted   string // the one that we would like
	password func() (secret.Secret, error)

	listed bool   // in the configuration
	kept   bool   // by command, invitation or bookmark: remembered on disk
	marked bool   // the server's bookmarks have it
	pass   string // of one that is kept

	state  roomState
	due    time.Time
	busy   bool // a question about it is under way
	fresh  bool // by command or invitation, and not entered yet
	nicks  int  // how many nicknames were taken
	failed int  // in a row
	missed int  // pings in a row
	back   backoff.Backoff
	why    string // why we are not inside, in plain words
	told   bool   // the owners have been told that
	heard  time.Time

	ids     bool                // it gives its occupants ids (XEP-0421)
	changed bool                // it may not do so any more
	people  map[string]occupant // by nickname
	mod     bool                // we are a moderator

	said  []said // not reflected yet, oldest first
	again bool   // to be said again when it is due
	wait  []chan error
	tell  string // a bare JID that is to be told how entering went
	voice bool   // the owners have been told that we may not speak
}

// An occupant is who is behind a nickname.
type occupant struct {
	real string // bare JID; "" if the room does not show it
	id   string // by XEP-0421; "" if the room gives none
}

func newRooms(b *Bot) *rooms {
	return &rooms{
		b: b, wake: make(chan struct{}, 1), by: make(map[string]*room), asked: make(map[string]time.Time),
		gone:  make(map[string]bool),
		retry: backoff.Backoff{Min: roomMin, Max: roomMax},
	}
}

// load takes in the rooms of the configuration and those kept on disk.
func (rs *rooms) load(ctx context.Context) error {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	cfg := rs.b.cfg
	for _, s := range cfg.Rooms {
		bare, nick, err := parseRoom(s)
		if err != nil {
			return err
		}
		r := rs.addLocked(bare, nick)
		r.listed = true
		for name, file := range cfg.RoomPasswords {
			if roomKey(name) == bare {
				r.password = func() (secret.Secret, error) { return secret.Read(file) }
			}
		}
	}
	if err := rs.loadKept(ctx); err != nil {
		return err
	}
	return rs.loadSaid(ctx)
}

// addLocked returns the room, which is new if it was not there.
func (rs *rooms) addLocked(bare, nick string) *room {
	if r := rs.by[bare]; r != nil {
		return r
	}
	if nick == "" {
		nick = rs.b.cfg.Nick
	}
	r := &room{jid: bare, nick: nick, wanted: nick, back: rs.retry}
	rs.by[bare] = r
	return r
}

// asideLocked has f run beside what goes on in this session.
func (rs *rooms) asideLocked(f func(ctx context.Context)) {
	rs.todo = append(rs.todo, f)
	rs.signal()
}

func (rs *rooms) signal() {
	select {
	case rs.wake <- struct{}{}:
	default:
	}
}

// list returns the rooms in the order of their addresses.
func (rs *rooms) list() []*room {
	list := make([]*room, 0, len(rs.by))
	for _, r := range rs.by {
		list = append(list, r)
	}
	slices.SortFunc(list, func(a, b *room) int { return strings.Compare(a.jid, b.jid) })
	return list
}

// run looks after the rooms of a session until ctx ends. In a session that was
// resumed we are still where we were, unless somebody has put us out meanwhile,
// which the next ping shows.
func (rs *rooms) run(ctx context.Context, s *session) {
	select {
	case <-s.visible:
	case <-ctx.Done():
		return
	}
	rs.mu.Lock()
	now := time.Now()
	rs.live, rs.todo, rs.look = s, nil, now
	for _, r := range rs.by {
		switch {
		case r.state == outside:
		case s.again && r.state == inside:
			r.due, r.heard = now, time.Time{}
		case r.state != away || !s.again:
			r.state, r.due, r.failed, r.back = away, now, 0, rs.retry
		}
		r.busy = false
	}
	rs.mu.Unlock()
	var wg sync.WaitGroup
	defer wg.Wait()
	defer func() {
		rs.mu.Lock()
		rs.live = nil
		rs.mu.Unlock()
	}()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		jobs, next := rs.step(ctx, s, time.Now())
		for _, job := range jobs {
			wg.Go(job)
		}
		timer.Reset(next)
		select {
		case <-ctx.Done():
			return
		case <-rs.wake:
		case <-timer.C:
		}
	}
}

// step does what is due, returns the questions to ask, and says when there may be
// more.
func (rs *rooms) step(ctx context.Context, s *session, now time.Time) (jobs []func(), next time.Duration) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	next = time.Minute
	for _, f := range rs.todo {
		jobs = append(jobs, func() { f(ctx) })
	}
	rs.todo = nil
	if !rs.look.After(now) { // not every server tells of what is taken off
		rs.look = now.Add(rs.b.cfg.RoomPing)
		jobs = append(jobs, func() { rs.syncMarks(ctx, s) })
	}
	next = min(next, rs.look.Sub(now))
	for _, r := range rs.list() {
		if r.state == outside || r.busy {
			continue
		}
		if r.state == inside && !r.heard.IsZero() {
			if quiet := r.heard.Add(rs.b.cfg.RoomPing); quiet.After(r.due) {
				r.due = quiet // whoever hears the room need not ask
			}
		}
		if d := r.due.Sub(now); d > 0 {
			next = min(next, d)
			continue
		}
		switch r.state {
		case away:
			r.busy = true
			jobs = append(jobs, func() { rs.enter(ctx, s, r) })
		case enter:
			rs.lostLocked(r, soon, "it does not answer")
			next = 0
		case inside:
			if r.again {
				r.again = false
				rs.resendLocked(r)
			}
			r.busy = true
			jobs = append(jobs, func() { rs.pingRoom(ctx, s, r) })
		}
	}
	return jobs, max(next, time.Millisecond)
}

// once reports whether what was not done within the last d, and notes that it is
// done now; mu is held. It forgets old ones by itself.
func (rs *rooms) once(what string, d time.Duration) bool {
	now := time.Now()
	if until, ok := rs.asked[what]; ok && now.Before(until) {
		return false
	}
	for k, until := range rs.asked {
		if now.After(until) {
			delete(rs.asked, k)
		}
	}
	if len(rs.asked) >= peopleMax {
		return false
	}
	rs.asked[what] = now.Add(d)
	return true
}

// believed reports whether the word of a room's server about who is who counts:
// that of our own domain does, and of those that the configuration names. Any
// other server could make anybody an owner.
func (rs *rooms) believed(room string) bool {
	_, domain, _ := strings.Cut(room, "@")
	own := rs.b.own.Domainpart()
	return domain == own || strings.HasSuffix(domain, "."+own) || slices.ContainsFunc(rs.b.cfg.RoomServers, func(s string) bool {
		return strings.EqualFold(s, domain)
	})
}

// stateOf words how it is with the room.
func (rs *rooms) stateOf(r *room) string {
	switch {
	case r.state == inside:
		n := len(r.people) - 1
		s := fmt.Sprintf("in it as %s, with %d others", r.nick, max(n, 0))
		if n == 1 {
			s = fmt.Sprintf("in it as %s, with one other", r.nick)
		}
		if !rs.seesLocked(r) {
			s += "; I cannot see who is who and take no commands there"
		}
		return s
	case r.why != "":
		return "not in it: " + r.why
	case rs.live == nil:
		return "not connected"
	}
	return "entering"
}

// seesLocked reports whether the room shows who its occupants are, and is
// believed. (What it says of ourselves proves nothing: that we may always see.)
func (rs *rooms) seesLocked(r *room) bool {
	for nick, o := range r.people {
		if o.real == "" && nick != r.nick {
			return false
		}
	}
	return rs.believed(r.jid)
}
