// SPDX-License-Identifier: GPL-3.0-or-later

package bot

import (
	"bufio"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"oswald/internal/prosodytest"
	"oswald/internal/servertest"
	"oswald/internal/xmpptest"
)

// TestFindsServer lets the bot find each server by the records of its domain alone:
// a dead target first, then one whose first address swallows all, with direct TLS.
// The targets are called otherwise than the domain; the certificate is the domain's.
func TestFindsServer(t *testing.T) {
	xmpptest.Servers(t, []string{"bot", "alice"}, func(t *testing.T, s *xmpptest.Server) {
		n := newNameServer(t)
		port := func(addr string) uint16 {
			var p uint16
			fmt.Sscan(servertest.Port(addr), &p)
			return p
		}
		n.record("xmpp-client", s.Domain, "dead.test.", 1, 1, 0)
		n.record("xmpps-client", s.Domain, "host.test.", port(s.TLSAddr), 2, 0)
		n.record("xmpp-client", s.Domain, "host.test.", port(s.Addr), 3, 0)
		n.addrs["dead.test."] = []string{"127.0.0.1"}
		hole := blackHole(t, port(s.TLSAddr))
		n.addrs["host.test."] = []string{hole, "127.0.0.1"}
		cfg := testConfig(t, s)
		cfg.Server = ""
		r := newRig(t, cfg, filepath.Join(t.TempDir(), "bot.db"))
		r.names = n.resolver()
		r.run().waitOnline()
		if to := r.live.Load().conn.to; to.addr != "host.test:"+servertest.Port(s.TLSAddr) || !to.direct {
			t.Errorf("connected to %v", to)
		}
		ask(t, client(t, s, "alice"), "hello")
	})
}

// blackHole returns an address of this machine where connecting to port takes for
// ever: its queue is full.
func blackHole(t *testing.T, port uint16) string {
	t.Helper()
	const host = "127.0.0.2"
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Close(fd) })
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Port: int(port), Addr: [4]byte{127, 0, 0, 2}}); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Listen(fd, 0); err != nil {
		t.Fatal(err)
	}
	for range 4 {
		c, err := net.DialTimeout("tcp", net.JoinHostPort(host, fmt.Sprint(port)), 100*time.Millisecond)
		if err != nil {
			return host
		}
		t.Cleanup(func() { c.Close() })
	}
	t.Fatal("the queue does not get full")
	return ""
}

// elsewhere is a server that sends everybody to the address in to.
type elsewhere struct {
	addr  string
	to    atomic.Value
	count atomic.Int64
}

func newElsewhere(t *testing.T, to string) *elsewhere {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	e := &elsewhere{addr: l.Addr().String()}
	e.to.Store(to)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			e.count.Add(1)
			c.SetDeadline(time.Now().Add(10 * time.Second))
			bufio.NewReader(c).ReadString('>') // <?xml ...?>, and the header is on its way
			fmt.Fprintf(c, "<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='%s' id='x' from='%s' version='1.0'>"+
				"<stream:error><see-other-host xmlns='urn:ietf:params:xml:ns:xmpp-streams'>%s</see-other-host></stream:error></stream:stream>",
				nsStream, prosodytest.Domain, e.to.Load())
			go func() { // until the other side closes
				defer c.Close()
				for buf := make([]byte, 512); ; {
					if _, err := c.Read(buf); err != nil {
						return
					}
				}
			}()
		}
	}()
	t.Cleanup(func() { l.Close(); <-done })
	return e
}

func TestSeeOtherHost(t *testing.T) {
	s := server(t)
	e := newElsewhere(t, s.Addr)
	cfg := testConfig(t, s)
	cfg.Server = e.addr
	r := newRig(t, cfg, filepath.Join(t.TempDir(), "bot.db")).run().waitOnline()
	if to := r.live.Load().conn.to.addr; to != s.Addr || e.count.Load() != 1 {
		t.Errorf("at %s after %d redirections", to, e.count.Load())
	}
	ask(t, client(t, s, "alice"), "hello")
	r.end()

	// In a circle it is not followed for ever.
	e.to.Store(e.addr)
	e.count.Store(0)
	_, err := Check(t.Context(), cfg)
	if n := e.count.Load(); n != 1+hopsMax || err == nil {
		t.Errorf("%d connections, %v", n, err)
	}
	// Nor does it lead away from the certificate of the domain.
	other := prosodytest.Start(t, "bot")
	e.to.Store(other.Addr)
	if _, err := Check(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), "not signed by anyone") {
		t.Errorf("another authority: %v", err)
	}
}
