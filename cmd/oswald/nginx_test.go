// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"compress/gzip"
	"context"
	"fmt"
	"html"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"oswald/internal/store"
	"oswald/wiki"
)

// A webHost is a host of the site as packaging/ sets it up: nginx with our
// configuration, Memcached with the options of our unit, and an oswald with the
// roles site and comments behind. nginx and Memcached run as nobody.
type webHost struct {
	t    testing.TB
	dir  string
	url  string // nginx
	bare string // nginx without our configuration: the site as plain files
	app  string // oswald, HOST:PORT
	site string // the output folder

	config string
	oswald *process
	pages  *exec.Cmd // Memcached
}

func newWebHost(t *testing.T) *webHost {
	t.Helper()
	nginx := program(t, "nginx", "nginx-light")
	program(t, "memcached", "memcached")
	// Not t.TempDir: others go in, and the name of a socket must be short.
	dir, err := os.MkdirTemp("", "oswald-web")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	for _, sub := range []string{"", "run", "nginx"} {
		path := filepath.Join(dir, sub)
		if err := os.MkdirAll(path, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, 0o755); err != nil {
			t.Fatal(err)
		}
		if os.Getuid() == 0 && sub != "" {
			if err := os.Chown(path, nobody, nobody); err != nil {
				t.Fatal(err)
			}
		}
	}
	listen := freeAddr(t)
	bare := freeAddr(t)
	h := &webHost{t: t, dir: dir, url: "http://" + listen, bare: "http://" + bare, app: freeAddr(t), site: filepath.Join(dir, "public")}
	if err := wiki.WriteSample(filepath.Join(dir, "pages")); err != nil {
		t.Fatal(err)
	}
	writeFile(t, dir, "questions", "Q: What is three plus four?\nA: 7\nA: seven\n")
	h.config = writeFile(t, dir, "config.toml", fmt.Sprintf(`
roles = ["site", "comments"]
state = "state"
[bus]
kind = "mem"
[web]
listen = %q
[wiki]
source = "pages"
output = "public"
url = %q
[delivery]
pages = "memcached:unix:%s"
[comments]
questions_file = "questions"
min_time = "0s"
rate_limit = 1000
`, h.app, h.url+"/", h.socket()))
	h.startPages()
	h.oswald = start(t, "run", "--config", h.config)
	eventually(t, "the site", func() bool { _, err := os.Stat(filepath.Join(h.site, "pages.json")); return err == nil })

	conf := strings.ReplaceAll(packaged(t, "nginx/oswald.conf"), "\r", "")
	for from, to := range map[string]string{
		"server unix:/run/oswald-pages/pages.sock;": "server unix:" + h.socket() + ";",
		"server 127.0.0.1:8080;":                    "server " + h.app + ";",
		"listen 80;":                                "listen " + listen + ";",
		"listen [::]:80;":                           "",
		"root /srv/oswald/public;":                  "root " + h.site + ";",
	} {
		if strings.Count(conf, "\t"+from) != 1 {
			t.Fatalf("%q does not stand in nginx/oswald.conf once", from)
		}
		conf = strings.Replace(conf, "\t"+from, "\t"+to, 1)
	}
	own := filepath.Join(dir, "nginx")
	conf = "daemon off; worker_processes 1; pid " + own + "/pid; error_log " + own + "/error.log;\n" +
		"events { worker_connections 256; }\nhttp {\ninclude /etc/nginx/mime.types; default_type application/octet-stream; sendfile on; access_log off;\n" +
		"client_body_temp_path " + own + "/b; proxy_temp_path " + own + "/p; fastcgi_temp_path " + own + "/f; uwsgi_temp_path " + own + "/u; scgi_temp_path " + own + "/s;\n" +
		conf + "server { listen " + bare + "; root " + h.site + "; }\n}\n"
	path := writeFile(t, dir, "nginx.conf", conf)
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := asNobody(exec.Command(nginx, "-p", own, "-e", own+"/error.log", "-c", path))
	var out lockedBuffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		cmd.Wait()
		if t.Failed() {
			log, _ := os.ReadFile(own + "/error.log")
			t.Logf("nginx: %s%s", out.String(), log)
		}
	})
	eventually(t, "nginx", func() bool { return answers("tcp", listen) })
	eventually(t, "the comment server", func() bool { return answers("tcp", h.app) })
	return h
}

const nobody = 65534

// asNobody makes cmd run as an unprivileged user; several servers refuse root.
func asNobody(cmd *exec.Cmd) *exec.Cmd {
	if os.Getuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	}
	return cmd
}

// program finds a program, also where only root looks for it.
func program(t testing.TB, name, pkg string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err == nil {
		return path
	}
	path = "/usr/sbin/" + name
	if _, err := os.Stat(path); err != nil {
		t.Skipf("needs %s (apt-get install %s)", name, pkg)
	}
	return path
}

