// SPDX-License-Identifier: GPL-3.0-or-later

package audio

import "math"

// The resampler is a windowed sinc: each output sample is the input around its
// moment, weighted by sin(x)/x under a Kaiser window. Moments fall into as many
// phases between two input samples as the rates need to meet again (320 from
// 22,050 to 48,000 Hz), and the weights of each are worked out once.
const (
	crossings = 24  // zero crossings each side: the narrower the band that is lost
	beta      = 9.0 // of the window: what must not be heard is below -90 dB
	rolloff   = 0.95
	maxPhases = 4096 // weights are worked out each time where there are more
)

// resample returns mono at the rate of the device.
func resample(in []float32, from int) []float32 {
	if from == rate || len(in) == 0 {
		return in
	}
	phases, step := rate, from
	for a, b := rate, from; ; a, b = b, a%b { // divided by what they have in common
		if b == 0 {
			phases, step = rate/a, from/a
			break
		}
	}
	cutoff := rolloff * math.Min(1, rate/float64(from)) // as a share of the input's band
	half := int(math.Ceil(crossings / cutoff))
	kept := make([][]float32, phases)
	out := make([]float32, int(int64(len(in))*rate/int64(from)))
	for i := range out {
		at := int64(i) * int64(step)
		base, phase := int(at/int64(phases)), int(at%int64(phases))
		w := kept[phase]
		if w == nil {
			w = weights(float64(phase)/float64(phases), cutoff, half)
			if phases <= maxPhases {
				kept[phase] = w
			}
		}
		first := base - half + 1 // the input sample of the first weight
		if first < 0 {
			w = w[-first:]
			first = 0
		}
		var sum float32
		for j, s := range in[first:min(len(in), first+len(w))] {
			sum += s * w[j]
		}
		out[i] = sum
	}
	return out
}

// weights returns those of the 2×half input samples around a moment that is
// frac of a sample after the half-th. Their sum is 1, so that a level stays.
func weights(frac, cutoff float64, half int) []float32 {
	w := make([]float64, 2*half)
	var sum float64
	for k := range w {
		x := (float64(k-half+1) - frac) * cutoff
		if math.Abs(x) < crossings {
			w[k] = bessel(beta * math.Sqrt(1-(x/crossings)*(x/crossings)))
			if x != 0 {
				w[k] *= math.Sin(math.Pi*x) / (math.Pi * x)
			}
		}
		sum += w[k]
	}
	out := make([]float32, len(w))
	for k := range w {
		out[k] = float32(w[k] / sum)
	}
	return out
}

// bessel is the modified Bessel function I0, which shapes the Kaiser window.
func bessel(x float64) float64 {
	sum, term := 1.0, 1.0
	for k := 1; term > sum*1e-12; k++ {
		term *= (x / 2 / float64(k)) * (x / 2 / float64(k))
		sum += term
	}
	return sum
}

// level is the peak that speech is brought to: -3 dB of full scale.
var level = math.Pow(10, -3.0/20)

// normalise returns 16-bit samples with their peak at -3 dB. What is all but
// silent stays so.
func normalise(in []float32) []int16 {
	var peak float64
	for _, s := range in {
		peak = math.Max(peak, math.Abs(float64(s)))
	}
	gain := 1.0
	if peak > 0.01 {
		gain = level / peak
	}
	out := make([]int16, len(in))
	for i, s := range in {
		out[i] = int16(math.Round(math.Max(-1, math.Min(1, float64(s)*gain)) * math.MaxInt16))
	}
	return out
}
