// SPDX-License-Identifier: GPL-3.0-or-later

package alert

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"oswald"
)

func TestToldOnceClearedOnce(t *testing.T) {
	inWorld(t, func(w *world) {
		for i := range 100 {
			w.Send(hot(fmt.Sprintf("The kitchen is at %d °C.", 31+i)))
			time.Sleep(time.Second)
		}
		w.after(time.Minute, "⚠️ A1 The kitchen is at 3")
		if got := w.open(); got != "A1 probe/kitchen/hot 1 ;" {
			t.Error(got)
		}
		w.Send(ended(hot(""), "The kitchen is back at 28 °C."))
		w.Send(ended(hot(""), "The kitchen is back at 28 °C."))
		w.after(time.Minute, "✅ A1 The kitchen is back at 28 °C. (after 3 min)")
		w.Send(ended(hot(""), "The kitchen is back at 28 °C."))
		w.after(24 * time.Hour)
		if got := w.open(); got != "" {
			t.Error(got)
		}
		w.Send(hot("again"))
		w.after(time.Minute, "A2 again")
	})
}

func TestRepeatAndAck(t *testing.T) {
	inWorld(t, func(w *world) {
		w.Send(hot("hot"))
		w.after(time.Hour, "`ack A1` stops the reminders.")
		w.after(4*time.Hour, "A1 still, for 4 h: hot")
		if err := w.Ack(w.t.Context(), "a1", "me"); err != nil {
			t.Error(err)
		}
		w.after(48 * time.Hour)
		if err := w.Ack(w.t.Context(), "A9", "me"); oswald.CodeOf(err) != oswald.NotFound {
			t.Error(err)
		}
		if got := w.open(); got != "A1 probe/kitchen/hot 2 me;" {
			t.Error(got)
		}
		a := hot("very hot")
		a.Severity = oswald.Critical // wants a new look, and at once
		w.Send(a)
		w.after(time.Millisecond, "🔴 A1 worse: very hot")
		if got := w.open(); got != "A1 probe/kitchen/hot 3 ;" {
			t.Error(got)
		}
		if len(w.spoken) != 1 || w.spoken[0] != "very hot" {
			t.Errorf("spoken %q", w.spoken)
		}
		w.Send(ended(hot(""), ""))
		w.after(time.Minute, "✅ A1 cleared: very hot")
	})
}

func TestRestartNeitherRepeatsNorForgets(t *testing.T) {
	inWorld(t, func(w *world) {
		w.Send(hot("hot"))
		w.after(time.Minute, "A1 hot")
		w.restart()
		w.Send(hot("hot"))
		w.after(time.Hour)
		w.Ack(w.t.Context(), "A1", "me")
		w.restart()
		w.after(24 * time.Hour)
		if got := w.open(); got != "A1 probe/kitchen/hot 1 me;" {
			t.Error(got)
		}
		// Sent in the last moment, told by the next process.
		w.Send(oswald.Alert{Key: "x", Severity: oswald.Warning, Summary: "last words"})
		w.restart()
		w.after(time.Minute, "A2 last words")
		// Cleared in the last moment.
		w.Send(ended(hot(""), "cool"))
		w.restart()
		w.after(time.Minute, "✅ A1 cool")
	})
}

func TestRetry(t *testing.T) {
	inWorld(t, func(w *world) {
		w.change(func(r *recorder) { r.fail = true })
		w.Send(hot("hot"))
		w.after(6 * time.Hour)
		w.change(func(r *recorder) {
			if r.tries < 20 || r.tries > 200 {
				t.Errorf("%d tries in 6 h", r.tries)
			}
			r.fail, r.hang = false, true
		})
		w.after(time.Hour)
		w.Send(oswald.Alert{Key: "x", Severity: oswald.Warning, Summary: "another"})
		if got := w.open(); !strings.HasPrefix(got, "A1 probe/kitchen/hot 0 ;") {
			t.Error("a hanging Notify holds up the others:", got)
		}
		w.restart() // in the middle of a try
		w.change(func(r *recorder) { r.hang = false })
		w.after(10*time.Minute, "A1 hot\n⚠️ A2 another\n`ack A1` or `ack all`")
		w.after(time.Hour)
	})
}

