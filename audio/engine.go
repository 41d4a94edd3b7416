// SPDX-License-Identifier: GPL-3.0-or-later

package audio

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"oswald"
)

// engine turns a text into a WAV file by running a program. The text never
// stands in an argument, where it could be taken for an option: it goes to the
// program's standard input, or into a file for those that read none.
type engine struct {
	name    string   // as config.toml has it
	pkg     string   // the Debian package to install when the program is missing
	version []string // arguments that print the version; nil where there is none
	args    []string // program and arguments, with {in} and {out} for files
	timeout time.Duration

	once sync.Once
	id   string // name, version and arguments: part of a phrase's key
}

func newEngine(c Config) *engine {
	e := &engine{name: c.Engine, pkg: c.Engine, timeout: c.Timeout}
	switch c.Engine {
	case "espeak-ng":
		e.version, e.args = []string{"--version"}, []string{"espeak-ng", "--stdin", "--stdout"}
		if c.Voice != "" {
			e.args = append(e.args, "-v", c.Voice)
		}
		if c.Speed != 0 {
			e.args = append(e.args, "-s", strconv.Itoa(c.Speed))
		}
	case "flite":
		e.version, e.args = []string{"--version"}, []string{"flite", "-f", "{in}", "-o", "{out}"}
		if c.Voice != "" {
			e.args = append(e.args, "-voice", c.Voice)
		}
	case "festival":
		// text2wave writes a broken header to a pipe: always to a file.
		e.version, e.args = nil, []string{"text2wave", "-o", "{out}"}
		if c.Voice != "" {
			e.args = append(e.args, "-eval", "(voice_"+c.Voice+")")
		}
		e.args = append(e.args, "{in}")
	default:
		e.pkg, e.args = "", slices.Clone(c.Command)
	}
	return e
}

// missing returns nil when the program is there.
func (e *engine) missing() error {
	if _, err := exec.LookPath(e.args[0]); err != nil {
		if e.pkg == "" {
			return oswald.Wrap(err, oswald.Unavailable, "No speech engine: audio.command names a program that is not there.")
		}
		return oswald.Wrap(err, oswald.Unavailable, "No speech engine: install %s (apt-get install %s).", e.pkg, e.pkg)
	}
	return nil
}

// identity names engine, version and options: whatever else changes the sound.
func (e *engine) identity() string {
	e.once.Do(func() {
		parts := append([]string{e.name}, e.args...)
		if e.version != nil {
			ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
			defer cancel()
			out, _ := exec.CommandContext(ctx, e.args[0], e.version...).CombinedOutput()
			parts = append(parts, string(out))
		}
		e.id = strings.Join(parts, "\x00")
	})
	return e.id
}

// render speaks text into a WAV file and returns its bytes.
func (e *engine) render(ctx context.Context, text string) ([]byte, error) {
	if err := e.missing(); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, e.timeout)
	defer cancel()
	args, out := slices.Clone(e.args), ""
	if i := slices.Index(args, "{in}"); i >= 0 || slices.Contains(args, "{out}") {
		dir, err := os.MkdirTemp("", "oswald-speech-")
		if err != nil {
			return nil, oswald.Wrap(err, oswald.Unavailable, "There is no room for speech in the temporary folder.")
		}
		defer os.RemoveAll(dir)
		if i >= 0 {
			args[i] = filepath.Join(dir, "text")
			if err := os.WriteFile(args[i], []byte(text), 0o600); err != nil {
				return nil, oswald.Wrap(err, oswald.Unavailable, "There is no room for speech in the temporary folder.")
			}
		}
		if i := slices.Index(args, "{out}"); i >= 0 {
			out = filepath.Join(dir, "speech.wav")
			args[i] = out
		}
	}
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Stdin = strings.NewReader(text)
	wav, noise := &limited{max: maxWAV, strict: true}, &limited{max: 4096}
	cmd.Stdout, cmd.Stderr = wav, noise
	cmd.WaitDelay = time.Second // a grandchild that keeps the pipe open does not hold us
	err := cmd.Run()
	switch {
	case ctx.Err() != nil && errors.Is(ctx.Err(), context.DeadlineExceeded):
		return nil, oswald.Wrap(ctx.Err(), oswald.Unavailable, "The speech engine %s took longer than %v: say less at once or raise audio.timeout.", e.name, e.timeout)
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil:
		return nil, e.failed(fmt.Errorf("%s: %w: %s", args[0], err, noise.text()))
	}
	if out == "" {
		return wav.buf.Bytes(), nil
	}
	f, err := os.Open(out)
	if err != nil {
		return nil, e.failed(fmt.Errorf("%s wrote nothing: %w: %s", args[0], err, noise.text()))
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxWAV+1))
	if err != nil {
		return nil, e.failed(err)
	}
	return b, nil
}

// failed words an engine that is there and does not do its work.
func (e *engine) failed(err error) error {
	hint := "see the log."
	if e.pkg != "" {
		hint = fmt.Sprintf("is audio.voice one that %s has?", e.name)
	}
	return oswald.Wrap(err, oswald.Unavailable, "The speech engine %s gave no speech: %s", e.name, hint)
}

// limited is a buffer that takes so much and no more: the rest is an error when
// strict, else it is dropped. It does not embed the buffer, whose ReadFrom
// would know no limit.
type limited struct {
	buf    bytes.Buffer
	max    int
	strict bool
}

func (l *limited) Write(p []byte) (int, error) {
	room := l.max - l.buf.Len()
	if len(p) > room && l.strict {
		return 0, fmt.Errorf("more than %d bytes of output", l.max)
	}
	l.buf.Write(p[:min(len(p), room)])
	return len(p), nil
}

// text returns what was written as one line for the log.
func (l *limited) text() string { return strings.Join(strings.Fields(l.buf.String()), " ") }
