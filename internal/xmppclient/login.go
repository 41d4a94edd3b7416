// SPDX-License-Identifier: GPL-3.0-or-later

package xmppclient

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"mellium.im/sasl"

	"oswald"
	"oswald/internal/xmppclient/xmltree"
)

const (
	nsStream = "http://etherx.jabber.org/streams"
	nsTLS    = "urn:ietf:params:xml:ns:xmpp-tls"
	nsSASL   = "urn:ietf:params:xml:ns:xmpp-sasl"
	nsBind   = "urn:ietf:params:xml:ns:xmpp-bind"
)

// login takes the connection from the first byte to the bound resource (RFC 6120
// sections 4 to 7). Nothing secret leaves before TLS is up.
func (c *Client) login(ctx context.Context, user string) error {
	if c.cfg.DirectTLS {
		if err := c.startTLS(ctx); err != nil {
			return err
		}
	} else {
		c.br = bufio.NewReader(c.conn)
		features, err := c.header()
		if err != nil {
			return err
		}
		if features.Child(nsTLS, "starttls") == nil {
			return oswald.Errorf(oswald.Unavailable, "The XMPP server at %s offers no TLS: turn it on there.", c.cfg.Addr)
		}
		if _, err := c.ask("<starttls xmlns='"+nsTLS+"'/>", nsTLS, "proceed"); err != nil {
			return err
		}
		if c.br.Buffered() > 0 {
			return errors.New("the server sent clear text after <proceed/>")
		}
		if err := c.startTLS(ctx); err != nil {
			return err
		}
	}
	features, err := c.header()
	if err != nil {
		return err
	}
	if err := c.authenticate(user, features.Child(nsSASL, "mechanisms")); err != nil {
		return err
	}
	if features, err = c.header(); err != nil {
		return err
	}
	if features.Child(nsBind, "bind") == nil {
		return errors.New("the server does not offer to bind a resource")
	}
	req := xmltree.New("jabber:client", "iq", "type", "set", "id", "bind")
	bind := xmltree.New(nsBind, "bind")
	if c.cfg.Resource != "" {
		bind.Add(xmltree.New(nsBind, "resource").AddText(c.cfg.Resource))
	}
	res, err := c.ask(string(req.Add(bind).AppendXML(nil, "jabber:client")), "jabber:client", "iq")
	if err != nil {
		return err
	}
	c.jid = res.Child(nsBind, "bind").Child(nsBind, "jid").Text()
	if res.Get("type") != "result" || c.jid == "" {
		return fmt.Errorf("bind: %w", stanzaError(res))
	}
	c.bare, _, _ = strings.Cut(c.jid, "/") // as the server spells it
	return nil
}

func (c *Client) startTLS(ctx context.Context) error {
	t := tls.Client(c.conn, c.cfg.TLS)
	if err := t.HandshakeContext(ctx); err != nil {
		var bad *tls.CertificateVerificationError
		if errors.As(err, &bad) {
			return oswald.Wrap(err, oswald.Unavailable, "The certificate of the XMPP server at %s is not trusted for %s.", c.cfg.Addr, c.cfg.TLS.ServerName)
		}
		return oswald.Wrap(err, oswald.Unavailable, "TLS with the XMPP server at %s failed.", c.cfg.Addr)
	}
	c.conn, c.br = t, bufio.NewReader(t)
	return nil
}

// header opens the stream, or opens it again, and returns the server's features.
func (c *Client) header() (*xmltree.Element, error) {
	err := c.SendRaw(fmt.Sprintf("<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='%s' to='%s' version='1.0'>",
		nsStream, xmltree.Escape(c.domain)))
	if err != nil {
		return nil, err
	}
	c.xr = xmltree.NewReader(c.br, maxStanza)
	h, err := c.xr.Open()
	if err != nil {
		return nil, err
	}
	if !h.Is(nsStream, "stream") {
		return nil, oswald.Errorf(oswald.Unavailable, "What answers at %s is not an XMPP server.", c.cfg.Addr)
	}
	return c.expect(nsStream, "features")
}

