// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// What goes wrong outside of Oswald: each fault is named in one sentence that
// says what to do, and the rest goes on.

// replace changes a line of the configuration.
func (h *house) replace(old, text string) {
	h.t.Helper()
	b, err := os.ReadFile(h.config)
	if err != nil || !strings.Contains(string(b), old) {
		h.t.Fatalf("no %q in the configuration: %v", old, err)
	}
	writeFile(h.t, h.dir, "config.toml", strings.Replace(string(b), old, text, 1))
}

// ctl asks over the control socket.
func (h *house) ctl(text string) string {
	h.t.Helper()
	out, _ := once(h.t, "", "ctl", "--config", h.config, text)
	plain(h.t, text, out)
	return out
}

// check runs the doctor.
func (h *house) check() (out string, code int) {
	h.t.Helper()
	out, code = once(h.t, "", "check", "--config", h.config)
	return out, code
}

// goInside is how errors that were not written for people look.
var goInside = regexp.MustCompile(`goroutine \d|panic:|runtime error|%!|SQLITE_|sql:|context deadline|<nil>|0x[0-9a-f]{6}|Internal error`)

// plain wants no inside of the program in what a person reads.
func plain(t *testing.T, what, text string) {
	t.Helper()
	if m := goInside.FindString(text); m != "" {
		t.Errorf("%s shows a person %q:\n%s", what, m, text)
	}
}

// says wants every word in text.
func says(t *testing.T, what, text string, words ...string) {
	t.Helper()
	for _, w := range words {
		if !strings.Contains(strings.ToLower(text), strings.ToLower(w)) {
			t.Errorf("%s does not say %q:\n%s", what, w, text)
		}
	}
}

// line returns the line of text that holds word.
func line(text, word string) string {
	for l := range strings.Lines(text) {
		if strings.Contains(l, word) {
			return l
		}
	}
	return ""
}

// untroubled wants the site, the comments and the commands to work.
func (h *house) untroubled() {
	h.t.Helper()
	eventually(h.t, "the site is served", func() bool { return strings.Contains(h.page("/"), "Lime Street") })
	eventually(h.t, "comments are taken", func() bool { return h.page("/comment/house/kitchen") != "" })
	eventually(h.t, "commands are answered", func() bool { return strings.Contains(h.ctl("ping"), "Pong") })
	says(h.t, "rebuild", h.ctl("rebuild"), "page")
	h.comment("house/kitchen", "Ann", "The shelf under the window took two evenings. "+time.Now().Format(time.RFC3339Nano), "192.0.2.7")
	says(h.t, "comments", h.ctl("comments"), "shelf")
}

// xmppFault runs a house whose bot cannot log in.
func xmppFault(t *testing.T, h *house, words ...string) {
	t.Helper()
	start(t, "run", "--config", h.config)
	h.untroubled()
	status := ""
	eventually(t, "status says why", func() bool {
		status = line(h.ctl("status"), "xmpp:")
		return strings.Contains(status, words[0])
	})
	says(t, "status", status, words...)
	out, code := h.check()
	says(t, "check", line(out, "xmpp login"), append(words, "FAIL")...)
	if n := strings.Count(out, "FAIL"); n != 1 || code != 1 {
		t.Errorf("check ends with %d and %d faults:\n%s", code, n, out)
	}
	says(t, "alerts", h.ctl("alerts"), "alert")
}

func TestWrongPassword(t *testing.T) {
	h := newHouse(t, "")
	writeFile(t, h.dir, "password", "not this one\n")
	xmppFault(t, h, "refuses the password", "xmpp.jid", "xmpp.password_file")
}

func TestNoPasswordFile(t *testing.T) {
	h := newLonelyHouse(t, "")
	if err := os.Chmod(filepath.Join(h.dir, "password"), 0o644); err != nil {
		t.Fatal(err)
	}
	xmppFault(t, h, "chmod 600", "xmpp.password_file")
}

func TestUnreachableServer(t *testing.T) {
	xmppFault(t, newLonelyHouse(t, ""), "nobody answers at 127.0.0.1", "xmpp.server")
}

func TestUntrustedCertificate(t *testing.T) {
	h := newHouse(t, "")
	h.replace("ca_file", "# ca_file")
	xmppFault(t, h, "certificate", "xmpp.ca_file")
}

