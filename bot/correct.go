// SPDX-License-Identifier: GPL-3.0-or-later

package bot

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"oswald"
	"oswald/internal/xmppclient/xmltree"
)

const (
	nsCorrect = "urn:xmpp:message-correct:0"
	nsRetract = "urn:xmpp:message-retract:1"
	// nsRetract0 is what clients of the years before sent.
	nsRetract0 = "urn:xmpp:message-retract:0"
	nsFasten   = "urn:xmpp:fasten:0"
)

const (
	lookBack   = 2000            // messages in which the one is looked for that is corrected or retracted
	lookTime   = 5 * time.Second // for that
	asideMax   = 64              // retractions that wait
	retractMax = 80              // characters of the command that a sentence names
)

// errTakenBack is why the context of a command ends that its sender has retracted.
var errTakenBack = errors.New("retracted by its sender")

// replaced returns the id of the message that e corrects (XEP-0308); "" if it
// corrects none.
func replaced(e *xmltree.Element) string { return e.Child(nsCorrect, "replace").Get("id") }

// retracted returns the id of the message that e takes back (XEP-0424); "" if it
// takes none back.
func retracted(e *xmltree.Element) string {
	if r := e.Child(nsRetract, "retract"); r != nil {
		return r.Get("id")
	}
	if f := e.Child(nsFasten, "apply-to"); f.Child(nsRetract0, "retract") != nil {
		return f.Get("id")
	}
	return ""
}

// find returns the command of sender that came as the message id, and whether it
// is done; nil if there is none.
func (in *inbox) find(ctx context.Context, sender, id string) (c *command, done bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	err = in.disk.wait(ctx, func(ctx context.Context, tx *sql.Tx) error {
		c = &command{sender: sender}
		err := tx.QueryRowContext(ctx, `SELECT n, id, text, done FROM bot_inbox
			WHERE sender = ? AND (id = ? OR stanza = ?) AND n > (SELECT max(n) FROM bot_inbox) - ? ORDER BY n DESC LIMIT 1`,
			sender, oswald.CommandID(sender, id), id, lookBack).Scan(&c.n, &c.id, &c.text, &done)
		if errors.Is(err, sql.ErrNoRows) {
			c, err = nil, nil
		}
		return err
	})
	return c, done, err
}

// correct takes in a message that corrects another one. One that has not begun is
// replaced where it waits; where the original has never come this one is it; what
// has begun or is done the dispatcher decides about. It runs in the reader, which
// waits for the disk: corrections are rare.
func (s *session) correct(c command, original string, kept func(error)) (taken bool) {
	b := s.b
	old, done, err := b.in.find(s.ctx, c.sender, original)
	switch {
	case err != nil:
		b.log.Error("a correction", "err", err)
	case old == nil:
		ghost := command{id: oswald.CommandID(c.sender, original), sender: c.sender, at: c.at}
		if b.in.fresh(&ghost) { // it must not run after its correction
			b.disk.put(ghost.insert(true), nil)
		}
	default:
		if c.corrects = old.id; !done && b.talks.amend(*old, c) {
			b.disk.put(together(c.insert(true), func(ctx context.Context, tx *sql.Tx) error {
				_, err := tx.ExecContext(ctx, "UPDATE bot_inbox SET text = ?, about = ? WHERE id = ? AND done = 0", c.text, c.about, old.id)
				return err
			}), kept)
			return true
		}
	}
	return b.talks.add(c, nil, kept)
}

// retract takes in that somebody takes a message back. It runs in the reader.
func (s *session) retract(c command, original string) {
	b := s.b
	if !b.in.fresh(&c) {
		return
	}
	kept := s.hold("")
	old, done, err := b.in.find(s.ctx, c.sender, original)
	switch {
	case err != nil:
		b.log.Error("a retraction", "err", err)
	case old != nil && !done && b.talks.drop(*old):
		b.say(c.sender, "", c.id, oswald.Reply{Text: fmt.Sprintf("Taken back: `%s` was not run.", clip(clean(old.text), retractMax))},
			together(c.insert(true), old.done()), kept)
		return
	case old != nil:
		select {
		case b.aside <- func(ctx context.Context) { b.takeBack(ctx, c, *old, kept) }:
			return
		default:
			b.log.Warn("too many retractions at once", "sender", c.sender)
		}
	}
	b.disk.put(c.insert(true), kept)
}

// takeBack undoes what can be undone of the command old, which has begun, and says
// what came of it, if anybody needs to know.
func (b *Bot) takeBack(ctx context.Context, c, old command, kept func(error)) {
	r, err := oswald.Reply{}, error(nil)
	if role := b.deps.Role(c.sender); b.deps.Retract != nil && role > oswald.NoRole {
		ctx, cancel := context.WithTimeout(ctx, diskTime)
		defer cancel()
		r, err = b.deps.Retract(ctx, oswald.Request{ID: old.id, Actor: oswald.Actor{Address: c.sender, Role: role}, At: c.at})
	}
	switch {
	case err != nil:
		r = oswald.Reply{Text: oswald.MessageOf(err)}
	case r.Text == "" && b.talks.cancel(old): // it only reads
		r.Text = fmt.Sprintf("Stopped: `%s`.", clip(clean(old.text), retractMax))
	}
	if r.Text == "" {
		b.disk.put(c.insert(true), kept)
		return
	}
	b.say(c.sender, "", c.id, r, c.insert(true), kept)
}

// An amendment is what became of a command that waits on disk and may be on its
// way into memory.
type amendment struct {
	command
	dropped bool
}

// amend puts the words of c in the place of those of old, if that has not begun.
func (t *talks) amend(old, c command) bool {
	return t.change(old, func(q *command) { q.text, q.about = c.text, c.about }, amendment{command: c})
}

// drop takes old out of its queue, if it has not begun.
func (t *talks) drop(old command) bool {
	return t.change(old, nil, amendment{dropped: true})
}

// change finds old where it waits and changes it there, or drops it if how is nil.
// It reports whether it waits at all.
func (t *talks) change(old command, how func(*command), later amendment) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	k := t.by[old.sender]
	if k == nil || k.running == old.id {
		return false
	}
	for i := range k.queue {
		if k.queue[i].id != old.id {
			continue
		}
		if how != nil {
			how(&k.queue[i])
		} else {
			k.queue = append(k.queue[:i:i], k.queue[i+1:]...)
			k.count--
		}
		return true
	}
	if old.n <= k.loaded {
		return false
	}
	if k.changed == nil {
		k.changed = make(map[string]amendment)
	}
	k.changed[old.id] = later
	if later.dropped {
		k.count--
	}
	return true
}

// amended returns list, which was just read from disk, with what has changed while
// it was; t.mu is held.
func (k *talk) amended(list []command) []command {
	out := list[:0]
	for _, c := range list {
		if a, ok := k.changed[c.id]; ok {
			delete(k.changed, c.id)
			if a.dropped {
				continue
			}
			c.text, c.about = a.text, a.about
		}
		out = append(out, c)
	}
	return out
}

// cancel stops the command old, if it runs, and reports whether it does.
func (t *talks) cancel(old command) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	k := t.by[old.sender]
	if k == nil || k.running != old.id {
		return false
	}
	k.stop(errTakenBack)
	return true
}

// putAside runs what must not wait behind the commands of its sender, one after
// the other.
func (b *Bot) putAside(ctx context.Context) {
	for {
		select {
		case f := <-b.aside:
			f(ctx)
		case <-ctx.Done():
			return
		}
	}
}
