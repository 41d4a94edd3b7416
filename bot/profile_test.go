// SPDX-License-Identifier: GPL-3.0-or-later

package bot

import (
	"bytes"
	"context"
	"crypto/sha1"
	"crypto/tls"
	"encoding/base64"
	"encoding/hex"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"oswald/internal/secret"
	"oswald/internal/xmppclient"
	"oswald/internal/xmppclient/xmltree"
	"oswald/internal/xmpptest"
)

// stanzas remembers what a client got.
type stanzas struct {
	mu   sync.Mutex
	list []*xmltree.Element
}

func (s *stanzas) see(e *xmltree.Element) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.list = append(s.list, e)
}

// find returns those of the bot for which ok is true.
func (s *stanzas) find(local string, ok func(*xmltree.Element) bool) (list []*xmltree.Element) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.list {
		if e.Local == local && strings.HasPrefix(e.Get("from"), botJID) && ok(e) {
			list = append(list, e)
		}
	}
	return list
}

// watcher is a client whose stanzas are kept.
func watcher(t *testing.T, s *xmpptest.Server, user string) (*xmppclient.Client, *stanzas) {
	t.Helper()
	var seen stanzas
	c, err := xmppclient.Dial(t.Context(), xmppclient.Config{
		JID: jidOf(user), Password: secret.New([]byte(s.Password(user))),
		Addr: s.Addr, TLS: &tls.Config{RootCAs: roots(t, s)}, OnStanza: seen.see,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c, &seen
}

// verOf is the hash of a disco#info result by the letter of XEP-0115 section 5.1.
func verOf(q *xmltree.Element) string {
	var ids, vars []string
	for _, c := range q.Children() {
		switch c.Local {
		case "identity":
			ids = append(ids, c.Get("category")+"/"+c.Get("type")+"/"+c.Get("lang")+"/"+c.Get("name")+"<")
		case "feature":
			vars = append(vars, c.Get("var")+"<")
		}
	}
	slices.Sort(ids)
	slices.Sort(vars)
	sum := sha1.Sum([]byte(strings.Join(ids, "") + strings.Join(vars, "")))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// TestAppearance runs what others see of the bot, and its menu, on a Prosody and an
// ejabberd.
func TestAppearance(t *testing.T) {
	xmpptest.Servers(t, []string{"bot", "alice", "bob"}, func(t *testing.T, s *xmpptest.Server) {
		t.Run("presence", func(t *testing.T) { testPresence(t, s) })
		t.Run("profile", func(t *testing.T) { testProfile(t, s) })
		t.Run("menu", func(t *testing.T) { testAdHoc(t, s) })
	})
}

// testPresence wants a presence whose hash is true, with picture, priority and a
// status text that is told again when it changes, but seldom.
func testPresence(t *testing.T, s *xmpptest.Server) {
	r := newRig(t, testConfig(t, s), filepath.Join(t.TempDir(), "bot.db"))
	var mu sync.Mutex
	mood := "21 °C · no alerts"
	r.deps.Mood = func(context.Context) string {
		mu.Lock()
		defer mu.Unlock()
		return mood
	}
	r.self.look, r.self.every = 20*time.Millisecond, 400*time.Millisecond
	alice, seen := watcher(t, s, "alice")
	r.run().waitOnline()
	says := func(text string) func(*xmltree.Element) bool {
		return func(e *xmltree.Element) bool { return e.Child(nsClient, "status").Text() == text }
	}
	wait(t, "the presence", func() bool { return len(seen.find("presence", says("21 °C · no alerts"))) == 1 })
	p := seen.find("presence", says("21 °C · no alerts"))[0]
	c := p.Child(nsCaps, "c")
	res, err := alice.IQ(t.Context(), p.Get("from"), "get", "<query xmlns='"+nsInfo+"' node='"+c.Get("node")+"#"+c.Get("ver")+"'/>")
	if err != nil {
		t.Fatal(err)
	}
	q := res.Child(nsInfo, "query")
	if got := verOf(q); got != c.Get("ver") || c.Get("hash") != "sha-1" {
		t.Errorf("hash %s, the answer makes %s", c, got)
	}
	if id := q.Child(nsInfo, "identity"); id.Get("category") != "client" || id.Get("type") != "bot" || id.Get("name") != "Oswald" {
		t.Errorf("identity %s", id)
	}
	var features []string
	for _, f := range q.Children() {
		if f.Local == "feature" {
			features = append(features, f.Get("var"))
		}
	}
	for _, x := range extensions() {
		for _, f := range x.features {
			if !slices.Contains(features, f) {
				t.Errorf("%s is not among the features: %s", f, x.id())
			}
			features = slices.DeleteFunc(features, func(s string) bool { return s == f })
		}
	}
	if len(features) > 0 {
		t.Errorf("features of no extension: %v", features)
	}
	if got := p.Child(nsClient, "priority").Text(); got != "50" {
		t.Errorf("priority %q", got)
	}
	sum := sha1.Sum(owl)
	if got := p.Child(nsPhotoUpdate, "x").Child(nsPhotoUpdate, "photo").Text(); got != hex.EncodeToString(sum[:]) {
		t.Errorf("picture %q", got)
	}
	last, err := alice.IQ(t.Context(), p.Get("from"), "get", "<query xmlns='"+nsLast+"'/>")
	if n := last.Child(nsLast, "query").Get("seconds"); err != nil || n == "" || len(n) > 2 {
		t.Errorf("last activity %q, %v", n, err)
	}

	before := len(seen.find("presence", func(*xmltree.Element) bool { return true }))
	begin := time.Now()
	for i := range 20 {
		mu.Lock()
		mood = strings.Repeat("x", i+1)
		mu.Unlock()
		wait(t, "a look", func() bool { return time.Since(begin) > time.Duration(i)*25*time.Millisecond })
	}
	wait(t, "the last mood", func() bool { return len(seen.find("presence", says(strings.Repeat("x", 20)))) == 1 })
	most := int(time.Since(begin)/r.self.every) + 1
	if n := len(seen.find("presence", func(*xmltree.Element) bool { return true })) - before; n > most {
		t.Errorf("%d presences for 20 changes in %v", n, time.Since(begin))
	}
}

// testProfile wants name and picture in all places where clients look for them, put
// there once, and other fields left alone.
func testProfile(t *testing.T, s *xmpptest.Server) {
	cfg := testConfig(t, s)
	bot, err := xmppclient.Dial(t.Context(), xmppclient.Config{
		JID: botJID, Password: secret.New([]byte(s.Password("bot"))), Addr: s.Addr, TLS: &tls.Config{RootCAs: roots(t, s)},
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := bot.IQ(t.Context(), "", "set", "<vCard xmlns='vcard-temp'><FN>Somebody</FN><URL>https://example.org</URL></vCard>"); err != nil {
		t.Fatal(err)
	}
	bot.Close()
	alice := client(t, s, "alice")
	get := func(payload string) *xmltree.Element {
		t.Helper()
		e, err := alice.IQ(t.Context(), botJID, "get", payload)
		if err != nil {
			t.Fatalf("%s: %v", payload, err)
		}
		return e.First()
	}
	items := func(node string) *xmltree.Element {
		t.Helper()
		return get("<pubsub xmlns='"+nsPubSub+"'><items node='"+node+"' max_items='1'/></pubsub>").Child(nsPubSub, "items").Child(nsPubSub, "item")
	}
	round := func(cfg Config, name string, pic []byte, again bool) {
		t.Helper()
		r := newRig(t, cfg, filepath.Join(t.TempDir(), "bot.db")).run().waitOnline()
		defer r.end()
		alice.WaitOnline(t.Context(), botJID)
		wait(t, "the profile", func() bool { return r.looks.Load() == 1 })
		sum := sha1.Sum(pic)
		id := hex.EncodeToString(sum[:])
		card := get("<vCard xmlns='vcard-temp'/>")
		if photoOf(card) != id || card.Child(nsVCard, "FN").Text() != name || card.Child(nsVCard, "URL").Text() != "https://example.org" {
			t.Errorf("vCard %.300s", card)
		}
		wait(t, "the avatar", func() bool {
			return items(nsAvatarMeta).First().First().Get("id") == id && items(nsNick).First().Text() == name
		})
		data, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(items(nsAvatar).First().Text()), ""))
		if err != nil || !bytes.Equal(data, pic) {
			t.Errorf("picture of %d bytes instead of %d, %v", len(data), len(pic), err)
		}
		if n := r.puts.Load(); again && n != 0 {
			t.Errorf("%d things were published again", n)
		}
	}
	round(cfg, "Oswald", owl, false)
	round(cfg, "Oswald", owl, true)
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, 32, 48))); err != nil {
		t.Fatal(err)
	}
	cfg.Name, cfg.Avatar = "Jeeves", filepath.Join(t.TempDir(), "x.png")
	if err := os.WriteFile(cfg.Avatar, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	round(cfg, "Jeeves", b.Bytes(), false)
	cfg.Avatar = noAvatar
	round(cfg, "Jeeves", b.Bytes(), true)
}
