// SPDX-License-Identifier: GPL-3.0-or-later

package bot

import (
	"errors"
	"io"
	"path/filepath"
	"testing"
	"time"

	"mellium.im/xmpp/stream"

	"oswald/internal/prosodytest"
)

// TestPause tells the bot how sessions have ended, and looks at what it waits for.
func TestPause(t *testing.T) {
	cfg := Defaults()
	cfg.JID, cfg.PasswordFile = "bot@"+prosodytest.Domain, "pw"
	r := newRig(t, cfg, filepath.Join(t.TempDir(), "bot.db"))
	lost, conflict := error(io.EOF), error(stream.Conflict)
	test := func(online time.Duration, err error, slow bool) {
		t.Helper()
		r.began = time.Time{}
		if online > 0 {
			r.began = time.Now().Add(-online)
		}
		if got := r.pause(err) == &r.slow; got != slow {
			t.Errorf("%v after %v: slow %v", err, online, got)
		}
	}
	test(0, lost, false)
	test(0, &authError{condition: "not-authorized"}, true)
	test(0, &authError{condition: "temporary-auth-failure"}, false)
	test(0, errDowngrade, true)
	test(time.Hour, conflict, false) // it may be chance
	test(time.Second, conflict, false)
	test(time.Second, conflict, true) // it is not
	test(time.Minute, conflict, true)
	r.conflict = time.Now().Add(-peace - time.Second)
	test(time.Hour, conflict, false) // long ago

	// Only time online makes the next pause short again.
	for range 10 {
		r.quick.Next()
	}
	test(0, lost, false) // whatever time it took to find that out
	if d := r.quick.Next(); d < 30*time.Second {
		t.Errorf("after another failure: %v", d)
	}
	test(lasting+time.Second, lost, false)
	if d := r.quick.Next(); d > retryMin {
		t.Errorf("after a good session: %v", d)
	}

	// A server that we are logged in to may send us elsewhere, a few times in a row.
	r.live.Store(&session{conn: &safeConn{to: target{"old:5223", true}}})
	moved := errors.Join(stream.Error{Err: "see-other-host", Content: "new:99"})
	for i := range hopsMax + 1 {
		r.moved = nil
		test(time.Second, moved, false)
		if want := i < hopsMax; (r.moved != nil) != want || want && *r.moved != (target{"new:99", true}) {
			t.Errorf("redirection %d: %v", i, r.moved)
		}
	}
	test(time.Hour, moved, false)
	if r.moved == nil {
		t.Error("after a good session it does not count as a circle any more")
	}
}
