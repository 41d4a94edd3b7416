// SPDX-License-Identifier: GPL-3.0-or-later

package moderation

import (
	"bytes"
	"embed"
	"html/template"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"oswald"
)

//go:embed templates/*.html
var templateFiles embed.FS

//go:embed style.css
var styleSheet []byte

// templates are the only way from data to HTML: creating, previewing, editing,
// showing and failing all pass through them, so escaping cannot be forgotten in one.
type templates struct{ t *template.Template }

func parseTemplates() *templates {
	t := template.New("").Funcs(template.FuncMap{
		"iso":   func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
		"human": func(t time.Time) string { return t.Format("2 January 2006, 15:04") },
	})
	return &templates{template.Must(t.ParseFS(templateFiles, "templates/*.html"))}
}

func (t *templates) render(name string, data any) ([]byte, error) {
	var b bytes.Buffer
	err := t.t.ExecuteTemplate(&b, name, data)
	return b.Bytes(), err
}

// Handler serves /c/ and /comment/. It sets no cookie, reads none, and never
// redirects anywhere but to its own pages.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /c/{key...}", s.servePage)
	mux.HandleFunc("GET "+recentPath, s.serveRecent)
	style := newDoc(styleSheet)
	mux.HandleFunc("GET /comment/style.css", func(w http.ResponseWriter, r *http.Request) {
		serveDoc(w, r, style, "text/css; charset=utf-8", "public, max-age=300")
	})
	mux.HandleFunc("GET /comment/feed.atom", s.serveSiteFeed)
	mux.HandleFunc("GET /comment/{key...}", s.serveForm)
	mux.HandleFunc("POST /comment/{key...}", s.servePost)
	wrong := func(allow string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Allow", allow)
			s.fail(w, http.StatusMethodNotAllowed, "This address cannot be used in that way.", "")
		}
	}
	mux.HandleFunc("/c/", wrong("GET, HEAD"))
	mux.HandleFunc("/comment/", wrong("GET, HEAD, POST"))
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { s.notFound(w) })

	origin := http.NewCrossOriginProtection()
	origin.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		s.fail(w, http.StatusForbidden, "This form came from another site. Please open the page here and write your comment again.", "")
	}))
	return s.guard(origin.Handler(mux))
}

// guard is what every answer passes: the headers that make a browser refuse
// whatever we did not mean, and the checks that cost nothing.
func (s *Server) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; img-src 'self'; font-src 'self'; "+
			"form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		// Not "no-referrer": then old browsers send "Origin: null" with our own form.
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), interest-cohort=()")
		h.Set("Cache-Control", "no-store") // who may be cached says so later
		if !s.cfg.hostAllowed(r.Host) {
			s.fail(w, http.StatusMisdirectedRequest, "There is no such site here.", "")
			return
		}
		if r.Method == http.MethodPost && r.ContentLength > s.maxBody() {
			s.tooLarge(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// maxBody is the largest form: a text of four-byte characters, each byte written
// as %XX, is twelve times as long as it has characters.
func (s *Server) maxBody() int64 {
	text := s.cfg.MaxText
	if s.source != nil {
		text = max(text, maxSource)
	}
	return int64(text)*12 + 16<<10
}

const drainBytes = 16 << 20

// tooLarge refuses a body without reading it. The answer goes out first; then what
// the browser is still sending is thrown away for a moment, because a browser
// shows an answer only when it could send everything.
func (s *Server) tooLarge(w http.ResponseWriter, r *http.Request) {
	rc := http.NewResponseController(w)
	_ = rc.EnableFullDuplex() // a recorder in a test cannot, and need not
	w.Header().Set("Connection", "close")
	s.fail(w, http.StatusRequestEntityTooLarge, "That is too much for one comment: at most "+
		strconv.Itoa(s.cfg.MaxText)+" characters. Go back, shorten it and send it again.", "")
	_ = rc.Flush()
	_ = rc.SetReadDeadline(time.Now().Add(3 * time.Second))
	_, _ = io.CopyN(io.Discard, r.Body, drainBytes)
}

// errorPage is what a person sees when there is nothing to show.
type errorPage struct {
	Title, Text string
	Back, Label string // where to go from here; may be empty
}

func (s *Server) fail(w http.ResponseWriter, status int, text, back string) {
	p := errorPage{Title: http.StatusText(status), Text: text, Back: back, Label: "Back to the page"}
	if back == "" {
		p.Back, p.Label = "/", "Start page"
	}
	body, err := s.tmpl.render("error", p)
	if err != nil {
		s.log.Error("template", "err", err)
		body = []byte(template.HTMLEscapeString(text))
	}
	writeHTML(w, status, body)
}

func (s *Server) notFound(w http.ResponseWriter) {
	s.fail(w, http.StatusNotFound, "There is no such page.", "")
}

// broken answers for a fault of ours: a reference for the log, and nothing else.
func (s *Server) broken(w http.ResponseWriter, what string, err error) {
	ref := oswald.RandomID()[:6]
	s.log.Error(what, "ref", ref, "err", err)
	s.fail(w, http.StatusServiceUnavailable, "Comments cannot be shown just now; please try again in a minute (reference "+ref+").", "")
}

func writeHTML(w http.ResponseWriter, status int, body []byte) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) // the client went away: nothing to do about it
}

// serveDoc answers with a finished document, or 304 when the client has it.
func serveDoc(w http.ResponseWriter, r *http.Request, d doc, contentType, cache string) {
	h := w.Header()
	h.Set("Cache-Control", cache)
	h.Set("ETag", d.etag)
	h.Set("Content-Type", contentType)
	for tag := range strings.SplitSeq(r.Header.Get("If-None-Match"), ",") {
		tag = strings.TrimSpace(tag)
		if tag == d.etag || tag == "*" || strings.TrimPrefix(tag, "W/") == d.etag {
			w.WriteHeader(http.StatusNotModified)
			return
		}
	}
	h.Set("Content-Length", strconv.Itoa(len(d.body)))
	w.WriteHeader(http.StatusOK)
	if r.Method != http.MethodHead {
		_, _ = w.Write(d.body)
	}
}
