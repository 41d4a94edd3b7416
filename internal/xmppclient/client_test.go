// SPDX-License-Identifier: GPL-3.0-or-later

package xmppclient_test

import (
	"context"
	"crypto/tls"
	"errors"
	"strings"
	"testing"
	"time"

	"oswald"
	"oswald/internal/secret"
	"oswald/internal/xmppclient"
)

func receive(t *testing.T, c *xmppclient.Client, what string, want func(xmppclient.Message) bool) xmppclient.Message {
	t.Helper()
	limit := time.After(10 * time.Second)
	for {
		select {
		case m, ok := <-c.Messages():
			if !ok {
				t.Fatalf("%s: the session ended: %v", what, c.Err())
			}
			if want(m) {
				return m
			}
		case <-limit:
			t.Fatalf("%s did not come", what)
		}
	}
}

// echo plays the bot: two signs of life, then the reply.
func echo(t *testing.T, c *xmppclient.Client) {
	for m := range c.Messages() {
		if m.Body == "" || m.Body == "silence" {
			continue
		}
		bare, _, _ := strings.Cut(m.From, "/")
		for _, r := range []xmppclient.Message{
			{ChatState: "composing"},
			{ChatState: "composing", Body: "half of " + m.Body},
			{ChatState: "active", Body: "done: " + m.Body},
		} {
			r.To, r.Thread = bare, m.Thread
			if _, err := c.Send(context.Background(), r); err != nil {
				t.Error(err)
			}
		}
	}
}

func TestServers(t *testing.T) {
	servers(t, func(t *testing.T, s *server) {
		bot := s.dial(t, s.config("bot"))
		cfg := s.config("alice")
		cfg.Addr, cfg.DirectTLS, cfg.Resource = s.direct, true, "phone"
		alice := s.dial(t, cfg)
		if alice.JID() != "alice@"+domain+"/phone" {
			t.Error(alice.JID())
		}
		if r := alice.Roster(); len(r) != 1 || r[0].JID != "bot@"+domain || r[0].Subscription != "both" {
			t.Errorf("roster %v", r)
		}
		if full, err := alice.WaitOnline(t.Context(), "bot@"+domain); err != nil || full != bot.JID() {
			t.Error(full, err)
		}

		// Ids, thread, receipt; and a body that needs escaping.
		body := "<&>'\"\n\ttwo & \U0001F44D"
		id, err := alice.Send(t.Context(), xmppclient.Message{To: "bot@" + domain, Body: body, Thread: "t1", OOB: "http://x/?a&b", Replace: "r1"})
		if err != nil {
			t.Fatal(err)
		}
		m := receive(t, bot, "the message", func(m xmppclient.Message) bool { return m.Body != "" })
		if m.Body != body || m.ID != id || m.OriginID != id || m.Thread != "t1" || m.From != alice.JID() || m.Type != "chat" ||
			m.OOB != "http://x/?a&b" || m.Replace != "r1" || !strings.HasPrefix(m.XML, "<message") {
			t.Errorf("got %+v", m)
		}
		receive(t, alice, "the receipt", func(m xmppclient.Message) bool { return m.Receipt == id })

		// A second session of the same account gets the copy.
		cfg.Resource = "tablet"
		tablet := s.dial(t, cfg)
		go echo(t, bot)
		var progress []string
		reply, err := alice.Command(t.Context(), "bot@"+domain, "work", func(m xmppclient.Message) { progress = append(progress, m.Body) })
		if err != nil || reply.Body != "done: work" || len(progress) != 2 || progress[1] != "half of work" {
			t.Errorf("%+v %v %q", reply, err, progress)
		}
		receive(t, tablet, "the copy", func(m xmppclient.Message) bool { return m.Carbon == "sent" && m.Body == "work" })

		// Requests both ways.
		test := func(to, payload, want string) {
			t.Helper()
			res, err := alice.IQ(t.Context(), to, "get", payload)
			if got := ""; err == nil {
				if q := res.First(); q != nil {
					got = q.String()
				}
				if !strings.Contains(got, want) {
					t.Errorf("%s to %q: %q", payload, to, got)
				}
			} else if want == "" || !strings.Contains(err.Error(), want) {
				t.Errorf("%s to %q: %v", payload, to, err)
			}
		}
		test(domain, "<ping xmlns='urn:xmpp:ping'/>", "")
		test("", "<query xmlns='http://jabber.org/protocol/disco#info'/>", "account")
		test(bot.JID(), "<ping xmlns='urn:xmpp:ping'/>", "")
		test(bot.JID(), "<query xmlns='http://jabber.org/protocol/disco#info'/>", "console")
		test(bot.JID(), "<query xmlns='jabber:iq:version'/>", "Oswald")
		test(bot.JID(), "<query xmlns='urn:nobody'/>", "service-unavailable")

		// A command to nobody comes back; one without an answer runs out of time.
		if _, err := alice.Command(t.Context(), "nobody@"+domain, "x", nil); oswald.CodeOf(err) != oswald.Unavailable || !strings.Contains(err.Error(), "error") {
			t.Error(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		if _, err := alice.Command(ctx, "bot@"+domain, "silence", nil); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}

		// What keeps people out says why.
		bad := s.config("alice")
		bad.Password = secret.New([]byte("wrong"))
		if _, err := xmppclient.Dial(t.Context(), bad); oswald.CodeOf(err) != oswald.Forbidden {
			t.Error(err)
		}
		bad = s.config("alice")
		bad.TLS = new(tls.Config)
		if _, err := xmppclient.Dial(t.Context(), bad); err == nil || !strings.Contains(err.Error(), "not trusted") {
			t.Error(err)
		}

		// Closing twice is harmless; the queue ends.
		alice.Close()
		alice.Close()
		for range alice.Messages() {
		}
		if _, err := alice.Send(t.Context(), xmppclient.Message{To: "bot@" + domain, Body: "x"}); err == nil {
			t.Error("sent after Close")
		}
		if _, err := alice.IQ(t.Context(), "", "get", "<ping xmlns='urn:xmpp:ping'/>"); err == nil {
			t.Error("asked after Close")
		}
	})
}

func TestNobodyThere(t *testing.T) {
	p := ports(t, 1)
	_, err := xmppclient.Dial(t.Context(), xmppclient.Config{JID: "a@b", Addr: addr(p[0])})
	if oswald.CodeOf(err) != oswald.Unavailable {
		t.Error(err)
	}
	if _, err := xmppclient.Dial(t.Context(), xmppclient.Config{JID: "a"}); oswald.CodeOf(err) != oswald.Invalid {
		t.Error(err)
	}
}
