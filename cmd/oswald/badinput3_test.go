// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The doctor, and the tour's end.

// TestCheckGood wants nothing but good lines for a house in order.
func TestCheckGood(t *testing.T) {
	h := newHouse(t, "[sensors]\nsimulate = true\n")
	good := func() {
		t.Helper()
		out, code := h.check()
		if code != 0 || strings.Contains(out, "FAIL") {
			t.Errorf("exit code %d:\n%s", code, out)
		}
		for _, part := range []string{"state folder", "databases", "message bus", "xmpp login", "voice", "mute lines", "probes", "site", "spam filter", "web server"} {
			if !strings.HasPrefix(line(out, part), "ok") {
				t.Errorf("no good word of %s:\n%s", part, out)
			}
		}
		plain(t, "check", out)
	}
	good()
	start(t, "run", "--config", h.config)
	h.untroubled()
	good() // beside the one that runs
	if !strings.Contains(h.ctl("ping"), "Pong") {
		t.Error("the check has disturbed the one that runs")
	}
}

// TestInterrupt ends the tour with Ctrl-C, at the prompt and in the middle of
// work; a second tour in its home is refused while it lasts.
func TestInterrupt(t *testing.T) {
	for _, text := range []string{"", "say both " + strings.Repeat("one two three four ", 60), "rebuild"} {
		home := t.TempDir()
		cmd := oswaldCommand([]string{"try", "--home", home})
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		in, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		p := startCommand(t, cmd)
		eventually(t, "the prompt", func() bool { return strings.Contains(p.out.String(), "Text Oswald here") })
		if text == "" {
			out, code := once(t, "help\n", "try", "--home", home)
			if says(t, "a second tour", out, "Another oswald uses the home folder", "--home"); code != 1 {
				t.Errorf("exit code %d:\n%s", code, out)
			}
		} else {
			in.Write([]byte(text + "\n"))
			eventually(t, "it is asked", func() bool { return strings.Contains(p.out.String(), text[:6]) })
		}
		begin := time.Now()
		cmd.Process.Signal(os.Interrupt)
		select {
		case <-p.done:
		case <-time.After(30 * time.Second):
			t.Fatal("it does not end")
		}
		if took := time.Since(begin); took > stopTimeout+time.Second {
			t.Errorf("%.20q: it took %v to end", text, took)
		}
		if code := cmd.ProcessState.ExitCode(); code != 0 {
			t.Errorf("%.20q: exit code %d", text, code)
		}
		eventually(t, "no process of it is left", func() bool {
			return syscall.Kill(-cmd.Process.Pid, 0) == syscall.ESRCH
		})
		plain(t, "the tour "+strconv.Quote(text), p.out.String())
	}
}

// TestInterruptEarly presses Ctrl-C before there is a prompt.
func TestInterruptEarly(t *testing.T) {
	home := t.TempDir()
	p := start(t, "try", "--home", home)
	eventually(t, "it has begun", func() bool {
		_, err := os.Stat(filepath.Join(home, "lock"))
		return err == nil
	})
	p.cmd.Process.Signal(os.Interrupt)
	select {
	case <-p.done:
	case <-time.After(30 * time.Second):
		t.Fatal("it does not end")
	}
	if code := p.cmd.ProcessState.ExitCode(); code != 0 || strings.Contains(p.out.String(), "oswald try:") {
		t.Errorf("exit code %d:\n%s", code, p.out)
	}
	if out, code := once(t, "ping\n", "try", "--home", home); code != 0 || !strings.Contains(out, "Pong") {
		t.Errorf("the next tour: exit code %d:\n%s", code, out)
	}
}

// TestCheckBad breaks one thing after the other: the doctor names it, in one
// line, and finds the rest in order.
func TestCheckBad(t *testing.T) {
	h := newLonelyHouse(t, "")
	good, err := os.ReadFile(h.config)
	if err != nil {
		t.Fatal(err)
	}
	test := func(part, old, text string, words ...string) {
		t.Helper()
		writeFile(t, h.dir, "config.toml", string(good))
		h.replace(old, text)
		out, code := h.check()
		if code != 1 || !strings.HasPrefix(line(out, part+"  "), "FAIL") {
			t.Errorf("%s: exit code %d:\n%s", part, code, out)
		}
		says(t, part, line(out, part+"  "), words...)
		plain(t, part, out)
		for l := range strings.Lines(out) { // the XMPP server of this house does not run
			if strings.HasPrefix(l, "FAIL") && !strings.Contains(l, part+"  ") && !strings.Contains(l, "xmpp login") {
				t.Errorf("%s takes another part along: %s", part, l)
			}
		}
	}
	test("site", `source = "pages"`, `source = "nowhere"`, "wiki.source")
	test("site", `source = "pages"`, `source = "questions"`, "wiki.source")
	test("comments", `questions_file = "questions"`, `questions_file = "nowhere"`, "comments.questions_file")
	test("voice", `output = "file"`, "output = \"file\"\nengine = \"command\"\ncommand = [\"nowhere\"]", "audio.command")
	test("message bus", "[web]", "[bus]\nkind = \"memcached\"\naddress = \"127.0.0.1:1\"\n[web]", "127.0.0.1:1", "is it running?")
	key := writeFile(t, filepath.Join(h.dir, "state", "keys"), "bot-site.key", "a key that is not secret\n")
	if err := os.Chmod(key, 0o644); err != nil {
		t.Fatal(err)
	}
	test("message bus", "[wiki]", "[wiki]", "bot-site.key", "bus.keys", "nobody else")
	os.Remove(key)
	l, err := net.Listen("tcp", strings.TrimPrefix(h.web, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	test("web server", "[wiki]", "[wiki]", "web.listen", "another program")
}
