// SPDX-License-Identifier: GPL-3.0-or-later

// Package handlers turns a text into a command and a command into a reply. It
// owns the one table of commands, the splitting into words, the one function
// that authorises, the help, the wording of replies, who may do what, and the
// record of what was done.
//
// It knows nothing of XMPP, Memcached, hardware or HTTP: what the commands need
// comes as small interfaces in [Deps], and an address is an opaque string. The
// chat, the control socket and the tests all come in through
// [Handlers.Dispatch].
//
// A command that changes something is on disk before it runs and has its end on
// disk before its reply is returned; the same [oswald.Request] again, by ID,
// gets the recorded reply. Commands that only read touch no file on their way.
//
// All methods of Handlers may be called from any goroutine. Dispatch blocks
// until the command has ended; Run and Resume are called once.
package handlers

import (
	"context"
	"database/sql"
	"log/slog"
	"strings"
	"sync"
	"time"

	"oswald"
	"oswald/internal/store"
)

// Pages is what `rebuild` needs. The call is idempotent by id.
type Pages interface {
	Rebuild(ctx context.Context, id, page string, progress func(string)) (oswald.Build, error)
}

// Comments is what the comment commands need. Decide is idempotent by id.
type Comments interface {
	List(ctx context.Context, id, page string) ([]oswald.Comment, error)
	Get(ctx context.Context, id string, n int64) (oswald.Comment, error)
	Decide(ctx context.Context, id string, n int64, d oswald.Decision) (oswald.Comment, error)
}

// Spam is what the spam commands need. Retrain is idempotent by id.
type Spam interface {
	Why(ctx context.Context, id string, n int64) (oswald.Why, error)
	Retrain(ctx context.Context, id string) (oswald.SpamStats, error)
	Stats(ctx context.Context, id string) (oswald.SpamStats, error)
}

// Tester is what `spam test` needs.
type Tester interface {
	Test(ctx context.Context, id, text string) (oswald.Why, error)
}

// Bans is what `ban` and `unban` need. Ban is idempotent by id.
type Bans interface {
	Identity(ctx context.Context, id, who string) (oswald.Identity, error)
	Ban(ctx context.Context, id, who string, banned bool) (hidden int64, err error)
}

// Persons is what `trust` and `erase` need. Both are idempotent by id. Erase takes
// an ID, or the number of one comment, and returns how much was erased.
type Persons interface {
	Trust(ctx context.Context, id, who string) error
	Erase(ctx context.Context, id, who string) (n int64, err error)
}

// Undoer is what `undo` needs. Undo is idempotent by id.
type Undoer interface {
	Undo(ctx context.Context, id string) (oswald.Undone, error)
}

// Suggestions is what `edits` and `diff` need.
type Suggestions interface {
	Edits(ctx context.Context, id string) ([]oswald.Edit, error)
	Edit(ctx context.Context, id string, n int64) (oswald.Edit, error)
}

// Letters is what `letters` needs. A letter that was shown counts as read.
type Letters interface {
	Letters(ctx context.Context, id string, spam bool) ([]oswald.Letter, error)
	Letter(ctx context.Context, id string, n int64) (oswald.Letter, error)
}

// Editor is what `accept` and `reject` need. Both are idempotent by id.
type Editor interface {
	Accept(ctx context.Context, id string, n int64, progress func(string)) (oswald.Edit, oswald.Published, error)
	Reject(ctx context.Context, id string, n int64) (oswald.Edit, error)
}

// Voice is what `repeat`, `hush` and `mute` need.
type Voice interface {
	Repeat(ctx context.Context, id string) (oswald.Spoken, error)
	Hush() int
	Silence(ch oswald.Channel, muted bool)
}

// Sound is what `volume`, `chime` and `quiet` need.
type Sound interface {
	Volume(percent int) error
	Chime(on bool)
	Quiet(span string) error
}

// Calm is what `snooze` and `mute alerts` need.
type Calm interface {
	Snooze(ctx context.Context, label string, until time.Time) error
	Mute(ctx context.Context, until time.Time) error
}

// Speaker is what `say` needs.
type Speaker interface {
	Say(ctx context.Context, id string, ch oswald.Channel, text string, urgent bool) (oswald.Spoken, error)
}

// Thermometer is what `temp` needs.
type Thermometer interface {
	Readings(ctx context.Context) []oswald.Reading
}

// Plotter is what `temp` with a time needs. probe is a name that Readings has, or
// empty for all of the house.
type Plotter interface {
	Plot(ctx context.Context, probe string, span time.Duration) (oswald.File, error)
}

// OpenAlert is an alert whose condition lasts.
type OpenAlert struct {
	Label    string // "A3", as `ack` takes it
	Key      string
	Severity oswald.Severity
	Summary  string
	Since    time.Time
	Told     int    // how many times it was told
	AckedBy  string // empty if nobody has acknowledged it
	SeenBy   string // who has looked at the message that told it; empty if that is not known
	Arrived  bool   // that message is on somebody's device
}

