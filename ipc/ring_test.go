// SPDX-License-Identifier: GPL-3.0-or-later

package ipc

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"oswald/internal/secret"
)

// The model of a change of secret: two sides with a file and what their process
// has loaded of it, every register ever written arriving at any time and any
// number of times, restarts, and persons who make codes and type them in when
// they like. It drives the functions of ring.go.

// rung is a ring of numbered secrets.
type rung struct {
	key  uint8
	next [mostNext]uint8
	last [mostLast]uint8
}

func (r rung) ring() ring {
	list := func(some []uint8) (list []secret.Secret) {
		for _, n := range some {
			if n != 0 {
				list = append(list, numbered(n))
			}
		}
		return list
	}
	return ring{numbered(r.key), list(r.next[:]), list(r.last[:])}
}

func rungOf(r ring) (out rung) {
	out.key = r.key.Reveal()[0]
	for i, s := range r.next {
		out.next[i] = s.Reveal()[0]
	}
	for i, s := range r.last {
		out.last[i] = s.Reveal()[0]
	}
	return out
}

func numbered(n uint8) secret.Secret { return secret.New([]byte{n}) }

func (r rung) opens(key uint8) bool {
	return slices.ContainsFunc(r.ring().all(), func(s secret.Secret) bool { return s.Reveal()[0] == key })
}

// pairing is a state of the model.
type pairing struct {
	file, loaded [2]rung
	sent         [2]uint8 // bit: a register under that secret has been written
	made         uint8    // secrets, the first of them from before
	maker        uint8    // of the newest
	typed        bool     // the newest, at the other side
	late         bool     // a change came to its end unfinished
}

// moves are what a change of secret is made of.
type moves struct {
	made, heard func(ring, secret.Secret) (ring, bool)
	given       func(ring, secret.Secret) ring
}

const mostSecrets = 4

// next calls f with what may follow; person says that it takes one to do it.
func (p pairing) next(m moves, lapse bool, f func(to pairing, person bool)) {
	for x := range p.file {
		y := 1 - x
		if p.made < mostSecrets && (p.typed || p.made == 1 || int(p.maker) == x) {
			to := p
			to.made++
			to.maker, to.typed = uint8(x), false
			if r, ok := m.made(to.file[x].ring(), numbered(to.made)); ok {
				to.file[x] = rungOf(r)
				f(to, true)
			}
		}
		if p.made > 1 && !p.typed && int(p.maker) == y {
			to := p
			to.typed = true
			to.file[x] = rungOf(m.given(to.file[x].ring(), numbered(p.made)))
			f(to, true)
		}
		if lapse {
			to := p
			to.late = true
			to.file[x] = rungOf(p.file[x].ring().late(true, true))
			f(to, true)
		}
		to := p // a look at the files, or a restart
		to.loaded[x] = p.file[x]
		f(to, false)
		to = p
		to.sent[x] |= 1 << p.loaded[x].key
		f(to, false)
		for key := uint8(1); key <= p.made; key++ {
			if p.sent[y]&(1<<key) == 0 || !p.loaded[x].opens(key) {
				continue
			}
			if _, changed := m.heard(p.loaded[x].ring(), numbered(key)); changed {
				to := p
				r, _ := m.heard(p.file[x].ring(), numbered(key))
				to.file[x] = rungOf(r)
				to.loaded[x] = to.file[x]
				f(to, false)
			}
		}
	}
}

// wrong names what must never be.
func (p pairing) wrong() string {
	for x := range p.file {
		switch {
		case p.file[x].key == 0:
			return "a side without a secret"
		case !p.late && !p.file[1-x].opens(p.file[x].key):
			return "a side that seals what the other cannot open"
		}
	}
	return ""
}

func (p pairing) settled() bool {
	return p.file[0] == p.file[1] && p.file[0] == rung{key: p.file[0].key} && p.loaded == p.file
}

// explorePairs visits every state and returns what is wrong with one of them, or
// that one with its code typed in comes to no end without another person.
func explorePairs(m moves, lapse bool) (fault string, states int) {
	first := pairing{file: [2]rung{{key: 1}, {key: 1}}, loaded: [2]rung{{key: 1}, {key: 1}}, made: 1}
	index := map[pairing]int32{first: 0}
	list := []pairing{first}
	var ways [][2]int32
	for at := int32(0); int(at) < len(list); at++ {
		p := list[at]
		if f := p.wrong(); f != "" {
			return fmt.Sprintf("%s: %+v", f, p), len(list)
		}
		p.next(m, lapse, func(to pairing, person bool) {
			n, ok := index[to]
			if !ok {
				n = int32(len(list))
				index[to] = n
				list = append(list, to)
			}
			if !person && n != at {
				ways = append(ways, [2]int32{n, at})
			}
		})
	}
	good := make([]byte, len(list))
	for i, p := range list {
		if p.settled() || p.late || p.made > 1 && !p.typed {
			good[i] = 1
		}
	}
	if stuck, _ := liveness(good, ways); stuck > 0 {
		return fmt.Sprintf("%d changes never end", stuck), len(list)
	}
	return "", len(list)
}

func TestRing(t *testing.T) {
	shipped := moves{ring.made, ring.heard, ring.given}
	for _, lapse := range []bool{false, true} {
		fault, states := explorePairs(shipped, lapse)
		t.Logf("%d states", states)
		if fault != "" || states < 100 {
			t.Errorf("lapse %v: %s (%d states)", lapse, fault, states)
		}
	}
	test := func(bug string, change func(*moves), want string) {
		m := shipped
		change(&m)
		if fault, _ := explorePairs(m, false); !strings.Contains(fault, want) {
			t.Errorf("%s: found %q, want %q", bug, fault, want)
		}
	}
	test("the maker seals with it at once", func(m *moves) {
		m.made = func(r ring, s secret.Secret) (ring, bool) { return ring{key: s, last: r.all()}, true }
	}, "cannot open")
	test("the other side forgets the old one", func(m *moves) {
		m.given = func(_ ring, s secret.Secret) ring { return ring{key: s} }
	}, "cannot open")
	test("the maker forgets the new one when the old one is used", func(m *moves) {
		m.heard = func(r ring, s secret.Secret) (ring, bool) {
			if same(s, r.key) && len(r.next) > 0 {
				return ring{key: r.key}, true
			}
			return r.heard(s)
		}
	}, "cannot open")
	test("both wait for the other", func(m *moves) {
		m.given = func(r ring, s secret.Secret) ring { r.next = []secret.Secret{s}; return r }
	}, "never end")
	test("the old one is dropped when it is used", func(m *moves) {
		m.heard = func(r ring, s secret.Secret) (ring, bool) {
			if slices.ContainsFunc(r.last, func(l secret.Secret) bool { return same(s, l) }) {
				return ring{key: r.key}, true
			}
			return r.heard(s)
		}
	}, "cannot open")
	test("a code voids the one before", func(m *moves) {
		m.made = func(r ring, s secret.Secret) (ring, bool) { r.next = []secret.Secret{s}; return r, true }
	}, "cannot open")
}
