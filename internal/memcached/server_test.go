// SPDX-License-Identifier: GPL-3.0-or-later

package memcached

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/bradfitz/gomemcache/memcache"
)

type clock struct{ t time.Time }

func (c *clock) now() time.Time { return c.t }

// serve starts a server on a free port.
func serve(t *testing.T, cfg Config) (*Server, string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := New(cfg)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	return s, l.Addr().String()
}

// talk is a client that types.
type talk struct {
	t *testing.T
	c net.Conn
	r *bufio.Reader
}

func dial(t *testing.T, addr string) *talk {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(30 * time.Second))
	return &talk{t, c, bufio.NewReader(c)}
}

// say sends text and wants the answer.
func (k *talk) say(text, want string) {
	k.t.Helper()
	if _, err := io.WriteString(k.c, text); err != nil {
		k.t.Fatal(err)
	}
	got := make([]byte, len(want))
	if n, err := io.ReadFull(k.r, got); err != nil || string(got) != want {
		k.t.Fatalf("%.60q: %.80q (%v), want %.80q", text, got[:n], err, want)
	}
}

func TestProtocol(t *testing.T) {
	c := &clock{time.Unix(1e9, 0)}
	_, addr := serve(t, Config{Now: c.now, MaxItem: 1000})
	k := dial(t, addr)
	k.say("set a 7 0 3\r\nabc\r\n", "STORED\r\n")
	k.say("get a b a\r\n", "VALUE a 7 3\r\nabc\r\nVALUE a 7 3\r\nabc\r\nEND\r\n")
	k.say("gets a\r\n", "VALUE a 7 3 1\r\nabc\r\nEND\r\n")
	k.say("cas a 1 0 1 1\r\nx\r\ncas a 1 0 1 1\r\ny\r\ncas no 1 0 1 1\r\ny\r\n", "STORED\r\nEXISTS\r\nNOT_FOUND\r\n")
	k.say("add a 0 0 1\r\nz\r\nadd b 0 0 1\r\nz\r\n", "NOT_STORED\r\nSTORED\r\n")
	k.say("replace c 0 0 1\r\nz\r\nappend c 0 0 1\r\nz\r\n", "NOT_STORED\r\nNOT_STORED\r\n")
	k.say("append b 9 9 1\r\n>\r\nprepend b 9 9 1\r\n<\r\nget b\r\n", "STORED\r\nSTORED\r\nVALUE b 0 3\r\n<z>\r\nEND\r\n")
	k.say("set n 0 0 3\r\n100\r\ndecr n 1\r\nget n\r\nincr n 18446744073709551517\r\n", "STORED\r\n99\r\nVALUE n 0 3\r\n99 \r\nEND\r\n0\r\n")
	k.say("decr n 5\r\nincr b 1\r\nincr no 1\r\nincr n x\r\n", "0\r\nCLIENT_ERROR cannot increment or decrement non-numeric value\r\nNOT_FOUND\r\nCLIENT_ERROR invalid numeric delta argument\r\n")
	k.say("set t 0 10 1\r\nx\r\ntouch t 20\r\ntouch no 1\r\ngat 20 t\r\n", "STORED\r\nTOUCHED\r\nNOT_FOUND\r\nVALUE t 0 1\r\nx\r\nEND\r\n")
	c.t = c.t.Add(19 * time.Second)
	k.say("get t\r\n", "VALUE t 0 1\r\nx\r\nEND\r\n")
	c.t = c.t.Add(time.Second)
	k.say("get t\r\n", "END\r\n")
	k.say("set t 0 -1 1\r\nx\r\nget t\r\n", "STORED\r\nEND\r\n")
	k.say("set t 0 2592001 1\r\nx\r\nget t\r\n", "STORED\r\nEND\r\n") // a date in 1970
	k.say("set q 0 0 1 noreply\r\nx\r\ndelete q\r\ndelete q\r\n", "DELETED\r\nNOT_FOUND\r\n")
	k.say("set big 0 0 1\r\nx\r\nset big 0 0 2000\r\n"+strings.Repeat("y", 2000)+"\r\nget big\r\n", "STORED\r\nSERVER_ERROR object too large for cache\r\nEND\r\n")
	k.say("set bad 0 0 3\r\nabcdef\r\nget bad\r\n", "CLIENT_ERROR bad data chunk\r\nEND\r\n")
	k.say("set bad x 0 3\r\nabc\r\nmn\r\n", "CLIENT_ERROR bad command line format\r\nMN\r\n")
	k.say("set "+strings.Repeat("k", 251)+" 0 0 3\r\nabc\r\nmn\r\n", "CLIENT_ERROR bad command line format\r\nMN\r\n")
	k.say("get "+strings.Repeat("k", 251)+"\r\n", "CLIENT_ERROR bad command line format\r\n")
	k.say("\r\nnonsense\r\nget\r\nmg a\r\n", "ERROR\r\nERROR\r\nERROR\r\nERROR\r\n")
	k.say("flush_all 10\r\nget b\r\n", "OK\r\nVALUE b 0 3\r\n<z>\r\nEND\r\n")
	c.t = c.t.Add(10 * time.Second)
	c.t = c.t.Add(time.Second)
	k.say("get b\r\nset b 0 0 1\r\nn\r\nget b\r\n", "END\r\nSTORED\r\nVALUE b 0 1\r\nn\r\nEND\r\n")
}

