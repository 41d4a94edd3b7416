// SPDX-License-Identifier: GPL-3.0-or-later

package bot

import (
	"strings"

	"oswald/internal/xmppclient/xmltree"
)

const nsReactions = "urn:xmpp:reactions:0"

const (
	reactionsMax = 8  // pictures on one message that are looked at
	reactionMax  = 64 // bytes of one: a family of four with all its joiners
)

// reaction takes in what somebody has put on one of our messages (XEP-0444): a
// command like any other, whose text is what is new of it. On a message that was
// about nothing it means nothing.
func (s *session) reaction(c command, e *xmltree.Element) {
	b := s.b
	var all []string
	for _, r := range e.Children() {
		text := strings.Join(strings.Fields(clean(r.Text())), "")
		if r.Is(nsReactions, "reaction") && text != "" && len(text) <= reactionMax && len(all) < reactionsMax {
			all = append(all, text)
		}
	}
	target := e.Get("id")
	if b.sent.about(target, c.sender) == "" || !b.in.fresh(&c) {
		return
	}
	about, fresh, keep := b.sent.react(target, c.sender, all)
	c.about, c.text, c.reaction = about, strings.Join(fresh, " "), true
	kept := s.hold("")
	if len(fresh) == 0 || !b.talks.add(c, keep, kept) { // taken back, or far too many
		b.disk.put(together(c.insert(true), keep), kept)
	}
	s.ease()
}
