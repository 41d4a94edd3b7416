// SPDX-License-Identifier: GPL-3.0-or-later

package ipc

// Kind says what may be done with a command whose worker died in it.
type Kind int

// The kinds.
const (
	Once       Kind = iota // never run again by itself; the answer is "unknown"
	Repeatable             // run again
	InTx                   // effect and record are one transaction: exact
)

// String names the kind.
func (k Kind) String() string { return [...]string{"once", "repeatable", "in-transaction"}[k] }

// Verbs is every command that may travel between roles. Both ends read it, so
// it stands in no configuration.
var Verbs = map[string]Kind{
	"status": Repeatable, // any role: how its parts are

	"rebuild": Repeatable, // site: build the pages
	"pages":   Repeatable, // site: the list of pages
	"source":  Repeatable, // site: the text of a page
	"edit":    Repeatable, // site: change a page, by the hash of its text

	"search":     Repeatable, // site: find pages by their words
	"page-text":  Repeatable, // site: a page as its readers see it
	"site-state": Repeatable, // site: how the last build went, what leads nowhere
	"changes":    Repeatable, // site: the change set that waits, or the last one
	"post":       Repeatable, // site: a new post, once by its id
	"append":     Repeatable, // site: a paragraph more on a page, once by its id
	"take-back":  Repeatable, // site: undo a post, an edit or a paragraph, once by its id
	"publish":    Repeatable, // site: build past the gate
	"rollback":   Repeatable, // site: take the last change set back, once by its id

	"comments":     Repeatable, // comments: list
	"comment":      Repeatable, // comments: one
	"decide":       InTx,       // comments: flag, unflag, approve, delete
	"spam-why":     Repeatable, // comments: why the filter thinks so
	"spam-stats":   Repeatable, // comments: how the filter does
	"spam-retrain": Repeatable, // comments: fit the filter anew
	"spam-test":    Repeatable, // comments: what the filter thinks of a text
	"identity":     Repeatable, // comments: what is known of an ID
	"standing":     InTx,       // comments: ban, trust and unban
	"erase":        Repeatable, // comments: erase for good what somebody wrote, once by its id
	"undo":         InTx,       // comments: take the last decision back
	"letters":      Repeatable, // comments: what the contact form brought
	"letter":       InTx,       // comments: one in full, which is read then
	"edits":        Repeatable, // comments: suggested edits
	"edit-show":    Repeatable, // comments: one, with its diff
	"edit-accept":  Repeatable, // comments: put one into its page
	"edit-reject":  InTx,       // comments: leave one out
	"edit-undo":    Repeatable, // comments: take one out of its page again

	"alert": InTx, // bot: tell the owner

	"reboot":   Once, // a host
	"shutdown": Once, // a host
	"mail":     Once, // a host that can send mail
}
