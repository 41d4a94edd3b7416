// SPDX-License-Identifier: GPL-3.0-or-later

package bot

import (
	"slices"
	"strconv"
	"strings"

	"oswald/internal/xmppclient/xmltree"
)

const (
	nsReply    = "urn:xmpp:reply:0"
	nsFallback = "urn:xmpp:fallback:0"
)

// answered returns what somebody has written, without what it repeats of the
// message that it answers, and what that was about. Clients say which message it
// is (XEP-0461), or quote it (XEP-0393 section 5.1.3), or both (XEP-0428).
func (b *Bot) answered(m *xmltree.Element, sender string) (text, about string) {
	text = bodyOf(m)
	if r := m.Child(nsReply, "reply"); r != nil {
		about = b.sent.about(r.Get("id"), sender)
		text = withoutFallback(m, text, nsReply)
	}
	if quote, rest := cutQuote(text); quote != "" {
		if text = rest; about == "" {
			about = b.sent.quoted(quote, sender)
		}
	}
	return text, about
}

// withoutFallback returns text without the ranges that m says are there only for
// clients that do not know the extension named ns (XEP-0428). They count in
// characters (XEP-0426), from 0; a range that makes no sense is left alone.
func withoutFallback(m *xmltree.Element, text, ns string) string {
	type span struct{ start, end int }
	var spans []span
	runes := []rune(text)
	for _, f := range m.Children() {
		if !f.Is(nsFallback, "fallback") || f.Get("for") != ns {
			continue
		}
		bodies := 0
		for _, r := range f.Children() {
			if !r.Is(nsFallback, "body") {
				continue
			}
			bodies++
			start, end := 0, len(runes)
			var err1, err2 error
			if s := r.Get("start"); s != "" {
				start, err1 = strconv.Atoi(s)
			}
			if s := r.Get("end"); s != "" {
				end, err2 = strconv.Atoi(s)
			}
			if err1 == nil && err2 == nil && 0 <= start && start <= end && end <= len(runes) {
				spans = append(spans, span{start, end})
			}
		}
		if bodies == 0 && len(f.Children()) == 0 { // all of it
			return ""
		}
	}
	slices.SortFunc(spans, func(a, b span) int { return a.start - b.start })
	var out []rune
	at := 0
	for _, s := range spans {
		if s.start > at {
			out = append(out, runes[at:s.start]...)
		}
		at = max(at, s.end)
	}
	return string(append(out, runes[at:]...))
}

// cutQuote cuts the lines that quote off the beginning of text. A text that is
// nothing but a quotation is returned as it is.
func cutQuote(text string) (quote, rest string) {
	lines := strings.Split(strings.TrimLeft(text, "\n"), "\n")
	n := 0
	for n < len(lines) && strings.HasPrefix(lines[n], ">") {
		n++
	}
	rest = strings.TrimSpace(strings.Join(lines[n:], "\n"))
	if n == 0 || rest == "" {
		return "", text
	}
	return strings.Join(lines[:n], "\n"), rest
}