// ask writes and returns the next element, which must have that name.
func (c *Client) ask(xml, space, local string) (*xmltree.Element, error) {
	if err := c.SendRaw(xml); err != nil {
		return nil, err
	}
	return c.expect(space, local)
}

func (c *Client) expect(space, local string) (*xmltree.Element, error) {
	e, err := c.xr.Next()
	switch {
	case err != nil:
		return nil, err
	case e.Is(nsStream, "error"):
		return nil, &StreamError{Condition: condition(e), Text: errorText(e)}
	case !e.Is(space, local):
		return nil, fmt.Errorf("the server sent <%s/> instead of <%s/>", e.Local, local)
	}
	return e, nil
}

// authenticate uses the best mechanism that both sides know (RFC 6120 section 6,
// RFC 5802). Channel binding is left out: servers offer it where it then fails.
func (c *Client) authenticate(user string, offer *xmltree.Element) error {
	var offered []string
	for _, m := range offer.Children() {
		offered = append(offered, strings.TrimSpace(m.Text()))
	}
	for _, m := range []sasl.Mechanism{sasl.ScramSha256, sasl.ScramSha1, sasl.Plain} {
		if slices.Contains(offered, m.Name) {
			return c.exchange(user, m, offered)
		}
	}
	return oswald.Errorf(oswald.Unavailable, "The XMPP server offers no way to log in that we know, only %q.", offered)
}

func (c *Client) exchange(user string, m sasl.Mechanism, offered []string) error {
	n := sasl.NewClient(m, sasl.RemoteMechanisms(offered...), sasl.Credentials(func() (u, p, i []byte) {
		return []byte(user), c.cfg.Password.Reveal(), nil
	}))
	more, out, err := n.Step(nil)
	if err != nil {
		return err
	}
	verified := m.Name == sasl.Plain.Name // PLAIN lets the server prove nothing
	reply := fmt.Sprintf("<auth xmlns='%s' mechanism='%s'>%s</auth>", nsSASL, m.Name, encode(out))
	for range 8 {
		if err := c.SendRaw(reply); err != nil {
			return err
		}
		e, err := c.xr.Next()
		if err != nil {
			return err
		}
		in, err := base64.StdEncoding.DecodeString(strings.TrimSpace(e.Text()))
		if err != nil || !e.Is(nsSASL, e.Local) {
			return fmt.Errorf("the server sent <%s/> instead of an answer to <auth/>", e.Local)
		}
		switch e.Local {
		case "failure":
			return oswald.Wrap(&StreamError{condition(e), errorText(e)}, oswald.Forbidden, "The XMPP server refused the password of %s.", c.bare)
		case "challenge", "success":
		default:
			return fmt.Errorf("the server sent <%s/> instead of an answer to <auth/>", e.Local)
		}
		if more && !(e.Local == "success" && len(in) == 0) {
			if err := plausible(in); err != nil {
				return err
			}
			if more, out, err = n.Step(in); err != nil {
				return fmt.Errorf("the server's proof is wrong: %w", err)
			}
			verified = verified || !more
		}
		if e.Local == "success" {
			if !verified {
				return errors.New("the server did not prove that it knows the password")
			}
			return nil
		}
		reply = fmt.Sprintf("<response xmlns='%s'>%s</response>", nsSASL, encode(out))
	}
	return errors.New("the server does not end the login")
}

// plausible guards the SCRAM code of the library, which spins for ever on an empty
// attribute and hashes as often as the server says.
func plausible(challenge []byte) error {
	for f := range bytes.SplitSeq(challenge, []byte(",")) {
		if len(f) < 3 || f[1] != '=' {
			return errors.New("the server sent a malformed SCRAM challenge")
		}
		if n, err := strconv.Atoi(string(f[2:])); f[0] == 'i' && (err != nil || n < 1 || n > 1_000_000) {
			return errors.New("the server asks for an odd number of SCRAM iterations")
		}
	}
	return nil
}

func encode(b []byte) string {
	if len(b) == 0 {
		return "="
	}
	return base64.StdEncoding.EncodeToString(b)
}
