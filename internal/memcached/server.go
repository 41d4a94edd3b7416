// SPDX-License-Identifier: GPL-3.0-or-later

// Package memcached is a small server of the Memcached text protocol, for those
// who run no real one: the message bus of a single machine, the cache of the
// comment server, pages for nginx's memcached_pass.
//
// It owns the items, their expiry and a least-recently-used bound on their
// bytes. It knows neither TLS nor passwords, so it serves Unix sockets and
// loopback addresses only. It speaks get, gets, gat, gats, set, add, replace,
// append, prepend, cas, incr, decr, touch, delete, flush_all, version, stats,
// verbosity, mn and quit; everything else is answered with ERROR.
//
// The same process uses [Server.Put], [Server.Get] and their like without a
// socket. All methods may be called from any goroutine; none blocks but
// [Server.Serve]. A value is never changed in place: what Get returned stays as
// it is, and must not be changed by the caller either.
package memcached

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"

	"oswald"
	"oswald/internal/backoff"
)

// Config bounds what clients may use.
type Config struct {
	MaxBytes int           // of all items together, each charged 64 bytes more than its key and value
	MaxItem  int           // key and value of one item
	MaxConns int           // connections at a time; more are told so and closed
	MaxLine  int           // length of a command line
	Idle     time.Duration // a connection that says nothing for so long is closed
	Stall    time.Duration // so long may a client take within a command or to read an answer
	Register time.Duration // lifetime of what Put stores
	Now      func() time.Time
}

// Defaults returns the configuration of the message bus.
func Defaults() Config {
	return Config{
		MaxBytes: 64 << 20,
		MaxItem:  1 << 20,
		MaxConns: 256,
		MaxLine:  64 << 10,
		Idle:     10 * time.Minute,
		Stall:    30 * time.Second,
		Register: time.Minute,
		Now:      time.Now,
	}
}

// A Server holds items and answers clients.
type Server struct {
	cfg     Config
	items   *items
	started time.Time

	mu    sync.Mutex
	conns map[net.Conn]bool
	total int
}

// New returns an empty Server. Fields of cfg that are zero take their defaults.
func New(cfg Config) *Server {
	d := Defaults()
	fill(&cfg.MaxBytes, d.MaxBytes)
	fill(&cfg.MaxItem, d.MaxItem)
	fill(&cfg.MaxConns, d.MaxConns)
	fill(&cfg.MaxLine, d.MaxLine)
	fill(&cfg.Idle, d.Idle)
	fill(&cfg.Stall, d.Stall)
	fill(&cfg.Register, d.Register)
	if cfg.Now == nil {
		cfg.Now = d.Now
	}
	return &Server{cfg: cfg, items: newItems(cfg), started: cfg.Now(), conns: map[net.Conn]bool{}}
}

func fill[T int | time.Duration](v *T, def T) {
	if *v <= 0 {
		*v = def
	}
}

// Serve answers clients of l until ctx ends, then closes l and every connection
// and returns when all of them are done. It may be called for several listeners.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	if !private(l.Addr()) {
		l.Close()
		return oswald.Errorf(oswald.Invalid, "The embedded Memcached server has no password and no TLS: let it listen on a Unix socket or a loopback address.")
	}
	var wg sync.WaitGroup
	defer wg.Wait() // deferred first, so runs last
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(ctx, func() { l.Close() })()
	defer l.Close()
	retry := backoff.Backoff{Min: 5 * time.Millisecond, Max: time.Second}
	for {
		c, err := l.Accept()
		switch {
		case ctx.Err() != nil:
			if err == nil {
				c.Close()
			}
			return nil
		case errors.Is(err, net.ErrClosed):
			return err
		case err != nil: // out of file descriptors, most likely: it passes
			if retry.Wait(ctx) != nil {
				return nil
			}
			continue
		}
		retry.Reset()
		if !s.admit(c) {
			continue
		}
		wg.Go(func() {
			defer s.release(c)
			defer context.AfterFunc(ctx, func() { c.Close() })()
			newSession(s, c).run()
		})
	}
}

// private reports whether only this machine reaches a.
func private(a net.Addr) bool {
	switch a := a.(type) {
	case *net.UnixAddr:
		return true
	case *net.TCPAddr:
		return a.IP.IsLoopback()
	}
	return false
}

// admit counts c, or tells it that the house is full.
func (s *Server) admit(c net.Conn) bool {
	s.mu.Lock()
	full := len(s.conns) >= s.cfg.MaxConns
	if !full {
		s.conns[c] = true
		s.total++
	}
	s.mu.Unlock()
	if full {
		// A fresh socket has room for one line, so this does not block.
		c.SetWriteDeadline(time.Now().Add(time.Second))
		c.Write([]byte("SERVER_ERROR too many connections\r\n"))
		c.Close()
	}
	return !full
}

func (s *Server) release(c net.Conn) {
	c.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
}

// Put stores val under key for a minute (see [Config]). It satisfies ipc.Bus.
func (s *Server) Put(key string, val []byte) error { return s.Set(key, val, s.cfg.Register) }

// Get returns the values of those keys that are there.
func (s *Server) Get(keys []string) (map[string][]byte, error) {
	m := make(map[string][]byte, len(keys))
	for _, k := range keys {
		if it, ok := s.items.get(k); ok {
			m[k] = it.val
		}
	}
	return m, nil
}

// Changed returns a channel that is closed at the next write of anybody. Take
// it before reading, or a write in between goes unnoticed.
func (s *Server) Changed() <-chan struct{} { return s.items.changed() }

// Set stores val under key; a ttl of zero keeps it until it is evicted.
func (s *Server) Set(key string, val []byte, ttl time.Duration) error {
	_, err := s.write(opSet, key, val, ttl)
	return err
}

// Add stores val under key if there is nothing yet, and says whether it did.
func (s *Server) Add(key string, val []byte, ttl time.Duration) (fresh bool, err error) {
	return s.write(opAdd, key, val, ttl)
}

func (s *Server) write(op op, key string, val []byte, ttl time.Duration) (bool, error) {
	if !legalKey(key) {
		return false, errKey
	}
	var end time.Time
	if ttl > 0 {
		end = s.cfg.Now().Add(ttl)
	}
	switch s.items.store(op, item{key: key, val: append([]byte(nil), val...), end: end}, 0) {
	case stored:
		return true, nil
	case tooLarge:
		return false, errTooLarge
	}
	return false, nil
}

// Delete removes key; that it is not there is no error.
func (s *Server) Delete(key string) error {
	s.items.remove(key)
	return nil
}

// Incr adds delta to the decimal number under key and returns the sum; ok is
// false where there is none.
func (s *Server) Incr(key string, delta uint64) (sum uint64, ok bool, err error) {
	n, res := s.items.count(key, delta, false)
	if res == notNumber {
		return 0, false, errNumber
	}
	return n, res == stored, nil
}

var (
	errKey      = errors.New("memcached: a key is 1 to 250 bytes without spaces and controls")
	errTooLarge = errors.New("memcached: the value is too large")
	errNumber   = errors.New("memcached: the value is no number")
)
