// SPDX-License-Identifier: GPL-3.0-or-later

package moderation

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"oswald"
)

func TestRateLimits(t *testing.T) {
	st := newSite(t, func(c *Config, _ *Deps) { c.RateLimit = 3 })
	i := 0
	test := func(from string, secret string, want int) {
		t.Helper()
		i++
		v := st.form("/comment/kitchen", "text", fmt.Sprint("Comment number ", i), "secret", secret)
		st.clock.add(5 * time.Second)
		a := st.send("/comment/kitchen", v, "X-Forwarded-For", from)
		if a.status != want {
			t.Errorf("from %s: %d, want %d", from, a.status, want)
		}
		if want == http.StatusTooManyRequests && (!a.has("10 minutes") || fields(a.body).Get("text") != v.Get("text")) {
			t.Errorf("lost: %s", a.body)
		}
	}
	test("203.0.113.1", "", 303)
	test("203.0.113.2", "", 303)
	test("203.0.113.3", "", 303)
	test("203.0.113.200", "", 429) // the same /24
	test("203.0.114.1", "", 303)
	for range 3 {
		test("2001:db8:1:2::1", "", 303)
	}
	test("2001:db8:1:2:ffff::9", "", 429) // the same /64
	test("2001:db8:1:3::1", "", 303)      // another one
	for n := range 8 {
		test(fmt.Sprintf("2001:db8:1:%x::1", 0x10+n), "", 303)
	}
	test("2001:db8:1:ff::1", "", 429) // four times as many from the /48
	st.clock.add(10 * time.Minute)
	test("203.0.113.1", "", 303)
	for n := range 3 {
		test(fmt.Sprintf("192.0.%d.1", 10+n), "one secret for all", 303)
	}
	test("192.0.20.1", "one secret for all", 429) // by ID, from anywhere
}

func TestWrongAnswersAreLimited(t *testing.T) {
	st := newSite(t, nil)
	var last answer
	for range maxWrong + 1 {
		v := st.form("/comment/kitchen", "text", "Hello", "answer", "guess")
		st.clock.add(5 * time.Second)
		last = st.send("/comment/kitchen", v)
	}
	if last.status != http.StatusTooManyRequests || !last.has("too many wrong answers") {
		t.Errorf("%d %s", last.status, last.body)
	}
}

func TestDuplicatesAndFloods(t *testing.T) {
	st := newSite(t, func(c *Config, _ *Deps) { c.FloodLimit = 8 })
	const long = "Exactly this same text comes back on page after page of the site."
	if a := st.post("kitchen", long); a.status != 303 {
		t.Fatal(a.status)
	}
	a := st.post("kitchen", strings.ToUpper(long)+"!!")
	if a.status != http.StatusConflict || !a.has("here already") {
		t.Errorf("duplicate: %d", a.status)
	}
	if c := st.comment(st.posted("getting-started", long)); c.State != oswald.Shown {
		t.Errorf("second page: %s", c.State)
	}
	if c := st.comment(st.posted("notes/deep/page", long)); c.State != oswald.Queued {
		t.Errorf("third page: %s", c.State)
	}
	st.clock.add(2 * time.Minute)
	var state oswald.CommentState
	for i := range 9 {
		v := st.form("/comment/kitchen", "text", fmt.Sprint("short ", i))
		st.clock.add(5 * time.Second)
		st.send("/comment/kitchen", v)
		state = st.comment(st.last()).State
	}
	if state != oswald.Queued {
		t.Errorf("flood: the ninth in a minute is %s", state)
	}
}

func TestManyLinksWait(t *testing.T) {
	st := newSite(t, nil)
	n := st.posted("kitchen", strings.Repeat("http://a.example/ ", 6))
	if c := st.comment(n); c.State != oswald.Queued {
		t.Errorf("six links: %s", c.State)
	}
}

