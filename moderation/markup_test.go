// SPDX-License-Identifier: GPL-3.0-or-later

package moderation

import (
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

func TestRender(t *testing.T) {
	test := func(text, want string) {
		t.Helper()
		got := string(render(text, lookupTestPage))
		checkRendered(t, text, got)
		if got = strings.TrimSuffix(got, "\n"); got != want {
			t.Errorf("%q\n got %s\nwant %s", text, got, want)
		}
	}
	test("", "")
	test("plain", "<p>plain</p>")
	test("one\ntwo\n\nthree", "<p>one<br>\ntwo</p>\n<p>three</p>")
	test("a < b && c > \"d\" 'e'", "<p>a &lt; b &amp;&amp; c &gt; &#34;d&#34; &#39;e&#39;</p>")
	test("**bold** and *em*", "<p><strong>bold</strong> and <em>em</em></p>")
	test("**bold with *em* in it**", "<p><strong>bold with <em>em</em> in it</strong></p>")
	test("*em with **bold** in it*", "<p><em>em with <strong>bold</strong> in it</em></p>")
	test("2 * 3 * 4", "<p>2 * 3 * 4</p>")
	test("**", "<p>**</p>")
	test("****", "<p>****</p>")
	test("*", "<p>*</p>")
	test("`a <b> *c*`", "<p><code>a &lt;b&gt; *c*</code></p>")
	test("a ` b", "<p>a ` b</p>")
	test("```go\nx := <-c\n\n**y**\n```\nafter", "<pre tabindex=\"0\"><code>x := &lt;-c\n\n**y**</code></pre>\n<p>after</p>")
	test("```\nopen", "<pre tabindex=\"0\"><code>open</code></pre>")
	test("> said\n> twice\n\nanswer", "<blockquote>\n<p>said<br>\ntwice</p>\n</blockquote>\n<p>answer</p>")
	test("> > deep", "<blockquote>\n<blockquote>\n<p>deep</p>\n</blockquote>\n</blockquote>")
	link := func(href, label string) string {
		return `<a class="external" rel="nofollow ugc noopener" href="` + href + `">` + label + `</a>`
	}
	test("[the *site*](https://a.example/x?y=1&z=2)", "<p>"+link("https://a.example/x?y=1&amp;z=2", "the <em>site</em>")+"</p>")
	test("see https://a.example/x.", "<p>see "+link("https://a.example/x", "https://a.example/x")+".</p>")
	test("(https://a.example/x_(y))", "<p>("+link("https://a.example/x_(y)", "https://a.example/x_(y)")+")</p>")
	test("https://user:pass@a.example/", "<p>https://user:pass@a.example/</p>")
	test("[x](javascript:alert(1))", "<p>[x](javascript:alert(1))</p>")
	test("[x](data:text/html,hi)", "<p>[x](data:text/html,hi)</p>")
	test("[x](//a.example/)", "<p>[x](//a.example/)</p>")
	test("[x](/kitchen/)", "<p>[x](/kitchen/)</p>")
	test("https://", "<p>https://</p>")
	test("xhttp://a.example", "<p>xhttp://a.example</p>")
	test("GettingStarted is a page, NotOne is none", `<p><a href="/getting-started/">GettingStarted</a> is a page, NotOne is none</p>`)
	test("GettingStartedX", "<p>GettingStartedX</p>")
	test("the #oven, #kitchen and #nothing", `<p>the <a href="/tags/oven/">#oven</a>, <a href="/kitchen/">#kitchen</a> and #nothing</p>`)
	test("issue&#39;s a#oven", "<p>issue&amp;#39;s a#oven</p>")
	test("[GettingStarted](https://a.example/)", "<p>"+link("https://a.example/", "GettingStarted")+"</p>")
}

var allowedElements = map[string][]string{"p": nil, "br": nil, "strong": nil, "em": nil, "code": nil, "pre": {"tabindex"}, "blockquote": nil,
	"a": {"href", "rel", "class"}}

// checkRendered is the property of the renderer: whatever goes in, only the
// whitelisted elements and attributes come out, and links lead nowhere else.
func checkRendered(t testing.TB, in, out string) {
	t.Helper()
	if !utf8.ValidString(out) && utf8.ValidString(in) {
		t.Errorf("%q: not UTF-8", in)
	}
	nodes, err := html.ParseFragment(strings.NewReader(out), &html.Node{Type: html.ElementNode, Data: "div", DataAtom: atom.Div})
	if err != nil {
		t.Fatal(err)
	}
	var walk func(*html.Node, bool)
	walk = func(n *html.Node, inLink bool) {
		switch n.Type {
		case html.TextNode:
		case html.ElementNode:
			attrs, ok := allowedElements[n.Data]
			if !ok {
				t.Errorf("%q: element %s in %s", in, n.Data, out)
			}
			if n.Data == "a" && inLink {
				t.Errorf("%q: a link in a link: %s", in, out)
			}
			inLink = inLink || n.Data == "a"
			for _, a := range n.Attr {
				switch {
				case !strings.Contains(" "+strings.Join(attrs, " ")+" ", " "+a.Key+" "):
					t.Errorf("%q: attribute %s of %s in %s", in, a.Key, n.Data, out)
				case a.Key == "class" && a.Val != "external", a.Key == "rel" && a.Val != "nofollow ugc noopener", a.Key == "tabindex" && a.Val != "0":
					t.Errorf("%q: %s=%q", in, a.Key, a.Val)
				case a.Key == "href":
					u, err := url.Parse(a.Val)
					own := err == nil && u.Scheme == "" && u.Host == "" && strings.HasPrefix(u.Path, "/")
					if err != nil || !own && u.Scheme != "http" && u.Scheme != "https" || u.User != nil {
						t.Errorf("%q: href %q", in, a.Val)
					}
				}
			}
		default:
			t.Errorf("%q: node of type %d in %s", in, n.Type, out)
		}
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			walk(c, inLink)
		}
	}
	for _, n := range nodes {
		walk(n, false)
	}
}

