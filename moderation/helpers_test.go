// SPDX-License-Identifier: GPL-3.0-or-later

package moderation

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"html"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"oswald"
	"oswald/internal/secret"
	"oswald/internal/store"
	"oswald/moderation/spam"
)

// wordFilter is a Filter whose verdict a test chooses by a word in the text, until
// it has learnt otherwise. The real one has tests of its own.
type wordFilter struct {
	mu     sync.Mutex
	learnt map[int64]spam.Message
	refits int
}

func (f *wordFilter) Classify(text string) spam.Result {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, m := range f.learnt {
		if m.Text == text && m.Spam {
			return spam.Result{Score: 0.98, Verdict: oswald.Spam, Evidence: []oswald.Evidence{{Feature: "w:learnt", Spam: 0.98}}}
		}
	}
	switch {
	case strings.Contains(text, "casino"):
		return spam.Result{Score: 0.99, Verdict: oswald.Spam, Evidence: []oswald.Evidence{{Feature: "w:casino", Spam: 1}}}
	case strings.Contains(text, "perhaps"):
		return spam.Result{Score: 0.6, Verdict: oswald.Unsure, Evidence: []oswald.Evidence{{Feature: "kettle", Spam: 0.1}, {Feature: "perhaps", Spam: 0.7}}}
	}
	return spam.Result{Score: 0.01, Verdict: oswald.Ham}
}

func (f *wordFilter) Learn(m spam.Message) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.learnt[m.N] = m
}

func (f *wordFilter) Refit(_ context.Context, all []spam.Message) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.refits++
	f.learnt = make(map[int64]spam.Message)
	for _, m := range all {
		f.learnt[m.N] = m
	}
	return nil
}

func (f *wordFilter) knows(n int64) (m spam.Message, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	m, ok = f.learnt[n]
	return m, ok
}

// clock is a time that tests move.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

// pageMap is a PageStore that remembers.
type pageMap struct {
	mu   sync.Mutex
	m    map[string]string
	put  []string // keys, since puts was called last
	fail error
}

// puts returns what was put since it was called last.
func (p *pageMap) puts() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	list := p.put
	p.put = nil
	return list
}

func (p *pageMap) Put(key string, html []byte) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.fail == nil {
		p.m[key] = string(html)
		p.put = append(p.put, key)
	}
	return p.fail
}

func (p *pageMap) Delete(key string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.m, key)
	return p.fail
}

func (p *pageMap) get(key string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.m[key]
}

// site is a comment server with all that a test looks at.
type site struct {
	*Server
	t      testing.TB
	web    *httptest.Server
	clock  *clock
	filter *wordFilter
	log    *lockedBuffer
	client *http.Client

	mu     sync.Mutex
	alerts []oswald.Alert
	deaf   bool // no alert gets through
}

type lockedBuffer struct {
	mu sync.Mutex
	b  strings.Builder
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

var testPages = map[string]string{"getting-started": "Getting started", "kitchen": "The kitchen", "tags/oven": "#oven",
	"notes/deep/page": "Deep page", "odd": `<b>"Odd"</b> & 'title'`}

func lookupTestPage(key string) (title, url string, ok bool) {
	title, ok = testPages[key]
	return title, "/" + key + "/", ok
}

func newSite(t testing.TB, change func(*Config, *Deps)) *site {
	t.Helper()
	return newSiteIn(t, t.TempDir(), change)
}

// newSiteIn starts a server on the files in dir.
func newSiteIn(t testing.TB, dir string, change func(*Config, *Deps)) *site {
	t.Helper()
	st := &site{t: t, clock: &clock{t: time.Date(2026, 11, 24, 12, 0, 0, 0, time.Local)},
		filter: &wordFilter{learnt: make(map[int64]spam.Message)}, log: new(lockedBuffer)}
	db := openIn(t, dir)
	cfg := Defaults()
	cfg.KeyFile = filepath.Join(dir, "key")
	cfg.RateLimit = 1000
	cfg.FloodLimit = 1000
	cfg.Tarpit = 0 // refuse at once: no test waits for the tarpit unless it is about it
	d := Deps{DB: db, Filter: st.filter, Pages: lookupTestPage, Log: slog.New(slog.NewTextHandler(st.log, nil)), Now: st.clock.now,
		Alert: func(_ context.Context, a oswald.Alert) error {
			st.mu.Lock()
			defer st.mu.Unlock()
			if st.deaf {
				return errors.New("the bus is full")
			}
			st.alerts = append(st.alerts, a)
			return nil
		}}
	if change != nil {
		change(&cfg, &d)
	}
	var err error
	if st.Server, err = New(cfg, d); err != nil {
		t.Fatal(err)
	}
	st.web = httptest.NewUnstartedServer(nil)
	st.web.Config = st.Server.Server()
	st.web.Start()
	t.Cleanup(st.web.Close)
	st.client = &http.Client{Timeout: 20 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return st
}

// onPostgres names the server that TestOnPostgres has started; empty: SQLite.
func onPostgres() string { return os.Getenv("OSWALD_TEST_POSTGRES") }

// openIn opens the database that belongs to a folder: a file in it, or a schema of
// the PostgreSQL server that the tests run on.
func openIn(t testing.TB, dir string) *sql.DB {
	t.Helper()
	if onPostgres() == "" {
		db, err := store.Open(t.Context(), filepath.Join(dir, "comments.db"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { db.Close() })
		return db
	}
	open := func(dsn string) *sql.DB {
		db, err := store.OpenPostgres(t.Context(), secret.New([]byte(dsn)))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { db.Close() })
		return db
	}
	schema := fmt.Sprintf("s%x", sha256.Sum256([]byte(dir)))[:40]
	if _, err := open(onPostgres()).Exec("CREATE SCHEMA IF NOT EXISTS " + schema); err != nil {
		t.Fatal(err)
	}
	return open(onPostgres() + " search_path=" + schema)
}

// stored returns all that is on disk in the folder of a site, and in PostgreSQL.
func (st *site) stored(dir string) string {
	st.t.Helper()
	var all strings.Builder
	if st.shared {
		for _, table := range []string{"comment", "label", "decision", "dirty", "memo", "standing", "suggestion", "letter"} {
			rows, err := column(st.t.Context(), st.db, "SELECT t::text FROM "+table+" t")
			if err != nil {
				st.t.Fatal(err)
			}
			all.WriteString(strings.Join(rows, "\n"))
		}
	} else if _, err := st.db.Exec("PRAGMA wal_checkpoint(TRUNCATE)"); err != nil {
		st.t.Fatal(err)
	}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() {
			var b []byte
			b, err = os.ReadFile(path)
			all.Write(b)
		}
		return err
	})
	if err != nil {
		st.t.Fatal(err)
	}
	return all.String()
}

