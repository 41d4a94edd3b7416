// SPDX-License-Identifier: GPL-3.0-or-later

package sdnotify

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// systemd is the other end of the socket.
type systemd struct {
	t    *testing.T
	conn *net.UnixConn
}

func listen(t *testing.T, name string) *systemd {
	t.Helper()
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: name, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return &systemd{t, c}
}

// next is the next message; "" where none comes for a while.
func (s *systemd) next(patience time.Duration) string {
	s.t.Helper()
	b := make([]byte, 4096)
	if err := s.conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		s.t.Fatal(err)
	}
	n, err := s.conn.Read(b)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return ""
	}
	if err != nil {
		s.t.Fatal(err)
	}
	return string(b[:n])
}

func env(pairs ...string) func(string) string {
	return func(key string) string {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == key {
				return pairs[i+1]
			}
		}
		return ""
	}
}

var quiet = slog.New(slog.DiscardHandler)

func TestMessages(t *testing.T) {
	dir, err := os.MkdirTemp("", "sd") // a socket's name is short
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	for _, name := range []string{filepath.Join(dir, "notify"), fmt.Sprintf("@oswald-test-%d", os.Getpid())} {
		sd := listen(t, name)
		s := New(env("NOTIFY_SOCKET", name), 7, quiet)
		s.Ready("bot, site")
		if got := sd.next(time.Minute); got != "READY=1\nSTATUS=bot, site" {
			t.Errorf("%s: %q", name, got)
		}
		s.Stopping()
		if got := sd.next(time.Minute); got != "STOPPING=1" {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func TestWatchdogEnvironment(t *testing.T) {
	test := func(want time.Duration, pairs ...string) {
		t.Helper()
		if got := New(env(pairs...), 7, quiet).watchdog; got != want {
			t.Errorf("%q: %v, want %v", pairs, got, want)
		}
	}
	test(0)
	test(30*time.Second, "WATCHDOG_USEC", "30000000")
	test(30*time.Second, "WATCHDOG_USEC", "30000000", "WATCHDOG_PID", "7")
	test(0, "WATCHDOG_USEC", "30000000", "WATCHDOG_PID", "8") // our parent's
	test(0, "WATCHDOG_USEC", "soon")
	test(0, "WATCHDOG_USEC", "-1")
	test(0, "WATCHDOG_USEC", "9223372036854775807")
}

func TestNobodyListens(t *testing.T) {
	s := New(env(), 7, quiet)
	s.Ready("x")
	s.Stopping()
	s.Watch(t.Context(), func(context.Context) error { t.Error("asked"); return nil })
	gone := New(env("NOTIFY_SOCKET", filepath.Join(t.TempDir(), "none")), 7, quiet)
	gone.Ready("x") // no more than a line in the log
}

func TestWatch(t *testing.T) {
	name := fmt.Sprintf("@oswald-watch-%d", os.Getpid())
	sd := listen(t, name)
	s := New(env("NOTIFY_SOCKET", name, "WATCHDOG_USEC", "30000"), 7, quiet)
	var sick atomic.Bool
	var asked atomic.Int64
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		s.Watch(ctx, func(ctx context.Context) error {
			asked.Add(1)
			if sick.Load() {
				<-ctx.Done() // stuck: the deadline ends it
			}
			return ctx.Err()
		})
	})
	for range 3 {
		if got := sd.next(time.Minute); got != "WATCHDOG=1" {
			t.Fatalf("%q", got)
		}
	}
	sick.Store(true)
	// Messages that were on the way come; then it is asked on and nothing is said.
	for sd.next(200*time.Millisecond) != "" {
	}
	before := asked.Load()
	if got := sd.next(200 * time.Millisecond); got != "" || asked.Load() == before {
		t.Errorf("a sick service says %q, asked %d times", got, asked.Load()-before)
	}
	sick.Store(false)
	if got := sd.next(time.Minute); got != "WATCHDOG=1" {
		t.Errorf("recovered: %q", got)
	}
	cancel()
	wg.Wait()
}
