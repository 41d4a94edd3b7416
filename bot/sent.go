// SPDX-License-Identifier: GPL-3.0-or-later

package bot

import (
	"context"
	"database/sql"
	"slices"
	"strings"
	"sync"
	"time"

	"oswald"
)

const (
	sentMax = 2000 // messages of ours that are known by what they are about
	sentAge = 30 * 24 * time.Hour
	headMax = 200 // characters of the text, by which a quotation is known
)

// change is a part of a transaction.
type change = func(ctx context.Context, tx *sql.Tx) error

// A sent is a message of ours that somebody may answer: an alert, a question,
// what was said of a comment.
type sent struct {
	id, to    string // to is a bare JID
	about     string // oswald.Reply.About
	head      string // how its text begins, for those who quote instead of answering
	at        time.Time
	received  time.Time // confirmed by a device of theirs (XEP-0184)
	displayed time.Time // marked as seen (XEP-0333)
	reactions string    // what they have put on it (XEP-0444), with spaces between
}

// A memory knows what our last messages were about, over a restart. It is bounded
// by number and by age. Safe for concurrent use.
type memory struct {
	disk *disk
	now  func() time.Time

	mu   sync.Mutex
	list []*sent // oldest first
	by   map[string]*sent
}

func newMemory(ctx context.Context, d *disk, now func() time.Time) (*memory, error) {
	m := &memory{disk: d, now: now, by: make(map[string]*sent)}
	rows, err := d.db.QueryContext(ctx, `SELECT id, who, about, head, at, received, displayed, reactions
		FROM bot_sent WHERE at >= ? ORDER BY n DESC LIMIT ?`, now().Add(-sentAge).UnixMilli(), sentMax)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		s := new(sent)
		var at, received, displayed int64
		if err := rows.Scan(&s.id, &s.to, &s.about, &s.head, &at, &received, &displayed, &s.reactions); err != nil {
			return nil, err
		}
		s.at, s.received, s.displayed = fromMillis(at), fromMillis(received), fromMillis(displayed)
		m.list = append(m.list, s)
		m.by[s.id] = s
	}
	slices.Reverse(m.list)
	return m, rows.Err()
}

