// SPDX-License-Identifier: GPL-3.0-or-later

package ipc

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"strings"

	"oswald/internal/secret"
)

// A code carries the secrets of one or more pairs to another host by hand or by
// telephone: 24 random characters of 5 bits and 4 that check both those and the
// pairs, so that a wrong character is found and nobody need say which pairs they
// are. Each pair's secret is derived from it, so one never tells another.

// codeLetters has no letter that is taken for another.
const codeLetters = "0123456789abcdefghjkmnpqrstvwxyz"

const (
	codeRandom = 24
	codeLen    = codeRandom + 4
)

// NewCode returns a code for pairs (see [PairName]) in groups of four.
func NewCode(pairs ...string) string {
	b := make([]byte, codeRandom)
	rand.Read(b) // never fails
	for i := range b {
		b[i] = codeLetters[b[i]%32]
	}
	text := string(b) + codeCheck(string(b), pairs)
	var groups []string
	for len(text) > 0 {
		groups = append(groups, text[:4])
		text = text[4:]
	}
	return strings.Join(groups, "-")
}

// codeCheck is the last four characters of the code that begins with text.
func codeCheck(text string, pairs []string) string {
	pairs = slices.Sorted(slices.Values(pairs))
	sum := sha256.Sum256([]byte("oswald-code/1|" + text + "|" + strings.Join(pairs, "|")))
	check := make([]byte, codeLen-codeRandom)
	for i := range check {
		check[i] = codeLetters[sum[i]%32]
	}
	return string(check)
}

// ReadCode finds out what text is a code of: which of pairs, and their secrets.
// Capitals, spaces and hyphens do not matter, and i, l and o are read as what
// they look like. looks says whether it was meant to be a code at all.
func ReadCode(text string, pairs ...string) (secrets map[string]secret.Secret, looks bool) {
	clean := strings.Map(func(r rune) rune {
		switch {
		case r >= 'A' && r <= 'Z':
			r += 'a' - 'A'
		case r == '-' || r == ' ' || r == '\t':
			return -1
		}
		switch r {
		case 'o':
			return '0'
		case 'i', 'l':
			return '1'
		}
		return r
	}, strings.TrimSpace(text))
	for i := range len(clean) {
		if !strings.Contains(codeLetters, clean[i:i+1]) {
			return nil, false
		}
	}
	if len(clean) != codeLen {
		return nil, len(clean) > codeLen/2 && len(clean) < 2*codeLen
	}
	for set := 1; set < 1<<len(pairs); set++ {
		var some []string
		for i, p := range pairs {
			if set&(1<<i) != 0 {
				some = append(some, p)
			}
		}
		if codeCheck(clean[:codeRandom], some) != clean[codeRandom:] {
			continue
		}
		secrets = map[string]secret.Secret{}
		for _, p := range some {
			m := hmac.New(sha256.New, []byte(clean[:codeRandom]))
			m.Write([]byte("oswald-pair/1|" + p))
			secrets[p] = secret.New([]byte(base64.RawURLEncoding.EncodeToString(m.Sum(nil))))
		}
		return secrets, true
	}
	return nil, true
}
