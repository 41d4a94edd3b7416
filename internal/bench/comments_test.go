// SPDX-License-Identifier: GPL-3.0-or-later

package bench

import (
	"bufio"
	"fmt"
	"html"
	"io"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"oswald/wiki"
)

const (
	clients = 32   // connections at the same time
	posts   = 1500 // a round
	gets    = 5000 // a round
)

// house is the configuration of a site with comments that takes as many of them
// as come.
func house(web string) string {
	return fmt.Sprintf(`
[web]
listen = %q
[wiki]
source = "pages"
output = "site"
url = "http://%s/"
[comments]
questions_file = "questions"
min_time = "0s"
rate_limit = 1000
flood_limit = 100000
burst_count = 10000
`, web, web)
}

func freeAddr(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

var tokenField = regexp.MustCompile(`name="?token"?[^>]*value="?([^">]+)"?`)

// TestBarsComments posts through the real form and reads the real page, of the
// whole program: an accepted comment has been judged and is on disk. The one who
// asks shares the processors with the one who is asked.
func TestBarsComments(t *testing.T) {
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
	const page = "/comment/getting-started"
	for end := time.Now().Add(patience); tokenField.FindStringSubmatch(get(t, web, page)) == nil; wait(t.Context(), 50*time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("no form\n%s", p.log)
		}
	}
	db := newCommits(t)
	var posting, slow, forms, pages, work, commits []float64
	accepted := 0
	for range rounds {
		bodies := make([]string, posts)
		at := load(t, web, posts, func(i int) string {
			return "GET " + page + " HTTP/1.1\r\nHost: " + web + "\r\n\r\n"
		}, func(i int, status int, body string) {
			if f := tokenField.FindStringSubmatch(body); f != nil {
				accepted++
				bodies[i] = url.Values{"token": {html.UnescapeString(f[1])}, "name": {fmt.Sprintf("Visitor %d", i)}, "answer": {"7"}, "do": {"post"},
					"text": {fmt.Sprintf("I tried this on my own kitchen radio, number %d, and the cable on pin %d was loose. Thank you for writing it down!", accepted, i%40)}}.Encode()
			}
		})
		forms = append(forms, at.rate)
		used := cpu(t, p.pid())
		at = load(t, web, posts, func(i int) string {
			return fmt.Sprintf("POST %s HTTP/1.1\r\nHost: %s\r\nX-Forwarded-For: 10.%d.%d.7\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n%s",
				page, web, accepted/1000, i%250, len(bodies[i]), bodies[i])
		}, func(i int, status int, body string) {
			if status != http.StatusSeeOther {
				t.Errorf("comment %d: status %d\n%s", i, status, body)
			}
		})
		if t.Failed() {
			t.Fatalf("%s", p.log)
		}
		work = append(work, (cpu(t, p.pid())-used)*1000/posts)
		posting, slow = append(posting, at.rate), append(slow, quantile(at.took, 0.99))
		commits = append(commits, db.median(t, 100))
		at = load(t, web, gets, func(int) string {
			return "GET /c/getting-started HTTP/1.1\r\nHost: " + web + "\r\n\r\n"
		}, func(i int, status int, body string) {
			if status != http.StatusOK {
				t.Errorf("page: status %d", status)
			}
		})
		pages = append(pages, at.rate)
	}
	figure("comments_form_per_s", median(forms))
	figure("comments_post_p99_ms", median(slow))
	figure("comments_post_cpu_ms", median(work))
	figure("comments_commit_ms", median(commits))
	figure("comments_page_per_s", median(pages))
	figure("comments_rss_MB", rss(t, p.pid()))
	atLeast(t, "comments_post_per_s", median(posting), 300)
}

func get(t *testing.T, web, path string) string {
	t.Helper()
	res, err := http.Get("http://" + web + path)
	if err != nil {
		return ""
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		return ""
	}
	return string(b)
}

// loaded is what came of a load.
type loaded struct {
	rate float64   // answers a second
	took []float64 // milliseconds each
}

// load sends n requests over a few connections that are kept, each as soon as
// the answer before it has come. It is as little of a client as HTTP allows,
// because it runs on the same processors. seen is called by one goroutine at a
// time.
func load(t *testing.T, web string, n int, request func(i int) string, seen func(i, status int, body string)) loaded {
	t.Helper()
	res := loaded{took: make([]float64, n)}
	next := make(chan int, n)
	for i := range n {
		next <- i
	}
	close(next)
	var mu sync.Mutex
	var wg sync.WaitGroup
	begin := time.Now()
	for range clients {
		wg.Go(func() {
			c, err := net.Dial("tcp", web)
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			r := bufio.NewReader(c)
			for i := range next {
				at := time.Now()
				c.SetDeadline(at.Add(patience))
				if _, err := io.WriteString(c, request(i)); err != nil {
					t.Error(err)
					return
				}
				answer, err := http.ReadResponse(r, nil)
				if err != nil {
					t.Error(err)
					return
				}
				var b strings.Builder
				if _, err := io.Copy(&b, answer.Body); err != nil {
					t.Error(err)
					return
				}
				res.took[i] = millis(time.Since(at))
				mu.Lock()
				seen(i, answer.StatusCode, b.String())
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	res.rate = float64(n) / time.Since(begin).Seconds()
	return res
}
