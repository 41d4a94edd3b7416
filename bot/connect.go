// SPDX-License-Identifier: GPL-3.0-or-later

package bot

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"slices"

	"mellium.im/xmpp"
)

// hopsMax is how often in a row a server may send us elsewhere.
const hopsMax = 3

// A route is how to reach the server.
type route struct {
	cfg   Config
	names resolver
	first *target // to be tried before all others; may be nil
}

// connect finds the server, dials and logs in. The features besides login and
// encryption come last. A server that names another host (RFC 6120 section
// 4.9.3.19) is followed, not for ever.
func connect(ctx context.Context, rt route, l *login, last xmpp.StreamFeature) (*xmpp.Session, *safeConn, error) {
	cfg := rt.cfg
	config, err := tlsConfig(cfg)
	if err != nil {
		return nil, nil, err
	}
	list, err := targets(ctx, cfg, rt.names)
	if rt.first != nil {
		list, err = append([]target{*rt.first}, list...), nil
	}
	if err != nil {
		return nil, nil, err
	}
	var errs []error
	hops := 0
	for i := 0; i < len(list); i++ {
		raw, err := dial(ctx, rt.names, list[i].addr, cfg.Patience)
		if err != nil {
			errs = append(errs, &dialError{list[i].addr, err})
			continue
		}
		conn := newSafeConn(raw, cfg.Patience)
		conn.to = list[i]
		x, err := negotiate(ctx, cfg, conn, config, append(l.features(), last))
		if err == nil {
			return x, conn, nil
		}
		conn.Close()
		if to, ok := otherHost(err, cfg, list[i]); ok && hops < hopsMax {
			hops++
			list = slices.Insert(list, i+1, to)
		}
		if first := conn.reason(); first != nil && !errors.Is(err, first) {
			err = fmt.Errorf("%w (%w)", err, first)
		}
		if ctx.Err() != nil || isRefusal(err) || isConflict(err) {
			return nil, nil, err // no other host will say anything else
		}
		errs = append(errs, err)
	}
	return nil, nil, errors.Join(errs...)
}

// negotiate makes a stream over conn and logs in. The library's own deadlines do
// not hold, so the connection is closed when the time is over.
func negotiate(ctx context.Context, cfg Config, conn *safeConn, config *tls.Config, features []xmpp.StreamFeature) (*xmpp.Session, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, loginTime, errSilent)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { conn.closeFor(context.Cause(ctx)) })
	defer stop()
	var rw io.ReadWriter = conn
	var state xmpp.SessionState
	switch {
	case cfg.DangerPlaintextToLoopback:
		rw = newGuard(conn)
	case conn.to.direct:
		config = config.Clone()
		config.NextProtos = []string{"xmpp-client"} // XEP-0368
		tc := tls.Client(conn, config)
		if err := tc.HandshakeContext(ctx); err != nil {
			return nil, err
		}
		rw, state = newGuard(tc), xmpp.Secure
	default:
		features = append(features, startTLS(config))
	}
	own, err := parseJID(cfg.JID)
	if err != nil {
		return nil, err
	}
	return xmpp.NewSession(ctx, own.Domain(), own.Bare(), rw, state,
		xmpp.NewNegotiator(func(*xmpp.Session, *xmpp.StreamConfig) xmpp.StreamConfig {
			return xmpp.StreamConfig{Features: features}
		}))
}

// startTLS is the library's feature (RFC 6120 section 5) with the guard on top. It
// is tried even if the server does not offer it: somebody may have removed it.
func startTLS(config *tls.Config) xmpp.StreamFeature {
	f := xmpp.StartTLS(config)
	inner := f.Negotiate
	f.Negotiate = func(ctx context.Context, s *xmpp.Session, data any) (xmpp.SessionState, io.ReadWriter, error) {
		mask, rw, err := inner(ctx, s, data)
		if err != nil {
			return 0, nil, err
		}
		tc, ok := rw.(*tls.Conn)
		if !ok {
			return 0, nil, errors.New("STARTTLS gave no TLS connection")
		}
		if err := tc.HandshakeContext(ctx); err != nil {
			return 0, nil, err
		}
		return mask, newGuard(tc), nil
	}
	return f
}
