// SPDX-License-Identifier: GPL-3.0-or-later

package gpio

import (
	"strings"
	"testing"

	"github.com/warthog618/go-gpiocdev"

	"oswald"
)

// A machine without a GPIO chip, or without the lines, starts, says what to do, and refuses to speak.
func TestNoChip(t *testing.T) {
	want := `No GPIO chip here has the lines "NOWHERE_L" and "NOWHERE_R"`
	if len(gpiocdev.Chips()) == 0 {
		want = "no GPIO chip"
	}
	m, err := New(Config{Left: "NOWHERE_L", Right: "NOWHERE_R"}, Deps{})
	if err != nil {
		t.Fatal(err)
	}
	p := m.Part()
	if p.OK || p.Simulated || !strings.Contains(p.State, want) {
		t.Errorf("%+v", p)
	}
	if err := m.Unmute(oswald.Left); oswald.CodeOf(err) != oswald.Unavailable {
		t.Error(err)
	}
	if err := m.Close(); err != nil {
		t.Error(err)
	}
}
