// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"oswald/wiki"
)

// TestDocumentation builds the documentation as make site does: nothing in it
// leads nowhere, and no page is without a link to it.
func TestDocumentation(t *testing.T) {
	cfg, err := loadConfig("../../packaging/site.toml")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cfg.Wiki.Output, cfg.Wiki.State = filepath.Join(dir, "site"), filepath.Join(dir, "state")
	site, err := wiki.New(cfg.Wiki, wiki.Deps{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	b, err := site.Rebuild(context.Background(), "docs", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	if warns := site.Report().Warnings; len(warns) > 0 {
		t.Errorf("warnings:\n%s", strings.Join(warns, "\n"))
	}
	if b.Pages < 12 {
		t.Errorf("%d pages", b.Pages)
	}
	page, err := os.ReadFile(filepath.Join(dir, "site", "commands", "index.html"))
	if err != nil || !strings.Contains(string(page), "<code>rebuild [page]</code>") {
		t.Errorf("the reference of commands: %v", err)
	}
}
