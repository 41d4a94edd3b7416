// SPDX-License-Identifier: GPL-3.0-or-later

package ipc

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"oswald"
	"oswald/internal/memcached"
	"oswald/internal/secret"
	"oswald/internal/store"
)

var pairSecret = secret.New([]byte("0123456789abcdef0123456789abcdef"))

// quick is a configuration for tests that poll.
func quick() Config {
	c := Defaults()
	c.Idle = 10 * time.Millisecond
	return c
}

// testLog shows the log of a test that fails.
func testLog(t testing.TB) *slog.Logger {
	return slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
}

func openDB(t testing.TB, path string) *sql.DB {
	t.Helper()
	db, err := store.Open(context.Background(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// newNode returns a node of its own file.
func newNode(t testing.TB, bus Bus, name string, peers ...string) *Node {
	t.Helper()
	n, err := New(quick(), Deps{Name: name, DB: openDB(t, filepath.Join(t.TempDir(), name+".db")), Bus: bus, Version: "1.2.3", Log: testLog(t)})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range peers {
		if err := n.Pair(p, pairSecret); err != nil {
			t.Fatal(err)
		}
	}
	return n
}

// run runs n until the returned function is called, at the latest to the end of
// the test.
func run(t testing.TB, n *Node) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- n.Run(ctx) }()
	var once atomic.Bool
	stop = func() {
		cancel()
		if !once.Swap(true) {
			if err := <-ended; err != nil {
				t.Errorf("%s: Run: %v", n.name, err)
			}
		}
	}
	t.Cleanup(stop)
	return stop
}

// eventually waits until ok, for as long as a slow machine may need.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	end := time.After(60 * time.Second)
	for !ok() {
		select {
		case <-tick.C:
		case <-end:
			t.Fatalf("never: %s", what)
		}
	}
}

