// SPDX-License-Identifier: GPL-3.0-or-later

package ipc

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"oswald"
)

// peer is the session's view of one peer.
type peer struct {
	*link
	putKey, getKey string

	// What it last said.
	last   []byte // the value, to skip what is known
	msg    message
	seen   bool
	seenAt time.Time
	met    bool // it has heard this very process of ours
	fault  error
	warned time.Time
	lives  map[string]*life // by instance
	twins  int              // registers of a second process under its name
	twinAt time.Time

	// As a sender.
	open     []*ticket          // in order of submission
	ended    map[string]*ticket // tickets of its items that have ended; nil: none of ours
	fin      []string
	deadline int64 // the earliest of offered tickets; 0: none
	echoed   echo  // last checked

	// As a worker.
	jobs     map[string]*job
	offers   map[string]bool // ids of msg.offers
	echo     *echo           // its grants at the last start
	noteHeld bool            // progress that waits for noteEvery
	noteAt   time.Time

	seq     int64
	lastPut time.Time
	dirty   bool
	host    oswald.Host
}

// due remembers when t expires.
func (p *peer) due(t *ticket) {
	if t.State == offered && (p.deadline == 0 || t.Deadline < p.deadline) {
		p.deadline = max(t.Deadline, 1)
	}
}

// expire ends the tickets that nobody claimed in time.
func (s *session) expire(p *peer, now int64) {
	if p.deadline == 0 || now < p.deadline {
		return
	}
	for _, t := range p.open {
		if nt, changed := s.n.machine.expire(*t, now); changed {
			*t = nt
			s.changed(p, t, now)
		}
	}
	s.tidy(p)
}

// tidy forgets tickets that have ended and finds the next deadline.
func (s *session) tidy(p *peer) {
	p.deadline = 0
	p.open = slices.DeleteFunc(p.open, func(t *ticket) bool { return t.State.ended() })
	for _, t := range p.open {
		if !t.unsure {
			p.due(t)
		}
	}
}

// changed puts a changed ticket into the batch.
func (s *session) changed(p *peer, t *ticket, now int64) {
	s.b.updateTicket(t, now)
	p.dirty = true
	if t.State == granted {
		s.grants++
		s.granted = true
	}
	if t.State.ended() {
		delete(s.tickets, t.ID)
		end := *t
		s.b.after(func() { s.tell(end) })
	}
}

// read takes in a new value of the peer's register.
func (s *session) read(p *peer, v []byte, now int64) error {
	if v == nil || bytes.Equal(v, p.last) {
		return nil
	}
	p.last = v
	body, by, err := s.open(p, v)
	var m message
	if err == nil {
		m, err = decode(body)
	}
	if err != nil {
		s.unreadable(p, err)
		return nil
	}
	if !p.newer(m) {
		return nil
	}
	s.used(p, by)
	if p.msg.BN != m.BN {
		p.dirty = true // it waits to hear that we heard it
		s.lastChange = time.Now()
		p.renew(m)
	}
	if !sameParts(p.msg.O, m.O) || !sameParts(p.msg.It, m.It) || !slices.Equal(p.msg.F, m.F) {
		s.lastChange = time.Now()
	}
	p.msg, p.fault, p.seen, p.seenAt = m, nil, true, time.Now()
	p.offers = make(map[string]bool, len(m.offers))
	for _, o := range m.offers {
		p.offers[o.ID] = true
	}
	for id, j := range p.jobs {
		if drop(*j) && !p.offers[id] {
			delete(p.jobs, id)
		}
	}
	if p.met = m.SB == s.saved.bn; !p.met {
		return nil // written before we came up, or replayed: it says nothing of our tickets
	}
	if err := s.checkEcho(p, now); err != nil {
		return err
	}
	return s.hear(p, now)
}

func sameParts(a, b []json.RawMessage) bool {
	return slices.EqualFunc(a, b, func(x, y json.RawMessage) bool { return bytes.Equal(x, y) })
}

// A life is one process of a peer, as far as it has been heard.
type life struct {
	boot, seq int64
	bn        string
	at        time.Time
	next      string // a process with a lower boot counter that has spoken since
	nextSeq   int64
}

// fading is how long a process must have been silent before another one of the
// same file with a lower boot counter is believed: three heartbeats.
const fading = 3 * refresh

const maxLives = 8

