// SPDX-License-Identifier: GPL-3.0-or-later

package xmppserver

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"oswald"
	"oswald/internal/xmppclient/xmltree"
)

const (
	nsClient = "jabber:client"
	nsStream = "http://etherx.jabber.org/streams"
	nsErrors = "urn:ietf:params:xml:ns:xmpp-streams"
	nsTLS    = "urn:ietf:params:xml:ns:xmpp-tls"
	nsSASL   = "urn:ietf:params:xml:ns:xmpp-sasl"
	nsBind   = "urn:ietf:params:xml:ns:xmpp-bind"
	nsSM     = "urn:xmpp:sm:3"
)

// conn is one connection. Its reader goroutine owns it until a session is bound;
// from then on only the writer goroutine writes.
type conn struct {
	s    *Server
	raw  net.Conn // TCP
	nc   net.Conn // raw, or TLS over it
	ws   *webSocket
	br   *bufio.Reader
	xr   *xmltree.Reader
	addr string

	wake chan struct{} // of one: the session's queue is not empty, or final is set
	quit chan struct{} // closed by close
	once sync.Once

	sess  *session           // guarded by Server.mu
	final []*xmltree.Element // guarded by Server.mu: the last words, then the end; nil until then
}

// streamError ends a stream (RFC 6120 section 4.9).
type streamError struct{ condition, text string }

func (e streamError) Error() string { return "stream error " + e.condition + ": " + e.text }

func (e streamError) element() *xmltree.Element {
	return xmltree.New(nsStream, "error").Add(xmltree.New(nsErrors, e.condition),
		xmltree.New(nsErrors, "text").AddText(e.text))
}

// close cuts the connection. It never waits.
func (c *conn) close() {
	c.once.Do(func() {
		close(c.quit)
		c.raw.Close()
	})
}

// serve is the life of a connection from the first byte to the last.
func (c *conn) serve(ctx context.Context) {
	defer func() {
		c.close()
		c.s.mu.Lock()
		delete(c.s.conns, c)
		c.s.mu.Unlock()
	}()
	stop := context.AfterFunc(ctx, func() {
		c.s.mu.Lock()
		sess := c.sess
		if sess != nil && sess.conn == c {
			c.s.endLocked(sess, "system-shutdown", "The server stops.")
		}
		c.s.mu.Unlock()
		if sess == nil {
			c.close()
		}
		time.AfterFunc(2*time.Second, c.close) // for those who do not read
	})
	defer stop()
	login := time.AfterFunc(c.s.loginTime, c.close)
	defer login.Stop()
	c.br = bufio.NewReader(c.nc)
	if !c.s.hold(c, false) {
		return
	}
	var sess *session
	var err error
	if c.ws == nil {
		err = c.secure(ctx)
	}
	if err == nil {
		sess, err = c.login()
	}
	if err != nil {
		c.s.log.Debug("no login", "addr", c.addr, "err", err)
		var se streamError
		told := errors.As(err, &se)
		if !told {
			se, told = readError(err)
		}
		if told {
			c.put(se.element())
			c.putEnd()
		}
		return
	}
	if !login.Stop() {
		c.s.detach(c, false)
		return
	}
	var wg sync.WaitGroup
	wg.Go(c.write)
	err = c.read(sess)
	c.s.detach(c, errors.Is(err, io.EOF))
	c.s.log.Debug("client gone", "jid", sess.full, "err", err)
	wg.Wait()
}

// secure brings up TLS, directly or after <starttls/> (RFC 7590: nothing else is
// served in clear text). One port does both: a TLS record begins with 0x16, a
// stream with '<' or white space.
func (c *conn) secure(ctx context.Context) error {
	first, err := c.br.Peek(1)
	if err != nil {
		return err
	}
	if first[0] != 0x16 {
		features := xmltree.New(nsStream, "features").
			Add(xmltree.New(nsTLS, "starttls").Add(xmltree.New(nsTLS, "required")))
		if err := c.header(maxLogin, features); err != nil {
			return err
		}
		e, err := c.xr.Next()
		if err != nil {
			return err
		}
		if !e.Is(nsTLS, "starttls") {
			return streamError{"policy-violation", "TLS first."}
		}
		// What came with it was put there by somebody who cannot speak TLS.
		if early, _ := c.br.Peek(c.br.Buffered()); len(bytes.TrimSpace(early)) > 0 {
			return streamError{"policy-violation", "Wait for <proceed/>."}
		}
		if err := c.put(xmltree.New(nsTLS, "proceed")); err != nil {
			return err
		}
		// Some clients end their elements with a newline, which may come late.
		for {
			if first, err = c.br.Peek(1); err != nil {
				return err
			}
			if first[0] == 0x16 {
				break
			}
			if first[0] > ' ' {
				return streamError{"policy-violation", "That is not TLS."}
			}
			c.br.Discard(1)
		}
	}
	t := tls.Server(bufferedConn{c.nc, c.br}, c.s.tls)
	if err := t.HandshakeContext(ctx); err != nil {
		return err
	}
	c.nc, c.br = t, bufio.NewReader(t)
	return nil
}

// bufferedConn reads what was peeked at.
type bufferedConn struct {
	net.Conn
	r io.Reader
}

func (b bufferedConn) Read(p []byte) (int, error) { return b.r.Read(p) }

