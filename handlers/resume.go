// SPDX-License-Identifier: GPL-3.0-or-later

package handlers

import (
	"context"
	"sync"

	"oswald"
)

// resumeWorkers bounds the commands that are resumed at the same time.
const resumeWorkers = 8

// Resume sees to the commands that an earlier process accepted and did not end.
// One that may run again under its ID is run again; of any other it says that
// nobody knows whether it happened. It returns when all have an end, or when ctx
// ends. send gets the reply to the command id, and returns nil when that cannot be
// lost any more; only then is the end written down. Who dispatches the command
// again by itself, as the chat does with what waits there, ignores the reply: that
// Dispatch waits for the end and returns it.
func (h *Handlers) Resume(ctx context.Context, send func(ctx context.Context, id, to string, r oswald.Reply) error) error {
	h.mu.Lock()
	left := h.left
	h.left = nil
	h.mu.Unlock()
	var wg sync.WaitGroup
	defer wg.Wait()
	slots := make(chan struct{}, resumeWorkers)
	for _, e := range left {
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
			return nil
		}
		wg.Go(func() {
			defer func() { <-slots }()
			defer h.release(e.ID)
			if err := h.resume(ctx, e, send); err != nil && ctx.Err() == nil {
				h.log.Error("resuming a command", "id", e.ID, "err", err)
			}
		})
	}
	return nil
}

func (h *Handlers) resume(ctx context.Context, e entry, send func(ctx context.Context, id, to string, r oswald.Reply) error) error {
	role := oswald.Owner // the control socket: only those who own the machine reach it
	if e.Who != Local {
		role = h.Role(e.Who)
	}
	req := oswald.Request{ID: e.ID, Actor: oswald.Actor{Address: e.Who, Role: role}, Room: e.Room, Text: e.Text, At: e.Sent}
	what := oneLine(e.Text, 80)
	h.log.Info("resuming a command", "id", e.ID, "who", e.Who, "command", what)
	var reply oswald.Reply
	c, err := h.parse(req.Text, req.Actor, req.Room)
	switch {
	case err != nil: // the role was taken away meanwhile, or the command is no more
		err = oswald.Wrap(err, oswald.Unknown, "I was restarted during `%s`, and may not run it again: %s It may or may not have happened.", what, oswald.MessageOf(err))
	case !c.again:
		err = oswald.Errorf(oswald.Unknown, "I was restarted during `%s`; it may or may not have happened.", what)
	default:
		inner, again, j := h.begin(ctx, req, c)
		reply, err = h.call(inner, again, c, c.run)
		h.end(j)
		if err != nil && ctx.Err() != nil {
			return ctx.Err() // next time
		}
	}
	out := reply
	if err != nil {
		out = oswald.Reply{Text: oswald.MessageOf(err)}
	}
	if e.Who != Local {
		to := e.Who
		if e.Room != "" {
			to = e.Room
		}
		late := out
		if c.command != nil && c.again {
			late.Text = "(after a restart) " + out.Text
		}
		if err := send(ctx, e.ID, to, late); err != nil {
			return err
		}
	}
	return h.finish(ctx, e.ID, reply, err)
}
