// SPDX-License-Identifier: GPL-3.0-or-later

package bot

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestAlternate(t *testing.T) {
	test := func(in, want string) {
		t.Helper()
		var addrs []netip.Addr
		for _, s := range strings.Fields(in) {
			addrs = append(addrs, netip.MustParseAddr(s))
		}
		if got := strings.Trim(fmt.Sprint(alternate(addrs)), "[]"); got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
	test("", "")
	test("::1 ::2 ::3 10.0.0.1 10.0.0.2", "::1 10.0.0.1 ::2 10.0.0.2 ::3")
	test("10.0.0.1 ::1 ::2", "10.0.0.1 ::1 ::2")
	test("10.0.0.1 10.0.0.2", "10.0.0.1 10.0.0.2")
	test("::ffff:10.0.0.1 ::1", "10.0.0.1 ::1")
}

// TestRace runs attempts that take a known time on a clock that moves by itself.
func TestRace(t *testing.T) {
	type host struct {
		after time.Duration
		fails bool
	}
	test := func(hosts []host, winner int, took time.Duration) {
		t.Helper()
		synctest.Test(t, func(t *testing.T) {
			open := 0
			var list []netip.AddrPort
			for i := range hosts {
				list = append(list, netip.AddrPortFrom(netip.MustParseAddr("192.0.2.1"), uint16(i)))
			}
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			begin := time.Now()
			c, err := race(ctx, list, func(ctx context.Context, a netip.AddrPort) (net.Conn, error) {
				h := hosts[a.Port()]
				timer := time.NewTimer(h.after)
				defer timer.Stop()
				select {
				case <-timer.C:
				case <-ctx.Done():
					if h.fails || h.after > time.Minute {
						return nil, ctx.Err()
					}
					// It has connected in the same moment: race has to close it.
				}
				if h.fails {
					return nil, errors.New("refused")
				}
				open++
				return &fakeConn{port: int(a.Port()), open: &open}, nil
			})
			got := -1
			if err == nil {
				got = c.(*fakeConn).port
				c.Close()
			}
			if d := time.Since(begin); got != winner || d != took {
				t.Errorf("%v: %d after %v, %v; want %d after %v", hosts, got, d, err, winner, took)
			}
			if open != 0 {
				t.Errorf("%v: %d connections stay open", hosts, open)
			}
		})
	}
	const ms = time.Millisecond
	test([]host{{50 * ms, false}}, 0, 50*ms)
	test([]host{{50 * ms, true}}, -1, 50*ms)
	test([]host{{50 * ms, true}, {10 * ms, false}}, 1, 60*ms)                // at once after a failure
	test([]host{{time.Hour, false}, {10 * ms, false}}, 1, 260*ms)            // beside a silent one
	test([]host{{300 * ms, false}, {100 * ms, false}}, 0, 300*ms)            // the first may still win
	test([]host{{time.Hour, false}, {time.Hour, false}}, -1, 20*time.Second) // the whole is bounded
	test([]host{{time.Hour, false}, {20 * ms, true}, {20 * ms, true}, {30 * ms, false}}, 3, 320*ms)
	test(nil, -1, 0)
}

type fakeConn struct {
	net.Conn
	port int
	open *int
}

func (c *fakeConn) Close() error { *c.open--; return nil }
