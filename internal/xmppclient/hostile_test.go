// SPDX-License-Identifier: GPL-3.0-or-later

package xmppclient_test

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
	"oswald/internal/xmppclient/xmltree"
	"oswald/internal/xmppserver"
)

// embedded starts our own server, which can misbehave.
func embedded(t *testing.T) (*xmppserver.Server, func(who string) xmppclient.Config) {
	t.Helper()
	srv, err := xmppserver.New(xmppserver.Config{Domain: domain, Accounts: []xmppserver.Account{
		{Name: "alice", Password: secret.New([]byte("alicepw"))}, {Name: "bot", Password: secret.New([]byte("botpw"))}}})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- srv.Serve(ctx, l) }()
	t.Cleanup(func() { cancel(); <-done })
	return srv, func(who string) xmppclient.Config {
		return xmppclient.Config{JID: who + "@" + domain, Password: secret.New([]byte(who + "pw")),
			Addr: l.Addr().String(), TLS: &tls.Config{RootCAs: srv.Roots()}}
	}
}

func dial(t *testing.T, cfg xmppclient.Config) *xmppclient.Client {
	t.Helper()
	return (&server{name: "embedded"}).dial(t, cfg)
}

// TestForged delivers what only a liar sends; none of it may count.
func TestForged(t *testing.T) {
	srv, config := embedded(t)
	ids := make(chan string, 10)
	cfg := config("alice")
	alice := dial(t, cfg)
	deliver := func(xml string) {
		t.Helper()
		e, err := xmltree.Parse([]byte(xml))
		if err != nil {
			t.Fatal(err)
		}
		if err := srv.Deliver(alice.JID(), e); err != nil {
			t.Fatal(err)
		}
	}
	// A copy that somebody else made, a stanza-id that somebody else gave.
	deliver(`<message xmlns='jabber:client' from='x@evil.test'><received xmlns='urn:xmpp:carbons:2'><forwarded xmlns='urn:xmpp:forward:0'>` +
		`<message xmlns='jabber:client' from='bot@oswald.test'><body>forged</body></message></forwarded></received></message>`)
	deliver(`<message xmlns='jabber:client' from='x@evil.test'><body>marker</body><stanza-id xmlns='urn:xmpp:sid:0' by='evil.test' id='1'/></message>`)
	if m := receive(t, alice, "the marker", func(m xmppclient.Message) bool { return m.Body != "" }); m.Body != "marker" || m.StanzaID != "" {
		t.Errorf("%+v", m)
	}

	// An answer to our question from somebody who was not asked.
	srv.SetFaults(xmppserver.Faults{Lose: func(_ string, e *xmltree.Element) bool {
		if e.Local == "iq" {
			select {
			case ids <- e.Get("id"):
			default:
			}
		}
		return e.Local == "iq"
	}})
	answer := make(chan error, 1)
	go func() {
		res, err := alice.IQ(t.Context(), "bot@"+domain, "get", "<ping xmlns='urn:xmpp:ping'/>")
		if err == nil && res.Get("from") != "bot@"+domain {
			err = fmt.Errorf("accepted %s", res)
		}
		answer <- err
	}()
	id := <-ids
	deliver("<iq xmlns='jabber:client' type='result' id='" + id + "' from='x@evil.test'/>")
	deliver("<iq xmlns='jabber:client' type='result' id='" + id + "'/>")
	deliver("<iq xmlns='jabber:client' type='result' id='" + id + "' from='bot@" + domain + "'/>")
	if err := <-answer; err != nil {
		t.Error(err)
	}

	// A reply on the thread of a command from somebody who was not asked.
	threads := make(chan string, 1)
	srv.SetFaults(xmppserver.Faults{Lose: func(_ string, e *xmltree.Element) bool {
		if th := e.Child("jabber:client", "thread").Text(); th != "" {
			threads <- th
			return true
		}
		return false
	}})
	reply := make(chan xmppclient.Message, 1)
	go func() {
		m, err := alice.Command(t.Context(), "bot@"+domain, "status", nil)
		if err != nil {
			t.Error(err)
		}
		reply <- m
	}()
	th := <-threads
	for _, from := range []string{"x@evil.test", "bot@" + domain + "/r"} {
		deliver("<message xmlns='jabber:client' from='" + from + "'><body>" + from + "</body><thread>" + th + "</thread><active xmlns='http://jabber.org/protocol/chatstates'/></message>")
	}
	if m := <-reply; m.Body != "bot@"+domain+"/r" {
		t.Errorf("%+v", m)
	}
}

