// SPDX-License-Identifier: GPL-3.0-or-later

package bot

import (
	"oswald"
	"oswald/internal/xmppclient/xmltree"
)

// marks takes in what a message says of ours: that it has arrived (XEP-0184), or
// that it was seen (XEP-0333). "acknowledged", which means more, is no longer
// used; where it comes it means at least that.
func (s *session) marks(e *xmltree.Element, sender string) {
	if r := e.Child(nsReceipts, "received"); r != nil {
		s.b.sent.mark(r.Get("id"), sender, false)
	}
	for _, name := range []string{"received", "displayed", "acknowledged"} {
		if m := e.Child(nsMarkers, name); m != nil {
			s.b.sent.mark(m.Get("id"), sender, name != "received")
		}
	}
}

// handled marks the command c as displayed, if its sender wants to know: it has
// been carried out, or refused (XEP-0333 section 4.1).
func (b *Bot) handled(c command) {
	if !c.markable || c.stanza == "" || c.place != "" {
		return
	}
	b.out.pass(b.wire(outgoing{to: c.sender, thread: c.thread, id: oswald.RandomID(), more: []*xmltree.Element{
		xmltree.New(nsMarkers, "displayed", "id", c.stanza),
		xmltree.New(nsHints, "store"),
	}}))
}
