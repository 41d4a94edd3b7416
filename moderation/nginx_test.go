// SPDX-License-Identifier: GPL-3.0-or-later

package moderation

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"oswald/ipc"
)

// cachePages is a PageStore in the web server's Memcached.
type cachePages struct{ c *ipc.Cache }

func (p cachePages) Put(key string, html []byte) error {
	return p.c.Set("pages"+key, html, time.Hour)
}
func (p cachePages) Delete(key string) error { return p.c.Delete("pages" + key) }

const nginxConf = `
daemon off; worker_processes 1; pid DIR/pid; error_log DIR/error.log; USER
events { worker_connections 64; }
http {
	access_log off; client_max_body_size 16m;
	client_body_temp_path DIR/b; proxy_temp_path DIR/p; fastcgi_temp_path DIR/f; uwsgi_temp_path DIR/u; scgi_temp_path DIR/s;
	types { application/atom+xml atom; } default_type text/html;
	upstream pages { server MEMCACHED; keepalive 4; }
	upstream app { server APP; keepalive 4; }
	server {
		listen LISTEN;
		location / { try_files /nonexistent @app; }
		location ~ "^/c/[A-Za-z0-9._~/-]{1,200}$" {
			if ($request_method !~ ^(GET|HEAD)$) { return 418; }
			if ($args) { return 418; }
			error_page 418 404 502 504 = @app;
			set $memcached_key "c/pages$uri";
			memcached_pass pages;
			memcached_connect_timeout 50ms; memcached_read_timeout 200ms;
			charset utf-8; charset_types text/html application/atom+xml;
			add_header X-From memcached;
		}
		location @app {
			proxy_pass http://app; proxy_http_version 1.1;
			proxy_set_header Host $http_host; proxy_set_header Connection "";
			proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
		}
	}
}
`

// startNginx runs an nginx that takes finished pages from a memcached, and asks the
// comment servers for all else, by turns. It returns where it listens.
func startNginx(t *testing.T, memcached string, apps ...string) (listen string) {
	t.Helper()
	program, err := exec.LookPath("nginx")
	if err != nil {
		if program = "/usr/sbin/nginx"; !exists(program) {
			t.Skip("needs nginx (apt-get install nginx-light)")
		}
	}
	dir, err := os.MkdirTemp("", "oswald-nginx")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listen = l.Addr().String()
	l.Close()
	user := ""
	if os.Getuid() == 0 {
		user = "user nobody nogroup;"
	}
	conf := strings.NewReplacer("DIR", dir, "MEMCACHED", memcached, "APP", strings.Join(apps, "; server "), "LISTEN", listen, "USER", user).Replace(nginxConf)
	if err := os.WriteFile(filepath.Join(dir, "nginx.conf"), []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "-p", dir, "-c", filepath.Join(dir, "nginx.conf"))
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Signal(os.Interrupt); cmd.Wait() })
	eventually(t, "nginx", func() bool {
		c, err := net.DialTimeout("tcp", listen, time.Second)
		if err == nil {
			c.Close()
		}
		return err == nil
	})
	return listen
}

// TestPagesBehindNginx goes the way that a site of some size goes: nginx serves
// pages of comments from its own memcached, everything else falls through to the
// comment server, and reading goes on when that is down.
func TestPagesBehindNginx(t *testing.T) {
	memcached := startMemcached(t)
	bus, err := ipc.NewMemcached(memcached)
	if err != nil {
		t.Fatal(err)
	}
	pages := cachePages{ipc.NewCache(bus)}
	st := newSite(t, func(c *Config, d *Deps) { c.PerPage = 5; d.Store = pages })
	st.run()
	listen := startNginx(t, memcached, st.web.Listener.Addr().String())
	behind := func(method, path string, header ...string) answer {
		t.Helper()
		return st.do(request(t, method, "http://"+listen+path, header...))
	}
	for i := range 7 {
		v := st.form("/comment/kitchen", "text", fmt.Sprintf("Comment %d, grüße.", i))
		st.clock.add(5 * time.Second)
		r, err := http.NewRequest("POST", "http://"+listen+"/comment/kitchen", strings.NewReader(v.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", "http://"+listen)
		r.Header.Set("X-Forwarded-For", "203.0.113.9") // a lie: nginx adds the truth behind it
		if a := st.do(r); a.status != http.StatusSeeOther {
			t.Fatalf("%d %s", a.status, a.body)
		}
	}
	if c := st.comment(st.last()); c.net != "127.0.0.0/24" {
		t.Errorf("the visitor's own X-Forwarded-For was believed: %s", c.net)
	}
	check := func(path, want, contentType string) {
		t.Helper()
		eventually(t, path, func() bool { a := behind("GET", path); return a.header.Get("X-From") == "memcached" && a.has(want) })
		if a := behind("HEAD", path); a.status != 200 || a.header.Get("Content-Type") != contentType {
			t.Errorf("%s: %d %v", path, a.status, a.header)
		}
	}
	check("/c/kitchen", "Comment 4, grüße.", "text/html; charset=utf-8")
	check("/c/kitchen~2", "Comment 6, grüße.", "text/html; charset=utf-8")
	check("/c/kitchen.atom", "Comment 6, grüße.", "application/atom+xml; charset=utf-8")
	if a := behind("GET", "/c/kitchen?note=waits"); !a.has("waits for approval") || a.header.Get("X-From") != "" {
		t.Errorf("what belongs to one visitor: %v", a.header)
	}
	if a := behind("GET", "/c/getting-started"); a.status != 200 || a.header.Get("X-From") != "" || !a.has("Nobody has written") {
		t.Errorf("a page without comments: %d %v", a.status, a.header)
	}
	// The comment server goes; reading goes on.
	st.web.Close()
	if a := behind("GET", "/c/kitchen"); a.status != 200 || !a.has("Comment 4") {
		t.Errorf("%d", a.status)
	}
	if a := behind("GET", "/comment/kitchen"); a.status != http.StatusBadGateway {
		t.Errorf("%d", a.status)
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
