// SPDX-License-Identifier: GPL-3.0-or-later

package bot

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"oswald"
	"oswald/internal/store"
	"oswald/internal/xmppclient"
	"oswald/internal/xmppclient/xmltree"
	"oswald/internal/xmpptest"
)

func parsed(t testing.TB, inner string) *xmltree.Element {
	e, err := xmltree.Parse([]byte("<message xmlns='jabber:client' id='i'>" + inner + "</message>"))
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestFallback(t *testing.T) {
	test := func(text, fallback, want string) {
		t.Helper()
		m := parsed(t, "<fallback xmlns='urn:xmpp:fallback:0' for='"+nsReply+"'>"+fallback+"</fallback>")
		if got := withoutFallback(m, text, nsReply); got != want {
			t.Errorf("%q without %s: %q, want %q", text, fallback, got, want)
		}
	}
	test("> älter\nack", "<body start='0' end='8'/>", "ack")
	test("> 🌡️ hot\nack", "<body start='0' end='9'/>", "ack") // characters, not bytes
	test("ack", "<body start='0' end='99'/>", "ack")
	test("ack", "<body start='2' end='1'/>", "ack")
	test("ack", "<body start='x' end='1'/>", "ack")
	test("abcdef", "<body start='4' end='6'/><body start='0' end='2'/><body start='1' end='3'/>", "d")
	test("all of it", "", "")
	test("all of it", "<body/>", "")
	test("all of it", "<subject/>", "all of it")
	if got := withoutFallback(parsed(t, "<fallback xmlns='urn:xmpp:fallback:0' for='urn:x'/>"), "kept", nsReply); got != "kept" {
		t.Errorf("somebody else's fallback: %q", got)
	}
}

func TestQuote(t *testing.T) {
	test := func(text, quote, rest string) {
		t.Helper()
		if q, r := cutQuote(text); q != quote || r != rest {
			t.Errorf("%q: %q, %q", text, q, r)
		}
	}
	test("ack", "", "ack")
	test("> A3 hot\n> still\n\nack", "> A3 hot\n> still", "ack")
	test(">>> what", "", ">>> what")
	test("post\n> no quote", "", "post\n> no quote")
}

func FuzzAnswered(f *testing.F) {
	f.Add("> a\nb", "0", "4")
	f.Add("> ä\n\n", "-1", "")
	f.Fuzz(func(t *testing.T, text, start, end string) {
		m := xmltree.New(nsClient, "message").Add(
			xmltree.New(nsClient, "body").AddText(text),
			xmltree.New(nsFallback, "fallback", "for", nsReply).Add(xmltree.New(nsFallback, "body", "start", start, "end", end)))
		got := withoutFallback(m, text, nsReply)
		if utf8.ValidString(text) && (!utf8.ValidString(got) || len(got) > len(text)) {
			t.Errorf("%q: %q", text, got)
		}
		if quote, rest := cutQuote(got); !strings.Contains(got, quote) || !strings.Contains(got, rest) {
			t.Errorf("%q: %q, %q", got, quote, rest)
		}
	})
}

// testAnswering answers messages of the bot in all the ways that phones know.
func testAnswering(t *testing.T, s *xmpptest.Server) {
	r := newRig(t, testConfig(t, s), filepath.Join(s.Dir, "talk.db")).run().waitOnline()
	alice, bob := client(t, s, "alice"), client(t, s, "bob")
	r.commands.answer = func(_ context.Context, q oswald.Request) (oswald.Reply, error) {
		if q.Reaction && q.Text != "👍" {
			return oswald.Reply{}, nil
		}
		return oswald.Reply{Text: fmt.Sprintf("%s on %q, reaction %v", q.Text, q.About, q.Reaction)}, nil
	}
	tell := func(text, about string) string {
		t.Helper()
		if err := r.Send(t.Context(), jidOf("alice"), oswald.Reply{Text: text, About: about}); err != nil {
			t.Fatal(err)
		}
		m := next(t, alice)
		if m.Body != text || m.ID != m.OriginID {
			t.Fatalf("got %s", m.XML)
		}
		return m.ID
	}
	hot, full := tell("⚠️ A3 kitchen is at 36 °C\nit is hot", "alert:A3"), tell("The disk is full", "alert:A4")
	plainID := tell("Nothing to act on", "")
	test := func(from *xmppclient.Client, m xmppclient.Message, want string) {
		t.Helper()
		m.To = botJID
		if _, err := from.Send(t.Context(), m); err != nil {
			t.Fatal(err)
		}
		if got := next(t, from).Body; got != want {
			t.Errorf("%+v: %q, want %q", m, got, want)
		}
	}
	react := func(from *xmppclient.Client, id string, what ...string) {
		t.Helper()
		if _, err := from.Send(t.Context(), xmppclient.Message{To: botJID, ReactsTo: id, Reactions: what}); err != nil {
			t.Fatal(err)
		}
	}
	test(alice, xmppclient.Message{ReactsTo: hot, Reactions: []string{"👍"}}, `👍 on "alert:A3", reaction true`)
	react(alice, hot, "👍", "❤️") // the one that is new means nothing
	react(alice, hot)            // taken back
	react(alice, plainID, "👍")
	react(bob, hot, "👍") // not his
	test(alice, xmppclient.Message{ReactsTo: hot, Reactions: []string{"👍"}}, `👍 on "alert:A3", reaction true`)
	test(alice, xmppclient.Message{ReplyTo: full, Body: "ack"}, `ack on "alert:A4", reaction false`)
	test(alice, xmppclient.Message{Body: "> ⚠️ A3 kitchen is at 36 °C\n> it is hot\nsnooze 1h"}, `snooze 1h on "alert:A3", reaction false`)
	test(alice, xmppclient.Message{Body: "> something else entirely\nping"}, `ping on "", reaction false`)
	test(bob, xmppclient.Message{ReplyTo: full, Body: "ack"}, `ack on "", reaction false`)
	alice.SendRaw("<message to='" + botJID + "' type='chat' id='f1'><body>&gt; The disk\nok then</body><reply xmlns='" + nsReply + "' id='" + full +
		"'/><fallback xmlns='urn:xmpp:fallback:0' for='" + nsReply + "'><body start='0' end='11'/></fallback></message>")
	if got := next(t, alice).Body; got != `ok then on "alert:A4", reaction false` {
		t.Errorf("with fallback: %q", got)
	}
	settle(t, r)
}

// TestMemory wants what is remembered to be bounded, and to survive.
func TestMemory(t *testing.T) {
	path := filepath.Join(t.TempDir(), "bot.db")
	now := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	open := func() (*memory, func()) {
		t.Helper()
		db, err := store.Open(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		if err := store.Migrate(t.Context(), db, "bot", schema); err != nil {
			t.Fatal(err)
		}
		d := &disk{db: db, log: testLog(), hurry: make(chan struct{}, 1)}
		m, err := newMemory(t.Context(), d, func() time.Time { return now })
		if err != nil {
			t.Fatal(err)
		}
		return m, func() { d.flush(t.Context()); db.Close() }
	}
	m, done := open()
	for i := range sentMax + 500 {
		m.disk.put(m.add(sent{id: fmt.Sprint("m", i), to: "a@b", about: fmt.Sprint("alert:A", i), head: "text"}), nil)
	}
	m.disk.flush(t.Context())
	var rows int
	if err := m.disk.db.QueryRow("SELECT count(*) FROM bot_sent").Scan(&rows); err != nil || rows > sentMax+100 || len(m.list) != sentMax || len(m.by) != sentMax {
		t.Errorf("%d rows, %d and %d in memory, %v", rows, len(m.list), len(m.by), err)
	}
	last := fmt.Sprint("m", sentMax+499)
	if _, fresh, keep := m.react(last, "a@b", []string{"👍"}); len(fresh) != 1 {
		t.Error(fresh)
	} else {
		m.disk.put(keep, nil)
	}
	m.mark(last, "c@d", true) // not theirs
	m.mark("m600", "a@b", false)
	m.mark("m601", "a@b", true)
	done()
	now = now.Add(time.Hour)
	m, done = open()
	defer done()
	if got := m.about(last, "a@b"); got != fmt.Sprint("alert:A", sentMax+499) || m.about(last, "c@d") != "" || m.about("m499", "a@b") != "" {
		t.Errorf("about %q", got)
	}
	if _, fresh, _ := m.react(last, "a@b", []string{"👍", "✅"}); !slices.Equal(fresh, []string{"✅"}) {
		t.Errorf("after the restart %q are new", fresh)
	}
	marks := func(id string) string {
		s := m.by[id]
		return fmt.Sprint(!s.received.IsZero(), !s.displayed.IsZero())
	}
	// All were sent at the same moment: a marker covers all of that moment.
	if marks("m600") != "true true" || marks("m601") != "false true" {
		t.Errorf("marks %s, %s", marks("m600"), marks("m601"))
	}
	now = now.Add(sentAge)
	m.add(sent{id: "young", to: "a@b", about: "alert:A1"})
	if len(m.list) != 1 || m.about(last, "a@b") != "" {
		t.Errorf("%d are remembered after a month", len(m.list))
	}
}

// codec64 is a codec for tests: words travel as base64.
type codec64 struct{}

func (codec64) Carries(m *xmltree.Element) bool { return m.Child("urn:test:64", "box") != nil }

func (codec64) Decode(from string, m *xmltree.Element) (*xmltree.Element, error) {
	b, err := base64.StdEncoding.DecodeString(m.Child("urn:test:64", "box").Text())
	if err != nil {
		return nil, oswald.Errorf(oswald.Invalid, "That box cannot be opened.")
	}
	out := m.Copy()
	out.Filter(func(e *xmltree.Element) bool { return e.Space != "urn:test:64" && !e.Is(nsClient, "body") })
	return out.Add(xmltree.New(nsClient, "body").AddText(string(b))), nil
}

func (codec64) Encode(to string, m *xmltree.Element) (*xmltree.Element, error) {
	body := m.Child(nsClient, "body").Text()
	if strings.Contains(body, "secret") {
		return nil, errors.New("no key")
	}
	out := m.Copy()
	out.Filter(func(e *xmltree.Element) bool { return !e.Is(nsClient, "body") })
	return out.Add(xmltree.New("urn:test:64", "box").AddText(base64.StdEncoding.EncodeToString([]byte(body)))), nil
}

// testCodec lets a whole conversation pass through another codec.
func testCodec(t *testing.T, s *xmpptest.Server) {
	r := newRig(t, testConfig(t, s), filepath.Join(s.Dir, "talk.db"))
	r.codec = codec64{}
	r.run().waitOnline()
	r.commands.answer = func(_ context.Context, q oswald.Request) (oswald.Reply, error) {
		q.Progress("half of " + q.Text)
		return oswald.Reply{Text: "all of " + q.Text}, nil
	}
	alice := client(t, s, "alice")
	box := func(id, text string) {
		alice.SendRaw("<message to='" + botJID + "' type='chat' id='" + id + "'><body>You cannot read this</body><box xmlns='urn:test:64'>" + text + "</box></message>")
	}
	var got []string
	deadline := time.After(30 * time.Second)
	collect := func(n int) {
		t.Helper()
		for len(got) < n {
			select {
			case m := <-alice.Messages():
				if m.Body != "" {
					t.Errorf("in plain text: %s", m.XML)
				}
				if b := m.Element.Child("urn:test:64", "box"); b != nil {
					text, _ := base64.StdEncoding.DecodeString(b.Text())
					got = append(got, string(text))
				}
			case <-deadline:
				t.Fatalf("got %q", got)
			}
		}
	}
	box("b1", base64.StdEncoding.EncodeToString([]byte("the work")))
	collect(2)
	box("b2", "!")
	collect(3)
	box("b3", base64.StdEncoding.EncodeToString([]byte("the secret"))) // there is no key for its answer
	box("b4", base64.StdEncoding.EncodeToString([]byte("more")))
	collect(5)
	if want := []string{"half of the work", "all of the work", "That box cannot be opened.", "half of more", "all of more"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if r.commands.times("You cannot read this") != 0 {
		t.Error("the fallback body ran")
	}
	settle(t, r)
}
