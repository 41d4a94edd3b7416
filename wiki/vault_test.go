// SPDX-License-Identifier: GPL-3.0-or-later

package wiki

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestVault builds a real Obsidian vault that knows nothing of us, and compares
// with what was counted in it by other means.
func TestVault(t *testing.T) {
	data := os.Getenv("OSWALD_DATA")
	if data == "" {
		t.Skip("needs OSWALD_DATA, a folder with wiki/obsidian-help-en (a real vault)")
	}
	vault := filepath.Join(data, "wiki", "obsidian-help-en")
	if _, err := os.Stat(vault); err != nil {
		t.Skip("needs wiki/obsidian-help-en in OSWALD_DATA")
	}
	s := newSite(t, func(c *Config) { c.Source = vault })
	b := build(t, s)
	rep := s.Report()
	if b.Pages != 173 {
		t.Errorf("%d pages", b.Pages)
	}
	count := map[string]int{}
	for _, w := range rep.Warnings {
		_, what, _ := strings.Cut(w, ": ")
		kind := strings.SplitN(what, "\"", 2)[0]
		count[kind]++
		if os.Getenv("WIKI_SHOW") != "" {
			t.Log(w)
		}
	}
	t.Logf("%+v %v", b.Took, count)
	if keep := os.Getenv("WIKI_KEEP"); keep != "" {
		if err := os.CopyFS(keep, os.DirFS(s.cfg.Output)); err != nil {
			t.Fatal(err)
		}
	}
	pages := s.vaultRecords(t)
	links, embeds, tags, blocks := 0, 0, 0, 0
	for _, r := range pages {
		for _, l := range r.Links {
			switch l.Kind {
			case WikiLink:
				links++
			case Embedding:
				embeds++
			}
		}
		tags += len(r.Tags)
		blocks += len(r.Blocks)
	}
	for _, c := range []struct {
		what      string
		got, want int
	}{
		{"wiki links", links, 1524}, {"tags", tags, 6},
		{"links without a page", count["there is no page "], 4}, {"missing attachments", count["the file "], 2},
		{"ambiguous links", count[""], 5}, {"pages that nobody links to", count["no page links here"], 8},
	} {
		if c.got != c.want {
			t.Errorf("%s: %d, counted by other means: %d", c.what, c.got, c.want)
		}
	}
	if embeds < 283 || embeds > 290 || blocks < 14 { // Markdown pictures and footnotes count here too
		t.Errorf("%d embeds, %d blocks", embeds, blocks)
	}
}

// vaultRecords parses the pages once more.
func (s *Site) vaultRecords(t *testing.T) []*Record {
	t.Helper()
	root, err := os.OpenRoot(s.cfg.Source)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	scan, err := readFolder(root)
	if err != nil {
		t.Fatal(err)
	}
	mk := newMarkup(s.cfg, s.base)
	var out []*Record
	for _, f := range scan.pages {
		src, err := readPage(root, f, s.cfg.MaxPage)
		if err != nil {
			t.Fatal(err)
		}
		r, _ := mk.page(f.file, src)
		out = append(out, r)
	}
	return out
}
