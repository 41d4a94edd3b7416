// SPDX-License-Identifier: GPL-3.0-or-later

package wiki

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"oswald"
)

// TestTakeBack undoes posts and paragraphs: what others wrote stays, what others
// changed is not touched, and the same command again changes nothing.
func TestTakeBack(t *testing.T) {
	s := newSite(t, nil)
	write(t, s.cfg.Source, "List.md", "To buy:\n\n- Bread\n")
	build(t, s)
	_, gitErr := exec.LookPath("git")
	git := func(args ...string) string {
		t.Helper()
		out, err := exec.Command("git", append([]string{"-C", s.cfg.Source, "-c", "user.name=A", "-c", "user.email=a@b"}, args...)...).CombinedOutput()
		if err != nil {
			t.Fatalf("%v %s", err, out)
		}
		return string(out)
	}
	if gitErr == nil {
		git("init", "-q")
		git("add", ".")
		git("commit", "-qm", "x")
	}
	must := func(p oswald.Published, err error) oswald.Published {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	list := func(want string) {
		t.Helper()
		if data, err := os.ReadFile(filepath.Join(s.cfg.Source, "List.md")); err != nil || string(data) != want {
			t.Errorf("%q %v, want %q", data, err, want)
		}
	}
	ctx := t.Context()
	must(s.Append(ctx, "a", "list", "- Milk", "ann", nil))
	must(s.Append(ctx, "b", "list", "- Salt", "bob", nil))
	list("To buy:\n\n- Bread\n- Milk\n- Salt\n")
	first := must(s.TakeBack(ctx, "u1", "a", "ann", nil))
	list("To buy:\n\n- Bread\n- Salt\n")
	if again := must(s.TakeBack(ctx, "u1", "a", "ann", nil)); again.Commit != first.Commit {
		t.Errorf("again: %+v, first %+v", again, first)
	}
	if strings.Contains(read(t, s, "list/index.html"), "Milk") {
		t.Error("it is still live")
	}
	if _, err := s.TakeBack(ctx, "u2", "b", "bob", nil); oswald.CodeOf(err) != oswald.Conflict {
		t.Errorf("a paragraph that has moved: %v", err)
	}
	must(s.Append(ctx, "c", "list", "- Tea", "bob", nil))
	must(s.TakeBack(ctx, "u3", "c", "bob", nil))
	list("To buy:\n\n- Bread\n- Salt\n")
	if _, err := s.TakeBack(ctx, "u4", "nothing", "", nil); oswald.CodeOf(err) != oswald.NotFound {
		t.Errorf("what nobody wrote: %v", err)
	}
	post := must(s.Post(ctx, "p", "First frost", "The pond is frozen.", "ann", nil))
	file := filepath.Join(s.cfg.Source, "blog", "2026-11-24-first-frost.md")
	gone := must(s.TakeBack(ctx, "u5", "p", "ann", nil))
	if _, err := os.Stat(file); err == nil || gone.Title != post.Title {
		t.Errorf("the post is still there: %+v", gone)
	}
	if _, err := os.Stat(filepath.Join(s.cfg.Output, "blog", "2026-11-24-first-frost", "index.html")); err == nil {
		t.Error("the post is still live")
	}
	must(s.TakeBack(ctx, "u5", "p", "ann", nil))
	if _, err := s.TakeBack(ctx, "u6", "p", "ann", nil); oswald.CodeOf(err) != oswald.NotFound {
		t.Errorf("twice: %v", err)
	}
	must(s.Post(ctx, "q", "Second frost", "Again.", "ann", nil))
	write(t, s.cfg.Source, "blog/2026-11-24-second-frost.md", "changed by hand")
	if _, err := s.TakeBack(ctx, "u7", "q", "ann", nil); oswald.CodeOf(err) != oswald.Conflict {
		t.Errorf("a post that was changed: %v", err)
	}
	if gitErr == nil {
		if log := git("log", "--format=%s"); !strings.Contains(log, "Take back the post First frost") || !strings.Contains(log, "Take back a change of list") {
			t.Errorf("log: %s", log)
		}
		if left := git("status", "--porcelain"); left != " M blog/2026-11-24-second-frost.md\n" {
			t.Errorf("left over: %q", left)
		}
	}
}
