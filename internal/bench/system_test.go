// SPDX-License-Identifier: GPL-3.0-or-later

package bench

import (
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"oswald/wiki"
)

// idleFor is how long nothing happens.
const idleFor = 30 * time.Second

// TestBarsSystem measures all roles in one process when nothing is going on.
func TestBarsSystem(t *testing.T) {
	need(t)
	binary := build(t)
	s := newServer(t, "alice", "oswald")
	m := login(t, s, "alice")
	web := freeAddr(t)
	config := configure(t, s, house(web))
	if err := wiki.WriteSample(filepath.Join(filepath.Dir(config), "pages")); err != nil {
		t.Fatal(err)
	}
	p := start(t, nil, binary, "run", "--config", config)
	m.online(s.JID("oswald"), p)
	for end := time.Now().Add(patience); !answers(web); wait(t.Context(), 50*time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("no site at %s\n%s", web, p.log)
		}
	}
	m.latencies(&contestant{name: "oswald", jid: s.JID("oswald"), text: "status", process: p}, 3)
	wait(t.Context(), 10*time.Second)
	at, begin := cpu(t, p.pid()), time.Now()
	memory := settled(t, p.pid(), idleFor)
	atMost(t, "system_idle_rss_MB", memory, 40)
	atMost(t, "system_idle_cpu_percent_of_a_core", (cpu(t, p.pid())-at)/time.Since(begin).Seconds()*100, 1)
}

func answers(web string) bool {
	res, err := http.Get("http://" + web + "/")
	if err != nil {
		return false
	}
	res.Body.Close()
	return res.StatusCode == http.StatusOK
}
