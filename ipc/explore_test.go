// SPDX-License-Identifier: GPL-3.0-or-later

package ipc

import (
	"hash/maphash"
	"testing"
)

// A verdict is what came of exploring a model.
type verdict struct {
	states int
	fault  string // of the first state that is wrong
	stuck  int    // states without a fault-free way to an answer
	bound  int    // states whose only such way needs more than the model's nonces
}

// explore visits every state. Only the fingerprints of the states are kept, and
// the ways between them: some 100 bytes a state. A state is stuck if no
// fault-free way leads from it to an answer. Where the only way on needs another
// nonce than the model has, the model cannot say; with more nonces there are
// fewer such states, and never none, for a crash can always come after the last.
func (m *model) explore(most int) (v verdict) {
	seed1, seed2 := maphash.MakeSeed(), maphash.MakeSeed()
	print := func(w world) [2]uint64 {
		return [2]uint64{maphash.Comparable(seed1, w), maphash.Comparable(seed2, w)}
	}
	first := world{next: 1, file: book{known: 1}}
	first.workers[0].on, first.workers[1].on = true, m.clone
	first.say()
	index := map[[2]uint64]int32{print(first): 0}
	todo := []world{first}
	var ways [][2]int32 // fault-free: to, from
	var good []byte     // by state: 1 answered, 2 at the bound
	for at := int32(0); len(todo) > 0; at++ {
		w := todo[0]
		todo = todo[1:]
		if v.states = int(at) + 1; v.states > most {
			v.fault = "too many states"
			return v
		}
		if v.fault = m.wrong(w); v.fault != "" {
			return v
		}
		m.cut = false
		m.steps(w, func(to world, fault bool) {
			p := print(to)
			n, ok := index[p]
			if !ok {
				n = int32(len(index))
				index[p] = n
				todo = append(todo, to)
			}
			if !fault && n != at {
				ways = append(ways, [2]int32{n, at})
			}
		})
		switch {
		case w.state().ended():
			good = append(good, 1)
		case m.cut:
			good = append(good, 2)
		default:
			good = append(good, 0)
		}
	}
	v.stuck, v.bound = liveness(good, ways)
	return v
}

// liveness spreads the marks of the states backwards along the ways, the mark 1
// before the mark 2, and counts those without any and those with 2.
func liveness(good []byte, ways [][2]int32) (none, second int) {
	start := make([]int32, len(good)+1)
	for _, w := range ways {
		start[w[0]+1]++
	}
	for i := range good {
		start[i+1] += start[i]
	}
	from, fill := make([]int32, len(ways)), append([]int32(nil), start...)
	for _, w := range ways {
		from[fill[w[0]]] = w[1]
		fill[w[0]]++
	}
	for _, mark := range []byte{1, 2} {
		var todo []int32
		for i, g := range good {
			if g == mark {
				todo = append(todo, int32(i))
			}
		}
		for len(todo) > 0 {
			n := todo[len(todo)-1]
			todo = todo[:len(todo)-1]
			for _, f := range from[start[n]:start[n+1]] {
				if good[f] == 0 || good[f] > mark {
					good[f] = mark
					todo = append(todo, f)
				}
			}
		}
	}
	for _, g := range good {
		switch g {
		case 0:
			none++
		case 2:
			second++
		}
	}
	return none, second
}

// TestModel wants every configuration safe. None may be stuck for good either,
// except where a second worker that has the grant stays away: then a person must
// decide, for it may have run the command.
func TestModel(t *testing.T) {
	most := 400_000
	if longTest() {
		most = 3_000_000
	}
	test := func(what string, m model, stuckAllowed bool) {
		t.Helper()
		m.machine = machinery()
		v := m.explore(most)
		t.Logf("%-66s %8d states, %d wait for a human, %d at the bound of nonces", what, v.states, v.stuck, v.bound)
		if v.fault != "" {
			t.Errorf("%s: %s after %d states", what, v.fault, v.states)
		}
		if v.stuck > 0 && !stuckAllowed {
			t.Errorf("%s: %d of %d states find no answer", what, v.stuck, v.states)
		}
	}
	test("once, one worker, 3 crashes", model{kind: Once, crashes: 3, nonces: 7, expiry: true}, false)
	test("once, cancelled, 2 crashes", model{kind: Once, crashes: 2, nonces: 5, expiry: true, cancel: true}, false)
	test("repeatable, cancelled, 2 crashes", model{kind: Repeatable, crashes: 2, nonces: 5, expiry: true, cancel: true}, false)
	test("once, sender restarts, 2 crashes", model{kind: Once, crashes: 2, nonces: 5, restarts: 1, expiry: true}, false)
	test("once, worker and clone, 1 crash each", model{kind: Once, clone: true, crashes: 1, nonces: 4, expiry: true}, true)
	test("in-transaction, 3 crashes", model{kind: InTx, crashes: 3, nonces: 6, expiry: true}, false)
	test("repeatable, 3 crashes", model{kind: Repeatable, crashes: 3, nonces: 6, expiry: true}, false)
	test("once, sender restored, 1 crash", model{kind: Once, crashes: 1, nonces: 4, rollback: true, expiry: true}, false)
	test("in-transaction, sender restored, 1 crash", model{kind: InTx, crashes: 1, nonces: 4, rollback: true, expiry: true}, false)
	if longTest() {
		test("once, worker and clone, 2 crashes each", model{kind: Once, clone: true, crashes: 2, nonces: 5, expiry: true}, true)
		test("once, worker and clone, cancelled, 1 crash each", model{kind: Once, clone: true, crashes: 1, nonces: 4, expiry: true, cancel: true}, true)
		test("once, sender restarts and is restored, 1 crash", model{kind: Once, crashes: 1, nonces: 5, restarts: 1, rollback: true, expiry: true}, false)
		test("once, sender restored, cancelled, 2 crashes", model{kind: Once, crashes: 2, nonces: 6, rollback: true, expiry: true, cancel: true}, false)
		test("in-transaction, sender restored, cancelled, 1 crash", model{kind: InTx, crashes: 1, nonces: 4, rollback: true, expiry: true, cancel: true}, false)
	}
}
