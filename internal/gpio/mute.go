// SPDX-License-Identifier: GPL-3.0-or-later

package gpio

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"oswald"
)

const (
	muted = 1 // the logical value; the request says whether that is a low or a high level
	open  = 0

	kept = 20 // changes remembered
)

// Deps is what a Mute is given. Log and Now may be nil.
type Deps struct {
	Log *slog.Logger
	Now func() time.Time
}

// Change is one change of the mute lines.
type Change struct {
	At          time.Time
	Left, Right bool // open, that is: not muted
}

// String returns the change as `status` shows it.
func (c Change) String() string { return c.At.Format("15:04:05") + " " + rooms(c.Left, c.Right) }

// pair is two output lines, held; *gpiocdev.Lines is one.
type pair interface {
	// SetValues changes both lines in one step. A short slice silently writes
	// 0 to the missing line, so it is always given two values.
	SetValues([]int) error
	Close() error
}

// Mute is the two mute lines. Make it with [New].
type Mute struct {
	cfg       Config
	simulated bool
	log       *slog.Logger
	now       func() time.Time

	mu      sync.Mutex // guards what follows
	lines   pair       // nil while they are not held
	where   string     // chip and lines, for status
	err     error      // why they are not held, or not as they should be
	closed  bool
	l, r    bool     // open
	changes []Change // newest last
}

// New takes the lines, muted. It fails only on a Config that Validate refuses:
// lines that cannot be had now (no chip, held by another program) are tried
// again at each use, and Part says what is wrong with them until then.
func New(cfg Config, deps Deps) (*Mute, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	m := &Mute{cfg: cfg, simulated: cfg.Left == "", log: deps.Log, now: deps.Now}
	if m.log == nil {
		m.log = slog.New(slog.DiscardHandler)
	}
	m.log = m.log.With("pkg", "gpio")
	if m.now == nil {
		m.now = time.Now
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.holdLocked(); err != nil {
		m.log.Error("mute lines are not held", "err", err)
	}
	return m, nil
}

// Unmute opens the lines of ch and mutes the other one, both in one step.
func (m *Mute) Unmute(ch oswald.Channel) error {
	return m.set(ch != oswald.Right, ch != oswald.Left)
}

// Mute mutes both lines, in one step.
func (m *Mute) Mute() error { return m.set(false, false) }

// Close mutes both lines and gives them back. Closing twice is harmless.
func (m *Mute) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil
	}
	m.closed = true
	if m.lines == nil {
		return nil
	}
	err := m.writeLocked(false, false)
	err = errors.Join(err, m.lines.Close())
	m.lines = nil
	return err
}

// Changes returns the last changes, oldest first.
func (m *Mute) Changes() []Change {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]Change(nil), m.changes...)
}

// Part returns the lines as a line of `status`.
func (m *Mute) Part() oswald.Part {
	m.mu.Lock()
	defer m.mu.Unlock()
	p := oswald.Part{Name: "mute lines", OK: m.err == nil, Simulated: m.simulated}
	if m.err != nil {
		p.State = oswald.MessageOf(m.err)
		return p
	}
	p.State = m.where + ", " + rooms(m.l, m.r)
	if n := len(m.changes); n > 0 {
		last := make([]string, 0, 3)
		for _, c := range m.changes[max(0, n-3):] {
			last = append(last, c.String())
		}
		p.State += "; last: " + strings.Join(last, ", ")
	}
	return p
}

// set brings the lines to a state, taking them again first when they were lost.
func (m *Mute) set(left, right bool) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return oswald.Errorf(oswald.Unavailable, "The mute lines have been given back: Oswald is stopping.")
	}
	if m.lines != nil {
		err := m.writeLocked(left, right)
		if err == nil {
			return nil
		}
		m.log.Warn("mute lines do not answer; taking them again", "err", err)
		m.lines.Close()
		m.lines = nil
	}
	if err := m.holdLocked(); err != nil {
		return err
	}
	if err := m.writeLocked(left, right); err != nil {
		m.err = oswald.Wrap(err, oswald.Unavailable, "The mute lines do not answer: look at the GPIO chip and its cable.")
		return m.err
	}
	return nil
}

// holdLocked takes the lines, muted.
func (m *Mute) holdLocked() error {
	m.l, m.r = false, false
	if m.simulated {
		m.lines, m.where = recorder{}, "simulated"
		return nil
	}
	m.lines, m.where, m.err = request(m.cfg)
	return m.err
}

func (m *Mute) writeLocked(left, right bool) error {
	value := func(isOpen bool) int {
		if isOpen {
			return open
		}
		return muted
	}
	if err := m.lines.SetValues([]int{value(left), value(right)}); err != nil {
		return err
	}
	m.err = nil
	if left == m.l && right == m.r {
		return nil
	}
	m.l, m.r = left, right
	c := Change{At: m.now(), Left: left, Right: right}
	m.changes = append(m.changes, c)
	if over := len(m.changes) - kept; over > 0 {
		m.changes = append(m.changes[:0], m.changes[over:]...)
	}
	m.log.Debug("mute lines", "state", rooms(left, right))
	return nil
}

// rooms says which rooms are open, for people.
func rooms(left, right bool) string {
	var s string
	switch {
	case left && right:
		s = "both open"
	case left:
		s = "left open"
	case right:
		s = "right open"
	}
	return cmp.Or(s, "both muted")
}

// recorder is lines that are not there. The Mute keeps the record.
type recorder struct{}

func (recorder) SetValues(v []int) error {
	if len(v) != 2 {
		return fmt.Errorf("%d values for two lines", len(v))
	}
	return nil
}

func (recorder) Close() error { return nil }
