// SPDX-License-Identifier: GPL-3.0-or-later

package ipc

import (
	"context"
	"net"
	"os"
	"os/exec"
	"testing"
	"time"

	"oswald/internal/memcached"
)

// embedded starts the embedded server and returns its address.
func embedded(t testing.TB) (*memcached.Server, string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := memcached.New(memcached.Defaults())
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { defer close(ended); s.Serve(ctx, l) }()
	t.Cleanup(func() { cancel(); <-ended })
	return s, l.Addr().String()
}

// daemon is a real memcached.
type daemon struct {
	t    testing.TB
	addr string
	args []string
	cmd  *exec.Cmd

	network string // "unix": addr is a socket
}

// startMemcached starts a real memcached on a free port.
func startMemcached(t testing.TB, args ...string) *daemon {
	t.Helper()
	if _, err := exec.LookPath("memcached"); err != nil {
		t.Skip("needs memcached (apt-get install memcached)")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	l.Close()
	d := &daemon{t: t, addr: addr, args: args, network: "tcp"}
	if len(args) > 1 && args[0] == "-s" {
		d.network, d.addr = "unix", args[1]
	}
	d.start()
	t.Cleanup(d.kill)
	return d
}

func (d *daemon) start() {
	args := d.args
	if d.network == "tcp" {
		_, port, _ := net.SplitHostPort(d.addr)
		args = append([]string{"-l", "127.0.0.1", "-p", port, "-U", "0"}, d.args...)
	}
	if os.Getuid() == 0 {
		args = append(args, "-u", "nobody")
	}
	d.cmd = exec.Command("memcached", args...)
	if err := d.cmd.Start(); err != nil {
		d.t.Fatal(err)
	}
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for range 4000 {
		if c, err := net.DialTimeout(d.network, d.addr, time.Second); err == nil {
			c.Close()
			return
		}
		<-tick.C
	}
	d.t.Fatal("memcached does not come up")
}

// kill ends the daemon at once.
func (d *daemon) kill() {
	d.cmd.Process.Kill()
	d.cmd.Wait()
}

// longTest reports whether the slow forms of tests are asked for.
func longTest() bool { return os.Getenv("OSWALD_LONG") != "" }
