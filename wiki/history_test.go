// SPDX-License-Identifier: GPL-3.0-or-later

package wiki

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// repo makes the source folder of a site a folder of a repository, and returns
// how to run git there.
func repo(t *testing.T, s *Site) func(args ...string) {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("needs git (apt-get install git)")
	}
	git := func(args ...string) {
		t.Helper()
		cmd := exec.Command("git", append([]string{"-C", filepath.Dir(s.cfg.Source), "-c", "user.name=Ann", "-c", "user.email=ann@invalid", "-c", "commit.gpgSign=false"}, args...)...)
		cmd.Env = append(os.Environ(), "GIT_AUTHOR_DATE=2026-11-20T10:00:00Z", "GIT_COMMITTER_DATE=2026-11-20T10:00:00Z", "GIT_CONFIG_GLOBAL=/dev/null")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
	git("init", "--quiet")
	write(t, filepath.Dir(s.cfg.Source), ".gitignore", "out*\n")
	return git
}

// TestHistory: pages show what git knows of them, kept up commit by commit, read
// anew where the past was rewritten, and gone with the repository.
func TestHistory(t *testing.T) {
	s := newSite(t, nil)
	git := repo(t, s)
	commit := func(what string) {
		t.Helper()
		git("add", "-A")
		git("commit", "--quiet", "--message="+what)
	}
	has := func(page string, want ...string) {
		t.Helper()
		html := read(t, s, page)
		for _, w := range want {
			if not, ok := strings.CutPrefix(w, "!"); ok {
				if strings.Contains(html, not) {
					t.Errorf("%s: has %q:\n%s", page, not, html)
				}
			} else if !strings.Contains(html, w) {
				t.Errorf("%s: lacks %q:\n%s", page, w, html)
			}
		}
	}
	write(t, s.cfg.Source, "Home.md", "{{changes}}\n\n{{history page=\"a/Käse b\"}}\n\n{{query folder=a fields=changed,changedby}}")
	write(t, s.cfg.Source, "a/Käse b.md", "one")
	write(t, s.cfg.Source, "Draft.md", "---\ndraft: true\n---\n")
	build(t, s)
	has("index.html", "No changes are recorded.", "!Changed <time", "!/changes/")
	git("add", ".gitignore")
	git("commit", "--quiet", "--message=not the pages")
	build(t, s)
	has("index.html", "No changes are recorded.", "!/changes/")
	commit("begin & <go>")
	write(t, s.cfg.Source, "a/Käse b.md", "two")
	commit("on Käse")
	write(t, s.cfg.Source, "Draft.md", "---\ndraft: true\n---\nsecret")
	commit("hidden work")
	build(t, s)
	has("a/kase-b/index.html", `<summary>Changed <time datetime="2026-11-20">2026-11-20</time> by Ann</summary>`, "Ann: on Käse</li>", "Ann: begin &amp; &lt;go&gt;</li>", `<a href="/changes/">Changes</a>`)
	has("index.html", "Ann: on Käse<br><a href=\"/a/kase-b/\">Käse b</a></li>", "Ann: on Käse</li>", `<span class="meta">2026-11-20</span> <span class="meta">Ann</span>`, "!hidden work")
	has("changes/index.html", "Ann: on Käse", "!hidden work", "!Draft")
	if b := build(t, s); b.Written != 0 {
		t.Errorf("%d files written and nothing changed", b.Written)
	}
	s.close()
	s.past = nil // as another process would
	write(t, s.cfg.Source, "Home.md", "{{changes}} more")
	commit("home")
	if b := build(t, s); b.Written == 0 {
		t.Error("a commit is not seen")
	}
	kept, err := s.readPast(t.Context(), s.past.head)
	whole := &history{byFile: map[string][]revision{}}
	if err != nil || s.gitLog(t.Context(), "HEAD", whole.add) != nil || !reflect.DeepEqual(kept.byFile, whole.byFile) || !reflect.DeepEqual(kept.recent, whole.recent) {
		t.Errorf("kept %+v\nwhole %+v\n%v", kept, whole, err)
	}
	git("commit", "--quiet", "--amend", "--message=home, said better")
	build(t, s)
	has("index.html", "Ann: home, said better", "!Ann: home<")
	git("pack-refs", "--all")
	if gitHead(s.cfg.Source) != s.past.head {
		t.Error("a packed reference is not read")
	}
	git("checkout", "--quiet", "--detach")
	if gitHead(s.cfg.Source) != s.past.head {
		t.Error("a detached head is not read")
	}
	git("worktree", "add", "--quiet", filepath.Join(filepath.Dir(s.cfg.Source), "out-tree"))
	if gitHead(filepath.Join(filepath.Dir(s.cfg.Source), "out-tree")) != s.past.head {
		t.Error("the head of a worktree is not read")
	}
	if err := os.WriteFile(filepath.Join(s.cfg.state(), "history"), []byte(pastHead+"damaged"), 0o644); err != nil {
		t.Fatal(err)
	}
	s.past = nil
	write(t, s.cfg.Source, "a/Käse b.md", "three")
	build(t, s)
	has("a/kase-b/index.html", "Ann: on Käse</li>")
	if err := os.RemoveAll(filepath.Join(filepath.Dir(s.cfg.Source), ".git")); err != nil {
		t.Fatal(err)
	}
	build(t, s)
	has("index.html", "No changes are recorded.", "!/changes/")
	if _, err := os.Stat(filepath.Join(s.cfg.Output, "changes/index.html")); err == nil {
		t.Error("the page of changes is still there")
	}
}

// FuzzPast: no bytes upset the readers of git's answers and of the kept history.
func FuzzPast(f *testing.F) {
	h := strings.Repeat("0af", 14)[:40]
	f.Add([]byte("\x1e" + h + "\x1f17\x1fAnn\x1fwhat\na.md\x00b/c.textile\x00\x00\x1e" + h + "\x1f18\x1fBob\x1f\xff\nd.md\x00"))
	f.Add([]byte("\x1e\x1f\x1f\x1f\n"))
	f.Add([]byte(pastHead + "\x01\x00\x00\x00\x00\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		got := &history{byFile: map[string][]revision{}}
		if err := parseLog(bytes.NewReader(data), got.add); err != nil {
			t.Fatal(err)
		}
		for file, list := range got.byFile {
			if !isPage(file) || len(list) == 0 || len(list) > pageChanges {
				t.Fatalf("%q: %v", file, list)
			}
		}
		_, _ = decodePast(string(data))
	})
}