// packaged is a file of packaging/.
func packaged(t testing.TB, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("../../packaging", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func answers(network, addr string) bool {
	c, err := net.DialTimeout(network, addr, time.Second)
	if err == nil {
		c.Close()
	}
	return err == nil
}

func (h *webHost) socket() string { return filepath.Join(h.dir, "run", "pages.sock") }

var execStart = regexp.MustCompile(`(?m)^ExecStart=(.*)$`)

// startPages starts Memcached as the unit does.
func (h *webHost) startPages() {
	h.t.Helper()
	m := execStart.FindStringSubmatch(packaged(h.t, "systemd/oswald-pages.service"))
	if m == nil || !strings.Contains(m[1], "/run/oswald-pages/pages.sock") {
		h.t.Fatal("oswald-pages.service starts no Memcached on the socket")
	}
	args := strings.Fields(strings.Replace(m[1], "/run/oswald-pages/pages.sock", h.socket(), 1))
	cmd := asNobody(exec.Command(args[0], args[1:]...))
	if err := cmd.Start(); err != nil {
		h.t.Fatal(err)
	}
	h.pages = cmd
	h.t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	eventually(h.t.(*testing.T), "memcached", func() bool { return answers("unix", h.socket()) })
}

// An answer of nginx.
type answer struct {
	*http.Response
	body string
}

// cached reports whether the answer came out of Memcached: the comment server
// sends an ETag, and nginx can make none for what Memcached gives it.
func (a answer) cached() bool { return a.StatusCode == http.StatusOK && a.Header.Get("ETag") == "" }

// do asks nginx for path, with pairs of header names and values, and unpacks
// nothing.
func (h *webHost) do(method, path, body string, header ...string) answer {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, h.url+path, strings.NewReader(body))
	if err != nil {
		h.t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	res, err := bare.RoundTrip(req)
	if err != nil {
		h.t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		h.t.Fatal(err)
	}
	return answer{res, string(b)}
}

var bare = &http.Transport{DisableCompression: true, DisableKeepAlives: true}

// form is a comment on page, ready to be sent.
func (h *webHost) form(page, text string) string {
	h.t.Helper()
	m := tokenField.FindStringSubmatch(h.do("GET", "/comment/"+page, "").body)
	if m == nil {
		h.t.Fatalf("no form for %s", page)
	}
	return url.Values{"token": {html.UnescapeString(m[1])}, "name": {"Ann"}, "text": {text}, "answer": {"seven"}, "do": {"post"}}.Encode()
}

// post comments on page through nginx, as a browser does.
func (h *webHost) post(page, text string, header ...string) {
	h.t.Helper()
	a := h.do("POST", "/comment/"+page, h.form(page, text), append([]string{"Origin", h.url, "Sec-Fetch-Site", "same-origin"}, header...)...)
	if a.StatusCode != http.StatusSeeOther || !strings.HasPrefix(a.Header.Get("Location"), "/c/") {
		h.t.Fatalf("%s %s\n%s", a.Status, a.Header.Get("Location"), a.body)
	}
}

// networks are where the comments came from, as the comment server believes.
func (h *webHost) networks() (list []string) {
	h.t.Helper()
	db, err := store.Open(h.t.Context(), filepath.Join(h.dir, "state", "comments.db"))
	if err != nil {
		h.t.Fatal(err)
	}
	defer db.Close()
	rows, err := db.QueryContext(h.t.Context(), "SELECT net FROM comment ORDER BY n")
	if err != nil {
		h.t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			h.t.Fatal(err)
		}
		list = append(list, s)
	}
	return list
}

// headersOf are the headers that must not depend on who answers.
func headersOf(a answer) string {
	var b strings.Builder
	for _, k := range []string{"Content-Type", "Cache-Control", "Content-Security-Policy", "X-Content-Type-Options", "X-Frame-Options",
		"Referrer-Policy", "Cross-Origin-Opener-Policy", "Cross-Origin-Resource-Policy", "Permissions-Policy"} {
		fmt.Fprintf(&b, "%s: %q\n", k, a.Header.Values(k))
	}
	return b.String()
}

func TestNginxServesComments(t *testing.T) {
	h := newWebHost(t)
	h.post("house/kitchen", "The oven is **ten** degrees off, grüße.", "X-Forwarded-For", "203.0.113.9")
	if a := h.do("GET", "/c/house/kitchen?note=shown", ""); !strings.Contains(a.body, "Thank you") || a.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("what belongs to one visitor: %v", a.Header)
	}
	cached := func(path, want string, header ...string) answer {
		t.Helper()
		a := h.do("GET", path, "", header...)
		if !a.cached() || !strings.Contains(a.body, want) {
			t.Errorf("%s is not out of Memcached: %s %v\n%s", path, a.Status, a.Header, a.body)
		}
		return a
	}
	eventually(t, "the page in Memcached", func() bool { return h.do("GET", "/c/house/kitchen", "").cached() })

	// Out of Memcached and from the comment server a reader gets the same.
	plain := cached("/c/house/kitchen", "grüße")
	direct := h.do("GET", "/c/house/kitchen?x", "")
	if direct.cached() || direct.body != plain.body {
		t.Errorf("with a query: from Memcached %v, the same %v", direct.cached(), direct.body == plain.body)
	}
	if a, b := headersOf(plain), headersOf(direct); a != b {
		t.Errorf("out of Memcached:\n%s\nfrom the comment server:\n%s", a, b)
	}
	feed := cached("/c/house/kitchen.atom", "grüße")
	if a, b := headersOf(feed), headersOf(h.do("GET", "/c/house/kitchen.atom?x", "")); a != b {
		t.Errorf("feed out of Memcached:\n%s\nfrom the comment server:\n%s", a, b)
	}

	// Compressed for those who take it, also as HEAD and as other spellings.
	packed := cached("/c/house/kitchen", "", "Accept-Encoding", "gzip")
	if packed.Header.Get("Content-Encoding") != "gzip" || unzip(t, packed.body) != plain.body || headersOf(packed) != headersOf(plain) {
		t.Errorf("gzip: %v", packed.Header)
	}
	if !strings.Contains(packed.Header.Get("Vary"), "Accept-Encoding") || !strings.Contains(plain.Header.Get("Vary"), "Accept-Encoding") {
		t.Errorf("Vary: %q, %q", packed.Header.Get("Vary"), plain.Header.Get("Vary"))
	}
	if a := h.do("HEAD", "/c/house/kitchen", ""); !a.cached() || a.body != "" || headersOf(a) != headersOf(plain) {
		t.Errorf("HEAD: %s %v", a.Status, a.Header)
	}
	cached("/c/house//kitchen", "grüße")
	cached("/c/x/../house/kitchen", "grüße")
	cached("/c/house/%6bitchen", "grüße")

	// Whatever nginx does not find or does not look for, the comment server answers.
	direct = h.do("GET", "/c/house/machines", "")
	if direct.StatusCode != http.StatusOK || direct.cached() || !strings.Contains(direct.body, "Nobody has written") {
		t.Errorf("miss: %s", direct.Status)
	}
	for _, path := range []string{"/c/" + strings.Repeat("x", 201), "/c/" + strings.Repeat("x", 4000), "/c/a%20b", "/c/caf%C3%A9", "/c/a%0D%0Aset%20x", "/c/none"} {
		if a := h.do("GET", path, ""); a.StatusCode != http.StatusNotFound || !strings.Contains(a.body, "There is no such page.") {
			t.Errorf("%.20s: %s %s", path, a.Status, a.body)
		}
	}
	if a := h.do("POST", "/c/house/kitchen", "a=b"); a.StatusCode != http.StatusMethodNotAllowed || a.Header.Get("Allow") != "GET, HEAD" {
		t.Errorf("POST to a page: %s %v", a.Status, a.Header)
	}
	if a := h.do("POST", "/comment/house/kitchen", h.form("house/kitchen", "from elsewhere"), "Origin", "http://evil.example"); a.StatusCode != http.StatusForbidden {
		t.Errorf("a form of another site: %s", a.Status)
	}
	// A form as large as the largest page still arrives.
	if a := h.do("POST", "/comment/house/kitchen", "text="+strings.Repeat("x", 1<<20+1<<18)); a.StatusCode != http.StatusRequestEntityTooLarge || !strings.Contains(a.body, "too much for one comment") {
		t.Errorf("a large form: %s %s", a.Status, a.body)
	}

	// What a visitor says about its address is not believed; that the test would
	// notice is shown by asking behind nginx's back.
	behind := *h
	behind.url = "http://" + h.app
	behind.post("house/kitchen", "Behind its back.", "X-Forwarded-For", "203.0.113.9")
	if got := h.networks(); !slices.Equal(got, []string{"127.0.0.0/24", "203.0.113.0/24"}) {
		t.Errorf("networks: %v", got)
	}
}

