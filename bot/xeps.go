// SPDX-License-Identifier: GPL-3.0-or-later

package bot

import (
	"fmt"
	"slices"
	"strings"

	"oswald/internal/xmppclient/xmltree"
)

// An extension is a row of the list of what the bot speaks. What disco#info says
// (XEP-0030), the page for people and the DOAP file are all made from it.
type extension struct {
	number   int
	name     string
	version  string // of the document that was read
	partial  bool   // less than a client may do; use says what
	use      string // what for
	where    string // the file of this folder that begins it
	features []string
}

// extensions is the list, by number. A new row is all it takes.
func extensions() []extension {
	return []extension{
		{4, "Data Forms", "2.13.1", true, "the forms of the commands; one line, several lines, a choice, an address", "adhocform.go", []string{nsForms}},
		{12, "Last Activity", "2.0", false, "how long nobody has said anything", "identity.go", []string{nsLast}},
		{30, "Service Discovery", "2.5.0", false, "answers what it is and can; to people with a role only", "answer.go", []string{nsInfo, nsItems}},
		{45, "Multi-User Chat", "1.35.1", true, "takes commands in rooms from people whom the room shows by address; makes and runs no rooms", "room.go", []string{nsMUC}},
		{50, "Ad-Hoc Commands", "1.3.0", false, "all commands as a menu with forms, for who prefers that to typing", "adhoc.go", []string{nsCommands}},
		{54, "vcard-temp", "1.2", true, "publishes name and picture; keeps the other fields", "profile.go", nil},
		{59, "Result Set Management", "1.0", false, "paging through the archive", "archive.go", nil},
		{66, "Out of Band Data", "1.5", true, "the address of a picture, so that it shows in its place", "upload.go", nil},
		{84, "User Avatar", "1.1.4", true, "publishes its picture when it has changed", "profile.go", nil},
		{85, "Chat State Notifications", "2.1", false, "shows that it is typing while a command runs", "progress.go", []string{nsStates}},
		{92, "Software Version", "1.1", false, "name and version of the program", "answer.go", []string{nsVersion}},
		{115, "Entity Capabilities", "1.6.0", false, "what it can, as a hash in the presence", "answer.go", []string{nsCaps}},
		{153, "vCard-Based Avatars", "1.1.1", true, "the hash of its picture in the presence", "identity.go", nil},
		{163, "Personal Eventing Protocol", "1.2.2", true, "publishes picture and nickname, and keeps bookmarks", "profile.go", nil},
		{172, "User Nickname", "1.1", true, "publishes its name", "profile.go", nil},
		{184, "Message Delivery Receipts", "1.4.0", true, "confirms what is safely on disk, and asks for receipts", "incoming.go", []string{nsReceipts}},
		{191, "Blocking Command", "1.3", true, "has the server hold back strangers who write too much", "blocking.go", nil},
		{198, "Stream Management", "1.6.3", false, "resumes the session; a message leaves the outbox when the server has acknowledged it", "bind.go", nil},
		{199, "XMPP Ping", "2.0.1", false, "answers, and asks the server whether it is there", "watch.go", []string{nsPing}},
		{202, "Entity Time", "2.0", false, "the time where it runs", "answer.go", []string{nsTime}},
		{203, "Delayed Delivery", "2.0", false, "a command that comes late asks whether it is still wanted", "incoming.go", []string{nsDelay}},
		{237, "Roster Versioning", "1.3", true, "fetches the contacts anew only if they have changed, as long as the program runs", "roster.go", nil},
		{249, "Direct MUC Invitations", "1.2", true, "follows those of its owners; invites nobody", "invite.go", []string{nsInvite}},
		{280, "Message Carbons", "1.0.1", true, "gets commands too that the server gave to another session of the account", "carbons.go", nil},
		{297, "Stanza Forwarding", "1.0", true, "messages out of the archive", "archive.go", nil},
		{308, "Last Message Correction", "1.2.1", false, "corrects the message that shows progress; a corrected command runs instead of the first, if that has changed nothing", "correct.go", []string{nsCorrect}},
		{313, "Message Archive Management", "1.1.3", true, "takes in what came while it was away", "archive.go", nil},
		{333, "Displayed Markers", "1.0", false, "marks commands that were carried out; an alert that was seen says so", "marks.go", []string{nsMarkers}},
		{334, "Message Processing Hints", "1.0.0", true, "replies are kept by the server, typing states are not", "text.go", nil},
		{359, "Unique and Stable Stanza IDs", "0.7.0", false, "the same message twice runs once", "incoming.go", []string{nsIDs}},
		{363, "HTTP File Upload", "1.2.0", true, "puts plots where phones can get them; if that fails the text does without", "upload.go", nil},
		{368, "SRV records for XMPP over TLS", "1.1.0", true, "TLS from the first byte, with ALPN", "dns.go", nil},
		{393, "Message Styling", "1.1.1", true, "other people's words and logs are sent unstyled; a block stays whole in a long text", "text.go", []string{nsStyling}},
		{402, "PEP Native Bookmarks", "1.1.4", false, "keeps its rooms among the account's bookmarks, and follows changes there", "bookmarks.go", []string{nsBookmarks + "+notify"}},
		{410, "MUC Self-Ping (Schrödinger's Chat)", "1.1.0", false, "finds out that a room has lost it, and enters again", "roomping.go", nil},
		{421, "Occupant identifiers for semi-anonymous MUCs", "1.0.0", false, "notices that a nickname has changed hands", "roomtalk.go", []string{nsOccupant}},
		{424, "Message Retraction", "0.4.2", true, "a command that its sender takes back does not run, or is stopped; takes back nothing itself", "correct.go", []string{nsRetract}},
		{428, "Fallback Indication", "0.2.1", false, "leaves out what a reply repeats", "reply.go", []string{nsFallback}},
		{439, "Quick Response", "0.1.0", true, "offers yes and no beside a question", "quick.go", nil},
		{440, "SASL Channel-Binding Type Capability", "0.4.2", false, "binds the login to the connection where the server can", "sasl.go", nil},
		{444, "Message Reactions", "0.2.1", false, "a picture acknowledges an alert, answers a question or decides; it shows how a long command goes", "react.go", []string{nsReactions}},
		{461, "Message Replies", "0.2.0", true, "the message that is answered says what the answer is about", "reply.go", []string{nsReply}},
	}
}

