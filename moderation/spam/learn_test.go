// SPDX-License-Identifier: GPL-3.0-or-later

package spam

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"oswald"
)

// labels are the seed as if people had labelled it.
func labels(t testing.TB) []Message {
	t.Helper()
	list, err := parseSeed(seedFile)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestSeedFile(t *testing.T) {
	spam := 0
	seen := make(map[string]bool)
	list := labels(t)
	for _, m := range list {
		if seen[m.Text] {
			t.Errorf("twice: %q", m.Text)
		}
		seen[m.Text] = true
		if m.Spam {
			spam++
		}
	}
	if len(list) < 100 || spam*2 != len(list) {
		t.Errorf("%d messages, %d spam", len(list), spam)
	}
}

// Without a seed and without labels, nobody knows anything.
func TestKnowsNothing(t *testing.T) {
	f := open(t, bare())
	if r := f.Classify("Thanks, casino!"); r.Score != 0.5 || r.Verdict != oswald.Unsure {
		t.Errorf("%+v", r)
	}
	f.Learn(Message{N: 1, Text: "Thanks, it works.", Spam: false})
	if r := f.Classify("Quite another text about gardens"); r.Verdict == oswald.Spam {
		t.Errorf("%+v", r)
	}
}

func TestRefitIsDeterministic(t *testing.T) {
	list := labels(t)
	dir := t.TempDir()
	var first []byte
	for i := range 4 {
		cfg := Defaults()
		cfg.Model = filepath.Join(dir, fmt.Sprint(i), "spam.model")
		f := open(t, cfg)
		if i == 3 { // what it learnt before does not matter
			f.Learn(Message{N: 9999, Text: "some other label", Spam: true})
		}
		if err := f.Refit(t.Context(), list); err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(cfg.Model)
		if err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = b
		}
		if !bytes.Equal(b, first) {
			t.Errorf("run %d: another model", i)
		}
		rand.New(rand.NewPCG(uint64(i), 0)).Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	}
}

func TestModelFile(t *testing.T) {
	cfg := Defaults()
	cfg.Model = filepath.Join(t.TempDir(), "spam.model")
	f := open(t, cfg)
	if err := f.Refit(t.Context(), labels(t)); err != nil {
		t.Fatal(err)
	}
	const text = "Please subscribe, it is a lovely garden"
	want := f.Classify(text)
	g := open(t, cfg)
	if got := g.Classify(text); got.Score != want.Score || !slices.Equal(got.Evidence, want.Evidence) {
		t.Errorf("loaded: %v, want %v", got, want)
	}
	if s := g.Stats(); s.SpamLearnt != 75 || s.HamLearnt != 75 || s.Features != f.Stats().Features || s.Trained.IsZero() {
		t.Errorf("stats %+v", s)
	}
	g.Learn(Message{N: 1000, Text: "and one more", Spam: true})
	if err := g.Save(); err != nil {
		t.Fatal(err)
	}
	if s := open(t, cfg).Stats(); s.SpamLearnt != 76 {
		t.Errorf("after Save: %+v", s)
	}
	left, _ := filepath.Glob(filepath.Join(filepath.Dir(cfg.Model), "*.tmp"))
	if len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}

	good, err := os.ReadFile(cfg.Model)
	if err != nil {
		t.Fatal(err)
	}
	test := func(name string, b []byte, cfg Config) {
		t.Helper()
		if err := os.WriteFile(cfg.Model, b, 0o600); err != nil {
			t.Fatal(err)
		}
		var log strings.Builder
		f, err := New(cfg, Deps{Log: slog.New(slog.NewTextHandler(&log, nil))})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			return
		}
		if s := f.Stats(); s.SpamLearnt+s.HamLearnt != 0 || !strings.Contains(log.String(), "made anew") {
			t.Errorf("%s: %+v, log %q", name, s, &log)
		}
		if f.Classify("Play casino slots, free bonus http://x.example").Verdict != oswald.Spam && cfg.Seed {
			t.Errorf("%s: does not start from the seed", name)
		}
		if err := f.Refit(t.Context(), labels(t)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if s := open(t, cfg).Stats(); s.SpamLearnt != 75 {
			t.Errorf("%s: not replaced: %+v", name, s)
		}
	}
	test("empty", nil, cfg)
	test("cut short", good[:len(good)/2], cfg)
	flipped := slices.Clone(good)
	flipped[len(flipped)/2] ^= 4
	test("flipped bit", flipped, cfg)
	older := slices.Clone(good)
	older[len(fileMagic)+3]++
	test("other version", older, cfg)
	other := cfg
	other.Seed = false
	test("another start", good, other)
}

