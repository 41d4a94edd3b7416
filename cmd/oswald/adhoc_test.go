// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"strings"
	"testing"

	"oswald/internal/terminal"
)

// TestProfanityMenu takes a dangerous command out of the menu of a terminal client:
// it asks first.
func TestProfanityMenu(t *testing.T) {
	terminal.Needs(t, "profanity", "tmux")
	onBoth(t, func(t *testing.T, h *house, bot string) {
		there := func() bool { return strings.Contains(h.page("/c/house/kitchen"), "two evenings") }
		h.comment("house/kitchen", "Ann", "The shelf under the window took two evenings.", "192.0.2.7")
		eventually(t, "the comment", there)
		p := profanity(t, h)
		p.Type("/win 1")
		p.Type("/cmd exec status " + bot)
		p.Wait("status completed", "All is well.", "disk:")
		p.Type("/cmd exec delete " + bot)
		p.Wait("Number (required)")
		p.Type("/field1 1")
		p.Type("/form submit")
		p.Wait("delete: really?", "Remove it?")
		shot(t, "menu-really-"+h.server.Name, p)
		if !there() {
			t.Fatal("nobody has said yes")
		}
		p.Type("/form submit")
		p.Wait("delete completed", "is deleted")
		shot(t, "menu-deleted-"+h.server.Name, p)
		eventually(t, "the comment to go", func() bool { return !there() })
	})
}
