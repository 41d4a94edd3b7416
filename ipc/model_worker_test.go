// SPDX-License-Identifier: GPL-3.0-or-later

package ipc

// The model's worker; model_test.go has the rest.

// work is everything that may happen at worker i.
func (m *model) work(w world, i int, next func(world, bool)) {
	k := w.workers[i]
	for e := range uint8(maxEpochs) { // old registers too: the filter of old ones is for order only
		for g := uint8(0); g < w.next; g++ {
			if w.offers[e]&(1<<g) != 0 {
				m.offer(w, i, e, g, false, next)
			}
			if w.stops[e]&(1<<g) != 0 {
				m.offer(w, i, e, g, true, next)
			}
		}
		if w.gone[e] {
			to := w
			m.hears(&to, i, e, "")
			if t := &to.workers[i]; drop(m.job(*t)) {
				t.set(fresh)
				t.nonce, t.old = 0, false
			}
			next(to, false)
		}
	}
	if k.ph() == started {
		to := w
		t := &to.workers[i]
		if !k.effect {
			t.effect = true
			to.effects = min(to.effects+1, 2)
		}
		if k.effect || m.kind == InTx { // effect and record are one transaction
			t.set(finish(m.job(k), outcome{}).Phase)
			t.effect, t.under = false, 0
			to.publish(i)
		}
		next(to, false)
	}
	if w.fin && confirm(m.job(k)) {
		to := w
		t := &to.workers[i]
		t.set(fresh)
		t.old = false
		if !m.forget && !k.old {
			t.past = k.phase
		}
		next(to, false)
	}
	if k.crashes < m.crashes {
		m.crash(w, i, next)
	}
}

// hears makes worker i take note of the process e of the sender.
func (m *model) hears(w *world, i int, e uint8, grant string) {
	k := &w.workers[i]
	if e+1 > k.heard {
		k.heard = e + 1
		if !m.keep && renew(m.job(*k), grant) {
			k.set(fresh)
			k.nonce = 0
		}
		w.publish(i)
	}
}

// offer delivers an offer of process e with grant g.
func (m *model) offer(w world, i int, e, g uint8, stop bool, next func(world, bool)) {
	before := w
	m.hears(&w, i, e, name(g))
	k := &w.workers[i]
	if stop && (!k.effect || m.tardy) { // it may wait for a handler still
		if j, ok := giveUp(m.job(*k)); ok {
			to := w
			t := &to.workers[i]
			t.set(j.Phase)
			t.nonce, t.under = number(j.Nonce), 0
			to.publish(i)
			next(to, false)
		}
	}
	if w.next > m.nonces && k.ph() == fresh && phaseList[k.past] == fresh {
		m.cut = true
		return
	}
	o := offer{ID: "x", V: "v", I: m.kind != Once, G: name(g), X: stop}
	j, changed := m.machine.take(m.job(*k), o, facts{past: phaseList[k.past], slot: true}, func() string {
		w.next++
		return name(w.next - 1)
	})
	if m.life && g != 0 && g == k.life {
		j.Phase, changed = started, true
	}
	if changed {
		if m.life && j.Phase == claimed {
			k.life = number(j.Nonce)
		}
		k.set(j.Phase)
		k.nonce, k.old = number(j.Nonce), j.old
		if m.cancel && j.Phase == started {
			k.under = number(j.under) // only a cancellation asks for it
		}
		if j.Phase == started {
			k.effect = false
			if m.rollback {
				k.echoE, k.echoG = e+1, w.gnOf[e][g]
			}
		}
		w.publish(i)
	}
	if w != before {
		next(w, false)
	}
}

// crash kills worker i and starts it again; a clone may stay away for good.
func (m *model) crash(w world, i int, next func(world, bool)) {
	k := &w.workers[i]
	k.crashes++
	k.life, k.heard, k.effect, k.under = 0, 0, false, 0
	switch {
	case k.ph() == claimed || k.ph() == declined || k.old:
		k.set(fresh)
		k.nonce, k.old = 0, false
	case k.ph() == started && m.blind:
		k.set(fresh)
	case k.ph() == started:
		j, _ := resume(m.job(*k))
		k.set(j.Phase)
	}
	next(w, true)
	if i == 1 {
		k.on = false
		next(w, true)
	}
}
