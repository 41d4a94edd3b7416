// SPDX-License-Identifier: GPL-3.0-or-later

package ipc

import "strconv"

// The model explores every order of events of one command, with every message
// ever published arriving at any time, any number of times, or never: messages
// are kept for ever as sets of bits. It drives the transition functions that the
// program runs; only what lies between them (files, registers, crashes, backups)
// is the model's own.
//
// What makes the numbers of states what they are: a transition and what it
// publishes are one step, since a message that nobody reads is the same as one
// that was not sent, and a step that changes nothing is none. Crashes are counted
// for each worker by itself. The bounds cut a branch off where another nonce
// would be needed; see explore for what that means for the answers.

// maxEpochs is how many processes of the sender there can be: the first, one
// after a restart, one from a backup.
const maxEpochs = 3

// world is one state. It is comparable, and all of it is bytes.
type world struct {
	file   book
	backup book
	kept   bool // there is a backup
	rolled bool // it has been restored
	unsure bool
	late   bool // the deadline has passed
	wished bool // a cancellation has been tried
	epoch  uint8
	starts uint8 // of the sender, again

	workers [2]mworker
	next    uint8 // nonce
	effects uint8

	// Published, by the process of the sender: an offer without a grant is bit
	// 0, one granting n is bit n.
	offers [maxEpochs]uint16
	gone   [maxEpochs]bool   // a register without the offer
	stops  [maxEpochs]uint16 // and the same, to be given up
	fin    bool
	gnOf   [maxEpochs][10]uint8 // how many grants the register with grant n told of

	// Published by a worker that had heard that process: bit 0 run, 1 done, 2
	// doubt, 3+n claim n; and what it gave up, by nonce.
	items   [maxEpochs + 1]uint16
	refused [maxEpochs + 1]uint16
}

// book is the sender's file.
type book struct {
	state  uint8
	nonce  uint8
	stop   bool
	again  bool
	grants [maxEpochs]uint8 // by process
	known  uint8            // processes
}

type mworker struct {
	on      bool
	phase   uint8
	nonce   uint8
	effect  bool // made in this run
	old     bool
	past    uint8
	heard   uint8 // newest process of the sender, from 1; 0: none
	echoE   uint8 // of the grant that last started it; from 1
	echoG   uint8
	crashes uint8
	replied uint8 // bits: processes that were answered, with this echo or
	first   [maxEpochs][2]uint8
	life    uint8 // seeded bug: a nonce that is not consumed
	under   uint8 // the nonce that this process started it under
}

var (
	stateList = []state{offered, granted, done, refused, expired, doubt}
	phaseList = []phase{fresh, claimed, declined, started, finished, dubious}
)

func indexOf[T comparable](list []T, v T) uint8 {
	for i, x := range list {
		if x == v {
			return uint8(i)
		}
	}
	panic("not in the list")
}

func (w world) state() state   { return stateList[w.file.state] }
func (k mworker) ph() phase    { return phaseList[k.phase] }
func (k *mworker) set(p phase) { k.phase = indexOf(phaseList, p) }

// model is a configuration to explore, and perhaps a bug to find.
type model struct {
	kind             Kind
	clone            bool
	crashes, nonces  uint8
	restarts         uint8 // of the sender
	expiry, rollback bool
	cancel           bool

	machine machine
	life    bool // grants are not consumed
	early   bool // grants are published before their commit
	blind   bool // no "started" in the journal
	forget  bool // no list of past commands
	rash    bool // a restored sender may expire before it has met the worker
	keep    bool // claims survive a new process of the sender
	trust   bool // a restored sender does not compare the worker's echo with its books
	tardy   bool // a job may be given up that a handler has begun
	hasty   bool // a cancelled command ends as refused though it is granted

	cut bool // the present state would have needed another nonce
}

func name(n uint8) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(int(n))
}

func number(s string) uint8 { n, _ := strconv.Atoi(s); return uint8(n) }

// wrong names what must never be; empty if all is well.
func (m *model) wrong(w world) string {
	switch s := w.state(); {
	case m.kind != Repeatable && w.effects > 1:
		return "executed twice"
	case s == done && w.effects == 0:
		return "done without effect"
	case s == expired && w.effects > 0:
		return "expired but executed"
	case s == refused && w.effects > 0:
		return "refused but executed"
	}
	return ""
}

func (m *model) ticket(w world) ticket {
	return ticket{ID: "x", Repeat: m.kind != Once, Deadline: 1, State: w.state(), Nonce: name(w.file.nonce), unsure: w.unsure && !m.rash, stop: w.file.stop, again: w.file.again}
}

func (w world) now() int64 {
	if w.late {
		return 1
	}
	return 0
}

// say publishes the sender's register.
func (w *world) say() {
	switch w.state() {
	case offered:
		w.offers[w.epoch] |= 1
	case granted:
		if w.file.stop {
			w.stops[w.epoch] |= 1 << w.file.nonce
		} else {
			w.offers[w.epoch] |= 1 << w.file.nonce
		}
	default:
		w.gone[w.epoch] = true
	}
}

