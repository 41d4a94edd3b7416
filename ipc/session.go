// SPDX-License-Identifier: GPL-3.0-or-later

package ipc

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"oswald"
	"oswald/internal/backoff"
)

const (
	refresh  = 2 * time.Second // a register is rewritten at least so often
	maxQueue = 10_000          // open commands for one peer
	pruning  = time.Hour
	crowd    = 8 // commands under way from which on commits are worth gathering for
)

// A session is what a process knows: one goroutine owns all of it. Nothing in it
// is published or told before the batch of its round is committed; when a commit
// fails the whole session is thrown away and a new one reads the file.
type session struct {
	n        *Node
	saved    *saved
	file     *file
	peers    []*peer
	keys     []string
	tickets  map[string]*ticket // the open ones
	watchers map[string][]*submission

	b         *batch
	pending   []*submission // accepted once the batch is committed
	stopping  []*cancellation
	grants    int64         // committed in this session
	granted   bool          // in this round
	running   int           // jobs that may run again, and have started
	once      int           // jobs that may not
	slots     chan struct{} // handlers of the former
	order     int64
	nextPrune time.Time

	lastChange time.Time
	busErr     error
	busRetry   backoff.Backoff

	ctx context.Context // of the handlers
	wg  sync.WaitGroup
}

// session serves until ctx ends or the file fails.
func (n *Node) session(ctx context.Context, watchers map[string][]*submission) error {
	n.inbox.reset()
	sv, err := begin(ctx, n.db, n.now())
	if err != nil {
		return err
	}
	s := &session{
		n: n, saved: sv, file: newFile(n.db), slots: make(chan struct{}, n.cfg.Handlers), tickets: map[string]*ticket{}, watchers: watchers,
		lastChange: time.Now(), nextPrune: time.Now(),
		busRetry: backoff.Backoff{Min: 10 * time.Millisecond, Max: time.Second},
	}
	defer s.file.close()
	s.load()
	var cancel context.CancelFunc
	s.ctx, cancel = context.WithCancel(ctx)
	defer s.wg.Wait() // deferred first, so runs last
	defer cancel()
	n.board.trouble("")
	for ctx.Err() == nil {
		wait, changed, err := s.round()
		if err != nil {
			s.fail()
			return err
		}
		s.sleep(ctx, wait, changed)
	}
	cancel()
	s.wg.Wait()
	return s.last()
}

// load makes peers of the links and gives them what the file has.
func (s *session) load() {
	byName := map[string]*peer{}
	for _, l := range s.n.links {
		p := &peer{
			link: l, putKey: registerKey(l.name, s.n.name), getKey: registerKey(s.n.name, l.name),
			jobs: map[string]*job{}, ended: map[string]*ticket{}, lives: map[string]*life{}, dirty: true, echo: s.saved.echoes[l.name],
		}
		s.peers = append(s.peers, p)
		s.keys = append(s.keys, p.getKey)
		byName[l.name] = p
		for _, j := range s.saved.jobs[l.name] {
			s.order++
			j.order = s.order
			p.jobs[j.ID] = j
		}
	}
	for _, t := range s.saved.open {
		if p := byName[t.Peer]; p != nil {
			s.tickets[t.ID] = t
			p.open = append(p.open, t)
		}
	}
}

// fail tells those whose commands did not reach the disk.
func (s *session) fail() {
	for _, sub := range s.pending {
		s.unwatch(sub)
		sub.accepted <- oswald.Errorf(oswald.Unavailable, "The command could not be put on disk: is it full?")
	}
	for _, c := range s.stopping {
		c.kept <- oswald.Errorf(oswald.Unavailable, "The cancellation could not be put on disk: is it full?")
	}
}

// round is one look at everything; it returns how long to wait for the next.
func (s *session) round() (time.Duration, <-chan struct{}, error) {
	s.b, s.pending, s.stopping, s.granted = new(batch), nil, nil, false
	var changed <-chan struct{}
	w, waits := s.n.bus.(Waiter)
	if waits {
		changed = w.Changed() // before Get, or a change in between is missed
	}
	if err := errors.Join(s.collect(), s.accept(), s.cancel(s.n.now().UnixMilli())); err != nil {
		return 0, nil, err
	}
	vals, busErr := s.n.bus.Get(s.keys)
	now := s.n.now().UnixMilli()
	for _, p := range s.peers {
		s.expire(p, now)
		if busErr == nil {
			if err := s.read(p, vals[p.getKey], now); err != nil {
				return 0, nil, err
			}
		}
		if err := s.serve(p, now); err != nil {
			return 0, nil, err
		}
	}
	if s.granted {
		s.b.add(`UPDATE ipc_boot SET grants=? WHERE nonce=?`, s.grants, s.saved.bn)
	}
	if time.Now().After(s.nextPrune) {
		s.nextPrune = time.Now().Add(pruning)
		s.b.prune(s.n.now(), s.n.cfg.Keep)
	}
	if len(s.b.ops) > 0 {
		s.lastChange = time.Now()
	}
	if err := s.b.commit(s.ctx, s.file); err != nil {
		return 0, nil, err
	}
	s.busState(errors.Join(busErr, s.publish()))
	return s.pause(waits), changed, nil
}

