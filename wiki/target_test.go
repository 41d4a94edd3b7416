// SPDX-License-Identifier: GPL-3.0-or-later

package wiki

import (
	"bytes"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestTarget brings the site to a web host: a real sshd on this machine, a real
// rsync. The page that was asked for comes first, what goes is taken away, what
// lies there besides stays, and what a lost connection left out is sent later.
func TestTarget(t *testing.T) {
	for name, pkg := range map[string]string{"rsync": "rsync", "/usr/sbin/sshd": "openssh-server", "ssh-keygen": "openssh-client"} {
		if _, err := exec.LookPath(name); err != nil {
			t.Skipf("needs %s (apt-get install %s)", filepath.Base(name), pkg)
		}
	}
	dir := t.TempDir()
	host := filepath.Join(dir, "www")
	if err := os.Mkdir(host, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"host", "user"} {
		if out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", filepath.Join(dir, key)).CombinedOutput(); err != nil {
			t.Fatalf("%v %s", err, out)
		}
	}
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	_, port, _ := net.SplitHostPort(addr)
	l.Close()
	write(t, dir, "sshd.conf", "ListenAddress 127.0.0.1\nPort "+port+"\nHostKey "+dir+"/host\nAuthorizedKeysFile "+dir+"/user.pub\nStrictModes no\nUsePAM no\nPidFile none\nPasswordAuthentication no\nPermitRootLogin prohibit-password\n")
	if os.Getuid() == 0 {
		if err := os.MkdirAll("/run/sshd", 0o755); err != nil { // where sshd gives up its rights
			t.Fatal(err)
		}
	}
	var log bytes.Buffer
	start := func() *exec.Cmd {
		t.Helper()
		sshd := exec.Command("/usr/sbin/sshd", "-D", "-e", "-f", dir+"/sshd.conf")
		sshd.Stderr = &log
		if err := sshd.Start(); err != nil {
			t.Fatal(err)
		}
		limit := time.Now().Add(20 * time.Second)
		for {
			c, err := net.Dial("tcp", addr)
			if err == nil {
				c.Close()
				return sshd
			}
			if time.Now().After(limit) {
				t.Fatalf("sshd does not answer: %s", log.String())
			}
			wait(5 * time.Millisecond)
		}
	}
	stop := func(c *exec.Cmd) { _ = c.Process.Kill(); _ = c.Wait() }
	sshd := start()
	defer func() { stop(sshd) }()
	s := newSite(t, func(c *Config) {
		c.Target = me.Username + "@127.0.0.1:" + host
		c.TargetSSH = "ssh -p " + port + " -i " + dir + "/user -F none -o BatchMode=yes -o StrictHostKeyChecking=accept-new -o UserKnownHostsFile=" + dir + "/known"
	})
	write(t, s.cfg.Source, "A.md", "first")
	write(t, s.cfg.Source, "B.md", "b")
	there := func(name, want string) {
		t.Helper()
		data, err := os.ReadFile(filepath.Join(host, name))
		if want == "" && err == nil {
			t.Errorf("%s is still there", name)
		}
		if want != "" && !strings.Contains(string(data), want) {
			t.Errorf("%s: %q %v, sshd: %s", name, data, err, log.String())
		}
	}
	if b := build(t, s); len(b.Warnings) > 0 && strings.Contains(b.Warnings[0], "web host") {
		t.Fatalf("%v\n%s", b.Warnings, log.String())
	}
	there("a/index.html", "first")
	there("style.css", "body")
	write(t, host, "foreign.txt", "mine")
	before, err := os.Stat(filepath.Join(host, "b/index.html"))
	if err != nil {
		t.Fatal(err)
	}
	write(t, s.cfg.Source, "A.md", "second")
	if _, err := s.Rebuild(t.Context(), "2", "A", nil); err != nil {
		t.Fatal(err)
	}
	there("a/index.html", "second")
	there("foreign.txt", "mine")
	if after, err := os.Stat(filepath.Join(host, "b/index.html")); err != nil || !os.SameFile(before, after) {
		t.Errorf("an unchanged file was sent: %v", err)
	}
	stop(sshd)
	write(t, s.cfg.Source, "A.md", "third")
	if err := os.Remove(filepath.Join(s.cfg.Source, "B.md")); err != nil {
		t.Fatal(err)
	}
	if b := build(t, s); len(b.Warnings) == 0 || !strings.Contains(b.Warnings[0], "web host was not brought up to date") {
		t.Errorf("without a web host: %q", b.Warnings)
	}
	there("a/index.html", "second")
	sshd = start()
	s.close() // also after a restart
	if b := build(t, s); len(b.Warnings) > 0 && strings.Contains(b.Warnings[0], "web host") {
		t.Errorf("%q", b.Warnings)
	}
	there("a/index.html", "third")
	there("b/index.html", "")
	there("foreign.txt", "mine")
	if _, err := s.Rollback(t.Context(), "back"); err != nil {
		t.Fatal(err)
	}
	there("a/index.html", "second")
	there("b/index.html", "b")
}
