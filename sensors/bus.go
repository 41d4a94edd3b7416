// SPDX-License-Identifier: GPL-3.0-or-later

package sensors

import (
	"context"
	"time"
)

// A bus reads files of the kernel one at a time, in a goroutine of its own. A
// read that hangs cannot be cancelled: it is abandoned, and no second one is
// started until it has returned. One goroutine uses a bus.
type bus struct {
	busy chan struct{} // holds one while a read is under way
}

func newBus() *bus { return &bus{busy: make(chan struct{}, 1)} }

// read runs f, for at most limit. What f returns after that is lost.
func read[T any](ctx context.Context, b *bus, limit time.Duration, f func() (T, error)) (T, error) {
	var none T
	select {
	case b.busy <- struct{}{}:
	default:
		return none, errHung // the abandoned one is still there
	}
	type result struct {
		v   T
		err error
	}
	done := make(chan result, 1)
	go func() {
		v, err := f()
		<-b.busy // before the result: whoever has it may read again
		done <- result{v, err}
	}()
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case r := <-done:
		return r.v, r.err
	case <-timer.C:
		return none, errHung
	case <-ctx.Done():
		return none, ctx.Err()
	}
}
