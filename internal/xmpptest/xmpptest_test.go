// SPDX-License-Identifier: GPL-3.0-or-later

package xmpptest_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"os"
	"testing"
	"time"

	"oswald/internal/secret"
	"oswald/internal/xmppclient"
	"oswald/internal/xmpptest"
)

func TestServer(t *testing.T) {
	xmpptest.Servers(t, []string{"alice", "bob"}, testServer)
}

// testServer talks over the server, kills it, restarts it and stops it.
func testServer(t *testing.T, s *xmpptest.Server) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	dial := func(user, addr string, direct bool) *xmppclient.Client {
		t.Helper()
		c, err := xmppclient.Dial(ctx, xmppclient.Config{
			JID: s.JID(user), Password: secret.New([]byte(s.Password(user))), Addr: addr, DirectTLS: direct,
			TLS: &tls.Config{RootCAs: roots(t, s), ServerName: s.Domain},
		})
		if err != nil {
			t.Fatalf("%s: %v\n%s", user, err, s.Log())
		}
		t.Cleanup(func() { c.Close() })
		return c
	}
	talk := func(text string) (alice, bob *xmppclient.Client) {
		t.Helper()
		alice, bob = dial("alice", s.Addr, false), dial("bob", s.TLSAddr, true)
		if _, err := bob.WaitOnline(ctx, s.JID("alice")); err != nil { // by the shared roster
			t.Fatal(err)
		}
		if _, err := bob.Send(ctx, xmppclient.Message{To: s.JID("alice"), Body: text}); err != nil {
			t.Fatal(err)
		}
		select {
		case m := <-alice.Messages():
			if m.Body != text {
				t.Errorf("got %q, want %q", m.Body, text)
			}
		case <-ctx.Done():
			t.Fatal("no message came")
		}
		return alice, bob
	}
	ended := func(c *xmppclient.Client) {
		t.Helper()
		select {
		case <-c.Done():
		case <-ctx.Done():
			t.Fatal("the session outlives the server")
		}
	}
	alice, _ := talk("one")
	s.Kill()
	ended(alice)
	s.Restart() // of a dead one: starts it
	alice, _ = talk("two")
	s.Restart()
	ended(alice)
	talk("three")
	s.Stop()
	s.Stop() // does nothing
}

func roots(t *testing.T, s *xmpptest.Server) *x509.CertPool {
	t.Helper()
	pem, err := os.ReadFile(s.CAFile)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		t.Fatal("no certificate in CAFile")
	}
	return pool
}
