// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"oswald"
)

// stopTimeout bounds the stopping of everything together.
const stopTimeout = 5 * time.Second

// A stack runs parts side by side and stops them in reverse order of their
// start, each before the ones it stands on. A part that fails takes no other
// with it: the failure is logged and kept for `status`.
type stack struct {
	log   *slog.Logger
	mu    sync.Mutex // guards what follows: status reads parts while others start
	parts []*running
	// closers run after the last part has stopped, last first.
	closers []func() error
}

// running is a part that has been started.
type running struct {
	name   string
	cancel context.CancelFunc
	done   chan struct{}
	mu     sync.Mutex
	err    error // why it stopped by itself, or cannot work for now
	over   bool  // it has stopped by itself
}

// start calls run in a goroutine. run must return soon after its context ends.
func (s *stack) start(name string, run func(ctx context.Context) error) *running {
	ctx, cancel := context.WithCancel(context.Background())
	r := &running{name: name, cancel: cancel, done: make(chan struct{})}
	s.mu.Lock()
	s.parts = append(s.parts, r)
	s.mu.Unlock()
	go func() {
		defer close(r.done)
		defer cancel()
		err := protect(ctx, run)
		if ctx.Err() == nil {
			if err == nil {
				err = errors.New("ended by itself")
			}
			s.log.Error("a part has stopped", "part", name, "err", err)
			r.mu.Lock()
			r.err, r.over = err, true
			r.mu.Unlock()
		}
	}()
	return r
}

// protect turns a panic of a part into an error, so that the others live on.
func protect(ctx context.Context, run func(context.Context) error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return run(ctx)
}

// Err returns why the part does not work; nil while it does.
func (r *running) Err() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err
}

// trouble says why the part cannot work for now, though it goes on; nil: it can.
func (r *running) trouble(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.err = err
}

// part is what `status` says of a part that does not work; ok while it does.
func (r *running) part() (p oswald.Part, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.err == nil:
		return p, true
	case r.over:
		return oswald.Part{Name: r.name, State: "stopped; restart oswald, its log says why: " + oswald.MessageOf(r.err)}, false
	}
	return oswald.Part{Name: r.name, State: oswald.MessageOf(r.err)}, false
}

// onClose adds a function that runs when all parts have stopped.
func (s *stack) onClose(f func() error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closers = append(s.closers, f)
}

// attempt runs build. Where that fails, what it has given to onClose is closed
// at once; it must not have started parts then. One attempt runs at a time.
func (s *stack) attempt(build func() error) error {
	s.mu.Lock()
	n := len(s.closers)
	s.mu.Unlock()
	err := build()
	if err != nil {
		s.close(n)
	}
	return err
}

// close runs the closers but for the first n, last first.
func (s *stack) close(n int) {
	s.mu.Lock()
	list := s.closers[min(n, len(s.closers)):]
	s.closers = s.closers[:len(s.closers)-len(list)]
	s.mu.Unlock()
	for _, f := range slices.Backward(list) {
		if err := f(); err != nil {
			s.log.Error("closing", "err", err)
		}
	}
}

// pop takes the newest part off; nil where there is none.
func (s *stack) pop() *running {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := len(s.parts)
	if n == 0 {
		return nil
	}
	p := s.parts[n-1]
	s.parts = s.parts[:n-1]
	return p
}

// stop ends the parts, last started first, and then runs the closers. It takes
// no longer than stopTimeout for all parts; one that does not stop is named in
// the log and left behind.
func (s *stack) stop() {
	deadline := time.NewTimer(stopTimeout)
	defer deadline.Stop()
	late := false
	for p := s.pop(); p != nil; p = s.pop() {
		p.cancel()
		if late {
			continue
		}
		select {
		case <-p.done:
		case <-deadline.C:
			s.log.Error("a part does not stop", "part", p.name, "after", stopTimeout)
			late = true
		}
	}
	s.close(0)
}

// running returns the parts in the order of their start.
func (s *stack) running() []*running {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.parts)
}
