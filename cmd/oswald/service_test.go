// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestSystemdIsTold starts the program as systemd does and listens as systemd
// does: up, alive, stopping.
func TestSystemdIsTold(t *testing.T) {
	dir := t.TempDir()
	socket := fmt.Sprintf("@oswald-service-%d", os.Getpid())
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	t.Setenv("NOTIFY_SOCKET", socket)
	t.Setenv("WATCHDOG_USEC", "300000")
	p := start(t, "run", "--config", writeFile(t, dir, "config.toml", `
roles = ["comments"]
state = "state"
[bus]
kind = "mem"
[web]
listen = ""
`))
	next := func(want string) {
		t.Helper()
		b := make([]byte, 4096)
		for got := ""; got != want; {
			if err := c.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
				t.Fatal(err)
			}
			n, err := c.Read(b)
			if err != nil {
				t.Fatalf("%q does not come: %v", want, err)
			}
			got = string(b[:n])
		}
	}
	next("READY=1\nSTATUS=running comments")
	next("WATCHDOG=1")
	next("WATCHDOG=1")
	p.stop()
	next("STOPPING=1")
}

func TestMuteCommand(t *testing.T) {
	test := func(lines string, code int, want string) {
		t.Helper()
		config := writeFile(t, t.TempDir(), "c.toml", minimal+lines)
		if out, got := once(t, "", "mute", "--config", config); got != code || !strings.Contains(out, want) {
			t.Errorf("%q: %d, %s", lines, got, out)
		}
	}
	test("", 0, "simulated, both muted")
	test("[mute]\nleft = \"NOWHERE_L\"\nright = \"NOWHERE_R\"\n", 1, "GPIO chip")
}

// units are the unit files with the program in the place of /usr/bin/oswald.
func units(t *testing.T) (dir string, files []string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir = t.TempDir()
	names, err := filepath.Glob("../../packaging/systemd/*.service")
	if err != nil || len(names) != 5 {
		t.Fatal(names, err)
	}
	for _, name := range names {
		name = filepath.Base(name)
		text := strings.ReplaceAll(packaged(t, "systemd/"+name), "/usr/bin/oswald ", self+" ")
		files = append(files, writeFile(t, dir, name, text))
	}
	return dir, files
}

func TestUnits(t *testing.T) {
	var known []string
	for _, s := range subcommands() {
		known = append(known, s.name)
	}
	_, files := units(t)
	for _, f := range files {
		text := packaged(t, "systemd/"+filepath.Base(f))
		commented := true
		for _, line := range strings.Split(text, "\n") {
			key, value, _ := strings.Cut(line, "=")
			if strings.HasPrefix(key, "Exec") && strings.Contains(value, "/oswald ") {
				if words := strings.Fields(value); !slices.Contains(known, words[len(words)-1]) {
					t.Errorf("%s: there is no such subcommand: %s", f, line)
				}
			}
			commented = commented || strings.HasPrefix(line, "#")
		}
		if !commented {
			t.Errorf("%s is not explained", f)
		}
	}
	analyze := program(t, "systemd-analyze", "systemd")
	if out, err := exec.Command(analyze, append([]string{"verify", "--man=no"}, files...)...).CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("systemd-analyze verify: %v\n%s", err, out)
	}
	for _, f := range files {
		// What is still exposed, from 0 to 100.
		if out, err := exec.Command(analyze, "security", "--no-pager", "--offline=yes", "--threshold=20", f).CombinedOutput(); err != nil {
			t.Errorf("systemd-analyze security: %v\n%s", err, out)
		}
	}
}

// TestUsersAndFolders lets systemd make the user and the folders in a root of
// their own.
func TestUsersAndFolders(t *testing.T) {
	sysusers, tmpfiles := program(t, "systemd-sysusers", "systemd"), program(t, "systemd-tmpfiles", "systemd")
	if os.Getuid() != 0 {
		t.Skip("needs root, to give folders to another user")
	}
	root := t.TempDir()
	for _, dir := range []string{"etc", "srv", "var/lib"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	users := writeFile(t, root, "users.conf", packaged(t, "sysusers.d/oswald.conf"))
	folders := writeFile(t, root, "folders.conf", packaged(t, "tmpfiles.d/oswald.conf"))
	for _, cmd := range []*exec.Cmd{
		exec.Command(sysusers, "--root="+root, users),
		exec.Command(tmpfiles, "--root="+root, "--create", folders),
		exec.Command(tmpfiles, "--root="+root, "--create", folders), // again changes nothing
	} {
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", cmd, err, out)
		}
	}
	passwd, err := os.ReadFile(filepath.Join(root, "etc/passwd"))
	if err != nil {
		t.Fatal(err)
	}
	var uid, gid uint32
	for _, line := range strings.Split(string(passwd), "\n") {
		if f := strings.Split(line, ":"); f[0] == "oswald" && len(f) == 7 {
			if !strings.HasSuffix(f[6], "nologin") {
				t.Errorf("the user has a shell: %s", line)
			}
			fmt.Sscan(f[2], &uid)
			fmt.Sscan(f[3], &gid)
		}
	}
	group, err := os.ReadFile(filepath.Join(root, "etc/group"))
	if err != nil || uid == 0 || gid == 0 {
		t.Fatalf("no user: %s %v", passwd, err)
	}
	for _, g := range []string{"audio", "gpio"} {
		if !strings.Contains("\n"+string(group), "\n"+g+":x:") || !strings.Contains(string(group), "oswald") {
			t.Errorf("group %s is missing: %s", g, group)
		}
	}
	test := func(path string, mode os.FileMode, uid, gid uint32) {
		t.Helper()
		fi, err := os.Stat(filepath.Join(root, path))
		if err != nil {
			t.Error(err)
			return
		}
		if st := fi.Sys().(*syscall.Stat_t); fi.Mode().Perm() != mode || st.Uid != uid || st.Gid != gid {
			t.Errorf("%s: %v, %d:%d", path, fi.Mode(), st.Uid, st.Gid)
		}
	}
	test("etc/oswald", 0o750, 0, gid)
	test("var/lib/oswald", 0o700, uid, gid)
	test("srv/oswald", 0o755, uid, gid)
	test("srv/oswald/pages", 0o755, uid, gid)
}

