// SPDX-License-Identifier: GPL-3.0-or-later

package ipc

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"oswald"
)

const (
	noteEvery = 200 * time.Millisecond // progress is written down at most so often
	txTimeout = 20 * time.Second       // an InTx handler holds the role's file
)

// A result is what a handler's goroutine tells the loop.
type result struct {
	peer, id string
	kind     resultKind
	out      outcome
	err      error // of the file: the session ends
}

type resultKind int

const (
	ranOut    resultKind = iota // ended; the loop commits it
	committed                   // ended, and committed with its effect; After follows or there is none
	afterward                   // After has returned
	abandoned                   // we are stopping: as if the process had died
	givenUp                     // cancelled before there was a handler
)

// inbox is where handlers leave what the loop shall pick up. It is bounded by
// the number of handlers.
type inbox struct {
	mu      sync.Mutex
	results []result
	notes   map[[2]string]string // by peer and id
}

func (b *inbox) reset() { b.take(); b.takeNotes() }

func (b *inbox) put(r result) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.results = append(b.results, r)
}

func (b *inbox) take() []result {
	b.mu.Lock()
	defer b.mu.Unlock()
	r := b.results
	b.results = nil
	return r
}

func (b *inbox) note(peer, id, text string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.notes == nil {
		b.notes = map[[2]string]string{}
	}
	b.notes[[2]string{peer, id}] = cut(text, maxNote)
}

func (b *inbox) takeNotes() map[[2]string]string {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := b.notes
	b.notes = nil
	return n
}

// collect puts what handlers brought home into the batch.
func (s *session) collect() error {
	for key, text := range s.n.inbox.takeNotes() {
		if p := s.peer(key[0]); p.jobs[key[1]] != nil {
			p.jobs[key[1]].note = text
			p.noteHeld = true
		}
	}
	for _, r := range s.n.inbox.take() {
		if r.err != nil {
			return r.err
		}
		p := s.peer(r.peer)
		j := p.jobs[r.id]
		switch r.kind {
		case ranOut, committed:
			*j = finish(*j, r.out)
			s.order++
			j.order = s.order
			if r.kind == ranOut {
				s.b.endJob(p.name, j)
			}
			p.dirty = true
			if j.after = r.kind == committed && s.n.handlers[j.Verb].After != nil; j.after {
				continue // and busy until After returns
			}
		case givenUp:
			*j, _ = giveUp(*j)
			s.b.add(`DELETE FROM ipc_journal WHERE peer=? AND id=? AND state='started'`, p.name, j.ID)
			p.dirty = true
		case afterward:
			j.after = false
			s.b.add(`UPDATE ipc_journal SET after=0 WHERE peer=? AND id=?`, p.name, j.ID)
		}
		j.busy = false
		s.count(j, -1)
	}
	for _, p := range s.peers {
		if p.noteHeld && time.Since(p.noteAt) >= noteEvery {
			p.noteHeld, p.noteAt, p.dirty = false, time.Now(), true
		}
	}
	return nil
}

// serve does the worker's part for p: the offers of its register, what it
// confirms, and what an earlier process left.
func (s *session) serve(p *peer, now int64) error {
	for _, j := range p.jobs {
		if nj, again := resume(*j); !j.busy && (again || nj.Phase != j.Phase) {
			if !again {
				*j = nj
				s.b.endJob(p.name, j)
				p.dirty = true
			} else if s.free(j.Kind) {
				s.begin(p, j)
			}
		} else if !j.busy && j.after && s.free(j.Kind) {
			s.begin(p, j)
		}
	}
	for _, o := range p.msg.offers {
		if err := s.offer(p, o); err != nil {
			return err
		}
	}
	for _, id := range p.msg.F {
		j := p.jobs[id]
		if j == nil || !confirm(*j) {
			continue
		}
		if !j.old {
			s.b.forgetJob(p.name, j, now)
		}
		delete(p.jobs, id)
		p.dirty = true
	}
	return nil
}

