// SPDX-License-Identifier: GPL-3.0-or-later

package moderation

import (
	"crypto/sha256"
	"log/slog"
	"strconv"
	"sync"
	"time"
)

// limiter counts by marks alone: a limit of n in a window is n slots, each taken
// by the first Add of its key. So several servers share a limit through any store
// that knows Add. When that store does not answer, the marks of this process
// serve: limits get looser, never the door shut.
type limiter struct {
	shared Marks
	own    *memMarks
	log    *slog.Logger
	now    func() time.Time
}

func newLimiter(shared Marks, log *slog.Logger, now func() time.Time) *limiter {
	return &limiter{shared: shared, own: newMemMarks(maxMarks, now), log: log, now: now}
}

// add reports whether key is fresh.
func (l *limiter) add(key string, ttl time.Duration) bool {
	if l.shared != nil {
		fresh, err := l.shared.Add(key, []byte("1"), ttl)
		if err == nil {
			return fresh
		}
		if l.own.add("log", time.Minute) {
			l.log.Warn("shared marks do not answer, using those of this process", "err", err)
		}
	}
	return l.own.add(key, ttl)
}

// allow takes one of n slots that name has in this window, and reports whether
// one was left.
func (l *limiter) allow(name string, n int, window time.Duration) bool {
	turn := l.now().UnixNano() / int64(window)
	// Names go in hashed: no address stands in the store, and no key is too long.
	sum := sha256.Sum256([]byte(name))
	key := "r/" + base32Lower.EncodeToString(sum[:12]) + "/" + strconv.FormatInt(turn, 36) + "/"
	for i := range n {
		if l.add(key+strconv.Itoa(i), window) {
			return true
		}
	}
	return false
}

const maxMarks = 1 << 16

// memMarks is Marks in this process, of bounded size.
type memMarks struct {
	mu  sync.Mutex
	max int
	end map[string]time.Time
	now func() time.Time
}

func newMemMarks(max int, now func() time.Time) *memMarks {
	return &memMarks{max: max, end: make(map[string]time.Time), now: now}
}

func (m *memMarks) add(key string, ttl time.Duration) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.now()
	if end, ok := m.end[key]; ok && now.Before(end) {
		return false
	}
	if len(m.end) >= m.max {
		for k, end := range m.end {
			if !now.Before(end) {
				delete(m.end, k)
			}
		}
		// All still good: a tenth goes, whichever, rather than growing.
		drop := len(m.end) - m.max + m.max/10
		for k := range m.end {
			if drop <= 0 {
				break
			}
			delete(m.end, k)
			drop--
		}
	}
	m.end[key] = now.Add(ttl)
	return true
}
