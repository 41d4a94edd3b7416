// SPDX-License-Identifier: GPL-3.0-or-later

package imports

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"oswald"
)

func TestPages(t *testing.T) {
	test := func(what, file, text, want string, notes ...string) {
		t.Helper()
		k := kinds()[what]
		to, isPage := k.place(file)
		if !isPage {
			t.Fatalf("%s %s is no page", what, file)
		}
		got, said := k.convert(file, to, text)
		if got != want {
			t.Errorf("%s %q:\n%q\nwant\n%q", what, text, got, want)
		}
		if len(said) != len(notes) {
			t.Errorf("%s %q: %v", what, text, said)
			return
		}
		for i := range notes {
			if said[i].String() != file+":"+notes[i] {
				t.Errorf("%s: %q, want %q", what, said[i], notes[i])
			}
		}
	}
	hugo := func(text, want string, notes ...string) {
		t.Helper()
		test("hugo", "content/posts/one.md", text, want, notes...)
	}
	hugo("plain", "plain")
	hugo("---\ntitle: One\ncategories: [Home, Old things]\ntags: [home, x]\nslug: first\nlastmod: 2020-01-02\n---\ntext", "---\ntitle: One\npermalink: blog/first\ntags:\n    - home\n    - x\n    - Old-things\nupdated: \"2020-01-02\"\n---\ntext")
	hugo("+++\ntitle = \"One\"\ndate = 2020-01-02T10:00:00Z\ndraft = true\n+++\n\ntext", "---\ntitle: One\ndate: \"2020-01-02 10:00:00\"\ndraft: true\n---\n\ntext")
	hugo("{\n\"title\": \"One\"\n}\ntext", "---\ntitle: One\n---\ntext")
	hugo("---\ntitle: [broken\n---\ntext", "---\ntitle: [broken\n---\ntext", "1: the front matter cannot be read, and stays as it is")
	hugo("a [b]({{< ref \"two.md\" >}})", "a [b](two.md)")
	hugo("{{< figure src=\"a b.png\" alt=\"A [cat]\" caption=\"Tom\" >}}", "![A (cat)](a%20b.png)\n*Tom*")
	hugo("{{< highlight go \"linenos=table\" >}}\nx := 1\n{{< /highlight >}}", "```go\nx := 1\n```")
	hugo("{{< youtube abc >}} {{< gist me 12 >}}", "[A film on YouTube](https://www.youtube.com/watch?v=abc) [A gist](https://gist.github.com/me/12)")
	hugo("---\ntitle: x\n---\n\none\n{{% note %}}", "---\ntitle: x\n---\n\none\n{{% note %}}", "6: the shortcode note stays as it is")
	hugo("```\n{{< note >}}\n```\n{{< note >}}\n", "```\n{{< note >}}\n```\n{{< note >}}\n", "4: the shortcode note stays as it is")
	hugo("caf\xe9", "café", "1: was not UTF-8, and was read as Latin-1")

	jekyll := func(text, want string, notes ...string) {
		t.Helper()
		test("jekyll", "_posts/2020-03-04-one.md", text, want, notes...)
	}
	jekyll("---\nlayout: post\ntitle: One\ncategory: home\npermalink: /:year/:title/\n---\ntext", "---\ntitle: One\ndate: \"2020-03-04\"\ntags:\n    - home\n---\ntext", "1: the address /:year/:title/ has parts to fill in, and is left out")
	jekyll("[x]({% post_url 2020-01-01-two %}) ![]({{ site.baseurl }}/a.png)", "---\ndate: \"2020-03-04\"\n---\n[x](/blog/2020-01-01-two.md) ![](/a.png)")
	jekyll("{% highlight go %}\nx\n{% endhighlight %}\n{% include a.html %}", "---\ndate: \"2020-03-04\"\n---\n```go\nx\n```\n{% include a.html %}", "4: the Liquid tag include stays as it is")
	test("jekyll", "_drafts/x.md", "text", "---\ndraft: true\n---\ntext")

	iki := func(text, want string, notes ...string) {
		t.Helper()
		test("ikiwiki", "a/b.mdwn", text, want, notes...)
	}
	iki("[[page]] [[the text|page_two]] \\[[no|link]]", "[[page]] [[page two|the text]] `[[no|link]]`")
	iki("[[!meta title=\"One\"]][[!tag home tags/old]]text", "---\ntitle: One\ntags:\n    - home\n    - old\n---\ntext")
	iki("[[!img a.png size=100x50]] [[!img b.png alt=\"A cat\"]] [[!toc]]", "![[a.png|100x50]] ![A cat](b.png) {{toc}}")
	iki("[[!inline pages=\"blog/* and !*/Discussion\" show=\"5\"]]", "{{query folder=\"blog\" sort=-date limit=5}}")
	iki("[[!map pages=\"tagged(home)\"]]", "{{query tag=home}}")
	iki("one\n[[!poll 1 \"yes\" 2 \"no\"]]", "one\n[[!poll 1 \"yes\" 2 \"no\"]]", "2: the directive poll stays as it is")
	iki("[[!inline pages=\"created_after(x) or y\"]]", "[[!inline pages=\"created_after(x) or y\"]]", "1: the directive inline stays as it is")

	fos := func(text, want string, notes ...string) {
		t.Helper()
		test("foswiki", "data/Main/MyTopic.txt", text, want, notes...)
	}
	fos("---+ One\n---++!! Two", "# One\n## Two")
	fos("some *bold*, _italic_ and =code= here, __both__", "some **bold**, *italic* and `code` here, ***both***")
	fos("   * one\n      * two\n   1 three\n", "- one\n    - two\n1. three\n")
	fos("[[Other]] [[Web.Other][text]] [[https://example.org][x]] !NotLink [[WebHome]]", "[[Other]] [[Web/Other|text]] [x](https://example.org) NotLink [[index]]")
	fos("| *a* | *b* |\n| 1 | 2 |\n", "| a | b |\n|---|---|\n| 1 | 2 |\n")
	fos("<verbatim>\n*no* %TOC%\n</verbatim>\n%TOC%", "```\n*no* %TOC%\n```\n{{toc}}")
	fos("%META:TOPICINFO{author=\"JoDoe\" date=\"1600000000\" version=\"3\"}%\n%META:TOPICPARENT{name=\"Parent\"}%\ntext\n%META:FIELD{name=\"Floor Area\" value=\"12\"}%\n", "---\nauthor: JoDoe\nfloor_area: \"12\"\nparent: Parent\nupdated: \"2020-09-13 12:26:40\"\n---\ntext\n")
	fos("%INCLUDE{\"Other\"}% %SEARCH{\"x\"}%", "![[Other]] %SEARCH{\"x\"}%", "1: %SEARCH% stays as it is")
	fos("5 * 3 * 2 and a_b_c x=1=2", "5 * 3 * 2 and a_b_c x=1=2")
}

