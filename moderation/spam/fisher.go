// SPDX-License-Identifier: GPL-3.0-or-later

package spam

import "math"

// fisher holds the parameters of Robinson's and Fisher's combination, under
// the names bogofilter gives them.
type fisher struct {
	robx   float64 // what an unknown feature says
	robs   float64 // how many sightings that opinion is worth
	minDev float64 // features closer to 0.5 are left out
}

// ownFisher are the parameters for our features.
var ownFisher = fisher{robx: 0.5, robs: 0.45, minDev: 0.1}

// of returns what a feature says that b of B spam and g of G ham messages hold.
func (p fisher) of(b, B, g, G float64) float64 {
	if b+g == 0 {
		return p.robx
	}
	pw := b * G / (b*G + g*B)
	return (p.robs*p.robx + (b+g)*pw) / (p.robs + b + g)
}

// A fisherSum adds up what the features say.
type fisherSum struct {
	n            int
	logF, logNot float64 // sums of ln f and ln (1-f)
}

func (p fisher) add(s *fisherSum, f float64) {
	if math.Abs(f-0.5) > p.minDev {
		s.n++
		s.logF += math.Log(f)
		s.logNot += math.Log1p(-f)
	}
}

// score combines the sum into one probability of spam.
func (p fisher) score(s fisherSum) float64 {
	if s.n == 0 {
		return p.robx
	}
	return (1 + chi2Q(-2*s.logF, s.n) - chi2Q(-2*s.logNot, s.n)) / 2
}

// chi2Q is the chance that a chi-square variable of 2n degrees of freedom
// exceeds x: e^-m times the sum of m^i/i! for i below n, with m = x/2.
func chi2Q(x float64, n int) float64 {
	m := x / 2
	if m < 700 {
		term := math.Exp(-m)
		sum := term
		for i := 1; i < n; i++ {
			term *= m / float64(i)
			sum += term
		}
		return min(sum, 1)
	}
	// e^-m is nought in a float64, its product with the sum need not be: add up
	// in logarithms, relative to the greatest term.
	logM, log, most := math.Log(m), 0.0, 0.0
	for i := 1; i < n; i++ {
		log += logM - math.Log(float64(i))
		most = max(most, log)
	}
	sum := math.Exp(-most)
	log = 0
	for i := 1; i < n; i++ {
		log += logM - math.Log(float64(i))
		sum += math.Exp(log - most)
	}
	return min(math.Exp(most-m)*sum, 1)
}