// features is what disco#info lists, sorted as XEP-0115 wants it.
func features() []string {
	var list []string
	for _, x := range extensions() {
		list = append(list, x.features...)
	}
	slices.Sort(list)
	return slices.Compact(list)
}

func (x extension) id() string { return fmt.Sprintf("XEP-%04d", x.number) }

func (x extension) url() string {
	return fmt.Sprintf("https://xmpp.org/extensions/xep-%04d.html", x.number)
}

// Extensions is the page docs/xeps.md.
func Extensions() string {
	var b strings.Builder
	b.WriteString("# What Oswald speaks\n\nXMPP as of RFC 6120, RFC 6121 and RFC 7622, and these extensions. " +
		"What is listed works and is tried on real servers by the tests; \"part\" means that the use named is all of it.\n\n" +
		"| number | name | version | all or part | what for | code |\n|---|---|---|---|---|---|\n")
	for _, x := range extensions() {
		how := "all"
		if x.partial {
			how = "part"
		}
		fmt.Fprintf(&b, "| [%s](%s) | %s | %s | %s | %s | `bot/%s` |\n", x.id(), x.url(), x.name, x.version, how, x.use, x.where)
	}
	b.WriteString(compliance())
	return b.String()
}

// DOAP is the description of the project for programs that list XMPP software, in
// the form that https://xmpp.org/software asks for.
func DOAP() string {
	const (
		nsRDF  = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
		nsDOAP = "http://usefulinc.com/ns/doap#"
	)
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line(`<?xml version="1.0" encoding="UTF-8"?>`)
	line(`<rdf:RDF xmlns:rdf="%s" xmlns="%s" xmlns:xmpp="https://linkmauve.fr/ns/xmpp-doap#">`, nsRDF, nsDOAP)
	line(`  <Project>`)
	line(`    <name>Oswald</name>`)
	line(`    <shortdesc xml:lang="en">A contact that runs a small site and a home</shortdesc>`)
	line(`    <description xml:lang="en">An XMPP bot: it rebuilds a site, moderates comments, speaks, measures and warns.</description>`)
	line(`    <programming-language>Go</programming-language>`)
	line(`    <os>Linux</os>`)
	line(`    <category rdf:resource="https://linkmauve.fr/ns/xmpp-doap#category-bot"/>`)
	line(`    <license rdf:resource="https://spdx.org/licenses/GPL-3.0-or-later.html"/>`)
	for _, rfc := range []string{"rfc6120", "rfc6121", "rfc7622", "rfc7590"} {
		line(`    <implements rdf:resource="https://xmpp.org/rfcs/%s.html"/>`, rfc)
	}
	for _, x := range extensions() {
		status := "complete"
		if x.partial {
			status = "partial"
		}
		line(`    <implements>`)
		line(`      <xmpp:SupportedXep>`)
		line(`        <xmpp:xep rdf:resource="%s"/>`, x.url())
		line(`        <xmpp:status>%s</xmpp:status>`, status)
		line(`        <xmpp:version>%s</xmpp:version>`, x.version)
		line(`        <xmpp:note xml:lang="en">%s</xmpp:note>`, xmltree.Escape(x.use))
		line(`      </xmpp:SupportedXep>`)
		line(`    </implements>`)
	}
	line(`  </Project>`)
	line(`</rdf:RDF>`)
	return b.String()
}