// newer reports whether m was written after what we know of its writer. This is
// for order only: safety holds without it. Each file of the peer counts by
// itself, or a second worker that went away would leave the first unheard.
func (p *peer) newer(m message) bool {
	l := p.lives[m.Inst]
	switch {
	case l == nil:
		if len(p.lives) >= maxLives {
			for inst, o := range p.lives {
				if p.lives[inst].bn != p.msg.BN && time.Since(o.at) > fading {
					delete(p.lives, inst)
				}
			}
			if len(p.lives) >= maxLives {
				return false
			}
		}
		l = new(life)
		p.lives[m.Inst] = l
	case m.BN == l.bn:
		if m.Seq <= l.seq {
			return false
		}
		if p.msg.BN != m.BN { // it and another take turns
			p.twins++
			p.twinAt = time.Now()
		}
	case m.Boot <= l.boot:
		// From the past, or a copy of the file, or the file itself come back
		// from a backup with the clock behind: believed if it goes on speaking
		// and the other does not.
		if l.next != m.BN {
			l.next, l.nextSeq = m.BN, m.Seq
			return false
		}
		if m.Seq <= l.nextSeq {
			return false
		}
		if l.nextSeq = m.Seq; time.Since(l.at) < fading {
			p.twins++
			p.twinAt = time.Now()
			return false
		}
	}
	*l = life{boot: m.Boot, seq: m.Seq, bn: m.BN, at: time.Now(), next: l.next, nextSeq: l.nextSeq}
	if time.Since(p.twinAt) > silence {
		p.twins = 0
	}
	return true
}

// renew voids the claims that a new process of the peer does not grant.
func (p *peer) renew(m message) {
	grants := make(map[string]string, len(m.offers))
	for _, o := range m.offers {
		grants[o.ID] = o.G
	}
	for id, j := range p.jobs {
		if renew(*j, grants[id]) {
			delete(p.jobs, id)
		}
	}
}

// unreadable notes a register that is not for us, and says so once a minute.
func (s *session) unreadable(p *peer, err error) {
	p.fault = err
	if !errors.Is(err, errMAC) && !errors.Is(err, errVersion) {
		p.dirty = true // the peer is told
	}
	if time.Since(p.warned) > time.Minute {
		p.warned = time.Now()
		s.n.log.Warn("a register is dropped", "peer", p.name, "err", err)
	}
}

// checkEcho compares the grants that the worker has seen with our books. When it
// has seen more, our file came from a backup: which of the open commands ran is
// not in it.
func (s *session) checkEcho(p *peer, now int64) error {
	e := p.msg.HB
	if e != nil && *e != p.echoed {
		known, ok := s.grants, true
		if e.BN != s.saved.bn {
			var err error
			if known, ok, err = s.file.grants(s.ctx, e.BN); err != nil {
				return err
			}
		}
		if s.n.machine.restored(e, known, ok) {
			s.n.log.Error("the database is older than what the peer has seen of it: it was restored from a backup; open commands end as unknown", "peer", p.name)
			for _, t := range p.open {
				if !t.State.ended() {
					t.State = doubt
					s.changed(p, t, now)
				}
			}
			s.b.add(`INSERT INTO ipc_boot VALUES(?,?) ON CONFLICT(nonce) DO UPDATE SET grants=max(grants,excluded.grants)`, e.BN, e.GN)
		}
		p.echoed = *e
	}
	for _, t := range p.open {
		t.unsure = false
		if nt, changed := s.n.machine.cancel(*t); t.stop && changed {
			*t = nt
			s.changed(p, t, now)
		}
	}
	s.tidy(p)
	return nil
}

// hear takes in the items of the peer's register.
func (s *session) hear(p *peer, now int64) error {
	known := p.ended
	p.ended, p.fin = make(map[string]*ticket, len(p.msg.items)), p.fin[:0]
	for _, it := range p.msg.items {
		t := s.tickets[it.ID]
		over := it.St == itDone || it.St == itDoubt
		if t == nil && over {
			var ok bool
			if t, ok = known[it.ID]; !ok {
				var err error
				if t, err = s.file.ticket(s.ctx, it.ID); err != nil {
					return err
				}
			}
			p.ended[it.ID] = t
		}
		if t == nil || t.Peer != p.name {
			continue
		}
		if nt, changed := s.n.machine.hear(*t, it, p.msg.Inst, now); changed {
			*t = nt
			s.changed(p, t, now)
		}
		if it.P != "" && it.P != t.note && !t.State.ended() {
			t.note = it.P
			s.tellProgress(t.ID, cut(it.P, maxNote))
		}
		if over && t.State.ended() {
			p.fin = append(p.fin, it.ID)
			p.ended[it.ID] = t
		}
	}
	s.tidy(p)
	return nil
}
