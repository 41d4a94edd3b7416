// SPDX-License-Identifier: GPL-3.0-or-later

package spam

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"os"
	"sync"
	"time"

	"oswald"
)

// replays is how many earlier messages are learnt once more with each new one,
// so that the regression does not forget them over the news.
const replays = 8

// Filter judges texts and learns from labels. All methods may be called from any
// goroutine.
type Filter struct {
	cfg     Config
	log     *slog.Logger
	now     func() time.Time
	origin  *origin
	bogo    *bogofilter // nil unless that engine is set
	scratch sync.Pool   // *features

	fitting sync.Mutex // one refit at a time

	mu      sync.RWMutex // guards what follows
	model   *model
	known   memory
	missed  map[int64]Message // learnt while a refit was running; nil when none is
	trained time.Time
	took    time.Duration
	drift   record
	random  *rand.Rand
}

// New makes a filter and loads its model, if there is one. A file that is damaged
// or older is reported and left alone: the filter starts as if new, Stats shows
// that it knows no labels, and the next Refit replaces the file.
func New(cfg Config, deps Deps) (*Filter, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	f := &Filter{cfg: cfg, log: deps.Log, now: deps.Now, random: rand.New(rand.NewPCG(1, 2))}
	if f.log == nil {
		f.log = slog.New(slog.DiscardHandler)
	}
	f.log = f.log.With("pkg", "spam")
	if f.now == nil {
		f.now = time.Now
	}
	f.scratch.New = func() any { return newFeatures() }
	if cfg.Engine == EngineBogofilter {
		b, err := newBogofilter(cfg, f.log)
		f.bogo = b
		return f, err
	}
	var words []byte
	if cfg.Words != "" {
		var err error
		if words, err = readLimited(cfg.Words, maxModel); err != nil {
			return nil, oswald.Wrap(err, oswald.Invalid, "The word list of spam.words cannot be read: name a file that bogoutil -d wrote.")
		}
	}
	var err error
	if f.origin, err = newOrigin(cfg.Seed, words); err != nil {
		return nil, err
	}
	if f.load() {
		return f, nil
	}
	f.model, err = fit(context.Background(), f.origin, nil)
	return f, err
}

// load reports whether the model came from its file.
func (f *Filter) load() bool {
	if f.cfg.Model == "" {
		return false
	}
	m, known, at, err := loadModel(f.cfg.Model, f.origin)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false
	case err != nil:
		f.log.Warn("the spam model cannot be used and will be made anew from the labels", "file", f.cfg.Model, "err", err)
		return false
	}
	f.model, f.known, f.trained = m, known, at
	return true
}

// Classify judges a text.
func (f *Filter) Classify(text string) Result {
	if f.bogo != nil {
		r := f.bogo.classify(text)
		r.Verdict = f.verdict(r.Score)
		return r
	}
	x := f.scratch.Get().(*features)
	defer f.scratch.Put(x)
	x.read(text)
	f.mu.RLock()
	defer f.mu.RUnlock()
	o := f.model.judge(x)
	return Result{o.score, f.verdict(o.score), f.model.evidence(x, o)}
}

func (f *Filter) verdict(score float64) oswald.Verdict {
	switch {
	case score >= f.cfg.Hide:
		return oswald.Spam
	case score < f.cfg.Publish:
		return oswald.Ham
	}
	return oswald.Unsure
}

// Learn takes up one label. A message it knows with another label, or other
// words, changes sides; one it knows as it is teaches nothing new, so that a
// caller who is not sure may learn it again.
func (f *Filter) Learn(m Message) {
	if f.bogo != nil {
		f.bogo.learn(m)
		return
	}
	x := f.scratch.Get().(*features)
	defer f.scratch.Put(x)
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.missed != nil {
		f.missed[m.N] = m
	}
	f.learn(x, m)
}

