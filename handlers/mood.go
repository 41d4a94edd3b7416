// SPDX-License-Identifier: GPL-3.0-or-later

package handlers

import (
	"context"
	"fmt"
	"math"
	"strings"
)

// moodProbes is how many temperatures fit under a name in a list of contacts.
const moodProbes = 2

// Mood is the one line by which everybody who has the bot as a contact sees how
// the house is: open alerts and temperatures, in whole degrees so that it changes
// seldom. It is empty where there is nothing to measure and nothing wrong.
func (h *Handlers) Mood(ctx context.Context) string {
	var parts []string
	open, err := h.openAlerts(ctx)
	switch {
	case err != nil:
		h.log.Warn("open alerts", "err", err)
	case open > 0:
		parts = append(parts, "⚠ "+plural(open, "alert", "alerts"))
	}
	temps := h.degrees(ctx)
	if len(temps) > 0 && open == 0 && err == nil {
		temps = append(temps, "no alerts")
	}
	return strings.Join(append(parts, temps...), " · ")
}

func (h *Handlers) openAlerts(ctx context.Context) (int, error) {
	if h.deps.Alerts == nil {
		return 0, nil
	}
	list, err := h.deps.Alerts.Open(ctx)
	return len(list), err
}

// degrees returns the first temperatures, each as it was shown last unless it has
// moved by more than it takes to round it another way.
func (h *Handlers) degrees(ctx context.Context) []string {
	if h.deps.Thermometer == nil {
		return nil
	}
	readings := h.deps.Thermometer.Readings(ctx)
	h.mu.Lock()
	defer h.mu.Unlock()
	var list []string
	for _, r := range readings {
		if r.Err != nil || len(list) == moodProbes {
			continue
		}
		if was, ok := h.shown[r.Probe]; !ok || math.Abs(r.Celsius-was) > 0.7 {
			h.shown[r.Probe] = math.Round(r.Celsius)
		}
		text := fmt.Sprintf("%s %.0f °C", oneLine(r.Probe, 24), h.shown[r.Probe])
		if r.Simulated {
			text += " (simulated)"
		}
		list = append(list, text)
	}
	return list
}
