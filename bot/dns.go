// SPDX-License-Identifier: GPL-3.0-or-later

package bot

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"mellium.im/xmpp/stream"
)

// targetsMax is how many records of a domain are tried. A domain has a handful.
const targetsMax = 16

// A resolver looks names up. *net.Resolver is one.
type resolver interface {
	LookupSRV(ctx context.Context, service, proto, name string) (string, []*net.SRV, error)
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// A target is an address to try.
type target struct {
	addr   string // host:port
	direct bool   // TLS from the first byte (XEP-0368)
}

// targets returns where the server may be, best first: what the configuration
// names, else the SRV records of the domain (RFC 6120 section 3.2.1, XEP-0368),
// else the usual ports.
func targets(ctx context.Context, cfg Config, names resolver) ([]target, error) {
	if cfg.Server != "" {
		return []target{{cfg.Server, cfg.DirectTLS}}, nil
	}
	own, err := parseJID(cfg.JID)
	if err != nil {
		return nil, err
	}
	domain := own.Domainpart()
	if net.ParseIP(strings.Trim(domain, "[]")) != nil { // an address has no records
		return usual(strings.Trim(domain, "[]"), false), nil
	}
	ctx, cancel := context.WithTimeout(ctx, cfg.Patience)
	defer cancel()
	ask := func(service string) <-chan []*net.SRV {
		ch := make(chan []*net.SRV, 1)
		go func() {
			_, records, _ := names.LookupSRV(ctx, service, "tcp", domain) // an error is no records
			ch <- records
		}()
		return ch
	}
	ch1, ch2 := ask("xmpps-client"), ask("xmpp-client")
	direct, plain := <-ch1, <-ch2
	list, err := merge(direct, plain, rand.IntN)
	if err != nil {
		return nil, fmt.Errorf("%w: %s", err, domain)
	}
	if len(list) == 0 {
		// Also when nobody has answered: some routers swallow questions for SRV.
		return usual(domain, len(direct) > 0), nil
	}
	return list, nil
}

// usual are the ports to try at a domain without records; noDirect where it has
// said that it does not speak TLS from the first byte.
func usual(domain string, noDirect bool) []target {
	list := []target{{net.JoinHostPort(domain, "5222"), false}}
	if !noDirect {
		list = append(list, target{net.JoinHostPort(domain, "5223"), true})
	}
	return list
}

// merge puts the records of both services into one order, as XEP-0368 wants: by
// priority, and within one by weight as RFC 2782 draws it, for which pick returns
// a number below its argument. Where neither tells them apart direct TLS is first.
// A target "." says that a service is not there: without an ordinary one, and with
// nothing else, there is no XMPP at all.
func merge(direct, plain []*net.SRV, pick func(int) int) ([]target, error) {
	type record struct {
		target
		priority uint16
		weight   int
	}
	var all []record
	none := false
	add := func(records []*net.SRV, direct bool) {
		for _, r := range records {
			host := strings.TrimSuffix(r.Target, ".")
			if host == "" {
				none = none || !direct
				continue
			}
			all = append(all, record{target{net.JoinHostPort(host, strconv.Itoa(int(r.Port))), direct}, r.Priority, int(r.Weight)})
		}
	}
	add(direct, true)
	add(plain, false)
	if len(all) == 0 && none {
		return nil, errNoService
	}
	// Those without weight first, so that they have a chance beside the others.
	slices.SortStableFunc(all, func(a, b record) int {
		return cmp.Or(cmp.Compare(a.priority, b.priority), cmp.Compare(min(a.weight, 1), min(b.weight, 1)))
	})
	var list []target
	for len(all) > 0 && len(list) < targetsMax {
		sum, n := 0, 0
		for n < len(all) && all[n].priority == all[0].priority {
			sum += all[n].weight
			n++
		}
		drawn, at := pick(sum+1), 0
		for sum = all[0].weight; sum < drawn; sum += all[at].weight {
			at++
		}
		list = append(list, all[at].target)
		all = slices.Delete(all, at, at+1)
	}
	return list, nil
}

// otherHost returns where the server at from sends us with err (see-other-host). The
// way to speak stays the same: a server that is reached by TLS cannot make us give
// that up, and one without any, which is on this machine, cannot send us off it.
// Whose certificate is wanted does not change either: the domain's.
func otherHost(err error, cfg Config, from target) (target, bool) {
	var s stream.Error
	if !errors.As(err, &s) || s.Err != stream.SeeOtherHost.Err {
		return target{}, false
	}
	host, port, err := net.SplitHostPort(strings.TrimSpace(s.Content))
	if err != nil {
		host, port = strings.Trim(strings.TrimSpace(s.Content), "[]"), "5222"
		if from.direct {
			port = "5223"
		}
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 || !isHost(host) {
		return target{}, false
	}
	if cfg.DangerPlaintextToLoopback && !isLoopback(host) {
		return target{}, false
	}
	return target{net.JoinHostPort(host, port), from.direct}, true
}

// isHost reports whether s can be an address or the name of a host.
func isHost(s string) bool {
	if _, err := netip.ParseAddr(s); err == nil {
		return true
	}
	for _, label := range strings.Split(strings.TrimSuffix(s, "."), ".") {
		if label == "" || len(label) > 63 || strings.Trim(strings.ToLower(label), "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			return false
		}
	}
	return len(s) < 254
}
