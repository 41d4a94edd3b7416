// SPDX-License-Identifier: GPL-3.0-or-later

// Package xmpptest runs a test once with each real XMPP server.
package xmpptest

import (
	"testing"

	"oswald/internal/ejabberdtest"
	"oswald/internal/prosodytest"
	"oswald/internal/servertest"
)

// Server is a running Prosody or ejabberd.
type Server = servertest.Server

// Servers runs f as a subtest with a Prosody and then with an ejabberd of its own.
// All accounts are in each other's rosters. A server that is not installed is a
// subtest that is skipped.
func Servers(t *testing.T, accounts []string, f func(t *testing.T, s *Server)) {
	t.Helper()
	for _, kind := range []struct {
		name  string
		start func(testing.TB, ...string) *Server
	}{
		{"prosody", prosodytest.Start},
		{"ejabberd", ejabberdtest.Start},
	} {
		t.Run(kind.name, func(t *testing.T) {
			s := kind.start(t, accounts...)
			t.Cleanup(func() {
				if t.Failed() {
					t.Logf("%s said:\n%s", s.Name, s.Log())
				}
			})
			f(t, s)
		})
	}
}
