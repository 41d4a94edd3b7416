// SPDX-License-Identifier: GPL-3.0-or-later

package ipc

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"oswald"
	"oswald/internal/store"
)

// The tests that kill processes run this test binary again as a role.

// child is what a role's process is told.
type child struct {
	Role    string // "worker", "sender", "mesh" or "relay"
	Name    string // mesh: of the role
	Peers   []string
	Targets []string      // mesh: who is given commands
	Relay   string        // relay: where to
	Pace    time.Duration // mesh: between two commands
	Dir     string        // of its file and effects
	Bus     string
	From    int // sender: commands From … To-1
	To      int
	Mutant  string
	Skew    time.Duration // of its clock
}

const childEnv = "OSWALD_IPC_CHILD"

func TestMain(m *testing.M) {
	if text := os.Getenv(childEnv); text != "" {
		var c child
		if err := json.Unmarshal([]byte(text), &c); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
		if err := c.run(); err != nil {
			fmt.Fprintln(os.Stderr, c.Role, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// spawn starts c as a process, killed at the end of the test at the latest.
func spawn(t testing.TB, c child, out ...io.Writer) *exec.Cmd {
	t.Helper()
	text, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+string(text))
	cmd.Stderr = os.Stderr
	for _, w := range out {
		cmd.Stdout = w
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { slay(cmd) })
	return cmd
}

// A counter counts what is written to it.
type counter struct{ n atomic.Int64 }

func (c *counter) Write(b []byte) (int, error) { c.n.Add(int64(len(b))); return len(b), nil }

// slay kills a process at once, stopped or not.
func slay(cmd *exec.Cmd) {
	cmd.Process.Kill()
	cmd.Wait()
}

func (c child) run() error {
	ctx := context.Background()
	name, peers := "comments", []string{"bot"}
	switch c.Role {
	case "sender":
		name, peers = "bot", []string{"comments"}
	case "mesh":
		name, peers = c.Name, c.Peers
	case "relay":
		return relay(c.Bus, c.Relay, c.Skew)
	}
	db, err := store.Open(ctx, filepath.Join(c.Dir, name+".db"))
	if err != nil {
		return err
	}
	bus, err := NewMemcached(c.Bus)
	if err != nil {
		return err
	}
	n, err := New(quick(), Deps{Name: name, DB: db, Bus: bus, Log: slog.New(slog.DiscardHandler), Now: c.now})
	if err != nil {
		return err
	}
	for _, peer := range peers {
		if err := n.Pair(peer, pairSecret); err != nil {
			return err
		}
	}
	switch c.Mutant {
	case "run on offer":
		n.machine.take = runOnOffer
	case "regrant":
		n.machine.hear = regrant
	case "expire granted":
		n.machine.expire = expireGranted
	case "cancel granted":
		n.machine.cancel = func(t ticket) (ticket, bool) {
			if t.State == granted {
				t.State = offered
			}
			return cancel(t)
		}
	case "restore unnoticed": // and what has run is forgotten
		n.machine.restored = func(*echo, int64, bool) bool { return false }
		if err := store.Migrate(ctx, db, "ipc", schema); err != nil {
			return err
		}
		if _, err := db.Exec("CREATE TRIGGER IF NOT EXISTS forget AFTER INSERT ON ipc_past BEGIN DELETE FROM ipc_past; END"); err != nil {
			return err
		}
	case "no started record":
		db.Exec("DELETE FROM ipc_journal WHERE state='started'") // no table at first
		n.machine.hear = regrant
	case "no mac":
		n.machine.open = func(_ []byte, _ string, v []byte) ([]byte, error) {
			if len(v) < len(magic)+macLen {
				return nil, errMAC
			}
			return v[len(magic)+macLen:], nil
		}
	}
	switch c.Role {
	case "sender":
		return c.send(ctx, n)
	case "mesh":
		return c.mesh(ctx, n)
	}
	if err := c.handle(n); err != nil {
		return err
	}
	return n.Run(ctx)
}

// order is the argument of the commands of these tests.
type order struct {
	Die   string // "before" or "after" the effect: kill -9, the first time
	Pause time.Duration
}

// handle makes n carry out commands whose effects can be counted.
func (c child) handle(n *Node) error {
	if _, err := n.db.Exec("CREATE TABLE IF NOT EXISTS effect(id TEXT NOT NULL) STRICT"); err != nil {
		return err
	}
	die := func(call Call, o order, when string) {
		mark := filepath.Join(c.Dir, "died-"+call.ID)
		if o.Die != when {
			return
		}
		if _, err := os.Stat(mark); err == nil {
			return
		}
		os.WriteFile(mark, nil, 0o600)
		syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
	}
	outside := func(ctx context.Context, call Call) (any, error) {
		var o order
		if err := json.Unmarshal(call.Args, &o); err != nil {
			return nil, err
		}
		die(call, o, "before")
		f, err := os.OpenFile(filepath.Join(c.Dir, "effects"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			return nil, err
		}
		if _, err := f.WriteString(call.ID + "\n"); err != nil {
			return nil, err
		}
		f.Close()
		die(call, o, "after")
		pause(ctx, o.Pause)
		return call.ID, nil
	}
	n.Handle("mail", Handler{Run: outside})
	n.Handle("rebuild", Handler{Run: outside})
	n.Handle("decide", Handler{Tx: func(ctx context.Context, tx *sql.Tx, call Call) (any, error) {
		var o order
		if err := json.Unmarshal(call.Args, &o); err != nil {
			return nil, err
		}
		die(call, o, "before")
		if _, err := tx.ExecContext(ctx, "INSERT INTO effect VALUES(?)", call.ID); err != nil {
			return nil, err
		}
		die(call, o, "after")
		return call.ID, nil
	}})
	return nil
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// now is the clock of the process.
func (c child) now() time.Time { return time.Now().Add(c.Skew) }

// plan is what command i is: every kind, two in seven with a short deadline.
func plan(i int, now time.Time) Command {
	c := Command{ID: fmt.Sprint("cmd-", i), Peer: "comments", Deadline: now.Add(72 * time.Hour)}
	switch i % 5 {
	case 0:
		c.Verb = "rebuild"
	case 1, 2:
		c.Verb = "decide"
	default:
		c.Verb = "mail"
	}
	if i%7 < 2 {
		c.Deadline = now.Add(time.Duration(5+i%60) * time.Millisecond)
	}
	c.Args = order{Pause: time.Duration(i%4) * time.Millisecond}
	return c
}

// send submits its commands, each until it has ended, and leaves. It writes a
// byte for each that ends. One in ten is submitted more than
// once, one in six is cancelled at once or soon.
func (c child) send(ctx context.Context, n *Node) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	over, err := endedIn(ctx, n.db)
	if err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- n.Run(ctx) }()
	next := make(chan int)
	go func() {
		defer close(next)
		for i := c.From; i < c.To; i++ {
			if !over[plan(i, c.now()).ID] {
				next <- i
			}
		}
	}()
	var wg sync.WaitGroup
	for range 24 {
		wg.Go(func() {
			for i := range next {
				if i%10 == 0 {
					n.Submit(ctx, plan(i, c.now()))
				}
				if i%6 == 0 {
					n.Submit(ctx, plan(i, c.now()))
					pause(ctx, time.Duration(i%12)*time.Millisecond) // on offer, or granted by then
					n.Cancel(ctx, plan(i, c.now()).ID)
				}
				for {
					_, err := n.Call(ctx, plan(i, c.now()), nil)
					if code := oswald.CodeOf(err); code != oswald.Unavailable {
						break
					}
				}
				os.Stdout.Write([]byte{'.'})
			}
		})
	}
	wg.Wait()
	cancel()
	return <-ended
}

// endedIn returns the commands that have ended by the books.
func endedIn(ctx context.Context, db *sql.DB) (map[string]bool, error) {
	m := map[string]bool{}
	if err := store.Migrate(ctx, db, "ipc", schema); err != nil {
		return nil, err
	}
	return m, eachID(ctx, db, "SELECT id FROM ipc_outbox WHERE ended_ms IS NOT NULL", func(id string) { m[id] = true })
}

// eachID calls f with every id that query finds.
func eachID(ctx context.Context, db *sql.DB, query string, f func(id string)) error {
	rows, err := db.QueryContext(ctx, query)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return err
		}
		f(id)
	}
	return rows.Err()
}

// effects counts what happened in dir: by file and by table.
func effects(t testing.TB, dir string) map[string]int {
	t.Helper()
	return effectsOf(t, dir, "comments")
}

// effectsOf counts those of the role name.
func effectsOf(t testing.TB, dir, name string) map[string]int {
	t.Helper()
	m := map[string]int{}
	b, _ := os.ReadFile(filepath.Join(dir, "effects"))
	for _, id := range strings.Fields(string(b)) {
		m[id]++
	}
	db, err := store.Open(context.Background(), filepath.Join(dir, name+".db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := eachID(context.Background(), db, "SELECT id FROM effect", func(id string) { m[id]++ }); err != nil {
		return m // never came up
	}
	return m
}

// TestKilled kills the worker before and after the effect of each kind.
func TestKilled(t *testing.T) {
	m, addr := embedded(t)
	bot := newNode(t, m, "bot", "comments")
	run(t, bot)
	w := child{Role: "worker", Dir: t.TempDir(), Bus: addr}
	test := func(verb, when string, code oswald.Code, want ...int) {
		t.Helper()
		p := spawn(t, w)
		id := verb + "-" + when
		gone := make(chan struct{})
		go func() { defer close(gone); p.Wait() }()
		answered := make(chan error, 1)
		go func() {
			_, err := bot.Call(patient(t), Command{ID: id, Peer: "comments", Verb: verb, Args: order{Die: when}}, nil)
			answered <- err
		}()
		<-gone
		p = spawn(t, w)
		if err := <-answered; oswald.CodeOf(err) != code {
			t.Errorf("%s: %v, want %q", id, err, code)
		}
		slay(p)
		n := effects(t, w.Dir)[id]
		for _, k := range want {
			if n == k {
				return
			}
		}
		t.Errorf("%s: %d effects, want %v", id, n, want)
	}
	test("mail", "before", oswald.Unknown, 0)
	test("mail", "after", oswald.Unknown, 1)
	test("rebuild", "before", "", 1)
	test("rebuild", "after", "", 2)
	test("decide", "before", "", 1)
	test("decide", "after", "", 1)
}