// Alerts is what `alerts` and `ack` need. Acknowledging twice is harmless.
type Alerts interface {
	Open(ctx context.Context) ([]OpenAlert, error)
	Ack(ctx context.Context, label, who string) error
}

// Hosts is what `hosts` needs.
type Hosts interface {
	Peers() []oswald.Host
}

// Status is what `status` needs.
type Status interface {
	Parts(ctx context.Context) []oswald.Part
}

// Deps is what Handlers is made of. DB is required; a nil part answers that it
// is not configured on this machine.
type Deps struct {
	DB      *sql.DB
	Log     *slog.Logger
	Now     func() time.Time // time.Now if nil
	Version string

	// People are the roles of config.toml, by address.
	People map[string]oswald.Role
	// PeopleChanged is told when somebody's role may have changed. It must be quick,
	// and may be nil.
	PeopleChanged func()
	// Address brings an address as a person types it into the form that
	// Actor.Address has, or says what is wrong with it. If nil, it is put in
	// lower case.
	Address func(string) (string, error)

	Pages       Pages
	Comments    Comments
	Spam        Spam
	Tester      Tester
	Bans        Bans
	Persons     Persons
	Undoer      Undoer
	Suggestions Suggestions
	Editor      Editor
	Letters     Letters
	Speaker     Speaker
	Voice       Voice
	Sound       Sound
	Thermometer Thermometer
	Plotter     Plotter
	Alerts      Alerts
	Calm        Calm
	Hosts       Hosts
	Canceller   Canceller
	Rooms       Rooms
	Status      Status
}

// Handlers answers commands. Make one with [New].
type Handlers struct {
	cfg     Config
	deps    Deps
	log     *slog.Logger
	now     func() time.Time
	started time.Time
	rows    []command
	journal *journal
	people  *people
	limit   *limiter

	mu      sync.Mutex
	running map[string]chan struct{} // by command ID, closed at its end
	jobs    map[int]*job             // what runs, by the number people call it
	left    []entry                  // accepted by an earlier process and not ended
	shown   map[string]float64       // whole degrees in Mood, by probe
}

// New opens the tables of package handlers in deps.DB. It starts nothing.
func New(cfg Config, deps Deps) (*Handlers, error) {
	if deps.Now == nil {
		deps.Now = time.Now
	}
	if deps.Log == nil {
		deps.Log = slog.New(slog.DiscardHandler)
	}
	if deps.Address == nil {
		deps.Address = plainAddress
	}
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := store.Migrate(ctx, deps.DB, "handlers", schema); err != nil {
		return nil, err
	}
	h := &Handlers{
		cfg:     cfg,
		deps:    deps,
		log:     deps.Log.With("pkg", "handlers"),
		now:     deps.Now,
		started: deps.Now(),
		journal: newJournal(deps.DB, deps.Log.With("pkg", "handlers")),
		limit:   newLimiter(cfg.Rate),
		running: map[string]chan struct{}{},
		jobs:    map[int]*job{},
		shown:   map[string]float64{},
	}
	h.rows = h.table()
	var err error
	if h.people, err = loadPeople(ctx, deps.DB, deps.People, deps.Address); err != nil {
		return nil, err
	}
	if h.left, err = h.journal.unfinished(ctx); err != nil {
		return nil, err
	}
	for _, e := range h.left {
		h.running[e.ID] = make(chan struct{})
	}
	return h, nil
}

// Run writes the record of read-only commands in batches and drops what is
// older than Config.Keep, until ctx ends. It returns when all is written.
func (h *Handlers) Run(ctx context.Context) error {
	batch := time.NewTicker(batchEvery)
	defer batch.Stop()
	prune := time.NewTicker(time.Hour)
	defer prune.Stop()
	h.prune(ctx)
	for {
		select {
		case <-ctx.Done():
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
			defer cancel()
			return h.journal.flush(ctx)
		case <-batch.C:
			if err := h.journal.flush(ctx); err != nil && ctx.Err() == nil {
				h.log.Error("record of commands", "err", err)
			}
		case <-prune.C:
			h.prune(ctx)
		}
	}
}

func (h *Handlers) prune(ctx context.Context) {
	h.limit.forget(h.now())
	if err := h.journal.prune(ctx, h.now().Add(-h.cfg.Keep)); err != nil && ctx.Err() == nil {
		h.log.Error("record of commands", "err", err)
	}
}

// plainAddress is the address form of who has no better.
func plainAddress(s string) (string, error) {
	s = strings.ToLower(strings.TrimPrefix(s, "xmpp:"))
	s, _, _ = strings.Cut(s, "/")
	local, domain, _ := strings.Cut(s, "@")
	if local == "" || domain == "" || len(s) > 1000 || strings.ContainsAny(s, " \t\r\n\"'<>&") || strings.Contains(domain, "@") {
		return "", oswald.Errorf(oswald.Invalid, "%s is not an address; it looks like name@example.org.", quote(s))
	}
	return s, nil
}
