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
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	clients = 32   // connections at the same time
	posts   = 1500 // a round
	gets    = 5000 // a round

	manyPages = 100 // those with comments
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
	source := filepath.Join(filepath.Dir(config), "pages")
	if err := os.Mkdir(source, 0o755); err != nil {
		t.Fatal(err)
	}
	for i := range manyPages {
		if err := os.WriteFile(filepath.Join(source, fmt.Sprintf("note%d.md", i)), fmt.Appendf(nil, "# Note %d\n\nA page to comment on.\n", i), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p := start(t, nil, binary, "run", "--config", config)
	m.online(s.JID("oswald"), p)
	for end := time.Now().Add(patience); tokenField.FindStringSubmatch(get(t, web, "/comment/note0")) == nil; wait(t.Context(), 50*time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("no form\n%s", p.log)
		}
	}
	r := &commenters{t: t, web: web}
	db := newCommits(t)
	var posting, slow, forms, pages, work, commits []float64
	for range rounds {
		form, posted, used := r.round(p, manyPages)
		forms, posting, slow = append(forms, form), append(posting, posted.rate), append(slow, quantile(posted.took, 0.99))
		work = append(work, used)
		commits = append(commits, db.median(t, 100))
		page := load(t, web, gets, func(i int) string {
			return fmt.Sprintf("GET /c/note%d HTTP/1.1\r\nHost: %s\r\n\r\n", i%manyPages, web)
		}, func(_, status int, _ string) {
			if status != http.StatusOK {
				t.Errorf("page: status %d", status)
			}
		})
		pages = append(pages, page.rate)
	}
	_, crowded, crowdedWork := r.round(p, 1)
	figure("comments_form_per_s", median(forms))
	figure("comments_post_p99_ms", median(slow))
	figure("comments_post_cpu_ms", median(work))
	figure("comments_post_all_to_one_page_per_s", crowded.rate)
	figure("comments_post_all_to_one_page_cpu_ms", crowdedWork)
	figure("comments_commit_ms", median(commits))
	figure("comments_page_per_s", median(pages))
	figure("comments_rss_MB", rss(t, p.pid()))
	atLeast(t, "comments_post_per_s", median(posting), 300)
}

// commenters are visitors, each from a network of their own.
type commenters struct {
	t    *testing.T
	web  string
	sent int
}

// round opens and sends forms for so many pages, by turns. It returns the forms
// a second, what came of the comments, and the CPU milliseconds of each.
func (r *commenters) round(p *process, among int) (form float64, posted loaded, used float64) {
	r.t.Helper()
	bodies := make([]string, posts)
	res := load(r.t, r.web, posts, func(i int) string {
		return fmt.Sprintf("GET /comment/note%d HTTP/1.1\r\nHost: %s\r\n\r\n", i%among, r.web)
	}, func(i, _ int, body string) {
		f := tokenField.FindStringSubmatch(body)
		if f == nil {
			r.t.Errorf("no form: %s", body)
			return
		}
		r.sent++
		bodies[i] = url.Values{"token": {html.UnescapeString(f[1])}, "name": {fmt.Sprintf("Visitor %d", i)}, "answer": {"7"}, "do": {"post"},
			"text": {fmt.Sprintf("I tried this on my own kitchen radio, number %d, and the cable on pin %d was loose. Thank you for writing it down!", r.sent, i%40)}}.Encode()
	})
	before, number := cpu(r.t, p.pid()), r.sent
	posted = load(r.t, r.web, posts, func(i int) string {
		return fmt.Sprintf("POST /comment/note%d HTTP/1.1\r\nHost: %s\r\nX-Forwarded-For: 10.%d.%d.7\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n%s",
			i%among, r.web, number/posts, i%250, len(bodies[i]), bodies[i])
	}, func(i, status int, body string) {
		if status != http.StatusSeeOther {
			r.t.Errorf("comment %d: status %d\n%s", i, status, body)
		}
	})
	if r.t.Failed() {
		r.t.Fatalf("%s", p.log)
	}
	return res.rate, posted, (cpu(r.t, p.pid()) - before) * 1000 / posts
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
