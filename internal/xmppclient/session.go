// SPDX-License-Identifier: GPL-3.0-or-later

package xmppclient

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"oswald"
	"oswald/internal/xmppclient/xmltree"
)

const nsStanzas = "urn:ietf:params:xml:ns:xmpp-stanzas"

// maxOnline bounds the JIDs whose presence is remembered.
const maxOnline = 10_000

// A StreamError is why a server ended or refused a stream (RFC 6120 section 4.9).
type StreamError struct{ Condition, Text string }

// Error names the condition.
func (e *StreamError) Error() string {
	return strings.TrimSpace("stream error " + e.Condition + " " + e.Text)
}

// A StanzaError is the error that came back for a stanza (RFC 6120 section 8.3).
type StanzaError struct{ Type, Condition, Text string }

// Error names type and condition.
func (e *StanzaError) Error() string {
	return strings.TrimSpace(e.Type + " error " + e.Condition + " " + e.Text)
}

func stanzaError(e *xmltree.Element) error {
	x := e.Child("jabber:client", "error")
	return &StanzaError{x.Get("type"), condition(x), errorText(x)}
}

// condition is the name of the first child that is not the text.
func condition(e *xmltree.Element) string {
	for _, c := range e.Children() {
		if c.Local != "text" {
			return c.Local
		}
	}
	return "undefined-condition"
}

func errorText(e *xmltree.Element) string {
	for _, c := range e.Children() {
		if c.Local == "text" {
			return c.Text()
		}
	}
	return ""
}

// pending is an IQ that waits for its answer.
type pending struct {
	to  string
	res chan *xmltree.Element // of one
}

// read handles what comes until the stream ends. It alone sends on c.in.
func (c *Client) read() {
	defer close(c.done)
	defer close(c.in)
	defer c.conn.Close()
	for {
		e, err := c.xr.Next()
		if err == nil && e.Is(nsStream, "error") {
			err = &StreamError{condition(e), errorText(e)}
		}
		if err != nil {
			c.end(err)
			return
		}
		if c.cfg.OnStanza != nil {
			c.cfg.OnStanza(e)
		}
		if e.Space != "jabber:client" {
			continue
		}
		switch e.Local {
		case "message":
			c.message(e, string(c.xr.Raw()))
		case "presence":
			c.presence(e)
		case "iq":
			c.iq(e)
		}
	}
}

// end wakes all who wait.
func (c *Client) end(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if errors.Is(err, io.EOF) {
		err = errors.New("the server closed the stream")
	}
	c.err = oswald.Wrap(err, oswald.Unavailable, "The XMPP session has ended.")
	for _, p := range c.iqs {
		close(p.res)
	}
	clear(c.iqs)
	for _, w := range c.waiters {
		close(w.end)
	}
	clear(c.waiters)
	clear(c.sent)
	c.online = nil
	close(c.changed)
}

// IQ asks and waits for the answer, which is matched by id and by sender. typ is
// "get" or "set", to is "" for the own account, payload is XML. An answer of type
// error is returned as *StanzaError. It waits until ctx ends, 10 s at most.
func (c *Client) IQ(ctx context.Context, to, typ, payload string) (*xmltree.Element, error) {
	ctx, cancel := context.WithTimeout(ctx, iqTime)
	defer cancel()
	id := oswald.RandomID()
	p := pending{to, make(chan *xmltree.Element, 1)}
	c.mu.Lock()
	if c.err != nil {
		defer c.mu.Unlock()
		return nil, c.err
	}
	c.iqs[id] = p
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		delete(c.iqs, id)
		c.mu.Unlock()
	}()
	head := xmltree.New("jabber:client", "iq", "type", typ, "id", id, "to", to)
	start := strings.TrimSuffix(string(head.AppendXML(nil, "jabber:client")), "/>")
	if err := c.SendRaw(start + ">" + payload + "</iq>"); err != nil {
		return nil, err
	}
	select {
	case e, ok := <-p.res:
		if !ok {
			return nil, c.ended()
		}
		if e.Get("type") == "error" {
			return nil, stanzaError(e)
		}
		return e, nil
	case <-ctx.Done():
		return nil, oswald.Wrap(ctx.Err(), oswald.Unavailable, "The XMPP server did not answer in time.")
	}
}

