// SPDX-License-Identifier: GPL-3.0-or-later

package ipc

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"oswald"
	"oswald/internal/store"
)

// certificate writes a certificate for 127.0.0.1 that signs itself.
func certificate(t *testing.T, dir string) (cert, key string) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &k.PublicKey, k)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for path, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}

// TestTransports calls over every way to a real memcached while that is killed
// and started again: no call fails.
func TestTransports(t *testing.T) {
	dir, err := os.MkdirTemp("", "oswald-mc-") // short enough for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o777); err != nil { // memcached gives up its rights
		t.Fatal(err)
	}
	cert, key := certificate(t, dir)
	password := filepath.Join(dir, "password")
	if err := os.WriteFile(password, []byte("me:let-me-in\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	withTLS := []string{"-Z", "-o", "ssl_chain_cert=" + cert + ",ssl_key=" + key}
	socket := filepath.Join(dir, "s")
	for name, test := range map[string]struct {
		args []string
		addr func(d *daemon) string
	}{
		"tcp":                   {nil, func(d *daemon) string { return d.addr }},
		"unix":                  {[]string{"-s", socket, "-a", "0777"}, func(d *daemon) string { return "unix:" + d.addr }},
		"tls":                   {withTLS, func(d *daemon) string { return "tls://" + d.addr + "?ca=" + cert }},
		"tls and password (-Y)": {append(withTLS, "-Y", password), func(d *daemon) string { return "tls://me:let-me-in@" + d.addr + "?ca=" + cert }},
	} {
		t.Run(name, func(t *testing.T) {
			d := startMemcached(t, test.args...)
			a, b := connect(t, test.addr(d)), connect(t, test.addr(d))
			bot, comments := newNode(t, a, "bot", "comments"), newNode(t, b, "comments", "bot")
			comments.Handle("comments", Handler{Run: func(context.Context, Call) (any, error) { return 1, nil }})
			run(t, bot)
			run(t, comments)
			for i := range 30 {
				if i%10 == 5 {
					d.kill()
					d.start()
				}
				if _, err := bot.Call(patient(t), Command{ID: fmt.Sprint(i), Peer: "comments", Verb: "comments"}, nil); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
	d := startMemcached(t, withTLS...)
	fails := func(addr, word string) {
		t.Helper()
		eventually(t, word, func() bool { // a timeout under load comes first at times
			_, err := connect(t, addr).Get([]string{"x"})
			if err == nil {
				t.Fatalf("%s: no %s is missed", addr, word)
			}
			return strings.Contains(err.Error(), word)
		})
	}
	fails("tls://"+d.addr, "certificate")
	locked := startMemcached(t, append(withTLS, "-Y", password)...)
	fails("tls://me:wrong@"+locked.addr+"?ca="+cert, "password")
	for _, bad := range []string{"tls://h:1?ca=" + key + "x", "tls://h:1?ca=" + key, "tls://h:1?verify=no", "h:1?ca=" + cert} {
		if _, err := NewMemcached(bad); oswald.CodeOf(err) != oswald.Invalid {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

// TestNoMemory has a memcached that is full and does not evict. It is named, and
// what waits goes on once there is room.
func TestNoMemory(t *testing.T) {
	d := startMemcached(t, "-m", "1", "-I", "512k", "-M")
	bus := connect(t, d.addr)
	for i, size := 0, 100<<10; size > 32; i++ {
		if err := bus.(cacheStore).Set(fmt.Sprint("fill", i), make([]byte, size), time.Hour); err != nil {
			size /= 2
		}
	}
	bot, comments := newNode(t, bus, "bot", "comments"), newNode(t, connect(t, d.addr), "comments", "bot")
	comments.Handle("comments", Handler{Run: func(context.Context, Call) (any, error) { return 1, nil }})
	run(t, bot)
	run(t, comments)
	eventually(t, "it is said", func() bool { return strings.Contains(bot.Peers()[0].Note, "no room left: give it more memory") })
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	c := Command{ID: "1", Peer: "comments", Verb: "comments"}
	if _, err := bot.Call(ctx, c, nil); !strings.Contains(oswald.MessageOf(err), "no room left") {
		t.Errorf("a full server: %v", err)
	}
	if err := bus.(remote).c.FlushAll(); err != nil {
		t.Fatal(err)
	}
	if _, err := bot.Call(patient(t), c, nil); err != nil {
		t.Errorf("room again: %v", err)
	}
}

// TestFullQueue has as many open commands as a peer may have; the next is refused
// in words, and other peers are not held up.
func TestFullQueue(t *testing.T) {
	bus := NewMem()
	bot, site := newNode(t, bus, "bot", "comments", "site"), newNode(t, bus, "site", "bot")
	site.Handle("pages", Handler{Run: func(context.Context, Call) (any, error) { return 1, nil }})
	if err := store.Migrate(t.Context(), bot.db, "ipc", schema); err != nil {
		t.Fatal(err)
	}
	_, err := bot.db.Exec(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i < ?)
		INSERT INTO ipc_outbox(id, peer, verb, args, repeatable, deadline_ms, state) SELECT 'old'||i, 'comments', 'comments', x'7b7d', 1, 9e12, 'offered' FROM n`, maxQueue)
	if err != nil {
		t.Fatal(err)
	}
	run(t, bot)
	run(t, site)
	err = bot.Submit(patient(t), Command{ID: "new", Peer: "comments", Verb: "comments"})
	if want := fmt.Sprint(maxQueue, " commands for comments are waiting already: try again when it answers."); oswald.MessageOf(err) != want {
		t.Errorf("%v, want %s", err, want)
	}
	if _, err := bot.Call(patient(t), Command{ID: "other", Peer: "site", Verb: "pages"}, nil); err != nil {
		t.Errorf("another peer: %v", err)
	}
}
