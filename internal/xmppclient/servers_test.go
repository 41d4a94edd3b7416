// SPDX-License-Identifier: GPL-3.0-or-later

package xmppclient_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"oswald/internal/secret"
	"oswald/internal/xmppclient"
)

const domain = "oswald.test"

// server is a real XMPP server, run as a child on loopback.
type server struct {
	name        string
	c2s, direct string // addresses
	roots       *x509.CertPool
	cmd         *exec.Cmd
}

func (s *server) config(user string) xmppclient.Config {
	return xmppclient.Config{
		JID: user + "@" + domain, Password: secret.New([]byte(user + "pw")), Addr: s.c2s,
		TLS: &tls.Config{RootCAs: s.roots}, Carbons: true,
	}
}

func (s *server) dial(t testing.TB, cfg xmppclient.Config) *xmppclient.Client {
	t.Helper()
	c, err := xmppclient.Dial(t.Context(), cfg)
	if err != nil {
		t.Fatalf("%s: %v", s.name, err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// servers starts what is installed; each is shared by all tests of the package.
func servers(t *testing.T, test func(t *testing.T, s *server)) {
	t.Run("prosody", func(t *testing.T) {
		if _, err := exec.LookPath("prosody"); err != nil {
			t.Skip("needs prosody (apt-get install prosody)")
		}
		test(t, prosody(t))
	})
	t.Run("ejabberd", func(t *testing.T) {
		if testing.Short() {
			t.Skip("slow: ejabberd takes seconds to start")
		}
		if _, err := os.Stat("/usr/sbin/ejabberdctl"); err != nil {
			t.Skip("needs ejabberd (apt-get install ejabberd)")
		}
		test(t, ejabberd(t))
	})
}

func ports(t testing.TB, n int) (all []int) {
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close() // only now, so that they differ
		all = append(all, l.Addr().(*net.TCPAddr).Port)
	}
	return all
}

// pki writes server.key, server.crt and server.pem.
func pki(t testing.TB, dir string) *x509.CertPool {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tpl := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: domain}, DNSNames: []string{domain},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, tpl, tpl, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	k, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	crt := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	pk := pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: k})
	write(t, filepath.Join(dir, "server.crt"), string(crt))
	write(t, filepath.Join(dir, "server.key"), string(pk))
	write(t, filepath.Join(dir, "server.pem"), string(pk)+string(crt))
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(crt)
	return pool
}

func write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func run(t testing.TB, env []string, name string, args ...string) {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Env = env
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s %v: %v\n%s", name, args, err, out)
	}
}

// start runs cmd until the test ends and waits for its port.
func (s *server) start(t testing.TB, cmd *exec.Cmd) {
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	exited := make(chan struct{})
	go func() { cmd.Wait(); close(exited) }()
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-exited:
		case <-time.After(10 * time.Second):
			cmd.Process.Kill()
			<-exited
		}
		if t.Failed() {
			t.Logf("%s said:\n%s", s.name, log.String())
		}
	})
	wait(t, 30*time.Second, s.name+" to listen", func() bool {
		select {
		case <-exited:
			t.Fatalf("%s ended:\n%s", s.name, log.String())
		default:
		}
		c, err := net.Dial("tcp", s.c2s)
		if err == nil {
			c.Close()
		}
		return err == nil
	})
	s.cmd = cmd
}

func wait(t testing.TB, limit time.Duration, what string, ok func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("waited %v for %s", limit, what)
		}
	}
}

var users = []string{"alice", "bot"}

