// SPDX-License-Identifier: GPL-3.0-or-later

package xmppserver

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"oswald/internal/xmppclient/xmltree"
)

// raw is a client that does what the test says and nothing else.
type raw struct {
	t  testing.TB
	nc *tls.Conn
	br *bufio.Reader
	xr *xmltree.Reader
}

const streamHeader = "<?xml version='1.0'?>\n<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='oswald.test' version='1.0'>\n"

// connect brings up direct TLS and the first stream.
func (s *testServer) connect(t testing.TB) *raw {
	t.Helper()
	nc, err := tls.Dial("tcp", s.addr, &tls.Config{RootCAs: s.Roots(), ServerName: domain})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	nc.SetDeadline(time.Now().Add(20 * time.Second))
	r := &raw{t: t, nc: nc, br: bufio.NewReader(nc)}
	r.open()
	return r
}

func (r *raw) open() {
	r.t.Helper()
	r.write(streamHeader)
	r.xr = xmltree.NewReader(r.br, 1<<20)
	if _, err := r.xr.Open(); err != nil {
		r.t.Fatal(err)
	}
	r.expect("<features")
}

func (r *raw) write(s string) {
	r.t.Helper()
	if _, err := io.WriteString(r.nc, s); err != nil {
		r.t.Fatal(err)
	}
}

// expect reads the next element, which must begin so, and returns it.
func (r *raw) expect(want string) *xmltree.Element {
	r.t.Helper()
	e, err := r.xr.Next()
	if err != nil {
		r.t.Fatalf("%v instead of %s", err, want)
	}
	if !strings.HasPrefix(e.String(), want) {
		r.t.Fatalf("%s instead of %s", e, want)
	}
	return e
}

func (r *raw) ask(s, want string) *xmltree.Element {
	r.t.Helper()
	r.write(s)
	return r.expect(want)
}

// auth logs in by PLAIN, without and with an initial response in turn.
func (r *raw) auth(user string) {
	r.t.Helper()
	text := base64.StdEncoding.EncodeToString([]byte("\x00" + user + "\x00" + user + "pw"))
	r.ask("<auth xmlns='"+nsSASL+"' mechanism='PLAIN'/>", "<challenge")
	r.ask("<response xmlns='"+nsSASL+"'>"+text+"</response>", "<success")
	r.open()
}

// bind binds a resource, enables stream management and becomes available.
func (r *raw) bind(resource string) (id string) {
	r.t.Helper()
	r.ask("<iq type='set' id='b'><bind xmlns='"+nsBind+"'><resource>"+resource+"</resource></bind></iq>", "<iq")
	e := r.ask("<enable xmlns='"+nsSM+"' resume='true'/>", "<enabled")
	if e.Get("resume") != "true" || e.Get("max") != "60" {
		r.t.Errorf("%s", e)
	}
	r.write("<presence/>") // it comes back, with those of others
	for h := 0; ; h++ {
		p, err := r.xr.Next()
		if err != nil {
			r.t.Fatal(err)
		}
		if p.Is(nsSM, "r") {
			r.write(fmt.Sprintf("<a xmlns='%s' h='%d'/>", nsSM, h))
			return e.Get("id")
		}
	}
}

// ended reads until the stream ends and returns the condition.
func (r *raw) ended() string {
	r.t.Helper()
	for {
		e, err := r.xr.Next()
		if err != nil {
			if !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) && !isNetError(err) {
				r.t.Errorf("the stream ended with %v", err)
			}
			return "cut"
		}
		if e.Is(nsStream, "error") {
			return e.First().Local
		}
	}
}

func isNetError(err error) bool {
	var ne net.Error
	return errors.As(err, &ne)
}

func timedOut(err error) bool { return errors.Is(err, os.ErrDeadlineExceeded) }

func body(e *xmltree.Element) string { return e.Child(nsClient, "body").Text() }

func delayed(e *xmltree.Element) bool { return e.Child("urn:xmpp:delay", "delay") != nil }

