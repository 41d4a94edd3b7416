// SPDX-License-Identifier: GPL-3.0-or-later

package prosodytest

import (
	"fmt"
	"os"
	"strings"
	"syscall"
)

// Signal sends sig to the server: SIGSTOP freezes it, SIGCONT lets it go on.
func (s *Server) Signal(sig syscall.Signal) {
	s.t.Helper()
	if s.cmd == nil {
		s.t.Fatal("prosody is not running")
	}
	if err := s.cmd.Process.Signal(sig); err != nil {
		s.t.Fatal(err)
	}
}

// Configure replaces old by new in the server's configuration and restarts it.
func (s *Server) Configure(old, new string) {
	s.t.Helper()
	b, err := os.ReadFile(s.config)
	if err == nil && !strings.Contains(string(b), old) {
		err = fmt.Errorf("no %q in the configuration", old)
	}
	if err == nil {
		err = os.WriteFile(s.config, []byte(strings.ReplaceAll(string(b), old, new)), 0o600)
	}
	if err != nil {
		s.t.Fatal(err)
	}
	s.Restart()
}
