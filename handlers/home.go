// SPDX-License-Identifier: GPL-3.0-or-later

package handlers

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"oswald"
)

func (h *Handlers) say(ctx context.Context, req oswald.Request, args []string) (oswald.Reply, error) {
	text, ch := args[0], oswald.Both
	if word, rest, err := cutWord(text); err == nil && strings.TrimSpace(rest) != "" {
		for _, c := range []oswald.Channel{oswald.Left, oswald.Right, oswald.Both} {
			if strings.EqualFold(word, c.String()) {
				ch, text = c, strings.TrimSpace(rest)
				break
			}
		}
	}
	if h.deps.Speaker == nil {
		return oswald.Reply{}, absent("Speech is")
	}
	s, err := h.deps.Speaker.Say(ctx, req.ID, ch, text, false)
	if err != nil {
		return oswald.Reply{}, err
	}
	return oswald.Reply{Text: spokenText(s)}, nil
}

var channelTexts = map[oswald.Channel]string{oswald.Left: "on the left", oswald.Right: "on the right", oswald.Both: "on both sides"}

func spokenText(s oswald.Spoken) string {
	if s.Queued > 0 {
		return fmt.Sprintf("It will be said %s, after %s.", channelTexts[s.Channel], plural(s.Queued, "other message", "other messages"))
	}
	t := fmt.Sprintf("Said %s, %s", channelTexts[s.Channel], took(s.Took))
	if s.Simulated {
		t = fmt.Sprintf("Said %s, %s (simulated: no sound card)", channelTexts[s.Channel], took(s.Took))
	}
	if s.Lines != "" {
		t += "; " + oneLine(s.Lines, 120)
	}
	t += "."
	if s.File != "" {
		t += "\nListen to it: " + s.File
	}
	return t
}

func (h *Handlers) temp(ctx context.Context, _ oswald.Request, args []string) (oswald.Reply, error) {
	if h.deps.Thermometer == nil {
		return oswald.Reply{}, absent("A thermometer is")
	}
	list := h.deps.Thermometer.Readings(ctx)
	if len(list) == 0 {
		return oswald.Reply{Text: "No probe has been found yet; `status` says why."}, nil
	}
	var back time.Duration
	if n := len(args); n > 0 {
		if d, ok := plotSpan(args[n-1]); ok {
			back, args = d, args[:n-1]
		}
	}
	probe := ""
	switch len(args) {
	case 1:
		r, err := pickProbe(list, args[0])
		if err != nil {
			return oswald.Reply{}, err
		}
		list, probe = []oswald.Reading{r}, r.Probe
	case 2:
		return oswald.Reply{}, oswald.Errorf(oswald.Invalid, "%s is not a time; write `24h` or `7d`.", quote(args[1]))
	}
	lines := make([]string, len(list))
	for i, r := range list {
		lines[i] = h.readingText(r, len(list) == 1)
	}
	reply := oswald.Reply{Text: strings.Join(lines, "\n")}
	if back == 0 {
		return reply, nil
	}
	if h.deps.Plotter == nil {
		return oswald.Reply{}, absent("Drawing is")
	}
	f, err := h.deps.Plotter.Plot(ctx, probe, back)
	switch {
	case oswald.CodeOf(err) == oswald.NotFound:
		reply.Text += "\n" + oswald.MessageOf(err)
	case err != nil:
		return oswald.Reply{}, err
	default:
		reply.File = &f
	}
	return reply, nil
}

// plotMost is the longest time that a plot shows.
const plotMost = 90 * 24 * time.Hour

// plotSpan reads a time such as "24h" or "7d"; "plot" is a day.
func plotSpan(s string) (time.Duration, bool) {
	s = strings.ToLower(s)
	switch s {
	case "plot", "day":
		return 24 * time.Hour, true
	case "week":
		return 7 * 24 * time.Hour, true
	}
	unit := time.Hour
	number, ok := strings.CutSuffix(s, "h")
	if !ok {
		unit = 24 * time.Hour
		if number, ok = strings.CutSuffix(s, "d"); !ok {
			return 0, false
		}
	}
	n, err := strconv.Atoi(number)
	if err != nil || n < 1 || n > int(plotMost/time.Hour) {
		return 0, false
	}
	return min(time.Duration(n)*unit, plotMost), true
}

