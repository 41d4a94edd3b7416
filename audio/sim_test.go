// SPDX-License-Identifier: GPL-3.0-or-later

//go:build gpiosim

package audio

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/warthog618/go-gpiosim"

	"oswald"
	"oswald/internal/gpio"
)

// These tests watch the levels of a chip of the kernel's gpio-sim driver while
// Oswald speaks. The guest of packaging/hardware-test has the driver, and a
// sound card whose output its host records.

const lineL, lineR = 17, 27

// muteLines makes a chip whose pull resistors mute, like the real circuit.
func muteLines(t *testing.T) *gpiosim.Chip {
	t.Helper()
	s, err := gpiosim.NewSim(gpiosim.WithName("oswald"), gpiosim.WithBank(gpiosim.NewBank("pinctrl-bcm2835", 54,
		gpiosim.WithNamedLine(lineL, "MUTE_L"), gpiosim.WithNamedLine(lineR, "MUTE_R"))))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	for _, n := range []int{lineL, lineR} {
		if err := s.Chips[0].SetPull(n, 1); err != nil {
			t.Fatal(err)
		}
	}
	return &s.Chips[0]
}

// state returns which rooms the levels open.
func state(t *testing.T, c *gpiosim.Chip) string {
	t.Helper()
	l, err := c.Level(lineL)
	r, err2 := c.Level(lineR)
	if err != nil || err2 != nil {
		t.Fatal(err, err2)
	}
	return map[[2]int]string{{1, 1}: "muted", {0, 1}: "left", {1, 0}: "right", {0, 0}: "both"}[[2]int{l, r}]
}

// watched is a sink that notes the levels around each step.
type watched struct {
	sink
	t    *testing.T
	chip *gpiosim.Chip
	seen []string
}

func (w *watched) note(step string) { w.seen = append(w.seen, step+" "+state(w.t, w.chip)) }

func (w *watched) start(ctx context.Context, pcm []byte, lead time.Duration) error {
	w.note("start")
	err := w.sink.start(ctx, pcm, lead)
	w.note("silence")
	return err
}

func (w *watched) finish(ctx context.Context, tail time.Duration) error {
	w.note("play")
	err := w.sink.finish(ctx, tail)
	w.note("played")
	return err
}

func (w *watched) sleep() error {
	w.note("sleep")
	return w.sink.sleep()
}

