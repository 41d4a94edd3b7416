// SPDX-License-Identifier: GPL-3.0-or-later

package alert

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"oswald"
)

const (
	strangersMax     = 200 // told apart; the others are counted together
	strangersShown   = 3
	strangersCollect = time.Minute      // before the first is told
	strangersSave    = 10 * time.Second // between two writes
)

// strangers counts the messages of people without a role. A flood of them
// costs a write every ten seconds and one alert a day.
type strangers struct {
	count map[string]int
	first time.Time // of those not told yet
	told  time.Time
	dirty bool
	saved time.Time
}

func (r *Router) loadStrangers(ctx context.Context) error {
	s := &r.strangers
	s.count = map[string]int{}
	var err error
	if s.told, err = r.getTime(ctx, "strangers told"); err != nil {
		return err
	}
	rows, err := r.deps.DB.QueryContext(ctx, "SELECT who, messages FROM alert_strangers")
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var who string
		var n int
		if err := rows.Scan(&who, &n); err != nil {
			return err
		}
		s.count[who] = n
	}
	if len(s.count) > 0 {
		s.first = r.now()
	}
	return rows.Err()
}

// countStrangers takes in the messages that have come, tells of them when it is
// time, and returns how long there is nothing to do.
func (r *Router) countStrangers(ctx context.Context, now time.Time) time.Duration {
	const never = 24 * time.Hour
	r.mu.Lock()
	var knocks map[string]int
	if len(r.knocks) > 0 {
		knocks, r.knocks = r.knocks, map[string]int{}
	}
	r.mu.Unlock()
	s := &r.strangers
	for who, n := range knocks {
		if _, known := s.count[who]; !known && len(s.count) >= strangersMax {
			who = ""
		}
		s.count[who] += n
		s.dirty = true
	}
	if len(s.count) == 0 || r.cfg.Strangers == 0 {
		return never
	}
	if s.first.IsZero() {
		s.first = now
	}
	wait := never
	if s.dirty {
		if wait = s.saved.Add(strangersSave).Sub(now); wait <= 0 {
			r.saveStrangers(ctx)
			wait = never
		}
	}
	due := s.first.Add(strangersCollect)
	if next := s.told.Add(r.cfg.Strangers); next.After(due) {
		due = next
	}
	if due.After(now) {
		return min(wait, due.Sub(now))
	}
	if err := r.tellStrangers(ctx, now); err != nil && ctx.Err() == nil {
		r.log.Error("strangers could not be counted", "err", err)
		return time.Minute
	}
	return never
}

// tellStrangers makes one alert of what was counted and starts again at zero,
// in one transaction.
func (r *Router) tellStrangers(ctx context.Context, now time.Time) error {
	s := &r.strangers
	if r.open["strangers"] != nil {
		return nil // the last one could not be told yet; the count goes on
	}
	tx, err := r.deps.DB.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() // harmless after Commit
	i := &item{label: r.freeLabel(), seen: now, changed: now, event: true}
	i.Item = Item{Label: labelText(i.label), Key: "strangers", Severity: oswald.Info, Summary: strangersText(s.count), Since: s.first}
	if err := r.saveTo(ctx, tx, i); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, "DELETE FROM alert_strangers"); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, setSQL, "strangers told", millis(now)); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	r.open[i.Key] = i
	*s = strangers{count: map[string]int{}, told: now, saved: s.saved}
	return nil
}

// saveStrangers writes the counts down.
func (r *Router) saveStrangers(ctx context.Context) {
	s := &r.strangers
	if !s.dirty {
		return
	}
	s.saved = r.now()
	err := func() error {
		tx, err := r.deps.DB.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		defer tx.Rollback() // harmless after Commit
		for who, n := range s.count {
			if _, err := tx.ExecContext(ctx, `INSERT INTO alert_strangers(who, messages) VALUES(?, ?)
				ON CONFLICT(who) DO UPDATE SET messages = excluded.messages`, who, n); err != nil {
				return err
			}
		}
		return tx.Commit()
	}()
	if err != nil {
		if ctx.Err() == nil {
			r.log.Error("strangers could not be counted", "err", err)
		}
		return
	}
	s.dirty = false
}

// strangersText says who wrote, the busiest first. The names are the strangers'
// own words.
func strangersText(count map[string]int) string {
	total := 0
	for _, n := range count {
		total += n
	}
	names := slices.DeleteFunc(slices.Collect(maps.Keys(count)), func(s string) bool { return s == "" })
	slices.SortFunc(names, func(a, b string) int {
		if count[a] != count[b] {
			return count[b] - count[a]
		}
		return strings.Compare(a, b)
	})
	people := fmt.Sprintf("%d strangers", len(names))
	if len(names) == 1 {
		people = "a stranger"
	}
	if count[""] > 0 {
		people = fmt.Sprintf("more than %d strangers", len(names))
	}
	messages := "1 message"
	if total != 1 {
		messages = fmt.Sprintf("%d messages", total)
	}
	var shown []string
	for i, name := range names {
		if i == strangersShown {
			shown = append(shown, "…")
			break
		}
		shown = append(shown, oneLine(name, 60))
	}
	return fmt.Sprintf("%s from %s got no answer: %s. `allow JID member` lets one in.", messages, people, strings.Join(shown, ", "))
}