// put stores what became of the ticket.
func (m *model) put(w world, t ticket) world {
	regrant := t.State == granted && (w.state() != granted || number(t.Nonce) != w.file.nonce)
	w.file.state, w.file.nonce, w.file.stop, w.file.again = indexOf(stateList, t.State), number(t.Nonce), t.stop, t.again
	if regrant && m.rollback { // the books matter only where they can be lost
		w.file.grants[w.epoch]++
		w.gnOf[w.epoch][w.file.nonce] = w.file.grants[w.epoch]
	}
	w.say()
	return w
}

func (m *model) job(k mworker) job {
	return job{ID: "x", Kind: m.kind, Phase: k.ph(), Nonce: name(k.nonce), under: name(k.under), old: k.old, busy: k.ph() == started}
}

// publish adds the worker's register to those published.
func (w *world) publish(i int) {
	k := &w.workers[i]
	if e := k.heard; e > 0 && k.replied&(1<<(e-1)) == 0 {
		k.replied |= 1 << (e - 1)
		k.first[e-1] = [2]uint8{k.echoE, k.echoG}
	}
	switch k.ph() {
	case claimed:
		w.items[k.heard] |= 8 << k.nonce
	case declined:
		w.refused[k.heard] |= 1 << k.nonce
	case started:
		w.items[k.heard] |= 1
	case finished:
		w.items[k.heard] |= 2
	case dubious:
		w.items[k.heard] |= 4
	}
}

// steps calls next with every state that w may become; fault says that it takes
// a fault to go there.
func (m *model) steps(w world, next func(to world, fault bool)) {
	if !w.late && m.expiry {
		to := w
		to.late = true
		next(to, false)
	}
	if t, changed := m.machine.expire(m.ticket(w), w.now()); changed {
		next(m.put(w, t), false)
	}
	if m.cancel && !w.wished {
		if t, changed := m.wish(w); changed {
			to := m.put(w, t)
			to.wished = true
			next(to, true) // nobody need wish it
		}
	}
	if w.unsure {
		for i := range w.workers {
			m.meet(w, i, next)
		}
	} else {
		m.hearings(w, next)
	}
	for i := range w.workers {
		if w.workers[i].on {
			m.work(w, i, next)
		}
	}
	if w.starts < m.restarts {
		to := w
		to.starts++
		to.begin()
		next(to, true)
	}
	if m.rollback && !w.rolled {
		to := w
		if !w.kept {
			to.kept, to.backup = true, w.file
		} else {
			to.rolled, to.file = true, w.backup
			to.begin()
		}
		next(to, true)
	}
}

func (m *model) wish(w world) (ticket, bool) {
	t := m.ticket(w)
	if m.hasty && t.State == granted {
		t.State = offered
	}
	return m.machine.cancel(t)
}

// begin is a new process of the sender.
func (w *world) begin() {
	w.epoch++
	w.file.known |= 1 << w.epoch
	w.unsure = !w.state().ended()
	w.say()
}

// meet lets the sender's new process hear a worker that has heard it: with what
// the worker first answered, or with what it would answer now.
func (m *model) meet(w world, i int, next func(world, bool)) {
	k := w.workers[i]
	if k.replied&(1<<w.epoch) == 0 {
		return
	}
	for _, e := range [][2]uint8{k.first[w.epoch], {k.echoE, k.echoG}} {
		to := w
		to.unsure = false
		if !m.trust && e[0] > 0 && m.machine.restored(&echo{BN: name(e[0]), GN: int64(e[1])}, int64(w.file.grants[e[0]-1]), w.file.known&(1<<(e[0]-1)) != 0) {
			to.file.state = indexOf(stateList, doubt)
			to.say()
		} else if t := m.ticket(to); t.stop {
			if t, changed := m.machine.cancel(t); changed {
				to = m.put(to, t)
			}
		}
		next(to, false)
	}
}

// hearings delivers every item published to this process of the sender.
func (m *model) hearings(w world, next func(world, bool)) {
	var items []item
	in := w.items[w.epoch+1]
	for bit, st := range []string{itRun, itDone, itDoubt} {
		if in&(1<<bit) != 0 {
			items = append(items, item{ID: "x", St: st})
		}
	}
	for n := uint8(1); n < w.next; n++ {
		if in&(8<<n) != 0 {
			items = append(items, item{ID: "x", St: itClaim, N: name(n)})
		}
		if w.refused[w.epoch+1]&(1<<n) != 0 {
			items = append(items, item{ID: "x", St: itRefused, N: name(n), E: cancelled})
		}
	}
	for _, it := range items {
		if w.file.grants[w.epoch] > m.nonces && it.St == itClaim {
			m.cut = true // a bound for a game of grants that never ends
			continue
		}
		t, changed := m.machine.hear(m.ticket(w), it, "", w.now())
		if changed {
			if m.early && t.State == granted {
				to := w // published, and the sender dies before it commits
				to.offers[w.epoch] |= 1 << number(t.Nonce)
				next(to, true)
			}
			next(m.put(w, t), false)
		}
		if to := w; t.State.ended() && (it.St == itDone || it.St == itDoubt) {
			if changed {
				to = m.put(w, t)
			}
			to.fin = true
			next(to, false)
		}
	}
}
