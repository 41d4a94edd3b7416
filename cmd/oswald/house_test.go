// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"html"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"oswald/internal/prosodytest"
	"oswald/internal/secret"
	"oswald/internal/store"
	"oswald/internal/xmppclient"
	"oswald/wiki"
)

// A house is a whole installation for a test: a Prosody with the accounts oswald,
// alice (the owner), bob (household) and eve (a stranger), a folder with the
// sample site, and a configuration.
type house struct {
	t      *testing.T
	server *prosodytest.Server
	dir    string
	config string
	web    string // http://127.0.0.1:PORT
}

// newHouse makes one; extra is added to the configuration and may name tables
// that are not in it yet.
func newHouse(t *testing.T, extra string) *house {
	t.Helper()
	server := prosodytest.Start(t, "oswald", "alice", "bob", "eve")
	return furnish(t, server, server.Addr, fmt.Sprintf("ca_file = %q\n", server.CAFile), extra)
}

// newLonelyHouse is a house whose XMPP server does not run: for what is asked
// over the control socket.
func newLonelyHouse(t *testing.T, extra string) *house {
	t.Helper()
	return furnish(t, &prosodytest.Server{Domain: prosodytest.Domain}, freeAddr(t), "", extra)
}

func furnish(t *testing.T, server *prosodytest.Server, xmpp, trust, extra string) *house {
	t.Helper()
	dir := t.TempDir()
	addr := freeAddr(t)
	h := &house{t: t, server: server, dir: dir, web: "http://" + addr}
	writeFile(t, dir, "password", server.Password("oswald")+"\n")
	writeFile(t, dir, "questions", "Q: What is three plus four?\nA: 7\nA: seven\n")
	if err := wiki.WriteSample(filepath.Join(dir, "pages")); err != nil {
		t.Fatal(err)
	}
	h.config = writeFile(t, dir, "config.toml", fmt.Sprintf(`
state = "state"
[people]
%q = "owner"
%q = "member"
[xmpp]
jid = %q
password_file = "password"
server = %q
%s
[alerts]
group = "100ms"
[web]
listen = %q
[wiki]
source = "pages"
output = "site"
title = "Lime Street 4"
camelcase = true
url = "http://%s/"
[audio]
output = "file"
[comments]
questions_file = "questions"
min_time = "0s"
rate_limit = 1000
burst_count = 3
%s`, server.JID("alice"), server.JID("bob"), server.JID("oswald"), xmpp, trust, addr, addr, extra))
	return h
}

// freeAddr is a loopback address that was free just now.
func freeAddr(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// A texter is somebody with a client.
type texter struct {
	t      *testing.T
	house  *house
	client *xmppclient.Client

	mu     sync.Mutex
	unsent []string // what Oswald said unasked
	ids    []string // of these messages
}

// dial signs user in.
func (h *house) dial(user string) *xmppclient.Client {
	h.t.Helper()
	pem, err := os.ReadFile(h.server.CAFile)
	if err != nil {
		h.t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	ctx, cancel := context.WithTimeout(h.t.Context(), time.Minute)
	defer cancel()
	c, err := xmppclient.Dial(ctx, xmppclient.Config{
		JID: h.server.JID(user), Password: secret.New([]byte(h.server.Password(user))), Addr: h.server.Addr,
		TLS: &tls.Config{RootCAs: roots, ServerName: h.server.Domain},
	})
	if err != nil {
		h.t.Fatalf("%s: %v\n%s", user, err, h.server.Log())
	}
	h.t.Cleanup(func() { c.Close() })
	return c
}

// login signs user in and collects what Oswald says unasked.
func (h *house) login(user string) *texter {
	h.t.Helper()
	c := h.dial(user)
	p := &texter{t: h.t, house: h, client: c}
	go func() {
		for m := range c.Messages() {
			if m.Body != "" {
				p.mu.Lock()
				p.unsent, p.ids = append(p.unsent, m.Body), append(p.ids, m.ID)
				p.mu.Unlock()
			}
		}
	}()
	return p
}

// awaitBot waits until Oswald is online for p, and returns its full JID.
func (p *texter) awaitBot() string {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), time.Minute)
	defer cancel()
	full, err := p.client.WaitOnline(ctx, p.house.server.JID("oswald"))
	if err != nil {
		p.t.Fatalf("the bot did not come online: %v", err)
	}
	return full
}

