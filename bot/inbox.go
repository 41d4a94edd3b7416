// SPDX-License-Identifier: GPL-3.0-or-later

package bot

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"sync"
	"time"
)

// seenMax is how many messages back one that comes again is known. More of one
// person than waitingMax do not wait.
const (
	seenMax    = 20_000
	waitingMax = 10_000
)

// A command is a message that somebody with a role has sent.
type command struct {
	n                        int64
	id, sender, thread, text string
	place                    string // room and nickname where it was said; "" in a private chat
	at                       time.Time
	seen                     string // what becomes the last message seen in the archive; may be empty

	stanza   string // the message's own id, by which its sender refers to it
	about    string // what the message was about that it answers
	corrects string // the id of the command in whose place it is put
	reaction bool   // text holds what was put on a message (XEP-0444)
	markable bool   // its sender wants to know when we have seen to it (XEP-0333)
}

// short stands for the ID of a command: so many are remembered that their strings
// would fill megabytes, and each collection of garbage would look at all of them.
type short [12]byte

func shorten(id string) short {
	sum := sha256.Sum256([]byte(id))
	return short(sum[:len(short{})])
}

// An inbox remembers which messages have come, and keeps those that are not done
// yet over a restart. Safe for concurrent use.
type inbox struct {
	disk *disk

	mu   sync.Mutex
	next int64
	seen map[short]struct{}
	ring []short // what is in seen, in the order it came, from at on
	at   int
	left map[string]int // sender: commands of earlier runs that are not done
}

func newInbox(ctx context.Context, d *disk) (*inbox, error) {
	in := &inbox{disk: d, seen: make(map[short]struct{}), left: make(map[string]int)}
	if err := d.db.QueryRowContext(ctx, "SELECT COALESCE(MAX(n), 0) + 1 FROM bot_inbox").Scan(&in.next); err != nil {
		return nil, err
	}
	rows, err := d.db.QueryContext(ctx, "SELECT id, sender, done FROM bot_inbox WHERE n > ? OR done = 0 ORDER BY n", in.next-seenMax)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var id, sender string
		var done bool
		if err := rows.Scan(&id, &sender, &done); err != nil {
			return nil, err
		}
		in.note(shorten(id))
		if !done {
			in.left[sender]++
		}
	}
	return in, rows.Err()
}

// note remembers id; in.mu is held, or nobody else knows of in.
func (in *inbox) note(id short) {
	in.seen[id] = struct{}{}
	if len(in.ring) < seenMax {
		in.ring = append(in.ring, id)
		return
	}
	delete(in.seen, in.ring[in.at])
	in.ring[in.at] = id
	in.at = (in.at + 1) % seenMax
}

// waiting returns how many commands each sender has left from earlier runs.
func (in *inbox) waiting() map[string]int {
	in.mu.Lock()
	defer in.mu.Unlock()
	left := in.left
	in.left = nil
	return left
}

// has reports whether a message with that id has come.
func (in *inbox) has(id string) bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	_, ok := in.seen[shorten(id)]
	return ok
}

// fresh gives c its number, unless its id has come before.
func (in *inbox) fresh(c *command) bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	id := shorten(c.id)
	if _, ok := in.seen[id]; ok {
		return false
	}
	in.note(id)
	c.n = in.next
	in.next++
	if c.n%500 == 0 {
		old := c.n - seenMax
		in.disk.put(func(ctx context.Context, tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, "DELETE FROM bot_inbox WHERE n < ? AND done = 1", old)
			return err
		}, nil)
	}
	return true
}

// insert is the change that puts c on disk.
func (c command) insert(done bool) func(context.Context, *sql.Tx) error {
	return func(ctx context.Context, tx *sql.Tx) error {
		text := c.text
		if done {
			text = ""
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO bot_inbox(n, id, sender, thread, text, at, done, stanza, about, corrects, reaction, markable, place)
			VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
			c.n, c.id, c.sender, c.thread, text, c.at.UnixMilli(), done, c.stanza, c.about, c.corrects, c.reaction, c.markable, c.place)
		if err == nil && c.seen != "" {
			err = setTx(ctx, tx, lastSeen, c.seen)
		}
		return err
	}
}

// done is the change that marks c as answered.
func (c command) done() func(context.Context, *sql.Tx) error {
	return func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "UPDATE bot_inbox SET done = 1, text = '' WHERE id = ?", c.id)
		return err
	}
}

// load returns the next commands of sender after n that are not done.
func (in *inbox) load(ctx context.Context, sender string, after int64, limit int) ([]command, error) {
	var list []command
	err := in.disk.wait(ctx, func(ctx context.Context, tx *sql.Tx) error {
		list = nil
		rows, err := tx.QueryContext(ctx, `SELECT n, id, sender, thread, text, at, stanza, about, corrects, reaction, markable, place FROM bot_inbox
			WHERE sender = ? AND n > ? AND done = 0 ORDER BY n LIMIT ?`, sender, after, limit)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var c command
			var at int64
			if err := rows.Scan(&c.n, &c.id, &c.sender, &c.thread, &c.text, &at, &c.stanza, &c.about, &c.corrects, &c.reaction, &c.markable, &c.place); err != nil {
				return err
			}
			c.at = time.UnixMilli(at)
			list = append(list, c)
		}
		return rows.Err()
	})
	if err != nil {
		return nil, err
	}
	return list, nil
}

// An intake counts stanzas for XEP-0198. A message counts as handled when it is
// on disk: an acknowledged command is a kept command.
type intake struct {
	mu      sync.Mutex
	in      uint32
	era     int
	pending []uint32 // of those that are not on disk yet, in order
}

// begin starts counting at n.
func (k *intake) begin(n uint32) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.in, k.pending = n, nil
	k.era++
}

// stanza counts one that is handled at once, unless hold follows.
func (k *intake) stanza() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.in++
}

// hold says that the stanza counted last is not handled before release is called.
func (k *intake) hold() (release func()) {
	k.mu.Lock()
	defer k.mu.Unlock()
	seq, era := k.in, k.era
	k.pending = append(k.pending, seq)
	return func() {
		k.mu.Lock()
		defer k.mu.Unlock()
		if era != k.era {
			return
		}
		for i, p := range k.pending {
			if p == seq {
				k.pending = append(k.pending[:i], k.pending[i+1:]...)
				return
			}
		}
	}
}

// handled returns the number to acknowledge, and whether it falls short.
func (k *intake) handled() (n uint32, short bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.pending) > 0 {
		return k.pending[0] - 1, true
	}
	return k.in, false
}
