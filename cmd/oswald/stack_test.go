// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestStackStopsInReverse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &stack{log: slog.New(slog.NewTextHandler(io.Discard, nil))}
		var mu sync.Mutex
		var order []string
		note := func(name string) { mu.Lock(); order = append(order, name); mu.Unlock() }
		for _, name := range []string{"a", "b", "c"} {
			s.start(name, func(ctx context.Context) error {
				<-ctx.Done()
				time.Sleep(time.Second)
				note(name)
				return nil
			})
		}
		s.onClose(func() error { note("closed"); return nil })
		s.stop()
		s.stop() // harmless
		if want := []string{"c", "b", "a", "closed"}; !slices.Equal(order, want) {
			t.Errorf("stopped in the order %v, want %v", order, want)
		}
	})
}

func TestStackIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		s := &stack{log: slog.New(slog.NewTextHandler(&log, nil))}
		release := make(chan struct{})
		s.start("fine", func(ctx context.Context) error { <-ctx.Done(); return nil })
		s.start("stuck", func(ctx context.Context) error { <-release; return nil })
		begin := time.Now()
		s.stop()
		if took := time.Since(begin); took != stopTimeout {
			t.Errorf("stopping took %v", took)
		}
		if !strings.Contains(log.String(), "stuck") {
			t.Errorf("the log does not name the part: %s", &log)
		}
		close(release)
	})
}

func TestStackKeepsFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &stack{log: slog.New(slog.NewTextHandler(io.Discard, nil))}
		boom := errors.New("boom")
		failed := s.start("failed", func(context.Context) error { return boom })
		panicked := s.start("panicked", func(context.Context) error { panic("ouch") })
		fine := s.start("fine", func(ctx context.Context) error { <-ctx.Done(); return nil })
		synctest.Wait()
		if failed.Err() != boom || panicked.Err() == nil || fine.Err() != nil {
			t.Errorf("failures: %v, %v, %v", failed.Err(), panicked.Err(), fine.Err())
		}
		s.stop()
	})
}

func TestStackAttempt(t *testing.T) {
	s := &stack{log: slog.New(slog.DiscardHandler)}
	var order []string
	closer := func(name string) { s.onClose(func() error { order = append(order, name); return nil }) }
	closer("first")
	boom := errors.New("boom")
	err := s.attempt(func() error { closer("a"); closer("b"); return boom })
	if err != boom || !slices.Equal(order, []string{"b", "a"}) {
		t.Errorf("a failed attempt: %v, closed %v", err, order)
	}
	if err := s.attempt(func() error { closer("c"); return nil }); err != nil || len(order) != 2 {
		t.Errorf("an attempt that went well: %v, closed %v", err, order)
	}
	s.stop()
	if want := []string{"b", "a", "c", "first"}; !slices.Equal(order, want) {
		t.Errorf("closed %v, want %v", order, want)
	}
}
