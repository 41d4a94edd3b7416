// SPDX-License-Identifier: GPL-3.0-or-later

package handlers

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"oswald"
	"oswald/internal/store"
)

const (
	owner     = "me@example.org"
	moderator = "mod@example.org"
	member    = "ann@example.org"
	guest     = "guest@example.org"
)

// house is everything that the commands can reach, with hands to hold it.
type house struct {
	mu       sync.Mutex
	builds   map[string]int // calls by id
	decided  []string
	spoken   []string
	comments map[int64]*oswald.Comment
	open     []OpenAlert
	block    chan struct{} // if not nil, Rebuild and Say wait for it
	fail     error
	panics   bool
}

func (f *house) Rebuild(ctx context.Context, id, page string, progress func(string)) (oswald.Build, error) {
	f.mu.Lock()
	f.builds[id]++
	block, fail, panics := f.block, f.fail, f.panics
	f.mu.Unlock()
	if panics {
		panic("the roof is on fire")
	}
	progress("page 3 of 12")
	if block != nil {
		select {
		case <-block:
		case <-ctx.Done():
			return oswald.Build{}, ctx.Err()
		}
	}
	if fail != nil {
		return oswald.Build{}, fail
	}
	return oswald.Build{Pages: 12, Written: 5, Unchanged: 40, Took: 84 * time.Millisecond, Warnings: []string{"getting-started:14: the link to [[attic]] leads nowhere"}}, nil
}

func (f *house) List(_ context.Context, _, page string) ([]oswald.Comment, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var list []oswald.Comment
	for n := int64(20); n > 0; n-- {
		if c := f.comments[n]; c != nil && (page == "" || c.Page == page) {
			list = append(list, *c)
		}
	}
	return list, nil
}

func (f *house) Get(_ context.Context, _ string, n int64) (oswald.Comment, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if c := f.comments[n]; c != nil {
		return *c, nil
	}
	return oswald.Comment{}, oswald.Errorf(oswald.NotFound, "There is no comment %d.", n)
}