func TestGroup(t *testing.T) {
	inWorld(t, func(w *world) {
		for i := range 3 {
			w.Send(oswald.Alert{Key: fmt.Sprint("host/", i), Severity: oswald.Warning, Summary: fmt.Sprintf("Host %d is gone.", i)})
			time.Sleep(time.Second)
		}
		w.after(time.Minute, "A1 Host 0 is gone.\n⚠️ A2 Host 1 is gone.\n⚠️ A3 Host 2 is gone.")
		// A critical one waits for nobody and takes the others along.
		w.Send(oswald.Alert{Key: "b", Severity: oswald.Warning, Summary: "b"})
		w.Send(oswald.Alert{Key: "fire", Severity: oswald.Critical, Summary: "Fire!"})
		w.after(time.Millisecond, "🔴 A5 Fire!\n⚠️ A4 b")
		for i := range 30 {
			w.Send(oswald.Alert{Key: fmt.Sprint("many/", i), Severity: oswald.Warning, Summary: "x"})
		}
		w.after(time.Minute, "… and 20 more: `alerts` lists them.")
		w.after(time.Minute)
	})
}

func TestCameAndWent(t *testing.T) {
	inWorld(t, func(w *world) {
		w.Send(hot("hot"))
		w.Send(ended(hot(""), "cool"))
		w.after(time.Minute, "✅ A1 came and went: hot")
		w.after(time.Hour)
		// Back before its end was told: it never ended.
		w.Send(hot("hot"))
		w.after(time.Minute, "A2 hot")
		w.Send(ended(hot(""), "cool"))
		w.Send(hot("hot"))
		w.after(time.Minute)
	})
}

// TestBackWhileTheEndIsTold must not leave people with "cleared" while it burns.
func TestBackWhileTheEndIsTold(t *testing.T) {
	inWorld(t, func(w *world) {
		w.Send(hot("hot"))
		w.after(time.Minute, "A1 hot")
		w.change(func(r *recorder) { r.slow = 10 * time.Second })
		w.Send(ended(hot(""), "cool"))
		time.Sleep(8 * time.Second) // the end is on its way
		w.Send(hot("hot again"))
		w.after(10*time.Second, "✅ A1 cool")
		w.after(time.Minute, "A1 hot again")
	})
}

func TestFromManySides(t *testing.T) {
	inWorld(t, func(w *world) {
		var wg sync.WaitGroup
		for g := range 20 {
			wg.Go(func() {
				for i := range 20 {
					w.Send(oswald.Alert{Key: fmt.Sprint(i), Severity: oswald.Warning, Summary: "x"})
					w.Stranger(fmt.Sprint(g))
					w.Router.Open(w.t.Context())
				}
			})
		}
		wg.Wait()
		time.Sleep(time.Hour)
		synctest.Wait()
		if n := len(w.told()); n < 2 || n > 4 {
			t.Errorf("%d messages", n)
		}
	})
}

func TestInfo(t *testing.T) {
	inWorld(t, func(w *world) {
		queue := func(summary string) oswald.Alert {
			return oswald.Alert{Key: "comments/queue", Severity: oswald.Info, Summary: summary}
		}
		w.Send(queue("Comment 7 waits."))
		w.after(time.Minute, "Comment 7 waits.")
		w.Send(queue("Comment 7 waits."))
		w.after(5 * time.Hour)
		w.Send(queue("Comment 8 waits."))
		w.after(time.Minute, "Comment 8 waits.")
		w.Send(ended(queue(""), "No comment waits any more."))
		w.after(time.Hour)
		if got := w.open(); got != "" {
			t.Error(got)
		}
		w.Send(queue("Comment 9 waits."))
		w.after(time.Minute, "Comment 9 waits.")
		w.after(8 * 24 * time.Hour)
		if got := w.open(); got != "" {
			t.Error("lasts for ever:", got)
		}
	})
}

