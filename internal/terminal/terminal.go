// SPDX-License-Identifier: GPL-3.0-or-later

// Package terminal runs a program in a terminal of its own (tmux) for a test,
// which types and reads the screen as a person does.
package terminal

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const (
	patience = time.Minute
	keyPause = 30 * time.Millisecond // some programs swallow a burst of keys
)

// A Terminal is a screen of 110 by 40 characters with a program in it, which ends
// with the test. If the test fails, the screen is shown.
type Terminal struct {
	t      testing.TB
	socket string
	home   string
}

// Start runs command in a terminal, with home for its home and for all that it
// keeps. The test is skipped where a program is not installed.
func Start(t testing.TB, home string, command ...string) *Terminal {
	t.Helper()
	Needs(t, "tmux")
	dir, err := os.MkdirTemp("", "tty") // a short name: it is a socket's
	if err != nil {
		t.Fatal(err)
	}
	c := &Terminal{t: t, socket: filepath.Join(dir, "s"), home: home}
	c.tmux(append([]string{"new-session", "-d", "-s", "t", "-x", "110", "-y", "40"}, command...)...)
	t.Cleanup(func() {
		if t.Failed() {
			out, _ := c.command("capture-pane", "-t", "t", "-p").CombinedOutput()
			t.Logf("the screen of %s:\n%s", command[0], out)
		}
		c.command("kill-server").Run()
		os.RemoveAll(dir)
	})
	return c
}

// Needs skips the test unless all programs, each of the Debian package of its
// name, are installed.
func Needs(t testing.TB, programs ...string) {
	t.Helper()
	for _, p := range programs {
		if _, err := exec.LookPath(p); err != nil {
			t.Skipf("needs %s (apt-get install %s)", p, p)
		}
	}
}

func (c *Terminal) command(args ...string) *exec.Cmd {
	cmd := exec.Command("tmux", append([]string{"-S", c.socket, "-f", "/dev/null"}, args...)...)
	cmd.Env = append(os.Environ(), "HOME="+c.home, "XDG_CONFIG_HOME="+c.home+"/c", "XDG_DATA_HOME="+c.home+"/d",
		"XDG_CACHE_HOME="+c.home+"/x", "TERM=screen-256color", "LC_ALL=C.UTF-8")
	return cmd
}

func (c *Terminal) tmux(args ...string) string {
	c.t.Helper()
	out, err := c.command(args...).CombinedOutput()
	if err != nil {
		c.t.Fatalf("tmux %v: %v\n%s", args, err, out)
	}
	return string(out)
}

// Screen returns what is on the screen.
func (c *Terminal) Screen() string {
	c.t.Helper()
	return c.tmux("capture-pane", "-t", "t", "-p")
}

// Wait waits until the screen shows each of the words.
func (c *Terminal) Wait(words ...string) {
	c.t.Helper()
	c.Until(strings.Join(words, " and "), func(screen string) bool {
		for _, w := range words {
			if !strings.Contains(screen, w) {
				return false
			}
		}
		return true
	})
}

// Until waits until ok says yes to the screen.
func (c *Terminal) Until(what string, ok func(screen string) bool) {
	c.t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(patience); !ok(c.Screen()); <-tick.C {
		if time.Now().After(end) {
			c.t.Fatalf("the screen never shows %s", what)
		}
	}
}

// Type types a line, key by key, and Enter. A program that has just started may not
// listen yet: a line that does not appear is typed again.
func (c *Terminal) Type(line string) {
	c.t.Helper()
	end := line
	if r := []rune(line); len(r) > 20 {
		end = string(r[len(r)-20:])
	}
	for try := 1; !c.typed(line, end); try++ {
		if try == 5 {
			c.t.Fatalf("the screen never shows what is typed: %q", line)
		}
		c.Keys("C-u")
	}
	settle := time.NewTimer(10 * keyPause) // or it is taken for a part of what is pasted
	defer settle.Stop()
	<-settle.C
	c.Keys("Enter")
}

func (c *Terminal) typed(line, end string) bool {
	c.t.Helper()
	before := strings.Count(c.Screen(), end)
	tick := time.NewTicker(keyPause)
	defer tick.Stop()
	for _, r := range line {
		c.tmux("send-keys", "-t", "t", "-l", string(r))
		<-tick.C
	}
	for range 100 {
		if strings.Count(c.Screen(), end) > before {
			return true
		}
		<-tick.C
	}
	return false
}

// Keys presses keys by the names that tmux gives them: Enter, C-y, Tab.
func (c *Terminal) Keys(names ...string) {
	c.t.Helper()
	c.tmux(append([]string{"send-keys", "-t", "t"}, names...)...)
}
