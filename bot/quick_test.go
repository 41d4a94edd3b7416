// SPDX-License-Identifier: GPL-3.0-or-later

package bot

import (
	"context"
	"strings"
	"testing"

	"oswald"
)

// TestQuickResponses wants yes and no beside a question, on its last part, and
// nowhere else.
func TestQuickResponses(t *testing.T) {
	s, r := start(t)
	r.commands.answer = func(_ context.Context, q oswald.Request) (oswald.Reply, error) {
		r := oswald.Reply{Text: "Really? yes/no"}
		if q.Text == "delete 12" {
			r.About = oswald.AboutQuestion(q.ID)
		}
		return r, nil
	}
	alice := client(t, s, "alice")
	if m := ask(t, alice, "delete 12"); strings.Count(m.XML, nsQuick) != 2 || !strings.Contains(m.XML, "value='yes'") || !strings.Contains(m.XML, "label='No'") {
		t.Errorf("question %s", m.XML)
	}
	if m := ask(t, alice, "temp"); strings.Contains(m.XML, nsQuick) {
		t.Errorf("no question %s", m.XML)
	}
}
