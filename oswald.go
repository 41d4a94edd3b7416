// SPDX-License-Identifier: GPL-3.0-or-later

// Package oswald is the vocabulary that every part of the program shares: who
// asks ([Actor], [Role]), what is asked ([Request]), what is answered ([Reply],
// [Error]), what Oswald says unasked ([Alert]), and the nouns that travel
// between parts ([Comment], [Build], [Reading], [Host], [Part]).
//
// It imports only the standard library and does nothing by itself. Every other
// package of the program may import it; it imports none of them. Its values are
// plain data: copying one is safe, sharing one between goroutines is not.
package oswald

import (
	"fmt"
	"strings"
	"time"
)

// Role is what a person may do. Each role may do all that the lower ones may.
// The zero Role is NoRole: a forgotten role closes a door instead of opening it.
type Role int

// The roles, lowest first.
const (
	NoRole    Role = iota // a stranger: gets no answer at all
	Guest                 // help and nothing else
	Member                // household: voice, temperature, status
	Moderator             // comments and spam too
	Owner                 // everything
)

var roleNames = [...]string{"none", "guest", "member", "moderator", "owner"}

// String returns the role's name in lower case, as config.toml spells it.
func (r Role) String() string {
	if r < 0 || int(r) >= len(roleNames) {
		return fmt.Sprintf("role(%d)", int(r))
	}
	return roleNames[r]
}

// ParseRole reads a role's name as String writes it, in any case.
func ParseRole(s string) (Role, error) {
	for r, name := range roleNames {
		if strings.EqualFold(s, name) {
			return Role(r), nil
		}
	}
	return NoRole, Errorf(Invalid, "There is no role %q: use owner, moderator, member, guest or none.", s)
}

// MarshalText and UnmarshalText let a Role stand in config.toml and JSON by name.
func (r Role) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (r *Role) UnmarshalText(b []byte) (err error) {
	*r, err = ParseRole(string(b))
	return err
}

// Actor is who asks. Address is opaque outside package bot: a bare JID, or
// "local" for the control socket.
type Actor struct {
	Address string
	Role    Role
}

// Request is one text that somebody sent to be carried out.
type Request struct {
	// ID names the command for ever: the same stanza delivered twice has the
	// same ID and runs once. 16 characters of [a-z2-7]; see [CommandID].
	ID    string
	Actor Actor
	// Room is the room it was said in; empty in a private chat.
	Room string
	Text string
	// At is when it was sent, which may be long before it arrived.
	At time.Time
	// About is what Reply.About or Alert.About said of the message that this one
	// answers; empty if it answers none.
	About string
	// Reaction says that Text holds pictures that were put on that message. Those
	// that mean nothing there are no command.
	Reaction bool
	// Corrects is the ID of the command that this one takes the place of, if that
	// has done nothing yet.
	Corrects string
	// Progress, when not nil, tells the asker how a long command is going. It
	// may be called from any goroutine until Dispatch returns, and never blocks.
	Progress func(text string)
}

// Reply is what a command answers.
type Reply struct {
	Text string
	// Raw asks for the text to be shown as it is, without message styling
	// (XEP-0393): logs, page source, other people's words.
	Raw bool
	// About names what the text is about, for who answers it: words such as
	// "alert:A3", "comment:12", "question:" and the ID of a command, with spaces
	// between them. Who sends the text keeps it and need not understand it.
	About string
	// File, if not nil, goes along where files can be sent. The text must do
	// without it.
	File *File
}

// File is a small file that goes along with a reply. Nobody changes Data.
type File struct {
	Name string // "kitchen.png"
	Type string // "image/png"
	Data []byte
}

// Severity grades an alert.
type Severity int

// The severities, mildest first.
const (
	Info Severity = iota
	Warning
	Critical // also spoken, and not held back by quiet hours
)

// String returns the severity in lower case.
func (s Severity) String() string {
	switch s {
	case Info:
		return "info"
	case Warning:
		return "warning"
	case Critical:
		return "critical"
	}
	return fmt.Sprintf("severity(%d)", int(s))
}

// Alert is something Oswald says unasked. One condition has one Key for as long
// as it lasts; the producer may send it again and again, package alert tells it
// once. An Alert with Resolved set ends the condition of that Key.
type Alert struct {
	Key      string // stable over restarts: "probe/kitchen/hot", "spam/burst"
	Severity Severity
	Summary  string // one sentence, fit for the phone and for speech
	At       time.Time
	Resolved bool
	About    string // as Reply.About: "comment:12"
}

// Recent is a comment in the list of the newest ones of the whole site, which the
// comment server offers as JSON at /c/recent.json, newest first.
type Recent struct {
	N      int64     `json:"n"`
	Page   string    `json:"page"`   // "getting-started"
	Title  string    `json:"title"`  // of the page
	URL    string    `json:"url"`    // of the comment, from the root of the site
	Author string    `json:"author"` // as typed: escape it
	Text   string    `json:"text"`   // the beginning, on one line, as typed: escape it
	At     time.Time `json:"at"`
}

// Part is one part of the program as `status` and `oswald check` show it.
type Part struct {
	Name      string // "xmpp", "bus", "site", "comments", "spam", "voice", "mute lines", "probe", …
	OK        bool
	Simulated bool   // the real thing is not there and the part says so
	State     string // one line: "21.4 °C, steady", "connected since 10:02"
}

// String returns the part as one line of `status`.
func (p Part) String() string {
	s := p.Name + ": " + p.State
	if p.Simulated && !strings.Contains(p.State, "simulated") {
		s += " (simulated)"
	}
	if !p.OK {
		s = "⚠ " + s
	}
	return s
}

// Host is a peer on the message bus as `hosts` shows it.
type Host struct {
	Name    string
	Seen    time.Time // last heartbeat; zero if never
	Alive   bool
	Version string
	Offset  time.Duration // of its clock to ours, whole seconds
	Open    int           // commands to it that have not ended
	Note    string
}
