// SPDX-License-Identifier: GPL-3.0-or-later

package wiki

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
	gmhtml "github.com/yuin/goldmark/renderer/html"
)

var (
	headingIDs = regexp.MustCompile(`(<h[1-6]) id="[^"]*"`)
	colours    = regexp.MustCompile(`<span class="[a-z]">|</span>`) // of program text
	marks      = strings.NewReplacer(` class="external" rel="external noopener"`, "", ` class="missing"`, "",
		` tabindex="0"`, "", ` aria-label="done"`, "", ` aria-label="to do"`, "")
)

// TestPurity: a page with none of our constructs is what goldmark alone makes
// of it, but for the ids of headings and the marks of links.
func TestPurity(t *testing.T) {
	cfg := Defaults()
	mk := newMarkup(cfg, "")
	alone := goldmark.New(goldmark.WithExtensions(
		extension.NewTable(extension.WithTableCellAlignMethod(extension.TableCellAlignAttribute)),
		extension.Strikethrough, extension.Linkify, extension.TaskList, extension.NewFootnote()),
		goldmark.WithRendererOptions(gmhtml.WithUnsafe()))
	test := func(name, text string) {
		t.Helper()
		var want bytes.Buffer
		if err := alone.Convert([]byte(text), &want); err != nil {
			t.Fatal(err)
		}
		rec, frag := mk.page("x.md", []byte(text))
		ix := newIndex([]*Record{rec}, nil, "", false, nil)
		x := &expander{b: &source{cfg: cfg, markup: mk, ix: ix, load: func(string) []byte { return frag }}, host: rec}
		got := string(x.page())
		got = marks.Replace(colours.ReplaceAllString(headingIDs.ReplaceAllString(got, "$1"), ""))
		if got != want.String() {
			t.Errorf("%s: %q\ngot  %q\nwant %q", name, text, got, want.String())
		}
	}
	for _, text := range []string{
		"# A heading\n\ntext *with* **all** `of` ~~it~~\n\n- a\n- b\n\n1. c\n2. d\n",
		"> quoted\n> more\n\n***\n\n    code\n\n```go\nx := 1 < 2\n```\n",
		"| a | b |\n|:--|--:|\n| 1 | 2 |\n",
		"- [ ] todo\n- [x] done\n",
		"A note[^1] and again[^1], and another[^b].\n\n[^1]: One.\n\n[^b]: Two.\n",
		"[a link](https://example.org \"title\") <https://example.org> https://example.org mail@example.org\n",
		"![pic](https://example.org/a.png \"t\")\n",
		"<div>html</div>\n\nand <b>inline</b> &amp; &copy; \\* \n",
		"Setext\n===\n\nAnother\n---\n\nline  \nbreak\\\nbreak\n",
		"[ref]: https://example.org\n\n[ref] and [text][ref]\n",
		"costs $5 and $6, 100% sure, a = b, a == b, C# and issue #221, x^2\n",
		"a [bracket] and ![bracket] and {brace} here\n",
	} {
		test("ours", text)
	}
	// The examples of the CommonMark specification, as goldmark ships them.
	spec := filepath.Join(moduleDir(t), "_test", "spec.json")
	data, err := os.ReadFile(spec)
	if err != nil {
		t.Skip("needs goldmark's sources for the CommonMark examples")
	}
	var cases []struct {
		Markdown string `json:"markdown"`
		Example  int    `json:"example"`
	}
	if err := json.Unmarshal(data, &cases); err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, c := range cases {
		if relative.MatchString(c.Markdown) || strings.Contains(c.Markdown, "[[") || strings.HasPrefix(c.Markdown, "---\n") || strings.Contains(c.Markdown, "#hashtag") {
			continue // links into the site, wiki links, hashtags and front matter are ours
		}
		n++
		test("CommonMark", c.Markdown)
	}
	if n < 450 {
		t.Errorf("only %d examples of CommonMark", n)
	}
}

// relative are links that do not lead to another site.
var relative = regexp.MustCompile(`\]\(|\]:|\[[^\]]*\]\[`)

func moduleDir(t *testing.T) string {
	t.Helper()
	home, err := os.UserHomeDir()
	if err != nil {
		t.Fatal(err)
	}
	cache := os.Getenv("GOMODCACHE")
	if cache == "" {
		gopath := os.Getenv("GOPATH")
		if gopath == "" {
			gopath = filepath.Join(home, "go")
		}
		cache = filepath.Join(gopath, "pkg", "mod")
	}
	return filepath.Join(cache, "github.com", "yuin", "goldmark@v1.8.7")
}
