// SPDX-License-Identifier: GPL-3.0-or-later

// Package backoff spaces retries: exponentially, with jitter, up to a bound.
package backoff

import (
	"context"
	"math/rand/v2"
	"time"
)

// Backoff gives the pauses between tries. The zero value is not useful; set Min
// and Max. One goroutine uses it.
type Backoff struct {
	Min, Max time.Duration
	next     time.Duration
}

// Next returns the pause before the next try: between a half and the whole of a
// bound that doubles from Min to Max.
func (b *Backoff) Next() time.Duration {
	b.next = min(max(b.next, b.Min), b.Max)
	d := b.next/2 + rand.N(b.next/2+1)
	b.next *= 2
	return d
}

// Reset starts again at Min, after a try that went well.
func (b *Backoff) Reset() { b.next = 0 }

// Wait pauses for Next, or until ctx ends; it returns ctx's error then.
func (b *Backoff) Wait(ctx context.Context) error {
	t := time.NewTimer(b.Next())
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
