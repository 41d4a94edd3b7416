// SPDX-License-Identifier: GPL-3.0-or-later

package alert

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"oswald"
	"oswald/internal/store"
)

// recorder is a Notify that remembers.
type recorder struct {
	mu     sync.Mutex
	sent   []string
	abouts []string
	spoken []string
	fail   bool
	tries  int
	hang   bool
	slow   time.Duration
}

func (r *recorder) notify(ctx context.Context, text string, a oswald.Alert) error {
	r.mu.Lock()
	r.tries++
	hang, fail, slow := r.hang, r.fail, r.slow
	r.mu.Unlock()
	time.Sleep(slow) // the bubble's clock
	if hang {
		<-ctx.Done()
		return ctx.Err()
	}
	if fail {
		return errors.New("no session")
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sent = append(r.sent, text)
	r.abouts = append(r.abouts, a.About)
	return nil
}

func (r *recorder) speak(_ context.Context, text string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.spoken = append(r.spoken, text)
	return nil
}

// told returns what was sent since the last call.
func (r *recorder) told() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.sent
	r.sent = nil
	return s
}

func (r *recorder) change(f func(*recorder)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f(r)
}

// world is a Router with its file and its people, in a bubble whose clock moves
// when everybody is idle.
type world struct {
	*Router
	*recorder
	t    *testing.T
	path string
	db   *sql.DB
	stop func()
}

func inWorld(t *testing.T, f func(w *world)) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "bot.db")
	synctest.Test(t, func(t *testing.T) {
		w := &world{recorder: new(recorder), t: t, path: path}
		w.start(Defaults())
		defer func() { w.stop() }()
		f(w)
	})
}

func (w *world) start(cfg Config) {
	w.t.Helper()
	db, err := store.Open(w.t.Context(), w.path)
	if err != nil {
		w.t.Fatal(err)
	}
	w.db = db
	if w.Router, err = New(cfg, Deps{DB: db, Notify: w.notify, Speak: w.recorder.speak}); err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(w.t.Context())
	done := make(chan struct{})
	r := w.Router
	go func() {
		defer close(done)
		if err := r.Run(ctx); err != nil {
			w.t.Error(err)
		}
	}()
	w.stop = func() {
		cancel()
		<-done
		db.Close()
	}
}

func (w *world) restart() { w.restartWith(Defaults()) }

func (w *world) restartWith(cfg Config) {
	w.stop()
	w.start(cfg)
}

// after lets d pass and holds what was told meanwhile to want: parts of the
// messages, in order.
func (w *world) after(d time.Duration, want ...string) {
	w.t.Helper()
	time.Sleep(d) // the bubble's clock: takes no time
	synctest.Wait()
	got := w.told()
	ok := len(got) == len(want)
	for i := range want {
		ok = ok && strings.Contains(got[i], want[i])
	}
	if !ok {
		w.t.Errorf("after %v: told %q, want %q", d, got, want)
	}
}

func (w *world) open() string {
	w.t.Helper()
	list, err := w.Router.Open(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	s := ""
	for _, i := range list {
		s += fmt.Sprintf("%s %s %d %s;", i.Label, i.Key, i.Told, i.AckedBy)
	}
	return s
}

func hot(summary string) oswald.Alert {
	return oswald.Alert{Key: "probe/kitchen/hot", Severity: oswald.Warning, Summary: summary}
}

func ended(a oswald.Alert, summary string) oswald.Alert {
	a.Resolved, a.Summary = true, summary
	return a
}
