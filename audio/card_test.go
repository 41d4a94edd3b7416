// SPDX-License-Identifier: GPL-3.0-or-later

package audio

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"oswald"
	"oswald/internal/gpio"
)

// These tests play to a sound card made of ALSA's own plug-ins: a FIFO whose
// reader takes 48 kHz 16-bit stereo at the pace of a real card. ALSA reads its
// configuration once in a process, so what plays is a child.

const asoundrc = `
pcm.!default { type plug slave { pcm "tofile" format S16_LE rate 48000 channels 2 } }
pcm.tofile { type file slave.pcm { type null } format "raw" file "%s" }
`

// heard is a stretch of what came out of the card.
type heard struct {
	at          time.Time // when it was taken
	left, right int       // samples that are not zero
}

// card is the reading end of the FIFO.
type card struct {
	t     testing.TB
	dir   string
	mu    sync.Mutex
	heard []heard
	done  chan struct{} // closed when a reader has ended
	noise noise         // what the child logs
	small bool          // its buffer is 21 ms, not 341 ms
	hangs bool          // instead of going away it takes nothing more
}

// noise is a buffer that may be read while it is written.
type noise struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (n *noise) Write(p []byte) (int, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.buf.Write(p)
}

func (n *noise) String() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.buf.String()
}

