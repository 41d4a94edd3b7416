// SPDX-License-Identifier: GPL-3.0-or-later

package textile

import (
	"bytes"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Limits of one construct, the same as in Markdown pages.
const (
	maxWiki  = 1000
	maxMacro = 4000
	maxTag   = 200
)

// maxBroken is how many macros may begin and not end in one block before no
// more are looked for.
const maxBroken = 40

// wikiEnd returns the length of the [[…]] or {{…}} at pos, or 0. Of a link of
// the wiki it is what stands in one line.
func (d *doc) wikiEnd(pos, end int) int {
	if d.o.Wiki == nil || pos+4 >= end || d.src[pos+1] != d.src[pos] {
		return 0
	}
	if d.src[pos] == '{' {
		return d.macroEnd(pos, end)
	}
	text := d.src[pos+2 : min(end, pos+2+maxWiki)]
	n := 0
	for ; ; n++ { // up to ]] on this line, and nothing opens before
		if n+1 >= len(text) || text[n] == '\n' || text[n] == '[' && text[n+1] == '[' {
			return 0
		}
		if text[n] == ']' && text[n+1] == ']' {
			break
		}
	}
	if n == 0 {
		return 0
	}
	if n+2 < len(text) && text[n+2] == ']' {
		n++ // [[a|b[c]]] ends with the last two
	}
	return n + 4
}

// macroEnd returns the length of the macro at pos, whose braces balance.
func (d *doc) macroEnd(pos, end int) int {
	if d.s.broken > maxBroken {
		return 0
	}
	depth := 0
	s := d.src[pos:min(end, pos+maxMacro)]
	for i := 0; i+1 < len(s); i++ {
		switch {
		case s[i] == '{' && s[i+1] == '{':
			depth++
			i++
		case s[i] == '}' && s[i+1] == '}':
			depth--
			i++
			if depth == 0 {
				return i + 1
			}
		}
	}
	d.s.broken++
	return 0
}

// wikiLabel is the text that a link of the wiki shows: what stands behind the
// bar, or the page and its sections.
func wikiLabel(s string) string {
	s = strings.ReplaceAll(s, `\|`, "|")
	target, label, _ := strings.Cut(s, "|")
	if label = strings.TrimSpace(label); label != "" {
		return label
	}
	target, section, _ := strings.Cut(target, "#")
	var parts []string
	for _, p := range append([]string{target}, strings.Split(section, "#")...) {
		if p = strings.TrimPrefix(strings.TrimSpace(p), "^"); p != "" {
			parts = append(parts, p)
		}
	}
	return strings.Join(parts, " › ")
}

// tagEnd returns the length of the #tag at pos, or 0. No letter stands before
// it, and it is not all digits.
func (d *doc) tagEnd(pos, lo, end int) int {
	if pos > lo && bytes.IndexByte([]byte(" \t\n(\""), d.src[pos-1]) < 0 {
		return 0
	}
	n := pos + 1
	letters := false
	for n < end && n-pos <= maxTag {
		r, size := utf8.DecodeRune(d.src[n:end])
		if !tagRune(r) {
			break
		}
		letters = letters || (r < '0' || r > '9') && r != '/' && r != '-' && r != '_'
		n += size
	}
	for n > pos+1 && (d.src[n-1] == '/' || d.src[n-1] == '-') {
		n--
	}
	if !letters || n-pos > maxTag {
		return 0
	}
	return n - pos
}

// tagRune says whether a letter may stand in a tag: as in Markdown pages.
func tagRune(r rune) bool {
	switch {
	case r < utf8.RuneSelf:
		return isWord(byte(r)) || r == '_' || r == '-' || r == '/'
	case r == utf8.RuneError:
		return false
	}
	return !unicode.IsSpace(r) && !unicode.IsPunct(r) && !unicode.IsControl(r) && !unicode.Is(unicode.Cf, r) || r == '\u200d'
}

// camelEnd returns the length of the CamelCase word at pos, or 0: two or more
// parts of an upper-case letter and lower-case letters or digits.
func (d *doc) camelEnd(pos, lo, end int) int {
	if pos > lo && bytes.IndexByte([]byte(" \t\n("), d.src[pos-1]) < 0 {
		return 0
	}
	parts, n := 0, pos
	for n < end && isUpper(d.src[n]) {
		n++
		low := n
		for n < end && isWord(d.src[n]) && !isUpper(d.src[n]) {
			n++
		}
		if n == low {
			return 0
		}
		parts++
	}
	if parts < 2 || n < end && (d.src[n] >= 0x80 || bytes.IndexByte([]byte("_/@("), d.src[n]) >= 0) {
		return 0
	}
	return n - pos
}
