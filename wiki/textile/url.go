// SPDX-License-Identifier: GPL-3.0-or-later

package textile

import "strings"

// schemes are what an address may begin with. Others, such as javascript or
// data, run code or show a page that somebody else wrote as ours.
var schemes = map[string]bool{
	"http": true, "https": true, "ftp": true, "ftps": true, "sftp": true, "mailto": true, "tel": true, "sms": true, "callto": true,
	"xmpp": true, "sip": true, "sips": true, "irc": true, "ircs": true, "matrix": true, "geo": true, "news": true, "nntp": true,
	"git": true, "ssh": true, "gopher": true, "gemini": true, "magnet": true, "webcal": true,
}

// SafeURL says whether an address may stand in a link: it is relative, or its
// scheme is one of those that only name a place.
func SafeURL(url string) bool {
	i := strings.IndexAny(url, ":/?#")
	if i < 0 || url[i] != ':' {
		return url != ""
	}
	return schemes[strings.ToLower(url[:i])]
}

// urlChar says whether an address may go on with a byte.
func urlChar(c byte) bool {
	return !isSpace(c) && c != '"' && c != '<' && c != '>' && c != '|' && c != '*' && c != '^'
}

// address returns where the address at pos ends, without the punctuation that
// belongs to the sentence. before is the byte before the link: if it is a mark
// of a phrase, the same mark behind the address closes that phrase.
func (d *doc) address(pos, end int, before byte) int {
	i := pos
	var opens, closes, sqOpens, sqCloses int
	for i < end && urlChar(d.src[i]) {
		switch d.src[i] {
		case '(':
			opens++
		case ')':
			closes++
		case '[':
			if n := i + 1; n < end && isDigit(d.src[n]) {
				for n < end && isDigit(d.src[n]) {
					n++
				}
				if n < end && (d.src[n] == ']' || d.src[n] == '!') { // a footnote
					end = i
					continue
				}
			}
			sqOpens++
		case ']':
			sqCloses++
		}
		i++
	}
	for ; i > pos; i-- {
		switch c := d.src[i-1]; {
		case strings.IndexByte(".,;:!?'", c) >= 0:
		case c == ')' && closes > opens:
			closes--
		case c == ']' && sqCloses > sqOpens:
			sqCloses--
		case c == before && strings.IndexByte("_-+~%@", c) >= 0:
		default:
			return i
		}
	}
	return i
}

// resolve looks an address up among the aliases.
func (d *doc) resolve(url string) string {
	if to, ok := d.aliases[url]; ok {
		return to
	}
	return strings.ReplaceAll(url, "&amp;", "&")
}

// alias reads a line that is nothing but [name]address.
func (d *doc) alias(pos, end int) (name, url string, ok bool) {
	if pos >= end || d.src[pos] != '[' || end-pos > 2000 {
		return "", "", false
	}
	name, n := d.enclosed(pos, end, ']')
	if n == 0 {
		return "", "", false
	}
	rest := strings.TrimSpace(string(d.src[pos+n : end]))
	if strings.ContainsAny(rest, " \t\"<>") || !strings.HasPrefix(rest, "/") && !strings.Contains(rest, ":") || !SafeURL(rest) {
		return "", "", false
	}
	if i := strings.IndexByte(rest, ':'); i == 0 || i == len(rest)-1 {
		return "", "", false
	}
	return name, rest, true
}