// TestOccupied holds every address that Oswald listens on, and lets go of them.
func TestOccupied(t *testing.T) {
	h := newHouse(t, "")
	state := filepath.Join(h.dir, "state")
	if err := os.MkdirAll(state, 0o700); err != nil {
		t.Fatal(err)
	}
	var held []net.Listener
	hold := func(network, address string) {
		l, err := net.Listen(network, address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		held = append(held, l)
	}
	hold("tcp", strings.TrimPrefix(h.web, "http://"))
	hold("unix", filepath.Join(state, "ctl.sock"))
	hold("unix", filepath.Join(state, "bus.sock"))

	p := start(t, "run", "--config", h.config)
	alice := h.login("alice")
	alice.awaitBot()
	status := alice.expect("status")
	plain(t, "status", status)
	says(t, "status", line(status, "web server"), "web.listen", "another program")
	says(t, "status", line(status, "control socket"), "another program")
	says(t, "status", line(status, "bus server"), "bus.address", "another program")
	says(t, "the log", p.out.String(), "web.listen", "bus.address")
	alice.expect("rebuild", "page")
	alice.expect("comments", "comments")

	for _, l := range held {
		l.Close()
	}
	h.untroubled()
	eventually(t, "the bus is served", func() bool { return !strings.Contains(h.ctl("status"), "bus server") })
	says(t, "status", alice.text("status"), "all is well")
}

// TestTwoOswalds starts a second one on the same state folder.
func TestTwoOswalds(t *testing.T) {
	h := newLonelyHouse(t, "")
	start(t, "run", "--config", h.config)
	eventually(t, "it is up", func() bool { return strings.Contains(h.ctl("ping"), "Pong") })
	out, code := once(t, "", "run", "--config", h.config)
	if says(t, "the second", out, "another oswald is running", "stop it"); code != 1 || strings.Count(out, "\n") != 1 {
		t.Errorf("exit code %d:\n%s", code, out)
	}
	out, code = once(t, "", "site", "--config", h.config)
	if says(t, "a second site", out, "another oswald runs the role site"); code != 1 {
		t.Errorf("exit code %d:\n%s", code, out)
	}
	h.untroubled()
}

// TestDamagedDatabase damages one database after the other.
func TestDamagedDatabase(t *testing.T) {
	garbage := strings.Repeat("this is no database ", 500)
	t.Run("comments", func(t *testing.T) {
		h := newLonelyHouse(t, "[commands]\ntimeout = \"3s\"\n")
		writeFile(t, filepath.Join(h.dir, "state"), "comments.db", garbage)
		p := start(t, "run", "--config", h.config)
		eventually(t, "commands are answered", func() bool { return strings.Contains(h.ctl("ping"), "Pong") })
		says(t, "status", line(h.ctl("status"), "comments:"), "comments.db is damaged", "backup", "restart oswald")
		says(t, "the log", p.out.String(), "comments.db is damaged")
		says(t, "rebuild", h.ctl("rebuild"), "page")
		says(t, "the site", h.page("/"), "Lime Street")
		says(t, "comments", h.ctl("comments"), "comments", "word")
		out, _ := h.check()
		says(t, "check", line(out, "databases"), "FAIL", "comments.db is damaged", "backup")
	})
	t.Run("bot", func(t *testing.T) {
		h := newLonelyHouse(t, "")
		writeFile(t, filepath.Join(h.dir, "state"), "bot.db", garbage)
		p := start(t, "run", "--config", h.config)
		eventually(t, "the site is served", func() bool { return strings.Contains(h.page("/"), "Lime Street") })
		eventually(t, "comments are taken", func() bool { return h.page("/comment/house/kitchen") != "" })
		h.comment("house/kitchen", "Ann", "The shelf under the window took two evenings.", "192.0.2.7")
		eventually(t, "the log says why", func() bool { return strings.Contains(p.out.String(), "bot.db is damaged") })
		says(t, "ctl", h.ctl("ping"), "control socket does not answer")
		if err := os.Remove(filepath.Join(h.dir, "state", "bot.db")); err != nil {
			t.Fatal(err)
		}
		h.untroubled() // the bot is up without a restart
	})
	t.Run("not a file", func(t *testing.T) {
		h := newLonelyHouse(t, "")
		if err := os.MkdirAll(filepath.Join(h.dir, "state", "site.db"), 0o700); err != nil {
			t.Fatal(err)
		}
		p := start(t, "run", "--config", h.config)
		eventually(t, "commands are answered", func() bool { return strings.Contains(h.ctl("ping"), "Pong") })
		says(t, "status", line(h.ctl("status"), "site:"), "site.db", "Oswald's user")
		p.stop()
		out, code := once(t, "", "site", "--config", h.config)
		if says(t, "the role alone", out, "site.db"); code != 1 {
			t.Errorf("exit code %d:\n%s", code, out)
		}
	})
	t.Run("in the middle", func(t *testing.T) {
		h := newLonelyHouse(t, "")
		p := start(t, "run", "--config", h.config)
		h.untroubled()
		p.stop()
		path := filepath.Join(h.dir, "state", "comments.db")
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for i := 4096; i < len(b); i++ {
			b[i] ^= 0x55
		}
		writeFile(t, filepath.Dir(path), "comments.db", string(b))
		out, code := h.check()
		if says(t, "check", line(out, "databases"), "FAIL", "comments.db is damaged", "backup"); code != 1 {
			t.Errorf("exit code %d:\n%s", code, out)
		}
		start(t, "run", "--config", h.config)
		eventually(t, "commands are answered", func() bool { return strings.Contains(h.ctl("ping"), "Pong") })
		says(t, "rebuild", h.ctl("rebuild"), "page")
		says(t, "status", line(h.ctl("status"), "comments:"), "comments.db is damaged")
		says(t, "the page", body(h.web+"/c/house/kitchen"), "comments cannot be shown")
	})
}

// TestNoSpeechEngine runs without espeak-ng.
func TestNoSpeechEngine(t *testing.T) {
	h := newLonelyHouse(t, "")
	cmd := oswaldCommand([]string{"run", "--config", h.config}, "PATH="+t.TempDir())
	startCommand(t, cmd)
	h.untroubled()
	says(t, "say", h.ctl("say left hello"), "No speech engine", "apt-get install espeak-ng")
	says(t, "status", line(h.ctl("status"), "voice:"), "apt-get install espeak-ng")
}

// TestMalformedConfig wants every mistake named by its key, at once.
func TestMalformedConfig(t *testing.T) {
	h := newLonelyHouse(t, "[sensors]\npoll = \"soon\"\nlimmit = 30\n[nonsense]\nx = 1\n")
	h.replace("rate_limit = 1000", "rate_limit = \"many\"")
	for _, args := range [][]string{{"config", "check", h.config}, {"run", "--config", h.config}, {"check", "--config", h.config}, {"ctl", "--config", h.config, "ping"}} {
		out, code := once(t, "", args...)
		says(t, args[0], out, "sensors.poll", "sensors.limmit", "did you mean sensors.limit", "nonsense", "comments.rate_limit")
		plain(t, args[0], out)
		if code != 1 {
			t.Errorf("%v: exit code %d", args, code)
		}
	}
	for text, word := range map[string]string{
		"[xmpp\njid = 1":         "line 2",
		"a = \"\x00\"":           "line 1",
		"\xff\xfe = 1":           "line 1",
		"state = \"x\"\nstate=1": "state",
		strings.Repeat("[", 1e5): "line 1",
		"":                       "xmpp.jid",
	} {
		file := writeFile(t, t.TempDir(), "config.toml", text)
		out, code := once(t, "", "run", "--config", file)
		if says(t, "a broken file", out, file, word); code != 1 || len(out) > 2000 {
			t.Errorf("%.20q: exit code %d:\n%.2000s", text, code, out)
		}
		plain(t, "a broken file", out)
	}
	out, code := once(t, "", "run", "--config", filepath.Join(t.TempDir(), "none.toml"))
	if says(t, "no file", out, "There is no configuration file", "oswald config example"); code != 1 {
		t.Errorf("exit code %d:\n%s", code, out)
	}
}

// TestBusGone stops a real memcached and starts it again.
func TestBusGone(t *testing.T) {
	program, err := exec.LookPath("memcached")
	if err != nil {
		t.Skip("needs memcached (apt-get install memcached)")
	}
	addr := freeAddr(t)
	_, port, _ := net.SplitHostPort(addr)
	h := newLonelyHouse(t, "[bus]\nkind = \"memcached\"\naddress = \""+addr+"\"\n")
	memcached := func() *exec.Cmd {
		cmd := exec.Command(program, "-l", "127.0.0.1", "-p", port, "-U", "0", "-u", "root", "-m", "16")
		cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
		return cmd
	}
	start(t, "run", "--config", h.config) // before the bus is there
	eventually(t, "commands are answered", func() bool { return strings.Contains(h.ctl("ping"), "Pong") })
	eventually(t, "the site is served", func() bool { return strings.Contains(h.page("/"), "Lime Street") })
	down := func() {
		t.Helper()
		status := ""
		eventually(t, "status says that the bus is gone", func() bool {
			status = line(h.ctl("status"), "bus:")
			return strings.Contains(status, "⚠") && strings.Contains(status, "bus.address")
		})
		out, _ := h.check()
		says(t, "check", line(out, "message bus"), "FAIL", addr)
	}
	down()
	server := memcached()
	h.untroubled()
	server.Process.Kill()
	server.Wait()
	down()
	if h.page("/comment/house/kitchen") == "" {
		t.Error("no form without the bus")
	}
	done := make(chan string, 1)
	go func() { out, _ := once(t, "", "ctl", "--config", h.config, "rebuild"); done <- out }()
	eventually(t, "the rebuild is on its way", func() bool { return strings.Contains(h.ctl("log"), "rebuild") })
	memcached()
	says(t, "a rebuild that waited for the bus", <-done, "page")
	h.untroubled()
}
