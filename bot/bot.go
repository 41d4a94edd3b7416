// SPDX-License-Identifier: GPL-3.0-or-later

// Package bot keeps Oswald online: one client session (RFC 6120, RFC 6121) that
// is resumed or made anew for ever, and the conversations in it.
//
// It owns the session, the way in (who wrote what, and whether it came before),
// the way out (an outbox on disk that a message leaves when the server has
// acknowledged it, XEP-0198), escaping and length limits. What a command does
// lies behind [Dispatcher].
//
// Run blocks and is called once. Send, Part and all else may be called from any
// goroutine, also before Run and after it. In here: one goroutine reads stanzas
// and never waits for the server, one writes, one pings; each person's commands
// run one after the other, those of several people side by side.
package bot

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"mellium.im/xmpp/jid"

	"oswald"
	"oswald/internal/backoff"
	"oswald/internal/store"
)

// A Dispatcher carries out commands. A reply without text is not sent.
type Dispatcher interface {
	Dispatch(ctx context.Context, req oswald.Request) (oswald.Reply, error)
}

// Deps is what a Bot is made from. Log and Now may be nil.
type Deps struct {
	Dispatcher Dispatcher
	// Role says who a bare JID is. It must be quick: the reader calls it.
	Role func(bareJID string) oswald.Role
	// Stranger is told of each message of somebody without a role; it must be
	// quick too, and may be nil.
	Stranger func(bareJID string)
	// People are all who have a role, by address: they become contacts, and nobody
	// else stays one. It may be nil.
	People func() map[string]oswald.Role
	// Retract is asked what is to be done about the command req.ID, which has
	// begun or is done and whose sender takes it back. An empty reply lets the bot
	// stop it if it runs. It may be nil.
	Retract func(ctx context.Context, req oswald.Request) (oswald.Reply, error)
	// Menu offers the commands as forms too; it may be nil.
	Menu Menu
	// Urgent says whether a text must not wait for what its sender has asked before,
	// as what stops that; it must be quick, and may be nil.
	Urgent func(text string) bool
	// Codec is the form in which conversations travel; nil is plain text.
	Codec Codec
	// Alert is told what the owners have to know of a room: that the bot is not in
	// it, and that this is over. It must be quick, and may be nil.
	Alert func(oswald.Alert)
	// Mood is one short line for the status text of the presence. It is asked often
	// and may be nil.
	Mood    func(ctx context.Context) string
	DB      *sql.DB
	Version string
	// Resolver looks the server up; nil is the system's.
	Resolver *net.Resolver
	Log      *slog.Logger
	Now      func() time.Time
}

// Bot is one account's session and conversations.
type Bot struct {
	cfg   Config
	deps  Deps
	log   *slog.Logger
	now   func() time.Time
	own   jid.JID // bare
	disk  *disk
	in    *inbox
	out   *outbox
	sent  *memory
	every time.Duration // between two signs of progress
	aside chan func(context.Context)
	codec Codec
	talks *talks
	rooms *rooms

	forms   forms
	roster  roster
	bothers bothers
	company chan struct{} // of one: contacts and people may differ
	latest  latest
	caps    caps
	self    identity
	looks   atomic.Int64    // at the account's profile
	puts    atomic.Int64    // changes of it
	quick   backoff.Backoff // between tries
	slow    backoff.Backoff // after a refusal

	born      time.Time // when New was called
	names     resolver
	resource  string
	began     time.Time // when the newest session did; like what follows
	moved     *target   // where the server has sent us
	hops      int       // how often in a row
	conflict  time.Time // the last one
	conflicts int       // how many with less than peace between them
	sm        smState   // of Run's goroutine while there is no session, else of the session
	caughtUp  bool      // with the archive; likewise
	intake    intake
	live      atomic.Pointer[session] // the newest
	count     atomic.Int64            // how many there have been

	mu     sync.Mutex
	online string // full JID; "" while there is no session
	since  time.Time
	reason string // why there is none
}

