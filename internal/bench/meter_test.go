// SPDX-License-Identifier: GPL-3.0-or-later

package bench

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"regexp"
	"sync"
	"testing"
	"time"

	"oswald/internal/prosodytest"
	"oswald/internal/secret"
	"oswald/internal/xmppclient"
	"oswald/internal/xmppclient/xmltree"
)

// patience is how long a reply, or a program that starts, may take on a busy
// machine before the measurement has failed.
const patience = time.Minute

// A meter is a client that measures. Each message carries a token, in its thread
// and, for those who repeat what they are told, in its text; a reply counts when
// it carries the token in either place. The time is taken in the goroutine that
// reads, when the stanza has been parsed.
type meter struct {
	t *testing.T
	*xmppclient.Client
	sent int

	mu      sync.Mutex
	waiting map[string]chan<- time.Time
}

var tokenIn = regexp.MustCompile(`T[0-9]+T`)

// login makes a meter for an account.
func login(t *testing.T, s *prosodytest.Server, user string) *meter {
	t.Helper()
	pem, err := os.ReadFile(s.CAFile)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	m := &meter{t: t, waiting: make(map[string]chan<- time.Time)}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	m.Client, err = xmppclient.Dial(ctx, xmppclient.Config{
		JID: s.JID(user), Password: secret.New([]byte(s.Password(user))), Addr: s.Addr,
		TLS: &tls.Config{RootCAs: roots, ServerName: s.Domain}, OnStanza: m.stanza,
	})
	if err != nil {
		t.Fatalf("%s: %v\n%s", user, err, s.Log())
	}
	t.Cleanup(func() { m.Close() })
	return m
}

// stanza looks for tokens; the client's reader calls it.
func (m *meter) stanza(e *xmltree.Element) {
	body := e.Child("jabber:client", "body").Text()
	if e.Local != "message" || e.Get("type") == "error" || body == "" {
		return
	}
	at := time.Now()
	token := tokenIn.FindString(body)
	if token == "" {
		token = e.Child("jabber:client", "thread").Text()
	}
	m.mu.Lock()
	ch := m.waiting[token]
	delete(m.waiting, token)
	m.mu.Unlock()
	if ch != nil {
		ch <- at
	}
}

// say sends one message; its reply will be told to ch, which must have room.
func (m *meter) say(b *contestant, ch chan<- time.Time) {
	m.t.Helper()
	m.sent++
	token := fmt.Sprintf("T%dT", m.sent)
	m.mu.Lock()
	m.waiting[token] = ch
	m.mu.Unlock()
	text := b.text
	if b.echoes {
		text += token
	}
	_, err := m.Send(m.t.Context(), xmppclient.Message{To: b.jid, Body: text, Thread: token, NoReceipt: !b.receipts})
	if err != nil {
		m.t.Fatal(err)
	}
}

// await waits for one reply.
func (m *meter) await(b *contestant, ch <-chan time.Time) time.Time {
	m.t.Helper()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case at := <-ch:
		return at
	case <-m.Done():
		m.t.Fatalf("the session has ended: %v", m.Err())
	case <-timer.C:
		m.t.Fatalf("%s does not reply\n%s", b.name, b.output())
	}
	panic("not reached")
}

// latencies sends n messages one after the other and returns the milliseconds
// that each took.
func (m *meter) latencies(b *contestant, n int) []float64 {
	m.t.Helper()
	list := make([]float64, n)
	for i := range list {
		list[i] = b.once(m)
	}
	return list
}

// throughput sends n messages of which up to window wait for their replies, and
// returns how many were answered in a second.
func (m *meter) throughput(b *contestant, n, window int) float64 {
	m.t.Helper()
	ch := make(chan time.Time, window)
	begin := time.Now()
	var last time.Time
	for sent, done := 0, 0; done < n; {
		if sent < n && sent-done < window {
			m.say(b, ch)
			sent++
			continue
		}
		last = m.await(b, ch)
		done++
	}
	return float64(n) / last.Sub(begin).Seconds()
}

// online waits until a session of bare is available.
func (m *meter) online(bare string, who *process) {
	m.t.Helper()
	ctx, cancel := context.WithTimeout(m.t.Context(), patience)
	defer cancel()
	if _, err := m.WaitOnline(ctx, bare); err != nil {
		m.t.Fatalf("%s does not come online: %v\n%s", bare, err, who.log)
	}
}

// offline waits until there is none.
func (m *meter) offline(bare string) {
	m.t.Helper()
	for end := time.Now().Add(patience); m.Online(bare); wait(m.t.Context(), 10*time.Millisecond) {
		if time.Now().After(end) {
			m.t.Fatal(bare, " does not go offline")
		}
	}
}

// A contestant is one of those who take turns.
type contestant struct {
	name     string
	jid      string
	text     string // what it is asked
	echoes   bool   // it repeats the token instead of keeping the thread
	receipts bool   // receipts are asked for
	ping     bool   // it is an IQ ping (XEP-0199) to jid
	process  *process

	medians, tails, rates, work, server []float64 // of the rounds
	paced                               []float64 // all that it did at a person's pace
}

func (b *contestant) output() string {
	if b.process == nil {
		return ""
	}
	return b.process.log.String()
}

// once asks once and returns the milliseconds until the reply.
func (b *contestant) once(m *meter) float64 {
	m.t.Helper()
	begin := time.Now()
	if b.ping {
		if _, err := m.IQ(m.t.Context(), b.jid, "get", "<ping xmlns='urn:xmpp:ping'/>"); err != nil {
			m.t.Fatalf("ping of %s: %v", b.jid, err)
		}
		return millis(time.Since(begin))
	}
	ch := make(chan time.Time, 1)
	m.say(b, ch)
	return millis(m.await(b, ch).Sub(begin))
}

// round lets a contestant have its turn of n messages one at a time. server is
// the process of the XMPP server.
func (b *contestant) round(m *meter, n, server int) {
	m.t.Helper()
	m.latencies(b, n/10+1) // warm
	var own float64
	if b.process != nil {
		own = cpu(m.t, b.process.pid())
	}
	at := cpu(m.t, server)
	list := m.latencies(b, n)
	b.medians = append(b.medians, median(list))
	b.tails = append(b.tails, quantile(list, 0.99))
	b.server = append(b.server, (cpu(m.t, server)-at)*1000/float64(n))
	if b.process != nil {
		b.work = append(b.work, (cpu(m.t, b.process.pid())-own)*1000/float64(n))
	}
}

// against returns the median of the ratios of two lists that belong together.
func against(a, b []float64) float64 {
	list := make([]float64, len(a))
	for i := range list {
		list[i] = a[i] / b[i]
	}
	return median(list)
}
