// SPDX-License-Identifier: GPL-3.0-or-later

package sensors

import (
	"fmt"
	"math"
	"time"

	"oswald"
)

const (
	hysteresis  = 1.0 // kelvins below the limit before it may be over
	minSamples  = 3   // above the limit before an alert
	maxFailures = 3   // in a row before a probe counts as unknown
	staleAfter  = 3 * time.Minute
	sayAgain    = 5 * time.Minute // while it is hot, so that reminders tell the value of now
	jumpRate    = 10.0            // kelvins a minute that want a second sample
	agree       = 2.0             // kelvins within which two samples agree
)

// A watch follows one probe: which samples to believe, when it is too hot, and
// when nobody knows. It does no I/O; time and samples come in, alerts go out.
// One goroutine uses it.
type watch struct {
	key, name    string
	simulated    bool
	limit        float64
	limited      bool
	critical     float64
	hold, clear  time.Duration
	value        float64
	at           time.Time // of value; zero if there is none
	first        time.Time // of the first look, good or bad
	err          error     // why the last look has no value
	failures     int
	suspect      float64 // a jump that waits for a second sample
	suspectAt    time.Time
	hotSince     time.Time
	hotSamples   int
	coolSince    time.Time
	hot, unknown trilean
	severity     oswald.Severity // of the last alert of heat
	said         time.Time       // the last alert of heat
	peak         float64         // since it has been hot
}

// A trilean knows that it does not know: after a restart the alert of an
// earlier process may stand, and is ended once that is certain.
type trilean int

const (
	unsure trilean = iota
	yes
	no
)

// good takes a sample and returns what there is to say.
func (w *watch) good(c float64, s sample, now time.Time) []oswald.Alert {
	if w.first.IsZero() {
		w.first = now
	}
	if s.powerOn && (w.at.IsZero() || math.Abs(c-w.value) > 5) {
		return w.bad(errPowerOn, now)
	}
	if !w.at.IsZero() && now.Sub(w.at) < staleAfter {
		minutes := max(now.Sub(w.at).Minutes(), 1)
		jumped := math.Abs(c-w.value) > jumpRate*minutes
		confirmed := !w.suspectAt.IsZero() && math.Abs(c-w.suspect) <= agree && now.Sub(w.suspectAt) < staleAfter
		if jumped && !confirmed {
			w.suspect, w.suspectAt = c, now
			return nil // the old value stands until a second sample agrees
		}
	}
	w.suspectAt = time.Time{}
	w.value, w.at, w.err, w.failures = c, now, nil, 0
	var out []oswald.Alert
	if w.unknown != no {
		w.unknown = no
		out = append(out, w.alert("unknown", oswald.Warning, now, true, "%s answers again: %.1f °C.", w.title(), c))
	}
	if w.limited {
		out = append(out, w.heat(c, now)...)
	}
	return out
}

// heat compares a good value with the limit.
func (w *watch) heat(c float64, now time.Time) []oswald.Alert {
	if c <= w.limit-hysteresis {
		return w.cool(c, now)
	}
	w.coolSince = time.Time{}
	w.peak = max(w.peak, c)
	switch {
	case c <= w.limit:
		w.hotSamples = 0
	case w.hotSamples == 0:
		w.hotSince, w.hotSamples = now, 1
	default:
		w.hotSamples++
	}
	severity := oswald.Warning
	if c > w.limit+w.critical {
		severity = oswald.Critical
	}
	long := w.hotSamples >= minSamples && now.Sub(w.hotSince) >= w.hold
	switch {
	case long && (w.hot != yes || severity > w.severity):
		w.hot, w.severity = yes, severity
	case w.hot == yes && now.Sub(w.said) >= sayAgain:
	default:
		return nil
	}
	w.said = now
	where := "above"
	if c <= w.limit {
		where = "still near"
	}
	return []oswald.Alert{w.alert("hot", w.severity, now, false, "%s is at %.1f °C, %s its limit of %s °C.", w.title(), c, where, short(w.limit))}
}

// cool takes a value that is well below the limit.
func (w *watch) cool(c float64, now time.Time) []oswald.Alert {
	w.hotSamples = 0
	if w.coolSince.IsZero() {
		w.coolSince = now
	}
	if w.hot == no {
		w.peak = c // what was short of an alert is forgotten
		return nil
	}
	if now.Sub(w.coolSince) < w.clear {
		return nil
	}
	after := ""
	if w.hot == yes {
		after = fmt.Sprintf(" after up to %.1f °C", w.peak)
	}
	w.hot, w.severity, w.peak = no, oswald.Info, c
	return []oswald.Alert{w.alert("hot", oswald.Warning, now, true, "%s is back at %.1f °C%s.", w.title(), c, after)}
}

// bad takes a look that gave no value and returns what there is to say.
func (w *watch) bad(err error, now time.Time) []oswald.Alert {
	if w.first.IsZero() {
		w.first = now
	}
	w.err = err
	w.failures++
	w.suspectAt = time.Time{}
	since := w.at
	if since.IsZero() {
		since = w.first
	}
	if w.failures < maxFailures && now.Sub(since) < staleAfter || w.unknown == yes {
		return nil
	}
	w.unknown = yes
	// Nobody knows whether it is hot: neither may be concluded from what was.
	w.hotSamples, w.coolSince = 0, time.Time{}
	return []oswald.Alert{w.alert("unknown", oswald.Warning, now, false, "%s %s.", w.title(), oswald.MessageOf(err))}
}

func (w *watch) alert(what string, s oswald.Severity, now time.Time, resolved bool, format string, args ...any) oswald.Alert {
	return oswald.Alert{Key: w.key + "/" + what, Severity: s, Summary: fmt.Sprintf(format, args...), At: now, Resolved: resolved}
}

// title is the probe as a sentence begins with it.
func (w *watch) title() string {
	s := "The probe " + w.name
	if w.name == cpuName {
		s = "The processor"
	}
	if w.simulated {
		s += " (simulated)"
	}
	return s
}

// short writes a limit without needless digits.
func short(v float64) string {
	if v == math.Trunc(v) {
		return fmt.Sprintf("%.0f", v)
	}
	return fmt.Sprintf("%.1f", v)
}
