// SPDX-License-Identifier: GPL-3.0-or-later

package audio

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"time"

	"oswald"
)

// slack is how much longer than its sound an announcement may take.
const slack = 2 * time.Second

// guard is how much longer than Config.Lead the silence lasts, so that a line
// that opens a little late cuts nothing off. The speech is handed to the device
// with that silence, not after it: behind a buffer already full of silence
// (341 ms with dmix) it would be heard that much later.
const guard = 20 * time.Millisecond

// Run speaks what is queued until ctx ends, and returns when the device is
// asleep and both rooms are muted. What waits then is withdrawn.
func (p *Player) Run(ctx context.Context) error {
	defer p.end()
	if err := p.lines.Mute(); err != nil {
		p.log.Error("mute lines at start", "err", err)
	}
	out, err := p.open()
	if err != nil {
		p.log.Error("sound card", "err", err)
	}
	if out.sink == nil {
		out.sink = deadSink{err}
	}
	p.sink = out.sink
	p.mu.Lock()
	p.output, p.fault = out, err
	p.mu.Unlock()
	for {
		for it := p.begin(ctx); it != nil; it = p.begin(ctx) {
			p.speak(it.ctx, it.item)
		}
		select {
		case <-p.wake:
		case <-ctx.Done():
			return nil
		}
	}
}

// turn is an announcement whose turn has come, with the context that Hush ends.
type turn struct {
	*item
	ctx context.Context
}

// begin takes the next announcement, dropping those that have waited too long.
// It returns nil when there is none or ctx has ended.
func (p *Player) begin(ctx context.Context) *turn {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, it := range p.queue.expired(p.now().Add(-p.cfg.Expire)) {
		p.endLocked(it, Late, oswald.Spoken{}, oswald.Errorf(oswald.Expired,
			"It was not spoken: it waited longer than %v behind others.", p.cfg.Expire))
	}
	if ctx.Err() != nil {
		return nil
	}
	it := p.queue.next()
	if it == nil {
		return nil
	}
	t := &turn{item: it}
	p.playing, p.hushed = it, false
	t.ctx, p.stop = context.WithCancel(ctx)
	return t
}

