// SPDX-License-Identifier: GPL-3.0-or-later

package moderation

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"testing"

	"oswald"
	"oswald/moderation/spam"
)

// TestTheRealFilter goes the whole way with the filter that ships: spam that gets
// through is flagged, and spam of other words, name and network is then caught,
// while people still publish.
func TestTheRealFilter(t *testing.T) {
	dir := t.TempDir()
	open := func() (*site, func()) {
		cfg := spam.Defaults()
		cfg.Model = filepath.Join(dir, "spam.model")
		f, err := spam.New(cfg, spam.Deps{})
		if err != nil {
			t.Fatal(err)
		}
		st := newSiteIn(t, dir, func(_ *Config, d *Deps) { d.Filter = f })
		ctx, cancel := context.WithCancel(context.Background())
		var wg sync.WaitGroup
		wg.Go(func() { st.Run(ctx) })
		return st, func() { cancel(); wg.Wait(); st.db.Close() }
	}
	st, stop := open()
	teach := func(text string, d oswald.Decision) {
		t.Helper()
		n := st.posted("kitchen", text)
		if _, err := st.Decide(t.Context(), oswald.RandomID(), n, d); err != nil && oswald.CodeOf(err) != oswald.Conflict {
			t.Fatal(err)
		}
	}
	for i, text := range []string{
		"Lose weight fast with our miracle keto gummies, order now at http://keto-gummies.example/buy",
		"Miracle keto gummies melt fat in seven days! Buy now http://slim-now.example",
		"Order miracle weight loss gummies today, limited offer http://fat-gone.example/order",
		"Doctors hate these keto gummies, lose 20 pounds fast http://keto.example",
		"Best keto gummies offer, buy today and lose weight http://gummies.example/offer",
	} {
		teach(fmt.Sprint(text, " ", i), oswald.Flag)
	}
	for i, text := range []string{
		"I measured the oven again and it is ten degrees off, thank you for the table.",
		"The second picture helped me to find the screw under the door.",
		"Does this also work with the older model of the probe?",
		"My kitchen sensor shows 21 degrees all night, is that normal?",
		"Thanks, the rebuild went through after I fixed the link.",
	} {
		teach(fmt.Sprint(text, " ", i), oswald.Approve)
	}
	check := func(text string, want ...oswald.CommentState) int64 {
		t.Helper()
		n := st.posted("getting-started", text, "name", "Someone else")
		got := st.comment(n)
		for _, w := range want {
			if got.State == w {
				return n
			}
		}
		t.Errorf("%q is %s (%.3f), want %v", text, got.State, got.Score, want)
		return n
	}
	caught := check("Amazing keto gummies make you lose weight, order your miracle now: http://other-shop.example/", oswald.Hidden)
	check("Thanks, that table for the oven probe helped me.", oswald.Shown)
	why, err := st.Why(t.Context(), "x", caught)
	if err != nil || len(why.Evidence) == 0 || why.Evidence[0].Spam < 0.5 {
		t.Errorf("%+v %v", why, err)
	}
	s, err := st.Retrain(t.Context(), "x")
	if err != nil || s.SpamLearnt != 5 || s.HamLearnt != 5 {
		t.Errorf("%+v %v", s, err)
	}
	// What was learnt outlives a restart, with and without the model's file.
	teach("One more about gummies http://keto.example/zzz", oswald.Flag)
	stop()
	st, stop = open()
	defer stop()
	eventually(t, "six labels in the filter", func() bool { return st.filterStats().SpamLearnt == 6 })
	check("Order the miracle gummies now and lose weight http://third-shop.example/", oswald.Hidden)
}
