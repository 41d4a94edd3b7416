// SPDX-License-Identifier: GPL-3.0-or-later

package ipc

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"oswald"
	"oswald/internal/backoff"
	"oswald/internal/secret"
)

// A Node is one role on the bus: it commands its peers and is commanded by them.
// Pair and Handle come before Run; everything else may be called from any
// goroutine at any time.
type Node struct {
	cfg      Config
	name     string
	db       *sql.DB
	bus      Bus
	version  string
	log      *slog.Logger
	now      func() time.Time
	verbs    map[string]Kind
	machine  machine
	links    []*link
	handlers map[string]Handler
	faults   []error // of Pair and Handle; Run returns them

	submits chan *submission
	cancels chan *cancellation
	kick    chan struct{}
	stopped chan struct{} // closed when Run has returned
	inbox   inbox
	board   board
}

// machine is the transitions that a Node makes; see sender.go and worker.go.
type machine struct {
	open   func(key []byte, name string, v []byte) ([]byte, error)
	expire func(t ticket, now int64) (ticket, bool)
	hear   func(t ticket, it item, inst string, now int64) (ticket, bool)
	take   func(j job, o offer, f facts, nonce func() string) (job, bool)

	cancel   func(t ticket) (ticket, bool)
	restored func(e *echo, known int64, ok bool) bool
}

func machinery() machine {
	return machine{open: open, expire: expire, hear: hear, take: take, cancel: cancel, restored: restored}
}

// link is a pair as Pair made it. All but the name belongs to the loop once Run
// has been called.
type link struct {
	name, own string
	path      string // of the secret; "": it does not change
	ring      ring
	stamp     string // of the files that ring was read from
	looked    time.Time
	fault     error // of reading the files

	out []byte   // direction key of what we write
	in  [][]byte // of what we read, as ring.all has it
}

// use makes the direction keys of r.
func (l *link) use(r ring) {
	l.ring, l.out, l.in = r, directionKey(r.key, l.own, l.name), nil
	for _, s := range r.all() {
		l.in = append(l.in, directionKey(s, l.name, l.own))
	}
}

// New returns a Node. It does not touch the file or the bus yet.
func New(cfg Config, d Deps) (*Node, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if !legalName(d.Name) {
		return nil, oswald.Errorf(oswald.Invalid, "%q cannot be a name on the message bus: use up to 32 of a-z, 0-9 and -.", d.Name)
	}
	if d.DB == nil || d.Bus == nil {
		return nil, oswald.Errorf(oswald.Internal, "The message bus needs a database and a bus.")
	}
	if d.Log == nil {
		d.Log = slog.New(slog.DiscardHandler)
	}
	if d.Now == nil {
		d.Now = time.Now
	}
	return &Node{
		cfg: cfg, name: d.Name, db: d.DB, bus: d.Bus, version: d.Version,
		log: d.Log.With("pkg", "ipc", "role", d.Name), now: d.Now,
		verbs:    Verbs,
		machine:  machinery(),
		handlers: map[string]Handler{},
		submits:  make(chan *submission, 4*window),
		cancels:  make(chan *cancellation, window),
		kick:     make(chan struct{}, 1),
		stopped:  make(chan struct{}),
		board:    board{hosts: map[string]oswald.Host{}},
	}, nil
}

// Pair makes peer known: key is the secret of the two and of nobody else.
func (n *Node) Pair(peer string, key secret.Secret) error {
	return n.pair(&link{name: peer, own: n.name}, ring{key: key})
}

// PairFiles makes peer known by the secret in keys, which is made where there is
// none, and follows it when it changes.
func (n *Node) PairFiles(peer string, keys Keys) error {
	if err := keys.ReadOrMake(n.name, peer); err != nil {
		return err
	}
	l := &link{name: peer, own: n.name, path: keys.Path(n.name, peer), looked: time.Now()}
	r, stamp, err := readRing(l.path, time.Now())
	if err != nil {
		return keys.wrap(err, n.name, peer)
	}
	l.stamp = stamp
	return n.pair(l, r)
}

func (n *Node) pair(new *link, r ring) error {
	peer := new.name
	switch {
	case !legalName(peer) || peer == n.name:
		return oswald.Errorf(oswald.Invalid, "%q cannot be a peer of %s on the message bus: use up to 32 of a-z, 0-9 and -.", peer, n.name)
	case len(r.key.Reveal()) < 16:
		return oswald.Errorf(oswald.Invalid, "The key that %s and %s share is too short: delete it on both hosts, start one of them, which makes a new one, and copy that to the other.", n.name, peer)
	}
	for _, l := range n.links {
		if l.name == peer {
			return oswald.Errorf(oswald.Invalid, "%s is paired with %s twice.", n.name, peer)
		}
	}
	new.use(r)
	n.links = append(n.links, new)
	n.board.set(oswald.Host{Name: peer, Note: "not heard of yet"})
	return nil
}

// Handle lets peers use verb, a key of [Verbs]. A handler that does not fit its
// verb makes Run fail.
func (n *Node) Handle(verb string, h Handler) {
	kind, ok := n.verbs[verb]
	switch {
	case !ok:
		n.faults = append(n.faults, fmt.Errorf("ipc: %q is not in the table of verbs", verb))
	case kind == InTx && (h.Tx == nil || h.Run != nil):
		n.faults = append(n.faults, fmt.Errorf("ipc: the verb %q needs Tx and no Run", verb))
	case kind != InTx && (h.Run == nil || h.Tx != nil || h.After != nil):
		n.faults = append(n.faults, fmt.Errorf("ipc: the verb %q needs Run and neither Tx nor After", verb))
	}
	n.handlers[verb] = h
}

