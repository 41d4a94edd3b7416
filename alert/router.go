// SPDX-License-Identifier: GPL-3.0-or-later

// Package alert decides what Oswald says unasked, and when. It owns the open
// conditions, their short labels, who has acknowledged them, and the way to the
// [Notify] function: each condition is told once, in a group with what comes at
// the same moment, again when it gets worse or when the repeat interval has
// elapsed, and once more when it is over.
//
// The state is on disk, so that a restart neither repeats nor forgets an alert.
// What could not be told is tried again, for ever, with growing pauses.
//
// One goroutine, that of Run, owns the state. Send, Stranger and Wake may be
// called from anywhere, at any time, also before Run, and never block. The
// other methods block until Run has seen to them or ctx ends.
package alert

import (
	"context"
	"database/sql"
	"log/slog"
	"sync"
	"time"

	"oswald"
	"oswald/internal/backoff"
	"oswald/internal/store"
)

// Notify tells people. It returns nil only when the message cannot be lost any
// more. text is what people read; a is the most severe alert in it, and a.About has
// "alert:" and the label of each that can be acknowledged, and what the alerts said
// themselves that they are about.
type Notify func(ctx context.Context, text string, a oswald.Alert) error

// Deps is what a Router is made of.
type Deps struct {
	DB     *sql.DB
	Notify Notify
	// Speak, if not nil, says a critical alert aloud, beside Notify.
	Speak func(ctx context.Context, text string) error
	Log   *slog.Logger
	Now   func() time.Time // time.Now if nil
}

// Item is an alert whose condition lasts.
type Item struct {
	Label    string // "A3"; stays the same as long as the condition lasts
	Key      string
	Severity oswald.Severity
	Summary  string
	Since    time.Time
	Told     int    // how many times it was told
	AckedBy  string // empty if nobody has acknowledged it
}

const (
	queueMax      = 1024             // alerts that wait for Run
	notifyTimeout = 30 * time.Second // for one try
	speakTimeout  = 2 * time.Minute
	infoLasts     = 7 * 24 * time.Hour // an Info that nobody has resolved ends then
)

// Router routes alerts. Make one with [New].
type Router struct {
	cfg  Config
	deps Deps
	log  *slog.Logger
	now  func() time.Time

	wake  chan struct{} // holds one: look at the queue and the inbox
	calls chan func()   // run by the owner of the state
	ended chan struct{} // closed when Run has returned

	mu      sync.Mutex
	queue   []oswald.Alert
	dropped int
	knocks  map[string]int // messages by stranger, not yet counted

	// Owned by Run:
	open      map[string]*item // by key
	muted     time.Time        // nothing but critical alerts until then
	lastLabel int
	strangers strangers
	delivered chan outcome
	inFlight  bool
	retryAt   time.Time
	retry     backoff.Backoff
	wg        sync.WaitGroup
}