// add remembers a message, and returns the change that does so on disk; nil if it
// is known already.
func (m *memory) add(s sent) change {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.by[s.id] != nil {
		return nil
	}
	s.at = m.now()
	s.head = headOf(s.head)
	m.list = append(m.list, &s)
	m.by[s.id] = &s
	for len(m.list) > sentMax || m.list[0].at.Before(s.at.Add(-sentAge)) {
		delete(m.by, m.list[0].id)
		m.list = m.list[1:]
	}
	return func(ctx context.Context, tx *sql.Tx) error {
		res, err := tx.ExecContext(ctx, `INSERT INTO bot_sent(id, who, about, head, at) VALUES(?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
			s.id, s.to, s.about, s.head, s.at.UnixMilli())
		if err != nil {
			return err
		}
		n, err := res.LastInsertId()
		if err == nil && n%100 == 0 {
			_, err = tx.ExecContext(ctx, "DELETE FROM bot_sent WHERE n <= ? OR at < ?", n-sentMax, s.at.Add(-sentAge).UnixMilli())
		}
		return err
	}
}

// headOf returns how a text begins, without what quoting may change.
func headOf(text string) string {
	var lines []string
	for line := range strings.SplitSeq(text, "\n") {
		if line = strings.Join(strings.Fields(strings.TrimLeft(line, "> ")), " "); line != "" {
			lines = append(lines, line)
		}
	}
	r := []rune(strings.Join(lines, "\n"))
	return string(r[:min(len(r), headMax)])
}

// about returns what the message id to the bare JID who was about; "" if that is
// not known.
func (m *memory) about(id, who string) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	if s := m.by[id]; s != nil && s.to == who {
		return s.about
	}
	return ""
}

// quoted returns what the newest message to who was about that quote repeats.
func (m *memory) quoted(quote, who string) string {
	head := headOf(quote)
	if len(head) < 8 {
		return ""
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, s := range slices.Backward(m.list) {
		if s.to == who && s.head != "" && (strings.HasPrefix(s.head, head) || strings.HasPrefix(head, s.head)) {
			return s.about
		}
	}
	return ""
}

// react takes the reactions that who now has on the message id (XEP-0444 section
// 4: always all of them), and returns what it was about, those that are new, and
// the change that keeps them. about is "" if there is no such message.
func (m *memory) react(id, who string, all []string) (about string, fresh []string, keep change) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.by[id]
	if s == nil || s.to != who {
		return "", nil, nil
	}
	before := strings.Fields(s.reactions)
	for _, r := range all {
		if !slices.Contains(before, r) && !slices.Contains(fresh, r) {
			fresh = append(fresh, r)
		}
	}
	s.reactions = strings.Join(all, " ")
	now := s.reactions
	return s.about, fresh, func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "UPDATE bot_sent SET reactions = ? WHERE id = ?", now, id)
		return err
	}
}

// mark notes that who has received the message id, or, if displayed is true, has
// seen it and all before it (XEP-0333 section 4).
func (m *memory) mark(id, who string, displayed bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.now()
	last := m.by[id]
	if last == nil || last.to != who {
		return
	}
	var ids []string
	for _, s := range slices.Backward(m.list) {
		if s.to != who || s.at.After(last.at) || s != last && !displayed {
			continue
		}
		switch {
		case displayed && s.displayed.IsZero():
			s.displayed = now
		case !displayed && s.received.IsZero():
			s.received = now
		default:
			continue
		}
		ids = append(ids, s.id)
	}
	if len(ids) == 0 {
		return
	}
	column := "received"
	if displayed {
		column = "displayed"
	}
	m.disk.put(func(ctx context.Context, tx *sql.Tx) error {
		for _, id := range ids {
			if _, err := tx.ExecContext(ctx, "UPDATE bot_sent SET "+column+" = ? WHERE id = ?", now.UnixMilli(), id); err != nil {
				return err
			}
		}
		return nil
	}, nil)
}

// Seen is how far a message has come.
type Seen struct {
	Who       string    // bare JID
	Received  time.Time // a device of theirs has it; zero if that is not known
	Displayed time.Time // they have looked at it; likewise
}

// Seen returns how far the messages about a thing have come that were sent since
// then, one for each person. about is one word of oswald.Reply.About.
func (b *Bot) Seen(about string, since time.Time) []Seen {
	m := b.sent
	m.mu.Lock()
	defer m.mu.Unlock()
	var list []Seen
	for _, s := range slices.Backward(m.list) {
		if s.at.Before(since) {
			break
		}
		if !slices.Contains(strings.Fields(s.about), about) {
			continue
		}
		i := slices.IndexFunc(list, func(x Seen) bool { return x.Who == s.to })
		if i < 0 {
			list = append(list, Seen{Who: s.to})
			i = len(list) - 1
		}
		if list[i].Received.IsZero() {
			list[i].Received = s.received
		}
		if list[i].Displayed.IsZero() {
			list[i].Displayed = s.displayed
		}
	}
	return list
}

func fromMillis(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms)
}

// say words r and puts it into the outbox, on disk with the change also (which may
// be nil). The messages are named for id, so that a reply that is made again has
// the same names. then is as in [outbox.keep]. files are addresses of what goes
// along.
func (b *Bot) say(to, thread, id string, r oswald.Reply, also change, then func(error), files ...string) {
	changes := []change{also}
	var list []string
	var parts []string
	if r.Text != "" || len(files) == 0 {
		parts = worded(r)
	}
	for i, p := range parts {
		m := outgoing{to: to, thread: thread, id: id + "." + itoa(i+1), body: p, state: "composing", raw: r.Raw, kept: true}
		if i == len(parts)-1 {
			if len(files) == 0 {
				m.state = "active" // the final one (XEP-0085)
			}
			if oswald.QuestionOf(r.About) != "" {
				m.more = quickResponses()
			}
		}
		if x := b.wire(m); x != "" {
			list = append(list, x)
		}
		if r.About != "" {
			changes = append(changes, b.sent.add(sent{id: m.id, to: to, about: r.About, head: p}))
		}
	}
	for i, address := range files {
		if x := b.wire(fileMessage(to, thread, id+".f"+itoa(i+1), address)); x != "" {
			list = append(list, x)
		}
	}
	b.latest.set(to, id+"."+itoa(len(parts)))
	b.out.keep(list, together(changes...), then)
}

// together is all of list, in order, as one change; nil if there is none.
func together(list ...change) change {
	list = slices.DeleteFunc(list, func(c change) bool { return c == nil })
	if len(list) < 2 {
		if len(list) == 1 {
			return list[0]
		}
		return nil
	}
	return func(ctx context.Context, tx *sql.Tx) error {
		for _, c := range list {
			if err := c(ctx, tx); err != nil {
				return err
			}
		}
		return nil
	}
}
