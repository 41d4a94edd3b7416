// SPDX-License-Identifier: GPL-3.0-or-later

package sensors

import (
	"math"
	"strings"
	"testing"
	"time"

	"oswald"
)

// follow is a watch with its clock: a look every ten seconds.
type follow struct {
	watch
	t     *testing.T
	now   time.Time
	again int
}

func newFollow(t *testing.T) *follow {
	f := &follow{t: t, now: time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)}
	f.watch = watch{key: "probe/kitchen", name: "kitchen", limit: 30, limited: true, critical: 5, hold: 2 * time.Minute, clear: 5 * time.Minute}
	f.look(21, 1) // says that all is well, in case an earlier process said otherwise
	f.look(21, 40)
	return f
}

// look takes n looks with value c and returns what was said. What is said again
// while it lasts is counted and left out.
func (f *follow) look(c float64, n int) []oswald.Alert {
	var out []oswald.Alert
	for range n {
		f.now = f.now.Add(10 * time.Second)
		before := f.severity
		for _, a := range f.good(c, sample{milli: int(c * 1000), powerOn: c == 85}, f.now) {
			if strings.HasSuffix(a.Key, "/hot") && !a.Resolved && a.Severity == before {
				f.again++
				continue
			}
			out = append(out, a)
		}
	}
	return out
}

func (f *follow) fail(n int) []oswald.Alert {
	var out []oswald.Alert
	for range n {
		f.now = f.now.Add(10 * time.Second)
		out = append(out, f.bad(errEmpty, f.now)...)
	}
	return out
}

// said holds what was said to want.
func (f *follow) said(got []oswald.Alert, want ...string) {
	f.t.Helper()
	var texts []string
	for _, a := range got {
		s := a.Severity.String() + ": "
		if a.Resolved {
			s = "over: "
		}
		texts = append(texts, s+a.Summary)
	}
	ok := len(texts) == len(want)
	for i := range want {
		ok = ok && strings.HasPrefix(texts[i], want[i])
	}
	if !ok {
		f.t.Errorf("said %q, want %q", texts, want)
	}
}

func TestHeat(t *testing.T) {
	f := newFollow(t)
	f.look(39, 3) // forgotten
	f.look(21, 3)
	f.said(f.look(29.9, 100))
	f.said(f.look(31, 12)) // 110 s above
	f.said(f.look(31, 1), "warning: The probe kitchen is at 31.0 °C, above its limit of 30 °C.")
	f.said(f.look(31, 1000))
	if f.again != 33 { // every five minutes, for the reminders
		t.Errorf("said again %d times", f.again)
	}
	f.said(f.look(31.5, 1))
	f.said(f.look(29.5, 1000)) // not one kelvin below
	f.said(f.look(28.9, 30))   // 4 min 50 s
	f.said(f.look(29.5, 1))
	f.said(f.look(28.9, 30))
	f.said(f.look(28.9, 1), "over: The probe kitchen is back at 28.9 °C after up to 31.5 °C.")
	f.said(f.look(28.9, 1000))
}

func TestShortHeat(t *testing.T) {
	f := newFollow(t)
	for range 20 {
		f.said(f.look(31, 11))
		f.said(f.look(29.5, 1))
	}
	f.hold = 0 // still three samples
	f.said(f.look(31, 2))
	f.said(f.look(31, 1), "warning: ")
}

func TestGetsWorse(t *testing.T) {
	f := newFollow(t)
	f.look(31, 13)
	f.said(f.look(34, 10))
	f.said(f.look(35.5, 1), "critical: The probe kitchen is at 35.5 °C")
	f.said(f.look(36, 100))
	f.said(f.look(31, 100)) // better, but not over
	f.said(f.look(25, 100), "over: ")
	f.look(27, 5)
	f.look(36, 1)
	f.said(f.look(36, 13), "critical: ")
}

func TestUnknown(t *testing.T) {
	f := newFollow(t)
	f.said(f.fail(2))
	f.said(f.look(21, 1))
	f.said(f.fail(2))
	f.said(f.fail(1), "warning: The probe kitchen does not answer; check its plug and the 4.7 kΩ resistor.")
	f.said(f.fail(1000))
	f.said(f.look(21, 1), "over: The probe kitchen answers again: 21.0 °C.")
	// Nobody may conclude from a gap that it is cool.
	f.look(31, 13)
	f.said(f.fail(100), "warning: The probe kitchen does not answer")
	f.said(f.look(31, 100), "over: The probe kitchen answers again")
	f.said(f.look(28, 31), "over: The probe kitchen is back")
}

func TestStale(t *testing.T) {
	f := newFollow(t)
	f.now = f.now.Add(3 * time.Minute) // slow looks count as well
	f.said(f.fail(1), "warning: ")
}

func TestJumps(t *testing.T) {
	f := newFollow(t)
	value := func(want float64) {
		t.Helper()
		if f.value != want {
			t.Errorf("value %v, want %v", f.value, want)
		}
	}
	f.look(60, 1) // one wild sample
	value(21)
	f.look(21, 1)
	value(21)
	f.look(60, 1)
	f.look(10, 1) // two that do not agree
	value(21)
	f.look(60, 1)
	f.look(61, 1)
	value(61)
	f.look(66, 1) // no jump
	value(66)
}

func TestPowerOn(t *testing.T) {
	f := newFollow(t)
	f.look(85, 2)
	if f.value != 21 || f.err == nil {
		t.Errorf("believed %v, %v", f.value, f.err)
	}
	for c := 22.0; c <= 84; c += 6 {
		f.look(c, 2)
	}
	f.look(85, 1)
	if f.value != 85 || f.err != nil {
		t.Errorf("an oven at 85 °C: %v, %v", f.value, f.err)
	}
}

func TestHistory(t *testing.T) {
	now := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	var day []point
	for i := 3000; i >= 0; i-- {
		at := now.Add(-time.Duration(i) * time.Minute)
		day = add(day, point{minuteOf(at), 20 + 2*at.Sub(now).Hours()})
		day = add(day, point{minuteOf(at), 20 + 2*at.Sub(now).Hours()})
	}
	if len(day) != 1441 {
		t.Errorf("%d points", len(day))
	}
	if got := trend(day, now); math.Abs(got-2) > 1e-6 {
		t.Errorf("trend %v", got)
	}
	if got := recent(day, now); len(got) < 40 || len(got) > recentMax || got[0] > got[1] {
		t.Errorf("recent: %v", got)
	}
	if got := trend(day[len(day)-8:], now); !math.IsNaN(got) {
		t.Errorf("a trend of eight minutes: %v", got)
	}
	if got := trend(day, now.Add(3*time.Hour)); !math.IsNaN(got) {
		t.Errorf("a trend of three hours ago: %v", got)
	}
	if recent(nil, now) != nil || len(recent(day[:2], now.Add(-24*time.Hour))) != 2 {
		t.Error("few points")
	}
}
