// SPDX-License-Identifier: GPL-3.0-or-later

package moderation

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"oswald"
	"oswald/internal/postgrestest"
	"oswald/internal/secret"
	"oswald/internal/store"
	"oswald/ipc"
)

// TestTwoServersOnPostgres: two comment servers behind one nginx, on one PostgreSQL
// and one memcached, are like one. A reader never sees what either has hidden,
// whichever is asked; a form is good once at both together; what one is taught the
// other knows.
func TestTwoServersOnPostgres(t *testing.T) {
	if onPostgres() != "" {
		t.Skip("is running on it")
	}
	dsn := secret.New([]byte(postgrestest.Start(t).Schema("two")))
	memcached := startMemcached(t)
	bus, err := ipc.NewMemcached(memcached)
	if err != nil {
		t.Fatal(err)
	}
	pages := cachePages{ipc.NewCache(bus)}
	key := t.TempDir() + "/key"
	var servers []*site
	for i := range 2 {
		st := newSite(t, func(c *Config, d *Deps) {
			db, err := store.OpenPostgres(t.Context(), dsn)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { db.Close() })
			c.KeyFile, d.DB, d.Marks, d.Store = key, db, pages.c, pages
			if i == 1 {
				d.Alert = nil
			}
		})
		st.run()
		servers = append(servers, st)
	}
	one, two := servers[0], servers[1]
	listen := startNginx(t, memcached, one.web.Listener.Addr().String(), two.web.Listener.Addr().String())
	later := func(d time.Duration) { one.clock.add(d); two.clock.add(d) }
	front := one // whose client asks nginx here
	send := func(v url.Values) answer {
		t.Helper()
		r, err := http.NewRequest("POST", "http://"+listen+"/comment/kitchen", strings.NewReader(v.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		return front.do(r)
	}
	post := func(text string) int64 {
		t.Helper()
		a := front.do(request(t, "GET", "http://"+listen+"/comment/kitchen"))
		v := fields(a.body)
		v.Set("answer", one.solve(a.body))
		v.Set("text", text)
		later(20 * time.Second)
		if a = send(v); a.status != http.StatusSeeOther {
			t.Fatalf("%q: %d %s", text, a.status, a.body)
		}
		return one.last()
	}
	both := func(text string, want bool) {
		t.Helper()
		for i, st := range servers {
			if st.get("/c/kitchen").has(text) != want {
				t.Errorf("server %d shows %q: %v", i, text, !want)
			}
		}
		eventually(t, "nginx", func() bool {
			a := front.do(request(t, "GET", "http://"+listen+"/c/kitchen"))
			return a.header.Get("X-From") == "memcached" && a.has(text) == want
		})
	}
	var n int64
	for i := range 6 { // each is in the caches of both by then
		n = post(fmt.Sprintf("Comment number %d.", i))
		both(fmt.Sprintf("number %d.", i), true)
	}
	// One form, sent to both at the same moment, again and again.
	for round := range 5 {
		v := one.form("/comment/kitchen", "text", fmt.Sprint("sent twice, round ", round))
		later(20 * time.Second)
		var wg sync.WaitGroup
		for _, st := range servers {
			wg.Go(func() { st.send("/comment/kitchen", v) })
		}
		wg.Wait()
	}
	var count int
	if err := one.db.QueryRow("SELECT count(*) FROM comment WHERE text LIKE 'sent twice%'").Scan(&count); err != nil || count != 5 {
		t.Errorf("%d comments of 5 forms: %v", count, err)
	}
	// What one hides the other does not show, and it has learnt why.
	if _, err := two.Decide(t.Context(), "d1", n, oswald.Flag); err != nil {
		t.Fatal(err)
	}
	both("number 5.", false)
	one.follow(t.Context())
	if m, ok := one.filter.knows(n); !ok || !m.Spam {
		t.Error("the other filter has not learnt")
	}
	// Taken back at the other.
	if _, err := one.Undo(t.Context(), "u1"); err != nil {
		t.Fatal(err)
	}
	both("number 5.", true)
	two.follow(t.Context())
	for i, st := range servers {
		if _, ok := st.filter.knows(n); ok {
			t.Errorf("filter %d still knows it", i)
		}
	}
	// The same command at both is one decision.
	if _, err := one.Decide(t.Context(), "d2", n, oswald.Hold); err != nil {
		t.Fatal(err)
	}
	if _, err := two.Decide(t.Context(), "d2", n, oswald.Hold); err != nil {
		t.Error(err)
	}
	// One alone tells the owner.
	one.poke()
	eventually(t, "the alert", func() bool { return len(one.told("comments/queue")) > 0 })
	if len(two.told("comments/queue")) != 0 {
		t.Error("told twice")
	}
	// One goes; posting and reading go on at the other.
	two.web.Close()
	post("One server is enough.")
	both2 := front.do(request(t, "GET", "http://"+listen+"/c/kitchen?x=1"))
	if !both2.has("One server is enough.") {
		t.Error(both2.body)
	}
}
