// SPDX-License-Identifier: GPL-3.0-or-later

// Package xmppserver is a small XMPP server for one domain and a household of
// accounts (RFC 6120, RFC 6121): the server of `oswald try`, and the peer of unit
// tests, which can make it misbehave ([Faults]).
//
// Everybody is in everybody's roster. Beyond the RFCs it has delivery while
// offline (XEP-0160), carbons (0280), stream management with resumption (0198),
// an archive (0313, with 0059 and 0359), blocking (0191), a personal event store
// that keeps what is published (0163), private storage (0049), vcard-temp (0054),
// ping, version, time and disco, over TLS only, or by WebSocket (RFC 7395). There
// are no other servers, no rooms and no registration. All state is in memory; a
// Server keeps it over several calls of Serve.
//
// All methods may be called from any goroutine. One mutex guards all state and is
// never held while waiting: each connection has a goroutine that reads and one
// that writes what is in its session's queue. A sender whose recipient's queue is
// full waits, so that nobody's flood costs more than the bounds below.
package xmppserver

import (
	"context"
	"crypto/rand"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"crypto/pbkdf2"

	"oswald"
	"oswald/internal/secret"
	"oswald/internal/xmppclient/xmltree"
)

// The bounds, all per server unless they say otherwise.
const (
	maxStanza     = 256 << 10 // bytes
	maxLogin      = 16 << 10  // bytes of an element before login
	maxConns      = 1000
	maxStrangers  = 64 // connections that have not logged in, of one address
	maxSessions   = 20 // of one account
	maxAccounts   = 1000
	softItems     = 1000    // in a session's queue: who sends more waits
	softBytes     = 4 << 20 // the same
	hardItems     = 4000    // in a session's queue: the session ends
	hardBytes     = 16 << 20
	maxOffline    = 1000 // messages of one account
	maxArchive    = 5000 // messages of one account
	archiveBytes  = 16 << 20
	storeBytes    = 1 << 20 // of one account's vcard, private and published data together
	loginTime     = 20 * time.Second
	writeTime     = 10 * time.Second
	slowTime      = 10 * time.Second // a full queue must empty in
	ackTime       = 60 * time.Second // an <r/> must be answered in
	resumeTime    = 60 * time.Second
	loginFailures = 10 // of one address in a minute
	rounds        = 10_000
)

// Account is one person or program of the domain.
type Account struct {
	Name     string // the part before the @
	Password secret.Secret
	Nick     string // as rosters show it; Name if empty
}

// Config says what a server serves.
type Config struct {
	Domain   string
	Accounts []Account
	// CertDir keeps server.crt and server.key, which are made when they are
	// missing or have run out. Empty keeps them in memory only.
	CertDir string
	// Hosts are names and addresses besides Domain and the loopback ones that the
	// certificate is made for.
	Hosts []string
	// Resume is how long a session that lost its connection can be resumed; 60 s
	// if zero.
	Resume time.Duration
	Log    *slog.Logger
	Now    func() time.Time
}

// Server is one XMPP server.
type Server struct {
	cfg    Config
	log    *slog.Logger
	now    func() time.Time
	tls    *tls.Config
	cert   certificate
	fake   [32]byte // makes salts for accounts that do not exist
	epoch  time.Time
	mu     sync.Mutex
	faults Faults
	thaw   chan struct{} // closed when Faults.Freeze ends; nil while not frozen

	accounts  map[string]*account // by local part
	sessions  map[string]*session // by resumption id
	conns     map[*conn]bool
	failed    map[string]failures // logins, by address
	slow      []congested         // what the stanza in hand ran into
	changed   chan struct{}       // closed and replaced when a session comes or goes
	following int                 // counts ids

	loginTime, writeTime, slowTime, ackTime time.Duration // shorter in tests
}

// account is what is kept of an Account.
type account struct {
	local, bare, nick string
	salt              []byte
	salted1           []byte // SCRAM-SHA-1
	salted256         []byte // SCRAM-SHA-256
	sessions          []*session
	offline           []item
	archive           archive
	private           map[string]*xmltree.Element
	vcard             *xmltree.Element
	nodes             map[string]*node  // what is published
	stored            int               // bytes in the three above
	blocked           map[string]bool   // bare JIDs and domains
	names             map[string]string // contacts renamed by the owner
}

type failures struct {
	n     int
	since time.Time
}

