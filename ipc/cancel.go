// SPDX-License-Identifier: GPL-3.0-or-later

package ipc

import (
	"context"
	"slices"

	"oswald"
)

// A cancellation is on its way to the loop.
type cancellation struct {
	id   string
	kept chan error // cap 1
}

// Cancel asks that the command id be given up. Nil says that the wish is on
// disk, not that it came in time: a command that was still on offer ends as
// refused and did not run; of one that a handler runs, the handler's ctx is
// cancelled, and what the handler makes of it is the answer. An in-transaction
// command that has begun is not disturbed.
func (n *Node) Cancel(ctx context.Context, id string) error {
	c := &cancellation{id: id, kept: make(chan error, 1)}
	late := func() error {
		return oswald.Wrap(ctx.Err(), oswald.Unavailable, "The cancellation could not be put on disk in time: try again.")
	}
	select {
	case n.cancels <- c:
		n.wake()
	case <-ctx.Done():
		return late()
	case <-n.stopped:
		return errStopped
	}
	select {
	case err := <-c.kept:
		return err
	case <-ctx.Done():
		return late()
	case <-n.stopped:
		return errStopped
	}
}

// cancel takes cancellations into the batch.
func (s *session) cancel(now int64) error {
	for range cap(s.n.cancels) {
		select {
		case c := <-s.n.cancels:
			s.stopping = append(s.stopping, c)
			if err := s.cancelOne(c, now); err != nil {
				return err
			}
		default:
			return nil
		}
	}
	s.n.wake() // there may be more
	return nil
}

func (s *session) cancelOne(c *cancellation, now int64) error {
	t := s.tickets[c.id]
	if t == nil {
		old, err := s.file.ticket(s.ctx, c.id)
		switch {
		case err != nil:
			return err
		case old == nil:
			c.kept <- oswald.Errorf(oswald.NotFound, "No such command is under way.")
		default:
			c.kept <- oswald.Errorf(oswald.Conflict, "That has ended already.")
		}
		s.stopping = slices.DeleteFunc(s.stopping, func(o *cancellation) bool { return o == c })
		return nil
	}
	if nt, changed := s.n.machine.cancel(*t); changed {
		*t = nt
		p := s.peer(t.Peer)
		s.changed(p, t, now)
		s.tidy(p)
	}
	s.b.after(func() { c.kept <- nil })
	return nil
}
