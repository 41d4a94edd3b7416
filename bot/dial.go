// SPDX-License-Identifier: GPL-3.0-or-later

package bot

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"sort"
	"strconv"
	"strings"
	"time"

	"mellium.im/xmpp/jid"
)

// A target is an address to try.
type target struct {
	addr   string
	direct bool // TLS from the first byte (XEP-0368)
}

func parseJID(s string) (jid.JID, error) { return jid.Parse(s) }

// targets returns where the server may be, best first: what the configuration
// names, else the SRV records of the domain (RFC 6120 section 3.2.1, XEP-0368),
// else the usual ports.
func targets(ctx context.Context, cfg Config) ([]target, error) {
	if cfg.Server != "" {
		return []target{{cfg.Server, cfg.DirectTLS}}, nil
	}
	own, err := parseJID(cfg.JID)
	if err != nil {
		return nil, err
	}
	domain := own.Domainpart()
	ctx, cancel := context.WithTimeout(ctx, cfg.Patience)
	defer cancel()
	var r net.Resolver
	_, direct, err1 := r.LookupSRV(ctx, "xmpps-client", "tcp", domain)
	_, plain, err2 := r.LookupSRV(ctx, "xmpp-client", "tcp", domain)
	list, refused := merge(direct, plain)
	if refused {
		return nil, fmt.Errorf("%w: %s", errNoService, domain)
	}
	if len(list) == 0 {
		if err := errors.Join(err1, err2); err != nil && ctx.Err() != nil {
			return nil, &dialError{domain, err}
		}
		list = []target{{net.JoinHostPort(domain, "5222"), false}, {net.JoinHostPort(domain, "5223"), true}}
	}
	return list, nil
}

// merge orders SRV records by priority, direct TLS first where they are equal.
// (Weights have been seen to by the resolver.) refused is true where the domain
// says that it has no such service: a lone record for ".".
func merge(direct, plain []*net.SRV) (list []target, refused bool) {
	type ranked struct {
		target
		priority uint16
	}
	var all []ranked
	add := func(records []*net.SRV, direct bool) {
		for _, r := range records {
			if host := strings.TrimSuffix(r.Target, "."); host != "" {
				all = append(all, ranked{target{net.JoinHostPort(host, strconv.Itoa(int(r.Port))), direct}, r.Priority})
			} else {
				refused = true
			}
		}
	}
	add(direct, true)
	add(plain, false)
	sort.SliceStable(all, func(i, j int) bool { return all[i].priority < all[j].priority })
	for _, r := range all {
		list = append(list, r.target)
	}
	return list, refused && len(list) == 0
}

// dial connects. Where a host has several addresses they are raced (RFC 8305).
func dial(ctx context.Context, addr string, patience time.Duration) (net.Conn, error) {
	d := net.Dialer{Timeout: patience, KeepAlive: 15 * time.Second, Control: userTimeout(patience)}
	return d.DialContext(ctx, "tcp", addr)
}

// tlsConfig verifies the server's certificate for the JID's domain, always.
func tlsConfig(cfg Config) (*tls.Config, error) {
	own, err := parseJID(cfg.JID)
	if err != nil {
		return nil, err
	}
	c := &tls.Config{ServerName: own.Domainpart(), MinVersion: tls.VersionTLS12}
	if cfg.CAFile == "" {
		return c, nil
	}
	pem, err := os.ReadFile(cfg.CAFile)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errCAFile, err)
	}
	c.RootCAs = x509.NewCertPool()
	if !c.RootCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%w: no certificate in it", errCAFile)
	}
	return c, nil
}
