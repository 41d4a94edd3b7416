// SPDX-License-Identifier: GPL-3.0-or-later

//go:build cgo

package audio

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/hajimehoshi/oto/v2"

	"oswald"
)

const (
	openTimeout = 5 * time.Second // for the card to open
	stuck       = 2 * time.Second // for what should be immediate
)

// opened is true once the process has its one context of the sound library,
// which keeps its own in a package variable, does not guard it and cannot close
// it: a second one would be a second device thread on the same card.
var opened atomic.Bool

// otoSink plays through oto, which writes to ALSA from a thread of its own and
// plays silence while nothing else is to be played.
type otoSink struct {
	ctx    *oto.Context
	player oto.Player // from start to sleep; kept, because a player that is collected is closed
}

// openCard opens the sound card and puts it to sleep.
func openCard() (sink, string, error) {
	if !opened.CompareAndSwap(false, true) {
		return nil, "", errors.New("audio: the process has opened its sound card already")
	}
	// NewContext never fails: the device opens in a goroutine that may never
	// come back, and then the error, if any, is in the context.
	octx, ready, err := oto.NewContext(rate, 2, oto.FormatSignedInt16LE)
	if err != nil {
		return nil, "", cardFault(err)
	}
	t := time.NewTimer(openTimeout)
	defer t.Stop()
	select {
	case <-ready:
	case <-t.C:
		return nil, "", cardFault(fmt.Errorf("not ready after %v", openTimeout))
	}
	if err := octx.Err(); err != nil {
		return nil, "", cardFault(err)
	}
	s := &otoSink{ctx: octx}
	return s, "sound card", s.sleep()
}

func cardFault(err error) error {
	return oswald.Wrap(err, oswald.Unavailable,
		"The sound card does not play: is it plugged in, and is Oswald's user in the group audio?")
}

func (s *otoSink) start(ctx context.Context, pcm []byte, lead time.Duration) error {
	if err := s.ctx.Err(); err != nil {
		return cardFault(err) // a player on a failed context "plays" for ever
	}
	s.player = s.ctx.NewPlayer(bytes.NewReader(pcm))
	s.player.Play() // heard from Resume on
	if err := s.bounded(s.ctx.Resume); err != nil {
		return err
	}
	return pause(ctx, lead)
}

func (s *otoSink) finish(ctx context.Context, tail time.Duration) error {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for s.player.IsPlaying() { // for ever, and without an error, when the device has died
		select {
		case <-tick.C:
			if err := s.ctx.Err(); err != nil {
				return cardFault(err)
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if err := errors.Join(s.player.Err(), s.ctx.Err()); err != nil {
		return cardFault(err)
	}
	return pause(ctx, tail)
}

func (s *otoSink) sleep() error {
	if s.player != nil {
		s.player.Close()
		s.player = nil
	}
	return s.bounded(s.ctx.Suspend)
}

// bounded calls f, which waits for a device thread that may hang in the kernel.
func (s *otoSink) bounded(f func() error) error {
	done := make(chan error, 1)
	go func() { done <- f() }() // left behind if the device hangs
	t := time.NewTimer(stuck)
	defer t.Stop()
	select {
	case err := <-done:
		if err != nil {
			return cardFault(err)
		}
		return nil
	case <-t.C:
		return cardFault(errors.New("the device thread hangs"))
	}
}
