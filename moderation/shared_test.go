// SPDX-License-Identifier: GPL-3.0-or-later

package moderation

import (
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"testing"
	"time"

	"oswald/ipc"
)

// startMemcached runs a real memcached and returns its address.
func startMemcached(t *testing.T) string {
	t.Helper()
	program, err := exec.LookPath("memcached")
	if err != nil {
		t.Skip("needs memcached (apt-get install memcached)")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().(*net.TCPAddr)
	l.Close()
	cmd := exec.Command(program, "-l", "127.0.0.1", "-p", fmt.Sprint(addr.Port), "-U", "0", "-u", "nobody", "-m", "16")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	eventually(t, "memcached", func() bool {
		c, err := net.DialTimeout("tcp", addr.String(), time.Second)
		if err == nil {
			c.Close()
		}
		return err == nil
	})
	return addr.String()
}

// TestTwoServersShareTokensAndLimits: a form used at one server is used at the
// other, and a network's limit counts both, through a real memcached.
func TestTwoServersShareTokensAndLimits(t *testing.T) {
	bus, err := ipc.NewMemcached(startMemcached(t))
	if err != nil {
		t.Fatal(err)
	}
	var servers []*site
	key := t.TempDir() + "/key"
	for range 2 {
		servers = append(servers, newSite(t, func(c *Config, d *Deps) {
			c.KeyFile, c.RateLimit, d.Marks = key, 3, ipc.NewCache(bus)
		}))
	}
	one, two := servers[0], servers[1]
	v := one.form("/comment/kitchen", "text", "Posted at one of them.")
	one.clock.add(time.Minute)
	two.clock.add(time.Minute)
	if a := one.send("/comment/kitchen", v); a.status != http.StatusSeeOther {
		t.Fatalf("%d %s", a.status, a.body)
	}
	if a := two.send("/comment/kitchen", v); a.status != 422 || !a.has("already sent once") {
		t.Errorf("used twice: %d %s", a.status, a.body)
	}
	for i, st := range []*site{two, one} {
		w := st.form("/comment/kitchen", "text", fmt.Sprint("Another one, ", i))
		st.clock.add(5 * time.Second)
		if a := st.send("/comment/kitchen", w); a.status != http.StatusSeeOther {
			t.Errorf("%d %s", a.status, a.body)
		}
	}
	w := two.form("/comment/kitchen", "text", "One too many")
	two.clock.add(5 * time.Second)
	if a := two.send("/comment/kitchen", w); a.status != http.StatusTooManyRequests {
		t.Errorf("the limit is not shared: %d", a.status)
	}
	if n := len(one.marks.own.end) + len(two.marks.own.end); n != 0 {
		t.Errorf("%d marks were kept in the process", n)
	}
}
