// SPDX-License-Identifier: GPL-3.0-or-later

package xmppclient

import (
	"context"
	"strings"

	"oswald"
)

// waiter is a command that waits for its reply.
type waiter struct {
	from     string       // bare JID of who is asked
	id       string       // of the message that asked
	progress chan Message // what came before the end; full: the newest is lost
	end      chan Message // of one; closed when the session ends
}

// Command sends text to the bot at to, on a thread of its own, and waits for the
// reply: the message on that thread whose chat state is active. Every other one on
// the thread is a sign of life and goes to progress, which may be nil and is
// called from this goroutine. None of them reach Messages. Without a deadline in
// ctx it waits five minutes.
func (c *Client) Command(ctx context.Context, to, text string, progress func(Message)) (Message, error) {
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, commandTime)
		defer cancel()
	}
	thread, id := oswald.RandomID(), oswald.RandomID()
	bare, _, _ := strings.Cut(to, "/")
	w := &waiter{bare, id, make(chan Message, 64), make(chan Message, 1)}
	c.mu.Lock()
	if c.err != nil {
		defer c.mu.Unlock()
		return Message{}, c.err
	}
	c.waiters[thread], c.sent[id] = w, w
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		delete(c.waiters, thread)
		delete(c.sent, id)
		c.mu.Unlock()
	}()
	if _, err := c.Send(ctx, Message{To: to, ID: id, Thread: thread, Body: text, ChatState: "active"}); err != nil {
		return Message{}, err
	}
	tell := func(m Message) {
		if progress != nil {
			progress(m)
		}
	}
	for {
		select {
		case m := <-w.progress:
			tell(m)
		case m, ok := <-w.end:
			for len(w.progress) > 0 { // they came before it
				tell(<-w.progress)
			}
			if !ok {
				return Message{}, c.ended()
			}
			if m.Type == "error" {
				return m, oswald.Wrap(m.Error, oswald.Unavailable, "The message to %s came back.", bare)
			}
			return m, nil
		case <-ctx.Done():
			return Message{}, oswald.Wrap(ctx.Err(), oswald.Unavailable, "No answer came in time from %s.", bare)
		}
	}
}

// claimed reports whether a command waits for m, and hands it over. A bounced
// message need not carry the thread: it is known by its id.
func (c *Client) claimed(m Message) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	w := c.waiters[m.Thread]
	if m.Type == "error" && c.sent[m.ID] != nil {
		w = c.sent[m.ID]
	}
	if bare, _, _ := strings.Cut(m.From, "/"); w == nil || bare != w.from {
		return false
	}
	if m.Type == "error" || m.ChatState == "active" {
		select {
		case w.end <- m:
		default: // the end has come already
		}
		return true
	}
	select {
	case w.progress <- m:
	default:
	}
	return true
}
