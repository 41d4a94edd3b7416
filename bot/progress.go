// SPDX-License-Identifier: GPL-3.0-or-later

package bot

import (
	"sync"
	"time"

	"oswald"
	"oswald/internal/xmppclient/xmltree"
)

// progressEvery is how often the message that shows progress changes. A phone that
// shows a corrected message may mark the chat unread each time.
const progressEvery = 30 * time.Second

// progress tells the asker that a command still runs: by a chat state at first
// (XEP-0085), then by a picture on the command (XEP-0444) and one message that is
// corrected (XEP-0308). The result is a message of its own. Safe for concurrent
// use.
type progress struct {
	b *Bot
	c command

	mu      sync.Mutex
	shown   bool // that we are at it
	watched bool // the command has the picture
	over    bool
	id      string // of the message that is corrected
	last    time.Time
	next    string      // what is shown when it is time
	timer   *time.Timer // nil if nothing is to be shown
}

// typing shows the chat state of somebody who writes.
func (p *progress) typing() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.over || p.shown {
		return
	}
	p.shown = true
	p.b.out.pass(p.b.wire(outgoing{to: p.c.sender, thread: p.c.thread, id: oswald.RandomID(), state: "composing"}))
}

// tell is the Progress of a request. What comes too soon is shown later, unless
// something newer comes meanwhile.
func (p *progress) tell(text string) {
	if text = clip(clean(text), partMax-1); text == "" {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.over {
		return
	}
	pause := p.b.every - time.Since(p.last)
	if p.last.IsZero() || pause <= 0 {
		p.show(text)
		return
	}
	if p.next = text; p.timer == nil {
		p.timer = time.AfterFunc(pause, p.later)
	}
}

func (p *progress) later() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.timer = nil
	if !p.over && p.next != "" {
		p.show(p.next)
	}
}

// show sends text; p.mu is held. Clients accept a correction only of the last
// message of a contact, so once there is another one a new message is begun.
func (p *progress) show(text string) {
	p.last, p.next, p.shown = time.Now(), "", true
	m := outgoing{to: p.c.sender, thread: p.c.thread, id: oswald.RandomID(), body: text, state: "composing", raw: true}
	if p.id != "" && p.b.latest.is(p.c.sender, p.id) {
		m.more = []*xmltree.Element{xmltree.New(nsCorrect, "replace", "id", p.id)}
	} else {
		p.id = m.id
		p.b.latest.set(p.c.sender, p.id)
	}
	p.b.out.pass(p.b.wire(m))
	if !p.watched {
		p.watched = true
		if x := p.b.reactTo(p.c, "👀"); x != "" {
			p.b.out.pass(x)
		}
	}
}

// end lets nothing more through. It reports whether anything was shown, and
// whether the command has a picture that is to be changed.
func (p *progress) end() (shown, watched bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.over = true
	if p.timer != nil {
		p.timer.Stop()
	}
	return p.shown, p.watched
}

// reactTo is the message that puts a picture on the command c, in the place of
// the one before (XEP-0444); "" if c has no name of its own.
func (b *Bot) reactTo(c command, picture string) string {
	if c.stanza == "" || c.reaction || c.place != "" {
		return ""
	}
	return b.wire(outgoing{to: c.sender, id: oswald.RandomID(), more: []*xmltree.Element{
		xmltree.New(nsReactions, "reactions", "id", c.stanza).Add(xmltree.New(nsReactions, "reaction").AddText(picture)),
		xmltree.New(nsHints, "store"),
	}})
}

// latest knows the last message with words to each person. Safe for concurrent use.
type latest struct {
	mu sync.Mutex
	by map[string]string // bare JID: id
}

// latestMax bounds the people: more of them have no progress that is corrected.
const latestMax = 1000

func (l *latest) set(to, id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.by == nil || len(l.by) >= latestMax {
		l.by = make(map[string]string)
	}
	l.by[to] = id
}

func (l *latest) is(to, id string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.by[to] == id
}
