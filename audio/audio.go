// SPDX-License-Identifier: GPL-3.0-or-later

// Package audio speaks in the rooms of the two-channel amplifier. It owns the
// queue of announcements, the speech engine, the rendered phrases and the sound
// card.
//
// A text becomes 48 kHz 16-bit samples through a speech engine, once: phrases
// are kept. It is spoken in this order, which the mute circuit depends on:
//
//	device awake → silence → the room's line unmuted → chime and speech as one
//	stretch, the other channel exactly zero → tail → muted → device asleep
//
// The lines are muted at start, at the end, after each announcement, on every
// error and when it is interrupted. Announcements never overlap. Urgent ones go
// before the others and do not mind quiet hours.
//
// Run blocks, is called once, and its goroutine alone touches the device. All
// other methods may be called from any goroutine; Say waits until the text was
// spoken, up to a bound, the others do not wait. One Player in a process may
// play to the sound card, because the sound library allows no more.
package audio

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"time"

	"oswald"
)

// Lines is what the player needs of the mute lines.
type Lines interface {
	// Unmute opens the room or rooms and mutes the other, in one step.
	Unmute(oswald.Channel) error
	// Mute mutes both, in one step.
	Mute() error
	Part() oswald.Part
}

// Deps is what a Player is given. Log and Now may be nil.
type Deps struct {
	Lines  Lines
	Folder string // used where Config.Folder is empty
	Log    *slog.Logger
	Now    func() time.Time
}

// patience is how long Say waits for its turn before it says how many are
// ahead. The announcement stays in the queue.
const patience = 15 * time.Second

// Player is the voice. Make it with [New].
type Player struct {
	cfg     Config
	lines   Lines
	dir     string
	log     *slog.Logger
	now     func() time.Time
	phrases *phrases
	guard   time.Duration // these two as the constants, but in tests
	slack   time.Duration
	open    func() (output, error) // Run calls it

	sink  sink       // Run's alone
	bells [2][]int16 // likewise: the chime and the urgent one, once made

	wake chan struct{} // holds one: something was queued

	mu       sync.Mutex // guards what follows
	queue    queue
	history  history
	recent   map[string]time.Time // room and text → when it was accepted
	playing  *item
	stop     context.CancelFunc // interrupts playing
	hushed   bool               // stop was called by Hush
	ended    bool               // Run has returned
	output   output             // empty before Run
	fault    error              // of the last announcement or the device; nil when it went well
	spoken   int
	settings settings
}

// New connects the parts. It starts nothing and touches no device.
func New(cfg Config, deps Deps) (*Player, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	p := &Player{cfg: cfg, lines: deps.Lines, dir: cfg.Folder, log: deps.Log, now: deps.Now, guard: guard, slack: slack,
		wake: make(chan struct{}, 1), queue: queue{max: cfg.Queue}, recent: make(map[string]time.Time)}
	if p.dir == "" {
		p.dir = deps.Folder
	}
	if p.log == nil {
		p.log = slog.New(slog.DiscardHandler)
	}
	p.log = p.log.With("pkg", "audio")
	if p.now == nil {
		p.now = time.Now
	}
	quiet, _ := parseHours(cfg.Quiet) // Validate has read it
	p.settings = settings{volume: cfg.Volume, chime: cfg.Chime, quiet: quiet, hasQuiet: cfg.Quiet != ""}
	p.phrases = newPhrases(newEngine(cfg), p.subfolder("phrases"), cfg.CacheBytes, p.log, p.now)
	p.open = p.openOutput
	return p, nil
}

// subfolder returns a folder of ours, or nothing where we have none.
func (p *Player) subfolder(name string) string {
	if p.dir == "" {
		return ""
	}
	return filepath.Join(p.dir, name)
}

// output is where an open Player plays to.
type output struct {
	name string // for status
	card bool   // not a file
	sink sink
}

// openOutput opens what Config.Output names.
func (p *Player) openOutput() (output, error) {
	if p.cfg.Output == "card" || p.cfg.Output == "auto" && haveCard() {
		if err := chooseCard(p.cfg.Card); err != nil {
			return output{sink: deadSink{err}}, err
		}
		s, name, err := openCard()
		if err != nil {
			s, name = deadSink{err}, "sound card"
		}
		return output{name: name, card: true, sink: s}, err
	}
	dir := p.subfolder("spoken")
	if dir == "" {
		return output{}, oswald.Errorf(oswald.Unavailable, "There is no sound card, and audio.folder names no folder for simulated speech.")
	}
	return output{name: "simulated, WAV files", sink: &fileSink{dir: dir, log: p.log, now: p.now}}, nil
}

// Say speaks text in the room or rooms of ch. It returns when it was spoken, or
// with Spoken.Queued set when many are still ahead after a while. An id that was
// accepted before is not spoken again; it may be empty. When ctx ends before
// its turn the announcement is withdrawn.
func (p *Player) Say(ctx context.Context, id string, ch oswald.Channel, text string, urgent bool) (oswald.Spoken, error) {
	text, err := speakable(text, urgent)
	if err != nil {
		return oswald.Spoken{}, err
	}
	it := &item{Entry: Entry{At: p.now(), ID: id, Text: text, Channel: ch, Urgent: urgent}, done: make(chan result, 1)}
	if err := p.admit(it, true); err != nil {
		return oswald.Spoken{}, err
	}
	return p.await(ctx, it)
}