// New makes the certificate and the accounts.
func New(cfg Config) (*Server, error) {
	cfg.Domain = strings.ToLower(cfg.Domain)
	if cfg.Domain == "" || strings.ContainsAny(cfg.Domain, "@/ '\"<>&") {
		return nil, oswald.Errorf(oswald.Invalid, "%q is not a domain for the XMPP server.", cfg.Domain)
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Resume == 0 {
		cfg.Resume = resumeTime
	}
	s := &Server{
		cfg: cfg, log: cfg.Log, now: cfg.Now, epoch: cfg.Now(),
		accounts: make(map[string]*account),
		sessions: make(map[string]*session),
		conns:    make(map[*conn]bool),
		failed:   make(map[string]failures),
		changed:  make(chan struct{}),

		loginTime: loginTime, writeTime: writeTime, slowTime: slowTime, ackTime: ackTime,
	}
	rand.Read(s.fake[:]) // never fails
	var err error
	if s.cert, err = loadCertificate(cfg.CertDir, append([]string{cfg.Domain}, cfg.Hosts...), cfg.Now()); err != nil {
		return nil, oswald.Wrap(err, oswald.Unavailable, "The certificate of the XMPP server cannot be kept: check the folder it goes to.")
	}
	s.tls = &tls.Config{
		Certificates: []tls.Certificate{s.cert.pair},
		MinVersion:   tls.VersionTLS12,
		NextProtos:   []string{"xmpp-client"},
	}
	for _, a := range cfg.Accounts {
		if err := s.AddAccount(a); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// AddAccount adds an account while the server runs; all others see the contact.
func (s *Server) AddAccount(a Account) error {
	local := strings.ToLower(a.Name)
	if j, err := parseJID(local + "@" + s.cfg.Domain); err != nil || j.local != local || a.Password.Empty() {
		return oswald.Errorf(oswald.Invalid, "An XMPP account needs a password and a name of letters and digits; %q has not both.", a.Name)
	}
	acct := &account{
		local: local, bare: local + "@" + s.cfg.Domain, nick: a.Nick, salt: make([]byte, 16),
		private: make(map[string]*xmltree.Element), nodes: make(map[string]*node),
		blocked: make(map[string]bool), names: make(map[string]string),
	}
	if acct.nick == "" {
		acct.nick = a.Name
	}
	rand.Read(acct.salt) // never fails
	var err1, err2 error
	acct.salted1, err1 = pbkdf2.Key(sha1.New, string(a.Password.Reveal()), acct.salt, rounds, sha1.Size)
	acct.salted256, err2 = pbkdf2.Key(sha256.New, string(a.Password.Reveal()), acct.salt, rounds, sha256.Size)
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.accounts[local] != nil {
		return oswald.Errorf(oswald.Conflict, "There is an XMPP account %s already.", acct.bare)
	}
	if len(s.accounts) >= maxAccounts {
		return oswald.Errorf(oswald.Invalid, "The XMPP server has %d accounts and takes no more.", maxAccounts)
	}
	s.accounts[local] = acct
	for _, other := range s.accounts {
		if other != acct {
			s.pushRosterLocked(other, acct)
		}
	}
	return nil
}

// Serve accepts clients until ctx ends or l fails; it then tells those that came
// through l, and returns when their goroutines have. It closes l.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	stop := context.AfterFunc(ctx, func() { l.Close() })
	defer stop()
	defer l.Close()
	for {
		nc, err := l.Accept()
		if ctx.Err() != nil {
			if err == nil {
				nc.Close()
			}
			return nil
		}
		if errors.Is(err, net.ErrClosed) {
			return err
		}
		if err != nil { // out of files, most likely: others will close some
			s.log.Warn("cannot accept a client", "err", err)
			t := time.NewTimer(100 * time.Millisecond)
			select {
			case <-t.C:
			case <-ctx.Done():
			}
			t.Stop()
			continue
		}
		c, err := s.admit(nc)
		if err != nil {
			s.log.Warn("client turned away", "addr", nc.RemoteAddr(), "err", err)
			nc.Close()
			continue
		}
		wg.Go(func() { c.serve(ctx) })
	}
}

// admit bounds connections, in all and of strangers.
func (s *Server) admit(nc net.Conn) (*conn, error) {
	c := &conn{s: s, raw: nc, nc: nc, addr: host(nc.RemoteAddr()), wake: make(chan struct{}, 1), quit: make(chan struct{})}
	s.mu.Lock()
	defer s.mu.Unlock()
	strangers := 0
	for o := range s.conns {
		if o.sess == nil && o.addr == c.addr {
			strangers++
		}
	}
	if len(s.conns) >= maxConns || strangers >= maxStrangers {
		return nil, fmt.Errorf("%d connections, %d of them not logged in from there", len(s.conns), strangers)
	}
	s.conns[c] = true
	return c, nil
}

func host(a net.Addr) string {
	h, _, err := net.SplitHostPort(a.String())
	if err != nil {
		return a.String()
	}
	return h
}

// mayLogin reports whether addr has failed less than it may.
func (s *Server) mayLogin(addr string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.failed[addr]
	return f.n < loginFailures || s.now().Sub(f.since) >= time.Minute
}

func (s *Server) loginFailed(addr string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	f := s.failed[addr]
	if now.Sub(f.since) >= time.Minute {
		f = failures{since: now}
	}
	f.n++
	if len(s.failed) >= 1000 {
		for a, o := range s.failed {
			if now.Sub(o.since) >= time.Minute {
				delete(s.failed, a)
			}
		}
	}
	if len(s.failed) < 10_000 {
		s.failed[addr] = f
	}
}

// others returns all accounts but a, by name.
func (s *Server) othersLocked(a *account) []*account {
	all := make([]*account, 0, len(s.accounts))
	for _, o := range s.accounts {
		if o != a {
			all = append(all, o)
		}
	}
	slices.SortFunc(all, func(x, y *account) int { return strings.Compare(x.local, y.local) })
	return all
}
