// SPDX-License-Identifier: GPL-3.0-or-later

package bot

import (
	"strings"
	"unicode"

	"oswald"
	"oswald/internal/xmppclient/xmltree"
)

const (
	partMax = 4096     // characters of a body that every phone shows
	textMax = 64 << 10 // bytes of a text that is read
	saidMax = 1 << 20  // bytes of a reply; far more than anybody scrolls through
)

// clean drops what has no place in a chat: control characters, the marks that
// reorder the text around them, and what XML cannot hold.
func clean(s string) string {
	s = strings.ReplaceAll(s, "\r\n", "\n")
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return r
		case r == '\r' || r == '\u2028' || r == '\u2029':
			return '\n'
		case unicode.IsControl(r), r >= 0x202A && r <= 0x202E, r >= 0x2066 && r <= 0x2069, r == 0xFEFF:
			return -1
		case r&0xFFFE == 0xFFFE, r >= 0xFDD0 && r <= 0xFDEF: // not characters
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
}

// clip shortens s to at most n characters.
func clip(s string, n int) string {
	for i := range s {
		if n--; n < 0 {
			return s[:i] + "…"
		}
	}
	return s
}

// worded returns the bodies of the messages that say r.
func worded(r oswald.Reply) []string {
	text := clean(r.Text)
	if len(text) > saidMax {
		text = strings.ToValidUTF8(text[:saidMax], "") + "\n… (the rest is left out)"
	}
	text = strings.TrimRight(text, " \n\t")
	if strings.TrimSpace(text) == "" {
		text = "(nothing to show)"
	}
	return split(text, partMax, r.Raw)
}

// outgoing is a message of ours. What the server keeps of it the hints say
// (XEP-0334); text that is not ours goes without styling (XEP-0393).
type outgoing struct {
	to, thread, id, body, state string
	raw                         bool // no styling
	kept                        bool // worth archiving, and a receipt is asked for
	more                        []*xmltree.Element
}

// element is the whole message.
func (m outgoing) element() *xmltree.Element {
	e := xmltree.New(nsClient, "message", "to", m.to, "type", "chat", "id", m.id)
	if m.body != "" {
		e.Add(xmltree.New(nsClient, "body").AddText(m.body))
	}
	if m.thread != "" {
		e.Add(xmltree.New(nsClient, "thread").AddText(m.thread))
	}
	e.Add(xmltree.New(nsIDs, "origin-id", "id", m.id))
	if m.state != "" {
		e.Add(xmltree.New(nsStates, m.state))
	}
	e.Add(m.more...)
	if m.raw {
		e.Add(xmltree.New(nsStyling, "unstyled"))
	}
	if m.kept {
		e.Add(xmltree.New(nsReceipts, "request"), xmltree.New(nsMarkers, "markable"), xmltree.New(nsHints, "store"))
	} else if m.body == "" && len(m.more) == 0 {
		e.Add(xmltree.New(nsHints, "no-store"))
	}
	return e
}

// wire returns m as it travels; "" if the codec does not let it.
func (b *Bot) wire(m outgoing) string {
	e := m.element()
	if m.body != "" {
		var err error
		if e, err = b.codec.Encode(m.to, e); err != nil {
			b.log.Error("a message could not be encoded", "to", m.to, "err", err)
			return ""
		}
	}
	return string(e.AppendXML(nil, nsClient))
}
