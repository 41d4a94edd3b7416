// SPDX-License-Identifier: GPL-3.0-or-later

package oswald

import (
	"crypto/sha256"
	"encoding/hex"
	"time"
)

// Build is how a build of the site ended.
type Build struct {
	Pages     int           // pages of the source folder
	Written   int           // files of the output that are new or changed
	Unchanged int           // files left alone because their bytes are the same
	Removed   int           // files of the last build that are no more
	Took      time.Duration // wall time
	Warnings  []string      // one line each, "page:line: what", worst first; at most 50
}

// Verdict is what the spam filter thinks of a text.
type Verdict string

// The verdicts.
const (
	Ham    Verdict = "ham"    // published
	Unsure Verdict = "unsure" // waits for a person
	Spam   Verdict = "spam"   // hidden
)

// CommentState is where a comment stands.
type CommentState string

// The states.
const (
	Shown   CommentState = "shown"   // on the page
	Queued  CommentState = "queued"  // waits for approve or flag
	Hidden  CommentState = "hidden"  // spam, by the filter or by flag
	Deleted CommentState = "deleted" // gone from the page and the queue; the text is kept for retention
)

// Comment is one comment as the moderator's phone sees it.
type Comment struct {
	N       int64 // its number in every command
	Page    string
	Author  string
	ID      string // cryptographic ID, or empty
	Signer  string // fingerprint of the SSH key that signed it, or empty
	Text    string
	At      time.Time
	State   CommentState
	Verdict Verdict
	Score   float64 // 0 ham … 1 spam
	Label   Verdict // what a person said it is; empty if nobody has
}

// Decision is what a moderator says of a comment.
type Decision string

// The decisions; Flag, Unflag and Approve also teach the filter.
const (
	Flag    Decision = "flag"    // spam: hide it, learn it
	Unflag  Decision = "unflag"  // not spam after all: show it, learn it
	Approve Decision = "approve" // ham: show it, learn it
	Delete  Decision = "delete"  // remove it; learnt as spam only if it was flagged or judged spam
	Hold    Decision = "hold"    // take it off the page until somebody decides; learn nothing
	Restore Decision = "restore" // bring back what was deleted, as it stood before; learn nothing
)

// Evidence is one feature that moved a verdict.
type Evidence struct {
	Feature string
	Spam    float64 // 0 speaks for ham, 1 for spam
}

// Why explains the score of a comment.
type Why struct {
	Comment  Comment
	Evidence []Evidence // strongest first
}

// SpamStats is what the filter knows and how it is doing.
type SpamStats struct {
	HamLearnt, SpamLearnt    int // messages labelled by people
	Shown, Queued, Hidden    int // comments now
	CaughtToday, PostedToday int
	Corrected                int    // verdicts that a person reversed, last 30 days
	Drift                    string // what was reversed lately against before, as one line; "" where unknown
	Features                 int    // distinct features known
	Trained                  time.Time
	Took                     time.Duration // the last refit
}

// Identity is what is known of a cryptographic ID.
type Identity struct {
	ID                    string
	Standing              string // "", "trusted" or "banned"
	Author                string // its newest name
	Shown, Queued, Hidden int    // comments now
	Text                  string // of its newest comment
}

// Edit is a change to a page that a visitor suggests.
type Edit struct {
	N              int64 // its number in every command
	Page           string
	Author, ID     string
	Note           string // what the author says of it
	Added, Removed int    // lines
	At             time.Time
	State          string // "open", "accepted", "rejected", "hidden" (spam), "undone"
	Diff           string // where it was asked for
}

// Letter is what somebody wrote to the owner with the contact form.
type Letter struct {
	N      int64 // its number in every command
	Author string
	Reach  string // how to answer, as the author says; may be empty
	Text   string
	At     time.Time
	Read   bool
	Spam   bool // by the filter
}

// Undone is a decision that was taken back.
type Undone struct {
	Decision string    // "flag", …, "ban", "unban", "accept", "reject"
	At       time.Time // when it was made
	Comment  Comment   // as it stands now, if it was about one
	ID       string    // if it was about an ID
	Edit     Edit      // if it was about a suggested edit
	Page     Published // if a page changed
}

// PageSource is the source of a page as it stands.
type PageSource struct {
	Text string
	Hash string // [TextHash] of Text
}

// TextHash names a text: another text has another hash.
func TextHash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:16])
}

// PageEdit changes the source of a page.
type PageEdit struct {
	Page    string
	Was     string   // hash of the source that Splices belong to
	Now     string   // hash of the source that they make of it
	Splices []Splice // in order, without overlap
	Author  string   // whose words they are
	Note    string   // one line for the record
}

// Splice replaces Cut bytes at At, counted in the old text, with Put.
type Splice struct {
	At  int    `json:"a"`
	Cut int    `json:"c,omitempty"`
	Put string `json:"p,omitempty"`
}

// Published is how an edit of a page ended.
type Published struct {
	Title, URL string
	Commit     string // short name of the commit, where the pages are a repository
	Warning    string // what did not work although the page is live; one sentence
	Merged     bool   // the page had changed meanwhile and both changes are in it
	Build      Build
}
