// SPDX-License-Identifier: GPL-3.0-or-later

package alert

import (
	"fmt"
	"strings"
	"time"
)

// parseClock reads a time of day such as 08:00, in minutes since midnight.
func parseClock(s string) (int, error) {
	t, err := time.Parse("15:04", s)
	if err != nil || len(s) != len("15:04") {
		return 0, fmt.Errorf("%q is not a time of day such as 08:00", s)
	}
	return t.Hour()*60 + t.Minute(), nil
}

// parseSpan reads hours such as 22:00-07:00; they may cross midnight.
func parseSpan(s string) (from, to int, err error) {
	a, b, ok := strings.Cut(s, "-")
	from, err1 := parseClock(a)
	to, err2 := parseClock(b)
	if !ok || err1 != nil || err2 != nil || from == to {
		return 0, 0, fmt.Errorf("%q is not a span such as 22:00-07:00", s)
	}
	return from, to, nil
}

// next returns the first moment from t on at which clocks show the time of day m.
// Where a clock change leaves that out, it is the moment that takes its place.
func next(m int, t time.Time) time.Time {
	at := time.Date(t.Year(), t.Month(), t.Day(), m/60, m%60, 0, 0, t.Location())
	if at.Before(t) {
		at = time.Date(t.Year(), t.Month(), t.Day()+1, m/60, m%60, 0, 0, t.Location())
	}
	return at
}

// calm returns until when nothing but critical alerts is told, as of now: by
// request of a person, or because these are quiet hours.
func (r *Router) calm(now time.Time) time.Time {
	if r.cfg.Quiet == "" {
		return r.muted
	}
	from, to, err := parseSpan(r.cfg.Quiet)
	if err != nil { // Validate has seen to it
		return r.muted
	}
	m := now.Hour()*60 + now.Minute()
	quiet := m >= from && m < to
	if from > to {
		quiet = m >= from || m < to
	}
	if end := next(to, now); quiet && end.After(r.muted) {
		return end
	}
	return r.muted
}

// digest returns when an Info alert that has had something to say since then is
// told.
func (c Config) digest(since time.Time) time.Time {
	if m, err := parseClock(c.Digest); err == nil {
		return next(m, since)
	}
	return since.Add(c.Group)
}
