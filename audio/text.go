// SPDX-License-Identifier: GPL-3.0-or-later

package audio

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"oswald"
)

// maxText is the most that is spoken in one go, in characters: about 20 s.
const maxText = 300

// normaliseText makes one line of text that is fit to be spoken and to be the
// name of a phrase: valid, without control and invisible characters, with
// single spaces.
func normaliseText(s string) string {
	if len(s) > 64*maxText { // it will be refused or cut; do not work on a megabyte
		s = s[:64*maxText]
	}
	s = strings.ToValidUTF8(s, " ")
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r), unicode.Is(unicode.Zl, r), unicode.Is(unicode.Zp, r):
			return ' '
		case unicode.IsControl(r):
			return ' '
		case unicode.Is(unicode.Cf, r), unicode.Is(unicode.Co, r), unicode.Is(unicode.Variation_Selector, r):
			return -1 // zero-width, direction, private use
		}
		return r
	}, s)
	return strings.Join(strings.Fields(s), " ")
}

// speakable returns the text to speak. One that is too long is refused, or cut
// when it is urgent: half an alarm is better than none.
func speakable(text string, urgent bool) (string, error) {
	text = normaliseText(text)
	if !strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsSpace(r) && !unicode.IsPunct(r) }) {
		return "", oswald.Errorf(oswald.Invalid, "There is nothing to say in that: give a text.")
	}
	if n := utf8.RuneCountInString(text); n > maxText {
		if !urgent {
			return "", oswald.Errorf(oswald.Invalid, "That is too long to speak: %d characters at most.", maxText)
		}
		text = string([]rune(text)[:maxText])
		if i := strings.LastIndexByte(text, ' '); i > maxText/2 {
			text = text[:i]
		}
	}
	return text, nil
}
