// SPDX-License-Identifier: GPL-3.0-or-later

package ipc

import (
	"context"
	"database/sql"
	"encoding/json"
	"log/slog"
	"time"
)

// Command is something that a peer shall do.
type Command struct {
	ID       string    // the same ID is the same command, however often it is submitted
	Peer     string    // who shall do it
	Verb     string    // a key of [Verbs]
	Args     any       // encoded as JSON, at most 32 KB
	Deadline time.Time // after it the command is not begun; zero: a day from now
}

// Caller is what a client of another role needs of a Node.
type Caller interface {
	Call(ctx context.Context, c Command, progress func(string)) (json.RawMessage, error)
}

// Call is a command as its handler sees it.
type Call struct {
	ID, From, Verb string
	Args           json.RawMessage
	// Progress tells the other side how a long command is going. It never
	// blocks and may be called from any goroutine until the handler returns.
	Progress func(string)
}

// Handler carries out a verb: Run for a verb that is Once or Repeatable, Tx for
// one that is InTx. What it returns is encoded as JSON, at most 8 KB. An error
// reaches the other side as its code and message, see oswald.Error.
type Handler struct {
	Run func(ctx context.Context, c Call) (any, error)
	// Tx makes its effect in tx and nowhere else, for it may be run again after
	// a crash that undid tx. It must be quick: tx holds the role's database.
	Tx func(ctx context.Context, tx *sql.Tx, c Call) (any, error)
	// After runs after the commit of a Tx that succeeded, and once more after a
	// crash in between. It may be nil.
	After func(c Call)
}

// Deps is what a Node stands on.
type Deps struct {
	Name    string  // of this role on the bus, [a-z0-9-]{1,32}
	DB      *sql.DB // the role's own file, so that InTx handlers share it
	Bus     Bus
	Version string
	Log     *slog.Logger
	Now     func() time.Time // nil: time.Now
}
