// SPDX-License-Identifier: GPL-3.0-or-later

package audio

import (
	"math"
	"testing"
)

func sine(hz float64, from, n int) []float32 {
	s := make([]float32, n)
	for i := range s {
		s[i] = float32(0.5 * math.Sin(2*math.Pi*hz*float64(i)/float64(from)))
	}
	return s
}

// A tone keeps its pitch, its level and its moment; what is left after taking
// the ideal tone away is noise.
func TestResampleTone(t *testing.T) {
	test := func(from int, hz, wantSNR float64) {
		t.Helper()
		out := resample(sine(hz, from, from), from)
		if n := len(out); n < rate-10 || n > rate {
			t.Errorf("%d Hz: %d samples for a second", from, n)
		}
		want := sine(hz, rate, len(out))
		var signal, noise float64
		for i := rate / 10; i < len(out)-rate/10; i++ { // without the ends
			d := float64(out[i] - want[i])
			signal += float64(want[i]) * float64(want[i])
			noise += d * d
		}
		if snr := 10 * math.Log10(signal/noise); snr < wantSNR {
			t.Errorf("%d Hz, tone of %v Hz: signal to noise %.1f dB, want %v", from, hz, snr, wantSNR)
		}
	}
	test(8000, 440, 80)
	test(8000, 3000, 80)
	test(16000, 1000, 80)
	test(22050, 1000, 80)
	test(22050, 9000, 80)
	test(44100, 15000, 80)
	test(96000, 1000, 80)
	test(11025, 1234.5, 80)
	test(44099, 1000, 80) // rates without a common divisor
}

// A tone that the device cannot play vanishes instead of coming back as another.
func TestResampleNoAlias(t *testing.T) {
	var power float64
	out := resample(sine(30000, 96000, 96000), 96000)
	for _, s := range out[rate/10 : len(out)-rate/10] {
		power += float64(s) * float64(s)
	}
	if rms := 20 * math.Log10(math.Sqrt(power/float64(rate))/0.35); rms > -80 {
		t.Errorf("a tone above the band is left at %.1f dB", rms)
	}
}

func TestResampleEdges(t *testing.T) {
	if n := len(resample(nil, 22050)); n != 0 {
		t.Errorf("%d samples of nothing", n)
	}
	if n := len(resample([]float32{1}, 22050)); n != 2 {
		t.Errorf("%d samples of one", n)
	}
	in := []float32{1, 2, 3}
	if out := resample(in, rate); &out[0] != &in[0] {
		t.Error("the device's own rate is not left alone")
	}
}

func TestNormalise(t *testing.T) {
	test := func(peak float32, want int) {
		t.Helper()
		out := normalise([]float32{0, peak, -peak / 2})
		if got := int(out[1]); got < want-1 || got > want+1 || out[0] != 0 {
			t.Errorf("peak %v: %v, want %d", peak, out, want)
		}
	}
	test(1, 23197) // -3 dB
	test(0.1, 23197)
	test(-0.5, -23197)
	test(0.005, 164) // all but silent stays so
	test(0, 0)
}

func FuzzResample(f *testing.F) {
	f.Add([]byte{0, 1, 2, 200}, 22050)
	f.Fuzz(func(t *testing.T, b []byte, from int) {
		if from < minRate || from > maxRate || len(b) > 4096 {
			return
		}
		in := make([]float32, len(b))
		for i, v := range b {
			in[i] = float32(int8(v)) / 128
		}
		for _, s := range resample(in, from) {
			if s != s || s > 3 || s < -3 {
				t.Fatalf("sample %v", s)
			}
		}
	})
}

func BenchmarkResampleThreeSeconds(b *testing.B) {
	in := sine(440, 22050, 3*22050)
	for b.Loop() {
		resample(in, 22050)
	}
}
