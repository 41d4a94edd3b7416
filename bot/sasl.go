// SPDX-License-Identifier: GPL-3.0-or-later

package bot

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"mellium.im/sasl"
	"mellium.im/xmpp"

	"oswald/internal/secret"
)

const (
	nsSASL   = "urn:ietf:params:xml:ns:xmpp-sasl"
	nsSASLCB = "urn:xmpp:sasl-cb:0"
)

// iterationsMax bounds the work that a server can ask for (RFC 5802 section 5.1).
const iterationsMax = 10_000_000

// mechanism is one way to log in. A stronger one has a higher rank. Whether it is
// bound to the TLS channel is remembered apart from that.
type mechanism struct {
	sasl.Mechanism
	rank int
	plus bool
}

var mechanisms = []mechanism{
	{sasl.ScramSha256Plus, 3, true},
	{sasl.ScramSha256, 3, false},
	{sasl.ScramSha1Plus, 2, true},
	{sasl.ScramSha1, 2, false},
	{sasl.Plain, 1, false},
}

var (
	errNoMechanism = errors.New("no common SASL mechanism")
	errDowngrade   = errors.New("the server offers only weaker SASL mechanisms than before")
)

// offer is what a server offers, and over what.
type offer struct {
	mechanisms []string // as the server lists them
	bindings   []string // XEP-0440; nil where the server does not say
	tls13      bool
	secure     bool // over verified TLS
	least      pin  // the least acceptable: the best seen before
}

// A pin is the best way to log in that a server has been seen to offer: its rank,
// and whether it was bound to the channel. Whoever has broken into the connection,
// with a certificate that somebody should not have issued, must not be able to talk
// us into a weaker one; once bound, a login that is not bound to this very channel
// is refused too, also if that were for an older TLS.
type pin struct {
	rank  int
	bound bool
}

// parsePin reads what String writes. What it does not understand is no pin.
func parsePin(s string) pin {
	number, bound := strings.CutSuffix(s, "+")
	n, err := strconv.Atoi(number)
	if err != nil || n < 0 {
		return pin{}
	}
	return pin{n, bound}
}

// String writes a pin as the database has it.
func (p pin) String() string {
	s := strconv.Itoa(p.rank)
	if p.bound {
		s += "+"
	}
	return s
}

// choose returns the mechanisms to try, best first: at most one with channel
// binding, and only where the server says that it knows the binding we do on this
// connection (tls-exporter, TLS 1.3; XEP-0440), then, unless the pin forbids it, the
// best one without. Servers
// offer -PLUS with bindings that cannot work; trying those blindly locks one out.
func choose(o offer) ([]mechanism, error) {
	var try []mechanism
	weak := false
	for _, m := range mechanisms {
		switch {
		case !slices.Contains(o.mechanisms, m.Name):
		case m.plus && (!o.secure || !o.tls13 || !slices.Contains(o.bindings, "tls-exporter")):
		case m.rank == 1 && !o.secure:
		case m.rank < o.least.rank, o.least.bound && !m.plus:
			weak = true
		case len(try) == 0:
			try = append(try, m)
		case try[len(try)-1].plus && !m.plus:
			try = append(try, m)
		}
	}
	switch {
	case len(try) > 0:
		return try, nil
	case weak:
		return nil, errDowngrade
	}
	return nil, errNoMechanism
}

// authError is the server's refusal (RFC 6120 section 6.5).
type authError struct{ condition, text string }

// Error names the condition.
func (e *authError) Error() string { return strings.TrimSpace("SASL " + e.condition + " " + e.text) }

// login is the stream feature that authenticates (RFC 6120 section 6).
type login struct {
	user     string
	password secret.Secret
	least    pin
	plain    bool // no TLS, to loopback
	best     pin  // what succeeded
	name     string
}

// features returns the SASL feature and the one that tells it of channel bindings.
func (l *login) features() []xmpp.StreamFeature {
	need := xmpp.Secure
	if l.plain {
		need = 0
	}
	return []xmpp.StreamFeature{{
		Name: xml.Name{Space: nsSASLCB, Local: "sasl-channel-binding"},
		Parse: func(_ context.Context, d *xml.Decoder, start *xml.StartElement) (bool, any, error) {
			var v struct {
				List []struct {
					Type string `xml:"type,attr"`
				} `xml:"urn:xmpp:sasl-cb:0 channel-binding"`
			}
			err := d.DecodeElement(&v, start)
			var types []string
			for _, t := range v.List {
				types = append(types, t.Type)
			}
			return false, types, err
		},
	}, {
		Name: xml.Name{Space: nsSASL, Local: "mechanisms"}, Necessary: need, Prohibited: xmpp.Authn,
		Parse: func(_ context.Context, d *xml.Decoder, start *xml.StartElement) (bool, any, error) {
			var v struct {
				List []string `xml:"urn:ietf:params:xml:ns:xmpp-sasl mechanism"`
			}
			err := d.DecodeElement(&v, start)
			return true, v.List, err
		},
		Negotiate: l.negotiate,
	}}
}

