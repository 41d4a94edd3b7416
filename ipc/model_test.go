// SPDX-License-Identifier: GPL-3.0-or-later

package ipc

import (
	"strconv"
	"testing"
)

// The model explores every order of events of one command, with every message
// ever published arriving at any time, any number of times, or never. It drives
// the transition functions that the program runs; only what lies between them
// (files, registers, crashes) is the model's own.

// world is one state. It is comparable: a key of the set of those seen.
type world struct {
	state  state
	nonce  uint8 // granted
	unsure bool
	late   bool // the deadline has passed
	epoch  uint8
	grants [2]uint8 // in the sender's file, by epoch
	known  [2]bool  // epochs in the sender's file
	rolled bool

	workers [2]mworker
	next    uint8 // nonce
	effects uint8
	crashes uint8

	offers [2]uint16 // published by epoch: bit 0 without a grant, bit n granting n
	gnOf   [12]uint8 // how many grants the register with grant n told of
	items  uint16    // published: bit 0 run, 1 done, 2 doubt, 3+n claim n
	fin    bool
	gone   bool // a register without the offer was published
}

type mworker struct {
	on     bool
	phase  phase
	nonce  uint8
	effect bool // made in this run
	old    bool
	past   phase
	heard  uint8 // newest epoch of the sender
	echoed bool
	echoE  uint8
	echoG  uint8
	life   uint8 // seeded bug: a nonce that is not consumed
}

// model is a configuration to explore, and perhaps a bug to find.
type model struct {
	kind             Kind
	clone            bool
	crashes, nonces  uint8
	expiry, rollback bool

	machine machine
	life    bool // grants are not consumed
	early   bool // grants are published before their commit
	blind   bool // no "started" in the journal
	forget  bool // no list of past commands
	rash    bool // a restored sender may expire before it has met the worker
	keep    bool // claims survive a new process of the sender
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
	switch {
	case m.kind != Repeatable && w.effects > 1:
		return "executed twice"
	case w.state == done && w.effects == 0:
		return "done without effect"
	case w.state == expired && w.effects > 0:
		return "expired but executed"
	}
	return ""
}

// settled reports whether the sender has its answer.
func (w world) settled() bool { return w.state.ended() }

func (m *model) ticket(w world) ticket {
	return ticket{ID: "x", Repeat: m.kind != Once, Deadline: 1, State: w.state, Nonce: name(w.nonce), unsure: w.unsure && !m.rash}
}

func (w world) now() int64 {
	if w.late {
		return 1
	}
	return 0
}

// say publishes the sender's register.
func (w *world) say() {
	switch {
	case w.state == offered:
		w.offers[w.epoch] |= 1
	case w.state == granted:
		w.offers[w.epoch] |= 1 << w.nonce
	default:
		w.gone = true
	}
}

// put stores what became of the ticket.
func (m *model) put(w world, t ticket) world {
	regrant := t.State == granted && (w.state != granted || number(t.Nonce) != w.nonce)
	w.state, w.nonce = t.State, number(t.Nonce)
	if regrant {
		w.grants[w.epoch]++
		w.gnOf[w.nonce] = w.grants[w.epoch]
	}
	w.say()
	return w
}

func (m *model) job(k mworker) job {
	return job{ID: "x", Kind: m.kind, Phase: k.phase, Nonce: name(k.nonce), old: k.old, busy: k.phase == started}
}

