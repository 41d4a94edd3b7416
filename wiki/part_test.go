// SPDX-License-Identifier: GPL-3.0-or-later

package wiki

import (
	"strings"
	"testing"
)

func TestPart(t *testing.T) {
	s := newSite(t, func(c *Config) { c.Gate = true })
	test := func(what string, ok bool, want string) {
		t.Helper()
		if p := s.Part(); p.OK != ok || p.Name != "site" || !strings.HasPrefix(p.State, want) {
			t.Errorf("%s: %+v", what, p)
		}
	}
	test("at first", true, "not built since the start")
	write(t, s.cfg.Source, "Home.md", "[[Other]] [[Nowhere]]")
	write(t, s.cfg.Source, "Other.md", "x")
	build(t, s)
	test("built", true, "2 pages, built at ")
	test("with a fault", true, "2 pages, built at 12:00, 1 fault")
	write(t, s.cfg.Source, "Other.md", "[[Nowhere else]]")
	if _, err := s.Rebuild(t.Context(), "2", "", nil); err == nil {
		t.Fatal("the gate let it pass")
	}
	test("held", false, "a change is held back")
	if _, err := s.Publish(t.Context(), "3", nil); err != nil {
		t.Fatal(err)
	}
	test("published", true, "2 pages, built at ")
	if _, err := s.Rollback(t.Context(), "4"); err != nil {
		t.Fatal(err)
	}
	if p := s.Part(); p.OK || !strings.Contains(p.State, "rolled back") {
		t.Errorf("rolled back: %+v", p)
	}
}
