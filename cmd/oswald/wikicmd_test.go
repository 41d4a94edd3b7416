// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestWikiCommand(t *testing.T) {
	dir := t.TempDir()
	put := func(name, text string) {
		t.Helper()
		full := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(full, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	put("config.toml", "roles = [\"site\"]\nstate = \"state\"\n[wiki]\nsource = \"pages\"\noutput = \"public\"\n")
	put("pages/Home.md", "# Home")
	test := func(want int, says, what string) {
		t.Helper()
		var out bytes.Buffer
		code := run(t.Context(), []string{"wiki", what, "--config", filepath.Join(dir, "config.toml")}, strings.NewReader(""), &out, &out)
		if code != want || !strings.Contains(out.String(), says) {
			t.Errorf("%s: %d %q, want %d %q", what, code, out.String(), want, says)
		}
	}
	test(0, "Every link leads somewhere.", "check")
	if _, err := os.Stat(filepath.Join(dir, "public")); err == nil {
		t.Error("a check has built the site")
	}
	test(0, "pages 1:", "build")
	put("pages/Home.md", "# Home\n\n[[Nowhere]]")
	test(1, "Home.md:3", "check")
	test(1, "there is no page", "build")
	test(0, "written", "publish")
	test(0, "taken back: ", "rollback")
	test(1, "rolled back", "build")
	test(0, "written", "publish")
	test(2, "usage", "dance")
	unlock, err := lockFile(filepath.Join(dir, "state", "site.lock"))
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	test(1, "site role is running", "build")
}
