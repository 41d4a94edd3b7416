// SPDX-License-Identifier: GPL-3.0-or-later

package handlers

import (
	"sync"
	"time"
)

// A limiter keeps one person from keeping Oswald from the others. Each has a
// bucket of `rate` commands that fills up again within a minute.
type limiter struct {
	rate float64
	mu   sync.Mutex
	who  map[string]*bucket
}

type bucket struct {
	left float64
	at   time.Time
}

func newLimiter(rate int) *limiter {
	return &limiter{rate: float64(rate), who: map[string]*bucket{}}
}

// allow takes one command out of who's bucket; false if it is empty.
func (l *limiter) allow(who string, now time.Time) bool {
	if l.rate == 0 {
		return true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.who[who]
	if b == nil {
		b = &bucket{left: l.rate, at: now}
		l.who[who] = b
	}
	if d := now.Sub(b.at); d > 0 {
		b.left = min(l.rate, b.left+d.Minutes()*l.rate)
		b.at = now
	}
	if b.left < 1 {
		return false
	}
	b.left--
	return true
}

// forget drops the buckets that are full again.
func (l *limiter) forget(now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for who, b := range l.who {
		if now.Sub(b.at) > time.Minute {
			delete(l.who, who)
		}
	}
}