func patient(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// commentWorker is a node that handles one verb of every kind.
func commentWorker(t *testing.T, bus Bus) (n *Node, ran *atomic.Int64) {
	n = newNode(t, bus, "comments", "bot")
	ran = new(atomic.Int64)
	if _, err := n.db.Exec("CREATE TABLE effect(id TEXT NOT NULL)"); err != nil {
		t.Fatal(err)
	}
	n.Handle("comments", Handler{Run: func(ctx context.Context, c Call) (any, error) {
		ran.Add(1)
		return map[string]any{"from": c.From, "args": c.Args}, nil
	}})
	n.Handle("comment", Handler{Run: func(context.Context, Call) (any, error) {
		return nil, oswald.Wrap(errors.New("secret cause"), oswald.NotFound, "There is no comment 7.")
	}})
	n.Handle("spam-why", Handler{Run: func(context.Context, Call) (any, error) { panic("oh") }})
	n.Handle("spam-stats", Handler{Run: func(context.Context, Call) (any, error) { return strings.Repeat("é<", 9000), nil }})
	n.Handle("pages", Handler{Run: func(context.Context, Call) (any, error) { return make([]int, 9000), nil }})
	n.Handle("mail", Handler{Run: func(context.Context, Call) (any, error) { ran.Add(1); return "sent", nil }})
	n.Handle("rebuild", Handler{Run: func(ctx context.Context, c Call) (any, error) {
		c.Progress("page 1 of 2")
		select {
		case <-time.After(400 * time.Millisecond):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		c.Progress("page 2 of 2")
		return 2, nil
	}})
	n.Handle("decide", Handler{
		Tx: func(ctx context.Context, tx *sql.Tx, c Call) (any, error) {
			if _, err := tx.ExecContext(ctx, "INSERT INTO effect VALUES(?)", c.ID); err != nil {
				return nil, err
			}
			if string(c.Args) == `"fail"` {
				return nil, oswald.Errorf(oswald.Conflict, "It is so already.")
			}
			return "decided", nil
		},
		After: func(Call) { ran.Add(1) },
	})
	return n, ran
}

func buses(t *testing.T) map[string]func() (a, b Bus) {
	return map[string]func() (Bus, Bus){
		"mem": func() (Bus, Bus) { m := NewMem(); return m, m },
		"embedded in process": func() (Bus, Bus) {
			m := memcached.New(memcached.Defaults())
			return m, m
		},
		"embedded over a socket": func() (Bus, Bus) {
			m, addr := embedded(t)
			b, err := NewMemcached(addr)
			if err != nil {
				t.Fatal(err)
			}
			return m, b
		},
		"memcached": func() (Bus, Bus) {
			d := startMemcached(t)
			a, err := NewMemcached(d.addr)
			if err != nil {
				t.Fatal(err)
			}
			b, err := NewMemcached("tcp://" + d.addr)
			if err != nil {
				t.Fatal(err)
			}
			return a, b
		},
	}
}

func TestCommands(t *testing.T) {
	for name, open := range buses(t) {
		t.Run(name, func(t *testing.T) {
			a, b := open()
			bot := newNode(t, a, "bot", "comments")
			comments, ran := commentWorker(t, b)
			run(t, bot)
			run(t, comments)
			id := 0
			test := func(verb string, args any, want string, code oswald.Code) {
				t.Helper()
				id++
				c := Command{ID: fmt.Sprint("id", id), Peer: "comments", Verb: verb, Args: args}
				for range 2 { // the second time from the books
					got, err := bot.Call(patient(t), c, nil)
					if oswald.CodeOf(err) != code {
						t.Errorf("%s: %v, want code %q", verb, err, code)
					}
					if err != nil {
						if oswald.MessageOf(err) != want {
							t.Errorf("%s: %q, want %q", verb, oswald.MessageOf(err), want)
						}
						if strings.Contains(err.Error(), "secret") {
							t.Errorf("a cause crossed the wire: %v", err)
						}
					} else if string(got) != want {
						t.Errorf("%s: %s, want %s", verb, got, want)
					}
				}
			}
			test("comments", "<a&b>", `{"args":"<a&b>","from":"bot"}`, "")
			test("comment", 7, "There is no comment 7.", oswald.NotFound)
			test("spam-why", 7, "Internal error.", oswald.Internal)
			test("decide", "flag", `"decided"`, "")
			test("decide", "fail", "It is so already.", oswald.Conflict)
			test("mail", "x", `"sent"`, "")
			test("pages", nil, "It was done, but the answer is too long for the message bus.", oswald.Internal)
			test("status", nil, `comments does not know the command "status"; is it older?`, oswald.Invalid)
			test("explode", nil, `There is no command "explode" between hosts.`, oswald.Invalid)
			test("comments", strings.Repeat("x", 40<<10), `That is too long for comments: 41 KB, and the message bus carries 32.`, oswald.Invalid)
			eventually(t, "After", func() bool { return ran.Load() == 3 })
			long, err := bot.Call(patient(t), Command{ID: "long", Peer: "comments", Verb: "spam-stats"}, nil)
			var s string
			if err != nil || len(long) > maxResult || json.Unmarshal(long, &s) != nil || !strings.HasSuffix(s, "…") {
				t.Errorf("a long text: %d bytes, %v", len(long), err)
			}
			var effects []string
			rows, err := comments.db.Query("SELECT id FROM effect")
			if err != nil {
				t.Fatal(err)
			}
			for rows.Next() {
				var s string
				rows.Scan(&s)
				effects = append(effects, s)
			}
			rows.Close()
			if len(effects) != 1 || effects[0] != "id4" {
				t.Errorf("effects %q", effects)
			}
			eventually(t, "an empty journal", func() bool {
				var n, past int
				comments.db.QueryRow("SELECT count(*) FROM ipc_journal").Scan(&n)
				comments.db.QueryRow("SELECT count(*) FROM ipc_past").Scan(&past)
				return n == 0 && past == 8
			})
		})
	}
}

func TestProgress(t *testing.T) {
	bus := NewMem()
	bot := newNode(t, bus, "bot", "comments")
	comments, _ := commentWorker(t, bus)
	run(t, bot)
	run(t, comments)
	var heard []string
	got, err := bot.Call(patient(t), Command{ID: "1", Peer: "comments", Verb: "rebuild"}, func(s string) { heard = append(heard, s) })
	if err != nil || string(got) != "2" || len(heard) == 0 || heard[0] != "page 1 of 2" {
		t.Errorf("%s %v, heard %q", got, err, heard)
	}
}

func TestRefusals(t *testing.T) {
	bus := NewMem()
	bot := newNode(t, bus, "bot", "comments", "site")
	run(t, bot)
	if err := bot.Submit(patient(t), Command{ID: "a", Peer: "nobody", Verb: "status"}); oswald.CodeOf(err) != oswald.NotFound {
		t.Error(err)
	}
	_, err := bot.Call(patient(t), Command{ID: "b", Peer: "site", Verb: "status", Deadline: time.Now().Add(50 * time.Millisecond)}, nil)
	if oswald.CodeOf(err) != oswald.Expired {
		t.Errorf("nobody there: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err = bot.Call(ctx, Command{ID: "c", Peer: "site", Verb: "status"}, nil)
	if oswald.CodeOf(err) != oswald.Unavailable || !strings.Contains(oswald.MessageOf(err), "not heard of yet") {
		t.Errorf("given up: %v", err)
	}
	for i := range 2*window + 3 { // more than the window: they wait
		if err := bot.Submit(patient(t), Command{ID: fmt.Sprint("q", i), Peer: "comments", Verb: "comments"}); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "the queue is shown", func() bool {
		h := bot.Peers()[0]
		return h.Name == "comments" && h.Open == 2*window+3 && !h.Alive
	})
	comments, ran := commentWorker(t, bus)
	run(t, comments)
	eventually(t, "all of the queue", func() bool { return ran.Load() == 2*window+3 })
	eventually(t, "alive", func() bool {
		h := bot.Peers()[0]
		return h.Alive && h.Open == 0 && h.Version == "1.2.3" && h.Note == "" && time.Since(h.Seen) < time.Minute
	})
}

func TestHandleFaults(t *testing.T) {
	test := func(verb string, h Handler) {
		t.Helper()
		n := newNode(t, NewMem(), "site")
		n.Handle(verb, h)
		if n.Run(t.Context()) == nil {
			t.Errorf("%s: accepted", verb)
		}
	}
	runs := func(context.Context, Call) (any, error) { return nil, nil }
	test("explode", Handler{Run: runs})
	test("decide", Handler{Run: runs})
	test("rebuild", Handler{})
	test("rebuild", Handler{Run: runs, After: func(Call) {}})
}
