// SPDX-License-Identifier: GPL-3.0-or-later

package bot

import (
	"fmt"
	"slices"
	"strings"
)

// A requirement is what the compliance suites of 2023 (XEP-0479) ask of an
// advanced client in one respect.
type requirement struct {
	suite, what string
	numbers     []int  // of the extensions; none for what RFCs say
	senseless   string // why a bot has no use for it; empty if it has
}

func requirements() []requirement {
	return []requirement{
		{"Core", "XMPP and its addresses (RFC 6120, RFC 7622)", nil, ""},
		{"Core", "TLS (RFC 7590), direct TLS", []int{368}, ""},
		{"Core", "Feature discovery and broadcast", []int{30, 115}, ""},
		{"Core", "Event publishing", []int{163}, ""},
		{"IM", "Contacts and presence (RFC 6121)", nil, ""},
		{"IM", "/me (XEP-0245)", nil, "it is a way to show a message, and a bot shows none"},
		{"IM", "Avatars", []int{84, 153}, ""},
		{"IM", "vCard", []int{54}, ""},
		{"IM", "Message carbons", []int{280}, ""},
		{"IM", "Blocking", []int{191}, ""},
		{"IM", "Rooms and invitations", []int{45, 249}, ""},
		{"IM", "Bookmarks and self-ping", []int{402, 410}, ""},
		{"IM", "Stream management", []int{198}, ""},
		{"IM", "Delivery receipts", []int{184}, ""},
		{"IM", "History", []int{313}, ""},
		{"IM", "Chat states", []int{85}, ""},
		{"IM", "Correction", []int{308}, ""},
		{"IM", "File upload", []int{363}, ""},
		{"IM", "Jingle file transfer (XEP-0234)", nil, "it takes no files, and what it shows is uploaded"},
		{"Mobile", "Stream management", []int{198}, ""},
		{"Mobile", "Client state (XEP-0352)", nil, "a bot is never out of sight"},
		{"Mobile", "Push (XEP-0357)", nil, "it is always connected, or connects by itself"},
	}
}

// state says whether the list has what r asks for.
func (r requirement) state() string {
	if r.senseless != "" {
		return "makes no sense: " + r.senseless
	}
	for _, n := range r.numbers {
		if !slices.ContainsFunc(extensions(), func(x extension) bool { return x.number == n }) {
			return fmt.Sprintf("not yet: XEP-%04d is missing", n)
		}
	}
	return "met"
}

// compliance is the part of docs/xeps.md on the compliance suites.
func compliance() string {
	var b strings.Builder
	b.WriteString("\n## The compliance suites\n\nWhat [XEP-0479](https://xmpp.org/extensions/xep-0479.html) (2023) " +
		"asks of an advanced client, and how a bot stands. Audio and video make no sense for it.\n\n" +
		"| suite | asked for | here |\n|---|---|---|\n")
	for _, r := range requirements() {
		what := r.what
		for _, n := range r.numbers {
			what += fmt.Sprintf(", XEP-%04d", n)
		}
		fmt.Fprintf(&b, "| %s | %s | %s |\n", r.suite, what, r.state())
	}
	return b.String()
}