// Real lines are open exactly while the room's sound is played.
func TestSimOrder(t *testing.T) {
	chip := muteLines(t)
	lines, err := gpio.New(gpio.Config{Left: "MUTE_L", Right: "MUTE_R"}, gpio.Deps{})
	if err != nil {
		t.Fatal(err)
	}
	c := Defaults()
	c.Output = "file"
	p, err := New(c, Deps{Lines: lines, Folder: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	p.phrases.synth = &tone{}
	w := &watched{t: t, chip: chip}
	p.open = func() (output, error) {
		out, err := p.openOutput()
		w.sink = out.sink
		out.sink = w
		return out, err
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- p.Run(ctx) }()
	for _, ch := range []oswald.Channel{oswald.Left, oswald.Right, oswald.Both} {
		w.seen = nil
		if _, err := p.Say(ctx, "", ch, "abcde", false); err != nil {
			t.Fatal(err)
		}
		want := []string{"start muted", "silence muted", "play " + ch.String(), "played " + ch.String(), "sleep muted"}
		if !slices.Equal(w.seen, want) {
			t.Errorf("%v: %q, want %q", ch, w.seen, want)
		}
		t.Logf("%v: %q", ch, w.seen)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if s := state(t, chip); s != "muted" {
		t.Errorf("%s at the end", s)
	}
	lines.Close()
}

// timeline is the states of the lines as they change.
type timeline struct {
	mu     sync.Mutex
	states []string
	at     []time.Time
}

func (l *timeline) watch(ctx context.Context, t *testing.T, c *gpiosim.Chip) {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for ctx.Err() == nil {
		s := state(t, c)
		l.mu.Lock()
		if n := len(l.states); n == 0 || l.states[n-1] != s {
			l.states, l.at = append(l.states, s), append(l.at, time.Now())
		}
		l.mu.Unlock()
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
}

// speechFile writes a second of tone of a pitch that a real card passes.
func speechFile(t *testing.T) string {
	t.Helper()
	wav := appendHeader(nil, 1, 2*rate)
	for _, s := range sine(440, rate, rate) {
		v := int16(s * 30000)
		wav = append(wav, byte(v), byte(v>>8))
	}
	file := filepath.Join(t.TempDir(), "speech.wav")
	if err := os.WriteFile(file, wav, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func speaker(t *testing.T, env ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), append([]string{"OSWALD_WAV=" + speechFile(t), "OSWALD_LINES=MUTE_L MUTE_R"}, env...)...)
	cmd.Stderr = os.Stderr
	return cmd
}

// A process killed in the middle of a word leaves the rooms to the resistors.
func TestSimKilledWhileSpeaking(t *testing.T) {
	chip := muteLines(t)
	child := speaker(t, "OSWALD_SAY=left one", "OSWALD_OUTPUT=file")
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(30 * time.Second)
	for state(t, chip) != "left" {
		if time.Now().After(deadline) {
			t.Fatal("it never spoke")
		}
		pause(t.Context(), 5*time.Millisecond)
	}
	child.Process.Kill()
	child.Wait()
	if s := state(t, chip); s != "muted" {
		t.Errorf("%s after kill -9", s)
	}
}

// A real sound card and real lines. The host hears what was played; see
// TestCapture.
func TestSimCard(t *testing.T) {
	if cards, err := os.ReadFile("/proc/asound/cards"); err != nil || !haveCard() {
		t.Fatalf("no sound card: %s %v", cards, err)
	}
	players(t, func(t *testing.T, env string) {
		chip := muteLines(t)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var l timeline
		var wg sync.WaitGroup
		wg.Go(func() { l.watch(ctx, t, chip) })
		out, err := speaker(t, env, "OSWALD_SAY=left one\nright two", "OSWALD_CARD=I82801AAICH").Output()
		cancel()
		wg.Wait()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		if strings.Contains(string(out), `"Simulated":true`) || strings.Contains(string(out), `"OK":false`) {
			t.Errorf("%s", out)
		}
		want := []string{"muted", "left", "muted", "right", "muted"}
		if !slices.Equal(l.states, want) {
			t.Fatalf("%q, want %q", l.states, want)
		}
		for i := 1; i < len(want); i += 2 { // a second of speech and one of tail
			if d := l.at[i+1].Sub(l.at[i]); d < 1900*time.Millisecond || d > 8*time.Second {
				t.Errorf("%s was open for %v", want[i], d)
			}
			t.Logf("%s open for %v", want[i], l.at[i+1].Sub(l.at[i]).Round(time.Millisecond))
		}
	})
}

// TestCapture judges what the host of the guest recorded: the announcements of
// TestSimCard, in turn left and right, with nothing at all in the other channel.
func TestCapture(t *testing.T) {
	file := os.Getenv("OSWALD_CAPTURE")
	if file == "" {
		t.Skip("is run on the host, with what it recorded")
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	pcm := b[44:]
	pcm = pcm[:len(pcm)/frame*frame]
	var got []string
	seconds := map[string]float64{}
	const chunk = rate / 20 * frame // 50 ms
	for ; len(pcm) >= chunk; pcm = pcm[chunk:] {
		l, r := loudness(pcm[:chunk], 0), loudness(pcm[:chunk], 1)
		var s string
		switch {
		case l > 0 && r > 0:
			s = fmt.Sprintf("both (%.4f, %.4f)", l, r)
		case l > 0:
			s = "left"
		case r > 0:
			s = "right"
		default:
			continue
		}
		if len(got) == 0 || got[len(got)-1] != s {
			got = append(got, s)
		}
		seconds[s] += 0.05
	}
	t.Logf("%q, seconds %v", got, seconds)
	if want := []string{"left", "right", "left", "right"}; !slices.Equal(got, want) {
		t.Errorf("heard %q, want %q", got, want)
	}
	for _, ch := range []string{"left", "right"} { // a second by each player
		if s := seconds[ch]; s < 1.6 || s > 2.6 {
			t.Errorf("%s was heard for %.2f s, want about 2", ch, s)
		}
	}
}