func (c *Client) ended() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// fromAccount reports whether from may speak for our own account.
func (c *Client) fromAccount(from string) bool {
	return from == "" || from == c.bare || from == c.jid || from == c.domain
}

func (c *Client) iq(e *xmltree.Element) {
	id, from := e.Get("id"), e.Get("from")
	switch e.Get("type") {
	case "result", "error":
		c.mu.Lock()
		p, ok := c.iqs[id]
		if ok = ok && (p.to == from || p.to == "" && c.fromAccount(from) || p.to == c.bare && c.fromAccount(from)); ok {
			delete(c.iqs, id)
		}
		c.mu.Unlock()
		if ok {
			p.res <- e
		}
	case "get", "set":
		c.answer(e, id, from)
	}
}

// answer replies to every request, as RFC 6120 section 8.2.3 demands.
func (c *Client) answer(e *xmltree.Element, id, from string) {
	res := xmltree.New("jabber:client", "iq", "type", "result", "id", id, "to", from)
	q := e.First()
	get := e.Get("type") == "get"
	switch {
	case get && q.Is("urn:xmpp:ping", "ping"):
	case get && q.Is("jabber:iq:version", "query"):
		res.Add(xmltree.New(q.Space, "query").Add(xmltree.New(q.Space, "name").AddText("Oswald's prompt")))
	case get && q.Is(nsDisco, "query"):
		info := xmltree.New(nsDisco, "query", "node", q.Get("node")).
			Add(xmltree.New(nsDisco, "identity", "category", "client", "type", "console", "name", "Oswald's prompt"))
		for _, f := range []string{nsDisco, "urn:xmpp:ping", "jabber:iq:version", nsReceipts, nsStates} {
			info.Add(xmltree.New(nsDisco, "feature", "var", f))
		}
		res.Add(info)
	case get && q.Is("http://jabber.org/protocol/disco#items", "query"):
		res.Add(xmltree.New(q.Space, "query", "node", q.Get("node")))
	case !get && q.Is("jabber:iq:roster", "query") && (from == "" || from == c.bare): // a push; anyone else's is forged
	default:
		res.Set("type", "error").Add(xmltree.New("jabber:client", "error", "type", "cancel").
			Add(xmltree.New(nsStanzas, "service-unavailable")))
	}
	c.write(res.AppendXML(nil, "jabber:client")) // a failure ends the session by itself
}

func (c *Client) presence(e *xmltree.Element) {
	from := e.Get("from")
	c.mu.Lock()
	defer c.mu.Unlock()
	switch e.Get("type") {
	case "":
		if len(c.online) < maxOnline {
			c.online[from] = true
		}
	case "unavailable", "error":
		delete(c.online, from)
	default:
		return
	}
	close(c.changed)
	c.changed = make(chan struct{})
}

// WaitOnline waits until a session of bare is available and returns its full JID.
func (c *Client) WaitOnline(ctx context.Context, bare string) (string, error) {
	for {
		c.mu.Lock()
		changed, err := c.changed, c.err
		for full := range c.online {
			if full == bare || strings.HasPrefix(full, bare+"/") {
				c.mu.Unlock()
				return full, nil
			}
		}
		c.mu.Unlock()
		if err != nil {
			return "", err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return "", fmt.Errorf("%s is not online: %w", bare, ctx.Err())
		}
	}
}

// Online reports whether a session of bare is available now.
func (c *Client) Online(bare string) bool {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := c.WaitOnline(ctx, bare)
	return err == nil
}
