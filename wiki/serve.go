// SPDX-License-Identifier: GPL-3.0-or-later

package wiki

import (
	"io"
	"io/fs"
	"mime"
	"net/http"
	"os"
	"path"
	"strconv"
	"strings"
)

// csp keeps a page from loading anything that is not of this site, and from
// running scripts that stand in it.
const csp = "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"

// Handler serves the output folder: pages, files, the page for addresses that
// do not exist. It may be used while a build runs.
func (s *Site) Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", csp)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "strict-origin-when-cross-origin")
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			h.Set("Allow", "GET, HEAD")
			http.Error(w, "Only GET and HEAD are possible here.", http.StatusMethodNotAllowed)
			return
		}
		root, err := os.OpenRoot(s.cfg.Output)
		if err != nil {
			s.log.Error("output", "err", err)
			http.Error(w, "The site has not been built yet.", http.StatusServiceUnavailable)
			return
		}
		defer root.Close()
		s.serve(w, r, root)
	})
}

func (s *Site) serve(w http.ResponseWriter, r *http.Request, root *os.Root) {
	name := r.URL.Path
	if s.base != "" {
		rest, ok := strings.CutPrefix(name, s.base)
		if !ok || rest != "" && rest[0] != '/' {
			s.notFound(w, r, root)
			return
		}
		name = rest
	}
	clean := strings.TrimPrefix(path.Clean("/"+name), "/")
	for _, part := range strings.Split(clean, "/") {
		if strings.HasPrefix(part, ".") {
			s.notFound(w, r, root)
			return
		}
	}
	if clean == "" {
		clean = "."
	}
	if !fs.ValidPath(clean) || strings.ContainsRune(clean, 0) {
		s.notFound(w, r, root)
		return
	}
	fi, err := root.Stat(clean)
	switch {
	case err != nil:
		s.notFound(w, r, root)
	case fi.IsDir() && (strings.HasSuffix(name, "/") || name == ""):
		s.file(w, r, root, path.Join(clean, "index.html"), http.StatusOK)
	case fi.IsDir():
		if _, err := root.Stat(path.Join(clean, "index.html")); err != nil {
			s.notFound(w, r, root)
			return
		}
		to := r.URL.EscapedPath() + "/"
		for strings.HasPrefix(to, "//") {
			to = to[1:]
		}
		if r.URL.RawQuery != "" {
			to += "?" + r.URL.RawQuery
		}
		http.Redirect(w, r, to, http.StatusMovedPermanently)
	case strings.HasSuffix(name, "/"):
		s.notFound(w, r, root)
	default:
		s.file(w, r, root, clean, http.StatusOK)
	}
}

func (s *Site) notFound(w http.ResponseWriter, r *http.Request, root *os.Root) {
	s.file(w, r, root, "404.html", http.StatusNotFound)
}

// types are the content types that do not depend on what the machine has in
// /etc/mime.types.
var types = map[string]string{
	".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8",
	".json": "application/json", ".xml": "application/xml; charset=utf-8", ".txt": "text/plain; charset=utf-8",
	".svg": "image/svg+xml", ".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".gif": "image/gif",
	".webp": "image/webp", ".avif": "image/avif", ".ico": "image/x-icon", ".pdf": "application/pdf",
	".ogg": "audio/ogg", ".mp3": "audio/mpeg", ".mp4": "video/mp4", ".webm": "video/webm", ".woff2": "font/woff2",
}

// file sends one file. A compressed one that is no older is sent in its place
// to a client that takes it.
func (s *Site) file(w http.ResponseWriter, r *http.Request, root *os.Root, name string, status int) {
	f, err := root.Open(name)
	if err != nil {
		http.Error(w, "There is no such page.", http.StatusNotFound)
		return
	}
	defer func() { f.Close() }()
	fi, err := f.Stat()
	if err != nil || !fi.Mode().IsRegular() {
		http.Error(w, "There is no such page.", http.StatusNotFound)
		return
	}
	h := w.Header()
	ext := strings.ToLower(path.Ext(name))
	ct := types[ext]
	if path.Base(name) == "feed.xml" {
		ct = "application/atom+xml; charset=utf-8"
	}
	if ct == "" {
		ct = mime.TypeByExtension(ext)
	}
	if ct == "" {
		ct = "application/octet-stream"
	}
	h.Set("Content-Type", ct)
	tag := strconv.FormatInt(fi.ModTime().UnixNano(), 36) + "-" + strconv.FormatInt(fi.Size(), 36)
	for _, enc := range []struct{ name, ext string }{{"br", ".br"}, {"gzip", ".gz"}} {
		g, err := root.Open(name + enc.ext)
		if err != nil {
			continue
		}
		gi, err := g.Stat()
		if err != nil || gi.ModTime().Before(fi.ModTime()) {
			g.Close()
			continue
		}
		h.Set("Vary", "Accept-Encoding")
		if accepts(r.Header.Get("Accept-Encoding"), enc.name) {
			f.Close()
			f, fi = g, gi
			h.Set("Content-Encoding", enc.name)
			tag += "-" + enc.name
			break
		}
		g.Close()
	}
	if status != http.StatusOK {
		h.Set("Cache-Control", "no-store")
		w.WriteHeader(status)
		if r.Method != http.MethodHead {
			_, _ = io.Copy(w, f)
		}
		return
	}
	h.Set("ETag", `"`+tag+`"`)
	h.Set("Cache-Control", "no-cache") // kept, and asked for each time
	http.ServeContent(w, r, "", fi.ModTime(), f)
}

// accepts says whether an Accept-Encoding header (RFC 9110 §12.5.3) names enc.
func accepts(header, enc string) bool {
	for _, part := range strings.Split(header, ",") {
		name, params, _ := strings.Cut(part, ";")
		if strings.EqualFold(strings.TrimSpace(name), enc) {
			q := strings.ReplaceAll(params, " ", "")
			v, ok := strings.CutPrefix(q, "q=")
			return !ok || strings.Trim(v, "0.") != ""
		}
	}
	return false
}
