// SPDX-License-Identifier: GPL-3.0-or-later

package bot

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"database/sql"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"oswald"
	"oswald/internal/prosodytest"
	"oswald/internal/secret"
	"oswald/internal/store"
	"oswald/internal/xmppclient"
)

// commands is a Dispatcher that remembers what it was asked.
type commands struct {
	mu     sync.Mutex
	asked  []oswald.Request
	answer func(ctx context.Context, r oswald.Request) (oswald.Reply, error)
}

func (c *commands) Dispatch(ctx context.Context, r oswald.Request) (oswald.Reply, error) {
	c.mu.Lock()
	c.asked = append(c.asked, r)
	f := c.answer
	c.mu.Unlock()
	if f != nil {
		return f(ctx, r)
	}
	return oswald.Reply{Text: "you said " + r.Text}, nil
}

func (c *commands) times(text string) (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, r := range c.asked {
		if r.Text == text {
			n++
		}
	}
	return n
}

// rig is a bot with what surrounds it.
type rig struct {
	*Bot
	t         *testing.T
	db        *sql.DB
	commands  *commands
	mu        sync.Mutex
	strangers []string
	alerts    []oswald.Alert // of rooms
	stop      func()
}

func testConfig(t *testing.T, s *prosodytest.Server) Config {
	c := Defaults()
	c.JID, c.PasswordFile = jidOf("bot"), passwordFile(t, s)
	c.Server, c.CAFile = s.Addr, s.CAFile
	c.Patience = 5 * time.Second
	return c
}

func newRig(t *testing.T, cfg Config, path string) *rig {
	t.Helper()
	db, err := store.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{t: t, db: db, commands: new(commands)}
	log := slog.DiscardHandler
	if testing.Verbose() {
		log = slog.NewTextHandler(os.Stderr, nil)
	}
	r.Bot, err = New(cfg, Deps{
		Dispatcher: r.commands, Urgent: func(text string) bool { return text == "cancel" }, DB: db, Version: "1.2.3", Log: slog.New(log),
		Role: func(bare string) oswald.Role {
			switch bare {
			case jidOf("alice"):
				return oswald.Owner
			case jidOf("bob"):
				return oswald.Member
			}
			return oswald.NoRole
		},
		Stranger: func(bare string) {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.strangers = append(r.strangers, bare)
		},
		Alert: func(a oswald.Alert) {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.alerts = append(r.alerts, a)
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.end(); db.Close() })
	return r
}

// run starts the bot; end, or the end of the test, stops it.
func (r *rig) run() *rig {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := r.Run(ctx); err != nil {
			r.t.Error(err)
		}
	}()
	r.stop = sync.OnceFunc(func() {
		begin := time.Now()
		cancel()
		<-done
		if d := time.Since(begin); d > 10*time.Second {
			r.t.Errorf("stopping took %v", d)
		}
	})
	return r
}

// end stops the bot.
func (r *rig) end() {
	if r.stop != nil {
		r.stop()
	}
}

func (r *rig) waitOnline() *rig {
	r.t.Helper()
	wait(r.t, "the bot to be online", func() bool { return r.Part().OK })
	return r
}

func wait(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.NewTimer(30 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// server starts Prosody; mallory is in nobody's roster.
func server(t *testing.T) *prosodytest.Server {
	t.Helper()
	s := prosodytest.Start(t, "bot", "alice", "bob")
	s.Register("mallory")
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("prosody said:\n%s", s.Log())
		}
	})
	return s
}

func jidOf(user string) string { return user + "@" + prosodytest.Domain }

func passwordFile(t *testing.T, s *prosodytest.Server) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(path, []byte(s.Password("bot")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func roots(t *testing.T, s *prosodytest.Server) *x509.CertPool {
	t.Helper()
	pem, err := os.ReadFile(s.CAFile)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem)
	return pool
}

// start starts server and bot.
func start(t *testing.T) (*prosodytest.Server, *rig) {
	t.Helper()
	s := server(t)
	r := newRig(t, testConfig(t, s), filepath.Join(t.TempDir(), "bot.db"))
	return s, r.run().waitOnline()
}

func clientConfig(t *testing.T, s *prosodytest.Server, user, resource string) xmppclient.Config {
	return xmppclient.Config{
		JID: jidOf(user), Resource: resource, Password: secret.New([]byte(s.Password(user))),
		Addr: s.Addr, TLS: &tls.Config{RootCAs: roots(t, s)},
	}
}

func client(t *testing.T, s *prosodytest.Server, user string) *xmppclient.Client {
	t.Helper()
	c, err := xmppclient.Dial(t.Context(), clientConfig(t, s, user, ""))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

var botJID = jidOf("bot")

func ask(t *testing.T, c *xmppclient.Client, text string) xmppclient.Message {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	m, err := c.Command(ctx, botJID, text, nil)
	if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return m
}

// next returns the next message with a body that no Command waited for.
func next(t *testing.T, c *xmppclient.Client) xmppclient.Message {
	t.Helper()
	deadline := time.NewTimer(30 * time.Second)
	defer deadline.Stop()
	for {
		select {
		case m, ok := <-c.Messages():
			if !ok {
				t.Fatalf("the client's session ended: %v", c.Err())
			}
			if m.Body != "" {
				return m
			}
		case <-deadline.C:
			t.Fatal("no message")
		}
	}
}

// count returns how many commands were asked for.
func (c *commands) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.asked)
}

// saidLeft returns how much of what was said in rooms is on disk.
func (r *rig) saidLeft(t *testing.T) (n int) {
	t.Helper()
	r.disk.flush(t.Context())
	if err := r.db.QueryRowContext(t.Context(), "SELECT count(*) FROM bot_said").Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}
