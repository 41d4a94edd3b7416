// SPDX-License-Identifier: GPL-3.0-or-later

package ipc

import (
	"crypto/hmac"
	"slices"

	"oswald/internal/secret"
)

// This file is how a pair changes its secret while both go on working. It does
// no I/O; keys.go keeps the result in files.
//
// One side makes the new secret and goes on sealing with the old one, but opens
// both: only a person carries the new one over, and that may take a day. The
// side that is given it knows that the other has it, so it seals with it at
// once, and opens the old one until the other has changed too. The first
// register under the new secret is what tells the maker to change.

// A ring is what one side has of a pair's secrets; next and last are empty
// outside a change.
type ring struct {
	key  secret.Secret   // seals
	next []secret.Secret // made here, the newest last; the other side has used none of them yet
	last []secret.Secret // from before key; the other side has not used key yet
}

// all returns what opens a register, the likeliest first.
func (r ring) all() []secret.Secret {
	return slices.Concat([]secret.Secret{r.key}, r.next, r.last)
}

// Bounds of a ring. More than one is made where a code got lost, and then nobody
// knows which of them will be typed in.
const (
	mostNext = 2
	mostLast = 4
)

// made takes in a secret made here for the other side; ok is false where too many
// wait already. Where there was none to go on with, nothing is lost by beginning
// with it.
func (r ring) made(s secret.Secret) (_ ring, ok bool) {
	switch {
	case r.key.Empty():
		return ring{key: s}, true
	case len(r.next) == mostNext:
		return r, false
	}
	r.next = append(slices.Clone(r.next), s)
	return r, true
}

// given takes in a secret that the other side made. What the other may still seal
// with goes on being opened.
func (r ring) given(s secret.Secret) ring {
	switch {
	case same(s, r.key):
		return r
	case r.key.Empty():
		return ring{key: s}
	}
	last := r.all()
	return ring{key: s, last: last[:min(len(last), mostLast)]}
}

// heard is what a register under s does, one that the other side wrote.
func (r ring) heard(s secret.Secret) (_ ring, changed bool) {
	for i, n := range r.next {
		if same(s, n) {
			return ring{key: n, next: r.next[i+1:]}, true
		}
	}
	if same(s, r.key) && len(r.last) > 0 {
		return ring{key: r.key, next: r.next}, true
	}
	return r, false
}

// late ends a change that nobody finished in time: a secret that was never used
// is forgotten, and one that was replaced opens nothing any more.
func (r ring) late(next, last bool) ring {
	if next {
		r.next = nil
	}
	if last {
		r.last = nil
	}
	return r
}

func sameList(a, b []secret.Secret) bool { return slices.EqualFunc(a, b, same) }

func same(a, b secret.Secret) bool {
	return !a.Empty() && hmac.Equal(a.Reveal(), b.Reveal())
}