func (st *site) told(key string) (list []oswald.Alert) {
	st.mu.Lock()
	defer st.mu.Unlock()
	for _, a := range st.alerts {
		if a.Key == key {
			list = append(list, a)
		}
	}
	return list
}

// answer is what the server said.
type answer struct {
	status int
	header http.Header
	body   string
}

func (a answer) has(s string) bool { return strings.Contains(a.body, s) }

func (st *site) do(req *http.Request) answer {
	st.t.Helper()
	resp, err := st.client.Do(req)
	if err != nil {
		st.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		st.t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, string(b)}
}

func (st *site) get(path string) answer {
	st.t.Helper()
	req, err := http.NewRequest("GET", st.web.URL+path, nil)
	if err != nil {
		st.t.Fatal(err)
	}
	return st.do(req)
}

// send posts values as a browser does.
func (st *site) send(path string, v url.Values, header ...string) answer {
	st.t.Helper()
	req, err := http.NewRequest("POST", st.web.URL+path, strings.NewReader(v.Encode()))
	if err != nil {
		st.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	return st.do(req)
}

var (
	inputValue = regexp.MustCompile(`<input [^>]*name="([a-z]+)"[^>]*?(?: value="([^"]*)")?[^>]*>`)
	valueOf    = regexp.MustCompile(` value="([^"]*)"`)
	textValue  = regexp.MustCompile(`(?s)<textarea[^>]*>\n?(.*?)</textarea>`)
	labelOf    = regexp.MustCompile(`<label for="answer">([^<]*)</label>`)
)

// fields reads the form in a page, as a browser would fill its values.
func fields(body string) url.Values {
	v := url.Values{}
	for _, m := range inputValue.FindAllStringSubmatch(body, -1) {
		if strings.Contains(m[0], `type="checkbox"`) {
			continue
		}
		if val := valueOf.FindStringSubmatch(m[0]); val != nil {
			v.Set(m[1], html.UnescapeString(val[1]))
		} else {
			v.Set(m[1], "")
		}
	}
	if m := textValue.FindStringSubmatch(body); m != nil {
		v.Set("text", html.UnescapeString(m[1]))
	}
	v.Set("do", "post")
	return v
}

// form opens the form and answers its question; values come from pairs.
func (st *site) form(path string, pairs ...string) url.Values {
	st.t.Helper()
	a := st.get(path)
	if a.status != http.StatusOK {
		st.t.Fatalf("form %s: %d %s", path, a.status, a.body)
	}
	v := fields(a.body)
	v.Set("answer", st.solve(a.body))
	for i := 0; i+1 < len(pairs); i += 2 {
		v.Set(pairs[i], pairs[i+1])
	}
	return v
}

// solve answers the question in a page.
func (st *site) solve(body string) string {
	m := labelOf.FindStringSubmatch(body)
	if m == nil {
		return ""
	}
	text := html.UnescapeString(m[1])
	for _, q := range st.asks.list {
		if q.text == text {
			return q.answers[0]
		}
	}
	st.t.Fatalf("unknown question %q", text)
	return ""
}

// post writes a comment as a person would.
func (st *site) post(page, text string, pairs ...string) answer {
	st.t.Helper()
	v := st.form("/comment/"+page, append([]string{"text", text, "name", "Anna"}, pairs...)...)
	st.clock.add(20 * time.Second)
	return st.send("/comment/"+page, v)
}

// posted writes a comment and returns its number.
func (st *site) posted(page, text string, pairs ...string) int64 {
	st.t.Helper()
	a := st.post(page, text, pairs...)
	if a.status != http.StatusSeeOther {
		st.t.Fatalf("post: %d %s", a.status, a.body)
	}
	return st.last()
}

func (st *site) last() (n int64) {
	st.t.Helper()
	if err := st.db.QueryRow("SELECT coalesce(max(n), 0) FROM comment").Scan(&n); err != nil {
		st.t.Fatal(err)
	}
	return n
}

func (st *site) comment(n int64) comment {
	st.t.Helper()
	c, err := byNumber(st.t.Context(), st.db, n)
	if err != nil {
		st.t.Fatal(err)
	}
	return c
}

// run starts Run and stops it at the end of the test.
func (st *site) run() {
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := st.Run(ctx); err != nil {
			st.t.Error(err)
		}
	})
	st.t.(*testing.T).Cleanup(func() { cancel(); wg.Wait() })
}

// eventually waits for a condition.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	end := time.NewTimer(20 * time.Second)
	defer end.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-end.C:
			t.Fatal("waited in vain for ", what)
		}
	}
}
