// SPDX-License-Identifier: GPL-3.0-or-later

package audio

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"oswald"
)

func TestSpeakable(t *testing.T) {
	test := func(text string, urgent bool, want string, code oswald.Code) {
		t.Helper()
		got, err := speakable(text, urgent)
		if got != want || oswald.CodeOf(err) != code {
			t.Errorf("%q: %q, %v, want %q", text, got, err, want)
		}
	}
	test("hello kitchen", false, "hello kitchen", "")
	test("  hello\n\tkitchen\r\n", false, "hello kitchen", "")
	test("21.4 °C, naïve café ☕", false, "21.4 °C, naïve café ☕", "")
	test("a\x00b\x1b[31mc", false, "a b [31mc", "")
	test("in\u202evisi\u200bble\ufeff", false, "invisible", "")
	test("bad \xff\xfe bytes", false, "bad bytes", "")
	test("", false, "", oswald.Invalid)
	test(" \n\u200b ", false, "", oswald.Invalid)
	test("...!?", false, "", oswald.Invalid)
	test("-v --help; rm -rf", false, "-v --help; rm -rf", "")
	long := strings.Repeat("ä ", 150)
	test(long, false, strings.TrimSpace(long), "")
	test(long+"bc", false, "", oswald.Invalid)
	test(long+"bc", true, strings.TrimSpace(long), "")
	test(strings.Repeat("x", 1<<20), false, "", oswald.Invalid)
	test(strings.Repeat("x", 400), true, strings.Repeat("x", 300), "")
}

func FuzzSpeakable(f *testing.F) {
	f.Add("hello", true)
	f.Add("\x00\u202e\xff", false)
	f.Fuzz(func(t *testing.T, text string, urgent bool) {
		got, err := speakable(text, urgent)
		if err != nil {
			return
		}
		if n := utf8.RuneCountInString(got); n == 0 || n > maxText || !utf8.ValidString(got) || strings.ContainsAny(got, "\n\r\x00") {
			t.Fatalf("%q became %q", text, got)
		}
		if again, err := speakable(got, urgent); err != nil || again != got {
			t.Fatalf("%q became %q, %v", got, again, err)
		}
	})
}

func TestHours(t *testing.T) {
	test := func(span, clock string, want bool) {
		t.Helper()
		h, err := parseHours(span)
		at, err2 := time.Parse("15:04", clock)
		if err != nil || err2 != nil || h.contains(at) != want {
			t.Errorf("%s in %s: %v, want %v (%v %v)", clock, span, !want, want, err, err2)
		}
	}
	test("22:00-07:00", "21:59", false)
	test("22:00-07:00", "22:00", true)
	test("22:00-07:00", "00:00", true)
	test("22:00-07:00", "06:59", true)
	test("22:00-07:00", "07:00", false)
	test("13:00-14:30", "12:59", false)
	test("13:00-14:30", "14:29", true)
	test("13:00-14:30", "14:30", false)
	test("13:00-00:00", "23:59", true)
	test("13:00-00:00", "00:00", false)
	for _, bad := range []string{"22-7", "22:00", "22:00-22:00", "25:00-07:00", "22:00 07:00", "xx:00-07:00", "22:00-07:00 "} {
		if _, err := parseHours(bad); err == nil {
			t.Errorf("%q is taken for hours", bad)
		}
	}
}

func TestValidate(t *testing.T) {
	test := func(change func(*Config), want ...string) {
		t.Helper()
		c := Defaults()
		change(&c)
		err := c.Validate()
		if (err == nil) != (len(want) == 0) {
			t.Errorf("%+v: %v", c, err)
			return
		}
		for _, w := range want {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%v lacks %q", err, w)
			}
		}
	}
	test(func(c *Config) {})
	test(func(c *Config) { c.Engine, c.Command = "command", []string{"say"} })
	test(func(c *Config) { c.Engine = "command" }, "audio.command: ")
	test(func(c *Config) { c.Engine = "siri" }, "audio.engine: ")
	test(func(c *Config) { c.Output = "radio" }, "audio.output: ")
	test(func(c *Config) { c.Voice = "--help" }, "audio.voice: ")
	test(func(c *Config) { c.Voice = "a) (system \"x\"" }, "audio.voice: ")
	test(func(c *Config) { c.Tail = 100 * time.Millisecond }, "audio.tail: ")
	test(func(c *Config) { c.Quiet = "night" }, `audio.quiet: "night"`)
	test(func(c *Config) { c.Volume, c.Speed, c.Queue, c.Timeout = 0, 7, 0, 0 },
		"audio.volume: ", "audio.speed: ", "audio.queue: ", "audio.timeout: ")
}
