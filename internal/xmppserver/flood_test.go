// SPDX-License-Identifier: GPL-3.0-or-later

package xmppserver

import (
	"bufio"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"time"

	"oswald/internal/xmppclient"
	"oswald/internal/xmppclient/xmltree"
)

// TestSlowClient floods a client that does not read. It is cut off, what it did
// not get waits for it up to the bound, memory stays bounded, and nobody else
// notices: not the flooder, not others.
func TestSlowClient(t *testing.T) {
	s := start(t, func(s *Server) { s.slowTime, s.writeTime = 300*time.Millisecond, time.Second })
	alice, bot := s.dial(t, "alice/a"), s.dial(t, "bot/x")
	slow := s.connect(t)
	slow.auth("bob")
	slow.ask("<iq type='set' id='b'><bind xmlns='"+nsBind+"'/></iq>", "<iq")
	slow.write("<presence/>")
	if err := s.WaitOnline(t.Context(), at("bob")); err != nil {
		t.Fatal(err)
	}

	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	padding := strings.Repeat("x", 20_000)
	flooded := make(chan error, 1)
	go func() {
		for i := range 600 {
			xml := fmt.Sprintf("<message to='bob@%s' type='chat' id='%d'><body>%d %s</body></message>", domain, i, i, padding)
			if err := alice.SendRaw(xml); err != nil {
				flooded <- err
				return
			}
		}
		flooded <- nil
	}()
	worst := time.Duration(0)
	for done := false; !done; {
		select {
		case err := <-flooded:
			if err != nil {
				t.Error(err)
			}
			done = true
		default:
			began := time.Now()
			if _, err := bot.IQ(t.Context(), domain, "get", "<ping xmlns='urn:xmpp:ping'/>"); err != nil {
				t.Fatal(err)
			}
			worst = max(worst, time.Since(began))
		}
	}
	if _, err := alice.IQ(t.Context(), domain, "get", "<ping xmlns='urn:xmpp:ping'/>"); err != nil {
		t.Fatal(err)
	}
	if n := len(s.Sessions(at("bob"))); n != 0 {
		t.Errorf("the slow client has %d sessions", n)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	grown := int64(after.HeapAlloc) - int64(before.HeapAlloc)
	// Two archives of 16 MiB each share their messages; offline storage has 4 MiB.
	if grown > 64<<20 {
		t.Errorf("the heap grew by %d MiB", grown>>20)
	}
	t.Logf("worst ping of another client %v, heap +%d MiB, %d kept", worst, grown>>20, s.Waiting(at("bob")))
	if s.Waiting(at("bob")) == 0 {
		t.Error("nothing was kept")
	}
	if worst > 5*time.Second {
		t.Errorf("another client waited %v", worst)
	}
}

// TestNoAcknowledgement is a client that reads but never confirms.
func TestNoAcknowledgement(t *testing.T) {
	s := start(t, func(s *Server) { s.slowTime = 200 * time.Millisecond })
	alice := s.dial(t, "alice/a")
	r := s.connect(t)
	r.auth("bob")
	r.bind("b")
	go io.Copy(io.Discard, r.br)
	for i := range softItems + 200 {
		send(t, alice, at("bob"), fmt.Sprint(i))
	}
	wait(t, "the session to end", func() bool { return len(s.Sessions(at("bob"))) == 0 })
	if _, err := alice.IQ(t.Context(), domain, "get", "<ping xmlns='urn:xmpp:ping'/>"); err != nil {
		t.Fatal(err)
	}
	if n := s.Waiting(at("bob")); n != maxOffline {
		t.Errorf("%d wait", n)
	}
}

// TestOrder sends through a window and finds each message once, in order.
func TestOrder(t *testing.T) {
	s := start(t)
	alice, bob := s.dial(t, "alice/a"), s.dial(t, "bob/b", func(c *xmppclient.Config) { c.Queue = 5000 })
	for i := range 5000 {
		send(t, alice, at("bob"), fmt.Sprint(i))
	}
	for i := range 5000 {
		if m := next(t, bob); m.Body != fmt.Sprint(i) {
			t.Fatalf("%d: %s", i, m.Body)
		}
	}
}

func BenchmarkRoundTrip(b *testing.B) {
	s := start(b)
	alice, bob := s.dial(b, "alice/a"), s.dial(b, "bob/b")
	go func() {
		for m := range bob.Messages() {
			bob.Send(b.Context(), xmppclient.Message{To: at("alice"), Body: m.Body, Thread: m.Thread, ChatState: "active", NoReceipt: true})
		}
	}()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := alice.Command(b.Context(), at("bob"), "ping", nil); err != nil {
			b.Fatal(err)
		}
	}
}

