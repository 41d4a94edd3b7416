// SPDX-License-Identifier: GPL-3.0-or-later

package bot

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"oswald"
)

const (
	urgentMax = 32 // commands of one person that have passed those that wait
	talkMax   = 32 // commands of one person in memory; the rest waits on disk
	typing    = 500 * time.Millisecond
	graceTime = 2 * time.Second // for a command that is told to stop
)

// talks are the conversations: one queue for each person, whose commands run in
// order, and slots that bound how many run at the same time.
type talks struct {
	b     *Bot
	slots chan struct{}

	mu  sync.Mutex
	ctx context.Context
	wg  sync.WaitGroup
	by  map[string]*talk
}

// A talk is what one person has said and not been answered yet.
type talk struct {
	sender string
	queue  []command
	loaded int64 // up to here they are in queue, or done
	last   int64 // the newest that is on disk
	count  int   // all that wait

	passed  map[int64]bool       // the urgent ones that ran beside the queue
	changed map[string]amendment // of those that are not in queue yet, by id
	running string               // the id of the one that has begun
	stop    context.CancelCauseFunc
}

// start lets commands run until ctx ends, first those of an earlier run: left
// says how many each sender has.
func (t *talks) start(ctx context.Context, left map[string]int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ctx = ctx
	for sender, n := range left {
		k := &talk{sender: sender, last: t.b.in.next - 1, count: n}
		t.by[sender] = k
		t.wg.Go(func() { t.run(k) })
	}
}

// stop waits for the commands that run, which have been told to stop, until ctx
// ends; those that do not are left behind.
func (t *talks) stop(ctx context.Context) {
	done := make(chan struct{})
	go func() { t.wg.Wait(); close(done) }()
	select {
	case <-done:
	case <-ctx.Done():
		t.b.log.Error("commands do not stop")
	}
}

// add puts c into its sender's queue and on disk, with the change also, which may be
// nil; kept is called when it is there. One that is urgent does not wait for those
// before it. It returns false, and does nothing, if too many wait.
func (t *talks) add(c command, also change, kept func(error)) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	k := t.by[c.sender]
	if k != nil && k.count >= waitingMax {
		return false
	}
	t.b.disk.put(together(c.insert(false), also), kept)
	if k != nil && len(k.passed) < urgentMax && t.b.deps.Urgent != nil && t.b.deps.Urgent(c.text) {
		if k.passed == nil {
			k.passed = make(map[int64]bool)
		}
		k.passed[c.n] = true
		t.wg.Go(func() { t.b.carryOut(t.ctx, c) })
		return true
	}
	if k == nil {
		k = &talk{sender: c.sender, loaded: c.n - 1, last: c.n - 1}
		t.by[c.sender] = k
		t.wg.Go(func() { t.run(k) })
	}
	if k.loaded == k.last && len(k.queue) < talkMax {
		k.queue = append(k.queue, c)
		k.loaded = c.n
	}
	k.last = c.n
	k.count++
	return true
}

// run carries out the commands of one person until none is left.
func (t *talks) run(k *talk) {
	for t.ctx.Err() == nil {
		c, ok := t.next(k)
		if !ok {
			return
		}
		select {
		case t.slots <- struct{}{}:
		case <-t.ctx.Done():
			return
		}
		t.runOne(k, c)
		<-t.slots
	}
}

// runOne carries out c, so that it can be stopped meanwhile.
func (t *talks) runOne(k *talk, c command) {
	ctx, cancel := context.WithCancelCause(t.ctx)
	defer cancel(nil)
	t.mu.Lock()
	k.stop = cancel
	t.mu.Unlock()
	t.b.carryOut(ctx, c)
	t.mu.Lock()
	k.running = ""
	t.mu.Unlock()
}

