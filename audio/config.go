// SPDX-License-Identifier: GPL-3.0-or-later

package audio

import (
	"errors"
	"fmt"
	"time"
)

// Config is the section [audio] of config.toml.
type Config struct {
	Engine  string        `toml:"engine" doc:"Speech engine: espeak-ng, flite, festival, or command for any program that writes a WAV."`
	Voice   string        `toml:"voice" doc:"Voice of the engine, such as en-gb for espeak-ng or slt for flite; empty is the engine's own choice."`
	Speed   int           `toml:"speed" doc:"Words a minute for espeak-ng; 0 is its own choice."`
	Command []string      `toml:"command" doc:"With engine = \"command\": program and arguments; it reads the text from standard input and writes the WAV to the argument {out}, or to standard output where there is none."`
	Timeout time.Duration `toml:"timeout" doc:"Longest time that the engine may take for one text."`

	Output string `toml:"output" doc:"Where speech goes: card, file (WAV files in the folder, openly simulated), or auto: the card when there is one."`
	Card   string `toml:"card" doc:"Sound card by its name or number in aplay -l, such as Headphones; empty is ALSA's default."`
	Folder string `toml:"folder" doc:"Folder for rendered phrases and simulated speech; empty is the folder voice in the state folder."`

	Lead   time.Duration `toml:"lead" doc:"Silence that the device plays before the amplifier is unmuted."`
	Tail   time.Duration `toml:"tail" doc:"How long the amplifier stays unmuted after the last sample has been handed to the device, whose buffer is still to be heard; 400ms at least."`
	Chime  bool          `toml:"chime" doc:"Play two notes before each announcement."`
	Volume int           `toml:"volume" doc:"Loudness of speech and chime, 1 to 100."`

	Quiet      string        `toml:"quiet" doc:"Hours in which only urgent announcements are spoken, such as 22:00-07:00; empty is none."`
	CacheBytes int64         `toml:"cache_bytes" doc:"Most bytes that the rendered phrases may take on disk; the least recently used go first."`
	Queue      int           `toml:"queue" doc:"Most announcements that wait to be spoken."`
	Expire     time.Duration `toml:"expire" doc:"An announcement that is not urgent and has waited longer than this is dropped."`
	Repeat     time.Duration `toml:"repeat" doc:"The same text for the same room is not spoken twice within this time."`
}

// Defaults suits a Raspberry Pi with two amplified channels, and a machine
// without sound.
func Defaults() Config {
	return Config{
		Engine:     "espeak-ng",
		Voice:      "en-gb",
		Timeout:    20 * time.Second,
		Output:     "auto",
		Lead:       100 * time.Millisecond,
		Tail:       450 * time.Millisecond,
		Chime:      true,
		Volume:     100,
		CacheBytes: 64 << 20,
		Queue:      20,
		Expire:     2 * time.Minute,
		Repeat:     30 * time.Second,
	}
}

// minTail covers the largest buffer that ALSA's dmix gives (341 ms).
const minTail = 400 * time.Millisecond

// Validate reports every fault at once, each by the key the operator typed.
func (c Config) Validate() error {
	var errs []error
	fault := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	switch c.Engine {
	case "espeak-ng", "flite", "festival":
	case "command":
		fault(len(c.Command) > 0, "audio.command: engine = \"command\" needs a program")
	default:
		fault(false, "audio.engine: %q is none of espeak-ng, flite, festival, command", c.Engine)
	}
	switch c.Output {
	case "auto", "card", "file":
	default:
		fault(false, "audio.output: %q is none of auto, card, file", c.Output)
	}
	fault(safeName(c.Voice), "audio.voice: %q is not the name of a voice", c.Voice)
	fault(c.Speed == 0 || c.Speed >= 80 && c.Speed <= 450, "audio.speed: %d is neither 0 nor between 80 and 450", c.Speed)
	fault(c.Timeout > 0, "audio.timeout: %v is not a positive duration", c.Timeout)
	fault(safeName(c.Card), "audio.card: %q is not the name or number of a card", c.Card)
	fault(c.Lead >= 0 && c.Lead <= 5*time.Second, "audio.lead: %v is not between 0s and 5s", c.Lead)
	fault(c.Tail >= minTail && c.Tail <= 5*time.Second, "audio.tail: %v is not between %v and 5s", c.Tail, minTail)
	fault(c.Volume >= 1 && c.Volume <= 100, "audio.volume: %d is not between 1 and 100", c.Volume)
	fault(c.CacheBytes > 0, "audio.cache_bytes: %d is not a positive number", c.CacheBytes)
	fault(c.Queue >= 1 && c.Queue <= 1000, "audio.queue: %d is not between 1 and 1000", c.Queue)
	fault(c.Expire > 0, "audio.expire: %v is not a positive duration", c.Expire)
	fault(c.Repeat >= 0, "audio.repeat: %v is negative", c.Repeat)
	if _, err := parseHours(c.Quiet); err != nil {
		errs = append(errs, fmt.Errorf("audio.quiet: %w", err))
	}
	return errors.Join(errs...)
}

// safeName accepts what voices and cards are called, and nothing that a program
// could take for an option or a path outside its own folders.
func safeName(s string) bool {
	if len(s) > 64 || s != "" && (s[0] == '-' || s[0] == '.') {
		return false
	}
	for _, r := range s {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '-', r == '_', r == '+', r == '.':
		default:
			return false
		}
	}
	return true
}

// hours is a daily span of wall-clock time, in minutes since midnight; it may
// run over midnight. The zero value is no time at all.
type hours struct{ from, to int }

// parseHours reads "22:00-07:00"; the empty string is no hours.
func parseHours(s string) (hours, error) {
	if s == "" {
		return hours{}, nil
	}
	bad := fmt.Errorf("%q is not a span such as 22:00-07:00", s)
	if len(s) != len("22:00-07:00") || s[5] != '-' {
		return hours{}, bad
	}
	from, err1 := time.Parse("15:04", s[:5])
	to, err2 := time.Parse("15:04", s[6:])
	if err1 != nil || err2 != nil || from.Equal(to) {
		return hours{}, bad
	}
	return hours{from.Hour()*60 + from.Minute(), to.Hour()*60 + to.Minute()}, nil
}

// contains says whether t is within the hours, by the wall clock of its zone.
func (h hours) contains(t time.Time) bool {
	m := t.Hour()*60 + t.Minute()
	if h.from <= h.to {
		return m >= h.from && m < h.to
	}
	return m >= h.from || m < h.to
}

// String returns the end of the hours, for people.
func (h hours) end() string { return fmt.Sprintf("%02d:%02d", h.to/60, h.to%60) }
