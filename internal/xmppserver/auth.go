// SPDX-License-Identifier: GPL-3.0-or-later

package xmppserver

import (
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"

	"mellium.im/sasl"

	"oswald/internal/xmppclient/xmltree"
)

const maxTries = 3

var mechanisms = []sasl.Mechanism{sasl.ScramSha256, sasl.ScramSha1, sasl.Plain}

// login takes a connection from the first stream header over TLS to a session,
// bound or resumed.
func (c *conn) login() (*session, error) {
	offer := xmltree.New(nsSASL, "mechanisms")
	for _, m := range mechanisms {
		offer.Add(xmltree.New(nsSASL, "mechanism").AddText(m.Name))
	}
	if err := c.header(maxLogin, xmltree.New(nsStream, "features").Add(offer)); err != nil {
		return nil, err
	}
	var acct *account
	for try := 0; acct == nil; try++ {
		e, _, err := c.next()
		if err != nil {
			return nil, err
		}
		if !e.Is(nsSASL, "auth") {
			return nil, streamError{"not-authorized", "Log in first."}
		}
		if !c.s.mayLogin(c.addr) {
			c.put(failure("temporary-auth-failure"))
			return nil, streamError{"policy-violation", "Too many failed logins: wait a minute."}
		}
		acct, err = c.authenticate(e)
		if errors.Is(err, errRefused) {
			c.s.loginFailed(c.addr)
			c.s.log.Warn("login refused", "addr", c.addr)
			if try+1 == maxTries {
				return nil, streamError{"policy-violation", "Too many failed logins."}
			}
		} else if err != nil {
			return nil, err
		}
	}
	features := xmltree.New(nsStream, "features").Add(
		xmltree.New(nsBind, "bind"),
		xmltree.New("urn:ietf:params:xml:ns:xmpp-session", "session").
			Add(xmltree.New("urn:ietf:params:xml:ns:xmpp-session", "optional")),
		xmltree.New(nsSM, "sm"))
	if err := c.header(maxStanza, features); err != nil {
		return nil, err
	}
	return c.bind(acct)
}

// errRefused is a login that failed, after the client has been told.
var errRefused = errors.New("login refused")

func failure(condition string) *xmltree.Element {
	return xmltree.New(nsSASL, "failure").Add(xmltree.New(nsSASL, condition))
}

func (c *conn) refuse(condition string) error {
	if err := c.put(failure(condition)); err != nil {
		return err
	}
	return errRefused
}

// authenticate carries out one SASL exchange (RFC 6120 section 6.4).
func (c *conn) authenticate(auth *xmltree.Element) (*account, error) {
	i := slices.IndexFunc(mechanisms, func(m sasl.Mechanism) bool { return m.Name == auth.Get("mechanism") })
	if i < 0 {
		return nil, c.refuse("invalid-mechanism")
	}
	var acct *account
	n := sasl.NewServer(mechanisms[i],
		func(n *sasl.Negotiator) bool { // PLAIN
			user, password, identity := n.Credentials()
			acct = c.s.checkPlain(string(user), password, string(identity))
			return acct != nil
		},
		sasl.SaltedCredentials(func(user, identity []byte, mechanism string) ([]byte, []byte, int64, error) {
			var salt, salted []byte
			acct, salt, salted = c.s.credentials(string(user), string(identity), mechanism)
			return salt, salted, rounds, nil
		}))
	in, text := []byte(nil), strings.TrimSpace(auth.Text())
	var err error
	if text == "" { // no initial response: ask for it
		if in, err = c.challenge(nil); err != nil {
			return nil, err
		}
	} else if in, err = decode(text); err != nil {
		return nil, c.refuse("incorrect-encoding")
	}
	for range 4 {
		// The error would show keys: it goes nowhere.
		more, out, err := n.Step(in)
		if err != nil {
			return nil, c.refuse("not-authorized")
		}
		if !more {
			if acct == nil {
				return nil, c.refuse("not-authorized")
			}
			return acct, c.put(xmltree.New(nsSASL, "success").AddText(base64.StdEncoding.EncodeToString(out)))
		}
		if in, err = c.challenge(out); err != nil {
			return nil, err
		}
	}
	return nil, c.refuse("not-authorized")
}

// challenge sends out and returns the response.
func (c *conn) challenge(out []byte) ([]byte, error) {
	if err := c.put(xmltree.New(nsSASL, "challenge").AddText(base64.StdEncoding.EncodeToString(out))); err != nil {
		return nil, err
	}
	e, _, err := c.next()
	if err != nil {
		return nil, err
	}
	if e.Is(nsSASL, "abort") {
		return nil, c.refuse("aborted")
	}
	if !e.Is(nsSASL, "response") {
		return nil, fmt.Errorf("<%s/> instead of <response/>", e.Local)
	}
	in, err := decode(strings.TrimSpace(e.Text()))
	if err != nil {
		return nil, c.refuse("incorrect-encoding")
	}
	return in, nil
}

func decode(s string) ([]byte, error) {
	if s == "=" {
		return nil, nil
	}
	return base64.StdEncoding.DecodeString(s)
}

// lookup finds the account that user logs in to. identity, when given, must be it.
func (s *Server) lookup(user, identity string) *account {
	user = strings.TrimSuffix(strings.ToLower(user), "@"+s.cfg.Domain)
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.accounts[user]
	if a != nil && identity != "" && !strings.EqualFold(identity, a.bare) {
		return nil
	}
	return a
}

// credentials returns what SCRAM needs. For nobody's name it is made up, the same
// each time, so that a stranger cannot tell which accounts there are.
func (s *Server) credentials(user, identity, mechanism string) (a *account, salt, salted []byte) {
	a = s.lookup(user, identity)
	if a == nil {
		h := hmac.New(sha256.New, s.fake[:])
		h.Write([]byte(strings.ToLower(user)))
		sum := h.Sum(nil)
		return nil, sum[:16], sum
	}
	if mechanism == sasl.ScramSha1.Name {
		return a, a.salt, a.salted1
	}
	return a, a.salt, a.salted256
}

func (s *Server) checkPlain(user string, password []byte, identity string) *account {
	a, salt, want := s.credentials(user, identity, sasl.ScramSha256.Name)
	got, err := pbkdf2.Key(sha256.New, string(password), salt, rounds, sha256.Size)
	if err != nil || subtle.ConstantTimeCompare(got, want) != 1 {
		return nil
	}
	return a
}
