// SPDX-License-Identifier: GPL-3.0-or-later

package audio

import (
	"context"
	"encoding/binary"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"oswald"
	"oswald/internal/gpio"
)

// The whole way with the real engine and no card: a text becomes a WAV file
// with speech in one channel and exactly nothing in the other, and the
// simulated lines say what they did.
func TestSimulated(t *testing.T) {
	t.Parallel()
	need(t, "espeak-ng", "espeak-ng")
	c := Defaults()
	c.Output = "file"
	lines, err := gpio.New(gpio.Defaults(), gpio.Deps{})
	if err != nil {
		t.Fatal(err)
	}
	p, err := New(c, Deps{Lines: lines, Folder: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- p.Run(ctx) }()
	test := func(ch oswald.Channel, left, right float64, cached bool) {
		t.Helper()
		s, err := p.Say(ctx, "", ch, "Hello kitchen.", false)
		if err != nil || !s.Simulated || s.Cached != cached || s.Took < 500*time.Millisecond || s.Took > 3*time.Second {
			t.Fatalf("%+v, %v", s, err)
		}
		b, err := os.ReadFile(s.File)
		if err != nil {
			t.Fatal(err)
		}
		pcm := b[44:]
		if want := c.Lead + guard + samples(len(chime(false))) + s.Took + c.Tail; length(pcm) < want-time.Millisecond || length(pcm) > want+time.Millisecond {
			t.Errorf("the file lasts %v, want %v", length(pcm), want)
		}
		for i, want := range []float64{left, right} {
			rms := loudness(pcm, i)
			if want == 0 && rms != 0 || want > 0 && (rms < want || rms > 0.5) {
				t.Errorf("%v, channel %d: RMS %.4f, want %v", ch, i, rms, want)
			}
		}
		// Nothing before the line is open or after it is muted.
		if loudness(pcm[:len(silence(c.Lead))], 0) != 0 || loudness(pcm[len(pcm)-len(silence(c.Tail)):], 1) != 0 {
			t.Error("lead or tail are not silent")
		}
		if !strings.HasPrefix(s.Lines, ch.String()+" unmuted ") {
			t.Errorf("lines: %q", s.Lines)
		}
	}
	test(oswald.Left, 0.03, 0, false)
	test(oswald.Right, 0, 0.03, true)
	test(oswald.Both, 0.03, 0.03, true)
	for _, part := range p.Parts() {
		if !part.OK || !part.Simulated {
			t.Errorf("%+v", part)
		}
		t.Log(part)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// loudness is the root mean square of a channel, 1 being full scale.
func loudness(pcm []byte, channel int) float64 {
	var sum float64
	for i := 2 * channel; i < len(pcm); i += frame {
		s := float64(int16(binary.LittleEndian.Uint16(pcm[i:]))) / math.MaxInt16
		sum += s * s
	}
	return math.Sqrt(sum / float64(len(pcm)/frame))
}

func TestFilesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &fileSink{dir: t.TempDir(), log: discard, now: time.Now}
		for range keptFiles + 5 {
			if err := s.start(t.Context(), silence(time.Second), 0); err != nil {
				t.Fatal(err)
			}
			if err := s.finish(t.Context(), 0); err != nil {
				t.Fatal(err)
			}
			if err := s.sleep(); err != nil {
				t.Fatal(err)
			}
			if _, err := os.Stat(s.last); err != nil {
				t.Fatal(err)
			}
		}
		if n := len(list(t, s.dir)); n != keptFiles {
			t.Errorf("%d files, want %d", n, keptFiles)
		}
	})
}

func TestNoFolder(t *testing.T) {
	c := Defaults()
	c.Output = "file"
	p, err := New(c, Deps{Lines: new(stage)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.openOutput(); oswald.CodeOf(err) != oswald.Unavailable {
		t.Error(err)
	}
}

func TestCards(t *testing.T) {
	test := func(list string, want ...string) {
		t.Helper()
		if got := cards(list); !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", list, got, want)
		}
	}
	test("")
	test("--- no soundcards ---\n")
	test(" 0 [Headphones     ]: bcm2835_headpho - bcm2835 Headphones\n                      bcm2835 Headphones\n"+
		" 1 [vc4hdmi        ]: vc4-hdmi - vc4-hdmi\n                      vc4-hdmi\n", "0", "Headphones", "1", "vc4hdmi")
	if err := chooseCard("nowhere"); !strings.Contains(oswald.MessageOf(err), `no sound card "nowhere"`) {
		t.Error(err)
	}
}
