// SPDX-License-Identifier: GPL-3.0-or-later

package alert

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sort"
	"strconv"
	"strings"
	"time"

	"oswald"
)

// schema has the steps of the tables of package alert. Times are milliseconds
// since 1970.
var schema = []string{`
	CREATE TABLE alerts(
		n             INTEGER PRIMARY KEY,
		label         INTEGER NOT NULL,
		key           TEXT NOT NULL,
		severity      INTEGER NOT NULL,
		summary       TEXT NOT NULL,
		event         INTEGER NOT NULL,
		since         INTEGER NOT NULL,
		seen          INTEGER NOT NULL,
		changed       INTEGER NOT NULL,
		resolved      INTEGER NOT NULL,
		ending        TEXT NOT NULL,
		times         INTEGER NOT NULL,
		told          INTEGER NOT NULL,
		told_severity INTEGER NOT NULL,
		told_summary  TEXT NOT NULL,
		acked         INTEGER NOT NULL,
		acked_by      TEXT NOT NULL,
		snoozed       INTEGER NOT NULL,
		closed        INTEGER NOT NULL DEFAULT 0
	) STRICT;
	CREATE UNIQUE INDEX alerts_open ON alerts(key) WHERE closed = 0;
	CREATE INDEX alerts_closed ON alerts(closed) WHERE closed <> 0;
	CREATE TABLE alert_inbox(
		n        INTEGER PRIMARY KEY,
		key      TEXT NOT NULL,
		severity INTEGER NOT NULL,
		summary  TEXT NOT NULL,
		at       INTEGER NOT NULL,
		resolved INTEGER NOT NULL
	) STRICT;
	CREATE TABLE alert_strangers(
		who      TEXT PRIMARY KEY,
		messages INTEGER NOT NULL
	) STRICT, WITHOUT ROWID;
	CREATE TABLE alert_settings(
		name  TEXT PRIMARY KEY,
		value INTEGER NOT NULL
	) STRICT, WITHOUT ROWID`, `
	ALTER TABLE alerts ADD COLUMN about TEXT NOT NULL DEFAULT '';
	ALTER TABLE alert_inbox ADD COLUMN about TEXT NOT NULL DEFAULT ''`,
}

const (
	summaryMax = 2000 // bytes of a summary that are kept
	openMax    = 1000 // conditions at a time; beyond, an alert is dropped and counted
	labelsMax  = 99   // then labels start again, without those in use
)

// load reads what an earlier process left.
func (r *Router) load(ctx context.Context) error {
	rows, err := r.deps.DB.QueryContext(ctx, `SELECT n, label, key, severity, summary, event, since, seen, changed, resolved, ending,
		times, told, told_severity, told_summary, acked, acked_by, snoozed, about FROM alerts WHERE closed = 0`)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var i item
		var since, seen, changed, resolved, told, acked, snoozed int64
		err := rows.Scan(&i.n, &i.label, &i.Key, &i.Severity, &i.Summary, &i.event, &since, &seen, &changed, &resolved, &i.ending,
			&i.Told, &told, &i.toldSeverity, &i.toldSummary, &acked, &i.AckedBy, &snoozed, &i.about)
		if err != nil {
			return err
		}
		i.Since, i.seen, i.changed, i.resolved = fromMillis(since), fromMillis(seen), fromMillis(changed), fromMillis(resolved)
		i.told, i.acked, i.snoozed = fromMillis(told), fromMillis(acked), fromMillis(snoozed)
		i.Label = labelText(i.label)
		r.open[i.Key] = &i
	}
	if err := rows.Err(); err != nil {
		return err
	}
	rows.Close()
	if r.muted, err = r.getTime(ctx, "muted"); err != nil {
		return err
	}
	if r.lastLabel, err = r.get(ctx, "label"); err != nil {
		return err
	}
	return r.loadStrangers(ctx)
}

