// SPDX-License-Identifier: GPL-3.0-or-later

package bot

import (
	"context"
	"database/sql"
	"sync"
	"time"

	"oswald"
)

const (
	windowMax = 1000   // items in memory; the rest waits on disk
	outboxMax = 10_000 // items that wait before Send refuses

	settleMin = 2 * time.Second // online, for what was under way
	settleMax = time.Minute     // if the archive does not answer
)

// An item is one stanza on its way out. One that is not kept is lost with the
// session: typing states, receipts, presence.
type item struct {
	n   int64 // its place on disk; 0 if it is not kept
	xml string
	seq uint32 // its number in the session (XEP-0198), once written
}

// An outbox holds what has not reached the server, in order. What is kept is on
// disk, and leaves it when the server has acknowledged it. Safe for concurrent
// use.
type outbox struct {
	disk *disk
	now  func() time.Time
	wake chan struct{} // of one: there is something to write

	mu      sync.Mutex
	items   []*item // those written in this session come first
	written int     // how many of them
	open    bool    // there is a session
	next    int64   // the next n
	loaded  int64   // up to here kept items are in items, or gone
	loading bool
	kept    int // items on disk
}

func newOutbox(ctx context.Context, d *disk, now func() time.Time) (*outbox, error) {
	o := &outbox{disk: d, now: now, wake: make(chan struct{}, 1)}
	err := d.db.QueryRowContext(ctx, "SELECT COALESCE(MIN(n), 1) - 1, COALESCE(MAX(n), 0) + 1, COUNT(*) FROM bot_outbox").Scan(&o.loaded, &o.next, &o.kept)
	if err != nil {
		return nil, err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.refill()
	return o, nil
}

// count returns how many messages wait.
func (o *outbox) count() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.kept
}

func (o *outbox) signal() {
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// keep puts stanzas on disk and on their way, with the change also (which may be
// nil) in the same transaction. then is called when they are on disk. They may
// have been written by then: being told early harms nobody.
func (o *outbox) keep(stanzas []string, also func(context.Context, *sql.Tx) error, then func(error)) {
	o.mu.Lock()
	defer o.mu.Unlock()
	first := o.next
	for _, x := range stanzas {
		n := o.next
		o.next++
		o.kept++
		if o.loaded == n-1 && len(o.items) < windowMax {
			o.items = append(o.items, &item{n: n, xml: x})
			o.loaded = n
		}
	}
	at := o.now().UnixMilli()
	o.disk.put(func(ctx context.Context, tx *sql.Tx) error {
		for i, x := range stanzas {
			if _, err := tx.ExecContext(ctx, "INSERT INTO bot_outbox VALUES(?, ?, ?)", first+int64(i), x, at); err != nil {
				return err
			}
		}
		if also != nil {
			return also(ctx, tx)
		}
		return nil
	}, then)
	o.signal()
}

// pass sends a stanza in this session or never; none if xml is empty.
func (o *outbox) pass(xml string) {
	if xml == "" { // it would count (XEP-0198) and not be there
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.open && len(o.items) < 2*windowMax {
		o.items = append(o.items, &item{xml: xml})
		o.signal()
	}
}

// begin starts a session. h is what the server has acknowledged of the last one;
// what it has not goes again. A session that is not resumed has no use for what
// is not kept.
func (o *outbox) begin(resumed bool, h uint32) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.ackLocked(h)
	o.written, o.open = 0, true
	if !resumed {
		keep := o.items[:0]
		for _, it := range o.items {
			if it.n > 0 {
				keep = append(keep, it)
			}
		}
		clear(o.items[len(keep):])
		o.items = keep
	}
	o.signal()
}

// end says that the session is over.
func (o *outbox) end() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.open = false
}

// take returns up to max items to write, numbered from seq on.
func (o *outbox) take(max int, seq func() uint32) (list []*item, more bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for len(list) < max && o.written < len(o.items) {
		it := o.items[o.written]
		it.seq = seq()
		o.written++
		list = append(list, it)
	}
	return list, o.written < len(o.items)
}

// ack drops what the server has handled, up to number h.
func (o *outbox) ack(h uint32) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.ackLocked(h)
}

func (o *outbox) ackLocked(h uint32) {
	n := 0
	for n < o.written && int32(h-o.items[n].seq) >= 0 { // the numbers wrap
		n++
	}
	o.drop(n)
}

