// SPDX-License-Identifier: GPL-3.0-or-later

package handlers

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// clip cuts s to at most n bytes, at a character, and marks the cut.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	n = max(n-len("…"), 0)
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return strings.TrimRightFunc(s[:n], unicode.IsSpace) + "…"
}

// oneLine puts s on one line of at most n characters, without what would change
// the look of the text around it: controls, and marks that turn its direction.
func oneLine(s string, n int) string {
	s = strings.Join(strings.Fields(strings.Map(visible, s)), " ")
	if r := []rune(s); len(r) > n {
		s = strings.TrimRight(string(r[:max(n-1, 0)]), " ") + "…"
	}
	return s
}

func visible(r rune) rune {
	switch {
	case unicode.IsSpace(r):
		return ' '
	case unicode.IsControl(r), unicode.In(r, unicode.Bidi_Control), r == utf8.RuneError:
		return -1
	}
	return r
}

// legible drops from a command what nobody sees and no command needs: controls,
// marks that turn the direction of the text, and stand-ins for broken bytes. The
// joiners of emoji and of many scripts stay.
func legible(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n', r == '\t':
			return r
		case unicode.IsControl(r), unicode.In(r, unicode.Bidi_Control), unicode.In(r, unicode.Noncharacter_Code_Point),
			r == utf8.RuneError, r == '\u200b', r == '\ufeff':
			return -1
		}
		return r
	}, s)
}

// quote repeats what somebody typed.
func quote(s string) string { return "“" + oneLine(s, 40) + "”" }

// plural writes "1 page" and "2 pages".
func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// span writes a duration as people say it: "3 s", "12 min", "3 h", "2 days".
func span(d time.Duration) string {
	switch {
	case d < 0:
		return "0 s"
	case d < 95*time.Second:
		return fmt.Sprintf("%d s", int(d.Seconds()+0.5))
	case d < 95*time.Minute:
		return fmt.Sprintf("%d min", int(d.Minutes()+0.5))
	case d < 36*time.Hour:
		return fmt.Sprintf("%d h", int(d.Hours()+0.5))
	}
	return plural(int(d.Hours()/24+0.5), "day", "days")
}

// took writes a short duration with the digits that matter: "85 ms", "1.2 s".
func took(d time.Duration) string {
	switch {
	case d < time.Second:
		return fmt.Sprintf("%d ms", max(d.Milliseconds(), 1))
	case d < 10*time.Second:
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	return span(d)
}

// ago writes how long before now t was.
func ago(now, t time.Time) string {
	if d := now.Sub(t); d >= 5*time.Second {
		return span(d) + " ago"
	}
	return "just now"
}

// clock writes t as briefly as now allows: the time, or the day too.
func clock(now, t time.Time) string {
	now, t = now.Local(), t.Local()
	if now.YearDay() == t.YearDay() && now.Year() == t.Year() {
		return t.Format("15:04")
	}
	return t.Format("2 Jan 15:04")
}

// listed writes "a", "a or b", "a, b or c".
func listed(words []string, last string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " " + last + " " + words[len(words)-1]
}
