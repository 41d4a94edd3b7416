// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"
)

// stopTimeout bounds the stopping of everything together.
const stopTimeout = 5 * time.Second

// A stack runs parts side by side and stops them in reverse order of their
// start, each before the ones it stands on. A part that fails takes no other
// with it: the failure is logged and kept for `status`.
type stack struct {
	log   *slog.Logger
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
	err    error
}

// start calls run in a goroutine. run must return soon after its context ends.
func (s *stack) start(name string, run func(ctx context.Context) error) *running {
	ctx, cancel := context.WithCancel(context.Background())
	r := &running{name: name, cancel: cancel, done: make(chan struct{})}
	s.parts = append(s.parts, r)
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
			r.err = err
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

// Err returns why the part stopped by itself; nil while it runs.
func (r *running) Err() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err
}

// onClose adds a function that runs when all parts have stopped.
func (s *stack) onClose(f func() error) { s.closers = append(s.closers, f) }

// stop ends the parts, last started first, and then runs the closers. It takes
// no longer than stopTimeout for all parts; one that does not stop is named in
// the log and left behind.
func (s *stack) stop() {
	deadline := time.NewTimer(stopTimeout)
	defer deadline.Stop()
	late := false
	for i := len(s.parts) - 1; i >= 0; i-- {
		p := s.parts[i]
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
	for i := len(s.closers) - 1; i >= 0; i-- {
		if err := s.closers[i](); err != nil {
			s.log.Error("closing", "err", err)
		}
	}
	s.parts, s.closers = nil, nil
}
