// SPDX-License-Identifier: GPL-3.0-or-later

package audio

import (
	"context"
	"fmt"

	"oswald"
)

// settings is what people change while Oswald runs.
type settings struct {
	volume   int // 1 to 100
	chime    bool
	quiet    hours
	hasQuiet bool
	silent   [3]bool // rooms held muted, by oswald.Channel; Both is not used
}

// audible returns nil when something of ch can be heard.
func (s settings) audible(ch oswald.Channel) error {
	if _, ok := s.heard(ch); ok {
		return nil
	}
	if ch == oswald.Both {
		return oswald.Errorf(oswald.Conflict, "Both rooms are muted: unmute one first.")
	}
	return oswald.Errorf(oswald.Conflict, "The %s room is muted: unmute %s first.", ch, ch)
}

// heard returns the part of ch that is not held muted.
func (s settings) heard(ch oswald.Channel) (oswald.Channel, bool) {
	left := ch != oswald.Right && !s.silent[oswald.Left]
	right := ch != oswald.Left && !s.silent[oswald.Right]
	switch {
	case left && right:
		return oswald.Both, true
	case left:
		return oswald.Left, true
	case right:
		return oswald.Right, true
	}
	return ch, false
}

// String returns what differs from the usual, for `status`.
func (s settings) String() string {
	var out string
	if s.volume != 100 {
		out += fmt.Sprintf(", volume %d", s.volume)
	}
	switch {
	case s.silent[oswald.Left] && s.silent[oswald.Right]:
		out += ", both rooms muted"
	case s.silent[oswald.Left]:
		out += ", left room muted"
	case s.silent[oswald.Right]:
		out += ", right room muted"
	}
	return out
}

// Hush interrupts what is being spoken and empties the queue. It returns how
// many announcements that ended.
func (p *Player) Hush() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	waiting := p.queue.take(func(*item) bool { return true })
	for _, it := range waiting {
		p.endLocked(it, Hushed, oswald.Spoken{}, oswald.Errorf(oswald.Conflict, "It was hushed before it was spoken."))
	}
	n := len(waiting)
	if p.stop != nil {
		p.hushed = true
		p.stop()
		n++
	}
	return n
}

// Repeat speaks the last announcement again, in the same room, and waits for
// it like Say.
func (p *Player) Repeat(ctx context.Context, id string) (oswald.Spoken, error) {
	p.mu.Lock()
	last, ok := p.history.last()
	p.mu.Unlock()
	if !ok {
		return oswald.Spoken{}, oswald.Errorf(oswald.NotFound, "Nothing was said yet.")
	}
	last.At, last.ID = p.now(), id
	it := &item{Entry: last, done: make(chan result, 1)}
	if err := p.admit(it, false); err != nil {
		return oswald.Spoken{}, err
	}
	return p.await(ctx, it)
}

// Volume sets the loudness, 1 to 100, from the next announcement on.
func (p *Player) Volume(percent int) error {
	if percent < 1 || percent > 100 {
		return oswald.Errorf(oswald.Invalid, "The volume goes from 1 to 100; for silence, mute.")
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.settings.volume = percent
	return nil
}

// Silence holds rooms muted, or stops holding them, from the next announcement
// on. What is being spoken there is interrupted.
func (p *Player) Silence(ch oswald.Channel, muted bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if ch != oswald.Right {
		p.settings.silent[oswald.Left] = muted
	}
	if ch != oswald.Left {
		p.settings.silent[oswald.Right] = muted
	}
	if p.playing != nil && muted {
		if now, ok := p.settings.heard(p.playing.Channel); !ok || now != p.playing.Channel {
			p.hushed = true
			p.stop()
		}
	}
}

// Chime sets whether two notes come before each announcement.
func (p *Player) Chime(on bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.settings.chime = on
}

// Quiet sets the quiet hours, such as "22:00-07:00"; empty is none.
func (p *Player) Quiet(span string) error {
	h, err := parseHours(span)
	if err != nil {
		return oswald.Wrap(err, oswald.Invalid, "Give quiet hours like 22:00-07:00.")
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.settings.quiet, p.settings.hasQuiet = h, span != ""
	return nil
}