// TestImport carries a folder over: files beside pages, names that are taken,
// links that lead out, and what belongs to the program only.
func TestImport(t *testing.T) {
	from, to := t.TempDir(), filepath.Join(t.TempDir(), "pages")
	put := func(dir, name, text string) {
		t.Helper()
		full := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(full, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	put(from, "data/Main/WebHome.txt", "---+ Home")
	put(from, "data/Main/Topic.txt", "text")
	put(from, "data/Main/Topic.txt,v", "history")
	put(from, "data/System/Help.txt", "help")
	put(from, "pub/Main/Topic/a.png", "picture")
	put(to, "Main/Topic.md", "mine")
	if err := os.Symlink("/etc/passwd", filepath.Join(from, "data/Main/Out.txt")); err != nil {
		t.Fatal(err)
	}
	rep, err := Import(t.Context(), "foswiki", from, to)
	if err != nil || rep.Pages != 1 || rep.Files != 1 || len(rep.Notes) != 2 {
		t.Fatalf("%+v %v", rep, err)
	}
	for name, want := range map[string]string{"Main/index.md": "# Home", "Main/Topic.md": "mine", "Main/Topic/a.png": "picture"} {
		if data, err := os.ReadFile(filepath.Join(to, name)); err != nil || string(data) != want {
			t.Errorf("%s: %q %v", name, data, err)
		}
	}
	if _, err := Import(t.Context(), "word", from, to); oswald.CodeOf(err) != oswald.Invalid || !strings.Contains(err.Error(), "foswiki") {
		t.Errorf("another program: %v", err)
	}
	if _, err := Import(t.Context(), "hugo", from, filepath.Join(from, "in")); oswald.CodeOf(err) != oswald.Invalid {
		t.Errorf("into itself: %v", err)
	}
	if _, err := Import(t.Context(), "hugo", filepath.Join(from, "nowhere"), to); oswald.CodeOf(err) != oswald.Unavailable {
		t.Errorf("from nowhere: %v", err)
	}
}

func FuzzConvert(f *testing.F) {
	for _, s := range []string{"---\na: b\n---\n[[!meta title=\"x\"]]", "---+ A\n   * b\n| c |\n%META:FIELD{name=\"a\" value=\"b\"}%", "{{< figure src=\"a\" >}}\n```\nx", "{\n\"a\":1}\n{% raw %}", "+++\na=1\n+++\n"} {
		f.Add(s)
	}
	all := kinds()
	f.Fuzz(func(t *testing.T, text string) {
		for name, k := range all {
			out, notes := k.convert("a/b", "a/b.md", text)
			if len(out) > 40*len(text)+1000 {
				t.Errorf("%s: %d bytes of %d", name, len(out), len(text))
			}
			lines := strings.Count(text, "\n") + 1
			for _, n := range notes {
				if n.Line > lines {
					t.Errorf("%s: line %d of %d: %s", name, n.Line, lines, n.What)
				}
			}
		}
	})
}
