// SPDX-License-Identifier: GPL-3.0-or-later

package audio

import (
	"encoding/binary"
	"math"
	"time"

	"oswald"
)

const (
	rate  = 48000 // samples a second, of every clip and of the device
	frame = 4     // bytes of a stereo sample
)

// length is how long stereo PCM lasts.
func length(pcm []byte) time.Duration { return samples(len(pcm) / frame) }

// samples is how long n samples of one channel last.
func samples(n int) time.Duration { return time.Duration(n) * time.Second / rate }

// silence is stereo PCM of nothing.
func silence(d time.Duration) []byte { return make([]byte, int(d*rate/time.Second)*frame) }

// stereo joins clips, one after the other, into one stretch of stereo PCM, so
// that no gap falls between chime and speech. The room that is not meant gets
// samples of exactly zero. volume is 0 to 1.
func stereo(ch oswald.Channel, volume float64, clips ...[]int16) []byte {
	n := 0
	for _, c := range clips {
		n += len(c)
	}
	pcm := make([]byte, n*frame)
	at := pcm
	for _, c := range clips {
		for _, s := range c {
			v := uint16(int16(math.Round(float64(s) * volume)))
			if ch != oswald.Right {
				binary.LittleEndian.PutUint16(at, v)
			}
			if ch != oswald.Left {
				binary.LittleEndian.PutUint16(at[2:], v)
			}
			at = at[frame:]
		}
	}
	return pcm
}

// chime is two notes, as of a small bell; an urgent one has three, rising, and
// is louder. A short silence follows them.
func chime(urgent bool) []int16 {
	notes, loud := []float64{783.99, 659.26}, 0.25 // G5 E5
	if urgent {
		notes, loud = []float64{659.26, 783.99, 1046.5}, 0.4 // E5 G5 C6
	}
	const each, ring, rest = rate * 18 / 100, rate * 45 / 100, rate * 12 / 100
	out := make([]float64, (len(notes)-1)*each+ring+rest)
	for i, f := range notes {
		for n := range ring {
			t := float64(n) / rate
			attack := math.Min(1, t/0.004)
			fade := math.Min(1, float64(ring-n)/(rate*0.03))
			tone := math.Sin(2*math.Pi*f*t) + 0.3*math.Sin(4*math.Pi*f*t)*math.Exp(-10*t)
			out[i*each+n] += loud * attack * fade * math.Exp(-6*t) * tone
		}
	}
	clip := make([]int16, len(out))
	for i, s := range out {
		clip[i] = int16(math.Round(math.Max(-1, math.Min(1, s)) * math.MaxInt16))
	}
	return clip
}