func TestResume(t *testing.T) {
	s := start(t)
	r := s.connect(t)
	r.auth("bob")
	id := r.bind("b")
	alice := s.dial(t, "alice/a")
	r.expect("<presence")
	r.expect("<r ")

	send(t, alice, at("bob"), "one")
	if e := r.expect("<message"); body(e) != "one" || delayed(e) {
		t.Errorf("%s", e)
	}
	r.write("<message to='alice@oswald.test' type='chat'><body>hi</body></message>")
	if e := r.ask("<r xmlns='"+nsSM+"'/>", "<a "); e.Get("h") != "2" {
		t.Errorf("%s", e)
	}
	if m := next(t, alice); m.Body != "hi" {
		t.Errorf("%+v", m)
	}
	r.write("<a xmlns='" + nsSM + "' h='2'/>") // both presences, not the message
	wait(t, "it to be read, and nothing else to be on its way", func() bool {
		bob := s.Sessions(at("bob"))[0]
		return bob.Unacked == 1 && bob.Queued == 0
	})

	if n := s.Drop(at("bob")); n != 1 {
		t.Errorf("dropped %d", n)
	}
	r.ended()
	wait(t, "the session to hibernate", func() bool { return !s.Sessions(at("bob"))[0].Connected })
	send(t, alice, at("bob"), "two")
	wait(t, "it to be queued", func() bool { return s.Sessions(at("bob"))[0].Queued == 1 })
	if !alice.Online(at("bob")) {
		t.Error("a session that may be resumed went offline")
	}

	r = s.connect(t)
	r.auth("bob")
	r.ask("<resume xmlns='"+nsSM+"' h='2' previd='wrong'/>", "<failed")
	r.ask("<resume xmlns='"+nsSM+"' h='99' previd='"+id+"'/>", "<failed")
	if e := r.ask("<resume xmlns='"+nsSM+"' h='2' previd='"+id+"'/>", "<resumed"); e.Get("h") != "2" || e.Get("previd") != id {
		t.Errorf("%s", e)
	}
	if e := r.expect("<message"); body(e) != "one" || !delayed(e) {
		t.Errorf("%s", e)
	}
	if e := r.expect("<message"); body(e) != "two" || delayed(e) {
		t.Errorf("%s", e)
	}
	r.expect("<r ")
	r.write("<a xmlns='" + nsSM + "' h='4'/>")
	wait(t, "all to be acknowledged", func() bool { return s.Sessions(at("bob"))[0].Unacked == 0 })

	// A second connection takes over one that still stands.
	r2 := s.connect(t)
	r2.auth("bob")
	r2.ask("<resume xmlns='"+nsSM+"' h='4' previd='"+id+"'/>", "<resumed")
	if c := r.ended(); c != "conflict" {
		t.Error(c)
	}
	send(t, alice, at("bob"), "three")
	if e := r2.expect("<message"); body(e) != "three" {
		t.Errorf("%s", e)
	}
	r2.expect("<r ")

	// Another account cannot take it; its owner cannot claim more than was sent.
	thief := s.connect(t)
	thief.auth("alice")
	thief.ask("<resume xmlns='"+nsSM+"' h='4' previd='"+id+"'/>", "<failed")
	r2.write("<a xmlns='" + nsSM + "' h='77'/>")
	if c := r2.ended(); c != "undefined-condition" {
		t.Error(c)
	}
	// What it had not acknowledged waits for its next session.
	wait(t, "it to wait", func() bool { return s.Waiting(at("bob")) == 1 })
}

