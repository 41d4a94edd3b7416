// SPDX-License-Identifier: GPL-3.0-or-later

package wiki

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"oswald"
)

func gated(t *testing.T) *Site {
	s := newSite(t, func(c *Config) { c.Gate = true })
	write(t, s.cfg.Source, "Home.md", "# Home\n\n[[A]] and [[Nowhere]]")
	write(t, s.cfg.Source, "A.md", "# A\n\nfirst text #one")
	build(t, s) // a first build passes, broken links and all
	return s
}

func TestGate(t *testing.T) {
	s := gated(t)
	held := func(why string) {
		t.Helper()
		before := tree(t, s.cfg.Output)
		_, err := s.Rebuild(t.Context(), "x", "", nil)
		if oswald.CodeOf(err) != oswald.Conflict || !strings.Contains(oswald.MessageOf(err), why) {
			t.Errorf("%v, want %q", err, why)
		}
		if after := tree(t, s.cfg.Output); fmt.Sprint(after) != fmt.Sprint(before) {
			t.Error("the site has changed")
		}
		set, err := s.Changes()
		if err != nil || set.N != 0 || len(set.Stopped) == 0 || !s.State().Held {
			t.Errorf("%+v %v", set, err)
		}
	}
	write(t, s.cfg.Source, "A.md", "# A\n\nsecond text\n\n[[Gone]]")
	held("A.md:5: there is no page “gone”")
	held("A.md:5")
	if _, err := s.Source(t.Context(), "a"); err != nil {
		t.Errorf("a page cannot be edited while a change is held: %v", err)
	}
	write(t, s.cfg.Source, "A.md", "# A\n\nthird text, [[Home]]")
	build(t, s) // mended
	set, err := s.Changes()
	if err != nil || set.N != 1 || set.Summary() != "2 pages change, −1 tag page" || s.State().Held {
		t.Errorf("%q %+v %v", set.Summary(), set, err)
	}
	write(t, s.cfg.Source, "A.md", "# A\n\n[[Gone]]")
	held("gone")
	if _, err := s.Publish(t.Context(), "x", nil); err != nil {
		t.Error(err)
	}
	if !strings.Contains(read(t, s, "a/index.html"), "Gone") {
		t.Error("not published")
	}
	build(t, s) // what was there before only warns
	for i := range 20 {
		write(t, s.cfg.Source, fmt.Sprintf("P%d.md", i), "text")
	}
	build(t, s)
	for i := range 19 {
		os.Remove(filepath.Join(s.cfg.Source, fmt.Sprintf("P%d.md", i)))
	}
	held("pages go")
	write(t, s.cfg.Source, "P0.md", "![[P0]]")
	held("a loop")
}

