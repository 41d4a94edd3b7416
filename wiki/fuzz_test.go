// SPDX-License-Identifier: GPL-3.0-or-later

package wiki

import (
	"bytes"
	"reflect"
	"sort"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// FuzzFront: no input upsets the reader of front matter, and its quick way
// agrees with the YAML parser wherever it takes a page at all.
func FuzzFront(f *testing.F) {
	for _, s := range []string{"title: a b\ntags: [x, y]\ndate: 2026-01-02", "tags:\n  - a\n  - b", "a: 1\nb: 'x'", "x: [", "a:\n- b\nc: d", "é: ü", "a: b:c", "a: ~", "A: b\na: c"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		raw, body, mark, lines := splitFront([]byte("---\n" + s + "\n---\nbody"))
		if mark != 0 && (lines < 2 || len(raw)+len(body) > len(s)+20) {
			t.Fatalf("%q: %q %q %d", s, raw, body, lines)
		}
		if _, err := parseFront([]byte(s), '-'); err != nil && !strings.Contains(err.Error(), ": ") {
			t.Fatalf("%q: %v", s, err)
		}
		_, _ = parseFront([]byte(s), '+')
		quick, ok := simpleYAML([]byte(s))
		if !ok || !isValid([]byte(s)) {
			return
		}
		m := map[string]any{}
		if err := yaml.Unmarshal([]byte(s), &m); err != nil {
			t.Fatalf("%q is read quickly and YAML says %v", s, err)
		}
		by := map[string][]string{}
		for k, v := range m {
			flatten(by, fold(strings.TrimSpace(k)), v, 0)
		}
		slow := []Field{}
		for k, v := range by {
			slow = append(slow, Field{k, v})
		}
		sort.Slice(slow, func(i, j int) bool { return slow[i].Key < slow[j].Key })
		if len(quick)+len(slow) > 0 && !reflect.DeepEqual(quick, slow) {
			t.Fatalf("%q: %q, YAML %q", s, quick, slow)
		}
	})
}

func FuzzWikiLink(f *testing.F) {
	for _, s := range []string{"Page", "Page|text", `a\|b`, "P#H#I|t", "#^id", "||", "#", "a.png#icon|100x20"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		inner, n, ok := wikiText([]byte(s + "]]"))
		if ok && n > len(s) {
			t.Fatal(n)
		}
		target, section, label := parseWiki(inner)
		if strings.ContainsAny(target, "#") || strings.TrimSpace(label) != label {
			t.Fatalf("%q %q %q", target, section, label)
		}
		slug(s)
		pageKey(s+".md", s)
		headingID(s)
		validTag(s)
	})
}

func FuzzMacro(f *testing.F) {
	for _, s := range []string{`q a=b c="d e" f>=3`, "x {{y z={{w}}}}", "a [[b c]] =", "name", "", "ä ö=ü", `a "`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		c := parseCall(s)
		if !strings.ContainsAny(s, "\x01\x02") {
			if d := decodeCall(c.encode()); d.String() != c.String() {
				t.Fatalf("%q: %q became %q", s, c.String(), d.String())
			}
		}
		substitute(s, c)
		truth(s)
		calc(strings.Fields(s))
	})
}

// FuzzPage: any bytes make a page, its holes are whole, and it is the same
// twice.
func FuzzPage(f *testing.F) {
	for _, s := range []string{"[[a|b]] ![[c#d]] {{e f=g}} #h ==i== $j$ %%k%%", "> [!note]- t\n> x", "> [! ]", "a ^b\n\n- c ^d", "$$\n%%\n$$", "| [[a\\|b]] |\n|--|\n| ![[c\\|10]] |", "---\na: b\n---\n# x\n[^1]\n\n[^1]: y", "\x00\x01", "![a|10](b) [c](d#e)"} {
		f.Add([]byte(s))
	}
	for _, s := range []string{"h2. a\n\n[[b|c]] ![[d#e]] {{f}} #g\n\nfn1. h", "bc. x\n\np(a#b). \"c\":d !e! i[1]", "|a|[[b]]|\n\n* c\n** d"} {
		f.Add([]byte("\x00" + s))
	}
	mk := newMarkup(func() Config { c := Defaults(); c.CamelCase = true; return c }(), "")
	f.Fuzz(func(t *testing.T, src []byte) {
		file := "Page.md"
		if len(src) > 0 && src[0] == 0 { // the other markup
			file, src = "Page.textile", src[1:]
		}
		rec, frag := mk.page(file, src)
		if bytes.Count(frag, []byte{holeMark})%2 != 0 {
			t.Fatalf("%q: %q", src, frag)
		}
		for _, h := range rec.Headings {
			if h.Off > len(frag) || h.Off >= 0 && !bytes.HasPrefix(frag[h.Off:], []byte("<h")) {
				t.Fatalf("%q: heading at %d of %q", src, h.Off, frag)
			}
		}
		for _, b := range rec.Blocks {
			if b.Start > b.End || b.End > len(frag) {
				t.Fatalf("%q: block %+v of %d", src, b, len(frag))
			}
		}
		build := func() string {
			ix := newIndex([]*Record{rec}, nil, "", false, nil)
			x := &expander{b: &source{cfg: mk.cfg, markup: mk, ix: ix, load: func(string) []byte { return frag }}, host: rec, deps: &deps{}}
			return string(x.page())
		}
		if first := build(); rec.Macro == "" && !rec.Draft && first != build() {
			t.Fatal("not the same twice")
		}
	})
}
