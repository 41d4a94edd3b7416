// SPDX-License-Identifier: GPL-3.0-or-later

package bot

import (
	"testing"

	"oswald/internal/xmpptest"
)

// TestTalk has conversations on both servers, with all that phones add to a text. The
// bot keeps its database from one to the next: what it had not acknowledged when it
// stopped, ejabberd brings again.
func TestTalk(t *testing.T) {
	xmpptest.Servers(t, []string{"bot", "alice", "bob"}, func(t *testing.T, s *xmpptest.Server) {
		for _, c := range []struct {
			name string
			f    func(*testing.T, *xmpptest.Server)
		}{
			{"Answering", testAnswering},
			{"Codec", testCodec},
			{"Correct", testCorrect},
			{"Retract", testRetract},
			{"AmendOnDisk", testAmendOnDisk},
			{"Progress", testProgress},
			{"Marks", testMarks},
		} {
			t.Run(c.name, func(t *testing.T) { c.f(t, s) })
		}
	})
}
