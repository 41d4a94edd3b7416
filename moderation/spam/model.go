// SPDX-License-Identifier: GPL-3.0-or-later

package spam

import (
	"cmp"
	"context"
	"slices"
)

// epochs is how often a refit goes through all messages.
const epochs = 10

// A model is what a filter has learnt. It does no locking.
type model struct {
	counts *counts
	lr     logistic
	start  *origin // shared and never changed
}

func newModel(s *origin) *model {
	return &model{counts: newCounts(), lr: newLogistic(), start: s}
}

// An opinion is what the two judges think of a text.
type opinion struct {
	fisher float64 // probability of spam by the counts
	logit  float64 // log-odds of spam by the regression
	root   float64 // what each weight was divided by
	score  float64 // both
}

// blend makes one score of both. The regression is the better judge, so the
// other has a third of the say; dividing by 1.5 tempers their joint zeal.
func blend(fisher, logistic float64) float64 {
	const edge = 1e-6
	a := logit(clip(sigmoid(logistic), edge))
	b := logit(clip(fisher, edge))
	return sigmoid((a + b/3) / 1.5)
}

func clip(p, edge float64) float64 { return min(max(p, edge), 1-edge) }

func (m *model) judge(f *features) opinion {
	t := m.totals()
	var sum fisherSum
	if t.spam > 0 && t.ham > 0 { // nobody can tell spam who has only seen ham
		for _, x := range f.set {
			ownFisher.add(&sum, m.of(x.key, t))
		}
	}
	var o opinion
	o.fisher = ownFisher.score(sum)
	o.logit, o.root = m.lr.logit(f)
	o.score = blend(o.fisher, o.logit)
	return o
}

// totals is how many messages count, those of the start by their faded share.
type totals struct {
	spam, ham         float64
	spamFade, hamFade float64
}

func (m *model) totals() totals {
	t := totals{
		spam: float64(m.counts.spam), ham: float64(m.counts.ham),
		spamFade: fade(m.counts.spam), hamFade: fade(m.counts.ham),
	}
	for _, p := range m.start.priors {
		t.spam += t.spamFade * p.spamShare * float64(p.counts.spam)
		t.ham += t.hamFade * p.hamShare * float64(p.counts.ham)
	}
	return t
}

// of returns what one feature says.
func (m *model) of(key uint32, t totals) float64 {
	b, g := m.counts.get(key)
	if t.spamFade > 0 || t.hamFade > 0 {
		for _, p := range m.start.priors {
			pb, pg := p.counts.get(key)
			b += t.spamFade * p.spamShare * pb
			g += t.hamFade * p.hamShare * pg
		}
	}
	return ownFisher.of(b, t.spam, g, t.ham)
}

// seedWeight returns how much one message of the seed counts beside a label.
func (m *model) seedWeight(spam bool) float64 {
	if spam {
		return seedShare * fade(m.counts.spam)
	}
	return seedShare * fade(m.counts.ham)
}

// ordered returns the messages in the one order that training uses.
func ordered(list []Message) []Message {
	list = slices.Clone(list)
	slices.SortFunc(list, func(a, b Message) int {
		spam := func(m Message) int {
			if m.Spam {
				return 1
			}
			return 0
		}
		return cmp.Or(cmp.Compare(a.N, b.N), cmp.Compare(a.Text, b.Text), cmp.Compare(spam(a), spam(b)))
	})
	return list
}

// fit builds a model from nothing. The list is in order; the same list makes the
// same model.
func fit(ctx context.Context, s *origin, list []Message) (*model, error) {
	m, f := newModel(s), newFeatures()
	for i, x := range list {
		if i%64 == 0 && ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		f.read(x.Text)
		m.counts.add(f.set, x.Spam)
	}
	seeds := s.seed
	if m.seedWeight(true) == 0 && m.seedWeight(false) == 0 {
		seeds = nil
	}
	n := len(seeds) + len(list)
	step := stride(n)
	for e := range epochs {
		for i, at := 0, e*104729%max(n, 1); i < n; i, at = i+1, (at+step)%n {
			if i%64 == 0 && ctx.Err() != nil {
				return nil, context.Cause(ctx)
			}
			if at < len(seeds) {
				if share := m.seedWeight(seeds[at].Spam); share > 0 {
					f.read(seeds[at].Text)
					m.lr.learn(f, seeds[at].Spam, share)
				}
				continue
			}
			x := list[at-len(seeds)]
			f.read(x.Text)
			m.lr.learn(f, x.Spam, 1)
		}
	}
	return m, nil
}

// stride returns a step that scatters n messages and meets each of them once, so
// that labels mix however they were collected and yet every run is equal.
func stride(n int) int {
	step := 7919
	for n > 1 && gcd(step, n) > 1 {
		step++
	}
	return step
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}
