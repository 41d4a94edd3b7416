// SPDX-License-Identifier: GPL-3.0-or-later

package bot

import (
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"mellium.im/xmpp/jid"

	"oswald"
	"oswald/internal/xmppclient/xmltree"
)

const (
	nsOccupant = "urn:xmpp:occupant-id:0"

	onceIn    = 10 * time.Minute // between two sentences that say the same to a room
	privately = "I answer you in our own chat, not here: there it is certain that only you read it."
	unseen    = "I cannot see who you are in this room, so I take no commands here. Text me in a chat of our own."
)

// blind says why nobody can give commands in r.
func (rs *rooms) blind(r *room) string {
	if !rs.believed(r.jid) {
		_, domain, _ := strings.Cut(r.jid, "@")
		return "I take no commands in that room: " + domain + " is not our own server, so it could pass anybody off as you (xmpp.room_servers). Text me in a chat of our own."
	}
	return "I cannot see who is who in that room, so I take no commands there. Make me a moderator of it, or text me in a chat of our own."
}

// ofRoom takes in a message that has to do with rooms, and reports whether it did.
// It runs in the reader. kept says that e comes out of the archive.
func (s *session) ofRoom(e *xmltree.Element, kept bool) bool {
	if !kept && s.marksChanged(e) {
		return true
	}
	if s.roomMessage(e, kept) {
		s.ease()
		return true
	}
	return s.invited(e)
}

// roomMessage takes in what comes from a room, and reports whether e did. What was
// kept is never carried out: whoever had the nickname then need not have it now.
func (s *session) roomMessage(e *xmltree.Element, kept bool) bool {
	rs := s.b.rooms
	bare, nick := occupantOf(e.Get("from"))
	rs.mu.Lock()
	defer rs.mu.Unlock()
	r := rs.by[bare]
	if r == nil {
		return e.Get("type") == "groupchat" // of a room that we have left
	}
	x := userOf(e)
	if nick == "" && x.Child(nsMUCUser, "invite") != nil {
		return false // it may invite us again
	}
	r.heard = time.Now()
	switch typ := e.Get("type"); {
	case typ == "error":
		rs.bouncedLocked(r, e)
	case nick == "":
		if codes := statusesOf(x); codes[104] || codes[172] || codes[173] { // another configuration
			r.changed, r.heard, r.due = true, time.Time{}, time.Now()
			rs.signal()
		}
	case typ == "groupchat" && nick == r.nick:
		rs.reflectedLocked(r, e)
	case kept || r.state != inside || s.old(e) || e.Child(nsCorrect, "replace") != nil:
	case typ == "groupchat":
		if _, ok := addressed(bodyOf(e), r.nick); ok {
			s.roomCommand(r, nick, e)
		}
	case typ == "chat", typ == "normal", typ == "":
		if s.b.codec.Carries(e) {
			s.whispered(r, nick, e)
		}
	}
	return true
}

// old reports whether e is history: a room stamps that (XEP-0045 section 7.2.13).
// What our own server stamps was under way when a session ended, and is new.
func (s *session) old(e *xmltree.Element) bool {
	for _, c := range e.Children() {
		if c.Is(nsDelay, "delay") {
			if from := c.Get("from"); from != s.b.own.Domainpart() && from != s.b.own.String() {
				return true
			}
		}
		if c.Is("jabber:x:delay", "x") { // XEP-0091
			return true
		}
	}
	return false
}

// who returns the person behind a nickname, by the address that the room shows. An
// id that is not that of the nickname's owner means that the name has just changed
// hands.
func (rs *rooms) who(r *room, nick string, e *xmltree.Element) string {
	o := r.people[nick]
	if r.ids && occupantID(e) != o.id || !rs.believed(r.jid) {
		return ""
	}
	return o.real
}

// roomCommand takes a command that was said in a room; rooms.mu is held.
func (s *session) roomCommand(r *room, nick string, e *xmltree.Element) {
	b := s.b
	sender := b.rooms.who(r, nick, e)
	switch {
	case sender == "":
		if b.rooms.once("blind "+r.jid, onceIn) {
			b.rooms.sayLocked(r, oswald.RandomID(), nick+": "+unseen, false)
		}
		return
	case b.deps.Role(sender) == oswald.NoRole:
		b.stranger(sender)
		return
	}
	m, err := b.codec.Decode(sender, e)
	if err != nil {
		return
	}
	text, ok := addressed(bodyOf(m), r.nick)
	switch {
	case !ok:
		return
	case len(text) > textMax || e.Child(nsBlocked, "truncated") != nil:
		b.rooms.sayLocked(r, oswald.RandomID(), nick+": "+tooLong, false)
		return
	}
	c := command{id: commandID(e, sender, r.jid), sender: sender, place: r.jid + "/" + nick, text: text, at: sentAt(e, b.now())}
	if !s.take(c) && b.rooms.once("many "+sender, onceIn) {
		b.rooms.sayLocked(r, oswald.RandomID(), nick+": "+tooMany, false)
	}
}

