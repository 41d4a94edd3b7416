// SPDX-License-Identifier: GPL-3.0-or-later

package bot

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strconv"
	"time"
)

const (
	// stagger is how long an attempt is alone before the next one begins beside it
	// (RFC 8305 section 5).
	stagger = 250 * time.Millisecond
	// addrsMax is how many addresses of one host are tried.
	addrsMax = 8
)

// dial connects to host:port within patience. The kernel gives the connection up
// when the peer acknowledges nothing for that long.
func dial(ctx context.Context, names resolver, addr string, patience time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	list, err := lookup(ctx, names, addr)
	if err != nil {
		return nil, err
	}
	d := net.Dialer{KeepAlive: 15 * time.Second, Control: userTimeout(patience)}
	return race(ctx, list, func(ctx context.Context, a netip.AddrPort) (net.Conn, error) {
		return d.DialContext(ctx, "tcp", a.String())
	})
}

// lookup returns the addresses of host:port in the order to try them.
func lookup(ctx context.Context, names resolver, addr string) ([]netip.AddrPort, error) {
	host, service, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	port, err := strconv.ParseUint(service, 10, 16)
	if err != nil {
		n, err := net.LookupPort("tcp", service)
		if err != nil {
			return nil, err
		}
		port = uint64(n)
	}
	addrs := []netip.Addr{}
	if a, err := netip.ParseAddr(host); err == nil {
		addrs = append(addrs, a)
	} else if addrs, err = names.LookupNetIP(ctx, "ip", host); err != nil {
		return nil, err
	}
	var list []netip.AddrPort
	for _, a := range alternate(addrs) {
		list = append(list, netip.AddrPortFrom(a, uint16(port)))
	}
	return list[:min(len(list), addrsMax)], nil
}

// alternate lets IPv6 and IPv4 take turns (RFC 8305 section 4), beginning with what
// the resolver has put first (RFC 6724), so that a family that does not work costs
// one attempt, not one for each of its addresses.
func alternate(addrs []netip.Addr) []netip.Addr {
	var kinds [2][]netip.Addr
	for _, a := range addrs {
		a = a.Unmap()
		k := 0
		if a.Is4() != addrs[0].Unmap().Is4() {
			k = 1
		}
		kinds[k] = append(kinds[k], a)
	}
	list := make([]netip.Addr, 0, len(addrs))
	for i := range addrs {
		for _, kind := range kinds {
			if i < len(kind) {
				list = append(list, kind[i])
			}
		}
	}
	return list
}

// race connects to the addresses with one, the first of them at first. The next one
// begins when one has failed, or when the last to begin has taken longer than the
// stagger. The first connection is the result; the other attempts are over when
// race returns.
func race(ctx context.Context, list []netip.AddrPort, one func(context.Context, netip.AddrPort) (net.Conn, error)) (net.Conn, error) {
	type result struct {
		conn net.Conn
		err  error
	}
	inner, cancel := context.WithCancel(ctx)
	results := make(chan result)
	running := 0
	defer func() {
		cancel()
		for ; running > 0; running-- {
			if r := <-results; r.err == nil {
				r.conn.Close()
			}
		}
	}()
	next := time.NewTimer(0)
	defer next.Stop()
	var errs []error
	for len(list) > 0 || running > 0 {
		select {
		case <-next.C:
			if len(list) == 0 {
				continue
			}
			addr := list[0]
			list = list[1:]
			running++
			go func() {
				c, err := one(inner, addr)
				results <- result{c, err}
			}()
			next.Reset(stagger)
		case r := <-results:
			running--
			if r.err == nil {
				return r.conn, nil
			}
			errs = append(errs, r.err)
			next.Reset(0)
		case <-ctx.Done():
			return nil, errors.Join(append(errs, ctx.Err())...)
		}
	}
	if errs == nil {
		return nil, errors.New("the name has no addresses")
	}
	return nil, errors.Join(errs...)
}