// await waits for the end of an accepted announcement.
func (p *Player) await(ctx context.Context, it *item) (oswald.Spoken, error) {
	t := time.NewTimer(patience)
	defer t.Stop()
	for {
		select {
		case r := <-it.done:
			return r.spoken, r.err
		case <-t.C:
			p.mu.Lock()
			ahead := p.queue.ahead(it)
			p.mu.Unlock()
			if ahead >= 0 {
				return oswald.Spoken{Channel: it.Channel, Queued: ahead + 1}, nil // and the one that is being spoken
			}
		case <-ctx.Done():
			p.mu.Lock()
			waiting := p.queue.take(func(o *item) bool { return o == it })
			if len(waiting) > 0 {
				p.endLocked(it, Withdrawn, oswald.Spoken{}, ctx.Err())
			}
			p.mu.Unlock()
			return oswald.Spoken{Channel: it.Channel}, ctx.Err()
		}
	}
}

// admit applies the rules of the queue and puts it in.
func (p *Player) admit(it *item, dedupe bool) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	refuse := func(why Outcome, err error) error {
		e := it.Entry
		e.Outcome = why
		p.history.add(e)
		return err
	}
	if p.ended {
		return oswald.Errorf(oswald.Unavailable, "The voice has stopped: Oswald is ending.")
	}
	if p.knownLocked(it.ID) {
		return oswald.Errorf(oswald.Conflict, "That announcement was made already.")
	}
	if !it.Urgent && p.settings.hasQuiet && p.settings.quiet.contains(it.At) {
		return refuse(Quiet, oswald.Errorf(oswald.Conflict, "Nothing is said in quiet hours; they end at %s.", p.settings.quiet.end()))
	}
	if err := p.settings.audible(it.Channel); err != nil {
		return refuse(Failed, err)
	}
	p.forgetLocked(it.At)
	key := it.Channel.String() + "\x00" + it.Text
	if at, ok := p.recent[key]; ok && dedupe {
		wait := p.cfg.Repeat - it.At.Sub(at)
		return refuse(Repeated, oswald.Errorf(oswald.Conflict, "The same was said a moment ago: it can be said again in %d s.", int(wait/time.Second)+1))
	}
	displaced, ok := p.queue.add(it)
	if !ok {
		return refuse(Full, oswald.Errorf(oswald.Unavailable, "%d announcements wait already: try again when some have been spoken.", p.queue.max))
	}
	if displaced != nil {
		p.endLocked(displaced, Full, oswald.Spoken{},
			oswald.Errorf(oswald.Expired, "It was not spoken: an urgent announcement took its place in the full queue."))
	}
	p.recent[key] = it.At
	select {
	case p.wake <- struct{}{}:
	default:
	}
	return nil
}

// knownLocked says whether an announcement of this id was accepted before.
func (p *Player) knownLocked(id string) bool {
	if id == "" {
		return false
	}
	if p.playing != nil && p.playing.ID == id {
		return true
	}
	for _, it := range p.queue.items {
		if it.ID == id {
			return true
		}
	}
	for _, e := range p.history.entries {
		if e.ID == id && e.Outcome == Spoke {
			return true
		}
	}
	return false
}

// forgetLocked drops what was accepted so long ago that it may be said again.
func (p *Player) forgetLocked(now time.Time) {
	for key, at := range p.recent {
		if now.Sub(at) >= p.cfg.Repeat {
			delete(p.recent, key)
		}
	}
}

// endLocked records how an announcement ended and tells whoever waits for it.
func (p *Player) endLocked(it *item, how Outcome, spoken oswald.Spoken, err error) {
	e := it.Entry
	e.Outcome = how
	p.history.add(e)
	if how != Spoke {
		delete(p.recent, it.Channel.String()+"\x00"+it.Text) // it was not heard: it may be tried again
	}
	it.done <- result{spoken, err}
}

// History returns the last announcements, oldest first, with how each ended.
func (p *Player) History() []Entry {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]Entry(nil), p.history.entries...)
}

// Parts returns the voice and the mute lines as lines of `status`.
func (p *Player) Parts() []oswald.Part {
	missing := p.phrases.synth.missing()
	kept := p.phrases.size()
	p.mu.Lock()
	voice := oswald.Part{Name: "voice", OK: true, Simulated: p.output.sink != nil && !p.output.card}
	switch {
	case missing != nil:
		voice.OK, voice.State = false, oswald.MessageOf(missing)
	case p.fault != nil:
		voice.OK, voice.State = false, oswald.MessageOf(p.fault)
	case p.output.sink == nil:
		voice.State = "not started"
	default:
		voice.State = fmt.Sprintf("%s, %s, %d spoken, %d phrases kept%s", p.cfg.Engine, p.output.name, p.spoken, kept, p.settings)
		if n := len(p.queue.items); n > 0 {
			voice.State += fmt.Sprintf(", %d waiting", n)
		}
	}
	p.mu.Unlock()
	return []oswald.Part{voice, p.lines.Part()}
}