// speak renders and plays one announcement and tells how it went.
func (p *Player) speak(ctx context.Context, it *item) {
	spoken, err := p.announce(ctx, it)
	if err == nil {
		p.log.Info("spoken", "id", it.ID, "channel", spoken.Channel.String(), "took", spoken.Took, "cached", spoken.Cached)
	} else if ctx.Err() == nil {
		p.log.Error("not spoken", "id", it.ID, "err", err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	interrupted, hushed := ctx.Err() != nil, p.hushed
	p.stop() // frees the context
	p.playing, p.stop, p.hushed = nil, nil, false
	switch {
	case err == nil:
		p.spoken++
		p.fault = nil
		p.endLocked(it, Spoke, spoken, nil)
	case hushed:
		p.endLocked(it, Hushed, oswald.Spoken{}, oswald.Errorf(oswald.Conflict, "It was hushed."))
	case interrupted:
		p.endLocked(it, Withdrawn, oswald.Spoken{}, oswald.Wrap(err, oswald.Unavailable, "It was interrupted: Oswald is ending."))
	default:
		if oswald.CodeOf(err) != oswald.Conflict {
			p.fault = err
		}
		p.endLocked(it, Failed, oswald.Spoken{}, err)
	}
}

// announce renders the text and plays it, and tries the other player when the
// card has failed.
func (p *Player) announce(ctx context.Context, it *item) (oswald.Spoken, error) {
	clip, cached, err := p.phrases.get(ctx, it.Text)
	if err != nil {
		return oswald.Spoken{}, err
	}
	p.mu.Lock()
	set := p.settings
	p.mu.Unlock()
	ch, ok := set.heard(it.Channel)
	if !ok {
		return oswald.Spoken{}, set.audible(it.Channel) // muted since it was queued
	}
	clips := [][]int16{clip}
	if set.chime || it.Urgent {
		clips = [][]int16{p.bell(it.Urgent), clip}
	}
	pcm := stereo(ch, float64(set.volume)/100, clips...)
	opened, err := p.perform(ctx, ch, pcm)
	if err != nil && ctx.Err() == nil && !errors.Is(err, errLines) && p.otherPlayer() {
		p.log.Warn("the sound card failed; trying it through aplay", "err", err)
		opened, err = p.perform(ctx, ch, pcm)
	}
	if err != nil {
		return oswald.Spoken{}, err
	}
	spoken := oswald.Spoken{Channel: ch, Took: samples(len(clip)), Cached: cached,
		Lines: fmt.Sprintf("%s unmuted %.1f s", ch, opened.Seconds())}
	if f, ok := p.sink.(*fileSink); ok {
		spoken.Simulated, spoken.File = true, f.last
	}
	return spoken, nil
}

// bell returns the chime, made when it is first needed.
func (p *Player) bell(urgent bool) []int16 {
	b := &p.bells[0]
	if urgent {
		b = &p.bells[1]
	}
	if *b == nil {
		*b = chime(urgent)
	}
	return *b
}

// errLines marks what is the fault of the mute lines, not of the card.
var errLines = errors.New("mute lines")

// perform is one playback in the order that the package comment gives. It
// returns how long the room was open. Whatever happens, and however it is
// interrupted, the rooms are muted first and the device is put to sleep then.
func (p *Player) perform(ctx context.Context, ch oswald.Channel, pcm []byte) (opened time.Duration, err error) {
	ctx, cancel := context.WithTimeout(ctx, p.cfg.Lead+p.guard+length(pcm)+p.cfg.Tail+p.slack)
	defer cancel()
	defer func() {
		if e := p.sink.sleep(); err == nil {
			err = e
		}
		if errors.Is(err, context.DeadlineExceeded) {
			err = oswald.Wrap(err, oswald.Unavailable, "The sound card hangs: look at its cable, or restart the machine.")
		}
	}()
	if err := p.sink.start(ctx, append(silence(p.cfg.Lead+p.guard), pcm...), p.cfg.Lead); err != nil {
		return 0, err
	}
	if err := p.lines.Unmute(ch); err != nil {
		p.lines.Mute() // one of them may have opened
		return 0, fmt.Errorf("%w: %w", errLines, err)
	}
	began := p.now()
	defer func() {
		opened = p.now().Sub(began)
		if e := p.lines.Mute(); e != nil && err == nil {
			err = fmt.Errorf("%w: %w", errLines, e)
		}
	}()
	return 0, p.sink.finish(ctx, p.cfg.Tail)
}

// otherPlayer goes over to aplay, which opens the card anew each time, when
// the sound library has lost it for good. It returns false where that is no
// way out.
func (p *Player) otherPlayer() bool { // p.output changes on this goroutine only, so it is read unlocked
	if _, is := p.sink.(*aplaySink); is || !p.output.card {
		return false
	}
	if _, err := exec.LookPath("aplay"); err != nil {
		return false
	}
	p.sink = &aplaySink{}
	p.mu.Lock()
	p.output = output{name: "sound card by aplay", card: true, sink: p.sink}
	p.mu.Unlock()
	return true
}

// end withdraws what waits and leaves both rooms muted.
func (p *Player) end() {
	p.mu.Lock()
	p.ended = true
	for _, it := range p.queue.take(func(*item) bool { return true }) {
		p.endLocked(it, Withdrawn, oswald.Spoken{}, oswald.Errorf(oswald.Unavailable, "It was not spoken: Oswald is ending."))
	}
	p.mu.Unlock()
	if err := p.lines.Mute(); err != nil {
		p.log.Error("mute lines at the end", "err", err)
	}
}

// deadSink is a card that could not be opened.
type deadSink struct{ err error }

func (s deadSink) start(context.Context, []byte, time.Duration) error { return s.err }
func (s deadSink) finish(context.Context, time.Duration) error        { return s.err }
func (s deadSink) sleep() error                                       { return nil }
