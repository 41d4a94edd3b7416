// SPDX-License-Identifier: GPL-3.0-or-later

// Package postgrestest runs a real PostgreSQL server for a test: a cluster of its
// own in a folder that goes away, reached over a Unix socket alone.
package postgrestest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	"oswald/internal/secret"
	"oswald/internal/store"
)

// A Server is a running PostgreSQL.
type Server struct {
	dir string
	bin string
	as  *syscall.Credential // nil: whoever runs the test
	cmd *exec.Cmd
	t   testing.TB
}

// Start makes a cluster and runs a server on it until the test ends. It skips the
// test where PostgreSQL is not installed.
func Start(t testing.TB) *Server {
	t.Helper()
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/postgres")
	if p, lookErr := exec.LookPath("postgres"); lookErr == nil {
		found = append(found, p)
	}
	if err != nil || len(found) == 0 {
		t.Skip("needs postgres (apt-get install postgresql)")
	}
	// Not t.TempDir, whose path is longer than a socket's may be.
	dir, err := os.MkdirTemp("", "pg")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	s := &Server{dir: dir, bin: filepath.Dir(slices.Max(found)), t: t}
	if os.Geteuid() == 0 { // PostgreSQL refuses to run as root
		s.as = other(t)
		if err := os.Chown(dir, int(s.as.Uid), int(s.as.Gid)); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := s.command("initdb", "-D", dir+"/data", "-U", "oswald", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-instructions").CombinedOutput(); err != nil {
		t.Fatalf("initdb: %v\n%s", err, out)
	}
	s.run()
	t.Cleanup(func() { s.Stop() })
	return s
}

// other is somebody who is not root.
func other(t testing.TB) *syscall.Credential {
	t.Helper()
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, uidErr := strconv.ParseUint(u.Uid, 10, 32)
		gid, gidErr := strconv.ParseUint(u.Gid, 10, 32)
		if uidErr == nil && gidErr == nil && uid != 0 {
			return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
		}
	}
	t.Skip("needs a user besides root (apt-get install postgresql)")
	return nil
}

func (s *Server) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(s.bin, name), args...)
	cmd.Dir = s.dir
	cmd.Env = []string{"PATH=/usr/bin:/bin", "LC_ALL=C", "HOME=" + s.dir, "TZ=UTC"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: s.as, Pdeathsig: syscall.SIGTERM}
	return cmd
}

func (s *Server) run() {
	s.t.Helper()
	s.cmd = s.command("postgres", "-D", s.dir+"/data", "-k", s.dir, "-c", "listen_addresses=", "-c", "shared_buffers=16MB", "-c", "max_connections=60")
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(s.t.Context(), time.Minute)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		db, err := store.OpenPostgres(ctx, secret.New([]byte(s.DSN(""))))
		if err == nil {
			db.Close()
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			s.t.Fatal("waited in vain for PostgreSQL: ", err)
		}
	}
}

// Stop ends the server as a machine without power does not: after it has written
// everything. Stopping twice is harmless.
func (s *Server) Stop() {
	if s.cmd.ProcessState != nil {
		return
	}
	_ = s.cmd.Process.Signal(syscall.SIGINT) // fast shutdown
	done := time.AfterFunc(20*time.Second, func() { _ = s.cmd.Process.Signal(syscall.SIGQUIT) })
	defer done.Stop()
	_ = s.cmd.Wait()
}

// Restart runs a stopped server again on the same data.
func (s *Server) Restart() { s.run() }

// DSN names the server; with a schema it names that one, which the caller has made
// with [Server.Schema].
func (s *Server) DSN(schema string) string {
	dsn := fmt.Sprintf("host=%s user=oswald dbname=postgres", s.dir)
	if schema != "" {
		dsn += " search_path=" + schema
	}
	return dsn
}

// Schema makes a schema, which is as good as a database of its own and quicker to
// make, and returns its DSN.
func (s *Server) Schema(name string) string {
	s.t.Helper()
	db, err := store.OpenPostgres(s.t.Context(), secret.New([]byte(s.DSN(""))))
	if err != nil {
		s.t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(s.t.Context(), "CREATE SCHEMA IF NOT EXISTS "+name); err != nil {
		s.t.Fatal(err)
	}
	return s.DSN(name)
}

// Command is one of PostgreSQL's own programs, such as pg_dump.
func (s *Server) Command(name string, args ...string) *exec.Cmd { return s.command(name, args...) }