// free reports whether a job of kind k may start. Those that may run again start
// together, for one commit, and wait for a handler then; one that may run only
// once starts when its handler is free, or it would end as unknown if we died
// while it merely stood in line.
func (s *session) free(k Kind) bool {
	if k == Once {
		return s.once < s.n.cfg.Handlers
	}
	return s.running < window
}

// count keeps account of the jobs that have started.
func (s *session) count(j *job, by int) {
	if j.Kind == Once {
		s.once += by
	} else {
		s.running += by
	}
}

// offer does what one offer of p asks for.
func (s *session) offer(p *peer, o offer) error {
	j := p.jobs[o.ID]
	if j == nil {
		j = &job{Kind: s.n.verbs[o.V]}
	}
	f := facts{slot: s.free(j.Kind)}
	if j.Phase == fresh {
		f.bad = s.unfit(o)
		f.slot = s.once+s.onceClaims() < s.n.cfg.Handlers
		if f.bad == nil && !f.slot && j.Kind == Once {
			return nil
		}
		var err error
		if f.past, err = s.file.past(s.ctx, p.name, o.ID); err != nil {
			return err
		}
	}
	if o.X && j.Phase == started && j.stop != nil {
		j.stop()
	}
	nj, changed := s.n.machine.take(*j, o, f, randomHex)
	if !changed {
		return nil
	}
	*j = nj
	p.jobs[o.ID] = j
	p.dirty = true
	if j.old {
		s.order++
		j.order = s.order
	}
	if j.Phase == started {
		s.b.startJob(p.name, j)
		p.echo = &echo{p.msg.BN, p.msg.GN}
		s.b.add(`INSERT INTO ipc_peer VALUES(?,?,?) ON CONFLICT(name) DO UPDATE SET nonce=excluded.nonce, grants=excluded.grants`,
			p.name, p.msg.BN, p.msg.GN)
		s.begin(p, j)
	}
	return nil
}

// unfit says why o cannot be run here; nil if it can.
func (s *session) unfit(o offer) *fault {
	kind, known := s.n.verbs[o.V]
	_, handled := s.n.handlers[o.V]
	switch {
	case !known || !handled:
		return &fault{oswald.Invalid, fmt.Sprintf("%s does not know the command %q; is it older?", s.n.name, cut(o.V, 40))}
	case o.I != (kind != Once):
		return &fault{oswald.Invalid, fmt.Sprintf("%s has another idea of the command %q: use the same version of oswald on both.", s.n.name, cut(o.V, 40))}
	}
	return nil
}

// onceClaims counts the claims that hold a handler free.
func (s *session) onceClaims() (n int) {
	for _, p := range s.peers {
		for _, j := range p.jobs {
			if j.Phase == claimed && j.Kind == Once {
				n++
			}
		}
	}
	return n
}

// begin runs j's handler, or its After, once the batch is committed. A job that
// is cancelled while it waits for a handler is not run.
func (s *session) begin(p *peer, j *job) {
	j.busy = true
	s.count(j, 1)
	ctx, cancel := context.WithCancel(s.ctx)
	j.stop = cancel
	waiting := ctx // ends when a job may be given up that waits
	if _, ok := giveUp(*j); !ok {
		waiting = s.ctx
	}
	peer, copy := p.name, *j
	s.b.after(func() {
		s.wg.Go(func() {
			defer s.n.wake()
			defer cancel()
			if copy.Kind == Once {
				s.work(ctx, peer, copy)
				return
			}
			select {
			case s.slots <- struct{}{}:
				defer func() { <-s.slots }()
				s.work(ctx, peer, copy)
			case <-waiting.Done():
				if s.ctx.Err() == nil { // else it is as if the process had died
					s.n.inbox.put(result{peer: peer, id: copy.ID, kind: givenUp})
				}
			}
		})
	})
}

