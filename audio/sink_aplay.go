// SPDX-License-Identifier: GPL-3.0-or-later

package audio

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strconv"
	"time"

	"oswald"
)

// aplaySink plays through the program aplay of alsa-utils, one process an
// announcement. It is the player of a build without cgo, and the way back to
// sound when the library cannot reopen its card.
type aplaySink struct {
	cmd     *exec.Cmd
	in      io.WriteCloser
	noise   *limited
	written chan error // gets the end of the write of start, once
	ended   chan error // gets the end of the process, once
}

func (s *aplaySink) start(ctx context.Context, pcm []byte, lead time.Duration) error {
	// With a start delay of 1 µs it plays at the first samples instead of
	// waiting until its buffer is full.
	cmd := exec.Command("aplay", "-q", "-D", "default", "-t", "raw", "-f", "S16_LE",
		"-c", "2", "-r", strconv.Itoa(rate), "-R", "1", "-")
	in, err := cmd.StdinPipe()
	if err != nil {
		return fmt.Errorf("aplay: %w", err)
	}
	s.noise = &limited{max: 4096}
	cmd.Stderr, cmd.WaitDelay = s.noise, time.Second
	if err := cmd.Start(); err != nil {
		in.Close()
		if errors.Is(err, exec.ErrNotFound) {
			return oswald.Wrap(err, oswald.Unavailable, "No player for the sound card: install alsa-utils (apt-get install alsa-utils).")
		}
		return oswald.Wrap(err, oswald.Unavailable, "The sound player aplay does not start: see the log.")
	}
	s.cmd, s.in = cmd, in
	s.written, s.ended = make(chan error, 1), make(chan error, 1)
	go func() { s.ended <- cmd.Wait() }() // ends with the process, which sleep sees to
	go func() {                           // as does this, at the pace of the card
		_, err := in.Write(pcm)
		s.written <- err
	}()
	select {
	case err := <-s.ended:
		s.ended <- err
		return s.failure(err)
	default:
		return pause(ctx, lead)
	}
}

func (s *aplaySink) finish(ctx context.Context, tail time.Duration) error {
	select {
	case err := <-s.written:
		if err != nil { // it has ended, or soon will
			return s.wait(ctx)
		}
	case <-ctx.Done():
		return ctx.Err()
	}
	go func() {
		s.in.Write(silence(tail)) // fits into the pipe, or waits for sleep
		s.in.Close()              // it ends when its last sample has been heard
	}()
	return s.wait(ctx)
}

// wait returns how the process has ended.
func (s *aplaySink) wait(ctx context.Context) error {
	select {
	case err := <-s.ended:
		s.ended <- err
		return s.failure(err)
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *aplaySink) failure(err error) error {
	if err == nil {
		return nil
	}
	return oswald.Wrap(fmt.Errorf("%w: %s", err, s.noise.text()), oswald.Unavailable,
		"The sound card does not play: is it plugged in, and is Oswald's user in the group audio?")
}

func (s *aplaySink) sleep() error {
	if s.cmd == nil {
		return nil
	}
	s.in.Close()
	s.cmd.Process.Kill() // it has ended already unless it was interrupted
	<-s.ended
	s.cmd = nil
	return nil
}
