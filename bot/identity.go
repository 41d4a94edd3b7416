// SPDX-License-Identifier: GPL-3.0-or-later

package bot

import (
	"context"
	"strconv"
	"sync"
	"time"

	"oswald/internal/xmppclient/xmltree"
)

const (
	nsLast        = "jabber:iq:last"
	nsPhotoUpdate = "vcard-temp:x:update"

	// priority is that of the bot's presence: what is sent to the account comes
	// here even while somebody looks into it with another client.
	priority = 50

	moodLook  = 30 * time.Second // between two looks at what there is to say
	moodEvery = 5 * time.Minute  // between two presences: each wakes phones up
	moodMax   = 120              // characters
)

// An identity is how the bot appears to the people who see its presence. Safe for
// concurrent use.
type identity struct {
	look, every time.Duration

	mu    sync.Mutex
	photo string    // SHA-1 of the picture; "" if it is left as it is
	mood  string    // status text of the last presence
	told  time.Time // when that was
	heard time.Time // when somebody with a role said something last
}

// available is the presence (RFC 6121 section 4) with all that belongs to it: the
// hash of what the bot can, that of its picture (XEP-0153) and the status text.
func (b *Bot) available() string {
	b.self.mu.Lock()
	defer b.self.mu.Unlock()
	p := xmltree.New(nsClient, "presence").Add(xmltree.New(nsClient, "priority").AddText(strconv.Itoa(priority)))
	if b.self.mood != "" {
		p.Add(xmltree.New(nsClient, "status").AddText(b.self.mood))
	}
	p.Add(b.caps.element())
	if b.self.photo != "" {
		p.Add(xmltree.New(nsPhotoUpdate, "x").Add(xmltree.New(nsPhotoUpdate, "photo").AddText(b.self.photo)))
	}
	return string(p.AppendXML(nil, nsClient))
}

// feel learns the status text to show. It reports whether it has changed and may
// be told again already.
func (b *Bot) feel(ctx context.Context) bool {
	if b.deps.Mood == nil {
		return false
	}
	mood := clip(clean(b.deps.Mood(ctx)), moodMax)
	b.self.mu.Lock()
	defer b.self.mu.Unlock()
	now := time.Now()
	if mood == b.self.mood || !b.self.told.IsZero() && now.Sub(b.self.told) < b.self.every {
		return false
	}
	b.self.mood, b.self.told = mood, now
	return true
}

// begin makes the bot look as it does in a new session.
func (b *Bot) begin(ctx context.Context, p picture) {
	b.self.mu.Lock()
	b.self.photo, b.self.told = p.sha1, time.Time{}
	b.self.mu.Unlock()
	b.feel(ctx)
}

// moods keeps the status text true while the session lasts. A presence is sent
// only when the text has changed, and seldom.
func (s *session) moods(ctx context.Context) {
	t := time.NewTicker(s.b.self.look)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
		if s.b.feel(ctx) {
			s.b.out.pass(s.b.available())
		}
	}
}

// hear notes that somebody has said something.
func (b *Bot) hear() {
	b.self.mu.Lock()
	defer b.self.mu.Unlock()
	b.self.heard = time.Now()
}

// lastActivity is how many seconds ago somebody said something to the bot, or it
// was started (XEP-0012 section 4).
func (b *Bot) lastActivity() *xmltree.Element {
	b.self.mu.Lock()
	defer b.self.mu.Unlock()
	return xmltree.New(nsLast, "query", "seconds", strconv.Itoa(int(time.Since(b.self.heard)/time.Second)))
}