// work is the goroutine of one job.
func (s *session) work(ctx context.Context, peer string, j job) {
	h := s.n.handlers[j.Verb]
	c := Call{ID: j.ID, From: peer, Verb: j.Verb, Args: j.Args, Progress: func(text string) {
		s.n.inbox.note(peer, j.ID, text)
		s.n.wake()
	}}
	r := result{peer: peer, id: j.ID}
	switch {
	case j.after:
		s.afterwards(h, c, r)
		return
	case h.Run == nil && h.Tx == nil:
		r.out = outcome{Err: &fault{oswald.Invalid, fmt.Sprintf("%s no longer knows the command %q.", s.n.name, j.Verb)}}
	case j.Kind == InTx:
		r.out, r.kind, r.err = s.transact(h, c)
	default:
		v, err := protect(s.n, func() (any, error) { return h.Run(ctx, c) })
		if err != nil && ctx.Err() != nil && s.ctx.Err() == nil {
			err = cutShort.err()
		}
		r.out, r.kind = s.judge(v, err, c)
	}
	s.n.inbox.put(r)
	if r.kind == committed && r.err == nil && h.After != nil {
		s.n.wake()
		s.afterwards(h, c, r)
	}
}

func (s *session) afterwards(h Handler, c Call, r result) {
	if h.After != nil {
		_, err := protect(s.n, func() (any, error) { h.After(c); return nil, nil })
		if err != nil {
			s.n.log.Error("after a command", "verb", c.Verb, "err", err)
		}
	}
	r.kind, r.out = afterward, outcome{}
	s.n.inbox.put(r)
}

// judge turns what a handler returned into its outcome. A handler that was
// stopped with the process has no outcome: the next process sees to it.
func (s *session) judge(v any, err error, c Call) (outcome, resultKind) {
	switch {
	case err == nil:
		return encodeResult(v), ranOut
	case s.ctx.Err() != nil:
		return outcome{}, abandoned
	}
	s.n.log.Info("a command failed", "verb", c.Verb, "id", c.ID, "peer", c.From, "err", err)
	return outcome{Err: faultOf(err)}, ranOut
}

// transact runs an InTx handler: its effect and the record that it is done are
// one transaction.
func (s *session) transact(h Handler, c Call) (outcome, resultKind, error) {
	ctx, cancel := context.WithTimeout(s.ctx, txTimeout)
	defer cancel()
	tx, err := s.n.db.BeginTx(ctx, nil)
	if err != nil {
		return s.broken(err)
	}
	defer tx.Rollback() // harmless after Commit
	var state string
	err = tx.QueryRowContext(ctx, `SELECT state FROM ipc_journal WHERE peer=? AND id=?`, c.From, c.ID).Scan(&state)
	if err == nil && state != string(started) {
		err = fmt.Errorf("the journal has %s as %s", c.ID, state)
	}
	if err != nil {
		return s.broken(err)
	}
	v, err := protect(s.n, func() (any, error) { return h.Tx(ctx, tx, c) })
	if err != nil {
		tx.Rollback()
		out, kind := s.judge(nil, err, c)
		return out, kind, nil
	}
	out := encodeResult(v)
	b, err := encode(out)
	if err != nil {
		return s.broken(err)
	}
	if _, err := tx.ExecContext(ctx, finishJob, string(finished), b, h.After != nil, c.From, c.ID); err != nil {
		return s.broken(err)
	}
	if err := tx.Commit(); err != nil {
		return s.broken(err)
	}
	return out, committed, nil
}

// broken is a failure of the file: whether the transaction took place is not
// known, so the session ends and the next one reads it from the file.
func (s *session) broken(err error) (outcome, resultKind, error) {
	if s.ctx.Err() != nil {
		return outcome{}, abandoned, nil
	}
	return outcome{}, abandoned, fmt.Errorf("in-transaction command: %w", err)
}

// protect keeps a panicking handler from taking the role with it.
func protect(n *Node, f func() (any, error)) (v any, err error) {
	defer func() {
		if r := recover(); r != nil {
			n.log.Error("a handler panicked", "panic", r, "stack", string(debug.Stack()))
			err = errors.New("panic in a handler")
		}
	}()
	return f()
}
