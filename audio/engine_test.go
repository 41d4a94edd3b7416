// SPDX-License-Identifier: GPL-3.0-or-later

package audio

import (
	"context"
	"errors"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"oswald"
)

// need skips the test where a program of a Debian package is absent.
func need(t testing.TB, program, pkg string) {
	t.Helper()
	if _, err := exec.LookPath(program); err != nil {
		t.Skipf("needs %s (apt-get install %s)", program, pkg)
	}
}

// speech is the loudness and length of what an engine made of a text.
func speech(t *testing.T, c Config, text string) (rms float64, length time.Duration) {
	t.Helper()
	p := newPhrases(newEngine(c), "", 1, discard, time.Now)
	clip, _, err := p.get(t.Context(), text)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range clip {
		rms += float64(s) * float64(s)
	}
	return math.Sqrt(rms/float64(len(clip))) / math.MaxInt16, samples(len(clip))
}

func TestEngines(t *testing.T) {
	test := func(engine, voice, program, pkg string) {
		t.Run(engine+" "+voice, func(t *testing.T) {
			t.Parallel()
			need(t, program, pkg)
			c := Defaults()
			c.Engine, c.Voice = engine, voice
			rms, length := speech(t, c, "The kitchen is warm and the oven is on.")
			if rms < 0.02 || length < 1200*time.Millisecond || length > 6*time.Second {
				t.Errorf("RMS %.3f, %v", rms, length)
			}
			_, shorter := speech(t, c, "-v --help") // a text, not options
			if shorter >= length || shorter < 200*time.Millisecond {
				t.Errorf("the short text takes %v, the long one %v", shorter, length)
			}
		})
	}
	test("espeak-ng", "en-gb", "espeak-ng", "espeak-ng")
	test("espeak-ng", "de", "espeak-ng", "espeak-ng")
	test("flite", "slt", "flite", "flite")
	test("festival", "kal_diphone", "text2wave", "festival festvox-kallpc16k")
}

func TestSpeed(t *testing.T) {
	need(t, "espeak-ng", "espeak-ng")
	c := Defaults()
	_, usual := speech(t, c, "The kitchen is warm and the oven is on.")
	c.Speed = 300
	if _, fast := speech(t, c, "The kitchen is warm and the oven is on."); fast > usual*3/4 {
		t.Errorf("%v at 300 words a minute, %v as usual", fast, usual)
	}
}

// command is a Config whose engine is a shell script.
func command(args ...string) Config {
	c := Defaults()
	c.Engine, c.Command, c.Timeout = "command", args, 5*time.Second
	return c
}

func TestCommandEngine(t *testing.T) {
	file := filepath.Join(t.TempDir(), "one.wav")
	if err := os.WriteFile(file, []byte(riff(1, 1, 16000, 16, 4, "\x00\x40\x00\x20")), 0o600); err != nil {
		t.Fatal(err)
	}
	test := func(c Config, want string) {
		t.Helper()
		b, err := newEngine(c).render(t.Context(), "hello")
		if want == "" {
			if err != nil || !strings.HasPrefix(string(b), "RIFF") {
				t.Errorf("%v: %q, %v", c.Command, b, err)
			}
			return
		}
		if !strings.Contains(oswald.MessageOf(err), want) || oswald.CodeOf(err) != oswald.Unavailable {
			t.Errorf("%v: %v, want %q", c.Command, err, want)
		}
	}
	test(command("sh", "-c", `cat "$0"`, file), "")
	test(command("sh", "-c", `read -r t; [ "$t" = hello ] && cp "$0" "$1"`, file, "{out}"), "") // text on stdin
	test(command("sh", "-c", `[ "$(cat "$1")" = hello ] && cat "$0"`, file, "{in}"), "")        // text in a file
	test(command("sh", "-c", `exit 3`), "gave no speech")
	test(command("sh", "-c", `:`, "{out}"), "gave no speech")
	test(command("sh", "-c", `cat /dev/zero`), "gave no speech") // output is bounded
	test(command("/nonexistent/engine"), "No speech engine")
	slow := command("sh", "-c", `sleep 60 & wait`)
	slow.Timeout = 100 * time.Millisecond
	test(slow, "took longer than 100ms")
}

func TestMissingEngine(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	_, err := newEngine(Defaults()).render(t.Context(), "hello")
	if want := "No speech engine: install espeak-ng (apt-get install espeak-ng)."; oswald.MessageOf(err) != want {
		t.Errorf("%v, want %q", err, want)
	}
}

func TestRenderIsInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	if _, err := newEngine(command("sleep", "60")).render(ctx, "hello"); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
