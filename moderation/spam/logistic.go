// SPDX-License-Identifier: GPL-3.0-or-later

package spam

import "math"

const (
	rate    = 0.2   // AdaGrad's step
	damping = 0.001 // AdaGrad's constant below the line
)

// A weight is one of the regression, beside the sum of squared gradients that
// sets the size of its next step, since one is never used without the other.
type weight struct{ w, a float32 }

// logistic is a logistic regression on hashed features; index 0 is the bias.
type logistic []weight

func newLogistic() logistic { return make(logistic, 1<<tableBits) }

// logit returns the log-odds of spam and the root of the number of features.
func (l logistic) logit(f *features) (z, root float64) {
	sum := l[0].w
	for _, x := range f.set {
		sum += l[index(x.key)].w
	}
	for _, i := range f.grams {
		sum += l[i].w
	}
	root = math.Sqrt(float64(1 + len(f.set) + len(f.grams)))
	return float64(sum) / root, root
}

// learn takes one step towards the label; share below 1 makes it count less.
func (l logistic) learn(f *features, spam bool, share float64) {
	z, root := l.logit(f)
	d := -sigmoid(z)
	if spam {
		d++
	}
	g := float32(share * d / root)
	l.step(0, g)
	for _, x := range f.set {
		l.step(index(x.key), g)
	}
	for _, i := range f.grams {
		l.step(i, g)
	}
}

func (l logistic) step(i uint32, g float32) {
	p := &l[i]
	p.a += g * g
	p.w += rate * g / (damping + float32(math.Sqrt(float64(p.a))))
}

func sigmoid(z float64) float64 { return 1 / (1 + math.Exp(-z)) }

func logit(p float64) float64 { return math.Log(p / (1 - p)) }
