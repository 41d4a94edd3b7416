// SPDX-License-Identifier: GPL-3.0-or-later

package moderation

import (
	"io"
	"net/http"
	"sync/atomic"
	"time"
)

// tarpit holds who touched a mine: a decoy field, a form sent faster than anybody
// types, a token used again and again. Each is fed a few bytes a second, up to a
// deadline, and then gets the form back like anybody else: a person who was
// caught by mistake has lost half a minute and not a word. The number held is
// bounded; whoever comes on top is refused at once, at the cost of one answer.
type tarpit struct {
	slots chan struct{}
	hold  time.Duration
	count atomic.Int64
}

func newTarpit(n int, hold time.Duration) *tarpit {
	return &tarpit{slots: make(chan struct{}, n), hold: hold}
}

func (t *tarpit) held() int64 { return t.count.Load() }

const (
	dripEvery = time.Second
	drip      = "                \n" // 17 bytes of what HTML ignores
)

// keep drips to w until the time is over, the client goes, or quit is closed, and
// reports whether finish may write the rest of the page. When no slot is free it
// returns at once with full set, and nothing has been written.
func (t *tarpit) keep(w http.ResponseWriter, r *http.Request, quit <-chan struct{}) (finish, full bool) {
	select {
	case t.slots <- struct{}{}:
	default:
		return false, true
	}
	t.count.Add(1)
	defer func() { t.count.Add(-1); <-t.slots }()

	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // or nginx would collect the drops
	w.WriteHeader(http.StatusOK)
	rc := http.NewResponseController(w)
	over := time.NewTimer(t.hold)
	defer over.Stop()
	tick := time.NewTicker(dripEvery)
	defer tick.Stop()
	for {
		// A recorder in a test has no deadlines; a connection always does.
		_ = rc.SetWriteDeadline(time.Now().Add(5 * time.Second))
		if _, err := io.WriteString(w, drip); err != nil {
			return false, false
		}
		if err := rc.Flush(); err != nil {
			return false, false
		}
		select {
		case <-tick.C:
		case <-over.C:
			_ = rc.SetWriteDeadline(time.Now().Add(5 * time.Second))
			return true, false
		case <-r.Context().Done():
			return false, false
		case <-quit:
			return false, false
		}
	}
}
