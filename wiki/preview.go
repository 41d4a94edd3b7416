// SPDX-License-Identifier: GPL-3.0-or-later

package wiki

import (
	"bytes"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"oswald"
)

// Preview is the site for who writes it: pages load themselves again after a
// build. Its zero value is not useful; NewPreview makes one.
type Preview struct {
	site http.Handler

	mu      sync.Mutex
	run     string // of this process
	builds  int
	waiting map[chan string]bool
}

// reloadScript loads a page again after a build, and after the server was away.
const reloadScript = `const e = new EventSource('/-/changes');
let seen = '';
e.onmessage = (m) => { if (seen && seen !== m.data) location.reload(); seen = m.data; };
`

// NewPreview makes a Preview of what site serves.
func NewPreview(site http.Handler) *Preview {
	return &Preview{site: site, run: oswald.RandomID(), waiting: map[chan string]bool{}}
}

// Changed loads all open pages again.
func (p *Preview) Changed() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.builds++
	for c := range p.waiting {
		select {
		case <-c: // one that was not read yet
		default:
		}
		c <- p.build()
	}
}

// build names the last build.
func (p *Preview) build() string { return fmt.Sprint(p.run, ".", p.builds) }

// ServeHTTP implements http.Handler. It serves what the site serves, without
// caching; /-/ holds what makes pages load again.
func (p *Preview) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.URL.Path == "/-/changes":
		p.changes(w, r)
		return
	case r.URL.Path == "/-/reload.js":
		w.Header().Set("Content-Type", types[".js"])
		fmt.Fprint(w, reloadScript)
		return
	}
	r = r.Clone(r.Context())
	for _, h := range []string{"Accept-Encoding", "If-None-Match", "If-Modified-Since", "Range"} {
		r.Header.Del(h)
	}
	rec := &recorder{header: w.Header(), status: http.StatusOK}
	p.site.ServeHTTP(rec, r)
	page := rec.body.Bytes()
	if strings.HasPrefix(w.Header().Get("Content-Type"), "text/html") {
		if i := bytes.LastIndex(page, []byte("</body>")); i >= 0 {
			page = append(bytes.Clone(page[:i]), append([]byte("<script src=\"/-/reload.js\" defer></script>\n"), page[i:]...)...)
		}
	}
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Del("ETag")
	if r.Method != http.MethodHead {
		w.Header().Set("Content-Length", strconv.Itoa(len(page)))
	}
	w.WriteHeader(rec.status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(page)
	}
}

// changes tells a browser of builds (server-sent events) until it goes away.
func (p *Preview) changes(w http.ResponseWriter, r *http.Request) {
	c := make(chan string, 1)
	p.mu.Lock()
	p.waiting[c] = true
	c <- p.build()
	p.mu.Unlock()
	defer func() {
		p.mu.Lock()
		delete(p.waiting, c)
		p.mu.Unlock()
	}()
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	flush := http.NewResponseController(w)
	_ = flush.SetWriteDeadline(time.Time{}) // it stays open as long as the page
	fmt.Fprint(w, ": here\n\n")
	for flush.Flush() == nil {
		select {
		case what := <-c:
			fmt.Fprintf(w, "data: %s\n\n", what)
		case <-r.Context().Done():
			return
		}
	}
}

// recorder holds an answer until it is known what it is.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (r *recorder) Header() http.Header         { return r.header }
func (r *recorder) WriteHeader(status int)      { r.status = status }
func (r *recorder) Write(b []byte) (int, error) { return r.body.Write(b) }
