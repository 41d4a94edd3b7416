// SPDX-License-Identifier: GPL-3.0-or-later

package bot

import (
	"net"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// userTimeout makes the kernel give up on a peer that acknowledges no data for
// that long (RFC 5482), instead of after a quarter of an hour.
func userTimeout(d time.Duration) func(network, address string, c syscall.RawConn) error {
	return func(_, _ string, c syscall.RawConn) error {
		var err error
		if e := c.Control(func(fd uintptr) {
			err = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(d.Milliseconds()))
		}); e != nil {
			return e
		}
		return err
	}
}

// quickAck returns what makes the kernel acknowledge received data at once; it
// holds for a short while only, so it is called after each read. Servers write a
// stanza and the request to acknowledge it apart, and without TCP_NODELAY the
// second waits for our acknowledgement, which the kernel delays by 40 ms.
func quickAck(c net.Conn) func() {
	sc, ok := c.(syscall.Conn)
	if !ok {
		return func() {}
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return func() {}
	}
	return func() {
		raw.Control(func(fd uintptr) {
			unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_QUICKACK, 1)
		})
	}
}
