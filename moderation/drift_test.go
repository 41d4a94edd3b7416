// SPDX-License-Identifier: GPL-3.0-or-later

package moderation

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"oswald"
)

// TestDriftSurvivesARestart: sixty verdicts that people agreed with, then fifty of
// which they reversed half; a new server on the same files tells the same.
func TestDriftSurvivesARestart(t *testing.T) {
	dir := t.TempDir()
	st := newSiteIn(t, dir, nil)
	for i := range 110 {
		n := st.posted("kitchen", fmt.Sprintf("Number %d.", i))
		d := oswald.Approve
		if i >= 60 && i%2 == 0 {
			d = oswald.Flag
		}
		if _, err := st.Decide(t.Context(), fmt.Sprint(i), n, d); err != nil {
			t.Fatal(err)
		}
		st.clock.add(time.Second)
	}
	const want = "25 of the last 50 verdicts corrected, 0 of the 60 before: worse than before"
	for _, server := range []*site{st, newSiteIn(t, dir, nil)} {
		got, err := server.Stats(t.Context(), "s")
		if err != nil || !strings.Contains(got.Drift, want) {
			t.Errorf("%q %v", got.Drift, err)
		}
	}
}