func (f *house) Decide(ctx context.Context, id string, n int64, d oswald.Decision) (oswald.Comment, error) {
	if _, err := f.Get(ctx, id, n); err != nil {
		return oswald.Comment{}, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.decided = append(f.decided, fmt.Sprintf("%s %d", d, n))
	c := f.comments[n]
	c.State = map[oswald.Decision]oswald.CommentState{oswald.Flag: oswald.Hidden, oswald.Unflag: oswald.Shown, oswald.Approve: oswald.Shown, oswald.Delete: oswald.Deleted, oswald.Hold: oswald.Queued, oswald.Restore: oswald.Hidden}[d]
	return *c, nil
}

func (f *house) Why(ctx context.Context, id string, n int64) (oswald.Why, error) {
	c, err := f.Get(ctx, id, n)
	return oswald.Why{Comment: c, Evidence: []oswald.Evidence{{Feature: "replica", Spam: 0.99}, {Feature: "link:cheap.example", Spam: 0.98}, {Feature: "kettle", Spam: 0.06}}}, err
}

func (f *house) Retrain(ctx context.Context, _ string) (oswald.SpamStats, error) {
	s, _ := f.Stats(ctx, "")
	return s, nil
}

func (f *house) Stats(context.Context, string) (oswald.SpamStats, error) {
	return oswald.SpamStats{HamLearnt: 231, SpamLearnt: 118, Shown: 40, Queued: 1, Hidden: 12, CaughtToday: 3, PostedToday: 9, Corrected: 2, Features: 18044, Trained: noon.Add(-3 * time.Hour), Took: 310 * time.Millisecond}, nil
}

func (f *house) Say(ctx context.Context, id string, ch oswald.Channel, text string, urgent bool) (oswald.Spoken, error) {
	f.mu.Lock()
	f.spoken = append(f.spoken, ch.String()+": "+text)
	block := f.block
	f.mu.Unlock()
	if block != nil {
		select {
		case <-block:
		case <-ctx.Done():
			return oswald.Spoken{}, ctx.Err()
		}
	}
	return oswald.Spoken{Channel: ch, Took: 1700 * time.Millisecond, Simulated: true, File: "/home/me/.oswald/spoken/1.wav", Lines: "left unmuted 2.2 s"}, nil
}

func (f *house) Test(_ context.Context, _, text string) (oswald.Why, error) {
	return oswald.Why{Comment: oswald.Comment{Text: text, Verdict: oswald.Unsure, Score: 0.6}, Evidence: []oswald.Evidence{{Feature: "kettle", Spam: 0.06}}}, nil
}

func (f *house) Identity(_ context.Context, _, who string) (oswald.Identity, error) {
	if who != "k3f9aa77bq2c" {
		return oswald.Identity{}, oswald.Errorf(oswald.NotFound, "Nobody has written under the ID %s.", who)
	}
	return oswald.Identity{ID: who, Author: "Bob", Shown: 2, Queued: 1, Text: "Cheap replica watches!"}, nil
}

func (f *house) Ban(_ context.Context, _, who string, banned bool) (int64, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.decided = append(f.decided, fmt.Sprintf("ban %s %v", who, banned))
	return map[bool]int64{true: 1}[banned], nil
}

func (f *house) Trust(_ context.Context, _, who string) error { f.did("trust %s", who); return nil }

func (f *house) Erase(_ context.Context, _, who string) (int64, error) {
	f.did("erase %s", who)
	return 3, nil
}

func (f *house) Undo(context.Context, string) (oswald.Undone, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.decided = append(f.decided, "undo")
	return oswald.Undone{Decision: "flag", At: noon.Add(-3 * time.Minute), Comment: *f.comments[12]}, nil
}

func (f *house) Repeat(ctx context.Context, id string) (oswald.Spoken, error) {
	return f.Say(ctx, id, oswald.Left, "again", false)
}

func (f *house) Hush() int { return 2 }

func (f *house) Silence(ch oswald.Channel, muted bool) { f.did("silence %s %v", ch, muted) }

func (f *house) Volume(n int) error { f.did("volume %d", n); return nil }

func (f *house) Chime(on bool) { f.did("chime %v", on) }

func (f *house) Quiet(span string) error {
	if span != "" && !strings.Contains(span, "-") {
		return oswald.Errorf(oswald.Invalid, "Give quiet hours like 22:00-07:00.")
	}
	f.did("quiet %s", span)
	return nil
}

func (f *house) Snooze(_ context.Context, label string, until time.Time) error {
	f.did("snooze %s %s", label, until.Sub(noon).Round(time.Minute))
	return nil
}

func (f *house) Mute(_ context.Context, until time.Time) error {
	f.did("mute %s", until.Sub(noon).Round(time.Minute))
	return nil
}

func (f *house) did(format string, args ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.decided = append(f.decided, fmt.Sprintf(format, args...))
}

// suggested is one suggested edit.
type suggested struct{}

var anEdit = oswald.Edit{N: 3, Page: "house/kitchen", Author: "Ann", Note: "It got a new oven", Added: 1, Removed: 1, At: noon.Add(-9 * time.Minute), State: "open"}

func (suggested) Edits(context.Context, string) ([]oswald.Edit, error) {
	return []oswald.Edit{anEdit}, nil
}

func (suggested) Edit(_ context.Context, _ string, n int64) (oswald.Edit, error) {
	if n != anEdit.N {
		return oswald.Edit{}, oswald.Errorf(oswald.NotFound, "There is no suggested edit %d.", n)
	}
	e := anEdit
	e.Diff = "@ line 3\n- The oven is old.\n+ The oven is new.\n"
	return e, nil
}

func (suggested) Accept(_ context.Context, _ string, n int64, report func(string)) (oswald.Edit, oswald.Published, error) {
	report("the page is written")
	return anEdit, oswald.Published{URL: "https://example.org/house/kitchen/", Commit: "abc1234", Merged: true}, nil
}

func (suggested) Letters(_ context.Context, _ string, spam bool) ([]oswald.Letter, error) {
	if spam {
		return nil, nil
	}
	return []oswald.Letter{{N: 4, Author: "Ann", Reach: "ann@example.org", Text: "May I borrow the ladder?", At: noon.Add(-time.Hour)}}, nil
}

func (s suggested) Letter(ctx context.Context, id string, n int64) (oswald.Letter, error) {
	list, _ := s.Letters(ctx, id, false)
	return list[0], nil
}

func (suggested) Reject(context.Context, string, int64) (oswald.Edit, error) { return anEdit, nil }

func (f *house) Readings(context.Context) []oswald.Reading {
	day := make([]float64, 48)
	for i := range day {
		day[i] = 21 + 1.5*math.Sin(float64(i)/8)
	}
	return []oswald.Reading{
		{Probe: "kitchen", Celsius: 21.37, At: noon, Trend: 0.3, Recent: day, Simulated: true},
		{Probe: "server room", Celsius: 27.9, At: noon, Trend: 0.05, Recent: day},
		{Probe: "attic", Err: oswald.Errorf(oswald.Unavailable, "does not answer; check its plug and the 4.7 kΩ resistor"), Trend: math.NaN()},
		{Probe: "cpu", Celsius: 48.2, At: noon, Trend: math.NaN()},
	}
}

func (f *house) Open(context.Context) ([]OpenAlert, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]OpenAlert(nil), f.open...), nil
}

func (f *house) Ack(_ context.Context, label, who string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range f.open {
		if f.open[i].Label == label {
			f.open[i].AckedBy = who
		}
	}
	return nil
}

