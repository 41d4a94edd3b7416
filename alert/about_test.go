// SPDX-License-Identifier: GPL-3.0-or-later

package alert

import (
	"fmt"
	"testing"
	"time"

	"oswald"
)

// TestAbout wants each message to come with what it is about, also after a restart.
func TestAbout(t *testing.T) {
	inWorld(t, func(w *world) {
		w.Send(hot("hot"))
		w.Send(oswald.Alert{Key: "comments/queue", Severity: oswald.Info, Summary: "Comment 12 waits.", About: "comment:12"})
		w.after(time.Second)
		w.restart()
		w.after(time.Hour, "⚠️ A1 hot\nComment 12 waits.")
		w.Send(oswald.Alert{Key: "comments/queue", Severity: oswald.Info, Summary: "Comment 13 waits.", About: "comment:13"})
		w.after(time.Hour, "Comment 13 waits.")
		w.Send(ended(hot(""), "cool"))
		w.after(time.Minute, "✅ A1 cool")
		tx, err := w.db.BeginTx(w.t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := w.SendTx(w.t.Context(), tx, oswald.Alert{Key: "edits/queue", Summary: "Edit 4 waits.", About: "edit:4"}); err != nil {
			t.Fatal(err)
		}
		tx.Commit()
		w.Wake()
		w.after(time.Hour, "Edit 4 waits.")
		if got := fmt.Sprintf("%q", w.recorder.abouts); got != `["alert:A1 comment:12" "comment:13" "" "edit:4"]` {
			t.Error(got)
		}
	})
}
