// SPDX-License-Identifier: GPL-3.0-or-later

package ipc

import (
	"cmp"
	"maps"
	"slices"
	"sync"
	"time"

	"oswald"
)

// silence is how long a peer may say nothing and still counts as alive: five
// heartbeats.
const silence = 10 * time.Second

// board is what the loop lets others see of the peers.
type board struct {
	mu    sync.Mutex
	hosts map[string]oswald.Host
	heard map[string]time.Time // by the monotonic clock
	wrong string               // of the whole bus
}

// set shows h, keeping when the peer was seen.
func (b *board) set(h oswald.Host) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if h.Seen.IsZero() {
		h.Seen = b.hosts[h.Name].Seen
	} else {
		if b.heard == nil {
			b.heard = map[string]time.Time{}
		}
		b.heard[h.Name] = time.Now()
	}
	b.hosts[h.Name] = h
}

// trouble says what is wrong with the bus as a whole; "" is nothing.
func (b *board) trouble(what string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.wrong = what
}

func (b *board) list() []oswald.Host {
	b.mu.Lock()
	defer b.mu.Unlock()
	list := slices.SortedFunc(maps.Values(b.hosts), func(x, y oswald.Host) int { return cmp.Compare(x.Name, y.Name) })
	for i := range list {
		h := &list[i]
		at, ok := b.heard[h.Name]
		h.Alive = ok && time.Since(at) < silence
		switch {
		case b.wrong != "":
			h.Note = b.wrong
		case !h.Alive && h.Note == "" && ok:
			h.Note = "not reachable since " + h.Seen.Format("15:04")
		}
	}
	return list
}

// why says in passing why peer might not answer.
func (b *board) why(peer string) string {
	for _, h := range b.list() {
		if h.Name == peer && !h.Alive && h.Note != "" {
			return " (" + h.Note + ")"
		}
	}
	return ""
}
