// SPDX-License-Identifier: GPL-3.0-or-later

package textile

import (
	"reflect"
	"strings"
	"sync"
	"testing"
)

func TestHeadings(t *testing.T) {
	src := "intro\n\nh1. A *bold* title\n\ntext\n\nh2(x#own). Second \"link\":/x\n\nh6. Last & least"
	o := Options{Attributes: true, HeadingID: func(text string) string { return strings.ToLower(strings.Fields(text)[0]) }}
	out, got := Convert([]byte(src), o)
	want := []Heading{
		{Level: 1, Text: "A bold title", ID: "a", Line: 3},
		{Level: 2, Text: "Second link", ID: "own", Line: 7},
		{Level: 6, Text: "Last & least", ID: "last", Line: 9},
	}
	for i := range want {
		want[i].Off = strings.Index(string(out), "<h"+string(rune('0'+want[i].Level)))
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("headings\n%+v\nwant\n%+v\nin\n%s", got, want, out)
	}
}

func TestCallbacks(t *testing.T) {
	src := "first line\nsee [[Page|the page]] and #tag\n\n\"text\":other.html !pic.png(alt)!\n\nnote[1]\n\nfn1. here"
	var told []string
	var seen []Construct
	var refs []Ref
	o := Options{
		Wiki: func(dst []byte, c Construct) ([]byte, Form) {
			seen = append(seen, c)
			return append(dst, "<a>W</a>"...), Inline
		},
		Link:  func(dst []byte, r Ref) []byte { refs = append(refs, r); return append(dst, ` href="L"`...) },
		Image: func(dst []byte, r Ref) []byte { refs = append(refs, r); return append(dst, 'I') },
		ID:    func(dst []byte, id string) []byte { return append(append(dst, "p-"...), id...) },
		Text:  func(el, text string) { told = append(told, el+" "+text) },
	}
	out, _ := Convert([]byte(src), o)
	want := `<p>first line<br>
see <a>W</a> and <a>W</a></p>
<p><a href="L">text</a> <img src="I" alt="alt" title="alt"></p>
<p>note<sup class="footnote" id="p-fnr1"><a href="#p-fn1">1</a></sup></p>
<p class="footnote" id="p-fn1"><a href="#p-fnr1"><sup>1</sup></a> here</p>
`
	if string(out) != want {
		t.Errorf("HTML\n%s\nwant\n%s", out, want)
	}
	if want := []Construct{{WikiLink, "Page|the page", 2, 15}, {Tag, "tag", 2, 28}}; !reflect.DeepEqual(seen, want) {
		t.Errorf("constructs %+v, want %+v", seen, want)
	}
	if want := []Ref{{"other.html", 4, 0, false}, {"pic.png", 4, 5, false}}; !reflect.DeepEqual(refs, want) {
		t.Errorf("addresses %+v, want %+v", refs, want)
	}
	if want := []string{"p first line see the page and #tag", "p text", "p note", "p here"}; !reflect.DeepEqual(told, want) {
		t.Errorf("texts %q, want %q", told, want)
	}
}

func TestFormOfConstructs(t *testing.T) {
	form := Block
	o := Options{Wiki: func(dst []byte, _ Construct) ([]byte, Form) {
		if form == Literal {
			return dst, form
		}
		return append(dst, "W"...), form
	}}
	test := func(f Form, src, want string) {
		t.Helper()
		form = f
		if out, _ := Convert([]byte(src), o); strings.TrimSpace(string(out)) != want {
			t.Errorf("%q: %q, want %q", src, out, want)
		}
	}
	test(Block, "{{toc}}", "W")
	test(Block, "a {{toc}}", `<div class="p">a W</div>`)
	test(Inline, "{{toc}}", "<p>W</p>")
	test(Literal, "{{toc <b>}}", "<p>{{toc &lt;b&gt;}}</p>")
	test(Block, "![[a]]\n\n![[b]]", "W\nW")
	test(Block, "![[a]]\n![[b]]\n{{c}}", "W\nW\nW")
	test(Block, "![[a]]\nb", `<div class="p">W<br>`+"\nb</div>")
	test(Inline, "[[a]]\n[[b]]", "<p>W<br>\nW</p>")
	test(Block, "* {{toc}}", "<ul>\n<li>W</li>\n</ul>")
	if out, _ := Convert([]byte("[[a]] #b {{c}} ![[d]]"), Options{}); strings.TrimSpace(string(out)) != "<p>[[a]] #b {{c}} ![[d]]</p>" {
		t.Errorf("without a function: %q", out)
	}
}

func TestSafeURL(t *testing.T) {
	test := func(url string, want bool) {
		t.Helper()
		if SafeURL(url) != want {
			t.Errorf("%q: %v, want %v", url, !want, want)
		}
	}
	test("http://example.org", true)
	test("/a:b", true)
	test("a?b:c", true)
	test("#a:b", true)
	test("page.html", true)
	test("xmpp:me@example.org", true)
	test("HTTPS://example.org", true)
	test("", false)
	test("javascript:x", false)
	test("JavaScript:x", false)
	test(" javascript:x", false)
	test("java\uFFFDscript:x", false)
	test("data:text/html,x", false)
	test("file:///etc/passwd", false)
	test(":x", false)
}

func TestConcurrent(t *testing.T) {
	src := []byte("h1. A\n\n* \"b\":/c\n* _d_[1]\n\n|e|f|\n\nfn1. g")
	want, _ := Convert(src, Trusted())
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 50 {
				if got, _ := Convert(src, Trusted()); string(got) != string(want) {
					t.Errorf("another result: %s", got)
					return
				}
			}
		})
	}
	wg.Wait()
}

func TestInputKept(t *testing.T) {
	src := []byte("a\r\nb *c* \x00 \xff [[d\\|e]] \"f\":/g")
	before := string(src)
	Convert(src, Options{Wiki: func(dst []byte, _ Construct) ([]byte, Form) { return append(dst, "xxxxxxxxxxxxxxxxx"...), Inline }})
	if string(src) != before {
		t.Errorf("the text was changed to %q", src)
	}
}

func TestNested(t *testing.T) {
	o := Options{}
	o.Wiki = func(dst []byte, c Construct) ([]byte, Form) {
		inner, _ := Convert([]byte("*in* "+c.Text), Options{})
		return append(dst, inner...), Block
	}
	out, _ := Convert([]byte("a *b {{x}} c* {{y}} d"), o)
	if want := `<div class="p">a <strong>b <p><strong>in</strong> x</p>` + "\n" + ` c</strong> <p><strong>in</strong> y</p>` + "\n" + ` d</div>`; strings.TrimSpace(string(out)) != want {
		t.Errorf("%s\nwant\n%s", out, want)
	}
}
