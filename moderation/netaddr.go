// SPDX-License-Identifier: GPL-3.0-or-later

package moderation

import (
	"net/http"
	"net/netip"
	"strings"
)

// client returns who sent the request. X-Forwarded-For is believed only from a
// trusted proxy, and only its last address: the one that our own proxy saw. Every
// other address in it is whatever the visitor liked to write.
func (s *Server) client(r *http.Request) netip.Addr {
	peer, ok := peerAddr(r.RemoteAddr)
	if ok && !s.trusted(peer) {
		return peer
	}
	// A trusted proxy, or a Unix socket, which has no address at all.
	values := r.Header.Values("X-Forwarded-For")
	if len(values) == 0 {
		return peer
	}
	last := values[len(values)-1]
	if i := strings.LastIndexByte(last, ','); i >= 0 {
		last = last[i+1:]
	}
	if a, err := netip.ParseAddr(strings.TrimSpace(last)); err == nil {
		return a.Unmap().WithZone("")
	}
	return peer
}

func peerAddr(remote string) (netip.Addr, bool) {
	if ap, err := netip.ParseAddrPort(remote); err == nil {
		return ap.Addr().Unmap().WithZone(""), true
	}
	if a, err := netip.ParseAddr(remote); err == nil {
		return a.Unmap().WithZone(""), true
	}
	return netip.Addr{}, false
}

func (s *Server) trusted(a netip.Addr) bool {
	for _, p := range s.proxies {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// network truncates an address to what is stored: IPv4 /24, IPv6 /48. An address
// that nobody knows is "unknown", one bucket for all of them.
func network(a netip.Addr) string { return prefix(a, 24, 48) }

func prefix(a netip.Addr, v4, v6 int) string {
	if !a.IsValid() {
		return "unknown"
	}
	bits := v6
	if a.Is4() {
		bits = v4
	}
	p, err := a.Prefix(bits)
	if err != nil {
		return "unknown"
	}
	return p.String()
}