// last saves what handlers brought home after ctx had ended.
func (s *session) last() error {
	s.b, s.pending = new(batch), nil
	if err := s.collect(); err != nil {
		return err
	}
	if err := s.b.commit(s.ctx, s.file); err != nil {
		return err
	}
	return s.publish()
}

// busState notes whether the bus answers.
func (s *session) busState(err error) {
	switch {
	case err != nil && s.busErr == nil:
		s.n.log.Warn("the bus does not answer", "err", err)
		s.n.board.trouble(busTrouble(err))
	case err == nil && s.busErr != nil:
		s.n.log.Info("the bus answers again")
		s.n.board.trouble("")
		s.busRetry.Reset()
	}
	s.busErr = err
}

// busTrouble words a failure of the bus for people.
func busTrouble(err error) string {
	switch text := err.Error(); {
	case strings.Contains(text, "out of memory"): // a Memcached with -M
		return "the Memcached server has no room left: give it more memory (-m), or start it without -M"
	case strings.Contains(text, errLogin.Error()):
		return "the Memcached server refuses the user name or password in bus.address"
	case strings.Contains(text, "x509:"):
		return "the Memcached server's certificate is not believed: name who signed it in bus.address (?ca=FILE)"
	}
	return "the message bus does not answer"
}

// pause is how long nothing needs to be done if nothing happens.
func (s *session) pause(waits bool) time.Duration {
	if s.busErr != nil {
		return s.busRetry.Next()
	}
	quiet := time.Since(s.lastChange)
	d := min(max(quiet/8, s.n.cfg.Active), s.n.cfg.Idle)
	if waits {
		d = refresh
	}
	now := s.n.now().UnixMilli()
	for _, p := range s.peers {
		d = min(d, refresh-time.Since(p.lastPut))
		if p.noteHeld {
			d = min(d, noteEvery)
		}
		if waits && p.deadline > 0 {
			d = min(d, time.Duration(p.deadline-now)*time.Millisecond)
		}
	}
	return max(d, s.n.cfg.Active)
}

func (s *session) sleep(ctx context.Context, d time.Duration, changed <-chan struct{}) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-s.n.kick:
	case <-changed:
	case <-t.C:
	}
	if s.crowded() { // what comes in meanwhile shares a commit
		t.Reset(s.n.cfg.Active)
		select {
		case <-ctx.Done():
		case <-t.C:
		}
	}
}

// crowded reports whether so much is going on that nobody waits for one command.
func (s *session) crowded() bool {
	n := s.running
	for _, p := range s.peers {
		n += len(p.open)
	}
	return n > crowd
}

// accept takes new commands into the batch.
func (s *session) accept() error {
	for range cap(s.n.submits) {
		select {
		case sub := <-s.n.submits:
			if err := s.acceptOne(sub); err != nil {
				sub.accepted <- oswald.Errorf(oswald.Unavailable, "The command could not be put on disk: try again.")
				return err
			}
		default:
			return nil
		}
	}
	s.n.wake() // there may be more
	return nil
}

func (s *session) acceptOne(sub *submission) error {
	t := s.tickets[sub.t.ID]
	if t == nil {
		old, err := s.file.ticket(s.ctx, sub.t.ID)
		if err != nil {
			return err
		}
		if old != nil { // it has ended
			sub.accepted <- nil
			sub.end <- *old
			return nil
		}
		p := s.peer(sub.t.Peer)
		if len(p.open) >= maxQueue {
			sub.accepted <- oswald.Errorf(oswald.Unavailable, "%d commands for %s are waiting already: try again when it answers.", len(p.open), p.name)
			return nil
		}
		t = &sub.t
		t.pos = s.saved.nextPos
		s.saved.nextPos++
		s.tickets[t.ID] = t
		p.open = append(p.open, t)
		p.due(t)
		p.dirty = true
		s.b.insertTicket(t)
	}
	s.watch(sub, t.ID)
	s.pending = append(s.pending, sub)
	s.b.after(func() { sub.accepted <- nil })
	return nil
}

func (s *session) peer(name string) *peer {
	for _, p := range s.peers {
		if p.name == name {
			return p
		}
	}
	return nil // not reached: submit has checked
}

// watch tells sub of the end of id. Those that wait no longer are forgotten.
func (s *session) watch(sub *submission, id string) {
	if sub.waits == nil {
		return
	}
	list := slices.DeleteFunc(s.watchers[id], func(o *submission) bool { return o.waits.Err() != nil })
	s.watchers[id] = append(list, sub)
}

func (s *session) unwatch(sub *submission) {
	id := sub.t.ID
	s.watchers[id] = slices.DeleteFunc(s.watchers[id], func(o *submission) bool { return o == sub })
	if len(s.watchers[id]) == 0 {
		delete(s.watchers, id)
	}
}

// tell lets the waiting know that t has ended.
func (s *session) tell(t ticket) {
	for _, sub := range s.watchers[t.ID] {
		sub.end <- t // cap 1, and only once: the watcher goes now
	}
	delete(s.watchers, t.ID)
}

// tellProgress hands text to the waiting; a newer one replaces an older.
func (s *session) tellProgress(id, text string) {
	for _, sub := range s.watchers[id] {
		select {
		case <-sub.progress:
		default:
		}
		sub.progress <- text // this goroutine alone sends, so there is room
	}
}