func TestRollback(t *testing.T) {
	s := gated(t)
	states := []map[string]string{tree(t, s.cfg.Output)}
	for i := range 3 {
		write(t, s.cfg.Source, "A.md", fmt.Sprintf("# A\n\ntext number %d #tag%d", i, i))
		write(t, s.cfg.Source, fmt.Sprintf("New%d.md", i), "new [[A]]")
		os.Remove(filepath.Join(s.cfg.Source, fmt.Sprintf("New%d.md", i-1)))
		build(t, s)
		states = append(states, tree(t, s.cfg.Output))
	}
	same := func(want map[string]string) {
		t.Helper()
		got := tree(t, s.cfg.Output)
		for f, text := range want {
			if got[f] != text {
				t.Errorf("%s differs", f)
			}
		}
		for f := range got {
			if _, ok := want[f]; !ok {
				t.Errorf("%s should be gone", f)
			}
		}
	}
	for i := 2; i >= 0; i-- {
		id := fmt.Sprint("back ", i)
		set, err := s.Rollback(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if len(set.Changed) == 0 || len(set.Added) != 1 {
			t.Errorf("%+v", set)
		}
		same(states[i])
		if _, err := s.Rollback(t.Context(), id); err != nil { // the same command again
			t.Error(err)
		}
		same(states[i])
	}
	if _, err := s.Rollback(t.Context(), "more"); oswald.CodeOf(err) != oswald.NotFound {
		t.Error(err)
	}
	if _, err := s.Rebuild(t.Context(), "x", "", nil); oswald.CodeOf(err) != oswald.Conflict {
		t.Errorf("a build went forward after a rollback: %v", err)
	}
	same(states[0])
	if _, err := s.Publish(t.Context(), "x", nil); err != nil {
		t.Fatal(err)
	}
	same(states[3])
	build(t, s)
	for i := range setsKept + 5 {
		write(t, s.cfg.Source, "A.md", fmt.Sprint("again ", i))
		build(t, s)
	}
	if n := len(s.sets()); n != setsKept {
		t.Errorf("%d sets are kept", n)
	}
}

// TestCutShort kills a publish and a rollback at each point. What is there after
// the next build is what a build that nobody kills makes, and one rollback takes
// all of it back.
func TestCutShort(t *testing.T) {
	for _, point := range []string{"staged", "saved", "journal", "half", "renamed", "removed", "cache", "manifest"} {
		s := gated(t)
		before := tree(t, s.cfg.Output)
		kill := func(f func()) {
			s.kill = func(p string) {
				if p == point {
					panic("killed")
				}
			}
			func() {
				defer func() { _ = recover() }()
				f()
			}()
			cfg := s.cfg
			s.close()
			var err error
			if s, err = New(cfg, Deps{Now: s.now}); err != nil {
				t.Fatal(err)
			}
			s.durable = false
		}
		write(t, s.cfg.Source, "A.md", "# A\n\nsecond text #two")
		write(t, s.cfg.Source, "B.md", "b")
		kill(func() { _, _ = s.Rebuild(t.Context(), "x", "", nil) })
		build(t, s)
		after := tree(t, s.cfg.Output)
		if !strings.Contains(after["a/index.html"], "second") || after["b/index.html"] == "" || after["tag/one/index.html"] != "" {
			t.Errorf("%s: the publish was not resumed", point)
		}
		kill(func() { _, _ = s.Rollback(t.Context(), "back") })
		if _, err := s.Rebuild(t.Context(), "x", "", nil); oswald.CodeOf(err) != oswald.Conflict {
			if point != "cache" && point != "saved" { // no such point in a rollback
				t.Errorf("%s: after a rollback that was cut short: %v", point, err)
			}
		}
		if got := tree(t, s.cfg.Output); fmt.Sprint(got) != fmt.Sprint(before) {
			for f := range before {
				if got[f] != before[f] {
					t.Errorf("%s: %s is not what it was", point, f)
				}
			}
			for f := range got {
				if _, ok := before[f]; !ok {
					t.Errorf("%s: %s is too much", point, f)
				}
			}
		}
		if _, err := s.Publish(t.Context(), "x", nil); err != nil {
			t.Fatal(err)
		}
		if got := tree(t, s.cfg.Output); fmt.Sprint(got) != fmt.Sprint(after) {
			t.Errorf("%s: forward again is not what it was", point)
		}
		s.close()
	}
}

// TestSwitch puts all files in at once: what was served stays a whole tree, files
// that are not ours come along, and a rollback goes the same way.
func TestSwitch(t *testing.T) {
	s := newSite(t, func(c *Config) { c.Publish = "switch" })
	write(t, s.cfg.Source, "A.md", "first")
	write(t, s.cfg.Source, "B.md", "b")
	build(t, s)
	write(t, s.cfg.Output, "foreign.txt", "mine")
	if err := os.Symlink("foreign.txt", s.cfg.Output+"/link"); err != nil {
		t.Fatal(err)
	}
	old, err := os.OpenRoot(s.cfg.Output) // as a reader that is in the middle
	if err != nil {
		t.Fatal(err)
	}
	defer old.Close()
	unchanged, err := os.Stat(s.cfg.Output + "/b/index.html")
	if err != nil {
		t.Fatal(err)
	}
	write(t, s.cfg.Source, "A.md", "second")
	write(t, s.cfg.Source, "C.md", "new")
	seen := ""
	s.kill = func(point string) {
		if point == "exchange" {
			seen = read(t, s, "a/index.html")
		}
	}
	build(t, s)
	s.kill = nil
	if !strings.Contains(seen, "first") || !strings.Contains(read(t, s, "a/index.html"), "second") {
		t.Errorf("before: %s", seen)
	}
	if read(t, s, "foreign.txt") != "mine" || read(t, s, "link") != "mine" {
		t.Error("what is not ours did not come along")
	}
	if fi, err := os.Stat(s.cfg.Output + "/b/index.html"); err != nil || !fi.ModTime().Equal(unchanged.ModTime()) {
		t.Errorf("an unchanged file: %v", err)
	}
	if _, err := s.Rollback(t.Context(), "back"); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(read(t, s, "a/index.html"), "first") {
		t.Error("not taken back")
	}
	if left, _ := filepath.Glob(s.cfg.state() + "/stage/*"); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}