// New opens the tables of package alert in deps.DB and reads what is open. It
// starts nothing.
func New(cfg Config, deps Deps) (*Router, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if deps.Now == nil {
		deps.Now = time.Now
	}
	if deps.Log == nil {
		deps.Log = slog.New(slog.DiscardHandler)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := store.Migrate(ctx, deps.DB, "alert", schema); err != nil {
		return nil, err
	}
	r := &Router{
		cfg:       cfg,
		deps:      deps,
		log:       deps.Log.With("pkg", "alert"),
		now:       deps.Now,
		wake:      make(chan struct{}, 1),
		calls:     make(chan func()),
		ended:     make(chan struct{}),
		knocks:    map[string]int{},
		open:      map[string]*item{},
		delivered: make(chan outcome, 1),
		retry:     backoff.Backoff{Min: 2 * time.Second, Max: 5 * time.Minute},
	}
	return r, r.load(ctx)
}

// Send takes an alert. It never blocks; the alert is on disk as soon as Run has
// seen it, within milliseconds. Who must know that it is uses [Router.SendTx].
func (r *Router) Send(a oswald.Alert) {
	r.mu.Lock()
	if len(r.queue) >= queueMax {
		r.queue = r.queue[1:]
		r.dropped++
	}
	r.queue = append(r.queue, a)
	r.mu.Unlock()
	r.Wake()
}

// SendTx takes an alert as a part of tx, which is of the Router's database. Call
// Wake after the commit.
func (r *Router) SendTx(ctx context.Context, tx *sql.Tx, a oswald.Alert) error {
	_, err := tx.ExecContext(ctx, "INSERT INTO alert_inbox(key, severity, summary, at, resolved, about) VALUES(?, ?, ?, ?, ?, ?)",
		a.Key, int(a.Severity), a.Summary, millis(a.At), a.Resolved, a.About)
	return err
}

// Wake makes Run look for what SendTx has left.
func (r *Router) Wake() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// Stranger counts a message of somebody who has no role and gets no answer. At
// most once in Config.Strangers it becomes an alert with the numbers.
func (r *Router) Stranger(who string) {
	r.mu.Lock()
	if _, known := r.knocks[who]; !known && len(r.knocks) >= strangersMax {
		who = ""
	}
	r.knocks[who]++
	r.mu.Unlock()
	r.Wake()
}

// Open returns the alerts whose condition lasts, the longest first.
func (r *Router) Open(ctx context.Context) (list []Item, err error) {
	err = r.do(ctx, func() error { list = r.list(); return nil })
	return list, err
}

// Ack stops the reminders of the alert with this label, until it gets worse.
// Twice is harmless.
func (r *Router) Ack(ctx context.Context, label, who string) error {
	return r.do(ctx, func() error {
		i := r.find(label)
		if i == nil {
			return oswald.Errorf(oswald.NotFound, "No alert %s is open; `alerts` lists them.", oneLine(label, 20))
		}
		if i.AckedBy != "" {
			return nil
		}
		i.AckedBy, i.acked = who, r.now()
		return r.save(ctx, i)
	})
}

// Snooze silences the alert with this label until then.
func (r *Router) Snooze(ctx context.Context, label string, until time.Time) error {
	return r.do(ctx, func() error {
		i := r.find(label)
		if i == nil {
			return oswald.Errorf(oswald.NotFound, "No alert %s is open; `alerts` lists them.", oneLine(label, 20))
		}
		i.snoozed = until
		return r.save(ctx, i)
	})
}

// Mute silences all alerts but critical ones until then. What comes meanwhile
// is told afterwards if it still lasts.
func (r *Router) Mute(ctx context.Context, until time.Time) error {
	return r.do(ctx, func() error {
		if err := r.set(ctx, "muted", millis(until)); err != nil {
			return err
		}
		r.muted = until
		return nil
	})
}

// do has the owner of the state run f.
func (r *Router) do(ctx context.Context, f func() error) error {
	done := make(chan error, 1)
	select {
	case r.calls <- func() { done <- f() }:
		return <-done // the owner never blocks for long
	case <-r.ended:
		return oswald.Errorf(oswald.Unavailable, "Alerts are being stopped just now; ask again in a minute.")
	case <-ctx.Done():
		return oswald.Wrap(ctx.Err(), oswald.Unavailable, "The alerts do not answer.")
	}
}

// Run routes alerts until ctx ends, and returns when all it started has
// returned. Call it once.
func (r *Router) Run(ctx context.Context) error {
	defer close(r.ended)
	defer r.wg.Wait()
	timer := time.NewTimer(0)
	defer timer.Stop()
	prune := time.NewTicker(6 * time.Hour)
	defer prune.Stop()
	r.prune(ctx)
	for {
		timer.Reset(r.step(ctx))
		select {
		case <-ctx.Done():
			r.lastWords(ctx)
			return nil
		case <-r.wake:
		case <-timer.C:
		case f := <-r.calls:
			f()
		case o := <-r.delivered:
			r.settle(ctx, o)
		case <-prune.C:
			r.prune(ctx)
		}
	}
}

// lastWords puts on disk what came in the last moment.
func (r *Router) lastWords(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	r.takeIn(ctx)
	r.saveStrangers(ctx)
}

// left reports whether something waits to be taken in.
func (r *Router) left() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.queue) > 0
}

// step takes in what has come, starts a delivery if one is due, and returns how
// long there is nothing to do.
func (r *Router) step(ctx context.Context) time.Duration {
	r.takeIn(ctx)
	now := r.now()
	wait := min(r.countStrangers(ctx, now), time.Hour)
	if r.left() {
		wait = min(wait, 5*time.Second) // the disk did not take it
	}
	due, calm := false, r.calm(now)
	for _, i := range r.open {
		reason, at := i.decide(now, r.cfg, calm)
		switch {
		case reason == over:
			r.close(ctx, i)
		case reason != "" && !at.After(now):
			due = true
		case !at.IsZero():
			wait = min(wait, at.Sub(now))
		}
	}
	if d := r.retryAt.Sub(now); due && d > 0 {
		due, wait = false, min(wait, d)
	}
	if due && !r.inFlight {
		r.deliver(ctx, now)
	}
	return max(wait, 10*time.Millisecond)
}
