// SPDX-License-Identifier: GPL-3.0-or-later

package audio

import (
	"context"
	"fmt"
	"os"
	"slices"
	"testing"
)

// TestBars measures how long it takes from the command to the first sample of a
// phrase that has been spoken before, as [BenchmarkFirstSample] does: on a card
// that was asleep, the silence before the phrase included.
func TestBars(t *testing.T) {
	if os.Getenv("OSWALD_BENCH") == "" {
		t.Skip("measures; runs where OSWALD_BENCH is set (make bench)")
	}
	const rounds = 9
	var list []float64
	for range rounds {
		c := newCard(t)
		ctx, cancel := context.WithCancel(t.Context())
		c.small = true
		c.listen(ctx, 0)
		r := c.child("left one\nright one", "OSWALD_STRICT=1", "OSWALD_GAP=1s")
		cancel()
		<-c.done
		if !r.Said[1].Spoken.Cached {
			t.Fatalf("not from the cache: %+v", r.Said)
		}
		i := slices.IndexFunc(c.heard, func(h heard) bool { return h.right > 0 })
		if i < 0 {
			t.Fatalf("nothing was heard: %+v", r.Said)
		}
		list = append(list, float64(c.heard[i].at.Sub(r.Said[1].Began).Microseconds())/1000)
	}
	slices.Sort(list)
	fmt.Printf("figure voice_first_sample_least_ms %.4g\nfigure voice_first_sample_most_ms %.4g\n", list[0], list[rounds-1])
	value, word := list[rounds/2], "ok"
	if value > 150 {
		word = "SHORT"
		t.Errorf("first sample after %.4g ms, the bar is 150", value)
	}
	fmt.Printf("bar voice_first_sample_ms %.4g 150 %s\n", value, word)
}
