// SPDX-License-Identifier: GPL-3.0-or-later

package ipc

import (
	"bytes"
	"compress/gzip"
	"errors"
	"net"
	"net/netip"
	"regexp"
	"strings"
	"time"

	"github.com/bradfitz/gomemcache/memcache"

	"oswald"
)

const (
	// pagesTTL is the net below the explicit deletions: whatever goes wrong, a
	// page that is not put again is gone after this time.
	pagesTTL = time.Hour
	// pagesTimeout bounds one command. A page is larger than a register, and
	// nobody waits for it but its writer.
	pagesTimeout = time.Second
	// pagesMax is the largest value: Memcached takes 1 MiB with key and header.
	pagesMax = 1<<20 - 1<<10
	// pagesGzip is the flag of a compressed value: memcached_gzip_flag in nginx.
	pagesGzip = 2
)

// Pages is the Memcached of a web host with finished pages in it, which nginx
// serves by itself (memcached_pass). It has nothing to do with the bus: it is an
// instance of its own that only this host reaches, because whoever can write to
// it owns the pages.
//
// The key of a page is formed as nginx forms it from the address that a reader
// asks for, "pg/1/SITE" and then the decoded path. Paths are therefore limited to
// characters that mean the same to both; a page at another path is left to the
// program that makes it, and so is one that is too large. That is no error: nginx
// falls back to that program for whatever it does not find.
//
// There must be one writer per page, which puts it after the commit that changed
// it and deletes it when it is gone. Pages are never filled in on a request,
// where an old page could overtake a new one. The methods may be called from any
// goroutine and return within about a second.
type Pages struct {
	c      *memcache.Client
	prefix string
}

// siteIDForm keeps the longest key below Memcached's limit of 250 bytes.
var siteIDForm = regexp.MustCompile(`^[A-Za-z0-9._-]{1,32}$`)

// pagePathForm is the location in packaging/nginx/oswald.conf, word for word.
var pagePathForm = regexp.MustCompile(`^/c/[A-Za-z0-9._~/-]{1,200}$`)

// NewPages returns the pages of the site siteID in the server at addr: unix:/FILE
// or, on this machine alone, 127.0.0.1:PORT. It does not connect yet.
func NewPages(addr, siteID string) (*Pages, error) {
	if !siteIDForm.MatchString(siteID) {
		return nil, oswald.Errorf(oswald.Invalid, "The site name %q must be 1 to 32 letters, digits, dots, hyphens or underscores.", siteID)
	}
	network, target, dial, err := dialer(addr)
	if err != nil || strings.Contains(addr, "://") || network == "unix" && !strings.HasPrefix(target, "/") {
		return nil, oswald.Errorf(oswald.Invalid, "The page store's address %q makes no sense: write unix:/FILE or 127.0.0.1:PORT.", addr)
	}
	if network == "tcp" && !loopback(target) {
		return nil, oswald.Errorf(oswald.Invalid, "The page store at %q is not on this machine; whoever reaches it owns the pages, so write unix:/FILE or 127.0.0.1:PORT.", addr)
	}
	c := memcache.NewFromSelector(single{network, target})
	c.Timeout = pagesTimeout
	c.MaxIdleConns = 2
	c.DialContext = dial
	return &Pages{c, "pg/1/" + siteID}, nil
}

// loopback reports whether HOST:PORT names this machine.
func loopback(target string) bool {
	host, _, err := net.SplitHostPort(target)
	if err != nil {
		return false
	}
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// Put stores the page at path, such as /c/getting-started, for nginx to serve. A
// page that cannot be served from there is taken away instead.
func (p *Pages) Put(path string, page []byte) error {
	if !pagePath(path) {
		return nil
	}
	val, err := compressed(page)
	if err != nil {
		return err
	}
	if len(val) > pagesMax {
		return p.Delete(path)
	}
	return pagesError(p.c.Set(&memcache.Item{Key: p.prefix + path, Value: val, Flags: pagesGzip, Expiration: seconds(pagesTTL)}))
}

// Delete takes the page at path away; that it is not there is no error.
func (p *Pages) Delete(path string) error {
	if !pagePath(path) {
		return nil
	}
	err := p.c.Delete(p.prefix + path)
	if errors.Is(err, memcache.ErrCacheMiss) {
		return nil
	}
	return pagesError(err)
}

// pagePath reports whether nginx looks path up, and under just this name: it
// merges slashes and resolves dots before it looks.
func pagePath(path string) bool {
	if !pagePathForm.MatchString(path) || strings.Contains(path, "//") {
		return false
	}
	for part := range strings.SplitSeq(path, "/") {
		if part == "." || part == ".." {
			return false
		}
	}
	return true
}

// compressed is page as it is stored. nginx unpacks it for the few clients that
// do not take gzip.
func compressed(page []byte) ([]byte, error) {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(page); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

func pagesError(err error) error {
	if err == nil {
		return nil
	}
	return oswald.Wrap(err, oswald.Unavailable, "The web server's Memcached does not take pages; is it running?")
}