// next returns the next command; where there is none it ends the talk.
func (t *talks) next(k *talk) (command, bool) {
	for {
		t.mu.Lock()
		if len(k.queue) > 0 {
			c := k.queue[0]
			k.queue = k.queue[1:]
			k.count--
			k.running, k.stop = c.id, func(error) {}
			t.mu.Unlock()
			return c, true
		}
		if k.loaded >= k.last {
			delete(t.by, k.sender)
			t.mu.Unlock()
			return command{}, false
		}
		after, upTo := k.loaded, k.last
		t.mu.Unlock()
		list, err := t.b.in.load(t.ctx, k.sender, after, talkMax)
		if err != nil {
			if t.ctx.Err() != nil {
				return command{}, false
			}
			t.b.log.Error("commands that wait cannot be read", "sender", k.sender, "err", err)
			t.mu.Lock()
			delete(t.by, k.sender) // they are on disk: the next start finds them
			t.mu.Unlock()
			return command{}, false
		}
		t.mu.Lock()
		if len(list) < talkMax {
			k.loaded = upTo
		}
		if len(list) > 0 {
			k.loaded = max(k.loaded, list[len(list)-1].n)
		}
		list = slices.DeleteFunc(list, func(c command) bool { return k.passed[c.n] })
		k.queue = append(k.queue, k.amended(list)...)
		t.mu.Unlock()
	}
}

// carryOut runs one command and sends what it answers.
func (b *Bot) carryOut(ctx context.Context, c command) {
	role := b.deps.Role(c.sender) // it may have been taken away meanwhile
	if role == oswald.NoRole {
		b.disk.put(c.done(), nil)
		return
	}
	p := &progress{b: b, c: c, over: c.place != ""} // a room is spared that
	timer := time.AfterFunc(typing, p.typing)
	r, err := b.dispatch(ctx, oswald.Request{
		ID: c.id, Actor: oswald.Actor{Address: c.sender, Role: role}, Room: bareOf(c.place), Text: c.text, At: c.at, Progress: p.tell,
		About: c.about, Reaction: c.reaction, Corrects: c.corrects,
	})
	timer.Stop()
	shown, watched := p.end()
	switch takenBack := errors.Is(context.Cause(ctx), errTakenBack); {
	case takenBack && err != nil:
		b.disk.put(c.done(), nil) // its sender knows
		return
	case ctx.Err() != nil && err != nil && !takenBack:
		return // stopped in the middle: it stays in the inbox, and its ID makes it safe to ask again
	}
	b.handled(c)
	picture := "✅"
	if err != nil {
		picture = "❌"
		r = oswald.Reply{Text: oswald.MessageOf(err), Raw: true}
		var e *oswald.Error
		if !errors.As(err, &e) {
			r.Text = b.refer(c, err)
		}
	}
	if x := b.reactTo(c, picture); watched && x != "" {
		b.out.keep([]string{x}, nil, nil)
	}
	if c.place != "" && b.rooms.reply(c, r) {
		return
	}
	if r.Text != "" || r.File != nil {
		r, files := b.withFile(ctx, r)
		b.say(c.sender, c.thread, c.id, r, c.done(), nil, files...)
		return
	}
	if shown {
		b.out.pass(b.wire(outgoing{to: c.sender, thread: c.thread, id: oswald.RandomID(), state: "active"}))
	}
	b.disk.put(c.done(), nil)
}

// refer logs err and returns the sentence with the reference to the log.
func (b *Bot) refer(c command, err error) string {
	ref := oswald.RandomID()[:4]
	b.log.Error("a command failed", "ref", ref, "id", c.id, "sender", c.sender, "err", err)
	return fmt.Sprintf("Internal error (ref %s).", ref)
}

// dispatch calls the Dispatcher, and returns though it may panic or hang.
func (b *Bot) dispatch(ctx context.Context, req oswald.Request) (oswald.Reply, error) {
	inner, cancel := context.WithTimeout(ctx, b.cfg.Timeout)
	defer cancel()
	type result struct {
		r   oswald.Reply
		err error
	}
	ch := make(chan result, 1)
	go func() {
		var res result
		defer func() {
			if p := recover(); p != nil {
				res = result{err: fmt.Errorf("panic: %v\n%s", p, debug.Stack())}
			}
			ch <- res
		}()
		res.r, res.err = b.deps.Dispatcher.Dispatch(inner, req)
	}()
	select {
	case res := <-ch:
		return res.r, res.err
	case <-inner.Done():
	}
	t := time.NewTimer(graceTime)
	defer t.Stop()
	select {
	case res := <-ch:
		return res.r, res.err
	case <-t.C: // left behind: nothing can end it
		return oswald.Reply{}, fmt.Errorf("hangs after %v: %w", b.cfg.Timeout, context.Cause(inner))
	}
}
