// SPDX-License-Identifier: GPL-3.0-or-later

package ipc

import "testing"

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
		m.machine = machinery()
		if change != nil {
			change(&m.machine)
		}
		v := m.explore(400_000)
		states, bad := v.states, v.fault
		t.Logf("%-60s %s after %d states", what, bad, states)
		if bad != want {
			t.Errorf("%s: found %q after %d states, want %q", what, bad, states, want)
		}
	}
	once := model{kind: Once, crashes: 2, nonces: 5, expiry: true}
	with := func(f func(*model)) model { m := once; f(&m); return m }
	offerRuns := func(m *machine) { m.take = runOnOffer }
	test("1 run on offer", once, offerRuns, "expired but executed")
	test("1 run on offer, no expiry, no list of past commands", with(func(m *model) { m.expiry = false; m.crashes = 1; m.forget = true }), offerRuns, "executed twice")
	test("2 grant valid for the whole process life", with(func(m *model) { m.life = true }), nil, "executed twice")
	test("3 grant published before its commit", with(func(m *model) { m.early = true }), nil, "expired but executed")
	test("4 granted command may expire", once, func(m *machine) { m.expire = expireGranted }, "expired but executed")
	test("5 non-repeatable granted anew", with(func(m *model) { m.clone = true; m.crashes = 1 }), func(m *machine) { m.hear = regrant }, "executed twice")
	test("6 no started record, granted anew", with(func(m *model) { m.blind = true }), func(m *machine) { m.hear = regrant }, "executed twice")
	test("7 sender restored unnoticed, worker forgets", with(func(m *model) { m.rollback = true; m.trust = true; m.forget = true; m.expiry = false; m.crashes = 1 }), nil, "executed twice")
	test("7 sender restored unnoticed, deadlines", with(func(m *model) { m.rollback = true; m.trust = true; m.crashes = 0 }), nil, "expired but executed")
	test("8 restored sender expires before it met the worker", with(func(m *model) { m.rollback = true; m.rash = true; m.crashes = 0 }), nil, "expired but executed")
	test("9 claims survive a restored sender", with(func(m *model) { m.rollback = true; m.keep = true; m.crashes = 0 }), nil, "expired but executed")
	test("11 given up though it runs", with(func(m *model) { m.cancel = true; m.tardy = true }), nil, "refused but executed")
	test("10 cancelled though it is granted", with(func(m *model) { m.cancel = true; m.hasty = true }), nil, "refused but executed")
}
