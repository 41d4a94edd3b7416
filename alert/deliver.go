// SPDX-License-Identifier: GPL-3.0-or-later

package alert

import (
	"context"
	"fmt"
	"sort"
	"strings"
	"time"
	"unicode"

	"oswald"
)

// linesMax is how many alerts one message names.
const linesMax = 10

// A telling is what one message says of one item, as it was at that moment.
type telling struct {
	item     *item
	why      reason
	severity oswald.Severity
	summary  string
}

// An outcome is how one try to tell ended.
type outcome struct {
	list []telling
	at   time.Time
	err  error
}

// deliver starts one try to tell everything that there is to tell.
func (r *Router) deliver(ctx context.Context, now time.Time) {
	var list []telling
	calm := r.calm(now)
	for _, i := range r.open {
		why, at := i.decide(now, r.cfg, calm)
		// What waits for its group comes along with what is due.
		if why != "" && why != over && (!at.After(now) || at.Sub(now) <= r.cfg.Group && why != repeat) {
			list = append(list, telling{i, why, i.Severity, i.Summary})
		}
	}
	sort.Slice(list, func(a, b int) bool {
		if list[a].severity != list[b].severity {
			return list[a].severity > list[b].severity
		}
		return list[a].item.n < list[b].item.n
	})
	text := r.text(list, now)
	first := list[0]
	a := oswald.Alert{Key: first.item.Key, Severity: first.severity, Summary: first.summary, At: now, Resolved: first.why == cleared || first.why == cameAndWent, About: aboutAll(list)}
	r.speak(ctx, list)
	r.inFlight = true
	r.wg.Go(func() {
		ctx, cancel := context.WithTimeout(ctx, notifyTimeout)
		defer cancel()
		r.delivered <- outcome{list, now, r.deps.Notify(ctx, text, a)} // has room for one, and one is in flight
	})
}

// aboutAll is what one message is about: what it names and what has not ended.
func aboutAll(list []telling) string {
	var all []string
	for n, t := range list {
		if n == linesMax {
			break
		}
		if t.why == cleared || t.why == cameAndWent {
			continue
		}
		if t.severity > oswald.Info {
			all = append(all, "alert:"+t.item.Label)
		}
		all = append(all, strings.Fields(t.item.about)...)
	}
	return strings.Join(all, " ")
}

// settle takes in how a try ended.
func (r *Router) settle(ctx context.Context, o outcome) {
	r.inFlight = false
	now := r.now()
	if o.err != nil {
		pause := r.retry.Next()
		r.retryAt = now.Add(pause)
		if ctx.Err() == nil {
			r.log.Warn("alerts could not be told", "alerts", len(o.list), "again_in", pause, "err", o.err)
		}
		return
	}
	r.retry.Reset()
	r.retryAt = time.Time{}
	for _, t := range o.list {
		i := t.item
		r.log.Info("told", "key", i.Key, "label", i.Label, "reason", string(t.why))
		switch ended := t.why == cleared || t.why == cameAndWent; {
		case ended && !i.resolved.IsZero():
			r.close(ctx, i)
			continue
		case ended: // it came back while its end was being told
			i.Told, i.spoken, i.changed, i.Since = 0, 0, now, now
		default:
			i.Told++
			i.told, i.toldSeverity, i.toldSummary = o.at, t.severity, t.summary
		}
		if err := r.save(ctx, i); err != nil {
			r.log.Error("an alert was told but that could not be noted", "key", i.Key, "err", err)
		}
	}
}

// speak says the critical ones aloud, once for each telling.
func (r *Router) speak(ctx context.Context, list []telling) {
	if r.deps.Speak == nil {
		return
	}
	for _, t := range list {
		i := t.item
		if t.severity != oswald.Critical || i.spoken > i.Told || t.why == cleared || t.why == cameAndWent {
			continue
		}
		i.spoken = i.Told + 1
		text := oneLine(t.summary, 200)
		r.wg.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, speakTimeout)
			defer cancel()
			if err := r.deps.Speak(ctx, text); err != nil && ctx.Err() == nil {
				r.log.Warn("an alert could not be spoken", "err", err)
			}
		})
	}
}

// text is the message for all of list.
func (r *Router) text(list []telling, now time.Time) string {
	var lines []string
	var labels []string
	if r.cfg.Digest != "" && len(list) > 1 && list[0].severity == oswald.Info {
		lines = append(lines, "What waits for you:")
	}
	for n, t := range list {
		if n == linesMax {
			lines = append(lines, fmt.Sprintf("… and %d more: `alerts` lists them.", len(list)-n))
			break
		}
		lines = append(lines, t.item.line(t.why, now))
		if t.severity > oswald.Info && t.why != cleared && t.why != cameAndWent && t.item.AckedBy == "" && r.cfg.Repeat > 0 {
			labels = append(labels, t.item.Label)
		}
	}
	switch len(labels) {
	case 0:
	case 1:
		lines = append(lines, fmt.Sprintf("`ack %s` stops the reminders.", labels[0]))
	default:
		lines = append(lines, fmt.Sprintf("`ack %s` or `ack all` stops the reminders.", labels[0]))
	}
	return strings.Join(lines, "\n")
}

// oneLine puts s on one line of at most n characters, without controls.
func oneLine(s string, n int) string {
	s = strings.Join(strings.Fields(strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case unicode.IsControl(r), unicode.In(r, unicode.Bidi_Control):
			return -1
		}
		return r
	}, s)), " ")
	if r := []rune(s); len(r) > n {
		s = string(r[:n-1]) + "…"
	}
	return s
}