// New makes a bot from its part of the database. It connects to nobody.
func New(cfg Config, deps Deps) (*Bot, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if deps.Log == nil {
		deps.Log = slog.New(slog.DiscardHandler)
	}
	if deps.Now == nil {
		deps.Now = time.Now
	}
	if deps.Codec == nil {
		deps.Codec = plain{}
	}
	own, err := jid.Parse(cfg.JID)
	if err != nil {
		return nil, err
	}
	b := &Bot{
		cfg: cfg, deps: deps, log: deps.Log.With("pkg", "bot"), now: deps.Now, codec: deps.Codec, every: progressEvery, aside: make(chan func(context.Context), asideMax),
		own: own.Bare(), reason: "starting", caps: newCaps(cfg.Name),
		roster: roster{items: make(map[string]contact)}, bothers: bothers{due: make(map[string]bool)}, company: make(chan struct{}, 1),
		forms: forms{now: deps.Now, wait: adhocWait, byID: make(map[string]*form), queues: make(map[string]*queue)},
		self:  identity{look: moodLook, every: moodEvery, heard: time.Now()},
		quick: backoff.Backoff{Min: retryMin, Max: retryMax},
		slow:  backoff.Backoff{Min: refusedAt, Max: retryMax},
	}
	ctx, cancel := context.WithTimeout(context.Background(), diskTime)
	defer cancel()
	if err := store.Migrate(ctx, deps.DB, "bot", schema); err != nil {
		return nil, oswald.Wrap(err, oswald.Unavailable, "The bot's database cannot be read; restore it from a backup.")
	}
	b.disk = &disk{db: deps.DB, log: b.log, hurry: make(chan struct{}, 1)}
	if b.in, err = newInbox(ctx, b.disk); err != nil {
		return nil, fmt.Errorf("inbox: %w", err)
	}
	if b.out, err = newOutbox(ctx, b.disk, deps.Now); err != nil {
		return nil, fmt.Errorf("outbox: %w", err)
	}
	if b.sent, err = newMemory(ctx, b.disk, deps.Now); err != nil {
		return nil, fmt.Errorf("messages sent: %w", err)
	}
	if b.resource, err = b.disk.keep(ctx, "resource "+cfg.Resource, cfg.Resource+"."+oswald.RandomID()[:6]); err != nil {
		return nil, fmt.Errorf("resource: %w", err)
	}
	b.born = b.now()
	b.names = net.DefaultResolver
	if deps.Resolver != nil {
		b.names = deps.Resolver
	}
	b.talks = &talks{b: b, by: make(map[string]*talk), slots: make(chan struct{}, cfg.Workers)}
	b.rooms = newRooms(b)
	if err := b.rooms.load(ctx); err != nil {
		return nil, fmt.Errorf("rooms: %w", err)
	}
	return b, nil
}

// How long to wait after a failure. A wrong password is tried again slowly: a
// server locks those out who hurry.
const (
	retryMin  = 500 * time.Millisecond
	retryMax  = 5 * time.Minute
	refusedAt = 30 * time.Second
	lasting   = 30 * time.Second // a session that long was a good one
	peace     = 10 * time.Minute // without a conflict, and earlier ones do not count
	stopTime  = 3 * time.Second  // for the session and the commands to end in
	writeTime = 500 * time.Millisecond
)

// Run stays online until ctx ends, and returns when all it started has returned:
// within four seconds, whatever the server or a command does.
func (b *Bot) Run(ctx context.Context) error {
	ending, cancel := outlast(ctx, stopTime)
	defer cancel()
	written, cancel := outlast(ctx, stopTime+writeTime)
	defer cancel()
	defer b.disk.flush(written)
	defer b.talks.stop(ending)
	b.talks.start(ctx, b.in.waiting())
	b.talks.wg.Go(func() { b.putAside(ctx) })
	for {
		b.began = time.Time{}
		err := b.session(ctx)
		if ctx.Err() != nil {
			b.offline(errors.New("stopped"))
			return nil
		}
		b.offline(err)
		b.log.Warn("no session", "reason", reasonOf(err), "err", err)
		if b.pause(err).Wait(ctx) != nil {
			b.offline(errors.New("stopped"))
			return nil
		}
	}
}

// pause returns the back-off that a session which ended with err calls for. Only
// the time online counts as success: one that could not log in for a minute is as
// bad as one that was refused at once.
func (b *Bot) pause(err error) *backoff.Backoff {
	if !b.began.IsZero() && time.Since(b.began) > lasting {
		b.quick.Reset()
		b.hops = 0
	}
	if s := b.live.Load(); s != nil && !b.began.IsZero() && b.hops < hopsMax {
		if to, ok := otherHost(err, b.cfg, s.conn.to); ok {
			b.hops++
			b.moved = &to
		}
	}
	switch {
	case isRefusal(err):
		return &b.slow
	case isConflict(err):
		// Two programs with one account and resource would throw each other out
		// for ever. One conflict may be chance: an old program that was about to end.
		if now := time.Now(); now.Sub(b.conflict) > peace {
			b.conflicts, b.conflict = 1, now
		} else {
			b.conflicts, b.conflict = b.conflicts+1, now
		}
		if b.conflicts > 2 {
			return &b.slow
		}
	default:
		b.slow.Reset()
	}
	return &b.quick
}

// outlast returns a context that ends d after ctx does.
func outlast(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	longer, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		t := time.AfterFunc(d, cancel)
		context.AfterFunc(longer, func() { t.Stop() })
	})
	return longer, func() { stop(); cancel() }
}

func (b *Bot) setOnline(full string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.online, b.since, b.reason = full, b.now(), ""
}

func (b *Bot) offline(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.online, b.reason = "", reasonOf(err)
}

// Part says whether the bot is online, and why not.
func (b *Bot) Part() oswald.Part {
	b.mu.Lock()
	defer b.mu.Unlock()
	p := oswald.Part{Name: "xmpp", OK: b.online != ""}
	if p.OK {
		p.State = fmt.Sprintf("connected as %s since %s", b.own, b.since.Format("15:04"))
		if b.now().Sub(b.since) > 20*time.Hour {
			p.State = fmt.Sprintf("connected as %s since %s", b.own, b.since.Format("2 Jan 15:04"))
		}
	} else {
		p.State = "not connected: " + b.reason
	}
	if n := b.out.count(); n > 0 && !p.OK {
		p.State += fmt.Sprintf(" (%d waiting to be sent)", n)
	}
	return p
}
