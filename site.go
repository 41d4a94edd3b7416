// SPDX-License-Identifier: GPL-3.0-or-later

package oswald

import "time"

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
	Text    string
	At      time.Time
	State   CommentState
	Verdict Verdict
	Score   float64 // 0 ham … 1 spam
	Label   Verdict // what a person said it is; empty if nobody has
}

// Decision is what a moderator says of a comment.
type Decision string

// The decisions; each but Delete also teaches the filter.
const (
	Flag    Decision = "flag"    // spam: hide it, learn it
	Unflag  Decision = "unflag"  // not spam after all: show it, learn it
	Approve Decision = "approve" // ham: show it, learn it
	Delete  Decision = "delete"  // remove it; learnt as spam only if it was flagged or judged spam
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
	Corrected                int // verdicts that a person reversed, last 30 days
	Features                 int // distinct features known
	Trained                  time.Time
	Took                     time.Duration // the last refit
}