// whispered takes a private message that came through a room. It is answered in
// the chat of our own with whoever that is: there nobody else can get the answer,
// as the next one with the nickname could. rooms.mu is held.
func (s *session) whispered(r *room, nick string, e *xmltree.Element) {
	b := s.b
	sender := b.rooms.who(r, nick, e)
	answer := privately
	switch {
	case sender == "":
		answer = unseen
	case b.deps.Role(sender) == oswald.NoRole:
		b.stranger(sender)
		return
	}
	if b.rooms.once("whisper "+r.jid+"/"+nick, time.Hour) {
		if x := b.wire(outgoing{to: r.jid + "/" + nick, id: oswald.RandomID(), body: answer, state: "active"}); x != "" {
			b.out.pass(x)
		}
	}
	if sender == "" {
		return
	}
	m, err := b.codec.Decode(sender, e)
	if err != nil {
		b.tell(sender, oswald.MessageOf(err))
		return
	}
	c := command{id: commandID(e, sender, r.jid), sender: sender, text: strings.TrimSpace(clean(bodyOf(m))), at: sentAt(e, b.now())}
	switch {
	case c.text == "":
	case len(c.text) > textMax || e.Child(nsBlocked, "truncated") != nil:
		b.tell(sender, tooLong)
	case !s.take(c):
		b.tell(sender, tooMany)
	}
}

// take puts c on disk and into its sender's queue, unless it came before. It
// returns false if too many wait.
func (s *session) take(c command) bool {
	b := s.b
	if !b.in.fresh(&c) {
		return true
	}
	kept := s.hold("")
	if b.talks.add(c, nil, kept) {
		return true
	}
	b.disk.put(c.insert(true), kept)
	return false
}

// stranger counts somebody who has no role.
func (b *Bot) stranger(bare string) {
	if b.deps.Stranger != nil {
		b.deps.Stranger(bare)
	}
}

// tell puts a message to a bare JID on its way, without waiting for anything.
func (b *Bot) tell(bare, text string) {
	b.say(bare, "", oswald.RandomID(), oswald.Reply{Text: text}, nil, nil)
}

// alert tells the owners of a room, or that what they were told is over.
func (b *Bot) alert(room, text string, over bool) {
	if b.deps.Alert != nil {
		b.deps.Alert(oswald.Alert{Key: "room/" + room, Severity: oswald.Warning, Summary: text, At: b.now(), Resolved: over})
	}
}

// addressed returns the command in a text that was said in a room to the one who
// is called nick there: "!status", "nick: status", "nick, status". Everything else
// is not meant for us.
func addressed(text, nick string) (command string, ok bool) {
	text = strings.TrimSpace(clean(text))
	if rest, bang := strings.CutPrefix(text, "!"); bang {
		// "!!!" and "!?" are no commands.
		if r, _ := utf8.DecodeRuneInString(rest); !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			return "", false
		}
		return rest, true
	}
	head, size := "", 0
	for i := range text { // as many characters as nick has: upper and lower case may differ in bytes
		if size == utf8.RuneCountInString(nick) {
			head = text[:i]
			break
		}
		size++
	}
	if nick == "" || !strings.EqualFold(head, nick) {
		return "", false
	}
	rest := text[len(head):]
	if rest[0] != ':' && rest[0] != ',' {
		return "", false
	}
	rest = strings.TrimSpace(rest[1:])
	return strings.TrimPrefix(rest, "!"), rest != "" && rest != "!"
}

// occupantOf cuts an address into the bare JID, in its normal form, and the
// resource. The resource stays as it is: it is a nickname.
func occupantOf(s string) (bare, nick string) {
	j, err := jid.Parse(s)
	if err != nil {
		return "", ""
	}
	return j.Bare().String(), j.Resourcepart()
}

// userOf returns what a room says of an occupant (XEP-0045 section 15.1); nil if
// there is none, or more than one: then somebody has slipped one in.
func userOf(e *xmltree.Element) (x *xmltree.Element) {
	for _, c := range e.Children() {
		if c.Is(nsMUCUser, "x") {
			if x != nil {
				return nil
			}
			x = c
		}
	}
	return x
}

func statusesOf(x *xmltree.Element) map[int]bool {
	codes := make(map[int]bool)
	for _, c := range x.Children() {
		if n, err := strconv.Atoi(c.Get("code")); err == nil && c.Is(nsMUCUser, "status") {
			codes[n] = true
		}
	}
	return codes
}

// occupantID returns the id that the room gives to the sender of e (XEP-0421).
func occupantID(e *xmltree.Element) string {
	return e.Child(nsOccupant, "occupant-id").Get("id")
}

// spaces makes one line of s, with single spaces.
func spaces(s string) string { return strings.Join(strings.Fields(s), " ") }
