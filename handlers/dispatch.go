// SPDX-License-Identifier: GPL-3.0-or-later

package handlers

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"oswald"
	"oswald/internal/store"
)

// textMax is the longest text that is looked at.
const textMax = 64 << 10

// Dispatch carries out what req asks and returns the answer. An error is always
// an *oswald.Error whose message is meant for the asker. A stranger, and a text
// without a word, get an empty Reply: nothing is to be sent.
func (h *Handlers) Dispatch(ctx context.Context, req oswald.Request) (oswald.Reply, error) {
	if len(req.Text) <= textMax {
		req.Text = legible(req.Text)
	}
	if req.Actor.Role == oswald.NoRole || strings.TrimSpace(req.Text) == "" {
		return oswald.Reply{}, nil
	}
	if req.ID == "" {
		req.ID = oswald.RandomID()
	}
	if req.At.IsZero() {
		req.At = h.now()
	}
	c, err := call{}, error(nil)
	if req.About != "" {
		var meant bool
		if meant, err = h.interpret(&req); !meant {
			return oswald.Reply{}, nil
		}
	}
	if err == nil && req.Corrects != "" {
		err = h.corrected(ctx, req)
	}
	if err == nil {
		c, err = h.understand(req)
	}
	if err != nil {
		h.note(req, stateRefused, oswald.Reply{}, err)
		return oswald.Reply{}, err
	}
	switch {
	case c.answer != "":
		return h.once(ctx, req, func() (oswald.Reply, error) { return h.answered(ctx, req, c.answer == "yes") })
	case c.changes:
		return h.once(ctx, req, func() (oswald.Reply, error) { return h.keep(ctx, req, c) })
	}
	reply, err := h.call(ctx, req, c, c.run)
	h.note(req, ending(err), reply, err)
	return reply, err
}

// understand parses req and applies the limits.
func (h *Handlers) understand(req oswald.Request) (c call, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = h.internal(fmt.Errorf("panic: %v\n%s", p, debug.Stack()), req.Text)
		}
	}()
	if len(req.Text) > textMax {
		return c, oswald.Errorf(oswald.Invalid, "That text is too long; I read up to %d KB.", textMax>>10)
	}
	if !h.limit.allow(req.Actor.Address, h.now()) {
		return c, oswald.Errorf(oswald.Unavailable, "That was too many commands in a minute; wait a little. This one was not run.")
	}
	return h.parse(req.Text, req.Actor, req.Room)
}

// A runner is a handler of the table.
type runner = func(ctx context.Context, req oswald.Request, args []string) (oswald.Reply, error)

// call runs one handler of c within its time limit and words its failure. It is
// the one place where a handler is called.
func (h *Handlers) call(ctx context.Context, req oswald.Request, c call, run runner) (reply oswald.Reply, err error) {
	limit := h.cfg.Timeout
	if c.slow {
		limit = h.cfg.Build
	}
	inner, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
		switch {
		case err == nil:
			return
		case errors.Is(context.Cause(ctx), errGivenUp) && errors.Is(err, context.Canceled):
			err = oswald.Wrap(err, oswald.Conflict, "`%s` was cancelled.", c.path)
		case errors.Is(err, context.Canceled) && ctx.Err() != nil && c.changes:
			err = oswald.Wrap(err, oswald.Unknown, "I am being stopped just now; how it ended follows after the restart.")
		case errors.Is(err, context.Canceled) && ctx.Err() != nil:
			err = oswald.Wrap(err, oswald.Unavailable, "I am being stopped just now; ask again in a minute.")
		case errors.Is(err, context.DeadlineExceeded) && oswald.CodeOf(err) == oswald.Internal && c.changes:
			err = oswald.Wrap(err, oswald.Unknown, "`%s` has not ended within %s. It may still happen.", c.path, span(limit))
		case errors.Is(err, context.DeadlineExceeded) && oswald.CodeOf(err) == oswald.Internal:
			err = oswald.Wrap(err, oswald.Unavailable, "There was no answer within %s; try `status`.", span(limit))
		case oswald.CodeOf(err) == oswald.Internal:
			err = h.internal(err, c.path)
		}
		reply = oswald.Reply{}
	}()
	return run(inner, req, c.args)
}

// internal hides an unexpected error behind a reference to the log. What is wrong
// with the database it says: the owner can do something about that.
func (h *Handlers) internal(err error, what string) error {
	if store.Known(err) {
		h.log.Error("a command failed", "command", oneLine(what, 60), "err", err)
		return store.Explain(err, "")
	}
	return h.fault(err, what, "Internal error")
}

func (h *Handlers) fault(err error, what, sentence string) error {
	ref := oswald.RandomID()[:4]
	h.log.Error("a command failed", "ref", ref, "command", oneLine(what, 60), "err", err)
	return oswald.Wrap(err, oswald.Internal, "%s (ref %s).", sentence, ref)
}

// note records a command that has changed nothing.
func (h *Handlers) note(req oswald.Request, state string, reply oswald.Reply, err error) {
	now := h.now()
	e := entry{ID: req.ID, Who: req.Actor.Address, Room: req.Room, Text: req.Text, Sent: req.At, At: h.journal.stamp(now), Ended: now, State: state, Reply: reply}
	if err != nil {
		e.Code, e.Reply = oswald.CodeOf(err), oswald.Reply{Text: oswald.MessageOf(err)}
	}
	h.journal.note(e)
}