func TestHeldBack(t *testing.T) {
	_, addr := serve(t, Config{})
	k := dial(t, addr)
	k.say("version\r\nget half", "VERSION "+Version+"\r\n") // not held back behind half a line
	k.say("way\r\n", "END\r\n")
	k.say("quit\r\n", "")
	if _, err := k.r.ReadByte(); err != io.EOF {
		t.Errorf("after quit: %v", err)
	}
}

func TestLimits(t *testing.T) {
	_, addr := serve(t, Config{MaxConns: 2, MaxLine: 300})
	a, b := dial(t, addr), dial(t, addr)
	a.say("mn\r\n", "MN\r\n")
	b.say("mn\r\n", "MN\r\n")
	dial(t, addr).say("", "SERVER_ERROR too many connections\r\n")
	a.say("get "+strings.Repeat("x", 400), "CLIENT_ERROR line too long\r\n")
	if _, err := a.r.ReadByte(); err == nil {
		t.Error("the connection lives on")
	}
	b.say("mn\r\n", "MN\r\n")
}

func TestStalled(t *testing.T) {
	_, addr := serve(t, Config{Stall: 20 * time.Millisecond, Idle: 20 * time.Millisecond})
	k := dial(t, addr)
	io.WriteString(k.c, "set a 0 0 10\r\nabc")
	if _, err := k.r.ReadByte(); err != io.EOF {
		t.Errorf("a client that stalls: %v", err)
	}
}

func TestLRU(t *testing.T) {
	s := New(Config{MaxBytes: 10 * (overhead + 11)})
	for i := range 10 {
		s.Put(fmt.Sprint(i), make([]byte, 10))
	}
	s.Get([]string{"0"})
	s.Put("x", make([]byte, 10))
	m, _ := s.Get([]string{"0", "1", "2", "x"})
	if _, ok := m["1"]; ok || len(m) != 3 {
		t.Errorf("%d left", len(m))
	}
	if err := s.Put("big", make([]byte, 2000)); err == nil {
		t.Error("larger than all of it")
	}
	if err := s.Put("a b", nil); err == nil {
		t.Error("a key with a space")
	}
	if st, n, size := s.items.snapshot(); n != 10 || size > s.cfg.MaxBytes || st.evictions != 1 {
		t.Errorf("%d items, %d bytes, %+v", n, size, st)
	}
}

func TestInProcess(t *testing.T) {
	c := &clock{time.Unix(1e9, 0)}
	s := New(Config{Now: c.now})
	ch := s.Changed()
	val := []byte("v")
	if fresh, err := s.Add("k", val, time.Minute); !fresh || err != nil {
		t.Error(fresh, err)
	}
	val[0] = 'w'
	select {
	case <-ch:
	default:
		t.Error("nobody was told")
	}
	if fresh, _ := s.Add("k", []byte("w"), time.Minute); fresh {
		t.Error("added twice")
	}
	if m, _ := s.Get([]string{"k"}); string(m["k"]) != "v" {
		t.Errorf("%q", m["k"])
	}
	c.t = c.t.Add(time.Minute)
	if fresh, _ := s.Add("k", []byte("5"), 0); !fresh {
		t.Error("has not expired")
	}
	if n, ok, err := s.Incr("k", 2); n != 7 || !ok || err != nil {
		t.Error(n, ok, err)
	}
	s.Delete("k")
	if _, ok, err := s.Incr("k", 2); ok || err != nil {
		t.Error(ok, err)
	}
}

