// SPDX-License-Identifier: GPL-3.0-or-later

package memcached

import (
	"container/list"
	"strconv"
	"sync"
	"time"
)

// op is a way to store.
type op int

const (
	opSet op = iota
	opAdd
	opReplace
	opAppend
	opPrepend
	opCas
)

// result is how a write ended.
type result int

const (
	stored result = iota
	notStored
	exists   // somebody wrote since (cas)
	notFound // there is nothing
	tooLarge
	notNumber
)

// overhead is what an item costs beside its key and value.
const overhead = 64

type item struct {
	key   string
	val   []byte // never changed in place
	flags uint32
	cas   uint64
	end   time.Time // zero: never
	set   time.Time
}

func (it *item) size() int { return len(it.key) + len(it.val) + overhead }

// items is the store: a map with a bound on its bytes, least recently used out
// first.
type items struct {
	cfg Config

	mu      sync.Mutex
	by      map[string]*list.Element // of *item
	order   *list.List               // front: used last
	bytes   int
	cas     uint64
	flushAt time.Time // what was set before is gone from then on
	wake    chan struct{}
	stat    stats
}

type stats struct {
	gets, hits, sets, evictions, total uint64
}

func newItems(cfg Config) *items {
	return &items{cfg: cfg, by: map[string]*list.Element{}, order: list.New(), wake: make(chan struct{})}
}

func (s *items) changed() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.wake
}

// touchedLocked tells those who wait that something was written.
func (s *items) touchedLocked() {
	close(s.wake)
	s.wake = make(chan struct{})
}

// findLocked returns the living item of key.
func (s *items) findLocked(key string) *item {
	e := s.by[key]
	if e == nil {
		return nil
	}
	it := e.Value.(*item)
	now := s.cfg.Now()
	flushed := !s.flushAt.IsZero() && !now.Before(s.flushAt) && !it.set.After(s.flushAt)
	if flushed || !it.end.IsZero() && !now.Before(it.end) {
		s.dropLocked(e)
		return nil
	}
	return it
}

func (s *items) dropLocked(e *list.Element) {
	it := e.Value.(*item)
	s.order.Remove(e)
	delete(s.by, it.key)
	s.bytes -= it.size()
}

// putLocked makes it the item of its key, and room for it.
func (s *items) putLocked(it *item) {
	if e := s.by[it.key]; e != nil {
		s.dropLocked(e)
	}
	for s.bytes+it.size() > s.cfg.MaxBytes && s.order.Len() > 0 {
		s.dropLocked(s.order.Back())
		s.stat.evictions++
	}
	s.cas++
	it.cas, it.set = s.cas, s.cfg.Now()
	s.by[it.key] = s.order.PushFront(it)
	s.bytes += it.size()
	s.stat.total++
	s.touchedLocked()
}

func (s *items) get(key string) (item, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stat.gets++
	it := s.findLocked(key)
	if it == nil {
		return item{}, false
	}
	s.stat.hits++
	s.order.MoveToFront(s.by[key])
	return *it, true
}

// touch gives key a new end and returns its item.
func (s *items) touch(key string, end time.Time) (item, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	it := s.findLocked(key)
	if it == nil {
		return item{}, false
	}
	it.end = end
	s.order.MoveToFront(s.by[key])
	return *it, true
}

// store writes it as op says; cas counts for opCas only.
func (s *items) store(op op, it item, cas uint64) result {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stat.sets++
	old := s.findLocked(it.key)
	switch {
	case op == opAdd && old != nil:
		s.order.MoveToFront(s.by[it.key])
		return notStored
	case (op == opReplace || op == opAppend || op == opPrepend) && old == nil:
		return notStored
	case op == opCas && old == nil:
		return notFound
	case op == opCas && old.cas != cas:
		return exists
	}
	switch op {
	case opAppend:
		it.val = join(old.val, it.val)
		it.flags, it.end = old.flags, old.end
	case opPrepend:
		it.val = join(it.val, old.val)
		it.flags, it.end = old.flags, old.end
	}
	if it.size() > min(s.cfg.MaxItem, s.cfg.MaxBytes) {
		return tooLarge
	}
	s.putLocked(&it)
	return stored
}

func join(a, b []byte) []byte {
	return append(append(make([]byte, 0, len(a)+len(b)), a...), b...)
}

func (s *items) remove(key string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.findLocked(key) == nil {
		return false
	}
	s.dropLocked(s.by[key])
	s.touchedLocked()
	return true
}

// count adds delta to the number under key, or takes it away: incr wraps at 64
// bits, decr stops at zero, and a shorter number keeps its length with a space,
// as the protocol has it.
func (s *items) count(key string, delta uint64, down bool) (uint64, result) {
	s.mu.Lock()
	defer s.mu.Unlock()
	old := s.findLocked(key)
	if old == nil {
		return 0, notFound
	}
	n, err := strconv.ParseUint(trimRight(old.val), 10, 64)
	if err != nil {
		return 0, notNumber
	}
	switch {
	case !down:
		n += delta
	case n < delta:
		n = 0
	default:
		n -= delta
	}
	it := *old
	it.val = strconv.AppendUint(nil, n, 10)
	for down && len(it.val) < len(old.val) {
		it.val = append(it.val, ' ')
	}
	s.putLocked(&it)
	return n, stored
}

func trimRight(b []byte) string {
	for len(b) > 0 && b[len(b)-1] == ' ' {
		b = b[:len(b)-1]
	}
	return string(b)
}

// flush forgets everything that was set before at.
func (s *items) flush(at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !at.After(s.cfg.Now()) {
		s.by, s.bytes, s.flushAt = map[string]*list.Element{}, 0, time.Time{}
		s.order.Init()
	} else {
		s.flushAt = at
	}
	s.touchedLocked()
}

func (s *items) snapshot() (st stats, n, bytes int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stat, len(s.by), s.bytes
}