func TestSnoozeAndMute(t *testing.T) {
	inWorld(t, func(w *world) {
		w.Send(hot("hot"))
		w.after(time.Minute, "A1 hot")
		w.Snooze(w.t.Context(), "A1", time.Now().Add(10*time.Hour))
		w.after(9 * time.Hour)
		w.after(time.Hour, "A1 still")
		w.Mute(w.t.Context(), time.Now().Add(8*time.Hour))
		w.restart()
		w.Send(oswald.Alert{Key: "x", Severity: oswald.Warning, Summary: "muted"})
		w.after(7 * time.Hour)
		w.Send(oswald.Alert{Key: "y", Severity: oswald.Critical, Summary: "not muted"})
		w.after(time.Second, "not muted")
		w.after(2*time.Hour, "muted")
	})
}

func TestStrangers(t *testing.T) {
	inWorld(t, func(w *world) {
		for range 7 {
			w.Stranger("spy@example.org")
		}
		w.Stranger("b@example.org")
		w.after(2*time.Minute, "8 messages from 2 strangers got no answer: spy@example.org, b@example.org. `allow JID member` lets one in.")
		w.Stranger("evil\u202e\n@example.org")
		w.after(time.Hour)
		w.restart()
		w.after(22 * time.Hour)
		w.Stranger("evil\u202e\n@example.org")
		w.after(2*time.Hour, "2 messages from a stranger got no answer: evil @example.org.")
		for i := range 5000 {
			w.Stranger(fmt.Sprintf("s%d@example.org", i))
		}
		w.after(22 * time.Hour)
		w.after(3*time.Hour, "5000 messages from more than ")
		w.after(48 * time.Hour)
		if got := w.open(); got != "" {
			t.Error("a count is no condition:", got)
		}
	})
}

func TestSendTx(t *testing.T) {
	inWorld(t, func(w *world) {
		tx, err := w.db.Begin()
		if err != nil {
			t.Fatal(err)
		}
		if err := w.SendTx(w.t.Context(), tx, hot("hot")); err != nil {
			t.Fatal(err)
		}
		if err := tx.Commit(); err != nil {
			t.Fatal(err)
		}
		w.Wake()
		w.after(time.Minute, "A1 hot")
		tx, _ = w.db.Begin()
		w.SendTx(w.t.Context(), tx, ended(hot(""), "cool"))
		tx.Rollback()
		w.Wake()
		w.after(time.Minute)
	})
}

func TestLabelsComeAgain(t *testing.T) {
	inWorld(t, func(w *world) {
		w.Send(hot("hot"))
		for i := range 150 {
			a := oswald.Alert{Key: fmt.Sprint("k", i), Severity: oswald.Warning, Summary: "x"}
			w.Send(a)
			w.Send(ended(a, ""))
		}
		time.Sleep(time.Minute)
		w.Send(oswald.Alert{Key: "new", Severity: oswald.Warning, Summary: "x"})
		synctest.Wait()
		if got := w.open(); !strings.HasPrefix(got, "A1 probe") {
			t.Error(got)
		}
		labels := map[string]bool{}
		list, _ := w.Router.Open(w.t.Context())
		for _, i := range list {
			if labels[i.Label] {
				t.Error("twice:", i.Label)
			}
			labels[i.Label] = true
		}
	})
}

func TestAfterTheEnd(t *testing.T) {
	inWorld(t, func(w *world) {
		w.stop()
		w.Send(hot("hot"))
		if _, err := w.Router.Open(w.t.Context()); oswald.CodeOf(err) != oswald.Unavailable {
			t.Error(err)
		}
		w.start(Defaults())
	})
}

func TestConfig(t *testing.T) {
	if err := Defaults().Validate(); err != nil {
		t.Error(err)
	}
	err := Config{Group: time.Hour, Repeat: time.Second, Strangers: -1, Keep: 0}.Validate()
	for _, key := range []string{"alerts.group: ", "alerts.repeat: ", "alerts.strangers: ", "alerts.keep: "} {
		if err == nil || !strings.Contains(err.Error(), key) {
			t.Errorf("%v lacks %s", err, key)
		}
	}
}