func newCard(t testing.TB) *card {
	t.Helper()
	need(t, "aplay", "alsa-utils")
	c := &card{t: t, dir: t.TempDir()}
	if err := syscall.Mkfifo(c.path("fifo"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(c.path("asoundrc"), fmt.Appendf(nil, asoundrc, c.path("fifo")), 0o600); err != nil {
		t.Fatal(err)
	}
	// A second of square wave, so that no sample of the speech is zero.
	wav := appendHeader(nil, 1, 2*rate)
	for range rate / 2 {
		wav = append(wav, 0xff, 0x3f, 0x01, 0xc0)
	}
	if err := os.WriteFile(c.path("speech.wav"), wav, 0o600); err != nil {
		t.Fatal(err)
	}
	return c
}

func (c *card) path(name string) string { return filepath.Join(c.dir, name) }

// listen takes what is played at its pace until ctx ends or, when most is not
// 0, so many frames that are not silent have come: then the card is gone.
func (c *card) listen(ctx context.Context, most int) {
	c.done = make(chan struct{})
	go func() {
		defer close(c.done)
		// For reading and writing, so that opening does not wait for the writer.
		fd, err := syscall.Open(c.path("fifo"), syscall.O_RDWR|syscall.O_NONBLOCK|syscall.O_CLOEXEC, 0)
		if err != nil {
			c.t.Error(err)
			return
		}
		defer syscall.Close(fd)
		if c.small {
			syscall.Syscall(syscall.SYS_FCNTL, uintptr(fd), 1031, 4096) // F_SETPIPE_SZ
		}
		buf, loud := make([]byte, rate*frame), 0
		began, taken := time.Now(), 0 // bytes since then
		for pause(ctx, 10*time.Millisecond) == nil {
			now := time.Now()
			due := int(now.Sub(began)*rate/time.Second)*frame - taken
			n, err := syscall.Read(fd, buf[:min(due, len(buf))])
			if n < due { // nobody plays, or not fast enough: a card does not wait for what it has missed
				began, taken = now, 0
			} else {
				taken += n
			}
			if err != nil || n <= 0 {
				continue
			}
			h := heard{at: now}
			for i := 0; i+frame <= n; i += frame {
				if buf[i] != 0 || buf[i+1] != 0 {
					h.left++
				}
				if buf[i+2] != 0 || buf[i+3] != 0 {
					h.right++
				}
			}
			loud += max(h.left, h.right)
			c.mu.Lock()
			c.heard = append(c.heard, h)
			c.mu.Unlock()
			if most > 0 && loud > most {
				if c.hangs {
					<-ctx.Done()
				}
				return
			}
		}
	}()
}

// report is what the child says of its announcements.
type report struct {
	Said    []said
	Changes []gpio.Change
	Parts   []oswald.Part
}

type said struct {
	Spoken oswald.Spoken
	Err    string
	Began  time.Time
	Took   time.Duration
}

// TestMain runs the tests, or the child of one.
func TestMain(m *testing.M) {
	if script := os.Getenv("OSWALD_SAY"); script != "" {
		if err := speakScript(script); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// speakScript is the child: it says a text a line, the room before it, and
// writes its report to standard output.
func speakScript(script string) error {
	c := Defaults()
	c.Output, c.Chime = cmp.Or(os.Getenv("OSWALD_OUTPUT"), "card"), false
	c.Card = os.Getenv("OSWALD_CARD")
	c.Tail = time.Second // a busy machine may be late with taking samples; a card is not
	c.Engine, c.Command = "command", []string{"/bin/cat", os.Getenv("OSWALD_WAV")}
	left, right, _ := strings.Cut(os.Getenv("OSWALD_LINES"), " ")
	lines, err := gpio.New(gpio.Config{Left: left, Right: right}, gpio.Deps{})
	if err != nil {
		return err
	}
	defer lines.Close()
	dir, err := os.MkdirTemp("", "oswald-test-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	p, err := New(c, Deps{Lines: lines, Folder: dir, Log: slog.New(slog.NewTextHandler(os.Stderr, nil))})
	if err != nil {
		return err
	}
	if os.Getenv("OSWALD_STRICT") == "" {
		p.guard, p.slack = time.Second, 20*time.Second // likewise
	}
	if os.Getenv("OSWALD_APLAY") != "" {
		p.open = func() (output, error) {
			return output{name: "aplay", card: true, sink: &aplaySink{}}, chooseCard(c.Card)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- p.Run(ctx) }()
	var r report
	for line := range strings.Lines(script) {
		room, text, _ := strings.Cut(strings.TrimSpace(line), " ")
		ch := map[string]oswald.Channel{"both": oswald.Both, "left": oswald.Left, "right": oswald.Right}[room]
		if gap, err := time.ParseDuration(os.Getenv("OSWALD_GAP")); err == nil {
			pause(ctx, gap)
		}
		began := time.Now()
		spoken, err := p.Say(ctx, "", ch, text, false)
		s := said{Spoken: spoken, Began: began, Took: time.Since(began)}
		if err != nil {
			s.Err = oswald.MessageOf(err)
		}
		r.Said = append(r.Said, s)
	}
	r.Changes, r.Parts = lines.Changes(), p.Parts()
	cancel()
	if err := <-ended; err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(r)
}

// child runs the script in a child process and returns its report.
func (c *card) child(script string, env ...string) report {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Args[0])
	cmd.Env = append(os.Environ(), append([]string{"OSWALD_SAY=" + script, "OSWALD_WAV=" + c.path("speech.wav"),
		"ALSA_CONFIG_PATH=" + c.path("asoundrc")}, env...)...)
	cmd.Stderr = &c.noise
	out, err := cmd.Output()
	var r report
	if e := json.NewDecoder(bytes.NewReader(out)).Decode(&r); err != nil || e != nil {
		c.t.Fatalf("%v %v\n%s\n%s", err, e, out, c.noise.String())
	}
	if c.t.Failed() || testing.Verbose() {
		c.t.Logf("%s", c.noise.String())
	}
	return r
}

// spoke fails the test unless each announcement was spoken.
func (r report) spoke(t *testing.T) {
	t.Helper()
	for _, s := range r.Said {
		if s.Err != "" || s.Spoken.Simulated || s.Spoken.Took != time.Second {
			t.Errorf("%+v", s)
		}
	}
}

// players are both ways to the card; oto is there with cgo only.
func players(t *testing.T, f func(t *testing.T, env string)) {
	t.Run("library", func(t *testing.T) { f(t, "OSWALD_APLAY=") })
	t.Run("aplay", func(t *testing.T) { f(t, "OSWALD_APLAY=1") })
}

// What is heard is in its own channel only, all of it, after the room was
// unmuted and before it was muted.
func TestCard(t *testing.T) {
	players(t, func(t *testing.T, env string) {
		t.Parallel()
		c := newCard(t)
		ctx, cancel := context.WithCancel(t.Context())
		c.listen(ctx, 0)
		r := c.child("left one\nright two", env)
		cancel()
		<-c.done
		r.spoke(t)
		if len(r.Changes) != 4 || !r.Changes[0].Left || r.Changes[0].Right || !r.Changes[2].Right || r.Changes[2].Left {
			t.Fatalf("lines: %v", r.Changes)
		}
		for i, name := range []string{"left", "right"} {
			open, muted := r.Changes[2*i].At, r.Changes[2*i+1].At
			var first, last time.Time
			loud, wrong := 0, 0
			for _, h := range c.heard {
				mine, other := h.left, h.right
				if i == 1 {
					mine, other = other, mine
				}
				if mine > 0 {
					if first.IsZero() {
						first = h.at
					}
					last = h.at
				}
				loud += mine
				if h.at.After(open) && h.at.Before(muted) {
					wrong += other
				}
			}
			if loud != rate {
				t.Errorf("%s: %d samples heard, want %d", name, loud, rate)
			}
			if wrong != 0 {
				t.Errorf("%s: %d samples in the other room", name, wrong)
			}
			if !open.Before(first) || !muted.After(last) {
				t.Errorf("%s: unmuted %v, heard %v to %v, muted %v", name, open, first, last, muted)
			}
			t.Logf("%s: first sample %v after unmuting, last one %v before muting", name,
				first.Sub(open).Round(time.Millisecond), muted.Sub(last).Round(time.Millisecond))
		}
	})
}

// Without a usable card there is one clear sentence, soon.
func TestNoCard(t *testing.T) {
	players(t, func(t *testing.T, env string) {
		t.Parallel()
		c := newCard(t)
		if err := os.WriteFile(c.path("asoundrc"), []byte(`pcm.!default { type hw card 9 }`), 0o600); err != nil {
			t.Fatal(err)
		}
		r := c.child("left one", env)
		if s := r.Said[0]; !strings.Contains(s.Err, "The sound card does not play") || s.Took > 20*time.Second {
			t.Errorf("%+v", s)
		}
		if r.Parts[0].OK {
			t.Errorf("%+v", r.Parts[0])
		}
	})
}

// How long it takes from the command to the first sample of a cached phrase as
// it is heard, 100 ms of it the silence before, on a card that was asleep.
func BenchmarkFirstSample(b *testing.B) {
	var sum time.Duration
	for b.Loop() {
		c := newCard(b)
		ctx, cancel := context.WithCancel(b.Context())
		c.small = true
		c.listen(ctx, 0)
		r := c.child("left one\nright one", "OSWALD_STRICT=1", "OSWALD_GAP=1s")
		cancel()
		<-c.done
		if !r.Said[1].Spoken.Cached {
			b.Fatalf("%+v", r.Said)
		}
		for _, h := range c.heard {
			if h.right > 0 {
				sum += h.at.Sub(r.Said[1].Began)
				break
			}
		}
	}
	b.ReportMetric(float64(sum.Milliseconds())/float64(b.N), "ms/first-sample")
}
