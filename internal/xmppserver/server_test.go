// SPDX-License-Identifier: GPL-3.0-or-later

package xmppserver

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"oswald"
	"oswald/internal/secret"
	"oswald/internal/xmppclient"
)

const domain = "oswald.test"

// testServer is a Server that listens until the test ends.
type testServer struct {
	*Server
	addr string
}

func start(t testing.TB, prepare ...func(*Server)) *testServer {
	t.Helper()
	cfg := Config{Domain: domain, CertDir: t.TempDir(), Resume: time.Minute}
	for _, u := range []string{"alice", "bob", "bot"} {
		cfg.Accounts = append(cfg.Accounts, Account{Name: u, Password: password(u), Nick: strings.ToUpper(u)})
	}
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range prepare {
		p(s)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- s.Serve(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		if err := <-served; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	return &testServer{s, l.Addr().String()}
}

func password(user string) secret.Secret { return secret.New([]byte(user + "pw")) }

func (s *testServer) config(jid string) xmppclient.Config {
	local, _, _ := strings.Cut(jid, "@")
	return xmppclient.Config{JID: jid, Password: password(local), Addr: s.addr, TLS: &tls.Config{RootCAs: s.Roots()}}
}

// dial logs jid in, "alice/phone" for short.
func (s *testServer) dial(t testing.TB, who string, change ...func(*xmppclient.Config)) *xmppclient.Client {
	t.Helper()
	local, resource, _ := strings.Cut(who, "/")
	cfg := s.config(local + "@" + domain)
	cfg.Resource = resource
	for _, c := range change {
		c(&cfg)
	}
	c, err := xmppclient.Dial(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func carbons(c *xmppclient.Config) { c.Carbons = true }

// next returns the next message with a body or a carbon; it fails after 10 s.
func next(t testing.TB, c *xmppclient.Client) xmppclient.Message {
	t.Helper()
	limit := time.After(10 * time.Second)
	for {
		select {
		case m, ok := <-c.Messages():
			if !ok {
				t.Fatalf("session ended: %v", c.Err())
			}
			if m.Body != "" || m.Error != nil {
				return m
			}
		case <-limit:
			t.Fatal("no message came")
		}
	}
}

// none proves that nothing else came: a marker sent after it arrives first.
func none(t testing.TB, from, c *xmppclient.Client) {
	t.Helper()
	id := oswald.RandomID()
	send(t, from, c.JID(), id)
	if m := next(t, c); m.Body != id {
		t.Errorf("%s got %+v", c.JID(), m)
	}
}

func send(t testing.TB, c *xmppclient.Client, to, body string) string {
	t.Helper()
	id, err := c.Send(t.Context(), xmppclient.Message{To: to, Body: body, NoReceipt: true})
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func at(user string) string { return user + "@" + domain }

func wait(t testing.TB, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	limit := time.After(15 * time.Second)
	for !ok() {
		select {
		case <-tick.C:
		case <-limit:
			t.Fatalf("waited for %s", what)
		}
	}
}

func TestLogin(t *testing.T) {
	s := start(t)
	for _, direct := range []bool{false, true} {
		c := s.dial(t, "alice", func(cfg *xmppclient.Config) { cfg.DirectTLS = direct })
		if r := c.Roster(); len(r) != 2 || r[0].JID != at("bob") || r[0].Name != "BOB" || r[0].Subscription != "both" {
			t.Errorf("roster %v", r)
		}
		c.Close()
	}
	bad := s.config(at("alice"))
	bad.Password = secret.New([]byte("x"))
	if _, err := xmppclient.Dial(t.Context(), bad); oswald.CodeOf(err) != oswald.Forbidden {
		t.Error(err)
	}
	bad.JID = at("nobody")
	if _, err := xmppclient.Dial(t.Context(), bad); oswald.CodeOf(err) != oswald.Forbidden {
		t.Error(err)
	}
	bad = s.config("alice@elsewhere")
	bad.TLS.ServerName = domain
	var se *xmppclient.StreamError
	if _, err := xmppclient.Dial(t.Context(), bad); !errors.As(err, &se) || se.Condition != "host-unknown" {
		t.Error(err)
	}
}

func TestCertificateIsKept(t *testing.T) {
	dir := t.TempDir()
	load := func(hosts ...string) string {
		t.Helper()
		s, err := New(Config{Domain: domain, CertDir: dir, Hosts: hosts})
		if err != nil {
			t.Fatal(err)
		}
		if len(s.Fingerprint()) != 95 || s.CertFile() == "" {
			t.Error(s.Fingerprint(), s.CertFile())
		}
		return s.Fingerprint()
	}
	first := load()
	if load() != first {
		t.Error("made anew")
	}
	if load("192.168.1.2") == first {
		t.Error("not made anew for another host")
	}
}

func TestConflict(t *testing.T) {
	s := start(t)
	old := s.dial(t, "alice/phone")
	s.dial(t, "alice/phone")
	<-old.Done()
	var se *xmppclient.StreamError
	if !errors.As(old.Err(), &se) || se.Condition != "conflict" {
		t.Error(old.Err())
	}
	if n := len(s.Sessions(at("alice"))); n != 1 {
		t.Errorf("%d sessions", n)
	}
}

func TestPresence(t *testing.T) {
	s := start(t)
	alice := s.dial(t, "alice/phone")
	if alice.Online(at("bot")) {
		t.Error("online too early")
	}
	bot := s.dial(t, "bot/x")
	if full, err := alice.WaitOnline(t.Context(), at("bot")); err != nil || full != bot.JID() {
		t.Error(full, err)
	}
	if full, err := bot.WaitOnline(t.Context(), at("alice")); err != nil || full != alice.JID() {
		t.Error(full, err)
	}
	s.Drop(bot.JID())
	wait(t, "the bot to go offline", func() bool { return !alice.Online(at("bot")) })
	if err := s.AddAccount(Account{Name: "carol", Password: password("carol")}); err != nil {
		t.Fatal(err)
	}
	s.dial(t, "carol")
	if _, err := alice.WaitOnline(t.Context(), at("carol")); err != nil {
		t.Error(err)
	}
	if err := s.AddAccount(Account{Name: "carol", Password: password("carol")}); oswald.CodeOf(err) != oswald.Conflict {
		t.Error(err)
	}
	if err := s.AddAccount(Account{Name: "a b", Password: password("carol")}); oswald.CodeOf(err) != oswald.Invalid {
		t.Error(err)
	}
}

func TestRouting(t *testing.T) {
	s := start(t)
	alice, phone, tablet := s.dial(t, "alice/a"), s.dial(t, "bob/phone"), s.dial(t, "bob/tablet", carbons)
	low := s.dial(t, "bob/low", func(c *xmppclient.Config) { c.Priority = -1 })

	send(t, alice, at("bob"), "bare")
	for _, c := range []*xmppclient.Client{phone, tablet} {
		if m := next(t, c); m.Body != "bare" || m.From != alice.JID() || m.StanzaID == "" {
			t.Errorf("%+v", m)
		}
	}
	send(t, alice, phone.JID(), "full")
	if m := next(t, phone); m.Body != "full" {
		t.Errorf("%+v", m)
	}
	if m := next(t, tablet); m.Body != "full" || m.Carbon != "received" {
		t.Errorf("%+v", m)
	}
	send(t, phone, at("alice"), "answer")
	if m := next(t, alice); m.Body != "answer" {
		t.Errorf("%+v", m)
	}
	if m := next(t, tablet); m.Body != "answer" || m.Carbon != "sent" || m.To != at("alice") {
		t.Errorf("%+v", m)
	}
	none(t, alice, low)
	if m := next(t, tablet); m.Carbon != "received" { // of the marker
		t.Errorf("%+v", m)
	}

	// A resource that is not there: the others get it.
	send(t, alice, at("bob")+"/gone", "moved")
	if m := next(t, phone); m.Body != "moved" {
		t.Errorf("%+v", m)
	}
	if m := next(t, tablet); m.Body != "moved" {
		t.Errorf("%+v", m)
	}

	test := func(xml, want string) {
		t.Helper()
		if err := alice.SendRaw(xml); err != nil {
			t.Fatal(err)
		}
		m := next(t, alice)
		if m.Error == nil || !strings.Contains(m.Error.Error(), want) {
			t.Errorf("%s: %+v", xml, m)
		}
	}
	test("<message to='nobody@oswald.test'><body>x</body></message>", "service-unavailable")
	test("<message to='x@elsewhere.test'><body>x</body></message>", "remote-server-not-found")
	test("<message to='@'><body>x</body></message>", "jid-malformed")
	test("<message to='oswald.test'><body>x</body></message>", "service-unavailable")
	test("<message to='bob@oswald.test' type='groupchat'><body>x</body></message>", "service-unavailable")
	test("<message to='bob@oswald.test/gone' type='groupchat'><body>x</body></message>", "service-unavailable")

	// What is forged does not get through.
	err := alice.SendRaw(fmt.Sprintf("<message from='bot@%s' to='%s' type='chat'><body>forged</body><stanza-id xmlns='urn:xmpp:sid:0' id='evil' by='%s'/>"+
		"<stanza-id xmlns='urn:xmpp:sid:0' id='other' by='room@elsewhere'/></message>", domain, at("bob"), at("bob")))
	if err != nil {
		t.Fatal(err)
	}
	if m := next(t, phone); m.From != alice.JID() || m.StanzaID == "evil" || m.StanzaID == "" || !strings.Contains(m.XML, "other") {
		t.Errorf("%+v", m)
	}
}

func TestOffline(t *testing.T) {
	s := start(t)
	alice := s.dial(t, "alice/a")
	before := time.Now().Add(-time.Second)
	for i := range 3 {
		send(t, alice, at("bob"), fmt.Sprint(i))
	}
	alice.SendRaw("<message to='bob@oswald.test' type='chat'><composing xmlns='http://jabber.org/protocol/chatstates'/></message>")
	alice.SendRaw("<message to='bob@oswald.test' type='headline'><body>news</body></message>")
	alice.SendRaw("<message to='bob@oswald.test' type='chat'><body>secret</body><no-store xmlns='urn:xmpp:hints'/></message>")
	if _, err := alice.IQ(t.Context(), domain, "get", "<ping xmlns='urn:xmpp:ping'/>"); err != nil {
		t.Fatal(err)
	}
	if n := s.Waiting(at("bob")); n != 3 {
		t.Errorf("%d wait", n)
	}
	bob := s.dial(t, "bob/b")
	for i := range 3 {
		if m := next(t, bob); m.Body != fmt.Sprint(i) || m.Delay.Before(before) || m.StanzaID == "" {
			t.Errorf("%+v", m)
		}
	}
	none(t, alice, bob)
	bob.Close()
	if err := s.WaitOffline(t.Context(), at("bob")); err != nil {
		t.Fatal(err)
	}
	for i := range maxOffline + 1 {
		send(t, alice, at("bob"), fmt.Sprint(i))
	}
	if m := next(t, alice); m.Error == nil || !strings.Contains(m.Error.Error(), "resource-constraint") {
		t.Errorf("%+v", m)
	}
}

func TestBlocking(t *testing.T) {
	s := start(t)
	alice, bob := s.dial(t, "alice/a"), s.dial(t, "bob/b")
	if _, err := bob.IQ(t.Context(), "", "set", "<block xmlns='urn:xmpp:blocking'><item jid='alice@oswald.test'/></block>"); err != nil {
		t.Fatal(err)
	}
	send(t, alice, at("bob"), "hello?")
	if m := next(t, alice); m.Error == nil {
		t.Errorf("%+v", m)
	}
	if _, err := alice.IQ(t.Context(), bob.JID(), "get", "<ping xmlns='urn:xmpp:ping'/>"); err == nil {
		t.Error("answered")
	}
	if res, err := bob.IQ(t.Context(), "", "get", "<blocklist xmlns='urn:xmpp:blocking'/>"); err != nil || !strings.Contains(res.String(), at("alice")) {
		t.Error(res, err)
	}
	if _, err := bob.IQ(t.Context(), "", "set", "<unblock xmlns='urn:xmpp:blocking'/>"); err != nil {
		t.Fatal(err)
	}
	none(t, alice, bob)
}

func TestShutdown(t *testing.T) {
	s := start(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, l) }()
	other := s.dial(t, "bob/b")
	alice := s.dial(t, "alice/a", func(c *xmppclient.Config) { c.Addr = l.Addr().String() })
	silent, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	<-alice.Done()
	var se *xmppclient.StreamError
	if !errors.As(alice.Err(), &se) || se.Condition != "system-shutdown" {
		t.Error(alice.Err())
	}
	// The other listener's clients stay, and what is sent meanwhile is kept.
	send(t, other, at("alice"), "later")
	if _, err := other.IQ(t.Context(), domain, "get", "<ping xmlns='urn:xmpp:ping'/>"); err != nil {
		t.Error(err)
	}
	if n := s.Waiting(at("alice")); n != 1 {
		t.Errorf("%d wait", n)
	}
}