// TestQueue leaves messages unread: the newest are kept and the rest counted.
func TestQueue(t *testing.T) {
	_, config := embedded(t)
	cfg := config("alice")
	cfg.Queue = 3
	alice, bot := dial(t, cfg), dial(t, config("bot"))
	for i := range 10 {
		if _, err := bot.Send(t.Context(), xmppclient.Message{To: "alice@" + domain, Body: fmt.Sprint(i), NoReceipt: true}); err != nil {
			t.Fatal(err)
		}
	}
	wait(t, 10*time.Second, "seven to be dropped", func() bool { return alice.Dropped() == 7 })
	for i := 7; i < 10; i++ {
		if m := <-alice.Messages(); m.Body != fmt.Sprint(i) {
			t.Errorf("%d: %+v", i, m)
		}
	}
}

// TestLoss cuts, freezes and ends the connection under a command.
func TestLoss(t *testing.T) {
	srv, config := embedded(t)
	bot := dial(t, config("bot"))
	test := func(do func(c *xmppclient.Client), want string) {
		t.Helper()
		alice := dial(t, config("alice"))
		got := make(chan error, 1)
		go func() {
			_, err := alice.Command(t.Context(), "bot@"+domain, "status", nil)
			got <- err
		}()
		receive(t, bot, "the command", func(m xmppclient.Message) bool { return m.Body == "status" })
		do(alice)
		if err := <-got; oswald.CodeOf(err) != oswald.Unavailable || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
		<-alice.Done()
		alice.Close()
		if err := srv.WaitOffline(t.Context(), "alice@"+domain); err != nil {
			t.Fatal(err)
		}
	}
	test(func(c *xmppclient.Client) { srv.Drop(c.JID()) }, "ended")
	test(func(c *xmppclient.Client) { srv.Kick(c.JID(), "policy-violation") }, "policy-violation")
	test(func(c *xmppclient.Client) { srv.Inject(c.JID(), "<message><body>x</message>") }, "ended")
	test(func(c *xmppclient.Client) { srv.Inject(c.JID(), "<!-- x -->") }, "comment")
	test(func(c *xmppclient.Client) { c.Close() }, "")
}

// liar is a server that answers each line of a script in turn.
func liar(t *testing.T, answers ...string) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	t.Cleanup(func() { l.Close(); <-done })
	go func() {
		defer close(done)
		nc, err := l.Accept()
		if err != nil {
			return
		}
		defer nc.Close()
		nc.SetDeadline(time.Now().Add(10 * time.Second))
		buf := make([]byte, 4096)
		for _, a := range answers {
			if _, err := nc.Read(buf); err != nil {
				return
			}
			if _, err := nc.Write([]byte(a)); err != nil {
				return
			}
		}
		for err == nil {
			_, err = nc.Read(buf)
		}
	}()
	return l.Addr().String()
}

func TestLiars(t *testing.T) {
	const head = "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>"
	limit := 15 * time.Second
	test := func(want string, answers ...string) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), limit)
		defer cancel()
		_, err := xmppclient.Dial(ctx, xmppclient.Config{JID: "a@" + domain, Addr: liar(t, answers...)})
		if err == nil || oswald.MessageOf(err) == oswald.MessageOf(errors.New("")) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", answers, err, want)
		}
	}
	test("no TLS", head+"<stream:features><mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>PLAIN</mechanism></mechanisms></stream:features>")
	test("not an XMPP server", "<html>")
	test("not declared", "<stream:stream>")
	test("text between", "HTTP/1.1 400 Bad Request\r\n\r\n<html>")
	test("host-gone", head+"<stream:error><host-gone xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>")
	test("clear text after", head+"<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:features>", "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/><a/>")
	limit = 50 * time.Millisecond
	test("too long", head)
}
