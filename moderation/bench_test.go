// SPDX-License-Identifier: GPL-3.0-or-later

package moderation

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"oswald/moderation/spam"
)

// newBench is a site with the real filter and no network in between.
func newBench(b *testing.B) (*site, http.Handler) {
	b.Helper()
	cfg := spam.Defaults()
	cfg.Model = ""
	f, err := spam.New(cfg, spam.Deps{})
	if err != nil {
		b.Fatal(err)
	}
	st := newSite(b, func(c *Config, d *Deps) {
		d.Filter = f
		c.RateLimit, c.FloodLimit, c.MinTime = 1000, 100000, 0
	})
	return st, st.Handler()
}

// BenchmarkPost is a comment from the form to the durable row.
func BenchmarkPost(b *testing.B) {
	st, h := newBench(b)
	q := st.asks.list[0]
	var n atomic.Int64
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			i := n.Add(1)
			page := []string{"kitchen", "getting-started", "odd"}[i%3]
			v := url.Values{"token": {st.keys.seal(newToken(st.now().Add(-time.Minute), q.id), page)}, "answer": {q.answers[0]}, "name": {"Ann"},
				"text": {fmt.Sprintf("Comment number %d: the oven in **our kitchen** is ten degrees off, see https://example.org/%d for how I measured it.", i, i)}}
			r := httptest.NewRequest("POST", "/comment/"+page, strings.NewReader(v.Encode()))
			r.RemoteAddr = fmt.Sprintf("%d.%d.%d.1:9", 1+i%200, i/200%250, i/50000%250)
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code != http.StatusSeeOther {
				b.Errorf("%d %s", w.Code, w.Body)
				return
			}
		}
	})
}

// BenchmarkPage is a cached page of 50 comments.
func BenchmarkPage(b *testing.B) {
	st, h := newBench(b)
	for i := range 50 {
		st.posted("kitchen", fmt.Sprintf("Comment %d about the oven, with a second sentence that is a little longer.", i))
	}
	for b.Loop() {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", "/c/kitchen", nil))
		if w.Code != 200 {
			b.Fatal(w.Code)
		}
		b.SetBytes(int64(w.Body.Len()))
		io.Discard.Write(w.Body.Bytes())
	}
}