// text sends text and returns the whole reply.
func (p *texter) text(text string) string {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), time.Minute)
	defer cancel()
	var parts []string
	m, err := p.client.Command(ctx, p.house.server.JID("oswald"), text, func(m xmppclient.Message) {
		if m.Body != "" && m.ChatState != "composing" {
			parts = append(parts, m.Body)
		}
	})
	if err != nil {
		p.t.Fatalf("%q: %v", text, err)
	}
	return strings.Join(append(parts, m.Body), "\n")
}

// expect texts and wants the reply to hold each of the words, in any case.
func (p *texter) expect(text string, words ...string) string {
	p.t.Helper()
	reply := p.text(text)
	for _, w := range words {
		if !strings.Contains(strings.ToLower(reply), strings.ToLower(w)) {
			p.t.Errorf("%q was answered without %q:\n%s", text, w, reply)
		}
	}
	return reply
}

// told reports how many messages that came unasked hold word.
func (p *texter) told(word string) (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, m := range p.unsent {
		if strings.Contains(strings.ToLower(m), strings.ToLower(word)) {
			n++
		}
	}
	return n
}

// idOf returns the id of the last message that came unasked and holds word.
func (p *texter) idOf(word string) (id string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, m := range p.unsent {
		if strings.Contains(strings.ToLower(m), strings.ToLower(word)) {
			id = p.ids[i]
		}
	}
	return id
}

// send sends a message that asks nothing.
func (p *texter) send(m xmppclient.Message) {
	p.t.Helper()
	m.To = p.house.server.JID("oswald")
	if _, err := p.client.Send(p.t.Context(), m); err != nil {
		p.t.Fatal(err)
	}
}

// warmDay gives the simulated probe a day of history.
func (h *house) warmDay(t *testing.T) {
	t.Helper()
	db, err := store.Open(t.Context(), filepath.Join(h.dir, "state", "bot.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	_, err = db.ExecContext(t.Context(), `WITH RECURSIVE ago(n) AS (SELECT 1 UNION ALL SELECT n + 5 FROM ago WHERE n < 1440)
		INSERT INTO readings SELECT '28-0000051a0b1d', unixepoch() / 60 - n, 20 + n / 200.0 FROM ago WHERE true ON CONFLICT DO NOTHING`)
	if err != nil {
		t.Fatal(err)
	}
}

// page fetches a page; "" where there is none.
func (h *house) page(path string) string {
	res, err := http.Get(h.web + path)
	if err != nil {
		return ""
	}
	defer res.Body.Close()
	b, _ := io.ReadAll(res.Body)
	if res.StatusCode != http.StatusOK {
		return ""
	}
	return string(b)
}

var tokenField = regexp.MustCompile(`name="?token"?[^>]*value="?([^">]+)"?`)

// comment posts through the real form, as a visitor from the network of ip.
func (h *house) comment(page, name, text, ip string) {
	h.t.Helper()
	form := h.page("/comment/" + page)
	m := tokenField.FindStringSubmatch(form)
	if m == nil {
		h.t.Fatalf("no form for %s: %s", page, form)
	}
	values := url.Values{
		"token": {html.UnescapeString(m[1])}, "name": {name}, "text": {text}, "answer": {"seven"}, "do": {"post"},
	}
	req, err := http.NewRequestWithContext(h.t.Context(), http.MethodPost, h.web+"/comment/"+page, strings.NewReader(values.Encode()))
	if err != nil {
		h.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("X-Forwarded-For", ip)
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Do(req)
	if err != nil {
		h.t.Fatal(err)
	}
	defer res.Body.Close()
	b, _ := io.ReadAll(res.Body)
	if res.StatusCode != http.StatusSeeOther {
		h.t.Fatalf("comment by %s: %s\n%s", name, res.Status, b)
	}
}
