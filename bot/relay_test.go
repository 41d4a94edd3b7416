// SPDX-License-Identifier: GPL-3.0-or-later

package bot

import (
	"net"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// long reports whether the whole of the slow tests is wanted.
func long() bool { return os.Getenv("OSWALD_LONG") != "" }

// A relay stands between the bot and the server and does what nets do. Set its
// fields before it is used; they hold for connections that begin later.
type relay struct {
	addr string
	to   string
	// cut says after how many bytes, to the server and from it, a connection ends.
	cut func(n int) (up, down int)
	// rate is how many bytes a second pass in each direction.
	rate int
	// idle is how long a connection may be quiet: then it is forgotten, and nothing
	// passes any more.
	idle time.Duration

	count     atomic.Int64 // connections so far
	forgotten atomic.Int64

	mu    sync.Mutex
	conns []net.Conn
	over  bool
}

func newRelay(t *testing.T, to string) *relay {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{addr: l.Addr().String(), to: to}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { r.pass(c) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		r.mu.Lock()
		r.over = true
		for _, c := range r.conns {
			c.Close()
		}
		r.mu.Unlock()
		wg.Wait()
	})
	return r
}

func (r *relay) pass(near net.Conn) {
	defer near.Close()
	far, err := net.DialTimeout("tcp", r.to, 5*time.Second)
	if err != nil {
		return
	}
	defer far.Close()
	r.mu.Lock()
	if r.over {
		r.mu.Unlock()
		return
	}
	r.conns = append(r.conns, near, far)
	r.mu.Unlock()
	n := int(r.count.Add(1))
	up, down := -1, -1
	if r.cut != nil {
		up, down = r.cut(n)
	}
	var last atomic.Int64
	last.Store(time.Now().UnixNano())
	var gone atomic.Bool
	var wg sync.WaitGroup
	pump := func(to, from net.Conn, left int) {
		defer to.Close()
		defer from.Close()
		buf := make([]byte, 16<<10)
		if r.rate > 0 {
			buf = buf[:max(r.rate/10, 1)]
		}
		for {
			n, err := from.Read(buf)
			if left >= 0 && n >= left {
				to.Write(buf[:left])
				return
			}
			left -= n
			if now := time.Now().UnixNano(); r.idle > 0 && now-last.Swap(now) > int64(r.idle) && !gone.Swap(true) {
				r.forgotten.Add(1)
			}
			if gone.Load() {
				n = 0
			}
			if _, err := to.Write(buf[:n]); err != nil {
				return
			}
			if err != nil {
				return
			}
			if r.rate > 0 {
				pause := time.NewTimer(time.Second * time.Duration(n) / time.Duration(r.rate))
				<-pause.C
			}
		}
	}
	wg.Go(func() { pump(far, near, up) })
	wg.Go(func() { pump(near, far, down) })
	wg.Wait()
}

// TestRelayForgets makes sure that the relay does what the soak counts on.
func TestRelayForgets(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		buf := make([]byte, 10)
		for {
			n, err := c.Read(buf)
			if err != nil {
				return
			}
			c.Write(buf[:n])
		}
	}()
	r := newRelay(t, l.Addr().String())
	r.idle = 300 * time.Millisecond
	c, err := net.Dial("tcp", r.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	echo := func(within time.Duration) bool {
		c.Write([]byte("x"))
		c.SetReadDeadline(time.Now().Add(within))
		_, err := c.Read(make([]byte, 1))
		return err == nil
	}
	if !echo(10 * time.Second) {
		t.Fatal("nothing passes")
	}
	quiet := time.NewTimer(2 * r.idle)
	<-quiet.C
	if echo(200*time.Millisecond) || r.forgotten.Load() != 1 {
		t.Errorf("a quiet connection is not forgotten (%d)", r.forgotten.Load())
	}
	if echo(200 * time.Millisecond) {
		t.Error("it is remembered again")
	}
}
