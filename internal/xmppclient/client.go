// SPDX-License-Identifier: GPL-3.0-or-later

// Package xmppclient is a small XMPP client session (RFC 6120, RFC 6121) in raw
// XML: the prompt of `oswald try`, the meter of the benchmarks and the person in
// end-to-end tests.
//
// It logs in once, over TLS always, and does not reconnect: when the session
// ends, Messages is closed and Err says why. All methods may be called from any
// goroutine. Config.OnStanza is called from the goroutine that reads and must not
// wait for anything that this client receives.
package xmppclient

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"oswald"
	"oswald/internal/secret"
	"oswald/internal/xmppclient/xmltree"
)

const (
	maxStanza    = 1 << 20
	loginTime    = 20 * time.Second
	writeTime    = 10 * time.Second
	iqTime       = 10 * time.Second
	commandTime  = 5 * time.Minute
	messageQueue = 1024
)

// Config says who logs in where.
type Config struct {
	JID       string // bare, or full to ask for that resource
	Password  secret.Secret
	Addr      string      // host:port; the JID's domain and 5222 if empty
	DirectTLS bool        // TLS from the first byte instead of STARTTLS
	TLS       *tls.Config // nil verifies the JID's domain against the system's roots
	Resource  string      // wins over the JID's; the server chooses if both are empty
	Priority  int         // of the initial presence
	Carbons   bool        // ask for copies of what other sessions send and get
	Queue     int         // messages kept for Messages; 1024 if 0
	// OnStanza sees each stanza before it is handled. It must not change it.
	OnStanza func(*xmltree.Element)
}

// An Item is one contact of the roster.
type Item struct{ JID, Name, Subscription string }

// Client is one session.
type Client struct {
	cfg    Config
	jid    string // full, as bound
	bare   string
	domain string
	roster []Item

	conn net.Conn
	br   *bufio.Reader
	xr   *xmltree.Reader

	wmu sync.Mutex // held for one write

	in      chan Message
	dropped atomic.Int64
	done    chan struct{} // closed when the reader has returned

	mu      sync.Mutex
	err     error
	closed  bool
	iqs     map[string]pending
	waiters map[string]*waiter // by thread
	sent    map[string]*waiter // the same, by message id
	online  map[string]bool    // full JIDs that are available
	changed chan struct{}      // closed and replaced when online changes
}

// Dial connects, logs in, fetches the roster and becomes available. It gives up
// when ctx ends, and after 20 s.
func Dial(ctx context.Context, cfg Config) (*Client, error) {
	ctx, cancel := context.WithTimeout(ctx, loginTime)
	defer cancel()
	bare, resource, _ := strings.Cut(cfg.JID, "/")
	local, domain, ok := strings.Cut(bare, "@")
	if !ok || local == "" || domain == "" {
		return nil, oswald.Errorf(oswald.Invalid, "%q is not an XMPP address: write it as name@domain.", cfg.JID)
	}
	if cfg.Resource == "" {
		cfg.Resource = resource
	}
	if cfg.Addr == "" {
		cfg.Addr = net.JoinHostPort(domain, "5222")
	}
	if cfg.Queue <= 0 {
		cfg.Queue = messageQueue
	}
	if cfg.TLS == nil {
		cfg.TLS = new(tls.Config)
	}
	cfg.TLS = cfg.TLS.Clone()
	if cfg.TLS.ServerName == "" {
		cfg.TLS.ServerName = domain
	}
	cfg.TLS.NextProtos = []string{"xmpp-client"}
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", cfg.Addr)
	if err != nil {
		return nil, oswald.Wrap(err, oswald.Unavailable, "No XMPP server answers at %s: check the address and that it runs.", cfg.Addr)
	}
	c := &Client{
		cfg: cfg, bare: bare, domain: domain, conn: conn,
		in:      make(chan Message, cfg.Queue),
		done:    make(chan struct{}),
		iqs:     make(map[string]pending),
		waiters: make(map[string]*waiter),
		sent:    make(map[string]*waiter),
		online:  make(map[string]bool),
		changed: make(chan struct{}),
	}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	err = c.login(ctx, local)
	if err == nil {
		go c.read()
		if err = c.start(ctx); err == nil {
			if stop() {
				return c, nil
			}
			err = ctx.Err()
		}
		c.Close()
	}
	conn.Close()
	if cause := ctx.Err(); cause != nil {
		err = oswald.Wrap(errors.Join(cause, err), oswald.Unavailable, "The XMPP server at %s took too long to log in.", cfg.Addr)
	}
	if oswald.MessageOf(err) == oswald.MessageOf(io.EOF) { // no sentence of its own
		err = oswald.Wrap(err, oswald.Unavailable, "Logging in at the XMPP server at %s failed.", cfg.Addr)
	}
	return nil, err
}

// start does what comes between binding and being available.
func (c *Client) start(ctx context.Context) error {
	res, err := c.IQ(ctx, "", "get", "<query xmlns='jabber:iq:roster'/>")
	if err != nil {
		return fmt.Errorf("roster: %w", err)
	}
	for _, i := range res.Child("jabber:iq:roster", "query").Children() {
		c.roster = append(c.roster, Item{i.Get("jid"), i.Get("name"), i.Get("subscription")})
	}
	if c.cfg.Carbons {
		if _, err := c.IQ(ctx, "", "set", "<enable xmlns='urn:xmpp:carbons:2'/>"); err != nil {
			return fmt.Errorf("carbons: %w", err)
		}
	}
	return c.SendRaw(fmt.Sprintf("<presence><priority>%d</priority></presence>", c.cfg.Priority))
}

// JID returns the full JID that the server bound.
func (c *Client) JID() string { return c.jid }

// Roster returns the contacts as they were at login. Do not change it.
func (c *Client) Roster() []Item { return c.roster }

// Messages returns the messages that no Command waits for. When nobody reads, the
// oldest make room for the newest; Dropped counts them. It is closed at the end.
func (c *Client) Messages() <-chan Message { return c.in }

// Dropped returns how many messages nobody read in time.
func (c *Client) Dropped() int { return int(c.dropped.Load()) }

// Done is closed when the session has ended.
func (c *Client) Done() <-chan struct{} { return c.done }

// Err returns why the session ended, nil while it lasts and after Close.
func (c *Client) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil
	}
	return c.err
}

// Conn returns the connection, for tests that cut or stall it.
func (c *Client) Conn() net.Conn { return c.conn }

// Close ends the session and waits until its goroutine has returned. The second
// and later calls do nothing.
func (c *Client) Close() error {
	c.mu.Lock()
	was := c.closed
	c.closed = true
	c.mu.Unlock()
	if !was {
		c.conn.SetWriteDeadline(time.Now().Add(time.Second))
		// Without the lock: a writer that is stuck must not hold up the end.
		if c.wmu.TryLock() {
			io.WriteString(c.conn, "</stream:stream>")
			c.wmu.Unlock()
		}
		c.conn.Close()
	}
	<-c.done
	return nil
}

// SendRaw writes xml to the stream as it is, well formed or not.
func (c *Client) SendRaw(xml string) error { return c.write([]byte(xml)) }

func (c *Client) write(b []byte) error {
	c.wmu.Lock()
	defer c.wmu.Unlock()
	c.conn.SetWriteDeadline(time.Now().Add(writeTime))
	if _, err := c.conn.Write(b); err != nil {
		c.conn.Close() // half a stanza may be out: nothing can follow it
		return oswald.Wrap(err, oswald.Unavailable, "The connection to the XMPP server is gone.")
	}
	return nil
}
