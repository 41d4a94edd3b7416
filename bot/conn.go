// SPDX-License-Identifier: GPL-3.0-or-later

package bot

import (
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// safeConn stands below TLS. It hides deadlines from the library, which may set
// one in the past after a send has already returned; crypto/tls would keep that
// error for ever, and the bot would hear and not speak. Each write has a deadline
// of its own instead, and one that fails closes the connection: half a stanza may
// be out, so nothing can follow it.
type safeConn struct {
	net.Conn
	timeout time.Duration
	to      target        // what it leads to
	ack     func()        // see quickAck
	heard   atomic.Uint64 // reads that brought something

	mu    sync.Mutex
	cause error // the first error, which the library hides behind later ones
}

func newSafeConn(c net.Conn, timeout time.Duration) *safeConn {
	return &safeConn{Conn: c, timeout: timeout, ack: quickAck(c)}
}

// SetDeadline does nothing, on purpose.
func (c *safeConn) SetDeadline(time.Time) error { return nil }

// SetWriteDeadline does nothing, on purpose.
func (c *safeConn) SetWriteDeadline(time.Time) error { return nil }

// Write writes b within the timeout or closes the connection.
func (c *safeConn) Write(b []byte) (int, error) {
	c.Conn.SetWriteDeadline(time.Now().Add(c.timeout))
	n, err := c.Conn.Write(b)
	if err != nil {
		c.fail(err)
		c.Conn.Close()
	}
	return n, err
}

// Read acknowledges what it reads at once, and remembers why reading ended.
func (c *safeConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if err != nil {
		c.fail(err)
	} else {
		c.heard.Add(1)
		c.ack()
	}
	return n, err
}

func (c *safeConn) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cause == nil {
		c.cause = err
	}
}

// reason returns the first error, or nil.
func (c *safeConn) reason() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.cause
}

// closeFor closes the connection for the reason err, unless there is an earlier one.
func (c *safeConn) closeFor(err error) {
	c.fail(err)
	c.Conn.Close()
}