// stopped reports whether every thread of the process is (proc(5), state T).
func stopped(pid int) bool {
	stats, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
	for _, file := range stats {
		b, err := os.ReadFile(file)
		if err != nil {
			return false
		}
		_, rest, _ := strings.Cut(string(b), ") ")
		if !strings.HasPrefix(rest, "T") {
			return false
		}
	}
	return len(stats) > 0
}

func TestNginxWithoutOneOfTheTwo(t *testing.T) {
	h := newWebHost(t)
	h.post("house/kitchen", "First.")
	eventually(t, "the page in Memcached", func() bool { return h.do("GET", "/c/house/kitchen", "").cached() })

	// Memcached hangs: the comment server answers, and soon.
	h.pages.Process.Signal(syscall.SIGSTOP)
	eventually(t, "every thread of Memcached is stopped", func() bool { return stopped(h.pages.Process.Pid) })
	begin := time.Now()
	if a := h.do("GET", "/c/house/kitchen", ""); a.cached() || !strings.Contains(a.body, "First.") {
		t.Errorf("Memcached hangs: %s", a.Status)
	}
	if took := time.Since(begin); took > 20*time.Second {
		t.Errorf("Memcached hangs: %v", took) // 60 s is nginx's own limit
	}
	h.pages.Process.Signal(syscall.SIGCONT)

	// Memcached is gone, and comments can be written.
	h.pages.Process.Kill()
	h.pages.Wait()
	if a := h.do("GET", "/c/house/kitchen", ""); a.cached() || !strings.Contains(a.body, "First.") {
		t.Errorf("without Memcached: %s", a.Status)
	}
	h.post("house/kitchen", "Second.")
	// It is back, with nothing in it, and gets what was missed.
	h.startPages()
	eventually(t, "both comments in Memcached", func() bool {
		a := h.do("GET", "/c/house/kitchen", "")
		return a.cached() && strings.Contains(a.body, "First.") && strings.Contains(a.body, "Second.")
	})

	// The comment server is gone: reading goes on, writing says what is the matter.
	h.oswald.stop()
	if a := h.do("GET", "/c/house/kitchen", ""); !a.cached() || !strings.Contains(a.body, "Second.") {
		t.Errorf("without the comment server: %s", a.Status)
	}
	for _, path := range []string{"/c/house/machines", "/c/house/kitchen?x", "/comment/house/kitchen"} {
		if a := h.do("GET", path, ""); a.StatusCode != http.StatusServiceUnavailable || !strings.Contains(a.body, "Comments are away") ||
			a.Header.Get("Retry-After") == "" || !strings.HasPrefix(a.Header.Get("Content-Type"), "text/html") {
			t.Errorf("%s without the comment server: %s %v\n%s", path, a.Status, a.Header, a.body)
		}
	}
	if a := h.do("GET", "/house/kitchen/", ""); a.StatusCode != http.StatusOK {
		t.Errorf("the site without the comment server: %s", a.Status)
	}
}

