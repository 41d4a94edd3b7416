// SPDX-License-Identifier: GPL-3.0-or-later

package xmppserver

import (
	"encoding/base64"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// TestEnds holds each way to break a stream against what the server says.
func TestEnds(t *testing.T) {
	s := start(t)
	alice := s.dial(t, "alice/a")
	test := func(xml, want string) {
		t.Helper()
		r := s.connect(t)
		r.auth("bob")
		r.bind("x")
		go io.WriteString(r.nc, xml)
		if got := r.ended(); got != want {
			t.Errorf("%.60q: %s, want %s", xml, got, want)
		}
	}
	test("<message><body>"+strings.Repeat("x", maxStanza)+"</body></message>", "policy-violation")
	test(strings.Repeat("<message>", 101), "policy-violation")
	test("<!-- x -->", "restricted-xml")
	test("<?x?>", "restricted-xml")
	test("<!DOCTYPE x>", "restricted-xml")
	test("<message>&x;</message>", "not-well-formed")
	test("<message></iq>", "not-well-formed")
	test("text<a/>", "not-well-formed")
	test("<other/>", "unsupported-stanza-type")
	test("<message xmlns='jabber:server'/>", "unsupported-stanza-type")
	test("</stream:stream>", "cut")
	if _, err := alice.IQ(t.Context(), "", "get", "<ping xmlns='urn:xmpp:ping'/>"); err != nil {
		t.Error(err)
	}
}

// TestLoginLimits comes too slowly, in clear text, and with wrong passwords.
func TestLoginLimits(t *testing.T) {
	s := start(t, func(s *Server) { s.loginTime = 100 * time.Millisecond })
	nc, err := net.Dial("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	nc.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.ReadAll(nc); err != nil && timedOut(err) {
		t.Error("not cut off")
	}

	// Clear text gets TLS or nothing.
	s = start(t)
	clear := func(xml, want string) {
		t.Helper()
		nc, err := net.Dial("tcp", s.addr)
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		nc.SetDeadline(time.Now().Add(10 * time.Second))
		io.WriteString(nc, streamHeader+xml)
		out, err := io.ReadAll(nc)
		if err != nil && timedOut(err) || !strings.Contains(string(out), want) {
			t.Errorf("%.60q: %s %v", xml, out, err)
		}
	}
	clear("<auth xmlns='"+nsSASL+"' mechanism='PLAIN'>AGFsaWNlAGFsaWNlcHc=</auth>", "policy-violation")
	clear("<starttls xmlns='"+nsTLS+"'/><presence/>", "<starttls") // injected before TLS: cut
	clear("<a>"+strings.Repeat("x", maxLogin+1), "policy-violation")

	// Wrong passwords: three on one stream, ten in a minute from one address.
	wrong := base64.StdEncoding.EncodeToString([]byte("\x00bob\x00wrong"))
	auth := "<auth xmlns='" + nsSASL + "' mechanism='PLAIN'>" + wrong + "</auth>"
	for i := range 4 {
		r := s.connect(t)
		for range min(3, 10-3*i) {
			r.ask(auth, "<failure xmlns='"+nsSASL+"'><not-authorized/>")
		}
		if i == 3 {
			r.ask(auth, "<failure xmlns='"+nsSASL+"'><temporary-auth-failure/>")
		}
		if c := r.ended(); c != "policy-violation" {
			t.Errorf("%d: %s", i, c)
		}
	}
	r := s.connect(t)
	r.ask("<auth xmlns='"+nsSASL+"' mechanism='PLAIN'>"+base64.StdEncoding.EncodeToString([]byte("\x00bob\x00bobpw"))+"</auth>", "<failure")
	s.mu.Lock()
	failed := s.failed
	s.failed = map[string]failures{}
	s.mu.Unlock()
	if len(failed) != 1 {
		t.Errorf("%v", failed)
	}
	r = s.connect(t)
	for _, x := range []string{"<auth xmlns='" + nsSASL + "' mechanism='X'>=</auth>", "<auth xmlns='" + nsSASL + "' mechanism='PLAIN'>!</auth>",
		"<auth xmlns='" + nsSASL + "' mechanism='SCRAM-SHA-256'>" + base64.StdEncoding.EncodeToString([]byte("p=tls-exporter,,n=bob,r=x")) + "</auth>"} {
		r.ask(x, "<failure")
	}
	r = s.connect(t)
	if r.write("<presence/>"); r.ended() != "not-authorized" {
		t.Error("presence before login")
	}
	r = s.connect(t)
	r.auth("bob")
	r.ask("<iq type='get' id='1'><ping xmlns='urn:xmpp:ping'/></iq>", "<iq xmlns='jabber:client' id='1' type='error'>")
	if r.write("<presence/>"); r.ended() != "not-authorized" {
		t.Error("presence before bind")
	}
}
