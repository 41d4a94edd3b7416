// SPDX-License-Identifier: GPL-3.0-or-later

package alert

import (
	"testing"
	"time"

	"oswald"
)

// until lets the world's clock go on until it shows a time of day.
func (w *world) until(clock string, want ...string) {
	w.t.Helper()
	m, err := parseClock(clock)
	if err != nil {
		w.t.Fatal(err)
	}
	now := time.Now()
	w.after(next(m, now).Sub(now)+time.Second, want...)
}

func TestQuietHours(t *testing.T) {
	inWorld(t, func(w *world) {
		cfg := Defaults()
		cfg.Quiet = "22:00-07:00"
		w.restartWith(cfg)
		w.until("21:59")
		w.Send(hot("hot"))
		w.after(20*time.Second, "A1 hot")
		w.until("23:00")
		w.Send(oswald.Alert{Key: "host/attic", Severity: oswald.Warning, Summary: "The attic is gone."})
		w.Send(oswald.Alert{Key: "comments/queue", Severity: oswald.Info, Summary: "Comment 7 waits."})
		w.until("23:30")
		w.Send(oswald.Alert{Key: "fire", Severity: oswald.Critical, Summary: "Fire!"})
		w.after(time.Second, "🔴 A4 Fire!")
		w.Send(oswald.Alert{Key: "fire", Severity: oswald.Critical, Resolved: true, Summary: "The fire is out.", At: time.Now()})
		w.after(time.Second, "✅ A4 The fire is out.")
		w.restartWith(cfg) // in the night
		w.until("06:59")
		w.until("07:00", "A2 The attic is gone.\nComment 7 waits.")
		w.until("12:00", "A1 still") // reminders go on by day
	})
}

func TestDigest(t *testing.T) {
	inWorld(t, func(w *world) {
		cfg := Defaults()
		cfg.Digest = "18:30"
		w.restartWith(cfg)
		info := func(key, text string) oswald.Alert {
			return oswald.Alert{Key: key, Severity: oswald.Info, Summary: text, At: time.Now()}
		}
		w.until("09:00")
		w.Send(info("comments/queue", "Comment 7 waits."))
		w.Send(info("edits/queue", "Ann suggests edit 3."))
		w.Send(info("letters/queue", "Letter 2 from Bo."))
		w.after(time.Hour)
		w.Send(info("comments/queue", "Comment 8 waits. 2 wait in all."))
		w.Send(ended(info("letters/queue", ""), "All letters are read.")) // seen to before it was told
		w.Send(hot("hot"))
		w.after(time.Minute, "A4 hot") // what is worse does not wait
		w.Ack(w.t.Context(), "A4", "me")
		w.until("18:29")
		w.until("18:30", "What waits for you:\nComment 8 waits. 2 wait in all.\nAnn suggests edit 3.")
		w.Send(info("comments/queue", "Comment 9 waits. 3 wait in all."))
		w.restartWith(cfg)
		w.until("18:29")
		w.until("18:30", "Comment 9 waits.")
		w.after(72 * time.Hour)
	})
}

func TestHours(t *testing.T) {
	test := func(quiet, digest string, ok bool) {
		t.Helper()
		c := Defaults()
		c.Quiet, c.Digest = quiet, digest
		if err := c.Validate(); (err == nil) != ok {
			t.Errorf("%q %q: %v", quiet, digest, err)
		}
	}
	test("", "", true)
	test("22:00-07:00", "08:00", true)
	test("13:00-14:30", "00:00", true)
	test("22:00", "", false)
	test("22:00-22:00", "", false)
	test("22-7", "", false)
	test("22:00-25:00", "", false)
	test("", "8:00", false)
	test("", "08:00:00", false)
}

// TestClockChange has no digest lost, and none twice, on the days when the clocks
// change.
func TestClockChange(t *testing.T) {
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Skip("needs time zones (apt-get install tzdata)")
	}
	for _, day := range []time.Time{time.Date(2026, 3, 28, 12, 0, 0, 0, zone), time.Date(2026, 10, 24, 12, 0, 0, 0, zone)} {
		for m := 0; m < 24*60; m += 15 {
			last, n := day, 0
			for at := next(m, day); at.Before(day.AddDate(0, 0, 3)); at = next(m, at.Add(time.Second)) {
				if gap := at.Sub(last); n > 0 && (gap < 22*time.Hour || gap > 26*time.Hour) {
					t.Errorf("%d minutes: %v after %v", m, at, last)
				}
				last, n = at, n+1
			}
			if n != 3 {
				t.Errorf("%d minutes: %d times in three days from %v", m, n, day)
			}
		}
	}
}

func FuzzParseSpan(f *testing.F) {
	f.Add("22:00-07:00")
	f.Fuzz(func(t *testing.T, s string) {
		if from, to, err := parseSpan(s); err == nil && (from < 0 || to < 0 || from >= 24*60 || to >= 24*60) {
			t.Errorf("%q: %d %d", s, from, to)
		}
	})
}