func prosody(t *testing.T) *server {
	dir, p := t.TempDir(), ports(t, 2)
	s := &server{name: "prosody", c2s: addr(p[0]), direct: addr(p[1]), roots: pki(t, dir+"/pki")}
	me := os.Getenv("USER")
	if os.Geteuid() == 0 {
		me = "root"
	}
	write(t, dir+"/prosody.cfg.lua", fmt.Sprintf(`
run_as_root = true; prosody_user = %[1]q; prosody_group = %[1]q
pidfile = "%[2]s/prosody.pid"; data_path = "%[2]s/data"
log = { info = "*console" }
interfaces = { "127.0.0.1" }; local_interfaces = { "127.0.0.1" }
c2s_ports = { %[3]d }; c2s_direct_tls_ports = { %[4]d }; s2s_ports = {}; http_ports = {}; https_ports = {}
modules_enabled = { "disco"; "roster"; "saslauth"; "tls"; "carbons"; "smacks"; "ping"; "mam"; "offline"; "groups"; "posix" }
modules_disabled = { "s2s"; "limits" }
c2s_require_encryption = true; authentication = "internal_hashed"
default_storage = "internal"; storage = { archive = "memory"; offline = "memory" }; default_archive_policy = true
certificates = "%[2]s/pki"
ssl = { key = "%[2]s/pki/server.key"; certificate = "%[2]s/pki/server.crt" }
groups_file = "%[2]s/groups.txt"
VirtualHost "%[5]s"
`, me, dir, p[0], p[1], domain))
	groups := "[Oswald]\n"
	for _, u := range users {
		groups += u + "@" + domain + "=" + u + "\n"
	}
	write(t, dir+"/groups.txt", groups)
	for _, u := range users {
		run(t, os.Environ(), "prosodyctl", "--config", dir+"/prosody.cfg.lua", "register", u, domain, u+"pw")
	}
	s.start(t, exec.Command("prosody", "--config", dir+"/prosody.cfg.lua", "-F"))
	return s
}

func addr(port int) string { return fmt.Sprintf("127.0.0.1:%d", port) }

func ejabberd(t *testing.T) *server {
	dir, p := t.TempDir(), ports(t, 3)
	s := &server{name: "ejabberd", c2s: addr(p[0]), direct: addr(p[1]), roots: pki(t, dir+"/pki")}
	for _, d := range []string{"home", "logs", "spool"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	write(t, dir+"/conf/ejabberd.yml", fmt.Sprintf(`
hosts: [%[1]s]
loglevel: info
log_rotate_count: 0
certfiles: [%[2]s/pki/server.pem]
auth_method: internal
auth_password_format: scram
auth_scram_hash: sha256
disable_sasl_mechanisms: ["digest-md5", "X-OAUTH2"]
listen:
  - {port: %[3]d, ip: "127.0.0.1", module: ejabberd_c2s, starttls_required: true, max_stanza_size: 262144, shaper: none, access: all}
  - {port: %[4]d, ip: "127.0.0.1", module: ejabberd_c2s, tls: true, max_stanza_size: 262144, shaper: none, access: all}
acl:
  local: {user_regexp: ""}
modules:
  mod_admin_extra: {}
  mod_carboncopy: {}
  mod_disco: {}
  mod_offline: {}
  mod_ping: {}
  mod_roster: {}
  mod_shared_roster: {}
  mod_stream_mgmt: {resume_timeout: 60}
`, domain, dir, p[0], p[1]))
	write(t, dir+"/conf/inetrc", `{lookup,["file","native"]}.`)
	write(t, dir+"/conf/ejabberdctl.cfg", fmt.Sprintf(`ERL_DIST_PORT=%d
INET_DIST_INTERFACE=127.0.0.1
ERL_OPTIONS="-env ERL_CRASH_DUMP_BYTES 0 +S 2:2 +A 4 -setcookie oswaldtest"
CONTRIB_MODULES_CONF_DIR=%[2]s/conf/modules.d
EJABBERD_PID_PATH=%[2]s/beam.pid
ERL_MAX_PORTS=1024
ERL_PROCESSES=32768
`, p[2], dir))
	// Debian's script insists on a user of its own.
	script, err := os.ReadFile("/usr/sbin/ejabberdctl")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(script), "\n")
	for i, l := range lines {
		if strings.HasPrefix(l, "INSTALLUSER=") {
			lines[i] = "INSTALLUSER="
		}
	}
	ctl := dir + "/ejabberdctl"
	write(t, ctl, strings.Join(lines, "\n"))
	os.Chmod(ctl, 0o755)
	env := append(os.Environ(), "HOME="+dir+"/home")
	args := []string{"--config-dir", dir + "/conf", "--logs", dir + "/logs", "--spool", dir + "/spool", "--node", fmt.Sprintf("oswald%d@localhost", p[2])}
	cmd := exec.Command(ctl, append(args, "foreground")...)
	cmd.Env = env
	s.start(t, cmd)
	t.Cleanup(func() { exec.Command(ctl, append(args, "stop")...).Run() }) // before the signal, which the wrapper may keep to itself
	for _, u := range users {
		run(t, env, ctl, append(args, "register", u, domain, u+"pw")...)
	}
	run(t, env, ctl, append(args, "srg_create", "oswald", domain, "Oswald", "All", "oswald")...)
	run(t, env, ctl, append(args, "srg_user_add", "@all@", domain, "oswald", domain)...)
	return s
}