func TestLearnAgainAndOtherwise(t *testing.T) {
	f := open(t, bare())
	for _, m := range labels(t) {
		f.Learn(m)
	}
	m := Message{N: 500, Text: "A word about ladders", Spam: true}
	f.Learn(m)
	before, score := f.Stats(), f.Classify(m.Text).Score
	f.Learn(m)
	if s := f.Stats(); s != before || f.Classify(m.Text).Score != score {
		t.Error("the same label taught something")
	}
	m.Spam = false
	f.Learn(m)
	if s := f.Stats(); s.SpamLearnt != before.SpamLearnt-1 || s.HamLearnt != before.HamLearnt+1 {
		t.Errorf("changed sides: %+v", s)
	}
	if got := f.Classify(m.Text).Score; got >= score {
		t.Errorf("score %v, was %v", got, score)
	}
	// The counts are those of a filter that never saw the first label.
	g := open(t, bare())
	for _, m := range labels(t) {
		g.Learn(m)
	}
	g.Learn(m)
	if !slices.Equal(f.model.counts.sorted(), g.model.counts.sorted()) {
		t.Error("traces of the first label are left in the counts")
	}
}

func TestConcurrent(t *testing.T) {
	cfg := Defaults()
	cfg.Model = filepath.Join(t.TempDir(), "spam.model")
	f := open(t, cfg)
	list := labels(t)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for _, m := range list {
				if r := f.Classify(m.Text); !(r.Score >= 0 && r.Score <= 1) {
					t.Errorf("score %v", r.Score)
				}
				f.Stats()
				f.Drift()
			}
		})
	}
	wg.Go(func() {
		for i, m := range list {
			m.N = int64(1000 + i)
			f.Learn(m)
		}
	})
	for range 2 {
		wg.Go(func() {
			if err := f.Refit(context.Background(), list); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

// A hooked context calls do when it is first asked whether it has ended, which a
// refit does at its start.
type hooked struct {
	context.Context
	once *sync.Once
	do   func()
}

func (h hooked) Err() error {
	h.once.Do(h.do)
	return h.Context.Err()
}

// A label that comes while a refit is running is in the model after it, and a
// refit that is cancelled changes nothing.
func TestLearnDuringRefit(t *testing.T) {
	f := open(t, inMemory())
	late := Message{N: 7000, Text: "late news of zeppelins", Spam: true}
	ctx := hooked{t.Context(), new(sync.Once), func() { f.Learn(late) }}
	if err := f.Refit(ctx, labels(t)); err != nil {
		t.Fatal(err)
	}
	want := f.Stats()
	if want.SpamLearnt != 76 || f.missed != nil {
		t.Errorf("%+v, missed %v", want, f.missed)
	}
	f.Learn(late) // the caller may not know that it is known
	if s := f.Stats(); s.SpamLearnt != 76 {
		t.Errorf("learnt twice: %+v", s)
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if err := f.Refit(cancelled, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled refit: %v", err)
	}
	if s := f.Stats(); s.SpamLearnt != 76 {
		t.Errorf("a cancelled refit changed the model: %+v", s)
	}
}

func TestMemoryIsBounded(t *testing.T) {
	var m memory
	text := strings.Repeat("x", 1000)
	for n := range int64(5000) {
		m.put(n, n%2 == 0, text)
	}
	if m.bytes > maxRemembered || len(m.list) != 5000 {
		t.Errorf("%d bytes, %d labels", m.bytes, len(m.list))
	}
	if e, ok := m.get(4999); !ok || e.text == "" || e.spam {
		t.Errorf("%v %v", e, ok)
	}
	c := newCounts()
	for i := range uint32(1_000_000) {
		c.put(i*2654435761, 1, 0)
		if i%100 == 0 {
			c.put(77, 1, 0)
		}
	}
	if len(c.slots) > maxSlots {
		t.Errorf("%d slots", len(c.slots))
	}
	if spam, _ := c.get(77); spam < 9000 {
		t.Errorf("a frequent feature was forgotten: %v", spam)
	}
}

func TestEvidence(t *testing.T) {
	f := open(t, inMemory())
	has := func(text, feature string, spam bool) {
		t.Helper()
		r := f.Classify(text)
		for _, e := range r.Evidence {
			if e.Feature == feature && e.Spam > 0.5 == spam {
				return
			}
		}
		t.Errorf("%q: no %q in %v", text, feature, r.Evidence)
	}
	has("Casino!", "word “casino”", true)
	has("I like http://a.net and www.b.net", "2 links", true)
	has("Thanks for it", "word “thanks”", false)
	name := func(k kind, value int32, want string) {
		t.Helper()
		if got := newFeatures().name(feature{kind: k, from: value, to: value}); got != want {
			t.Errorf("%c %d: %q, want %q", k, value, got, want)
		}
	}
	name(upper, 5, "nothing but capitals")
	name(upper, 2, "many capitals")
	name(links, 1, "1 link")
	name(length, 3, "length of 7 to 14 characters")
	r := f.Classify(strings.Repeat("verylongword", 20) + " casino thanks for the free bonus, click here to subscribe to my channel!!!")
	if len(r.Evidence) != maxEvidence || !slices.IsSortedFunc(r.Evidence, strongest) {
		t.Errorf("%d, or out of order: %v", len(r.Evidence), r.Evidence)
	}
}

func TestDrift(t *testing.T) {
	test := func(before, wrongBefore, recent, wrongRecent int, rising bool) {
		t.Helper()
		list := make([]bool, before+recent)
		for i := range wrongBefore {
			list[i] = true
		}
		for i := range wrongRecent {
			list[before+i] = true
		}
		d := DriftOf(list)
		if d.Rising != rising || d.RecentCorrected != wrongRecent || d.BeforeCorrected != wrongBefore {
			t.Errorf("%v", d)
		}
	}
	test(0, 0, 0, 0, false)
	test(0, 0, 50, 25, false) // nothing to compare with
	test(350, 35, 50, 5, false)
	test(350, 7, 50, 10, true)
	test(350, 70, 50, 2, false)
	f := open(t, inMemory())
	for i := range int64(500) {
		f.Learn(Message{N: i, Text: fmt.Sprintf("Thanks, number %d works", i)})
	}
	if d := f.Drift(); d.Recent != 50 || d.Before != 350 || d.RecentCorrected != 0 {
		t.Errorf("%+v", d)
	}
}

func TestValidate(t *testing.T) {
	if err := Defaults().Validate(); err != nil {
		t.Error(err)
	}
	err := Config{Engine: "x", Publish: 2, Hide: 1}.Validate()
	for _, key := range []string{"spam.engine: ", "spam.publish_below: ", "spam.hide_from: "} {
		if err == nil || !strings.Contains(err.Error(), key) {
			t.Errorf("no %q in %v", key, err)
		}
	}
}

func FuzzRead(f *testing.F) {
	for _, s := range []string{"", "Hello, wörld", "FREE!!! http://x.com", "a\u200bb", "\xff\xfe", strings.Repeat("é", 20000)} {
		f.Add(s)
	}
	x, y := newFeatures(), newFeatures()
	filter := open(f, inMemory())
	f.Fuzz(func(t *testing.T, s string) {
		x.read(s)
		y.read(s)
		if !slices.Equal(x.set, y.set) || !slices.Equal(x.grams, y.grams) {
			t.Error("not a function of the text")
		}
		if slices.Max(x.seen) != 0 {
			t.Error("scratch is not clean")
		}
		grams := slices.Clone(x.grams)
		slices.Sort(grams)
		if len(slices.Compact(grams)) != len(x.grams) {
			t.Error("a piece twice")
		}
		if r := filter.Classify(s); !(r.Score >= 0 && r.Score <= 1) {
			t.Errorf("score %v", r.Score)
		}
	})
}

func FuzzDecodeModel(f *testing.F) {
	o, err := newOrigin(false, nil)
	if err != nil {
		f.Fatal(err)
	}
	m, err := fit(context.Background(), o, []Message{{N: 1, Text: "a b", Spam: true}, {N: 2, Text: "c"}})
	if err != nil {
		f.Fatal(err)
	}
	good := encodeModel(m, &memory{list: []entry{{n: 1, spam: true}, {n: 2}}})
	f.Add(good[headerSize : len(good)-32])
	f.Fuzz(func(t *testing.T, body []byte) { // behind a right checksum, so that it is read at all
		b := reseal(append(slices.Clone(good[:headerSize]), body...))
		if m, known, err := decodeModel(b, o); err == nil {
			encodeModel(m, &known)
		}
	})
}
