// SPDX-License-Identifier: GPL-3.0-or-later

package handlers

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"oswald"
)

// easel is a Plotter that remembers what it was to draw.
type easel struct{ drew []string }

func (e *easel) Plot(_ context.Context, probe string, span time.Duration) (oswald.File, error) {
	e.drew = append(e.drew, fmt.Sprintf("%q %v", probe, span))
	if probe == "attic" {
		return oswald.File{}, oswald.Errorf(oswald.NotFound, "There is no history.")
	}
	return oswald.File{Name: "a.png"}, nil
}

func TestPlot(t *testing.T) {
	b := newBench(t)
	e := new(easel)
	b.deps.Thermometer = &probes{[]oswald.Reading{{Probe: "kitchen", Celsius: 21.4, At: noon}, {Probe: "attic", Celsius: 30, At: noon}}}
	b.deps.Plotter = e
	test := func(text, want, drew string, file bool) {
		t.Helper()
		e.drew = nil
		r, err := b.Dispatch(t.Context(), b.request(member, text))
		got, _ := shown(r, err)
		if !strings.Contains(got, want) || strings.Join(e.drew, " ") != drew || (r.File != nil) != file {
			t.Errorf("%q: %q, drew %q, file %v", text, got, e.drew, r.File)
		}
	}
	test("temp", "kitchen 21.4", "", false)
	test("temp kitchen", "kitchen 21.4", "", false)
	test("temp kitchen 24h", "kitchen 21.4", `"kitchen" 24h0m0s`, true)
	test("temp kit 7d", "kitchen 21.4", `"kitchen" 168h0m0s`, true)
	test("temp plot", "attic 30.0", `"" 24h0m0s`, true)
	test("temp WEEK", "attic 30.0", `"" 168h0m0s`, true)
	test("temp 2000d", "attic 30.0", `"" 2160h0m0s`, true)
	test("temp attic 1h", "There is no history.", `"attic" 1h0m0s`, false)
	test("temp kitchen yesterday", "“yesterday” is not a time", "", false)
	test("temp 0h", "There is no probe", "", false)
	b.deps.Plotter = nil
	test("temp 24h", "Drawing is not configured", "", false)
}
