// SPDX-License-Identifier: GPL-3.0-or-later

package memcached

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// TestNginx lets the real nginx read pages from the server.
func TestNginx(t *testing.T) {
	bin, err := exec.LookPath("nginx")
	if err != nil {
		if bin = "/usr/sbin/nginx"; !present(bin) {
			t.Skip("needs nginx (apt-get install nginx-light)")
		}
	}
	dir := t.TempDir()
	sock, err := net.Listen("unix", filepath.Join(dir, "pages.sock"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(dir, "pages.sock"), 0o666); err != nil {
		t.Fatal(err)
	}
	for d := dir; d != "/" && d != os.TempDir(); d = filepath.Dir(d) {
		os.Chmod(d, 0o755) // nginx's workers are somebody else when the test is root
	}
	s := New(Config{})
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- s.Serve(ctx, sock) }()
	t.Cleanup(func() { cancel(); <-served })
	s.Set("pg/c/kitchen", []byte("<p>hello"), time.Hour)

	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	l.Close()
	conf := fmt.Sprintf(`daemon off; pid %[1]s/pid; error_log %[1]s/error.log;
events {}
http {
	access_log off;
	client_body_temp_path %[1]s/b; proxy_temp_path %[1]s/p; fastcgi_temp_path %[1]s/f; uwsgi_temp_path %[1]s/u; scgi_temp_path %[1]s/s;
	upstream pages { server unix:%[1]s/pages.sock; keepalive 4; }
	server {
		listen %[2]s;
		location / { set $memcached_key "pg$uri"; memcached_pass pages; default_type text/html; }
	}
}`, dir, addr)
	if err := os.WriteFile(filepath.Join(dir, "nginx.conf"), []byte(conf), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(bin, "-p", dir, "-e", filepath.Join(dir, "error.log"), "-c", filepath.Join(dir, "nginx.conf"))
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Signal(os.Interrupt); cmd.Wait() })
	test := func(path string, status int, want string) {
		t.Helper()
		for range 500 {
			resp, err := http.Get("http://" + addr + path)
			if err != nil { // not up yet
				<-time.After(20 * time.Millisecond)
				continue
			}
			body, _ := io.ReadAll(resp.Body)
			resp.Body.Close()
			if resp.StatusCode != status || want != "" && string(body) != want {
				t.Errorf("%s: %d %q", path, resp.StatusCode, body)
			}
			return
		}
		t.Fatal("nginx does not come up")
	}
	for range 20 {
		test("/c/kitchen", 200, "<p>hello")
	}
	test("/c/none", 404, "")
	s.Delete("pg/c/kitchen")
	test("/c/kitchen", 404, "")
}

func present(path string) bool { _, err := os.Stat(path); return err == nil }
