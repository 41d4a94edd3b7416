// SPDX-License-Identifier: GPL-3.0-or-later

package xmpptest_test

import (
	"bytes"
	"crypto/tls"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"oswald/internal/secret"
	"oswald/internal/xmppclient"
	"oswald/internal/xmpptest"
)

// TestFeatures wants of both servers what the tests of the bot count on: an archive,
// personal events, rooms and a place for files.
func TestFeatures(t *testing.T) {
	xmpptest.Servers(t, []string{"alice", "bob"}, func(t *testing.T, s *xmpptest.Server) {
		trust := &tls.Config{RootCAs: roots(t, s), ServerName: s.Domain}
		alice, err := xmppclient.Dial(t.Context(), xmppclient.Config{
			JID: s.JID("alice"), Password: secret.New([]byte(s.Password("alice"))), Addr: s.Addr, TLS: trust,
		})
		if err != nil {
			t.Fatal(err)
		}
		defer alice.Close()
		ask := func(to, kind, query string, want ...string) string {
			t.Helper()
			answer, err := alice.IQ(t.Context(), to, kind, query)
			text := answer.String()
			for _, w := range want {
				if err != nil || !strings.Contains(text, w) {
					t.Errorf("%s to %s: no %q in %s (%v)", query, to, w, text, err)
				}
			}
			return text
		}
		info := "<query xmlns='http://jabber.org/protocol/disco#info'/>"
		ask(s.JID("alice"), "get", info, "urn:xmpp:mam:2", "pep", "http://jabber.org/protocol/pubsub#publish-options")
		ask(s.Domain, "get", info, "urn:xmpp:carbons:2")
		ask("rooms."+s.Domain, "get", info, "http://jabber.org/protocol/muc")
		slot := ask("upload."+s.Domain, "get", "<request xmlns='urn:xmpp:http:upload:0' filename='a.txt' size='5' content-type='text/plain'/>", s.WebURL)
		urls := regexp.MustCompile(`url=["']([^"']*)`).FindAllStringSubmatch(slot, -1)
		if len(urls) != 2 {
			t.Fatalf("slot %s", slot)
		}
		web := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: trust.RootCAs}}}
		defer web.CloseIdleConnections()
		put, err := http.NewRequestWithContext(t.Context(), http.MethodPut, urls[0][1], bytes.NewReader([]byte("hello")))
		if err != nil {
			t.Fatal(err)
		}
		put.Header.Set("Content-Type", "text/plain")
		if h := regexp.MustCompile(`<header[^>]*name=["']Authorization["'][^>]*>([^<]*)<`).FindStringSubmatch(slot); h != nil {
			put.Header.Set("Authorization", h[1])
		}
		if r, err := web.Do(put); err != nil || r.StatusCode/100 != 2 {
			t.Fatalf("put: %v %v", r, err)
		}
		r, err := web.Get(urls[1][1])
		if err != nil {
			t.Fatal(err)
		}
		defer r.Body.Close()
		if got, err := io.ReadAll(r.Body); string(got) != "hello" || err != nil {
			t.Errorf("got %q, %v", got, err)
		}
	})
}
