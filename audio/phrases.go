// SPDX-License-Identifier: GPL-3.0-or-later

package audio

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"oswald"
)

// synth makes a WAV file of a text; [engine] is one.
type synth interface {
	identity() string
	render(ctx context.Context, text string) ([]byte, error)
	missing() error
}

// phrases renders texts to clips of 48 kHz 16-bit mono and keeps them in a
// folder, each under the hash of everything that makes its sound. The least
// recently used files go when there are more bytes than allowed. A folder that
// cannot be written costs time, never a word.
type phrases struct {
	synth synth
	dir   string // "" keeps nothing on disk
	max   int64
	log   *slog.Logger
	now   func() time.Time

	turn chan struct{} // holds one token: one text is rendered at a time

	mu    sync.Mutex // guards what follows
	files map[string]*phrase
	bytes int64
	last  string // key of the clip below, which is about to be played
	clip  []int16
}

// phrase is a rendered text on disk.
type phrase struct {
	bytes int64
	used  time.Time
}

const (
	suffix     = ".wav"
	unfinished = ".new-" // begins the name of a file that is being written
)

func newPhrases(s synth, dir string, max int64, log *slog.Logger, now func() time.Time) *phrases {
	p := &phrases{synth: s, dir: dir, max: max, log: log, now: now,
		turn: make(chan struct{}, 1), files: make(map[string]*phrase)}
	if dir == "" {
		return p
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		log.Warn("phrases cannot be kept", "err", err)
		p.dir = ""
		return p
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		log.Warn("phrases cannot be read", "err", err)
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || !info.Mode().IsRegular() {
			continue
		}
		if strings.HasPrefix(e.Name(), unfinished) { // when the power went
			os.Remove(filepath.Join(dir, e.Name()))
		}
		key, ok := strings.CutSuffix(e.Name(), suffix)
		if !ok || len(key) != 2*sha256.Size { // somebody else's
			continue
		}
		p.files[key] = &phrase{bytes: info.Size(), used: info.ModTime()}
		p.bytes += info.Size()
	}
	p.shrinkLocked()
	return p
}

// key names the sound of a text.
func (p *phrases) key(text string) string {
	h := sha256.New()
	h.Write([]byte(p.synth.identity()))
	h.Write([]byte{0, '1', 0}) // the version of what we make of it
	h.Write([]byte(text))
	return hex.EncodeToString(h.Sum(nil))
}

// get returns the clip of text, and whether it was rendered before.
func (p *phrases) get(ctx context.Context, text string) (clip []int16, cached bool, err error) {
	select {
	case p.turn <- struct{}{}:
		defer func() { <-p.turn }()
	case <-ctx.Done():
		return nil, false, ctx.Err()
	}
	key := p.key(text)
	if clip := p.load(key); clip != nil {
		return clip, true, nil
	}
	wav, err := p.synth.render(ctx, text)
	if err != nil {
		return nil, false, err
	}
	from, mono, err := parseWAV(wav)
	if err != nil || len(mono) == 0 {
		return nil, false, oswald.Wrap(err, oswald.Unavailable, "The speech engine gave something that is not sound: look at audio.engine and audio.command.")
	}
	clip = normalise(resample(mono, from))
	p.store(key, clip)
	return clip, false, nil
}

// load returns the clip of key from memory or disk, or nil.
func (p *phrases) load(key string) []int16 {
	p.mu.Lock()
	defer p.mu.Unlock()
	f := p.files[key]
	if f != nil {
		f.used = p.now()
		os.Chtimes(p.path(key), f.used, f.used) // for the order after a restart
	}
	if p.last == key {
		return p.clip
	}
	if f == nil {
		return nil
	}
	b, err := os.ReadFile(p.path(key))
	from, mono, err2 := parseWAV(b)
	if err != nil || err2 != nil || from != rate || len(mono) == 0 {
		p.log.Warn("a kept phrase is broken; rendering it again", "err", cmp.Or(err, err2))
		p.dropLocked(key)
		return nil
	}
	clip := make([]int16, len(mono))
	for i, s := range mono {
		clip[i] = int16(s * (1 << 15)) // exact: it was 16 bits
	}
	p.last, p.clip = key, clip
	return clip
}

// store keeps clip under key.
func (p *phrases) store(key string, clip []int16) {
	var err error
	b := appendHeader(make([]byte, 0, 44+2*len(clip)), 1, 2*len(clip))
	for _, s := range clip {
		b = append(b, byte(s), byte(s>>8))
	}
	if p.dir != "" {
		err = writeFile(p.dir, key+suffix, b)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.last, p.clip = key, clip
	if p.dir == "" {
		return
	}
	if err != nil {
		p.log.Warn("a phrase cannot be kept", "err", err)
		return
	}
	p.files[key] = &phrase{bytes: int64(len(b)), used: p.now()}
	p.bytes += int64(len(b))
	p.shrinkLocked()
}

// shrinkLocked removes the least recently used phrases until the rest fits.
func (p *phrases) shrinkLocked() {
	if p.bytes <= p.max {
		return
	}
	keys := make([]string, 0, len(p.files))
	for k := range p.files {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b string) int { return p.files[a].used.Compare(p.files[b].used) })
	for _, k := range keys {
		if p.bytes <= p.max {
			return
		}
		p.dropLocked(k)
	}
}

func (p *phrases) dropLocked(key string) {
	if f := p.files[key]; f != nil {
		p.bytes -= f.bytes
		delete(p.files, key)
		os.Remove(p.path(key))
	}
}

func (p *phrases) path(key string) string { return filepath.Join(p.dir, key+suffix) }

// size returns how many phrases are kept.
func (p *phrases) size() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.files)
}

// writeFile puts a whole file into dir under name or none at all: a temporary
// file, made durable, then renamed.
func writeFile(dir, name string, b []byte) error {
	f, err := os.CreateTemp(dir, unfinished)
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // fails once it is renamed
	if _, err := f.Write(b); err != nil {
		f.Close()
		return err
	}
	if err := f.Sync(); err != nil {
		f.Close()
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), filepath.Join(dir, name))
}