// takeIn moves what has come by Send and SendTx into the state, on disk first.
func (r *Router) takeIn(ctx context.Context) {
	r.mu.Lock()
	list, dropped := r.queue, r.dropped
	r.queue, r.dropped = nil, 0
	r.mu.Unlock()
	if dropped > 0 {
		r.log.Error("more alerts came than could be taken in", "dropped", dropped)
	}
	for n, a := range list {
		if err := r.take(ctx, r.deps.DB, a); err != nil {
			if ctx.Err() == nil {
				r.log.Error("an alert could not be kept; trying again", "key", a.Key, "err", err)
			}
			r.mu.Lock()
			r.queue = append(list[n:], r.queue...)
			r.mu.Unlock()
			return
		}
	}
	if err := r.takeInbox(ctx); err != nil && ctx.Err() == nil {
		r.log.Error("the inbox of alerts could not be read", "err", err)
	}
}

// takeInbox takes over what SendTx has left: the alert's own row and the end of
// its inbox row are one transaction.
func (r *Router) takeInbox(ctx context.Context) error {
	for {
		var n, at int64
		var a oswald.Alert
		err := r.deps.DB.QueryRowContext(ctx, "SELECT n, key, severity, summary, at, resolved, about FROM alert_inbox ORDER BY n LIMIT 1").
			Scan(&n, &a.Key, &a.Severity, &a.Summary, &at, &a.Resolved, &a.About)
		if err == sql.ErrNoRows {
			return nil
		}
		if err != nil {
			return err
		}
		a.At = fromMillis(at)
		tx, err := r.deps.DB.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		err = r.take(ctx, tx, a)
		if err == nil {
			_, err = tx.ExecContext(ctx, "DELETE FROM alert_inbox WHERE n = ?", n)
		}
		if err == nil {
			err = tx.Commit()
		}
		if err != nil {
			tx.Rollback()
			clear(r.open) // the state is ahead of the disk: read it again
			return errors.Join(err, r.load(ctx))
		}
	}
}

// execer is a *sql.DB or a *sql.Tx.
type execer interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// take brings one alert into the state.
func (r *Router) take(ctx context.Context, db execer, a oswald.Alert) error {
	now := r.now()
	if a.At.IsZero() || a.At.After(now) {
		a.At = now
	}
	if a.Severity < oswald.Info || a.Severity > oswald.Critical {
		a.Severity = oswald.Critical
	}
	if len(a.Summary) > summaryMax {
		a.Summary = strings.ToValidUTF8(a.Summary[:summaryMax], "") + "…"
	}
	i := r.open[a.Key]
	if i == nil {
		if a.Resolved {
			return nil // nobody was told that it began
		}
		if len(r.open) >= openMax {
			r.log.Error("too many alerts are open", "dropped", a.Key)
			return nil
		}
		i = &item{label: r.freeLabel(), seen: now, changed: now}
		i.Item = Item{Label: labelText(i.label), Key: a.Key, Severity: a.Severity, Summary: a.Summary, Since: a.At}
		i.about = a.About
		if err := r.saveTo(ctx, db, i); err != nil {
			return err
		}
		r.open[a.Key], r.lastLabel = i, i.label
		r.log.Info("alert", "key", a.Key, "severity", a.Severity.String(), "label", i.Label, "summary", a.Summary)
		_, err := db.ExecContext(ctx, setSQL, "label", r.lastLabel)
		return err
	}
	before := *i
	i.take(a, now)
	if before.Severity == i.Severity && before.Summary == i.Summary && before.resolved.Equal(i.resolved) && now.Sub(before.seen) < time.Minute {
		i.seen = before.seen
		return nil // sent again and again: no news, no write
	}
	if err := r.saveTo(ctx, db, i); err != nil {
		*i = before // or it would be no news when it is tried again
		return err
	}
	return nil
}

// freeLabel returns the next label that no open alert has.
func (r *Router) freeLabel() int {
	used := map[int]bool{}
	for _, i := range r.open {
		used[i.label] = true
	}
	for n := r.lastLabel%labelsMax + 1; ; n++ {
		if !used[n] {
			return n
		}
	}
}