// pickProbe finds a probe by its name, or by the beginning of just one.
func pickProbe(list []oswald.Reading, name string) (oswald.Reading, error) {
	var hits []oswald.Reading
	var names []string
	for _, r := range list {
		if strings.EqualFold(r.Probe, name) {
			return r, nil
		}
		if strings.HasPrefix(strings.ToLower(r.Probe), strings.ToLower(name)) {
			hits = append(hits, r)
		}
		names = append(names, r.Probe)
	}
	if len(hits) == 1 {
		return hits[0], nil
	}
	return oswald.Reading{}, oswald.Errorf(oswald.NotFound, "There is no probe %s. There is %s.", quote(name), listed(names, "and"))
}

// readingText is one probe: on one line among others, with its day if alone.
func (h *Handlers) readingText(r oswald.Reading, alone bool) string {
	simulated := ""
	if r.Simulated {
		simulated = " (simulated)"
	}
	if r.Err != nil {
		return "⚠ " + r.Probe + " " + oswald.MessageOf(r.Err) + simulated
	}
	s := fmt.Sprintf("%s %.1f °C", r.Probe, r.Celsius)
	if alone {
		s += trendText(r.Trend)
	} else {
		s += trendArrow(r.Trend)
	}
	if d := h.now().Sub(r.At); d > 3*time.Minute {
		s += ", " + span(d) + " ago"
	}
	s += simulated
	switch {
	case len(r.Recent) < 4:
	case alone:
		lo, hi := bounds(r.Recent)
		s += fmt.Sprintf("\n%s %.1f to %.1f °C in 24 h", sparkline(r.Recent), lo, hi)
	default:
		s += " " + sparkline(r.Recent)
	}
	return s
}

// trendArrow says where a temperature goes, in one sign.
func trendArrow(t float64) string {
	switch {
	case math.IsNaN(t):
		return ""
	case math.Abs(t) < steady:
		return " →"
	case t > 0:
		return " ↗"
	}
	return " ↘"
}

// steady is the trend, in kelvins an hour, that nobody feels.
const steady = 0.2

// trendText says where a temperature goes, in words for small changes.
func trendText(t float64) string {
	switch {
	case math.IsNaN(t):
		return ""
	case math.Abs(t) < steady:
		return ", steady"
	case t > 0:
		return fmt.Sprintf(", rising %.1f an hour", t)
	}
	return fmt.Sprintf(", falling %.1f an hour", -t)
}

func bounds(v []float64) (lo, hi float64) {
	lo, hi = v[0], v[0]
	for _, x := range v {
		lo, hi = min(lo, x), max(hi, x)
	}
	return lo, hi
}

// sparkWidth is how many bars a phone shows on one line.
const sparkWidth = 12

// sparkline draws v as bars. A range of less than one kelvin is drawn as if it
// were one, so that noise does not look like a mountain.
func sparkline(v []float64) string {
	bars := []rune("▁▂▃▄▅▆▇█")
	n := min(len(v), sparkWidth)
	lo, hi := bounds(v)
	if hi-lo < 1 {
		mid := (hi + lo) / 2
		lo, hi = mid-9.0/16, mid+7.0/16 // a steady value lies in the middle of a bar
	}
	out := make([]rune, n)
	for i := range out {
		part := v[i*len(v)/n : (i+1)*len(v)/n]
		sum := 0.0
		for _, x := range part {
			sum += x
		}
		k := int((sum/float64(len(part)) - lo) / (hi - lo) * float64(len(bars)))
		out[i] = bars[min(max(k, 0), len(bars)-1)]
	}
	return string(out)
}
