// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestUnitsUnderSystemd boots a real systemd with our units in namespaces of its
// own and does harm to them: sandbox, readiness, watchdog and muting as they are
// on a real machine. (What it cannot have here: devices and memory limits.)
func TestUnitsUnderSystemd(t *testing.T) {
	if os.Getenv("OSWALD_LONG") == "" {
		t.Skip("boots systemd; runs where OSWALD_LONG is set (make test-long)")
	}
	program(t, "systemd-sysusers", "systemd")
	program(t, "setpriv", "util-linux")
	program(t, "memcached", "memcached")
	unshare := program(t, "unshare", "util-linux")
	if os.Getuid() != 0 {
		t.Skip("needs root, to boot systemd in namespaces")
	}
	cgroup := ownCgroup(t)
	work, err := os.MkdirTemp("", "oswald-systemd")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(work) })
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	packaging, err := filepath.Abs("../../packaging")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"systemd-boot.sh", "systemd-probe.sh"} {
		b, err := os.ReadFile("testdata/" + name)
		if err != nil {
			t.Fatal(err)
		}
		writeFile(t, work, name, string(b))
	}
	writeFile(t, work, "config.toml", `
[people]
"me@example.org" = "owner"
[xmpp]
jid = "oswald@localhost"
password_file = "password"
[audio]
output = "file"
[wiki]
source = "/srv/oswald/pages"
output = "/srv/oswald/public"
[delivery]
pages = "memcached:unix:/run/oswald-pages/pages.sock"
`)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "sh", "-c", `echo $$ >"$0/cgroup.procs"; exec "$@"`, cgroup,
		unshare, "--mount", "--pid", "--fork", "--kill-child", "--uts", "--ipc", "--net", "--cgroup",
		"sh", filepath.Join(work, "systemd-boot.sh"), work, self, packaging)
	boot, err := cmd.CombinedOutput()
	log, _ := os.ReadFile(filepath.Join(work, "probe.log"))
	journal, _ := os.ReadFile(filepath.Join(work, "journal.log"))
	if !strings.HasSuffix(string(log), "end\n") || strings.Contains(string(log), "FAIL") {
		t.Errorf("%v\n%s\n%s\n%s", err, boot, log, journal)
	}
	if n := strings.Count(string(log), "ok "); n < 15 {
		t.Errorf("only %d things seen:\n%s", n, log)
	}
}

// ownCgroup makes a control group for systemd to put its own into.
func ownCgroup(t *testing.T) string {
	t.Helper()
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(string(mounts), "\n") {
		if f := strings.Fields(line); len(f) > 2 && f[2] == "cgroup2" {
			dir, err := os.MkdirTemp(f[1], "oswald-test-")
			if err != nil {
				t.Skipf("needs a control group of its own: %v", err)
			}
			// Groups that systemd left are empty; from the innermost outwards.
			t.Cleanup(func() {
				exec.Command("find", dir, "-depth", "-type", "d", "-exec", "rmdir", "{}", ";").Run()
			})
			return dir
		}
	}
	t.Skip("needs cgroup2")
	return ""
}
