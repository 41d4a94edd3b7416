// SPDX-License-Identifier: GPL-3.0-or-later

package moderation

import (
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// pageKey is the one whitelist for names of pages: whatever does not match never
// reaches the database, a path or a redirect.
var pageKey = regexp.MustCompile(`^[a-z0-9][a-z0-9/_-]{0,199}$`)

func validKey(key string) bool {
	return pageKey.MatchString(key) && !strings.Contains(key, "//") && !strings.HasSuffix(key, "/")
}

const maxName = 60 // characters of an author's name

// cleanText makes what a stranger typed harmless to screens, logs, feeds and
// stanzas: valid UTF-8, no control characters but newline and tab, no characters
// that turn the writing direction of what follows, no towers of accents, no
// deserts of blank lines.
func cleanText(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	s = strings.NewReplacer("\r\n", "\n", "\r", "\n", "\u2028", "\n", "\u2029", "\n\n").Replace(s)
	var b strings.Builder
	b.Grow(len(s))
	marks, newlines := 0, 2 // as after a blank line, so that none comes first
	for _, r := range s {
		switch {
		case r == '\n':
			if newlines++; newlines > 2 {
				continue
			}
			marks = 0
		case !allowed(r):
			continue
		case unicode.Is(unicode.Mn, r):
			if marks++; marks > 4 {
				continue
			}
		default:
			marks = 0
			if r != ' ' && r != '\t' {
				newlines = 0
			}
		}
		b.WriteRune(r)
	}
	return strings.TrimRight(b.String(), " \t\n")
}

func allowed(r rune) bool {
	switch {
	case r == '\t':
		return true
	case unicode.IsControl(r), r == '\uFEFF', r == '\u200B', r == '\u200E', r == '\u200F', r == '\u061C':
		return false
	case r >= '\u202A' && r <= '\u202E', r >= '\u2060' && r <= '\u206F', r >= '\uFFF9' && r <= '\uFFFB':
		return false
	case r >= 0xE0000 && r <= 0xE0FFF, r&0xFFFE == 0xFFFE, r >= 0xFDD0 && r <= 0xFDEF:
		return false
	}
	return true
}

// cleanName is cleanText for one line.
func cleanName(s string) string {
	return strings.Join(strings.Fields(cleanText(s)), " ")
}

// shorten cuts s to at most n characters, the last of them an ellipsis.
func shorten(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	r := []rune(s)
	return strings.TrimRight(string(r[:n-1]), " \n\t") + "…"
}

// oneLine is s as it stands in an alert or a list.
func oneLine(s string, n int) string { return shorten(strings.Join(strings.Fields(s), " "), n) }

// textHash is equal for texts that differ only in case, spaces and punctuation.
func textHash(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsNumber(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, s)
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:12])
}
