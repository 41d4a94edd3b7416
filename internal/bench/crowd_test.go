// SPDX-License-Identifier: GPL-3.0-or-later

package bench

import (
	"context"
	"fmt"
	"html"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

const crowd = 1000 // clients that mean no good

// TestBarsCommentsCrowd posts as TestBarsComments does, with nobody else there, then
// among a crowd that sends its requests a byte a second, then among one that has
// earned the tarpit and comes back. It tells how much longer the slowest of a
// hundred comments takes.
func TestBarsCommentsCrowd(t *testing.T) {
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
	r.round(p, manyPages) // warm
	var idle, slow, held, heldMemory, refused []float64
	p99 := func() float64 {
		_, posted, _ := r.round(p, manyPages)
		return quantile(posted.took, 0.99)
	}
	for range 3 {
		idle = append(idle, p99())
		memory := rss(t, p.pid())
		stop, _ := throng(t, func(ctx context.Context, _ int, there *atomic.Int64) { dawdle(ctx, web, there) })
		slow = append(slow, p99())
		stop()
		stop, gone := throng(t, func(ctx context.Context, i int, there *atomic.Int64) { blunder(ctx, web, i, there) })
		held = append(held, p99())
		heldMemory = append(heldMemory, rss(t, p.pid())-memory)
		stop()
		refused = append(refused, float64(gone.Load()))
	}
	figure("comments_crowd_idle_p99_ms", median(idle))
	figure("comments_crowd_slow_p99_ms", median(slow))
	figure("comments_crowd_tarpit_p99_ms", median(held))
	figure("comments_crowd_tarpit_visits", median(refused))
	atMost(t, "comments_crowd_slow_p99_ratio", median(slow)/median(idle), 2)
	atMost(t, "comments_crowd_tarpit_p99_ratio", median(held)/median(idle), 2)
	atMost(t, "comments_crowd_memory_MB", median(heldMemory), 20)
}

// throng starts the crowd and waits until most of it has been there once.
func throng(t *testing.T, each func(ctx context.Context, i int, there *atomic.Int64)) (stop func(), there *atomic.Int64) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	there = new(atomic.Int64)
	for i := range crowd {
		wg.Go(func() { each(ctx, i, there) })
	}
	for end := time.Now().Add(patience); there.Load() < crowd*9/10; wait(t.Context(), 20*time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("only %d of the crowd came", there.Load())
		}
	}
	return func() { cancel(); wg.Wait() }, there
}

// dawdle sends the head of a request a byte a second, again and again.
func dawdle(ctx context.Context, web string, there *atomic.Int64) {
	for ctx.Err() == nil {
		c, err := net.DialTimeout("tcp", web, patience)
		if err != nil {
			wait(ctx, time.Second)
			continue
		}
		hang := context.AfterFunc(ctx, func() { c.Close() })
		_, err = io.WriteString(c, "POST /comment/note0 HTTP/1.1\r\nHost: "+web+"\r\nX-Slow: ")
		for there.Add(1); err == nil; _, err = io.WriteString(c, "a") {
			wait(ctx, time.Second)
		}
		hang()
		c.Close()
	}
}

// blunder fills in what nobody sees, which earns the tarpit, and comes back after
// it has been let go or refused.
func blunder(ctx context.Context, web string, i int, there *atomic.Int64) {
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for ctx.Err() == nil {
		form, err := ask(ctx, client, "GET", fmt.Sprintf("http://%s/comment/note%d", web, i%manyPages), i, "")
		if f := tokenField.FindStringSubmatch(form); err == nil && f != nil {
			body := url.Values{"token": {html.UnescapeString(f[1])}, "answer": {"7"}, "text": {"Buy."}, "website": {"https://example.com"}, "do": {"post"}}.Encode()
			there.Add(1)
			_, _ = ask(ctx, client, "POST", fmt.Sprintf("http://%s/comment/note%d", web, i%manyPages), i, body)
		}
		wait(ctx, 5*time.Second)
	}
}

func ask(ctx context.Context, client *http.Client, method, address string, i int, body string) (string, error) {
	r, err := http.NewRequestWithContext(ctx, method, address, strings.NewReader(body))
	if err != nil {
		return "", err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("X-Forwarded-For", fmt.Sprintf("172.%d.%d.9", 16+i/250, i%250))
	res, err := client.Do(r)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	return string(b), err
}