// FuzzHandle routes whatever is one element, as three sessions would send it.
func FuzzHandle(f *testing.F) {
	for _, x := range []string{"<message to='bob@oswald.test'><body>x</body></message>", "<presence to='bob@oswald.test' type='subscribe'/>",
		"<iq type='get' id='1'><query xmlns='jabber:iq:roster'/></iq>", "<presence><priority>-3</priority></presence>",
		"<iq type='set' id='1'><query xmlns='urn:xmpp:mam:2'><x xmlns='jabber:x:data'><field var='start'><value>2020-01-01T00:00:00Z</value></field></x><set xmlns='http://jabber.org/protocol/rsm'><max>3</max><before/></set></query></iq>",
		"<enable xmlns='urn:xmpp:sm:3' resume='1'/>", "<a xmlns='urn:xmpp:sm:3' h='1'/>", "<r xmlns='urn:xmpp:sm:3'/>",
		"<iq type='set' id='1'><pubsub xmlns='http://jabber.org/protocol/pubsub'><publish node='n'><item/></publish></pubsub></iq>",
		"<iq type='set' id='1'><block xmlns='urn:xmpp:blocking'><item jid='bob@oswald.test'/></block></iq>",
		"<iq type='set' id='1'><vCard xmlns='vcard-temp'/></iq>", "<iq type='set' id='1'><query xmlns='jabber:iq:private'><a xmlns='b'/></query></iq>"} {
		f.Add([]byte(streamHeader + x + x))
	}
	s, err := New(Config{Domain: domain, Accounts: []Account{{Name: "alice", Password: password("alice")}, {Name: "bob", Password: password("bob")}}})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		r := xmltree.NewReader(bufio.NewReader(strings.NewReader(string(in))), maxStanza)
		if _, err := r.Open(); err != nil {
			return
		}
		var conns []*conn
		for _, u := range []string{"alice", "alice", "bob"} {
			c := &conn{s: s, wake: make(chan struct{}, 1), quit: make(chan struct{})}
			sess, err := s.attach(c, s.accounts[u], fmt.Sprint(len(conns)))
			if err != nil {
				t.Fatal(err)
			}
			s.handle(c, sess, xmltree.New(nsClient, "presence"), 1)
			conns = append(conns, c)
		}
		for {
			e, err := r.Next()
			if err != nil {
				break
			}
			for _, c := range conns {
				s.handle(c, c.sess, e.Copy(), 100)
				for _, o := range conns {
					batch, _ := s.take(o)
					for _, it := range batch {
						if _, err := xmltree.Parse(it.el.AppendXML(nil, "")); err != nil {
							t.Fatalf("%q made %s: %v", in, it.el, err)
						}
					}
					s.sent(o)
				}
			}
		}
		for _, c := range conns {
			s.mu.Lock()
			s.endLocked(c.sess, "", "")
			s.mu.Unlock()
			if c.sess.bytes < 0 {
				t.Fatalf("%q left %d bytes", in, c.sess.bytes)
			}
		}
	})
}

func FuzzJID(f *testing.F) {
	for _, s := range []string{"a@b/c", "b", "@", "a@", "/x", "a@b/", "A@B./c/d@e"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		j, err := parseJID(s)
		if err != nil {
			return
		}
		again, err := parseJID(j.bare())
		if err != nil || again.bare() != j.bare() {
			t.Errorf("%q: %q %v", s, j.bare(), err)
		}
	})
}
