// SPDX-License-Identifier: GPL-3.0-or-later

package spam

import (
	"fmt"
	"math"

	"oswald"
)

// recentLabels is how many labels are recent, and allLabels how many are looked at.
const recentLabels, allLabels = 50, 400

// Drift compares how often people reversed the filter lately with how often they
// did before. Spam changes its ways: when Rising is true it has, and a look at
// the queue or a refit is due. Labels given since the start count, each judged
// before it was learnt; a comment the filter was unsure of is neither right nor
// wrong and counts as not corrected.
type Drift struct {
	Recent, RecentCorrected int
	Before, BeforeCorrected int
	Rising                  bool // by more than chance explains
}

// String returns the report as one line.
func (d Drift) String() string {
	if d.Before == 0 {
		return fmt.Sprintf("%d of the last %d verdicts corrected; too few labels to compare", d.RecentCorrected, d.Recent)
	}
	trend := "no worse than before"
	if d.Rising {
		trend = "worse than before"
	}
	return fmt.Sprintf("%d of the last %d verdicts corrected, %d of the %d before: %s",
		d.RecentCorrected, d.Recent, d.BeforeCorrected, d.Before, trend)
}

// DriftOf reports on verdicts, oldest first, each true if a person reversed it.
func DriftOf(corrected []bool) Drift {
	var d Drift
	for i, c := range corrected {
		recent := i >= len(corrected)-recentLabels
		switch {
		case recent && c:
			d.RecentCorrected++
		case c:
			d.BeforeCorrected++
		}
		if recent {
			d.Recent++
		} else {
			d.Before++
		}
	}
	if d.Recent > 0 && d.Before >= recentLabels {
		n, m := float64(d.Recent), float64(d.Before)
		p := (float64(d.RecentCorrected+d.BeforeCorrected) + 1) / (n + m + 2)
		gap := float64(d.RecentCorrected)/n - float64(d.BeforeCorrected)/m
		d.Rising = gap > 2*math.Sqrt(p*(1-p)*(1/n+1/m))
	}
	return d
}

// Drift reports on the labels since the start.
func (f *Filter) Drift() Drift {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return DriftOf(f.drift.list)
}

// record is the last outcomes.
type record struct{ list []bool }

func (r *record) add(corrected bool) {
	if len(r.list) == allLabels {
		r.list = append(r.list[:0], r.list[1:]...)
	}
	r.list = append(r.list, corrected)
}

// outcome reports whether a label reverses a verdict.
func outcome(v oswald.Verdict, spam bool) (corrected bool) {
	return v == oswald.Spam && !spam || v == oswald.Ham && spam
}
