// SPDX-License-Identifier: GPL-3.0-or-later

package audio

import (
	"slices"
	"time"

	"oswald"
)

// Outcome says how an announcement ended, or why it was not spoken.
type Outcome string

// The outcomes.
const (
	Spoke     Outcome = "spoken"
	Repeated  Outcome = "said a moment ago" // within Config.Repeat
	Quiet     Outcome = "quiet hours"
	Full      Outcome = "queue full"
	Late      Outcome = "waited too long" // longer than Config.Expire
	Hushed    Outcome = "hushed"
	Withdrawn Outcome = "withdrawn" // the asker stopped waiting, or Oswald stopped
	Failed    Outcome = "failed"
)

// Entry is one announcement in the history.
type Entry struct {
	At      time.Time
	ID      string
	Text    string
	Channel oswald.Channel
	Urgent  bool
	Outcome Outcome
}

// item is an announcement that was accepted.
type item struct {
	Entry
	done chan result // buffered: gets one result
}

// result is how an item ended.
type result struct {
	spoken oswald.Spoken
	err    error
}

// queue is the announcements that wait, urgent ones first, each kind in order
// of arrival. It has no lock and no clock of its own.
type queue struct {
	max   int
	items []*item
}

// add puts it in its place. Where there is none left an urgent one takes that
// of the newest that is not, which add returns. ok is false when there is no
// room at all.
func (q *queue) add(it *item) (displaced *item, ok bool) {
	if len(q.items) >= q.max {
		last := q.items[len(q.items)-1]
		if !it.Urgent || last.Urgent {
			return nil, false
		}
		displaced = last
		q.items = q.items[:len(q.items)-1]
	}
	at := len(q.items)
	if it.Urgent {
		at = q.urgent()
	}
	q.items = slices.Insert(q.items, at, it)
	return displaced, true
}

// urgent returns how many urgent ones wait.
func (q *queue) urgent() int {
	n := slices.IndexFunc(q.items, func(it *item) bool { return !it.Urgent })
	if n < 0 {
		return len(q.items)
	}
	return n
}

// next takes the first.
func (q *queue) next() *item {
	if len(q.items) == 0 {
		return nil
	}
	it := q.items[0]
	q.items = slices.Delete(q.items, 0, 1)
	return it
}

// expired takes those that are not urgent and came before t.
func (q *queue) expired(t time.Time) []*item {
	return q.take(func(it *item) bool { return !it.Urgent && it.At.Before(t) })
}

// take removes and returns the items that match.
func (q *queue) take(match func(*item) bool) (taken []*item) {
	q.items = slices.DeleteFunc(q.items, func(it *item) bool {
		if match(it) {
			taken = append(taken, it)
			return true
		}
		return false
	})
	return taken
}

// ahead returns how many are spoken before it; -1 if it does not wait.
func (q *queue) ahead(it *item) int { return slices.Index(q.items, it) }

// history is the last announcements, oldest first.
type history struct {
	entries []Entry
}

const keptEntries = 100

func (h *history) add(e Entry) {
	h.entries = append(h.entries, e)
	if over := len(h.entries) - keptEntries; over > 0 {
		h.entries = slices.Delete(h.entries, 0, over)
	}
}

// last returns the newest entry that was spoken.
func (h *history) last() (Entry, bool) {
	for _, e := range slices.Backward(h.entries) {
		if e.Outcome == Spoke {
			return e, true
		}
	}
	return Entry{}, false
}