func (f *house) Peers() []oswald.Host {
	return []oswald.Host{{Name: "site", Seen: noon.Add(-3 * time.Second), Alive: true, Version: "0.1", Offset: -90 * time.Second}, {Name: "comments", Seen: noon.Add(-2 * time.Hour), Open: 2}, {Name: "attic"}}
}

func (f *house) Parts(context.Context) []oswald.Part {
	return []oswald.Part{
		{Name: "xmpp", OK: true, State: "connected since 10:02"},
		{Name: "probe kitchen", OK: true, Simulated: true, State: "21.4 °C"},
		{Name: "voice", State: "espeak-ng is missing; run apt-get install espeak-ng"},
	}
}

func newHouse() *house {
	return &house{
		builds: map[string]int{},
		comments: map[int64]*oswald.Comment{
			12: {N: 12, Page: "getting-started", Author: "Bob", ID: "k3f9-77aa", Text: "Cheap replica watches!\nBuy at http://cheap.example", At: noon.Add(-5 * time.Minute), State: oswald.Queued, Verdict: oswald.Unsure, Score: 0.71},
			11: {N: 11, Page: "recipes/bread", Author: "Eve\u202e", Text: "Mine came out flat. Is it the yeast, or do I knead it for too short a time? It is the third one in a row.", At: noon.Add(-26 * time.Hour), State: oswald.Shown, Verdict: oswald.Ham, Score: 0.002, Label: oswald.Ham},
		},
		open: []OpenAlert{
			{Label: "A1", Key: "probe/kitchen/hot", Severity: oswald.Critical, Summary: "The probe kitchen is at 36.2 °C, above its limit of 30 °C.", Since: noon.Add(-12 * time.Minute), Told: 1},
			{Label: "A2", Key: "spam/burst", Severity: oswald.Warning, Summary: "A burst of spam: 14 in 10 minutes on 3 pages.", Since: noon.Add(-5 * time.Hour), Told: 2},
		},
	}
}

var noon = time.Date(2026, 5, 4, 12, 0, 0, 0, time.Local)

// bench is a Handlers with its house, its file and its clock.
type bench struct {
	*Handlers
	*house
	suggested suggested
	t         *testing.T
	db        *sql.DB
	path      string
	mu        sync.Mutex
	time      time.Time
	log       logBuffer
	n         int
}

func (b *bench) now() time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.time
}

func (b *bench) pass(d time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.time = b.time.Add(d)
}

// logBuffer keeps what is logged.
type logBuffer struct {
	mu sync.Mutex
	b  []byte
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.b = append(l.b, p...)
	return len(p), nil
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return string(l.b)
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{t: t, house: newHouse(), path: filepath.Join(t.TempDir(), "bot.db"), time: noon}
	b.open()
	return b
}

// open starts the Handlers, again after a close: as a new process would.
func (b *bench) open() {
	b.t.Helper()
	db, err := store.Open(b.t.Context(), b.path)
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { db.Close() })
	b.db = db
	b.Handlers, err = New(Defaults(), Deps{
		DB: db, Log: slog.New(slog.NewTextHandler(&b.log, nil)), Now: b.now, Version: "0.1",
		People: map[string]oswald.Role{owner: oswald.Owner, moderator: oswald.Moderator, member: oswald.Member, guest: oswald.Guest},
		Pages:  b.house, Comments: b.house, Spam: b.house, Speaker: b.house, Thermometer: b.house, Alerts: b.house,
		Tester: b.house, Bans: b.house, Persons: b.house, Undoer: b.house, Suggestions: b.suggested, Editor: b.suggested, Letters: b.suggested, Voice: b.house, Sound: b.house, Calm: b.house, Hosts: b.house, Status: b.house,
	})
	if err != nil {
		b.t.Fatal(err)
	}
}

// kill ends the Handlers as a crash would: nothing is written any more.
func (b *bench) kill() { b.db.Close() }

// request is a text of somebody, sent just now.
func (b *bench) request(who, text string) oswald.Request {
	b.mu.Lock()
	b.n++
	id := fmt.Sprintf("id%014d", b.n)
	b.mu.Unlock()
	return oswald.Request{ID: id, Actor: oswald.Actor{Address: who, Role: b.Role(who)}, Text: text, At: b.now()}
}

// text dispatches a text and returns what the person reads, and the code.
func (b *bench) text(who, text string) (string, oswald.Code) {
	return shown(b.Dispatch(b.t.Context(), b.request(who, text)))
}

func shown(r oswald.Reply, err error) (string, oswald.Code) {
	if err != nil {
		var e *oswald.Error
		if !errors.As(err, &e) {
			return "NOT FOR PEOPLE: " + err.Error(), oswald.Internal
		}
		return oswald.MessageOf(err), oswald.CodeOf(err)
	}
	return r.Text, ""
}