// Run serves until ctx ends and returns when every handler has returned. When
// the file cannot be written it stops publishing and starts anew, as a new
// process would, until it can. Call it once.
func (n *Node) Run(ctx context.Context) error {
	defer close(n.stopped)
	if err := errors.Join(n.faults...); err != nil {
		return err
	}
	retry := backoff.Backoff{Min: 100 * time.Millisecond, Max: 30 * time.Second}
	watchers := map[string][]*submission{}
	for {
		start := time.Now()
		err := n.session(ctx, watchers)
		if ctx.Err() != nil {
			if err != nil {
				n.log.Error("last commit", "err", err)
			}
			return nil
		}
		n.log.Error("the database of the message bus cannot be written; nothing is sent until it can", "err", err)
		n.board.trouble("its own database cannot be written")
		if time.Since(start) > time.Minute {
			retry.Reset()
		}
		if retry.Wait(ctx) != nil {
			return nil
		}
	}
}

// Submit makes c durable and returns; it will be carried out, refused or
// expire, and will not be lost. A command whose ID is known already is left as
// it is. Never call it while a transaction of the role's database is open.
func (n *Node) Submit(ctx context.Context, c Command) error {
	_, err := n.submit(ctx, c, nil)
	return err
}

// Call submits c and waits for its end, however late; when ctx ends first, the
// command goes on without the caller, who can call again with the same ID.
// progress may be nil; it is called from this goroutine. The error is an
// *oswald.Error with the code of the other side, oswald.Expired if the command
// certainly did not run, or oswald.Unknown if it may have.
func (n *Node) Call(ctx context.Context, c Command, progress func(string)) (json.RawMessage, error) {
	s, err := n.submit(ctx, c, ctx)
	if err != nil {
		return nil, err
	}
	for {
		select {
		case t := <-s.end:
			return answer(t)
		case text := <-s.progress:
			if progress != nil {
				progress(text)
			}
		case <-ctx.Done():
			return nil, oswald.Wrap(ctx.Err(), oswald.Unavailable, "No word from %s yet%s; it goes on by itself once %s is back. See `status`.", c.Peer, n.board.why(c.Peer), c.Peer)
		case <-n.stopped:
			return nil, errStopped
		}
	}
}

// Peers returns the peers by name, as `hosts` shows them.
func (n *Node) Peers() []oswald.Host { return n.board.list() }

// wake makes the loop look at once.
func (n *Node) wake() {
	select {
	case n.kick <- struct{}{}:
	default:
	}
}

var errStopped = oswald.Errorf(oswald.Unavailable, "Oswald is stopping; the command is kept.")

// answer is the end of a ticket as its caller sees it.
func answer(t ticket) (json.RawMessage, error) {
	switch {
	case t.State == expired:
		return nil, oswald.Errorf(oswald.Expired, "Too late: %s was not reached in time, so this was not run.", t.Peer)
	case t.State == doubt:
		return nil, oswald.Errorf(oswald.Unknown, "%s stopped in the middle of this: it may have run or not, and is not run again by itself.", t.Peer)
	case t.Out.Err != nil:
		return nil, t.Out.Err.err()
	}
	return nonNil(t.Out.Result), nil
}

// A submission is a command on its way to the loop, and whoever waits for it.
type submission struct {
	t        ticket
	waits    context.Context // of a Call; nil: nobody waits for the end
	accepted chan error      // cap 1
	end      chan ticket     // cap 1
	progress chan string     // cap 1; the newest replaces an older one
}

func (n *Node) submit(ctx context.Context, c Command, waits context.Context) (*submission, error) {
	t, err := n.ticket(c)
	if err != nil {
		return nil, err
	}
	s := &submission{t: t, waits: waits, accepted: make(chan error, 1), end: make(chan ticket, 1), progress: make(chan string, 1)}
	late := func() error {
		return oswald.Wrap(ctx.Err(), oswald.Unavailable, "The command for %s could not be put on disk in time: try again.", c.Peer)
	}
	select {
	case n.submits <- s:
		n.wake()
	case <-ctx.Done():
		return nil, late()
	case <-n.stopped:
		return nil, errStopped
	}
	select {
	case err := <-s.accepted:
		return s, err
	case <-ctx.Done():
		return nil, late()
	case <-n.stopped:
		select {
		case err := <-s.accepted:
			return s, err
		default:
			return nil, errStopped
		}
	}
}

// ticket checks c and makes a ticket of it.
func (n *Node) ticket(c Command) (ticket, error) {
	kind, ok := n.verbs[c.Verb]
	known := false
	for _, l := range n.links {
		known = known || l.name == c.Peer
	}
	switch {
	case !legalID(c.ID):
		return ticket{}, oswald.Errorf(oswald.Internal, "The id %.80q cannot stand on the message bus.", c.ID)
	case !ok:
		return ticket{}, oswald.Errorf(oswald.Invalid, "There is no command %q between hosts.", c.Verb)
	case !known:
		return ticket{}, oswald.Errorf(oswald.NotFound, "%s is not paired with %q: run oswald pair %s on both.", n.name, c.Peer, c.Peer)
	}
	args, err := encode(c.Args)
	if err != nil {
		return ticket{}, oswald.Wrap(err, oswald.Internal, "The command %s could not be written down.", c.Verb)
	}
	if len(args) > maxArgs {
		return ticket{}, oswald.Errorf(oswald.Invalid, "That is too long for %s: %d KB, and the message bus carries %d.", c.Peer, (len(args)+1023)>>10, maxArgs>>10)
	}
	if c.Deadline.IsZero() {
		c.Deadline = n.now().Add(24 * time.Hour)
	}
	return ticket{
		ID: c.ID, Peer: c.Peer, Verb: c.Verb, Args: args,
		Repeat: kind != Once, Deadline: c.Deadline.UnixMilli(), State: offered,
	}, nil
}
