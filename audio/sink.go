// SPDX-License-Identifier: GPL-3.0-or-later

package audio

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"oswald"
)

// sink is where samples go: the sound card or a file. One goroutine uses it,
// in the order start, finish, sleep; sleep may come early.
type sink interface {
	// start wakes the device, hands it pcm, which begins with more silence
	// than lead, and returns when lead has passed.
	start(ctx context.Context, pcm []byte, lead time.Duration) error
	// finish returns when pcm has been heard: when the device has taken it all
	// and tail, which covers the device's buffer, has passed. The caller
	// sees to it that ctx ends should the device hang.
	finish(ctx context.Context, tail time.Duration) error
	// sleep stops the device at once. It never waits for long.
	sleep() error
}

// pause waits for d, or until ctx ends.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// listed is where the kernel lists its sound cards, as " 0 [Headphones     ]: …".
const listed = "/proc/asound/cards"

// haveCard says whether ALSA has somewhere to play to.
func haveCard() bool {
	if os.Getenv("ALSA_CONFIG_PATH") != "" {
		return true
	}
	b, err := os.ReadFile(listed)
	return err == nil && len(cards(string(b))) > 0
}

// cards returns the names and numbers in the kernel's list.
func cards(list string) (names []string) {
	for line := range strings.Lines(list) {
		number, rest, ok := strings.Cut(line, "[")
		name, _, ok2 := strings.Cut(rest, "]:")
		if ok && ok2 {
			names = append(names, strings.TrimSpace(number), strings.TrimSpace(name))
		}
	}
	return names
}

// chooseCard makes the card that the operator named ALSA's default in this
// process and its children. The sound library, which has no such option and
// would play to any card that opens, is kept from trying one that is not there.
func chooseCard(name string) error {
	if name == "" {
		return nil
	}
	b, err := os.ReadFile(listed)
	if names := cards(string(b)); !slices.Contains(names, name) {
		return oswald.Wrap(err, oswald.Unavailable, "There is no sound card %q: `aplay -l` lists those there are.", name)
	}
	return os.Setenv("ALSA_CARD", name)
}

// keptFiles is how many files of simulated speech stay.
const keptFiles = 20

// fileSink writes what would have been heard to a WAV file an announcement, and
// takes as long as it would have taken to hear.
type fileSink struct {
	dir string
	log *slog.Logger
	now func() time.Time

	pcm  []byte
	lead time.Duration
	last string // the file that was written by the last sleep
	n    int
}

func (s *fileSink) start(ctx context.Context, pcm []byte, lead time.Duration) error {
	s.pcm, s.lead, s.last = pcm, lead, ""
	return pause(ctx, lead)
}

func (s *fileSink) finish(ctx context.Context, tail time.Duration) error {
	s.pcm = append(s.pcm[:len(s.pcm):len(s.pcm)], silence(tail)...)
	return pause(ctx, length(s.pcm)-s.lead)
}

func (s *fileSink) sleep() error {
	pcm := s.pcm
	s.pcm = nil
	if len(pcm) == 0 {
		return nil
	}
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return oswald.Wrap(err, oswald.Unavailable, "The simulated speech cannot be written: look at audio.folder.")
	}
	s.n++
	name := fmt.Sprintf("say-%s-%03d%s", s.now().Format("20060102-150405"), s.n%1000, suffix)
	if err := writeFile(s.dir, name, append(appendHeader(nil, 2, len(pcm)), pcm...)); err != nil {
		return oswald.Wrap(err, oswald.Unavailable, "The simulated speech cannot be written: look at audio.folder.")
	}
	s.last = filepath.Join(s.dir, name)
	s.bound()
	return nil
}

// bound removes the oldest files beyond the number that is kept.
func (s *fileSink) bound() {
	names, _ := filepath.Glob(filepath.Join(s.dir, "say-*"+suffix))
	slices.Sort(names) // the names begin with the time
	for _, old := range names[:max(0, len(names)-keptFiles)] {
		if err := os.Remove(old); err != nil {
			s.log.Warn("an old file of simulated speech stays", "err", err)
		}
	}
}
