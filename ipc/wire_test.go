// SPDX-License-Identifier: GPL-3.0-or-later

package ipc

import (
	"bytes"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"oswald"
	"oswald/internal/memcached"
	"oswald/internal/secret"
)

func TestEnvelope(t *testing.T) {
	key := directionKey(pairSecret, "bot", "site")
	v := seal(key, "osw/1/site/bot", []byte(`{"s":1}`))
	test := func(what string, key []byte, name string, v []byte, want error) {
		t.Helper()
		if _, err := open(key, name, v); err != want {
			t.Errorf("%s: %v, want %v", what, err, want)
		}
	}
	test("as sealed", key, "osw/1/site/bot", v, nil)
	test("moved", key, "osw/1/comments/bot", v, errMAC)
	test("reflected", directionKey(pairSecret, "site", "bot"), "osw/1/site/bot", v, errMAC)
	test("another secret", directionKey(secret.New(make([]byte, 32)), "bot", "site"), "osw/1/site/bot", v, errMAC)
	test("another version", key, "osw/1/site/bot", append([]byte("OT2\n"), v[4:]...), errVersion)
	test("too large", key, "osw/1/site/bot", make([]byte, 70<<10), errSize)
	test("empty", key, "osw/1/site/bot", nil, errMAC)
	for i := range v {
		flipped := bytes.Clone(v)
		flipped[i] ^= 1
		if _, err := open(key, "osw/1/site/bot", flipped); err == nil {
			t.Errorf("a flipped bit in byte %d is accepted", i)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"inst":"i","b":1,"bn":"n","s":1,"t":1,"o":[{"id":"a","v":"rebuild","a":{},"i":true,"g":"x"}],"f":["a"],"gn":1,"it":[{"id":"b","st":"claim","n":"x"}],"hb":{"bn":"n","gn":1}}`))
	f.Add([]byte(`{"s":1,"bn":"x","o":[null],"it":[{}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		m, err := decode(body)
		if err != nil {
			return
		}
		for _, o := range m.offers {
			if !legalID(o.ID) {
				t.Errorf("id %q", o.ID)
			}
			take(job{}, o, facts{slot: true}, randomHex)
		}
		for _, it := range m.items {
			for _, st := range []state{offered, granted, doubt} {
				hear(ticket{State: st, Deadline: 1}, it, m.Inst, 0)
			}
		}
	})
}

func FuzzOpen(f *testing.F) {
	key := directionKey(pairSecret, "bot", "site")
	f.Add(seal(key, "n", []byte("{}")))
	f.Fuzz(func(t *testing.T, v []byte) {
		if body, err := open(key, "n", v); err == nil && !bytes.Equal(seal(key, "n", body), v) {
			t.Error("opened what we do not seal")
		}
	})
}

// TestWrongKey wants both ends to say what is wrong.
func TestWrongKey(t *testing.T) {
	bus := NewMem()
	bot, site := newNode(t, bus, "bot", "site"), newNode(t, bus, "site")
	site.Pair("bot", secret.New([]byte("another secret of some length")))
	run(t, bot)
	run(t, site)
	for _, n := range []*Node{bot, site} {
		eventually(t, "another key", func() bool {
			h := n.Peers()[0]
			return !h.Alive && strings.Contains(h.Note, "another key")
		})
	}
}

// TestBusAway wants commands kept while memcached is away.
func TestBusAway(t *testing.T) {
	d := startMemcached(t)
	bot := newNode(t, connect(t, d.addr), "bot", "comments")
	comments, ran := commentWorker(t, connect(t, d.addr))
	run(t, bot)
	run(t, comments)
	if _, err := bot.Call(patient(t), Command{ID: "1", Peer: "comments", Verb: "comments"}, nil); err != nil {
		t.Fatal(err)
	}
	d.kill()
	eventually(t, "the bus is missed", func() bool { return strings.Contains(bot.Peers()[0].Note, "bus does not answer") })
	end := make(chan error, 1)
	go func() {
		_, err := bot.Call(patient(t), Command{ID: "2", Peer: "comments", Verb: "comments"}, nil)
		end <- err
	}()
	eventually(t, "the command is kept", func() bool { return bot.Peers()[0].Open == 1 })
	d.start()
	if err := <-end; err != nil || ran.Load() != 2 {
		t.Errorf("%v, ran %d", err, ran.Load())
	}
}

// TestRestored brings the sender's file back from a backup that knows nothing of
// a command that ran since: it must not be called expired.
func TestRestored(t *testing.T) {
	bus := NewMem()
	comments, ran := commentWorker(t, bus)
	run(t, comments)
	dir := t.TempDir()
	start := func(file string, now func() time.Time) (*Node, func()) {
		n, err := New(quick(), Deps{Name: "bot", DB: openDB(t, filepath.Join(dir, file)), Bus: bus, Log: testLog(t), Now: now})
		if err != nil {
			t.Fatal(err)
		}
		n.Pair("comments", pairSecret)
		return n, run(t, n)
	}
	// The command is on the books before anybody can claim it: the worker is deaf.
	deaf, err := New(quick(), Deps{Name: "bot", DB: openDB(t, filepath.Join(dir, "a.db")), Bus: NewMem(), Log: testLog(t)})
	if err != nil {
		t.Fatal(err)
	}
	deaf.Pair("comments", pairSecret)
	stop := run(t, deaf)
	c := Command{ID: "post", Peer: "comments", Verb: "mail", Deadline: time.Now().Add(time.Hour)}
	if err := deaf.Submit(patient(t), c); err != nil {
		t.Fatal(err)
	}
	stop()
	if _, err := deaf.db.Exec("VACUUM INTO ?", filepath.Join(dir, "backup.db")); err != nil {
		t.Fatal(err)
	}
	bot, stop := start("a.db", nil)
	if _, err := bot.Call(patient(t), c, nil); err != nil || ran.Load() != 1 {
		t.Fatal(err, ran.Load())
	}
	stop()
	bot, _ = start("backup.db", func() time.Time { return time.Now().Add(2 * time.Hour) }) // long past the deadline
	_, err = bot.Call(patient(t), c, nil)
	if oswald.CodeOf(err) != oswald.Unknown || ran.Load() != 1 {
		t.Errorf("%v, ran %d times", err, ran.Load())
	}
}

func TestCache(t *testing.T) {
	test := func(what string, c *Cache) {
		t.Helper()
		key := "a key with spaces and " + strings.Repeat("length ", 50)
		if fresh, err := c.Add(key, []byte("1"), time.Minute); !fresh || err != nil {
			t.Error(what, fresh, err)
		}
		if fresh, err := c.Add(key, []byte("2"), time.Minute); fresh || err != nil {
			t.Error(what, fresh, err)
		}
		if v, ok, err := c.Get(key); string(v) != "1" || !ok || err != nil {
			t.Error(what, v, ok, err)
		}
		if err := c.Set(key, []byte("3"), 40*24*time.Hour); err != nil {
			t.Error(what, err)
		}
		for range 2 {
			if err := c.Delete(key); err != nil {
				t.Error(what, err)
			}
		}
		if _, ok, err := c.Get(key); ok || err != nil {
			t.Error(what, ok, err)
		}
	}
	test("in process", NewCache(memcached.New(memcached.Defaults())))
	_, addr := embedded(t)
	test("embedded", NewCache(connect(t, addr)))
	if _, err := NewCache(NewMem()).Add("x", nil, 0); oswald.CodeOf(err) != oswald.Unavailable {
		t.Error(err)
	}
	if _, err := NewCache(connect(t, "127.0.0.1:1")).Add("x", nil, 0); oswald.CodeOf(err) != oswald.Unavailable {
		t.Error(err)
	}
	test("memcached", NewCache(connect(t, startMemcached(t).addr)))
}

func TestAddresses(t *testing.T) {
	test := func(addr string, ok bool) {
		t.Helper()
		if _, err := NewMemcached(addr); (err == nil) != ok {
			t.Errorf("%s: %v", addr, err)
		}
	}
	test("unix:/run/x.sock", true)
	test("unix:relative.sock", true)
	test("127.0.0.1:11211", true)
	test("[::1]:11211", true)
	test("tls://me:secret@cache.example.org:11211", true)
	test("tcp://localhost:11211", true)
	for _, bad := range []string{"", "unix:", "localhost", "http://x:1", "me:secret@host:1", "tls://host", "a:1/path"} {
		test(bad, false)
	}
}

// TestConfig wants every fault named by its key.
func TestConfig(t *testing.T) {
	if err := Defaults().Validate(); err != nil {
		t.Error(err)
	}
	err := Config{}.Validate()
	for _, key := range []string{"ipc.active", "ipc.idle", "ipc.handlers", "ipc.keep"} {
		if !strings.Contains(fmt.Sprint(err), key) {
			t.Errorf("%s is not named in: %v", key, err)
		}
	}
}