func (l *login) negotiate(_ context.Context, s *xmpp.Session, data any) (xmpp.SessionState, io.ReadWriter, error) {
	state := s.ConnectionState()
	o := offer{tls13: state.Version >= tls.VersionTLS13, secure: state.Version != 0, least: l.least}
	o.mechanisms, _ = data.([]string)
	if v, ok := s.Feature(nsSASLCB); ok {
		o.bindings, _ = v.([]string)
	}
	try, err := choose(o)
	if err != nil {
		return 0, nil, fmt.Errorf("%w: it has %s", err, strings.Join(o.mechanisms, " "))
	}
	r := s.TokenReader()
	defer r.Close()
	d := xml.NewTokenDecoder(r)
	for _, m := range try {
		err = l.authenticate(s, d, m, o.mechanisms)
		var refused *authError
		if err == nil {
			l.best, l.name = pin{m.rank, m.plus}, m.Name
			return xmpp.Authn, s.Conn(), nil
		}
		if !errors.As(err, &refused) || !m.plus {
			break
		}
	}
	return 0, nil, err
}

// authenticate runs one mechanism to its end.
func (l *login) authenticate(s *xmpp.Session, d *xml.Decoder, m mechanism, offered []string) error {
	opts := []sasl.Option{
		sasl.Credentials(func() ([]byte, []byte, []byte) { return []byte(l.user), l.password.Reveal(), nil }),
		sasl.RemoteMechanisms(offered...),
	}
	if state := s.ConnectionState(); state.Version != 0 {
		opts = append(opts, sasl.TLSState(state))
	}
	n := sasl.NewClient(m.Mechanism, opts...)
	more, resp, err := n.Step(nil)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(s.Conn(), "<auth xmlns='%s' mechanism='%s'>%s</auth>", nsSASL, m.Name, encode(resp)); err != nil {
		return err
	}
	for range 10 {
		var e struct {
			XMLName xml.Name
			Data    string                       `xml:",chardata"`
			Text    string                       `xml:"urn:ietf:params:xml:ns:xmpp-sasl text"`
			Inner   []struct{ XMLName xml.Name } `xml:",any"`
		}
		if err := d.Decode(&e); err != nil {
			return err
		}
		if e.XMLName.Space != nsSASL {
			return fmt.Errorf("%s instead of a SASL answer", e.XMLName.Local)
		}
		if e.XMLName.Local == "failure" {
			refused := &authError{condition: "failure", text: e.Text}
			if len(e.Inner) > 0 {
				refused.condition = e.Inner[0].XMLName.Local
			}
			return refused
		}
		var challenge []byte
		if data := strings.TrimSpace(e.Data); data != "=" {
			if challenge, err = base64.StdEncoding.DecodeString(data); err != nil {
				return err
			}
		}
		if !cheap(challenge) {
			return errors.New("the server asks for too many SCRAM iterations")
		}
		success := e.XMLName.Local == "success"
		if more {
			// The last step of SCRAM proves that the server knows the password too.
			if more, resp, err = n.Step(challenge); err != nil {
				return err
			}
		}
		switch {
		case success && more:
			return errors.New("the server reports success before it has proved itself")
		case success:
			return nil
		}
		if _, err := fmt.Fprintf(s.Conn(), "<response xmlns='%s'>%s</response>", nsSASL, encode(resp)); err != nil {
			return err
		}
	}
	return errors.New("SASL does not end")
}

// cheap reports whether the iteration count in a SCRAM challenge is bearable.
func cheap(challenge []byte) bool {
	for _, f := range bytes.Split(challenge, []byte(",")) {
		if n, ok := bytes.CutPrefix(f, []byte("i=")); ok {
			i, err := strconv.Atoi(string(n))
			return err == nil && i > 0 && i <= iterationsMax
		}
	}
	return true
}

// encode writes a response as RFC 6120 section 6.4.2 wants it.
func encode(b []byte) string {
	if len(b) == 0 {
		return "="
	}
	return base64.StdEncoding.EncodeToString(b)
}
