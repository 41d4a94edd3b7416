// SPDX-License-Identifier: GPL-3.0-or-later

package ipc

import "encoding/json"

// This file is the worker's half of the protocol: what a job becomes. It does
// no I/O. Whoever calls it commits before anything follows from it.

// phase is where a job stands.
type phase string

const (
	fresh    phase = ""        // an offer, and nothing else
	claimed  phase = "claimed" // in memory only: a nonce is published
	declined phase = "refused" // in memory only
	started  phase = "started" // committed before the effect
	finished phase = "done"    // committed before it is published
	dubious  phase = "doubt"   // we died in it
)

// A job is the worker's record of one command.
type job struct {
	ID, Verb string
	Args     json.RawMessage
	Kind     Kind
	Phase    phase
	Nonce    string // of the claim; consumed when the job starts
	Out      outcome

	old   bool   // from the list of past commands: nothing in the journal
	busy  bool   // its handler, or what comes after it, is at work
	under string // the nonce that this process started it under
	after bool   // committed, and its After has not returned
	note  string // latest progress
	stop  func() // cancels the handler's ctx; nil: it has none
	order int64  // in which jobs ended, for fair rendering
}

// facts are what the machine needs to know about an offer from elsewhere.
type facts struct {
	bad  *fault // why it cannot be run here
	past phase  // how it ended, where it was confirmed and forgotten: finished or dubious
	slot bool   // a handler is free
}

// take is what an offer does to its job: nothing, a claim, a refusal, or the
// start. A start needs a grant for the nonce of this very process, and consumes
// it.
func take(j job, o offer, f facts, nonce func() string) (job, bool) {
	switch j.Phase {
	case fresh:
		j.ID, j.Verb, j.Args = o.ID, o.V, o.A
		switch {
		case f.past != fresh:
			j.Phase, j.old = f.past, true
			if f.past == finished {
				j.Out = outcome{Err: alreadyRan}
			}
		case f.bad != nil:
			j.Phase, j.Out = declined, outcome{Err: f.bad}
		case !f.slot && j.Kind == Once:
			// Claims of these wait for a free handler: if we die, a granted one
			// that merely stood in line would end as unknown.
			return j, false
		default:
			j.Phase, j.Nonce = claimed, nonce()
		}
		return j, true
	case claimed:
		switch {
		case o.G == "" || o.G != j.Nonce:
		case o.X: // cancelled: with the nonce goes the grant, which can start nothing any more
			j.Phase, j.Out = declined, outcome{Err: cancelled}
			return j, true
		case f.slot:
			j.Phase, j.Nonce, j.under = started, "", j.Nonce
			return j, true
		}
	}
	return j, false
}

// giveUp is what a cancellation does to a job that has started and has not been
// given to a handler: it is as if the grant had come with the cancellation. Only
// the process that started it knows that nothing has run.
func giveUp(j job) (job, bool) {
	if j.Phase != started || j.under == "" {
		return j, false
	}
	j.Phase, j.Nonce, j.under, j.Out = declined, j.under, "", outcome{Err: cancelled}
	return j, true
}

// resume is what a new process does with a job that it finds started: run it
// again where that is harmless. An InTx job that is started has had no effect.
func resume(j job) (_ job, again bool) {
	if j.Phase != started {
		return j, false
	}
	if j.Kind == Once {
		j.Phase = dubious
		return j, false
	}
	return j, true
}

// finish records how the handler ended.
func finish(j job, out outcome) job {
	j.Phase, j.Out = finished, out
	return j
}

// confirm is what "I know its end" from the sender does: the job may be
// forgotten, but for its place among the past ones.
func confirm(j job) (forget bool) {
	return (j.Phase == finished || j.Phase == dubious) && !j.busy
}

// drop is what the absence of the offer in a newer register does.
func drop(j job) (forget bool) {
	return j.Phase == claimed || j.Phase == declined || j.old
}

// renew is what the first register of a new process of the sender does: a claim
// that it does not grant is void. If its file came from a backup, an earlier
// self may have granted the claim and not know it; after this no such grant can
// start anything, and only after this is the new process told that it was heard.
func renew(j job, grant string) (forget bool) {
	return j.Phase == claimed && j.Nonce != grant
}
