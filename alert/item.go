// SPDX-License-Identifier: GPL-3.0-or-later

package alert

import (
	"fmt"
	"time"

	"oswald"
)

// An item is one condition, from its first alert until there is nothing more to
// say of it.
type item struct {
	Item
	n        int64 // its row
	label    int
	seen     time.Time // the last alert of it
	changed  time.Time // when there last was something new to say
	resolved time.Time
	ending   string // what the alert that resolved it said
	about    string // what the producer says that it is about
	event    bool   // nothing that lasts: over as soon as it is told

	told         time.Time // last
	toldSeverity oswald.Severity
	toldSummary  string

	acked   time.Time
	snoozed time.Time
	spoken  int // tellings that were spoken or need not be; only in memory
}

// A reason says why something is told now. The empty reason is silence.
type reason string

// The reasons.
const (
	fresh       reason = "new"
	worse       reason = "worse than told"
	changed     reason = "something new"
	repeat      reason = "repeat interval elapsed"
	cleared     reason = "cleared"
	cameAndWent reason = "cleared before it was told"
	over        reason = "over" // nothing to say any more
)

// decide returns why the item is to be told and from when on. A reason with a
// time to come, and a time without a reason, say when to look again.
func (i *item) decide(now time.Time, cfg Config, muted time.Time) (reason, time.Time) {
	hold := i.changed.Add(cfg.Group)
	if i.Severity == oswald.Info {
		hold = cfg.digest(i.changed)
	}
	if i.Severity == oswald.Critical {
		hold = i.changed
	} else if muted.After(hold) {
		hold = muted
	}
	if i.snoozed.After(hold) {
		hold = i.snoozed
	}
	switch {
	case !i.resolved.IsZero() && i.Severity == oswald.Info:
		return over, now
	case !i.resolved.IsZero() && i.Told == 0:
		return cameAndWent, hold
	case !i.resolved.IsZero():
		return cleared, hold
	case i.event && i.Told > 0:
		return over, now
	case i.Told == 0:
		return fresh, hold
	case i.Severity > i.toldSeverity:
		return worse, hold
	case i.Severity == oswald.Info && i.Summary != i.toldSummary:
		return changed, hold
	case i.Severity == oswald.Info && now.Sub(i.seen) > infoLasts:
		return over, now
	case i.Severity == oswald.Info, i.AckedBy != "", cfg.Repeat == 0:
		return "", time.Time{}
	}
	next := i.told.Add(cfg.Repeat)
	if hold.After(next) {
		next = hold
	}
	return repeat, next
}

// take brings another alert of the same condition into the item.
func (i *item) take(a oswald.Alert, now time.Time) {
	switch {
	case a.Resolved:
		i.resolved, i.ending, i.changed = a.At, a.Summary, now
		return
	case !i.resolved.IsZero(): // back before the end was told: it never ended
		i.resolved, i.ending = time.Time{}, ""
	}
	if a.Severity > i.Severity {
		i.AckedBy, i.acked = "", time.Time{} // a worse one wants a new look
		i.changed = now
	}
	if a.Severity == oswald.Info && a.Summary != i.Summary {
		i.changed = now
	}
	i.seen, i.Severity, i.Summary, i.about = now, a.Severity, a.Summary, a.About
}

// line words one item for the phone.
func (i *item) line(why reason, now time.Time) string {
	mark := map[oswald.Severity]string{oswald.Info: "ℹ️", oswald.Warning: "⚠️", oswald.Critical: "🔴"}[i.Severity]
	switch why {
	case cleared:
		text := i.ending
		if text == "" {
			text = "cleared: " + i.Summary
		}
		return fmt.Sprintf("✅ %s %s (after %s)", i.Label, text, span(i.resolved.Sub(i.Since)))
	case cameAndWent:
		return fmt.Sprintf("✅ %s came and went: %s", i.Label, i.Summary)
	case repeat:
		return fmt.Sprintf("%s %s still, for %s: %s", mark, i.Label, span(now.Sub(i.Since)), i.Summary)
	case worse:
		return fmt.Sprintf("%s %s worse: %s", mark, i.Label, i.Summary)
	}
	if i.Severity == oswald.Info {
		return i.Summary
	}
	return fmt.Sprintf("%s %s %s", mark, i.Label, i.Summary)
}

// span writes a duration as people say it.
func span(d time.Duration) string {
	switch {
	case d < 90*time.Second:
		return fmt.Sprintf("%d s", max(int(d.Seconds()+0.5), 0))
	case d < 90*time.Minute:
		return fmt.Sprintf("%d min", int(d.Minutes()+0.5))
	case d < 36*time.Hour:
		return fmt.Sprintf("%d h", int(d.Hours()+0.5))
	}
	return fmt.Sprintf("%d days", int(d.Hours()/24+0.5))
}