func (f *Filter) learn(x *features, m Message) {
	old, ok := f.known.get(m.N)
	if ok && old.spam == m.Spam && (old.text == "" || old.text == m.Text) {
		f.known.put(m.N, m.Spam, m.Text)
		return
	}
	if ok {
		if old.text == "" {
			old.text = m.Text
		}
		x.read(old.text)
		f.model.counts.remove(x.set, old.spam)
	}
	x.read(m.Text)
	if !ok || old.spam != m.Spam {
		f.drift.add(outcome(f.verdict(f.model.judge(x).score), m.Spam))
	}
	f.model.counts.add(x.set, m.Spam)
	f.model.lr.learn(x, m.Spam, 1)
	f.known.put(m.N, m.Spam, m.Text)
	f.replay(x)
}

// replay learns some earlier messages once more, drawn evenly from those in
// memory and, as far as it still counts, from the seed.
func (f *Filter) replay(x *features) {
	for range replays {
		i := f.random.IntN(len(f.known.list) + len(f.origin.seed))
		if i < len(f.known.list) {
			if e := f.known.list[i]; e.text != "" {
				x.read(e.text)
				f.model.lr.learn(x, e.spam, 1)
			}
			continue
		}
		s := f.origin.seed[i-len(f.known.list)]
		if share := f.model.seedWeight(s.Spam); share > 0 {
			x.read(s.Text)
			f.model.lr.learn(x, s.Spam, share)
		}
	}
}

// Refit builds the model anew from all labelled messages, puts it in place of the
// old one and saves it. The same messages make the same model, byte for byte,
// whatever their order. Classify goes on with the old model meanwhile, and labels
// learnt meanwhile are not lost.
func (f *Filter) Refit(ctx context.Context, list []Message) error {
	f.fitting.Lock()
	defer f.fitting.Unlock()
	start := f.now()
	if f.bogo != nil {
		if err := f.bogo.refit(ctx, ordered(list)); err != nil {
			return err
		}
		f.mu.Lock()
		defer f.mu.Unlock()
		f.trained, f.took = f.now(), f.now().Sub(start)
		return nil
	}
	f.mu.Lock()
	f.missed = make(map[int64]Message)
	f.mu.Unlock()
	defer func() {
		f.mu.Lock()
		f.missed = nil
		f.mu.Unlock()
	}()
	list = ordered(list)
	m, err := fit(ctx, f.origin, list)
	if err != nil {
		return err
	}
	var known memory
	for _, x := range list {
		known.put(x.N, x.Spam, x.Text)
	}
	saved := f.save(encodeModel(m, &known))
	x := f.scratch.Get().(*features)
	defer f.scratch.Put(x)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.model, f.known = m, known
	for _, n := range sortedKeys(f.missed) {
		f.learn(x, f.missed[n])
	}
	f.trained, f.took = f.now(), f.now().Sub(start)
	return saved
}

func (f *Filter) save(b []byte) error {
	if f.cfg.Model == "" {
		return nil
	}
	if err := saveModel(f.cfg.Model, b); err != nil {
		return oswald.Wrap(err, oswald.Internal, "The filter has learnt but cannot save its model: see that the disk has room and the state folder can be written.")
	}
	return nil
}

// Save writes what was learnt since the last refit into the model file. A caller
// may do so before it ends; otherwise Stats shows at the next start that labels
// are missing, and a refit brings them back.
func (f *Filter) Save() error {
	if f.bogo != nil {
		return nil
	}
	f.fitting.Lock() // so that a refit's newer model is not overwritten
	defer f.fitting.Unlock()
	f.mu.RLock()
	b := encodeModel(f.model, &f.known)
	f.mu.RUnlock()
	return f.save(b)
}

// Stats returns what the filter knows: the fields that are about learning.
func (f *Filter) Stats() oswald.SpamStats {
	f.mu.RLock()
	defer f.mu.RUnlock()
	s := oswald.SpamStats{Trained: f.trained, Took: f.took}
	if f.bogo != nil {
		s.SpamLearnt, s.HamLearnt = f.bogo.counts()
		return s
	}
	s.SpamLearnt, s.HamLearnt = f.model.counts.spam, f.model.counts.ham
	s.Features = f.model.counts.seen(1)
	return s
}

// readLimited reads a file that must not be longer than most.
func readLimited(name string, most int64) ([]byte, error) {
	st, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if st.Size() > most {
		return nil, &fs.PathError{Op: "read", Path: name, Err: errors.New("file too large")}
	}
	return os.ReadFile(name)
}