func TestNginxServesSite(t *testing.T) {
	h := newWebHost(t)
	direct := *h
	direct.url = "http://" + h.app
	test := func(path string, status int) answer {
		t.Helper()
		a := h.do("GET", path, "")
		if a.StatusCode != status {
			t.Errorf("%s: %s", path, a.Status)
		}
		b := direct.do("GET", path, "") // the program's own web server does the same
		if b.StatusCode != status || a.body != b.body && status != http.StatusMovedPermanently {
			t.Errorf("%s: nginx and oswald differ: %s, %s", path, a.Status, b.Status)
		}
		for _, k := range []string{"Content-Security-Policy", "X-Content-Type-Options", "Referrer-Policy", "Location", "Cache-Control"} {
			if x, y := a.Header.Get(k), b.Header.Get(k); x != y && (k != "Cache-Control" || status != http.StatusMovedPermanently) {
				t.Errorf("%s: %s: nginx %q, oswald %q", path, k, x, y)
			}
		}
		return a
	}
	test("/", http.StatusOK)
	test("/house/kitchen/", http.StatusOK)
	test("/house/kitchen", http.StatusMovedPermanently)
	test("/style.css", http.StatusOK)
	test("/none", http.StatusNotFound)
	test("/.git/config", http.StatusNotFound)
	test("/blog/.hidden", http.StatusNotFound)
	if a := test("/feed.xml", http.StatusOK); a.Header.Get("Content-Type") != "application/atom+xml; charset=utf-8" {
		t.Errorf("feed: %v", a.Header)
	}
	a := h.do("GET", "/", "")
	if b := h.do("GET", "/", "", "If-None-Match", a.Header.Get("ETag")); b.StatusCode != http.StatusNotModified {
		t.Errorf("unchanged: %s", b.Status)
	}
	if ct := a.Header.Get("Content-Type"); ct != "text/html; charset=utf-8" {
		t.Errorf("%q", ct)
	}
}

func unzip(t testing.TB, s string) string {
	t.Helper()
	r, err := gzip.NewReader(strings.NewReader(s))
	if err != nil {
		t.Error(err)
		return ""
	}
	b, err := io.ReadAll(r)
	if err != nil {
		t.Error(err)
	}
	return string(b)
}
