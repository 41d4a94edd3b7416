// SPDX-License-Identifier: GPL-3.0-or-later

package handlers

import (
	"context"
	"testing"

	"oswald"
)

// probes is a Thermometer whose readings a test sets.
type probes struct{ list []oswald.Reading }

func (p *probes) Readings(context.Context) []oswald.Reading { return p.list }

func TestMood(t *testing.T) {
	b := newBench(t)
	b.house.open = nil
	p := &probes{}
	b.Handlers.deps.Thermometer = p
	test := func(celsius float64, want string) {
		t.Helper()
		p.list = []oswald.Reading{
			{Probe: "attic", Err: oswald.Errorf(oswald.Unavailable, "gone")},
			{Probe: "kitchen", Celsius: celsius}, {Probe: "server room", Celsius: 27.9, Simulated: true}, {Probe: "cpu", Celsius: 50}}
		if got := b.Mood(t.Context()); got != want {
			t.Errorf("at %v: %q, want %q", celsius, got, want)
		}
	}
	test(21.4, "kitchen 21 °C · server room 28 °C (simulated) · no alerts")
	test(21.6, "kitchen 21 °C · server room 28 °C (simulated) · no alerts") // it does not hop about
	test(21.8, "kitchen 22 °C · server room 28 °C (simulated) · no alerts")
	test(21.4, "kitchen 22 °C · server room 28 °C (simulated) · no alerts")
	b.house.open = []OpenAlert{{Label: "A1"}, {Label: "A2"}}
	test(-3, "⚠ 2 alerts · kitchen -3 °C · server room 28 °C (simulated)")
	b.Handlers.deps.Thermometer = nil
	if got := b.Mood(t.Context()); got != "⚠ 2 alerts" {
		t.Errorf("without probes: %q", got)
	}
	b.Handlers.deps.Alerts = nil
	if got := b.Mood(t.Context()); got != "" {
		t.Errorf("without anything: %q", got)
	}
}
