// SPDX-License-Identifier: GPL-3.0-or-later

// Package ejabberdtest runs a real ejabberd for a test, as package servertest says.
// Everybody named at the start is in everybody's roster.
//
// The Erlang machine is started without a node name. So it needs neither epmd nor
// a port and a cookie for other nodes, two servers do not know of each other, and
// the process that a signal goes to is the server itself; what ejabberdctl would
// do goes through ejabberd's HTTP API.
package ejabberdtest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"oswald/internal/servertest"
	"oswald/internal/store"
)

// Domain is what every Server serves.
const Domain = servertest.Domain

// Server is one ejabberd.
type Server = servertest.Server

const configFile = "ejabberd.yml"

// Start runs an ejabberd with the accounts, whose passwords are as
// [Server.Password] says. It skips the test where there is no ejabberd.
func Start(t testing.TB, accounts ...string) *Server {
	t.Helper()
	libs, _ := filepath.Glob("/usr/lib/*/ejabberd-*/ebin/ejabberd.app")
	sqlite, _ := filepath.Glob("/usr/lib/erlang/lib/p1_sqlite3-*/ebin/sqlite3.app")
	if _, err := exec.LookPath("erl"); err != nil || len(libs) == 0 || len(sqlite) == 0 {
		t.Skip("needs ejabberd (apt-get install ejabberd erlang-p1-sqlite3)")
	}
	erlang := filepath.Dir(filepath.Dir(filepath.Dir(libs[0])))
	s := servertest.New(t, servertest.Kind{
		Name: "ejabberd", Config: configFile,
		Command:  func(s *Server) *exec.Cmd { return command(s, erlang) },
		Register: register,
	}, accounts...)
	s.Write(configFile, configText)
	if err := database(filepath.Join(s.Dir, "data", "ejabberd.db")); err != nil {
		t.Fatal(err)
	}
	s.Write("inetrc", `{lookup,["file"]}.`) // no helper process that asks the system for names
	s.Run()
	for _, name := range accounts {
		s.Register(name)
	}
	for _, a := range accounts {
		for _, b := range accounts {
			if a == b {
				continue
			}
			if err := call(s, "add_rosteritem", map[string]any{
				"localuser": a, "localhost": s.Domain, "user": b, "host": s.Domain,
				"nick": servertest.Title(b), "group": "Oswald", "subs": "both",
			}); err != nil {
				t.Fatalf("ejabberd: %v\n%s", err, s.Log())
			}
		}
	}
	return s
}

// command returns the Erlang machine with ejabberd in it: two threads that do not
// spin when there is nothing to do, and no dump when it is killed.
func command(s *Server, libs string) *exec.Cmd {
	data := filepath.Join(s.Dir, "data")
	cmd := exec.Command("erl", "+K", "true", "+P", "32768", "+S", "2:2", "+A", "4",
		"+sbwt", "none", "+sbwtdcpu", "none", "+sbwtdio", "none",
		"-mnesia", "dir", `"`+data+`"`, "-noinput", "-s", "ejabberd")
	cmd.Dir = data
	cmd.Env = append(os.Environ(),
		"HOME="+s.Dir,
		"ERL_LIBS="+libs,
		"ERL_MAX_PORTS=4096",
		"ERL_CRASH_DUMP_BYTES=0",
		"ERL_INETRC="+filepath.Join(s.Dir, "inetrc"),
		"EJABBERD_CONFIG_PATH="+filepath.Join(s.Dir, configFile),
		"EJABBERD_LOG_PATH="+filepath.Join(s.Dir, "ejabberd.log"))
	return cmd
}

// database makes the SQLite file. What ejabberd has written is on disk when it is
// killed; its own database, mnesia, loses what is younger than seconds and takes
// ever longer for each message of an archive.
func database(path string) error {
	tables, err := os.ReadFile("/usr/share/ejabberd/sql/lite.sql")
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), servertest.Patience)
	defer cancel()
	db, err := store.Open(ctx, path)
	if err != nil {
		return err
	}
	_, err = db.ExecContext(ctx, string(tables))
	return errors.Join(err, db.Close())
}

func register(s *Server, name string) error {
	return call(s, "register", map[string]any{"user": name, "host": s.Domain, "password": s.Password(name)})
}

// call runs a command of ejabberd.
func call(s *Server, command string, args map[string]any) error {
	body, err := json.Marshal(args)
	if err != nil {
		return err
	}
	client := http.Client{Timeout: servertest.Patience}
	r, err := client.Post("http://"+s.HTTPAddr+"/api/"+command, "application/json", bytes.NewReader(body))
	if err != nil {
		return err
	}
	defer r.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err == nil && r.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s %s", command, r.Status, answer)
	}
	return err
}