// ending is the state of a command that ended with err.
func ending(err error) string {
	switch oswald.CodeOf(err) {
	case "":
		return stateDone
	case oswald.Expired:
		return stateExpired
	case oswald.Unknown, oswald.Internal:
		return stateUnknown
	}
	return stateRefused
}

// once lets one Dispatch of an ID in at a time. Those that come while it runs
// get what it answered.
func (h *Handlers) once(ctx context.Context, req oswald.Request, f func() (oswald.Reply, error)) (oswald.Reply, error) {
	for {
		ch, mine := h.claim(req.ID)
		if mine {
			defer h.release(req.ID)
			return f()
		}
		select {
		case <-ch:
		case <-ctx.Done():
			return oswald.Reply{}, oswald.Wrap(ctx.Err(), oswald.Unavailable, "That command is still running; its answer will follow.")
		}
	}
}

// claim takes id for the caller, or returns what is closed when it is free.
func (h *Handlers) claim(id string) (ch chan struct{}, mine bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if ch, taken := h.running[id]; taken {
		return ch, false
	}
	ch = make(chan struct{})
	h.running[id] = ch
	return ch, true
}

func (h *Handlers) release(id string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	close(h.running[id])
	delete(h.running, id)
}

// keep carries out a command that changes something: on disk, then run, then
// its end on disk. A late one and a dangerous one ask first.
func (h *Handlers) keep(ctx context.Context, req oswald.Request, c call) (oswald.Reply, error) {
	late := h.now().Sub(req.At)
	if late > h.cfg.Late || c.confirm != nil {
		return h.ask(ctx, req, c, late)
	}
	e := entry{ID: req.ID, Who: req.Actor.Address, Room: req.Room, Text: req.Text, Sent: req.At, At: h.journal.stamp(h.now()), State: stateAccepted}
	fresh, err := insert(ctx, h.deps.DB, e)
	if store.Known(err) {
		h.log.Error("a command could not be written down", "command", c.path, "err", err)
		return oswald.Reply{}, oswald.Wrap(err, oswald.Unavailable, "Nothing was done. %s", oswald.MessageOf(store.Explain(err, "")))
	}
	if err != nil {
		return oswald.Reply{}, h.fault(err, c.path, "The command could not be written down, so nothing was done")
	}
	if !fresh {
		return h.recorded(ctx, req)
	}
	return h.carryOut(ctx, req, c)
}

// carryOut runs a command that is on disk and writes down how it ended.
func (h *Handlers) carryOut(ctx context.Context, req oswald.Request, c call) (oswald.Reply, error) {
	inner, req, j := h.begin(ctx, req, c)
	reply, err := h.call(inner, req, c, c.run)
	h.end(j)
	if err != nil && errors.Is(ctx.Err(), context.Canceled) {
		return reply, err // stopped in the middle: Resume finds out what became of it
	}
	return reply, errors.Join(err, h.finish(ctx, req.ID, reply, err))
}

// finish writes down how a command ended. The reply may only leave after that.
func (h *Handlers) finish(ctx context.Context, id string, reply oswald.Reply, err error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	if err != nil {
		reply = oswald.Reply{Text: oswald.MessageOf(err)}
	}
	if err := h.journal.finish(ctx, id, ending(err), h.now(), reply, oswald.CodeOf(err)); err != nil {
		return h.internal(err, "record of "+id)
	}
	return nil
}

// recorded returns the answer that req.ID got the first time.
func (h *Handlers) recorded(ctx context.Context, req oswald.Request) (oswald.Reply, error) {
	if err := h.journal.flush(ctx); err != nil {
		return oswald.Reply{}, h.internal(err, req.Text)
	}
	e, err := h.journal.find(ctx, req.ID)
	if err == nil && e != nil && e.Via != "" {
		e, err = h.journal.find(ctx, e.Via)
	}
	switch {
	case err != nil:
		return oswald.Reply{}, h.internal(err, req.Text)
	case e == nil || e.Who != req.Actor.Address:
		return oswald.Reply{}, oswald.Errorf(oswald.Conflict, "That command carries the number of another one; send it again.")
	case e.State == stateAccepted: // its Dispatch was stopped in the middle
		return oswald.Reply{}, oswald.Errorf(oswald.Unavailable, "That command was accepted and has not ended; its answer will follow.")
	}
	return e.outcome()
}

// progress tells the asker how a long command is going: first after two
// seconds, then what the other side reports. stop must be called before the
// command returns.
func progress(req oswald.Request, first string) (report func(string), stop func()) {
	if req.Progress == nil {
		return func(string) {}, func() {}
	}
	var mu sync.Mutex
	last, shown, over := first, false, false
	tell := func() {
		mu.Lock()
		defer mu.Unlock()
		if !over {
			shown = true
			req.Progress(last)
		}
	}
	timer := time.AfterFunc(2*time.Second, tell)
	report = func(text string) {
		if text = oneLine(text, 120); text == "" {
			return
		}
		mu.Lock()
		defer mu.Unlock()
		if text == last || over {
			return
		}
		if last = text; shown {
			req.Progress(last)
		}
	}
	stop = func() {
		timer.Stop()
		mu.Lock()
		defer mu.Unlock()
		over = true
	}
	return report, stop
}