func TestPrivateOnly(t *testing.T) {
	l, err := net.Listen("tcp", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := New(Config{}).Serve(t.Context(), l); err == nil {
		t.Error("serves the whole network")
	}
	sock, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := New(Config{}).Serve(ctx, sock); err != nil {
		t.Error(err)
	}
}

// TestMemccapable runs the conformance test of libmemcached.
func TestMemccapable(t *testing.T) {
	if _, err := exec.LookPath("memccapable"); err != nil {
		t.Skip("needs memccapable (apt-get install libmemcached-tools)")
	}
	_, addr := serve(t, Config{})
	host, port, _ := net.SplitHostPort(addr)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, "memccapable", "-h", host, "-p", port, "-a").CombinedOutput()
	if err != nil || bytes.Contains(out, []byte("[FAIL]")) || bytes.Count(out, []byte("[pass]")) != 27 {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestClient drives the server with the client that the bus uses.
func TestClient(t *testing.T) {
	s, addr := serve(t, Config{})
	c := memcache.New(addr)
	t.Cleanup(func() { c.Close() })
	check := func(err, want error) {
		t.Helper()
		if err != want {
			t.Errorf("%v, want %v", err, want)
		}
	}
	check(c.Ping(), nil)
	check(c.Set(&memcache.Item{Key: "foo", Value: []byte("fooval"), Flags: 123}), nil)
	it, err := c.Get("foo")
	if err != nil || string(it.Value) != "fooval" || it.Flags != 123 {
		t.Errorf("%+v %v", it, err)
	}
	check(c.Add(&memcache.Item{Key: "foo"}), memcache.ErrNotStored)
	check(c.Replace(&memcache.Item{Key: "bar"}), memcache.ErrNotStored)
	check(c.Append(&memcache.Item{Key: "foo", Value: []byte("+")}), nil)
	check(c.Prepend(&memcache.Item{Key: "foo", Value: []byte("-")}), nil)
	it.Value = []byte("x")
	check(c.CompareAndSwap(it), memcache.ErrCASConflict)
	it, err = c.Get("foo")
	check(err, nil)
	check(c.CompareAndSwap(it), nil)
	check(c.Delete("foo"), nil)
	check(c.Delete("foo"), memcache.ErrCacheMiss)
	check(c.CompareAndSwap(it), memcache.ErrCacheMiss)
	check(c.Set(&memcache.Item{Key: "num", Value: []byte("42")}), nil)
	if n, err := c.Increment("num", 8); n != 50 || err != nil {
		t.Error(n, err)
	}
	if n, err := c.Decrement("num", 49); n != 1 || err != nil {
		t.Error(n, err)
	}
	check(c.Touch("num", 100), nil)
	check(c.Touch("no", 100), memcache.ErrCacheMiss)
	if it, err := c.GetAndTouch("num", 100); err != nil || string(it.Value) != "1 " {
		t.Errorf("%+v %v", it, err)
	}
	keys := []string{"num"}
	for i := range 500 {
		key := fmt.Sprint(strings.Repeat("k", 100), i)
		keys = append(keys, key)
		s.Put(key, []byte(key))
	}
	if m, err := c.GetMulti(keys); err != nil || len(m) != 501 {
		t.Errorf("%d %v", len(m), err)
	}
	check(c.FlushAll(), nil)
	if _, err := c.Get("num"); err != memcache.ErrCacheMiss {
		t.Error(err)
	}
	if err := c.Set(&memcache.Item{Key: "big", Value: make([]byte, 1<<20)}); err == nil {
		t.Error("1 MiB and a key fit into 1 MiB")
	}
	check(c.Ping(), nil)
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"get a b", "gats 1 a", "set a 1 2 3 noreply", "cas a 1 2 3 4", "incr a 1", "touch a 1", "delete a 0", "flush_all 1 noreply", "verbosity 1", "stats items", "", "quit", "set a 0 0 -1", "set a 0 0 99999999999999999999"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		q := parse(line)
		if q.fault == "" {
			if q.kind == kindNone {
				t.Errorf("%q is nothing", line)
			}
			for _, k := range q.keys {
				if !legalKey(k) && q.kind != kindStats {
					t.Errorf("%q has the key %q", line, k)
				}
			}
			if q.kind == kindStore && (q.size < 0 || q.size > maxData) {
				t.Errorf("%q has size %d", line, q.size)
			}
		}
	})
}

// FuzzSession sends anything down a connection: whatever comes back, the server
// survives and stays within its bounds.
func FuzzSession(f *testing.F) {
	f.Add([]byte("set a 0 0 3\r\nabc\r\nget a\r\nappend a 0 0 1\r\nx\r\nincr a 1\r\n"))
	f.Add([]byte("set a 0 0 99999999\r\n"))
	f.Add([]byte("set a 0 0 1073741824\r\nabc"))
	f.Fuzz(func(t *testing.T, in []byte) {
		s := New(Config{MaxBytes: 2000, MaxItem: 500})
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		mine, theirs := net.Pipe()
		go func() {
			mine.SetDeadline(time.Now().Add(10 * time.Second))
			go io.Copy(io.Discard, mine)
			mine.Write(in)
			mine.Close()
		}()
		newSession(s, theirs).run()
		theirs.Close()
		if _, _, size := s.items.snapshot(); size > 2000 {
			t.Errorf("%d bytes", size)
		}
		// What is announced costs nothing; only what comes does. (Whoever feeds the
		// fuzzing takes some of this.)
		runtime.ReadMemStats(&after)
		if used, most := after.TotalAlloc-before.TotalAlloc, uint64(16<<20+1000*len(in)); used > most {
			t.Errorf("%d bytes of input took %d bytes of memory", len(in), used)
		}
	})
}
