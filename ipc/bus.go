// SPDX-License-Identifier: GPL-3.0-or-later

package ipc

import "sync"

// Bus carries registers. It may lose, repeat, reorder and replay what is put
// into it: nothing but delay comes of that. Both methods may be called from any
// goroutine and return within a second.
type Bus interface {
	Put(key string, val []byte) error
	Get(keys []string) (map[string][]byte, error)
}

// Waiter is a Bus that can say when something was put, so that nobody polls it.
type Waiter interface {
	// Changed returns a channel that is closed at the next Put of anybody.
	Changed() <-chan struct{}
}

// Mem is a Bus within one process.
type Mem struct {
	mu   sync.Mutex
	m    map[string][]byte
	wake chan struct{}
}

// NewMem returns an empty Mem.
func NewMem() *Mem { return &Mem{m: map[string][]byte{}, wake: make(chan struct{})} }

// Put implements Bus.
func (b *Mem) Put(key string, val []byte) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.m[key] = append([]byte(nil), val...)
	close(b.wake)
	b.wake = make(chan struct{})
	return nil
}

// Get implements Bus.
func (b *Mem) Get(keys []string) (map[string][]byte, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	m := make(map[string][]byte, len(keys))
	for _, k := range keys {
		if v, ok := b.m[k]; ok {
			m[k] = v
		}
	}
	return m, nil
}

// Changed implements Waiter.
func (b *Mem) Changed() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.wake
}
