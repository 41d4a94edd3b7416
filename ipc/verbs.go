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

	"comments":     Repeatable, // comments: list
	"comment":      Repeatable, // comments: one
	"decide":       InTx,       // comments: flag, unflag, approve, delete
	"spam-why":     Repeatable, // comments: why the filter thinks so
	"spam-stats":   Repeatable, // comments: how the filter does
	"spam-retrain": Repeatable, // comments: fit the filter anew

	"alert": InTx, // bot: tell the owner

	"reboot":   Once, // a host
	"shutdown": Once, // a host
	"mail":     Once, // a host that can send mail
}
