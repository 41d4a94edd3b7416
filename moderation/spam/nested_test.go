// SPDX-License-Identifier: GPL-3.0-or-later

package spam

import (
	"fmt"
	"os"
	"slices"
	"testing"
)

// shares are the says of the counts against the regression that are compared; a
// third is the one in use, and 1e9 leaves the regression out.
var shares = []float64{0, 1. / 6, 1. / 3, 1. / 2, 1, 2, 1e9}

// judged is what both judges thought of a message, in log-odds.
type judged struct {
	fisher, regression float64
	spam               bool
}

func (j judged) with(share float64) scored {
	return scored{(j.regression + share*j.fisher) / (1 + share), j.spam}
}

// judgeFold scores the messages of one fold by a filter that learnt from all others
// but those of skip, which is -1 for none.
func judgeFold(t *testing.T, list []sample, fold, skip int) (out []judged) {
	t.Helper()
	var train []Message
	for i, s := range list {
		if s.fold != fold && s.fold != skip {
			train = append(train, s.message(i))
		}
	}
	f := open(t, inMemory())
	if err := f.Refit(t.Context(), train); err != nil {
		t.Fatal(err)
	}
	for _, s := range list {
		if s.fold != fold {
			continue
		}
		x := f.scratch.Get().(*features)
		x.read(s.text)
		o := f.model.judge(x)
		f.scratch.Put(x)
		out = append(out, judged{logit(clip(o.fisher, 1e-6)), logit(clip(sigmoid(o.logit), 1e-6)), s.spam})
	}
	return out
}

// TestBarsNested chooses how much say the counts have by cross-validation inside
// the training folds alone, once for each fold that is held out of either
// collection, and measures on those folds. The folds are those of the collections,
// which were there before. So the figures owe nothing to having looked at what they
// are measured on. One setting serves both collections, so it is chosen for both: by
// the sum of what they have wrong.
func TestBarsNested(t *testing.T) {
	if os.Getenv("OSWALD_BENCH") == "" {
		t.Skip("needs OSWALD_BENCH=1")
	}
	both := [][]sample{collection(t, "youtube.jsonl"), collection(t, "sms.jsonl")}
	folds := make([][]int, len(both))
	for i, list := range both {
		for _, s := range list {
			if !slices.Contains(folds[i], s.fold) {
				folds[i] = append(folds[i], s.fold)
			}
		}
		slices.Sort(folds[i])
	}
	var chosen []float64
	outer := make([][]scored, len(both))
	for k := range folds[0] {
		wrong := make([]float64, len(shares))
		for i, list := range both {
			var inner []judged
			for _, fold := range folds[i] {
				if fold != folds[i][k] {
					inner = append(inner, judgeFold(t, list, fold, folds[i][k])...)
				}
			}
			for j, share := range shares {
				scores := make([]scored, len(inner))
				for n, x := range inner {
					scores[n] = x.with(share)
				}
				wrong[j] += newCurve(scores).roca()
			}
		}
		best := shares[slices.Index(wrong, slices.Min(wrong))]
		chosen = append(chosen, best)
		for i, list := range both {
			for _, x := range judgeFold(t, list, folds[i][k], -1) {
				outer[i] = append(outer[i], x.with(best))
			}
		}
	}
	youtube, sms := newCurve(outer[0]), newCurve(outer[1])
	fmt.Printf("nested cv, shares chosen %.3g\nyoutube: %s\nsms: %s\n", chosen, youtube, sms)
	bar(t, "spam_youtube_nested_roca", youtube.roca(), 1.3, 1)
	bar(t, "spam_youtube_nested_caught", youtube.caught(youtube.ham/100), 85, -1)
	bar(t, "spam_sms_nested_roca", sms.roca(), 0.35, 1)
	bar(t, "spam_sms_nested_caught", sms.caught(2), 90, -1)
}
