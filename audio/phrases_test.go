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
	"sync"
	"testing"
	"time"

	"oswald"
)

var discard = slog.New(slog.DiscardHandler)

// tone is a synth that makes a tenth of a second for each character, and counts.
type tone struct {
	mu    sync.Mutex
	calls int
	id    string
	err   error
}

func (s *tone) identity() string { return s.id }
func (s *tone) missing() error   { return nil }
func (s *tone) render(ctx context.Context, text string) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls++
	if s.err != nil {
		return nil, s.err
	}
	n := len(text) * rate / 10
	b := appendHeader(nil, 1, 2*n)
	for range n / 2 { // a square wave at the highest pitch there is
		b = append(b, 0xff, 0x3f, 0x01, 0xc0)
	}
	return b, nil
}

func TestPhrases(t *testing.T) {
	dir := t.TempDir()
	now := time.Date(2026, 5, 4, 19, 0, 0, 0, time.UTC)
	clock := func() time.Time { now = now.Add(time.Second); return now }
	s := &tone{id: "a"}
	one := int64(44 + 2*rate/10) // bytes of a phrase of one character
	p := newPhrases(s, dir, 3*one, discard, clock)
	test := func(text string, wantCached bool, wantCalls int) {
		t.Helper()
		clip, cached, err := p.get(t.Context(), text)
		if err != nil || cached != wantCached || s.calls != wantCalls || len(clip) != len(text)*rate/10 {
			t.Errorf("%q: %d samples, cached %v, %d calls, %v; want %v, %d", text, len(clip), cached, s.calls, err, wantCached, wantCalls)
		}
	}
	test("a", false, 1)
	test("a", true, 1)
	test("b", false, 2)
	test("c", false, 3)
	test("a", true, 3) // used again, so b is the oldest now
	test("d", false, 4)
	test("a", true, 4)
	test("b", false, 5) // went, for d; c goes now
	if n := p.size(); n != 3 || p.bytes != 3*one {
		t.Errorf("%d phrases, %d bytes", n, p.bytes)
	}
	// Another process, or the next start, finds them; what was half written goes.
	if err := os.WriteFile(filepath.Join(dir, ".new-123"), []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	p = newPhrases(s, dir, 3*one, discard, clock)
	test("a", true, 5)
	test("b", true, 5)
	test("c", false, 6)
	if names := list(t, dir); len(names) != 3 {
		t.Errorf("%q", names)
	}
	// A broken file is rendered again.
	for _, n := range list(t, dir) {
		if err := os.WriteFile(filepath.Join(dir, n), []byte("RIFF"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p = newPhrases(s, dir, 3*one, discard, clock)
	test("a", false, 7)
	// Another voice is another phrase.
	s.id = "b"
	test("a", false, 8)
	// A smaller limit at the next start holds at once.
	p = newPhrases(s, dir, one, discard, clock)
	if p.bytes > one {
		t.Errorf("%d bytes stay, want %d at most", p.bytes, one)
	}
}

func list(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	slices.Sort(names)
	return names
}

// What is kept is what was rendered, sample for sample.
func TestPhrasesAreExact(t *testing.T) {
	dir := t.TempDir()
	first, _, err := newPhrases(&tone{}, dir, 1<<30, discard, time.Now).get(t.Context(), "abc")
	if err != nil {
		t.Fatal(err)
	}
	again, cached, err := newPhrases(&tone{}, dir, 1<<30, discard, time.Now).get(t.Context(), "abc")
	if err != nil || !cached || !slices.Equal(first, again) {
		t.Errorf("cached %v, %v, equal %v", cached, err, slices.Equal(first, again))
	}
}

// Speech goes on where phrases cannot be kept.
func TestPhrasesWithoutFolder(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	gone := t.TempDir()
	for _, dir := range []string{"", filepath.Join(file, "phrases"), gone} {
		p := newPhrases(&tone{}, dir, 1<<20, discard, time.Now)
		if dir == gone { // goes away while we run
			os.RemoveAll(gone)
		}
		if clip, _, err := p.get(t.Context(), "ab"); err != nil || len(clip) == 0 {
			t.Errorf("%q: %d samples, %v", dir, len(clip), err)
		}
	}
}

func TestNotSound(t *testing.T) {
	p := newPhrases(newEngine(command("echo", "hello")), "", 1, discard, time.Now)
	if _, _, err := p.get(t.Context(), "a"); oswald.CodeOf(err) != oswald.Unavailable || !strings.Contains(oswald.MessageOf(err), "not sound") {
		t.Error(err)
	}
}

func TestPhrasesConcurrently(t *testing.T) {
	p := newPhrases(&tone{}, t.TempDir(), 40*1000, discard, time.Now)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for j := range 10 {
				if _, _, err := p.get(t.Context(), fmt.Sprint((i+j)%5)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}