func TestTarpit(t *testing.T) {
	const slots = 3
	st := newSite(t, func(c *Config, _ *Deps) { c.Tarpit, c.TarpitHold = slots, time.Minute })
	v := st.form("/comment/kitchen", "text", "Mined", "website", "http://spam.example/")
	st.clock.add(time.Minute)
	var open []net.Conn
	enter := func() (*bufio.Reader, string) {
		t.Helper()
		v.Set("token", st.form("/comment/kitchen").Get("token"))
		st.clock.add(time.Minute)
		c, err := net.Dial("tcp", st.web.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		open = append(open, c)
		c.SetDeadline(time.Now().Add(20 * time.Second))
		body := v.Encode()
		fmt.Fprintf(c, "POST /comment/kitchen HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
		r := bufio.NewReader(c)
		line, err := r.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		return r, line
	}
	defer func() {
		for _, c := range open {
			c.Close()
		}
	}()
	for range slots {
		if _, line := enter(); !strings.Contains(line, "200") {
			t.Fatal(line)
		}
	}
	eventually(t, "a full tarpit", func() bool { return st.tarpit.held() == slots })
	if _, line := enter(); !strings.Contains(line, "429") {
		t.Errorf("one too many got %s", line)
	}
	if a := st.post("kitchen", "A person is not held up."); a.status != 303 {
		t.Errorf("beside a full tarpit: %d", a.status)
	}
	open[0].Close()
	eventually(t, "a free slot", func() bool { return len(st.tarpit.slots) < slots })
	if _, line := enter(); !strings.Contains(line, "200") {
		t.Errorf("the free slot was not given: %s", line)
	}
}

func TestTarpitGivesTheFormBack(t *testing.T) {
	st := newSite(t, func(c *Config, _ *Deps) { c.Tarpit, c.TarpitHold = 1, 50*time.Millisecond })
	v := st.form("/comment/kitchen", "text", "Typed by a person whose browser fills everything", "website", "x")
	st.clock.add(time.Minute)
	a := st.send("/comment/kitchen", v)
	if a.status != 200 || !a.has("must stay empty") || fields(a.body).Get("text") != v.Get("text") {
		t.Fatalf("%d %s", a.status, a.body)
	}
	back := fields(a.body)
	back.Set("answer", st.solve(a.body))
	if a := st.send("/comment/kitchen", back); a.status != 303 {
		t.Errorf("%d %s", a.status, a.body)
	}
}

func TestSlowClient(t *testing.T) {
	st := newSite(t, nil)
	srv := st.Server.Server()
	if srv.ReadHeaderTimeout == 0 || srv.ReadTimeout == 0 || srv.WriteTimeout == 0 || srv.IdleTimeout == 0 || srv.MaxHeaderBytes == 0 {
		t.Errorf("unlimited: %+v", srv)
	}
	// The same limits, only shorter, really end a client that dawdles.
	srv.ReadHeaderTimeout, srv.ReadTimeout = 50*time.Millisecond, 100*time.Millisecond
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go srv.Serve(l)
	defer srv.Close()
	test := func(what, send string) {
		t.Helper()
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		c.SetDeadline(time.Now().Add(20 * time.Second))
		fmt.Fprint(c, send)
		b, err := io.ReadAll(c)
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
		if strings.Contains(string(b), " 303 ") || strings.Contains(string(b), " 200 ") {
			t.Errorf("%s: %s", what, b)
		}
	}
	test("half a header", "GET /c/kitchen HTTP/1.1\r\nHost: x\r\nX-Slow")
	test("half a body", "POST /comment/kitchen HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 100\r\n\r\ntext=")
}

// brokenMarks stands for a Memcached that does not answer.
type brokenMarks struct{ calls atomic.Int64 }

func (b *brokenMarks) Add(string, []byte, time.Duration) (bool, error) {
	b.calls.Add(1)
	return false, io.ErrUnexpectedEOF
}

func TestMarksThatDoNotAnswer(t *testing.T) {
	marks := new(brokenMarks)
	st := newSite(t, func(c *Config, d *Deps) { d.Marks = marks; c.RateLimit = 2 })
	st.posted("kitchen", "one")
	v := st.form("/comment/kitchen", "text", "two")
	st.clock.add(5 * time.Second)
	st.send("/comment/kitchen", v)
	if a := st.send("/comment/kitchen", v); a.status != 303 || st.last() != 2 {
		t.Errorf("a form counted twice: %d", a.status)
	}
	if a := st.post("kitchen", "three"); a.status != 429 {
		t.Errorf("no limit any more: %d", a.status)
	}
	if marks.calls.Load() == 0 || strings.Count(st.log.String(), "marks do not answer") != 1 {
		t.Error(st.log.String())
	}
}

func TestMemMarksAreBounded(t *testing.T) {
	c := &clock{t: time.Unix(1e9, 0)}
	m := newMemMarks(100, c.now)
	for i := range 1000 {
		if !m.add(fmt.Sprint(i), time.Hour) {
			t.Fatal("fresh key is not fresh")
		}
		if len(m.end) > 100 {
			t.Fatalf("%d marks", len(m.end))
		}
	}
	if m.add("999", time.Hour) {
		t.Error("forgotten at once")
	}
	c.add(2 * time.Hour)
	if !m.add("999", time.Hour) {
		t.Error("never forgotten")
	}
}

func TestTenMegabytes(t *testing.T) {
	st := newSite(t, nil)
	v := st.form("/comment/kitchen", "text", strings.Repeat("x", 10<<20))
	a := st.send("/comment/kitchen", v)
	if a.status != http.StatusRequestEntityTooLarge || !a.has("at most 10000 characters") || a.header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("%d %v %s", a.status, a.header, a.body)
	}
	// By the header alone, before a byte of it has come.
	c, err := net.Dial("tcp", st.web.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(20 * time.Second))
	fmt.Fprint(c, "POST /comment/kitchen HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 10485760\r\n\r\n")
	if line, err := bufio.NewReader(c).ReadString('\n'); err != nil || !strings.Contains(line, "413") {
		t.Errorf("%q %v", line, err)
	}
	// Without a length, so that it cannot be refused by the header alone.
	req, err := http.NewRequest("POST", st.web.URL+"/comment/kitchen", io.MultiReader(strings.NewReader(v.Encode())))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if a := st.do(req); a.status != http.StatusRequestEntityTooLarge || !a.has("at most 10000 characters") {
		t.Errorf("chunked: %d %s", a.status, a.body)
	}
	if st.last() != 0 {
		t.Error("stored")
	}
}

// TestThousandInTheTarpit: the first 64 are held, the others are refused at once,
// and neither memory nor anybody else notices.
func TestThousandInTheTarpit(t *testing.T) {
	if testing.Short() {
		t.Skip("opens a thousand connections")
	}
	const clients, slots = 1000, 64
	st := newSite(t, func(c *Config, _ *Deps) { c.Tarpit, c.TarpitHold = slots, time.Minute })
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	v := url.Values{"text": {"Mined"}, "name": {"x"}, "website": {"http://spam.example/"}}
	var held, refused atomic.Int64
	var open []net.Conn
	var mu sync.Mutex
	var wg sync.WaitGroup
	work := make(chan string)
	for range 32 {
		wg.Go(func() {
			for body := range work {
				c, err := net.Dial("tcp", st.web.Listener.Addr().String())
				if err != nil {
					t.Error(err)
					continue
				}
				mu.Lock()
				open = append(open, c)
				mu.Unlock()
				c.SetDeadline(time.Now().Add(30 * time.Second))
				fmt.Fprintf(c, "POST /comment/kitchen HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
				line, err := bufio.NewReaderSize(c, 64).ReadString('\n')
				switch {
				case err != nil:
					t.Error(err)
				case strings.Contains(line, " 200 "):
					held.Add(1)
				case strings.Contains(line, " 429 "):
					refused.Add(1)
				default:
					t.Error(line)
				}
			}
		})
	}
	for range clients {
		v.Set("token", st.keys.seal(newToken(st.now().Add(-time.Minute), st.asks.list[0].id), "kitchen"))
		work <- v.Encode()
	}
	close(work)
	wg.Wait()
	defer func() {
		for _, c := range open {
			c.Close()
		}
	}()
	if held.Load() != slots || refused.Load() != clients-slots {
		t.Errorf("%d held, %d refused", held.Load(), refused.Load())
	}
	start := time.Now()
	if a := st.post("kitchen", "A person among them."); a.status != 303 {
		t.Errorf("%d", a.status)
	}
	t.Logf("a person's comment beside them took %v", time.Since(start))
	runtime.GC()
	runtime.ReadMemStats(&after)
	grown := int64(after.HeapInuse+after.StackInuse) - int64(before.HeapInuse+before.StackInuse)
	t.Logf("memory grew by %d KB, both ends of %d connections", grown>>10, clients)
	if grown > 40<<20 { // 20 MB for each end
		t.Errorf("memory grew by %d MB", grown>>20)
	}
}
