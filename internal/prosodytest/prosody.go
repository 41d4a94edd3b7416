// SPDX-License-Identifier: GPL-3.0-or-later

// Package prosodytest runs a real Prosody for a test, as package servertest says.
// Everybody named at the start is in everybody's roster.
package prosodytest

import (
	"fmt"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"testing"

	"oswald/internal/servertest"
)

// Domain is what every Server serves.
const Domain = servertest.Domain

// Server is one Prosody.
type Server = servertest.Server

const configFile = "prosody.cfg.lua"

// Start runs a Prosody with the accounts, whose passwords are as [Server.Password]
// says. It skips the test where there is no Prosody.
func Start(t testing.TB, accounts ...string) *Server {
	t.Helper()
	for _, program := range []string{"prosody", "prosodyctl"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skip("needs prosody (apt-get install prosody)")
		}
	}
	s := servertest.New(t, servertest.Kind{
		Name: "prosody", Config: configFile,
		Command: func(s *Server) *exec.Cmd {
			return exec.Command("prosody", "--config", filepath.Join(s.Dir, configFile), "-F")
		},
		Register: func(s *Server, name string) error {
			return ctl(s, "register", name, s.Domain, s.Password(name))
		},
	}, accounts...)
	me, group := "root", "root"
	if u, err := user.Current(); err == nil {
		me = u.Username
		if g, err := user.LookupGroupId(u.Gid); err == nil {
			group = g.Name
		}
	}
	s.Write(configFile, strings.NewReplacer("{USER}", me, "{GROUP}", group).Replace(configText))
	var groups strings.Builder
	groups.WriteString("[Oswald]\n")
	for _, name := range accounts {
		fmt.Fprintf(&groups, "%s=%s\n", s.JID(name), servertest.Title(name))
	}
	s.Write("groups.txt", groups.String())
	for _, name := range accounts {
		s.Register(name)
	}
	s.Run()
	return s
}

func ctl(s *Server, args ...string) error {
	args = append([]string{"--config", filepath.Join(s.Dir, configFile)}, args...)
	if out, err := exec.Command("prosodyctl", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("prosodyctl: %w\n%s", err, out)
	}
	return nil
}