func FuzzRender(f *testing.F) {
	for _, s := range []string{"**a** *b* `c`", "> a\n> > b\n```\nc", "[a](https://b.example/\"x) #oven GettingStarted", attack,
		"[a [b](http://c.example) d](http://e.example)", "***a***", "<!-- --><![CDATA[x]]><?x?>", "http://a\u0130.example/<\"'`", "&lt;script&gt;"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		checkRendered(t, s, string(render(s, lookupTestPage)))
		clean := cleanText(s)
		checkRendered(t, clean, string(render(clean, lookupTestPage)))
	})
}

func FuzzCleanText(f *testing.F) {
	f.Add("a\r\n\x00b\u202E\xff\n\n\n\nc")
	f.Add("Z\u0300\u0301\u0302\u0303\u0304\u0305algo")
	f.Fuzz(func(t *testing.T, s string) {
		got := cleanText(s)
		if cleanText(got) != got {
			t.Errorf("%q: cleaning %q twice differs", s, got)
		}
		if !utf8.ValidString(got) || strings.Contains(got, "\n\n\n") || strings.ContainsAny(got, "\r\x00\x1b\u202E\u2028\u0085\uFEFF") {
			t.Errorf("%q: %q", s, got)
		}
		if strings.ContainsAny(cleanName(s), "\n\t") {
			t.Errorf("%q: a name of two lines", s)
		}
	})
}

func FuzzQuestions(f *testing.F) {
	f.Add(builtinQuestions)
	f.Add("Q: a\nA: |\nQ: b\nA: c")
	f.Fuzz(func(t *testing.T, s string) {
		list, err := parseQuestions(strings.NewReader(s))
		if err != nil {
			return
		}
		for _, q := range list {
			if q.text == "" || len(q.answers) == 0 {
				t.Errorf("%+v", q)
			}
			for _, a := range q.answers {
				if len(a) <= 200 && !q.right(a) {
					t.Errorf("%q: %q is not right", q.text, a)
				}
			}
		}
	})
}

func FuzzToken(f *testing.F) {
	f.Add("AAAA", "kitchen")
	k := newKeys(testSecret)
	f.Fuzz(func(t *testing.T, s, page string) {
		if _, ok := k.open(s, page); ok {
			t.Error("forged")
		}
		if _, ok := k.kept(page, s); ok {
			t.Error("forged ID")
		}
	})
}

func TestCleanText(t *testing.T) {
	test := func(in, want string) {
		t.Helper()
		if got := cleanText(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
	test("  indented\n\n\n\n\nfar  \n\n", "  indented\n\nfar")
	test("\n\n\nfirst", "first")
	test("👩\u200d🔬 e\u0301 नि", "👩\u200d🔬 e\u0301 नि") // joiners and marks that mean something
	test("Z\u0300\u0301\u0302\u0303\u0304\u0305!", "Z\u0300\u0301\u0302\u0303!")
	test("a\u202Eb\u2066c\uFEFFd\u200Be", "abcde")
	test("\xc3\x28", "\uFFFD(")
}

func TestAnswers(t *testing.T) {
	list, err := parseQuestions(strings.NewReader("# x\nQ: Which is an animal?\nA: rabbit | a hare\nA: 7\n"))
	if err != nil {
		t.Fatal(err)
	}
	test := func(answer string, want bool) {
		t.Helper()
		if list[0].right(answer) != want {
			t.Errorf("%q: %v", answer, !want)
		}
	}
	test("rabbit", true)
	test(" The RABBIT! ", true)
	test("It's a rabbit.", true)
	test("hare", true)
	test("7", true)
	test("", false)
	test("the", false)
	test("rabbit hare", false)
	test("rabbits", false)
	bad := func(file, want string) {
		t.Helper()
		if _, err := parseQuestions(strings.NewReader(file)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", file, err, want)
		}
	}
	bad("", "no question")
	bad("A: x", "line 1: an answer before")
	bad("Q: x\nQ: y\nA: z", "line 1: a question without an answer")
	bad("Q: x\nA: y\n\nQ: x\nA: z", "line 4: the same question as in line 1")
	bad("Q:\nA: y", "line 1")
	bad("hello", "line 1")
}

func BenchmarkRender(b *testing.B) {
	text := strings.Repeat("A line with **bold**, a link https://a.example/x, #oven and GettingStarted.\n", 20)
	for b.Loop() {
		render(text, lookupTestPage)
	}
}
