// SPDX-License-Identifier: GPL-3.0-or-later

package ipc

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/bradfitz/gomemcache/memcache"

	"oswald"
)

// registerTTL is how long a register outlives its writer. It stays below 61 s
// so that a server started with -o temporary_ttl=61 never evicts it.
const registerTTL = 60 * time.Second

// busTimeout bounds one look at the server; what fails is tried again at the
// next tick.
const busTimeout = 300 * time.Millisecond

// remote is a Bus, and the store of a [Cache], on a real Memcached. One server,
// not several: a register must not move when a server goes.
type remote struct{ c *memcache.Client }

// NewMemcached returns a Bus on the server at addr: unix:/FILE, HOST:PORT, or
// tls://USER:PASSWORD@HOST:PORT for one that wants TLS (memcached -Z) and perhaps
// a password (-Y), whose certificate is signed by the one in the file after
// ?ca=, or by an authority that the system knows. It does not connect yet.
func NewMemcached(addr string) (Bus, error) {
	network, target, dial, err := dialer(addr)
	if err != nil {
		return nil, err
	}
	// The library resolves a name once and for ever, so it gets a name that is
	// no address and our dialer does the resolving.
	c := memcache.NewFromSelector(single{network, target})
	c.Timeout = busTimeout
	c.MaxIdleConns = 2
	c.DialContext = dial
	return remote{c}, nil
}

// single is the one server.
type single struct{ network, target string }

// Network implements net.Addr.
func (s single) Network() string { return s.network }

// String implements net.Addr.
func (s single) String() string { return s.target }

// PickServer implements memcache.ServerSelector.
func (s single) PickServer(string) (net.Addr, error) { return s, nil }

// Each implements memcache.ServerSelector.
func (s single) Each(f func(net.Addr) error) error { return f(s) }

type dialFunc = func(ctx context.Context, network, address string) (net.Conn, error)

// dialer reads an address of config.toml.
func dialer(addr string) (network, target string, dial dialFunc, err error) {
	plain := (&net.Dialer{}).DialContext
	if path, ok := strings.CutPrefix(addr, "unix:"); ok {
		if path == "" {
			return "", "", nil, oswald.Errorf(oswald.Invalid, "%q names no socket: write unix:/run/memcached.sock.", addr)
		}
		return "unix", strings.TrimPrefix(path, "//"), plain, nil
	}
	scheme, rest, ok := strings.Cut(addr, "://")
	if !ok {
		scheme, rest = "tcp", addr
	}
	u, perr := url.Parse(scheme + "://" + rest)
	if perr != nil || scheme != "tcp" && scheme != "tls" || u.Port() == "" || u.Hostname() == "" || strings.Trim(u.Path, "/") != "" || scheme == "tcp" && u.RawQuery != "" {
		return "", "", nil, oswald.Errorf(oswald.Invalid, "The bus address makes no sense: write unix:/FILE, HOST:PORT or tls://USER:PASSWORD@HOST:PORT.")
	}
	if scheme == "tcp" {
		if u.User != nil {
			return "", "", nil, oswald.Errorf(oswald.Invalid, "A password for Memcached needs TLS: write tls://USER:PASSWORD@HOST:PORT.")
		}
		return "tcp", u.Host, plain, nil
	}
	roots, err := authorities(u.Query())
	if err != nil {
		return "", "", nil, err
	}
	d := &tls.Dialer{Config: &tls.Config{ServerName: u.Hostname(), MinVersion: tls.VersionTLS12, RootCAs: roots}}
	user := u.User
	return "tcp", u.Host, func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := d.DialContext(ctx, network, address)
		if err != nil || user == nil {
			return c, err
		}
		if err := login(c, user); err != nil {
			c.Close()
			return nil, err
		}
		return c, nil
	}, nil
}

// authorities reads the file that ca names: whose certificates are believed. Nil
// stands for those of the system.
func authorities(q url.Values) (*x509.CertPool, error) {
	for key := range q {
		if key != "ca" {
			return nil, oswald.Errorf(oswald.Invalid, "The bus address has an unknown part %.40q: only ca=FILE may follow the question mark.", key)
		}
	}
	path := q.Get("ca")
	if path == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(path)
	if err != nil {
		return nil, oswald.Wrap(err, oswald.Invalid, "The certificate %s of the bus address cannot be read.", path)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, oswald.Errorf(oswald.Invalid, "There is no certificate in %s, which the bus address names.", path)
	}
	return pool, nil
}

var errLogin = errors.New("memcached refuses the user name or password")

// login presents a password as the text protocol has it: the first command sets
// an arbitrary key to "user password".
func login(c net.Conn, user *url.Userinfo) error {
	if err := c.SetDeadline(time.Now().Add(busTimeout)); err != nil {
		return err
	}
	password, _ := user.Password()
	text := user.Username() + " " + password
	if _, err := fmt.Fprintf(c, "set auth 0 0 %d\r\n%s\r\n", len(text), text); err != nil {
		return err
	}
	line, err := bufio.NewReaderSize(c, 64).ReadString('\n')
	if err != nil {
		return err
	}
	if line != "STORED\r\n" {
		return errLogin
	}
	return c.SetDeadline(time.Time{})
}

// Put implements Bus.
func (r remote) Put(key string, val []byte) error { return r.Set(key, val, registerTTL) }

// Get implements Bus.
func (r remote) Get(keys []string) (map[string][]byte, error) {
	if len(keys) == 1 { // without the goroutine that GetMulti takes for each server
		it, err := r.c.Get(keys[0])
		switch {
		case errors.Is(err, memcache.ErrCacheMiss):
			return nil, nil
		case err != nil:
			return nil, err
		}
		return map[string][]byte{keys[0]: it.Value}, nil
	}
	items, err := r.c.GetMulti(keys)
	if err != nil {
		return nil, err
	}
	m := make(map[string][]byte, len(items))
	for k, it := range items {
		m[k] = it.Value
	}
	return m, nil
}

// Set stores val for ttl.
func (r remote) Set(key string, val []byte, ttl time.Duration) error {
	return r.c.Set(&memcache.Item{Key: key, Value: val, Expiration: seconds(ttl)})
}

// Add stores val for ttl unless there is something.
func (r remote) Add(key string, val []byte, ttl time.Duration) (bool, error) {
	err := r.c.Add(&memcache.Item{Key: key, Value: val, Expiration: seconds(ttl)})
	if errors.Is(err, memcache.ErrNotStored) {
		return false, nil
	}
	return err == nil, err
}

// Delete removes key.
func (r remote) Delete(key string) error {
	if err := r.c.Delete(key); err != nil && !errors.Is(err, memcache.ErrCacheMiss) {
		return err
	}
	return nil
}

// seconds is ttl as the server counts: whole seconds, rounded up, and beyond 30
// days the date itself; 0 is for ever.
func seconds(ttl time.Duration) int32 {
	switch {
	case ttl <= 0:
		return 0
	case ttl > 30*24*time.Hour:
		return int32(time.Now().Add(ttl).Unix())
	}
	return int32((ttl + time.Second - 1) / time.Second)
}
