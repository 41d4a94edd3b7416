// SPDX-License-Identifier: GPL-3.0-or-later

package wiki

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"oswald"
)

// replace is the edit of page key that replaces old with put.
func replace(t *testing.T, s *Site, key, old, put string) oswald.PageEdit {
	t.Helper()
	src, err := s.Source(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	at := strings.Index(src.Text, old)
	if at < 0 {
		t.Fatalf("no %q in %q", old, src.Text)
	}
	return oswald.PageEdit{
		Page: key, Was: src.Hash, Now: oswald.TextHash(strings.Replace(src.Text, old, put, 1)),
		Splices: []oswald.Splice{{At: at, Cut: len(old), Put: put}}, Author: "Ann <ann>", Note: "Better",
	}
}

// editSite makes a built site of one folder with two pages.
func editSite(t *testing.T) (s *Site, dir string) {
	t.Helper()
	dir = t.TempDir()
	cfg := Defaults()
	cfg.Source, cfg.Output = filepath.Join(dir, "pages"), filepath.Join(dir, "site")
	for name, text := range map[string]string{"Home.md": "# Home\n\nSee [[Kitchen]].\n", "house/Kitchen.md": "# The kitchen\n\nThe oven is old.\n"} {
		file := filepath.Join(cfg.Source, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o640); err != nil {
			t.Fatal(err)
		}
	}
	s, err := New(cfg, Deps{})
	if err != nil {
		t.Fatal(err)
	}
	return s, dir
}

func TestEdit(t *testing.T) {
	s, dir := editSite(t)
	file := filepath.Join(dir, "pages", "house", "Kitchen.md")
	test := func(id string, e oswald.PageEdit, want oswald.Code, text string) oswald.Published {
		t.Helper()
		p, err := s.Edit(t.Context(), id, e, nil)
		if oswald.CodeOf(err) != want {
			t.Errorf("%s: code %q, want %q (%v)", id, oswald.CodeOf(err), want, err)
		}
		if b, _ := os.ReadFile(file); !strings.Contains(string(b), text) {
			t.Errorf("%s: %q", id, b)
		}
		return p
	}
	if _, err := s.Source(t.Context(), "house/kitchen"); oswald.CodeOf(err) != oswald.Unavailable {
		t.Errorf("before the first build: %v", err)
	}
	if _, err := s.Rebuild(t.Context(), "one", "", nil); err != nil {
		t.Fatal(err)
	}
	e := replace(t, s, "house/kitchen", "old", "new")
	first := test("one", e, "", "The oven is new.")
	if first.URL != "http://localhost:8080/house/kitchen/" || first.Title != "The kitchen" || first.Build.Written == 0 || first.Warning != "" {
		t.Errorf("%+v", first)
	}
	if html, err := os.ReadFile(filepath.Join(dir, "site", "house", "kitchen", "index.html")); err != nil || !strings.Contains(string(html), "The oven is new.") {
		t.Errorf("the page is not live: %v", err)
	}
	if fi, err := os.Stat(file); err != nil || fi.Mode().Perm() != 0o640 {
		t.Errorf("the mode has changed: %v", fi.Mode())
	}
	if again := test("one", e, "", "The oven is new."); again.URL != first.URL || again.Build.Took != first.Build.Took {
		t.Errorf("again: %+v", again)
	}
	if err := os.WriteFile(file, []byte("# The kitchen\n\nThe oven is gone.\n"), 0o640); err != nil {
		t.Fatal(err)
	}
	test("one", e, "", "The oven is gone.") // the same command never runs twice
	test("two", e, oswald.Conflict, "The oven is gone.")
	other := e
	other.Now = "another"
	test("one", other, oswald.Conflict, "The oven is gone.")

	e = replace(t, s, "house/kitchen", "gone", "back")
	bad := e
	bad.Now = oswald.TextHash("something else")
	test("three", bad, oswald.Invalid, "gone")
	bad = e
	bad.Splices = []oswald.Splice{{At: 5, Cut: 1 << 40, Put: "x"}}
	test("four", bad, oswald.Invalid, "gone")
	bad = e
	bad.Page = "../../etc/passwd"
	test("five", bad, oswald.NotFound, "gone")
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	test("six", e, oswald.NotFound, "")
	outside := filepath.Join(dir, "outside")
	if err := os.WriteFile(outside, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, file); err != nil {
		t.Fatal(err)
	}
	test("seven", e, oswald.Conflict, "secret")
	list, err := os.ReadDir(filepath.Dir(file))
	if err != nil || len(list) != 1 {
		t.Errorf("left over: %v %v", list, err)
	}
}

// TestEditAfterCrash ends an edit that a crash cut off after the page was written.
func TestEditAfterCrash(t *testing.T) {
	s, dir := editSite(t)
	if _, err := s.Rebuild(t.Context(), "one", "", nil); err != nil {
		t.Fatal(err)
	}
	e := replace(t, s, "house/kitchen", "old", "new")
	if _, _, err := s.write(t.Context(), "cut off", e); err != nil {
		t.Fatal(err)
	}
	p, err := s.Edit(t.Context(), "cut off", e, nil)
	if err != nil || p.Build.Written == 0 {
		t.Fatalf("%+v %v", p, err)
	}
	if html, err := os.ReadFile(filepath.Join(dir, "site", "house", "kitchen", "index.html")); err != nil || !strings.Contains(string(html), "The oven is new.") {
		t.Errorf("not live: %v", err)
	}
}

func TestEditInGit(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("needs git (apt-get install git)")
	}
	s, dir := editSite(t)
	pages := filepath.Join(dir, "pages")
	git := func(args ...string) string {
		t.Helper()
		cmd := exec.Command("git", append([]string{"-C", pages, "-c", "user.name=Me", "-c", "user.email=me@example.org"}, args...)...)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
		return strings.TrimSpace(string(out))
	}
	git("init", "-q")
	git("add", "Home.md")
	git("commit", "-qm", "First")
	if err := os.WriteFile(filepath.Join(pages, "Home.md"), []byte("# Home\n\nHalf written.\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	git("add", "Home.md") // the owner is in the middle of something
	if _, err := s.Rebuild(t.Context(), "one", "", nil); err != nil {
		t.Fatal(err)
	}
	p, err := s.Edit(t.Context(), "one", replace(t, s, "house/kitchen", "old", "new"), nil)
	if err != nil || p.Commit == "" || p.Warning != "" {
		t.Fatalf("%+v %v", p, err)
	}
	if got := git("log", "-1", "--format=%an|%cn|%s|%h"); got != "Ann ann|Oswald|Better|"+p.Commit {
		t.Errorf("%s", got)
	}
	if got := git("show", "--format=", "--name-only", "HEAD"); got != "house/Kitchen.md" {
		t.Errorf("in the commit: %s", got)
	}
	if got := git("status", "--porcelain"); got != "M  Home.md" {
		t.Errorf("what the owner had staged: %q", got)
	}
	if err := os.WriteFile(filepath.Join(pages, ".git", "index.lock"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	p, err = s.Edit(t.Context(), "two", replace(t, s, "house/kitchen", "new", "blue"), nil)
	if err != nil || p.Commit != "" || !strings.Contains(p.Warning, "git") {
		t.Errorf("with git locked: %+v %v", p, err)
	}
}

// TestSourceInParts takes a source through as many answers as it needs.
func TestSourceInParts(t *testing.T) {
	test := func(text string) {
		t.Helper()
		src := oswald.PageSource{Text: text, Hash: oswald.TextHash(text)}
		var packed []byte
		for {
			p, err := sourcePart(src, len(packed))
			if err != nil {
				t.Fatal(err)
			}
			if b, err := json.Marshal(p); err != nil || len(b) > 8<<10 {
				t.Fatalf("an answer of %d bytes", len(b))
			}
			if packed = append(packed, p.Data...); len(packed) == p.Size {
				break
			}
		}
		if got, err := unpackSource(packed, src.Hash); err != nil || got != src {
			t.Errorf("%d bytes: %v", len(text), err)
		}
	}
	test("")
	test("# One\n")
	var noise strings.Builder
	for range 6000 {
		noise.WriteString(oswald.RandomID())
	}
	test(noise.String())
}

func FuzzEditArgs(f *testing.F) {
	b, err := deflate([]byte(`[{"a":0,"c":1,"p":"x"}]`))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b, "text")
	f.Fuzz(func(t *testing.T, packed []byte, text string) {
		if e, err := (editArgs{Packed: packed}).edit(); err == nil {
			_, _ = splice(text, e.Splices) // neither may panic
		}
	})
}
