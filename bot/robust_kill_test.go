// SPDX-License-Identifier: GPL-3.0-or-later

package bot

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"oswald"
	"oswald/internal/store"
	"oswald/internal/xmpptest"
)

// beBot makes the test binary a bot: its value is the folder with its files. So a
// test can kill it, with nothing of it going on in the test itself.
const beBot = "OSWALD_TEST_BE_BOT"

func TestMain(m *testing.M) {
	if dir := os.Getenv(beBot); dir != "" {
		if err := runChild(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// runChild is a bot whose commands do something that must not be done twice: they
// add a row, named by the ID of the request, as handlers do.
func runChild(dir string) error {
	text, err := os.ReadFile(filepath.Join(dir, "config.json"))
	if err != nil {
		return err
	}
	var cfg Config
	if err := json.Unmarshal(text, &cfg); err != nil {
		return err
	}
	ctx := context.Background()
	db, err := store.Open(ctx, filepath.Join(dir, "bot.db"))
	if err != nil {
		return err
	}
	done, err := openDone(ctx, dir)
	if err != nil {
		return err
	}
	b, err := New(cfg, Deps{
		Dispatcher: doer{done}, DB: db, Role: func(string) oswald.Role { return oswald.Member },
		Log: slog.New(slog.NewTextHandler(os.Stderr, nil)),
	})
	if err != nil {
		return err
	}
	b.quick.Min, b.quick.Max = 50*time.Millisecond, 200*time.Millisecond
	return b.Run(ctx)
}

func openDone(ctx context.Context, dir string) (*sql.DB, error) {
	db, err := store.Open(ctx, filepath.Join(dir, "done.db"))
	if err != nil {
		return nil, err
	}
	_, err = db.ExecContext(ctx, "CREATE TABLE IF NOT EXISTS done(id TEXT PRIMARY KEY, text TEXT NOT NULL) STRICT")
	return db, err
}

type doer struct{ db *sql.DB }

func (d doer) Dispatch(ctx context.Context, r oswald.Request) (oswald.Reply, error) {
	if _, err := d.db.ExecContext(ctx, "INSERT INTO done VALUES(?, ?) ON CONFLICT DO NOTHING", r.ID, r.Text); err != nil {
		return oswald.Reply{}, err
	}
	return oswald.Reply{Text: echo(r.Text)}, nil
}

// A child is the process of such a bot.
type child struct {
	t   *testing.T
	dir string
	cmd *exec.Cmd
	log *os.File
}

// start runs the child; kill ends it in whatever it is doing.
func (c *child) start() {
	c.t.Helper()
	self, err := os.Executable()
	if err != nil {
		c.t.Fatal(err)
	}
	c.cmd = exec.Command(self)
	c.cmd.Env = append(os.Environ(), beBot+"="+c.dir)
	c.cmd.Stdout, c.cmd.Stderr = c.log, c.log
	if err := c.cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
}

func (c *child) kill() {
	c.cmd.Process.Kill()
	c.cmd.Wait()
}

// TestBotKilled kills the bot's process at random points of a conversation. Each
// command ends once and its answer reaches the phone.
func TestBotKilled(t *testing.T) {
	n, kills := 40, 10
	if long() {
		n, kills = 500, 200
	}
	xmpptest.Servers(t, []string{"bot", "alice", "bob"}, func(t *testing.T, s *xmpptest.Server) {
		dir := t.TempDir()
		text, err := json.Marshal(testConfig(t, s))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "config.json"), text, 0o600); err != nil {
			t.Fatal(err)
		}
		log, err := os.Create(filepath.Join(dir, "log"))
		if err != nil {
			t.Fatal(err)
		}
		defer log.Close()
		t.Cleanup(func() {
			if b, err := os.ReadFile(log.Name()); t.Failed() && err == nil {
				t.Logf("the end of the bot's log:\n%s", strings.ToValidUTF8(string(b[max(0, len(b)-20_000):]), "?"))
			}
		})
		c := &child{t: t, dir: dir, log: log}
		c.start()
		end := sync.OnceFunc(c.kill)
		defer end()
		phones := []*phone{newPhone(t, s, "alice"), newPhone(t, s, "bob")}
		phones[0].say("are you there?") // the first start takes longer
		within(t, time.Minute, "the first answer", func() bool { return phones[0].unanswered() == 0 })
		said := 0
		for k := range kills {
			for ; said < n*(k+1)/kills; said++ {
				phones[said%2].say(fmt.Sprint("do number ", said))
			}
			// Now and then it gets so far as to answer all.
			moment := time.NewTimer(rand.N(600 * time.Millisecond))
			<-moment.C
			c.kill()
			c.start()
		}
		for _, p := range phones {
			p.check(echo)
		}
		end()
		done, err := openDone(t.Context(), dir)
		if err != nil {
			t.Fatal(err)
		}
		defer done.Close()
		for i := range n {
			var times int
			what := fmt.Sprint("do number ", i)
			if err := done.QueryRow("SELECT COUNT(*) FROM done WHERE text = ?", what).Scan(&times); err != nil || times != 1 {
				t.Errorf("%q was done %d times, %v", what, times, err)
			}
		}
	})
}