// publish adds the worker's register to those published.
func (w *world) publish(i int) {
	switch k := w.workers[i]; k.phase {
	case claimed:
		w.items |= 8 << k.nonce
	case started:
		w.items |= 1
	case finished:
		w.items |= 2
	case dubious:
		w.items |= 4
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
	m.hearings(w, next)
	for i := range w.workers {
		if w.workers[i].on {
			m.work(w, i, next)
		}
	}
	if m.rollback && !w.rolled {
		to := w
		to.rolled, to.unsure, to.epoch, to.state, to.nonce, to.grants = true, true, 1, offered, 0, [2]uint8{}
		to.known = [2]bool{true, true}
		to.say()
		next(to, true)
	}
}

// hearings delivers every published item to the sender.
func (m *model) hearings(w world, next func(world, bool)) {
	var items []item
	for bit, st := range []string{itRun, itDone, itDoubt} {
		if w.items&(1<<bit) != 0 {
			items = append(items, item{ID: "x", St: st})
		}
	}
	for n := uint8(1); n < w.next; n++ {
		if w.items&(8<<n) != 0 {
			items = append(items, item{ID: "x", St: itClaim, N: name(n)})
		}
	}
	for _, it := range items {
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

// work is everything that may happen at worker i.
func (m *model) work(w world, i int, next func(world, bool)) {
	k := w.workers[i]
	for e := k.heard; e < 2; e++ { // a process takes no register older than the newest
		for g := uint8(0); g < w.next; g++ {
			if w.offers[e]&(1<<g) != 0 {
				m.offer(w, i, e, g, next)
			}
		}
	}
	if k.phase == started && !k.effect {
		to := w
		to.workers[i].effect = true
		to.effects = min(to.effects+1, 2)
		if m.kind == InTx { // effect and record are one transaction
			to.workers[i].phase, to.workers[i].effect = finish(m.job(k), outcome{}).Phase, false
			to.publish(i)
		}
		next(to, false)
	}
	if k.phase == started && k.effect {
		to := w
		to.workers[i].phase, to.workers[i].effect = finish(m.job(k), outcome{}).Phase, false
		to.publish(i)
		next(to, false)
	}
	if w.fin && confirm(m.job(k)) {
		to := w
		to.workers[i].phase, to.workers[i].old = fresh, false
		if !m.forget && !k.old {
			to.workers[i].past = k.phase
		}
		next(to, false)
	}
	if w.gone && drop(m.job(k)) {
		to := w
		to.workers[i].phase, to.workers[i].nonce, to.workers[i].old = fresh, 0, false
		next(to, false)
	}
	if w.epoch == 1 && w.unsure { // the handshake of a new process of the sender
		m.meet(w, i, next)
	}
	if w.crashes < m.crashes {
		next(m.crash(w, i), true)
	}
}

// offer delivers an offer of epoch e with grant g.
func (m *model) offer(w world, i int, e, g uint8, next func(world, bool)) {
	k := &w.workers[i]
	if e > k.heard {
		k.heard = e
		if !m.keep && renew(m.job(*k), name(g)) {
			k.phase, k.nonce = fresh, 0
		}
	}
	if w.next > m.nonces && k.phase == fresh && k.past == fresh {
		return
	}
	o := offer{ID: "x", V: "v", I: m.kind != Once, G: name(g)}
	j, changed := m.machine.take(m.job(*k), o, facts{past: k.past, slot: true}, func() string {
		w.next++
		return name(w.next - 1)
	})
	if m.life && g != 0 && g == k.life {
		j.Phase, changed = started, true
	}
	if !changed {
		return
	}
	if m.life && j.Phase == claimed {
		k.life = number(j.Nonce)
	}
	k.phase, k.nonce, k.old = j.Phase, number(j.Nonce), j.old
	if j.Phase == started {
		k.effect = false
		k.echoed, k.echoE, k.echoG = true, e, w.gnOf[g]
	}
	w.publish(i)
	next(w, false)
}

// meet lets worker i hear the new process and the process hear its echo.
func (m *model) meet(w world, i int, next func(world, bool)) {
	k := &w.workers[i]
	if k.heard == 0 {
		k.heard = 1
		if !m.keep && renew(m.job(*k), "") {
			k.phase, k.nonce = fresh, 0
		}
	}
	if k.echoed && restored(&echo{BN: "e" + name(k.echoE+1), GN: int64(k.echoG)}, int64(w.grants[k.echoE]), w.known[k.echoE]) {
		w.state = doubt
		w.say()
	}
	w.unsure = false
	next(w, false)
}

// crash kills worker i and starts it again.
func (m *model) crash(w world, i int) world {
	w.crashes++
	k := &w.workers[i]
	k.life, k.heard, k.effect = 0, 0, false
	switch {
	case k.phase == claimed || k.old:
		k.phase, k.nonce, k.old = fresh, 0, false
	case k.phase == started && m.blind:
		k.phase = fresh
	case k.phase == started:
		j, _ := resume(m.job(*k))
		k.phase = j.Phase
	}
	w.publish(i)
	return w
}

const maxStates = 3_000_000

// explore visits every state. It returns how many there are, the first that is
// wrong, and how many have no fault-free way to an answer.
func (m *model) explore() (states int, fault string, stuck int) {
	first := world{state: offered, next: 1, known: [2]bool{true, false}}
	first.workers[0].on, first.workers[1].on = true, m.clone
	first.say()
	index := map[world]int32{first: 0}
	list := []world{first}
	var back [][]int32 // fault-free ways backwards
	back = append(back, nil)
	for at := 0; at < len(list); at++ {
		if len(list) > maxStates {
			return at, "too many states", 0
		}
		if bad := m.wrong(list[at]); bad != "" {
			return at + 1, bad, 0
		}
		m.steps(list[at], func(to world, fault bool) {
			n, ok := index[to]
			if !ok {
				n = int32(len(list))
				index[to] = n
				list = append(list, to)
				back = append(back, nil)
			}
			if !fault {
				back[n] = append(back[n], int32(at))
			}
		})
	}
	good := make([]bool, len(list))
	var todo []int32
	for i, w := range list {
		if w.settled() {
			good[i] = true
			todo = append(todo, int32(i))
		}
	}
	for len(todo) > 0 {
		n := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		for _, from := range back[n] {
			if !good[from] {
				good[from] = true
				todo = append(todo, from)
			}
		}
	}
	for _, g := range good {
		if !g {
			stuck++
		}
	}
	return len(list), "", stuck
}

func shipped() machine { return machine{open: open, expire: expire, hear: hear, take: take} }

func TestModel(t *testing.T) {
	test := func(what string, m model, stuckAllowed bool) {
		t.Helper()
		m.machine = shipped()
		states, bad, stuck := m.explore()
		t.Logf("%-60s %7d states, %d wait for a human", what, states, stuck)
		if bad != "" {
			t.Errorf("%s: %s after %d states", what, bad, states)
		}
		if stuck > 0 && !stuckAllowed {
			t.Errorf("%s: %d of %d states find no answer", what, stuck, states)
		}
	}
	test("once, one worker, 3 crashes", model{kind: Once, crashes: 3, nonces: 7, expiry: true}, false)
	test("once, worker and clone, 1 crash", model{kind: Once, clone: true, crashes: 1, nonces: 4, expiry: true}, true)
	test("in-transaction, 3 crashes", model{kind: InTx, crashes: 3, nonces: 6, expiry: true}, false)
	test("repeatable, 3 crashes", model{kind: Repeatable, crashes: 3, nonces: 6, expiry: true}, false)
	test("once, sender restored, no expiry, 1 crash", model{kind: Once, crashes: 1, nonces: 6, rollback: true}, true)
	test("once, sender restored, expiry, 1 crash", model{kind: Once, crashes: 1, nonces: 6, rollback: true, expiry: true}, true)
	test("in-transaction, sender restored, expiry, 1 crash", model{kind: InTx, crashes: 1, nonces: 6, rollback: true, expiry: true}, true)
	if longTest() {
		test("once, worker and clone, 2 crashes", model{kind: Once, clone: true, crashes: 2, nonces: 5, expiry: true}, true)
		test("once, sender restored, expiry, 2 crashes", model{kind: Once, crashes: 2, nonces: 7, rollback: true, expiry: true}, true)
	}
}

// runOnOffer is the usual queue: no grant is needed.
func runOnOffer(j job, o offer, f facts, nonce func() string) (job, bool) {
	nj, changed := take(j, o, f, nonce)
	if nj.Phase == claimed && changed {
		o.G = nj.Nonce
		return take(nj, o, f, nonce)
	}
	return nj, changed
}

// regrant grants anew even what must not run twice.
func regrant(t ticket, it item, inst string, now int64) (ticket, bool) {
	repeat := t.Repeat
	t.Repeat = true
	nt, changed := hear(t, it, inst, now)
	nt.Repeat = repeat
	return nt, changed
}

// expireGranted lets a command expire that somebody may be running.
func expireGranted(t ticket, now int64) (ticket, bool) {
	was := t.State
	if t.State == granted {
		t.State = offered
	}
	nt, changed := expire(t, now)
	if !changed {
		nt.State = was
	}
	return nt, changed
}

// TestModelCatches seeds one bug at a time: a checker that finds none of them
// proves nothing.
func TestModelCatches(t *testing.T) {
	test := func(what string, m model, change func(*machine), want string) {
		t.Helper()
		m.machine = shipped()
		if change != nil {
			change(&m.machine)
		}
		states, bad, _ := m.explore()
		t.Logf("%-60s %s after %d states", what, bad, states)
		if bad != want {
			t.Errorf("%s: found %q after %d states, want %q", what, bad, states, want)
		}
	}
	once := model{kind: Once, crashes: 2, nonces: 5, expiry: true}
	with := func(f func(*model)) model { m := once; f(&m); return m }
	offerRuns := func(m *machine) { m.take = runOnOffer }
	test("1 run on offer", once, offerRuns, "expired but executed")
	test("1 run on offer, no expiry", with(func(m *model) { m.expiry = false; m.crashes = 1; m.forget = true }), offerRuns, "executed twice")
	test("2 grant valid for the whole process life", with(func(m *model) { m.life = true }), nil, "executed twice")
	test("3 grant published before its commit", with(func(m *model) { m.early = true }), nil, "expired but executed")
	test("4 granted command may expire", once, func(m *machine) { m.expire = expireGranted }, "expired but executed")
	test("5 non-repeatable granted anew", with(func(m *model) { m.clone = true; m.crashes = 1 }), func(m *machine) { m.hear = regrant }, "executed twice")
	test("6 no started record, granted anew", with(func(m *model) { m.blind = true }), func(m *machine) { m.hear = regrant }, "executed twice")
	test("7 sender restored, worker forgets", with(func(m *model) { m.rollback = true; m.forget = true; m.expiry = false; m.crashes = 1 }), nil, "executed twice")
	test("8 restored sender expires before it met the worker", with(func(m *model) { m.rollback = true; m.rash = true; m.crashes = 0 }), nil, "expired but executed")
	test("9 claims survive a restored sender", with(func(m *model) { m.rollback = true; m.keep = true; m.crashes = 0 }), nil, "expired but executed")
}