func TestResumeRunsOut(t *testing.T) {
	s := start(t, func(s *Server) { s.cfg.Resume = 50 * time.Millisecond })
	alice := s.dial(t, "alice/a")
	r := s.connect(t)
	r.auth("bob")
	r.ask("<iq type='set' id='b'><bind xmlns='"+nsBind+"'/></iq>", "<iq")
	r.ask("<enable xmlns='"+nsSM+"' resume='true'/>", "<enabled")
	r.write("<presence/>")
	if _, err := alice.WaitOnline(t.Context(), at("bob")); err != nil {
		t.Fatal(err)
	}
	s.Drop(at("bob"))
	send(t, alice, at("bob"), "kept")
	wait(t, "the session to end", func() bool { return len(s.Sessions(at("bob"))) == 0 })
	wait(t, "the message to wait", func() bool { return s.Waiting(at("bob")) == 1 })
	wait(t, "bob to go offline", func() bool { return !alice.Online(at("bob")) })
}

// TestSilence is a phone that is gone without a word.
func TestSilence(t *testing.T) {
	s := start(t, func(s *Server) { s.ackTime = 100 * time.Millisecond })
	r := s.connect(t)
	r.auth("bob")
	r.bind("b")
	send(t, s.dial(t, "alice/a"), at("bob"), "anybody there?")
	wait(t, "the connection to be cut", func() bool { return !s.Sessions(at("bob"))[0].Connected })
}

func TestFaults(t *testing.T) {
	s := start(t)
	alice := s.dial(t, "alice/a")
	r := s.connect(t)
	r.auth("bob")
	id := r.bind("b")

	s.SetFaults(Faults{NoAck: true})
	r.write("<message to='alice@oswald.test' type='chat'><body>a</body></message><r xmlns='" + nsSM + "'/><iq id='p' type='get'><ping xmlns='urn:xmpp:ping'/></iq>")
	r.expect("<iq") // no <a/> before it
	r.expect("<r ")
	next(t, alice)

	s.SetFaults(Faults{NoResume: true})
	s.Drop(at("bob"))
	r = s.connect(t)
	r.auth("bob")
	r.ask("<resume xmlns='"+nsSM+"' h='2' previd='"+id+"'/>", "<failed")
	s.SetFaults(Faults{})
	if e := r.ask("<resume xmlns='"+nsSM+"' h='2' previd='"+id+"'/>", "<resumed"); e.Get("h") != "1" { // the presence alone
		t.Errorf("%s", e)
	}

	s.SetFaults(Faults{Lose: func(from string, e *xmltree.Element) bool { return body(e) == "lost" }})
	send(t, alice, at("bob"), "lost")
	send(t, alice, at("bob"), "found")
	for {
		e, err := r.xr.Next()
		if err != nil {
			t.Fatal(err)
		}
		if e.Local == "message" {
			if body(e) != "found" {
				t.Errorf("%s", e)
			}
			break
		}
	}

	s.SetFaults(Faults{Freeze: true})
	send(t, alice, at("bob"), "frozen")
	if _, err := alice.IQ(shortly(t), "", "get", "<ping xmlns='urn:xmpp:ping'/>"); err == nil {
		t.Error("answered while frozen")
	}
	s.SetFaults(Faults{})
	if _, err := alice.IQ(t.Context(), "", "get", "<ping xmlns='urn:xmpp:ping'/>"); err != nil {
		t.Error(err)
	}

	if err := s.Inject(alice.JID(), "<message><body>odd</body></message>"); err != nil {
		t.Error(err)
	}
	if m := next(t, alice); m.Body != "odd" || m.From != "" {
		t.Errorf("%+v", m)
	}
	if err := s.Deliver(alice.JID(), xmltree.New(nsClient, "message", "from", "x@elsewhere").Add(xmltree.New(nsClient, "body").AddText("far"))); err != nil {
		t.Error(err)
	}
	if m := next(t, alice); m.Body != "far" || m.From != "x@elsewhere" {
		t.Errorf("%+v", m)
	}
	if err := s.Inject(alice.JID(), "<broken"); err != nil {
		t.Error(err)
	}
	if n := s.Kick(alice.JID(), "policy-violation"); n != 1 {
		t.Error(n)
	}
	<-alice.Done()
	if err := s.Inject(alice.JID(), "x"); err == nil {
		t.Error("injected into nothing")
	}
}

func shortly(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	t.Cleanup(cancel)
	return ctx
}
