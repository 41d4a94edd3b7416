// SPDX-License-Identifier: GPL-3.0-or-later

package moderation

import (
	"html"
	"html/template"
	"net/url"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Markup, as visitors may write it: **bold**, *emphasis*, `code`, fenced code
// blocks, > quotes, [text](address), bare addresses, CamelCase and #hashtags.
//
// Nothing a visitor types is ever taken for HTML: every character is escaped, and
// the few elements around it are written by us. So there is nothing to sanitise.

// marker writes the HTML of one text.
type marker struct {
	b     strings.Builder
	pages func(key string) (title, url string, ok bool)
	links int
}

// render returns the HTML of a comment; pages decides what CamelCase words and
// hashtags are links.
func render(text string, pages func(key string) (title, url string, ok bool)) template.HTML {
	m := marker{pages: pages}
	m.blocks(strings.Split(text, "\n"), 0)
	return template.HTML(m.b.String())
}

// countLinks returns how many addresses outside the site a text links to.
func countLinks(text string) int {
	m := marker{}
	m.blocks(strings.Split(text, "\n"), 0)
	return m.links
}

const maxDepth = 4 // quotes in quotes, emphasis in emphasis

func (m *marker) blocks(lines []string, depth int) {
	for i := 0; i < len(lines); {
		line := lines[i]
		switch {
		case strings.TrimSpace(line) == "":
			i++
		case strings.HasPrefix(line, "```"):
			end := i + 1
			for end < len(lines) && strings.TrimRight(lines[end], " \t") != "```" {
				end++
			}
			m.b.WriteString(`<pre tabindex="0"><code>`) // reachable by keyboard, to scroll it
			m.text(strings.Join(lines[i+1:end], "\n"))
			m.b.WriteString("</code></pre>\n")
			i = min(end+1, len(lines))
		case strings.HasPrefix(line, ">") && depth < maxDepth:
			var inner []string
			for ; i < len(lines) && strings.HasPrefix(lines[i], ">"); i++ {
				inner = append(inner, strings.TrimPrefix(lines[i][1:], " "))
			}
			m.b.WriteString("<blockquote>\n")
			m.blocks(inner, depth+1)
			m.b.WriteString("</blockquote>\n")
		default:
			start := i
			for i++; i < len(lines) && !breaks(lines[i], depth); i++ {
			}
			m.b.WriteString("<p>")
			m.inline(strings.Join(lines[start:i], "\n"), 0, true)
			m.b.WriteString("</p>\n")
		}
	}
}

// breaks reports whether a line ends the paragraph above it.
func breaks(line string, depth int) bool {
	return strings.TrimSpace(line) == "" || strings.HasPrefix(line, "```") || strings.HasPrefix(line, ">") && depth < maxDepth
}

// text writes s with every special character escaped.
func (m *marker) text(s string) { m.b.WriteString(html.EscapeString(s)) }

// inline writes one paragraph. Links do not stand in links, hence links.
func (m *marker) inline(s string, depth int, links bool) {
	plain := 0 // start of what is not yet written
	flush := func(to int) {
		for i, line := range strings.Split(s[plain:to], "\n") {
			if i > 0 {
				m.b.WriteString("<br>\n")
			}
			m.text(line)
		}
	}
	for i := 0; i < len(s); {
		n := 0
		switch c := s[i]; {
		case c == '`':
			n = m.code(s[i:], func() { flush(i) })
		case c == '*' && depth < maxDepth:
			n = m.emphasis(s[i:], depth, links, func() { flush(i) })
		case c == '[' && links:
			n = m.link(s[i:], depth, func() { flush(i) })
		case c == 'h' && links && wordStart(s, i):
			n = m.address(s[i:], func() { flush(i) })
		case c == '#' && links && wordStart(s, i):
			n = m.hashtag(s[i:], func() { flush(i) })
		case c >= 'A' && c <= 'Z' && links && wordStart(s, i):
			n = m.camel(s[i:], func() { flush(i) })
		}
		if n > 0 {
			i += n
			plain = i
			continue
		}
		_, size := utf8.DecodeRuneInString(s[i:])
		i += size
	}
	flush(len(s))
}

// wordStart reports whether no letter or digit stands just before s[i].
func wordStart(s string, i int) bool {
	r, _ := utf8.DecodeLastRuneInString(s[:i])
	return i == 0 || !unicode.IsLetter(r) && !unicode.IsNumber(r) && r != '_' && r != '&' && r != '/'
}

// Each of the following looks at the start of s, and when it finds what it is for,
// calls flush, writes it and returns how many bytes it took; otherwise it returns 0.

func (m *marker) code(s string, flush func()) int {
	end := strings.IndexByte(s[1:], '`')
	if end < 1 || strings.Contains(s[1:end+1], "\n\n") {
		return 0
	}
	flush()
	m.b.WriteString("<code>")
	m.text(s[1 : end+1])
	m.b.WriteString("</code>")
	return end + 2
}

func (m *marker) emphasis(s string, depth int, links bool, flush func()) int {
	mark, tag := "*", "em"
	if strings.HasPrefix(s, "**") {
		mark, tag = "**", "strong"
	}
	rest := s[len(mark):]
	end := closing(rest, mark)
	if end < 1 || strings.TrimSpace(rest[:1]) == "" || strings.TrimSpace(rest[end-1:end]) == "" {
		return 0 // "2 * 3 * 4" is arithmetic
	}
	flush()
	m.b.WriteString("<" + tag + ">")
	m.inline(rest[:end], depth+1, links)
	m.b.WriteString("</" + tag + ">")
	return end + 2*len(mark)
}

// closing returns where mark ends the emphasis, or -1. A pair of stars inside
// single ones is bold text and skipped.
func closing(s, mark string) int {
	if mark == "**" {
		return strings.Index(s, mark)
	}
	for i := 0; i < len(s); i++ {
		if s[i] != '*' {
			continue
		}
		if i+1 == len(s) || s[i+1] != '*' {
			return i
		}
		bold := strings.Index(s[i+2:], "**")
		if bold < 0 {
			return -1
		}
		i += bold + 3
	}
	return -1
}

func (m *marker) link(s string, depth int, flush func()) int {
	mid := strings.Index(s[:min(len(s), 600)], "](") // bounded, or many [ cost the square
	if mid < 2 || mid > 500 || strings.ContainsAny(s[1:mid], "[]\n") {
		return 0
	}
	end := strings.IndexAny(s[mid+2:], ") \n")
	if end < 1 || s[mid+2+end] != ')' {
		return 0
	}
	href, ok := safeURL(s[mid+2 : mid+2+end])
	if !ok {
		return 0
	}
	flush()
	m.external(href, func() { m.inline(s[1:mid], depth+1, false) })
	return mid + end + 3
}

func (m *marker) address(s string, flush func()) int {
	if !strings.HasPrefix(s, "http://") && !strings.HasPrefix(s, "https://") {
		return 0
	}
	end := strings.IndexFunc(s, func(r rune) bool {
		return unicode.IsSpace(r) || strings.ContainsRune("<>\"`*[]{}|\\^", r)
	})
	if end < 0 {
		end = len(s)
	}
	// Punctuation after an address belongs to the sentence; a closing bracket too,
	// unless the address opened it.
	for end > 0 {
		c := s[end-1]
		if strings.IndexByte(".,;:!?'", c) >= 0 || c == ')' && strings.Count(s[:end], "(") < strings.Count(s[:end], ")") {
			end--
			continue
		}
		break
	}
	href, ok := safeURL(s[:end])
	if !ok {
		return 0
	}
	flush()
	m.external(href, func() { m.text(shorten(s[:end], 80)) })
	return end
}

func (m *marker) external(href string, label func()) {
	m.links++
	m.b.WriteString(`<a class="external" rel="nofollow ugc noopener" href="`)
	m.text(href)
	m.b.WriteString(`">`)
	label()
	m.b.WriteString("</a>")
}

// safeURL returns the address as it may stand in href: http or https, with a host
// and without a user name, which only serves to deceive.
func safeURL(s string) (string, bool) {
	if len(s) > 2000 {
		return "", false
	}
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil || u.Opaque != "" {
		return "", false
	}
	return u.String(), true
}

var (
	hashtagWord = regexp.MustCompile(`^#([\p{L}][\p{L}\p{N}_-]{1,49})`)
	camelWord   = regexp.MustCompile(`^(?:[A-Z][a-z0-9]+){2,8}`)
	camelPart   = regexp.MustCompile(`[A-Z][a-z0-9]+`)
)

func (m *marker) hashtag(s string, flush func()) int {
	word := hashtagWord.FindString(s)
	tag := strings.ToLower(strings.TrimRight(word, "-_"))
	if len(tag) < 3 {
		return 0
	}
	return m.internal(s[:len(tag)], flush, "tags/"+tag[1:], "tag/"+tag[1:], tag[1:])
}

func (m *marker) camel(s string, flush func()) int {
	word := camelWord.FindString(s)
	if word == "" {
		return 0
	}
	if r, _ := utf8.DecodeRuneInString(s[len(word):]); len(s) > len(word) && (unicode.IsLetter(r) || unicode.IsNumber(r)) {
		return 0
	}
	key := strings.ToLower(strings.Join(camelPart.FindAllString(word, -1), "-"))
	return m.internal(word, flush, key, strings.ReplaceAll(key, "-", ""))
}

// internal links word to the first of the keys that is a page.
func (m *marker) internal(word string, flush func(), keys ...string) int {
	if m.pages == nil || word == "" {
		return 0
	}
	for _, key := range keys {
		if !validKey(key) {
			continue
		}
		_, href, ok := m.pages(key)
		if !ok || !strings.HasPrefix(href, "/") || strings.HasPrefix(href, "//") {
			continue
		}
		flush()
		m.b.WriteString(`<a href="`)
		m.text(href)
		m.b.WriteString(`">`)
		m.text(word)
		m.b.WriteString("</a>")
		return len(word)
	}
	return 0
}