func labelText(n int) string { return "A" + strconv.Itoa(n) }

func (r *Router) save(ctx context.Context, i *item) error { return r.saveTo(ctx, r.deps.DB, i) }

func (r *Router) saveTo(ctx context.Context, db execer, i *item) error {
	args := []any{i.label, i.Key, int(i.Severity), i.Summary, i.event, millis(i.Since), millis(i.seen), millis(i.changed), millis(i.resolved), i.ending,
		i.Told, millis(i.told), int(i.toldSeverity), i.toldSummary, millis(i.acked), i.AckedBy, millis(i.snoozed), i.about}
	if i.n != 0 {
		_, err := db.ExecContext(ctx, `UPDATE alerts SET label = ?, key = ?, severity = ?, summary = ?, event = ?, since = ?, seen = ?, changed = ?,
			resolved = ?, ending = ?, times = ?, told = ?, told_severity = ?, told_summary = ?, acked = ?, acked_by = ?, snoozed = ?, about = ? WHERE n = ?`, append(args, i.n)...)
		return err
	}
	res, err := db.ExecContext(ctx, `INSERT INTO alerts(label, key, severity, summary, event, since, seen, changed, resolved, ending,
		times, told, told_severity, told_summary, acked, acked_by, snoozed, about) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`, args...)
	if err != nil {
		return err
	}
	i.n, err = res.LastInsertId()
	return err
}

// close ends an item: there is nothing more to say of it.
func (r *Router) close(ctx context.Context, i *item) {
	if _, err := r.deps.DB.ExecContext(ctx, "UPDATE alerts SET closed = ?, resolved = ?, ending = ? WHERE n = ?",
		millis(r.now()), millis(i.resolved), i.ending, i.n); err != nil {
		if ctx.Err() == nil {
			r.log.Error("an alert could not be closed", "key", i.Key, "err", err)
		}
		return // tried again at the next step
	}
	delete(r.open, i.Key)
}

func (r *Router) prune(ctx context.Context) {
	_, err := r.deps.DB.ExecContext(ctx, "DELETE FROM alerts WHERE closed <> 0 AND closed < ?", millis(r.now().Add(-r.cfg.Keep)))
	if err != nil && ctx.Err() == nil {
		r.log.Error("old alerts could not be dropped", "err", err)
	}
}

// list returns what lasts, the longest first.
func (r *Router) list() []Item {
	var list []Item
	for _, i := range r.open {
		if i.resolved.IsZero() && !i.event {
			list = append(list, i.Item)
		}
	}
	sort.Slice(list, func(a, b int) bool {
		if !list[a].Since.Equal(list[b].Since) {
			return list[a].Since.Before(list[b].Since)
		}
		return list[a].Key < list[b].Key
	})
	return list
}

func (r *Router) find(label string) *item {
	for _, i := range r.open {
		if strings.EqualFold(i.Label, strings.TrimSpace(label)) && i.resolved.IsZero() {
			return i
		}
	}
	return nil
}

const setSQL = "INSERT INTO alert_settings(name, value) VALUES(?, ?) ON CONFLICT(name) DO UPDATE SET value = excluded.value"

func (r *Router) set(ctx context.Context, name string, value int64) error {
	if _, err := r.deps.DB.ExecContext(ctx, setSQL, name, value); err != nil {
		return fmt.Errorf("setting %s: %w", name, err)
	}
	return nil
}

func (r *Router) get(ctx context.Context, name string) (int, error) {
	var v int
	err := r.deps.DB.QueryRowContext(ctx, "SELECT value FROM alert_settings WHERE name = ?", name).Scan(&v)
	if err == sql.ErrNoRows {
		return 0, nil
	}
	return v, err
}

func (r *Router) getTime(ctx context.Context, name string) (time.Time, error) {
	v, err := r.get(ctx, name)
	return fromMillis(int64(v)), err
}

func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func fromMillis(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms)
}
