// SPDX-License-Identifier: GPL-3.0-or-later

package bot

import (
	"context"
	"crypto/tls"
	"fmt"
	"sync"
	"testing"
	"time"

	"oswald/internal/secret"
	"oswald/internal/xmppclient"
	"oswald/internal/xmpptest"
)

// answerTime is how long a phone waits for the last answer.
const answerTime = 90 * time.Second

// A phone is what a person has: it signs in again when it has been thrown out, says
// again, under the same name, what it does not know to have arrived, and gathers
// the answers.
type phone struct {
	t    *testing.T
	s    *xmpptest.Server
	user string

	mu      sync.Mutex
	c       *xmppclient.Client           // nil while signed out
	said    []string                     // ids, in order
	texts   map[string]string            // by id
	arrived map[string]bool              // ids that the bot has confirmed (XEP-0184)
	answers map[string]map[string]string // bodies, by id and then by the name of the answer (XEP-0359)
	other   map[string]string            // bodies on no thread of ours, by name
}

func newPhone(t *testing.T, s *xmpptest.Server, user string) *phone {
	t.Helper()
	p := &phone{
		t: t, s: s, user: user,
		texts: map[string]string{}, arrived: map[string]bool{}, answers: map[string]map[string]string{}, other: map[string]string{},
	}
	trust := &tls.Config{RootCAs: roots(t, s)}
	ctx, cancel := context.WithCancel(context.Background())
	done, online := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		first := sync.OnceFunc(func() { close(online) })
		for ctx.Err() == nil {
			c, err := xmppclient.Dial(ctx, xmppclient.Config{
				JID: s.JID(user), Resource: "phone", Password: secret.New([]byte(s.Password(user))),
				Addr: s.Addr, TLS: trust, Queue: 50_000,
			})
			if err != nil {
				pause := time.NewTimer(50 * time.Millisecond)
				<-pause.C
				continue
			}
			p.signedIn(ctx, c)
			first()
			stop := context.AfterFunc(ctx, func() { c.Close() })
			for m := range c.Messages() {
				p.hear(m)
			}
			stop()
			c.Close()
			p.mu.Lock()
			p.c = nil
			p.mu.Unlock()
		}
	}()
	t.Cleanup(func() { cancel(); <-done })
	select {
	case <-online:
	case <-time.After(30 * time.Second):
		t.Fatalf("%s cannot sign in", user)
	}
	return p
}

// signedIn says again what has not arrived.
func (p *phone) signedIn(ctx context.Context, c *xmppclient.Client) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.c = c
	for _, id := range p.said {
		if !p.arrived[id] && len(p.answers[id]) == 0 {
			p.sendLocked(ctx, id)
		}
	}
}

func (p *phone) sendLocked(ctx context.Context, id string) {
	if p.c != nil { // else when signed in again
		p.c.Send(ctx, xmppclient.Message{To: botJID, ID: id, OriginID: id, Thread: id, Body: p.texts[id]})
	}
}

// say sends text, sooner or later, under a name that say returns.
func (p *phone) say(text string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	id := fmt.Sprintf("%s-%s-%d", p.t.Name(), p.user, len(p.said))
	p.said = append(p.said, id)
	p.texts[id] = text
	p.sendLocked(p.t.Context(), id)
	return id
}

// hear takes in what comes.
func (p *phone) hear(m xmppclient.Message) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case m.Receipt != "":
		p.arrived[m.Receipt] = true
	case m.Body == "" || m.ChatState == "composing" || m.Type == "error":
	case p.texts[m.Thread] == "":
		p.other[m.OriginID] = m.Body
	default:
		if p.answers[m.Thread] == nil {
			p.answers[m.Thread] = map[string]string{}
		}
		p.answers[m.Thread][m.OriginID] = m.Body
	}
}

// unanswered returns how much of what was said has no answer.
func (p *phone) unanswered() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.said) - len(p.answers)
}

// hears waits until body has come, on no thread of the phone's, and once.
func (p *phone) hears(body string) {
	p.t.Helper()
	count := func() (n int) {
		p.mu.Lock()
		defer p.mu.Unlock()
		for _, b := range p.other {
			if b == body {
				n++
			}
		}
		return n
	}
	wait(p.t, body, func() bool { return count() > 0 })
	if n := count(); n != 1 {
		p.t.Errorf("%q came %d times under different names", body, n)
	}
}

// check waits until everything is answered, and wants one answer to each, which is
// what want makes of the text.
func (p *phone) check(want func(text string) string) {
	p.t.Helper()
	defer func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		for _, id := range p.said {
			if len(p.answers[id]) == 0 {
				p.t.Errorf("%s: %q is not answered (arrived: %v)", id, p.texts[id], p.arrived[id])
			}
		}
	}()
	within(p.t, answerTime, "all answers to "+p.user, func() bool { return p.unanswered() == 0 })
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, id := range p.said {
		if len(p.answers[id]) != 1 {
			p.t.Errorf("%q has %d answers: %v", p.texts[id], len(p.answers[id]), p.answers[id])
		}
		for _, body := range p.answers[id] {
			if body != want(p.texts[id]) {
				p.t.Errorf("the answer to %q is %q", p.texts[id], body)
			}
		}
	}
}

// within is wait with another limit.
func within(t *testing.T, d time.Duration, what string, ok func() bool) {
	t.Helper()
	deadline := time.NewTimer(d)
	defer deadline.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

func echo(text string) string { return "you said " + text }