// gone drops all that is written, where the server acknowledges nothing.
func (o *outbox) gone() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.drop(o.written)
}

// drop removes the first n items; o.mu is held.
func (o *outbox) drop(n int) {
	if n == 0 {
		return
	}
	var last int64
	for _, it := range o.items[:n] {
		if it.n > 0 {
			last = it.n
			o.kept--
		}
	}
	clear(o.items[:n])
	if o.items = o.items[n:]; len(o.items) == 0 {
		o.items = nil
	}
	o.written -= n
	if last > 0 {
		o.disk.put(func(ctx context.Context, tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, "DELETE FROM bot_outbox WHERE n <= ?", last)
			return err
		}, nil)
	}
	o.refill()
}

// refill fetches what waits on disk only, if there is room; o.mu is held.
func (o *outbox) refill() {
	if o.loading || o.loaded >= o.next-1 || len(o.items) > windowMax/2 {
		return
	}
	o.loading = true
	after, upTo := o.loaded, o.next-1
	var list []*item
	o.disk.put(func(ctx context.Context, tx *sql.Tx) error {
		list = nil
		rows, err := tx.QueryContext(ctx, "SELECT n, stanza FROM bot_outbox WHERE n > ? ORDER BY n LIMIT ?", after, windowMax/2)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			it := new(item)
			if err := rows.Scan(&it.n, &it.xml); err != nil {
				return err
			}
			list = append(list, it)
		}
		return rows.Err()
	}, func(err error) {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.loading = false
		if err != nil {
			return // tried again at the next acknowledgement
		}
		o.items = append(o.items, list...)
		if o.loaded = upTo; len(list) == windowMax/2 {
			o.loaded = list[len(list)-1].n
		}
		if len(list) > 0 {
			o.loaded = max(o.loaded, list[len(list)-1].n)
		}
		o.refill()
		o.signal()
	})
}

// Answer is Send for the reply to the command id, as [oswald.Request] has it, that
// an earlier process has accepted. It does nothing if the bot has that command: it
// is asked again, on its thread, and answered then, or has been answered. What was
// not on disk yet the server brings again, so Answer waits until the bot is online
// and nothing more can come. From then on a message with that id is one that came
// before.
func (b *Bot) Answer(ctx context.Context, id, to string, r oswald.Reply) error {
	bare, err := ParseAddress(to)
	if err != nil {
		return err
	}
	if err := b.settled(ctx, id); err != nil {
		return err
	}
	c := command{id: id, sender: bare, at: b.now()}
	if !b.in.fresh(&c) {
		return nil
	}
	ch := make(chan error, 1)
	kept := func(err error) { ch <- err }
	if !b.rooms.say(bare, id, r, c.insert(true), kept) {
		b.say(bare, "", id, r, c.insert(true), kept)
	}
	b.disk.now()
	select {
	case err := <-ch:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// settled waits until the message id has come, or will not.
func (b *Bot) settled(ctx context.Context, id string) error {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	var online time.Time
	for last := int64(0); !b.in.has(id); {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
		s := b.live.Load()
		if s == nil || s.ctx.Err() != nil || last != b.count.Load() {
			online, last = time.Now(), b.count.Load()
			continue
		}
		if d := time.Since(online); d > settleMax || d > settleMin && s.caughtUp.Load() {
			return nil
		}
	}
	return nil
}

// Send puts a message to a bare JID into the outbox. It returns nil once it is on
// disk; it is delivered when the bot is online.
func (b *Bot) Send(ctx context.Context, to string, r oswald.Reply) error {
	bare, err := ParseAddress(to)
	if err != nil {
		return err
	}
	if r.Text == "" && r.File == nil {
		return nil
	}
	if b.out.count() >= outboxMax {
		return oswald.Errorf(oswald.Unavailable, "%d messages wait to be sent already; check why the bot is not connected.", outboxMax)
	}
	ch := make(chan error, 1)
	r, files := b.withFile(ctx, r)
	b.say(bare, "", oswald.RandomID(), r, nil, func(err error) { ch <- err }, files...)
	b.disk.now()
	select {
	case err := <-ch:
		if err != nil {
			return oswald.Wrap(err, oswald.Unavailable, "The message could not be kept; is the disk full?")
		}
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
