// SPDX-License-Identifier: GPL-3.0-or-later

package handlers

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"oswald"
)

// closers are the quotation marks that open an argument and what ends it. Phone
// keyboards turn straight quotes into curly ones by themselves.
var closers = map[rune]string{
	'"': `"`,
	'“': `”"`,
	'„': `“”"`,
	'«': `»`,
}

// cutWord takes the first word off s. A word that begins with a quotation mark
// reaches to the closing one, and a backslash there keeps the next character
// as it is; anywhere else a quotation mark is a letter like any other, so that
// "it's" needs no care. rest keeps its white space.
func cutWord(s string) (word, rest string, err error) {
	s = strings.TrimLeftFunc(s, unicode.IsSpace)
	first, size := utf8.DecodeRuneInString(s)
	ends, quoted := closers[first]
	if !quoted {
		i := strings.IndexFunc(s, unicode.IsSpace)
		if i < 0 {
			i = len(s)
		}
		return s[:i], s[i:], nil
	}
	var b strings.Builder
	escaped := false
	for i, r := range s[size:] {
		switch {
		case escaped:
			b.WriteRune(r)
			escaped = false
		case r == '\\':
			escaped = true
		case strings.ContainsRune(ends, r):
			return b.String(), s[size+i+utf8.RuneLen(r):], nil
		default:
			b.WriteRune(r)
		}
	}
	return "", "", oswald.Errorf(oswald.Invalid, "A quotation mark is never closed in %s.", quote(s))
}

// splitWords cuts all of s into words.
func splitWords(s string) ([]string, error) {
	var words []string
	for {
		if strings.TrimSpace(s) == "" {
			return words, nil
		}
		w, rest, err := cutWord(s)
		if err != nil {
			return nil, err
		}
		words = append(words, w)
		s = rest
	}
}
