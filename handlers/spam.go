// SPDX-License-Identifier: GPL-3.0-or-later

package handlers

import (
	"context"
	"fmt"
	"strings"

	"oswald"
)

func (h *Handlers) stats(ctx context.Context, req oswald.Request) (oswald.SpamStats, error) {
	if h.deps.Spam == nil {
		return oswald.SpamStats{}, absent("The spam filter is")
	}
	return h.deps.Spam.Stats(ctx, req.ID)
}

func (h *Handlers) spam(ctx context.Context, req oswald.Request, _ []string) (oswald.Reply, error) {
	s, err := h.stats(ctx, req)
	if err != nil {
		return oswald.Reply{}, err
	}
	var b strings.Builder
	if s.PostedToday == 0 {
		b.WriteString("No comment has come today.")
	} else {
		fmt.Fprintf(&b, "Today: %s, %d of them spam.", plural(s.PostedToday, "comment", "comments"), s.CaughtToday)
	}
	fmt.Fprintf(&b, "\nNow: %d shown, %d hidden, ", s.Shown, s.Hidden)
	switch s.Queued {
	case 0:
		b.WriteString("none waits.")
	case 1:
		b.WriteString("1 waits: `comments` shows it.")
	default:
		fmt.Fprintf(&b, "%d wait: `comments` lists them.", s.Queued)
	}
	if s.HamLearnt+s.SpamLearnt == 0 {
		b.WriteString("\nThe filter has learnt nothing yet: flag and approve some comments.")
	}
	return oswald.Reply{Text: b.String()}, nil
}

func (h *Handlers) spamStats(ctx context.Context, req oswald.Request, _ []string) (oswald.Reply, error) {
	s, err := h.stats(ctx, req)
	if err != nil {
		return oswald.Reply{}, err
	}
	return oswald.Reply{Text: h.statsText(s)}, nil
}

func (h *Handlers) statsText(s oswald.SpamStats) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Learnt from %d spam and %d good messages, %s.", s.SpamLearnt, s.HamLearnt, plural(s.Features, "feature", "features"))
	fmt.Fprintf(&b, "\nComments: %d shown, %d waiting, %d hidden.", s.Shown, s.Queued, s.Hidden)
	fmt.Fprintf(&b, "\nToday: %d of %d caught as spam.", s.CaughtToday, s.PostedToday)
	fmt.Fprintf(&b, "\nCorrected by you in 30 days: %s.", plural(s.Corrected, "verdict", "verdicts"))
	if s.Drift != "" {
		fmt.Fprintf(&b, "\nDrift: %s.", oneLine(s.Drift, 200))
	}
	if !s.Trained.IsZero() {
		fmt.Fprintf(&b, "\nLast trained %s", ago(h.now(), s.Trained))
		if s.Took > 0 {
			fmt.Fprintf(&b, ", in %s", took(s.Took))
		}
		b.WriteByte('.')
	}
	return b.String()
}

func (h *Handlers) spamRetrain(ctx context.Context, req oswald.Request, _ []string) (oswald.Reply, error) {
	if h.deps.Spam == nil {
		return oswald.Reply{}, absent("The spam filter is")
	}
	_, stop := progress(req, "Training…")
	defer stop()
	s, err := h.deps.Spam.Retrain(ctx, req.ID)
	if err != nil {
		return oswald.Reply{}, err
	}
	return oswald.Reply{Text: fmt.Sprintf("Trained afresh in %s from %d spam and %d good messages: %s.",
		took(s.Took), s.SpamLearnt, s.HamLearnt, plural(s.Features, "feature", "features"))}, nil
}

// evidenceShown is how many lines of evidence fit a phone.
const evidenceShown = 8

func (h *Handlers) spamWhy(ctx context.Context, req oswald.Request, args []string) (oswald.Reply, error) {
	n, err := number(args[0])
	if err != nil {
		return oswald.Reply{}, err
	}
	if h.deps.Spam == nil {
		return oswald.Reply{}, absent("The spam filter is")
	}
	w, err := h.deps.Spam.Why(ctx, req.ID, n)
	if err != nil {
		return oswald.Reply{}, err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "#%d: %s, %s.", w.Comment.N, verdictText(w.Comment.Verdict), percent(w.Comment.Score))
	if w.Comment.Label != "" {
		fmt.Fprintf(&b, " A person said: %s.", verdictText(w.Comment.Label))
	}
	evidence(&b, w.Evidence)
	return oswald.Reply{Text: b.String(), Raw: true}, nil
}

// evidence lists what moved a verdict, the strongest first.
func evidence(b *strings.Builder, list []oswald.Evidence) {
	if len(list) == 0 {
		b.WriteString("\nNothing in it is known to the filter.")
	}
	for i, e := range list {
		if i == evidenceShown {
			fmt.Fprintf(b, "\n… and %s", plural(len(list)-i, "weaker sign", "weaker signs"))
			break
		}
		sign := "good"
		if e.Spam >= 0.5 {
			sign = "spam"
		}
		fmt.Fprintf(b, "\n%s %.2f  %s", sign, e.Spam, oneLine(e.Feature, 40))
	}
}

func (h *Handlers) spamTest(ctx context.Context, req oswald.Request, args []string) (oswald.Reply, error) {
	if h.deps.Tester == nil {
		return oswald.Reply{}, absent("The spam filter is")
	}
	w, err := h.deps.Tester.Test(ctx, req.ID, args[0])
	if err != nil {
		return oswald.Reply{}, err
	}
	var b strings.Builder
	what := map[oswald.Verdict]string{oswald.Ham: "published", oswald.Unsure: "held for you", oswald.Spam: "hidden"}[w.Comment.Verdict]
	fmt.Fprintf(&b, "That would be %s: %s, %s. Nothing was learnt from it.", what, verdictText(w.Comment.Verdict), percent(w.Comment.Score))
	evidence(&b, w.Evidence)
	return oswald.Reply{Text: b.String(), Raw: true}, nil
}