// header reads the client's stream header and answers it with ours and features.
func (c *conn) header(limit int, features *xmltree.Element) error {
	var h *xmltree.Element
	var err error
	if c.ws != nil {
		c.ws.limit = limit
		h, err = c.ws.open()
	} else {
		c.xr = xmltree.NewReader(c.br, limit)
		h, err = c.xr.Open()
	}
	if err != nil {
		return err
	}
	if c.ws != nil {
		open := xmltree.New(nsFraming, "open", "from", c.s.cfg.Domain, "id", oswald.RandomID(), "version", "1.0")
		if err := c.put(open); err != nil {
			return err
		}
	} else {
		err := c.send(fmt.Appendf(nil, "<?xml version='1.0'?><stream:stream xmlns='%s' xmlns:stream='%s' from='%s' id='%s' version='1.0' xml:lang='en'>",
			nsClient, nsStream, xmltree.Escape(c.s.cfg.Domain), oswald.RandomID()))
		if err != nil {
			return err
		}
		if !h.Is(nsStream, "stream") {
			return streamError{"invalid-namespace", "This is an XMPP server for clients."}
		}
	}
	if to := h.Get("to"); to != "" && to != c.s.cfg.Domain {
		return streamError{"host-unknown", "This server is " + c.s.cfg.Domain + "."}
	}
	return c.put(features)
}

// next reads one element; size is what it took.
func (c *conn) next() (e *xmltree.Element, size int, err error) {
	if c.ws != nil {
		return c.ws.next()
	}
	e, err = c.xr.Next()
	return e, len(c.xr.Raw()), err
}

// put writes elements at once.
func (c *conn) put(els ...*xmltree.Element) error {
	var b []byte
	for _, e := range els {
		if c.ws != nil {
			if err := c.ws.write(e.AppendXML(nil, "")); err != nil {
				return err
			}
			continue
		}
		b = appendStanza(b, e)
	}
	if len(b) == 0 {
		return nil
	}
	return c.send(b)
}

// appendStanza writes e as it stands in the stream. Some clients know the stream's
// own elements only by the prefix.
func appendStanza(b []byte, e *xmltree.Element) []byte {
	if e.Space != nsStream {
		return e.AppendXML(b, nsClient)
	}
	b = append(append(b, "<stream:"...), e.Local...)
	b = append(b, '>')
	for _, c := range e.Children() {
		b = c.AppendXML(b, nsClient)
	}
	b = append(append(b, "</stream:"...), e.Local...)
	return append(b, '>')
}

func (c *conn) putEnd() error {
	if c.ws != nil {
		return c.put(xmltree.New(nsFraming, "close"))
	}
	return c.send([]byte("</stream:stream>"))
}

func (c *conn) send(b []byte) error {
	c.nc.SetWriteDeadline(time.Now().Add(c.s.writeTime))
	_, err := c.nc.Write(b)
	return err
}

// read handles what the client sends until the stream ends.
func (c *conn) read(sess *session) error {
	for {
		e, size, err := c.next()
		if err != nil {
			if se, ok := readError(err); ok {
				c.s.mu.Lock()
				if sess.conn == c {
					c.s.endLocked(sess, se.condition, se.text)
				}
				c.s.mu.Unlock()
			}
			return err
		}
		if !c.s.hold(c, true) {
			return net.ErrClosed
		}
		for _, full := range c.s.handle(c, sess, e, size) {
			c.waitFor(full)
		}
	}
}

// readError says what to tell a client whose stream cannot be read on.
func readError(err error) (streamError, bool) {
	var ne net.Error
	switch {
	case errors.Is(err, xmltree.ErrTooBig):
		return streamError{"policy-violation", fmt.Sprintf("A stanza may have %d bytes.", maxStanza)}, true
	case errors.Is(err, xmltree.ErrTooDeep):
		return streamError{"policy-violation", "Elements are nested too deep."}, true
	case errors.Is(err, xmltree.ErrRestricted):
		return streamError{"restricted-xml", "Comments and the like are not allowed."}, true
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.As(err, &ne), errors.Is(err, net.ErrClosed):
		return streamError{}, false
	}
	return streamError{"not-well-formed", "That is not XML."}, true
}

// write sends what the session's queue holds until the connection is closed.
func (c *conn) write() {
	defer c.close()
	for {
		select {
		case <-c.wake:
		case <-c.quit:
			return
		}
		if !c.s.hold(c, false) {
			return
		}
		batch, final := c.s.take(c)
		var b []byte
		for _, it := range batch {
			switch {
			case it.raw != nil && c.ws != nil:
				c.ws.write(it.raw)
			case it.raw != nil:
				b = append(b, it.raw...)
			case c.ws != nil:
				if c.put(it.el) != nil {
					return
				}
			default:
				b = appendStanza(b, it.el)
			}
		}
		if len(b) > 0 && c.send(b) != nil {
			return
		}
		c.s.sent(c)
		if final != nil {
			c.put(final...)
			c.putEnd()
			if t, ok := c.nc.(*tls.Conn); ok {
				t.CloseWrite()
			}
			return
		}
	}
}

// congested is a session whose queue is full.
type congested struct {
	sess *session
	room <-chan struct{} // closed when there is room again
}

// waitFor holds this reader up until there is room in a queue it fills. A session
// that makes no room in time is ended, so it holds others up once.
func (c *conn) waitFor(full congested) {
	t := time.NewTimer(c.s.slowTime)
	defer t.Stop()
	select {
	case <-full.room:
	case <-c.quit:
	case <-t.C:
		c.s.mu.Lock()
		c.s.endLocked(full.sess, "resource-constraint", "You read too slowly.")
		c.s.mu.Unlock()
	}
}
