// SPDX-License-Identifier: GPL-3.0-or-later

package highlight

import (
	"fmt"
	"html"
	"regexp"
	"strings"
	"testing"
)

var langs = strings.Fields("go python sh console js json yaml toml ini html css c java rust sql lua nginx perl ruby php make docker diff")

var spans = regexp.MustCompile(`<span class="[a-z]">|</span>`)

func TestCode(t *testing.T) {
	test := func(lang, src, want string) {
		t.Helper()
		short := strings.NewReplacer(`<span class="`, "‹", `">`, " ", "</span>", "›").Replace(string(Code(nil, lang, []byte(src))))
		if short = html.UnescapeString(short); short != want {
			t.Errorf("%s: %q\n got %s\nwant %s", lang, src, short, want)
		}
	}
	test("go", "x := 1 // one\nvar s = `a\nb`", "x := ‹n 1› ‹c // one›\n‹k var› s = ‹s `a›\n‹s b`›")
	test("Go", `if "a\"b" != nil { f('x', 0x1F, 1.5e-3) }`, `‹k if› ‹s "a\"b"› != ‹b nil› { f(‹s 'x'›, ‹n 0x1F›, ‹n 1.5e-3›) }`)
	test("go", "/* a\nb */ iffy", "‹c /* a›\n‹c b */› iffy")
	test("python", "@deco\ndef f(x):\n  \"\"\"doc 'a'\"\"\"\n  return None # end", "‹b @deco›\n‹k def› f(x):\n  ‹s \"\"\"doc 'a'\"\"\"›\n  ‹k return› ‹b None› ‹c # end›")
	test("sh", "if [ $# -gt 1 ]; then echo \"$x\" '$y' ${z:-1}; fi # no", "‹k if› [ ‹b $#› -gt ‹n 1› ]; ‹k then› ‹b echo› ‹s \"$x\"› ‹s '$y'› ‹b ${z:-1}›; ‹k fi› ‹c # no›")
	test("console", "$ ls\na # b\n# id", "‹h $› ls\na # b\n‹h #› id")
	test("json", `{"a": "b", "c": [1, true]}`, `{‹a "a"›: ‹s "b"›, ‹a "c"›: [‹n 1›, ‹b true›]}`)
	test("yaml", "a-b: c # d\n- e: 2\nhttp://x\n", "‹a a-b›: c ‹c # d›\n- ‹a e›: ‹n 2›\nhttp://x\n")
	test("yaml", "a: 'b \"c\"' d\n- don't 'e'", "‹a a›: ‹s 'b \"c\"'› d\n- don't ‹s 'e'›")
	test("toml", "[a.b]\nc = \"d\" # e", "‹h [a.b]›\n‹a c› = ‹s \"d\"› ‹c # e›")
	test("systemd", "[Unit]\nAfter=network.target\n; note", "‹h [Unit]›\n‹a After›=network.target\n‹c ; note›")
	test("html", `<!-- c --><a href="x" b>&amp; t</a><br/>1 < 2`, `‹c <!-- c -->›‹k <a› ‹a href›=‹s "x"› ‹a b›‹k >›‹n &amp;› t‹k </a›‹k >›‹k <br/›‹k >›1 < 2`)
	test("css", "@media print { a:hover { color: #fff; top: 1.5em } }", "‹b @media› print { a:hover { ‹a color›: ‹b #fff›; ‹a top›: ‹n 1.5em› } }")
	test("c", "#include <x.h>\nint a = 'c'; // d", "‹b #include› <x.h>\n‹b int› a = ‹s 'c'›; ‹c // d›")
	test("rust", "fn f<'a>(x: &'a str) {}", "‹k fn› f<'a>(x: &'a ‹b str›) {}")
	test("sql", "SELECT 'it''s' FROM t -- all", "‹k SELECT› ‹s 'it'›‹s 's'› ‹k FROM› t ‹c -- all›")
	test("lua", "--[[ a\nb ]] local x = nil -- c", "‹c --[[ a›\n‹c b ]]› ‹k local› x = ‹b nil› ‹c -- c›")
	test("nginx", "server {\n  listen 80; # p\n  return 301 $uri;\n}", "‹k server› {\n  ‹k listen› ‹n 80›; ‹c # p›\n  ‹k return› ‹n 301› ‹b $uri›;\n}")
	test("make", "all: $(X)\n\t@echo $@", "all: ‹b $(X)›\n\t@echo ‹b $@›")
	test("diff", "--- a\n+++ b\n@@ 1 @@\n-x\n+y\n z", "‹h --- a›\n‹h +++ b›\n‹h @@ 1 @@›\n‹d -x›\n‹i +y›\n z")
	test("nosuch", "if x < 1", "if x < 1")
	test("go", "", "")
	if !Knows("TypeScript") || Knows("") || Knows("nosuch") {
		t.Error("the wrong languages are known")
	}
}

// FuzzCode: without its spans the HTML is the text, for every language.
func FuzzCode(f *testing.F) {
	for i, s := range []string{"if x { \"a", "'", "<a b='", "a: b\n- c: d", "/*", "$", "--[[", "@", "\"\"\"", "+\n-", "1.e+", "\\", "$(", "é#x"} {
		f.Add(uint8(i), s)
	}
	f.Fuzz(func(t *testing.T, n uint8, src string) {
		lang := langs[int(n)%len(langs)]
		out := string(Code(nil, lang, []byte(src)))
		if got := spans.ReplaceAllString(out, ""); got != string(escape(nil, []byte(src))) {
			t.Fatalf("%s: %q became %q", lang, src, out)
		}
		if strings.Count(out, "<span ") != strings.Count(out, "</span>") {
			t.Fatalf("%s: %q: %q", lang, src, out)
		}
	})
}

func BenchmarkCode(b *testing.B) {
	src := []byte(strings.Repeat("func f(x int) (string, error) { // a comment\n\tif x > 10 {\n\t\treturn \"text\", nil\n\t}\n\treturn fmt.Sprint(x, `raw`), nil\n}\n", 50))
	for _, lang := range []string{"go", "python", "html", "none"} {
		b.Run(fmt.Sprint(lang), func(b *testing.B) {
			b.SetBytes(int64(len(src)))
			for b.Loop() {
				Code(nil, lang, src)
			}
		})
	}
}
