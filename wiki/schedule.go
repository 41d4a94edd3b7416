// SPDX-License-Identifier: GPL-3.0-or-later

package wiki

import (
	"context"
	"time"

	"oswald"
)

// due returns when the next page appears or goes by its date, after now; the
// zero time if none will.
func (m *memory) due(now time.Time) (next time.Time) {
	for _, p := range m.pages {
		if p.rec.Draft || p.rec.Macro != "" {
			continue
		}
		for _, t := range []time.Time{p.rec.Date, p.rec.Expires} {
			if t.After(now) && (next.IsZero() || t.Before(next)) {
				next = t
			}
		}
	}
	return next
}

// Due returns when the next page that is scheduled appears, or one that expires
// goes, as the last build saw it; the zero time if none will.
func (s *Site) Due() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.due
}

// setDue notes the next such time after a build, and wakes KeepSchedule.
func (s *Site) setDue(t time.Time) {
	s.mu.Lock()
	s.due = t
	s.mu.Unlock()
	select {
	case s.dueSet <- struct{}{}:
	default: // it is awake, or will look anyway
	}
}

// How long KeepSchedule sleeps at most, since the clock of the machine may be
// set, and how long it waits after a build that failed; twice as long each time.
const (
	longestSleep = time.Hour
	afterFailure = time.Minute
)

// KeepSchedule builds whenever a page falls due, until ctx ends. What a build
// finds suspicious is left to the person who publishes; it is tried again with
// the next build.
func (s *Site) KeepSchedule(ctx context.Context) error {
	patience := afterFailure
	for {
		wait := longestSleep
		if due := s.Due(); !due.IsZero() {
			wait = min(wait, due.Sub(s.now()))
		}
		if wait <= 0 {
			_, err := s.Rebuild(ctx, "schedule-"+oswald.RandomID(), "", nil)
			if err == nil {
				patience = afterFailure
				continue
			}
			wait, patience = patience, min(2*patience, longestSleep)
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-s.dueSet:
		case <-timer.C:
		}
		timer.Stop()
	}
}
