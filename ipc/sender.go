// SPDX-License-Identifier: GPL-3.0-or-later

package ipc

import "encoding/json"

// This file is the sender's half of the protocol: what a ticket becomes. It
// does no I/O. Whoever calls it commits the ticket before anything follows from
// it; PROTOCOL.md has the table.

// state is where a ticket stands.
type state string

const (
	offered state = "offered" // on offer, or waiting for a place in the window
	granted state = "granted" // one nonce has the go-ahead
	done    state = "done"    // it ran; the outcome is recorded
	refused state = "refused" // the worker declined: it did not run
	expired state = "expired" // the deadline passed before a grant: it did not run
	doubt   state = "doubt"   // it may have run
)

// ended reports whether nothing more is to be done.
func (s state) ended() bool { return s != offered && s != granted }

// A ticket is the sender's record of one command.
type ticket struct {
	ID, Peer, Verb string
	Args           json.RawMessage
	Repeat         bool  // may be granted again when the worker forgot its claim
	Deadline       int64 // Unix ms, by the sender's clock
	State          state
	Nonce          string // of the claim that was granted
	Inst           string // the worker that claimed
	Out            outcome

	// unsure marks a ticket of an earlier process whose worker has not been
	// heard since: if our file came from a backup, a grant may be missing in it,
	// so the ticket cannot be called expired yet.
	unsure bool
	stop   bool // whoever gave it would rather not have it any more
	again  bool // more than one nonce has been granted
	pos    int64
	note   string // latest progress
}

// expire ends a ticket that nobody claimed in time. Only an offered one: the
// same record decides between expiry and grant, so an expired command never ran.
func expire(t ticket, now int64) (ticket, bool) {
	if t.State != offered || t.unsure || now < t.Deadline {
		return t, false
	}
	t.State = expired
	return t, true
}

// hear is what an item of the worker's register does to its ticket; it reports
// whether the ticket changed.
func hear(t ticket, it item, inst string, now int64) (ticket, bool) {
	switch t.State {
	case offered:
		switch it.St {
		case itClaim:
			switch {
			case now >= t.Deadline:
				return expire(t, now)
			case t.stop:
				return cancel(t)
			}
			t.State, t.Nonce, t.Inst = granted, it.N, inst
		case itDone, itRefused:
			return ended(t, it), true
		case itDoubt:
			t.State = doubt
		case itRun:
			// Only after our file was restored: an earlier self granted it.
			if t.Repeat {
				return t, false
			}
			t.State = doubt
		default:
			return t, false
		}
		return t, true
	case granted:
		switch {
		case it.St == itClaim && it.N == t.Nonce:
			return t, false
		case it.St == itClaim && t.Repeat && !t.stop:
			t.Nonce, t.Inst, t.again = it.N, inst, true
		case it.St == itClaim, it.St == itDoubt:
			t.State = doubt
		case it.St == itDone:
			return ended(t, it), true
		case it.St == itRefused && it.N != "":
			// Without a nonce it comes from a namesake of the worker that has the
			// grant. With one it was cancelled; but whoever had a grant for another
			// nonce may have run it.
			if t.again || it.N != t.Nonce {
				t.State = doubt
				return t, true
			}
			return ended(t, it), true
		default:
			return t, false
		}
		return t, true
	case doubt:
		if it.St == itDone { // the worker was slow, not dead
			return ended(t, it), true
		}
	}
	return t, false
}

// cancel is what the wish to be rid of it does to a ticket. On offer it ends:
// nothing runs without a grant, unless a grant may be missing in our file. With
// a grant the wish is passed on, and the worker has the say.
func cancel(t ticket) (ticket, bool) {
	switch {
	case t.State == offered && !t.unsure:
		t.State, t.Out = refused, outcome{Err: cancelled}
	case t.State.ended() || t.stop:
		return t, false
	}
	t.stop = true
	return t, true
}

func ended(t ticket, it item) ticket {
	t.State, t.Out = done, it.outcome()
	if it.St == itRefused {
		t.State = refused
	}
	return t
}

// restored reports whether the worker began a command under a grant that our
// file does not know of, so that the file must have come from a backup. known is
// how many grants the file records for the echoed process.
func restored(e *echo, known int64, ok bool) bool {
	return e != nil && e.BN != "" && (!ok || e.GN > known)
}