// TestFirewall has the kernel read the example, in a network of its own.
func TestFirewall(t *testing.T) {
	nft, unshare := program(t, "nft", "nftables"), program(t, "unshare", "util-linux")
	if out, err := exec.Command(unshare, "-rn", nft, "list", "ruleset").CombinedOutput(); err != nil {
		t.Skipf("needs a network namespace of its own: %v %s", err, out)
	}
	path, err := filepath.Abs("../../packaging/nftables/oswald.nft")
	if err != nil {
		t.Fatal(err)
	}
	// Twice, because it must replace itself.
	out, err := exec.Command(unshare, "-rn", "sh", "-ec", `"$0" -f "$1"; "$0" -f "$1"; "$0" list table inet oswald`, nft, path).CombinedOutput()
	if err != nil || strings.Count(string(out), "11211") != 1 || !strings.Contains(string(out), "policy drop") {
		t.Errorf("nft: %v\n%s", err, out)
	}
}

// TestBusConfiguration starts Memcached with the options of memcached.conf, which
// must keep out who has no password.
func TestBusConfiguration(t *testing.T) {
	memcached := program(t, "memcached", "memcached")
	dir, err := os.MkdirTemp("", "oswald-bus")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	cert, key := selfSigned(t)
	addr := freeAddr(t)
	_, port, _ := net.SplitHostPort(addr)
	conf := packaged(t, "memcached/oswald-bus.conf")
	for from, to := range map[string]string{
		"-l 192.168.1.10":         "-l 127.0.0.1",
		"-p 11211":                "-p " + port,
		"/etc/memcached/cert.pem": writeFile(t, dir, "cert.pem", cert),
		"/etc/memcached/key.pem":  writeFile(t, dir, "key.pem", key),
		"-Y /etc/memcached/users": "-Y " + writeFile(t, dir, "users", "oswald:secret\n"),
	} {
		if strings.Count(conf, from) != 1 {
			t.Fatalf("%q does not stand in oswald-bus.conf once", from)
		}
		conf = strings.Replace(conf, from, to, 1)
	}
	if os.Getuid() == 0 {
		for _, name := range []string{"", "cert.pem", "key.pem", "users"} {
			if err := os.Chown(filepath.Join(dir, name), nobody, nobody); err != nil {
				t.Fatal(err)
			}
		}
	}
	var args []string
	for _, line := range strings.Split(conf, "\n") {
		if strings.HasPrefix(line, "-") {
			args = append(args, strings.Fields(line)...)
		}
	}
	cmd := asNobody(exec.Command(memcached, args...))
	var out lockedBuffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { cmd.Process.Kill(); cmd.Wait() }()
	eventually(t, "memcached "+strings.Join(args, " "), func() bool { return answers("tcp", addr) })
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM([]byte(cert))
	say := func(text, want string) {
		t.Helper()
		c, err := tls.Dial("tcp", addr, &tls.Config{RootCAs: roots, ServerName: "127.0.0.1"})
		if err != nil {
			t.Fatal(err, out.String())
		}
		defer c.Close()
		if err := c.SetDeadline(time.Now().Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(c, text); err != nil {
			t.Fatal(err)
		}
		got := make([]byte, len(want))
		_, err = io.ReadFull(c, got)
		if string(got) != want {
			t.Errorf("%q is answered with %q (%v)", text, got, err)
		}
	}
	const login = "set auth 0 0 13\r\noswald secret\r\n"
	say("get a\r\n", "CLIENT_ERROR unauthenticated\r\n")
	say(login+"set a 0 60 1\r\nx\r\nget a\r\n", "STORED\r\nSTORED\r\nVALUE a 0 1\r\nx\r\nEND\r\n")
	say(login+"flush_all\r\n", "STORED\r\nCLIENT_ERROR flush_all not allowed\r\n")
}

// selfSigned is a certificate for 127.0.0.1 and its key, as PEM.
func selfSigned(t *testing.T) (cert, key string) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, c, c, k.Public(), k)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}))
}
