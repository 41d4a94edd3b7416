// SPDX-License-Identifier: GPL-3.0-or-later

package textile

import (
	"bytes"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode/utf8"

	"golang.org/x/net/html"
	body "golang.org/x/net/html/atom"
)

// safe are the attributes that text by strangers may make.
var safe = map[string]bool{
	"href": true, "src": true, "alt": true, "title": true, "lang": true, "colspan": true, "rowspan": true, "align": true, "valign": true,
	"span": true, "width": true, "height": true, "start": true, "summary": true, "cite": true,
}

// checkStrict fails the test if HTML made from a stranger's text holds
// anything that it must not, or is nested too deep.
func checkStrict(t *testing.T, src, out []byte) {
	t.Helper()
	if !utf8.Valid(out) || bytes.IndexFunc(out, control) >= 0 {
		t.Fatalf("%q: no text: %q", src, out)
	}
	z := html.NewTokenizer(bytes.NewReader(out))
	var open []string
	for {
		switch z.Next() {
		case html.ErrorToken:
			if len(open) > 0 {
				t.Fatalf("%q: not closed: %v\n%s", src, open, out)
			}
			return
		case html.StartTagToken:
			tag := z.Token()
			switch tag.Data {
			case "script", "style", "iframe", "form", "object", "embed", "svg", "math", "template":
				t.Fatalf("%q: <%s>", src, tag.Data)
			}
			for _, a := range tag.Attr {
				ok := safe[a.Key] || a.Key == "class" && (a.Val == "footnote" || a.Val == "p") || a.Key == "id" && strings.HasPrefix(a.Val, "fn")
				if !ok {
					t.Fatalf("%q: attribute %s=%q of <%s>", src, a.Key, a.Val, tag.Data)
				}
				if (a.Key == "href" || a.Key == "src" || a.Key == "cite") && !SafeURL(a.Val) {
					t.Fatalf("%q: address %q", src, a.Val)
				}
			}
			switch tag.Data {
			case "br", "img", "col", "hr":
				continue
			}
			if open = append(open, tag.Data); len(open) > maxPhrases+2*maxListDepth+10 {
				t.Fatalf("%q: %d elements are nested", src, len(open))
			}
		case html.EndTagToken:
			name := z.Token().Data
			if len(open) == 0 || open[len(open)-1] != name {
				t.Fatalf("%q: </%s> closes nothing in %v\n%s", src, name, open, out)
			}
			open = open[:len(open)-1]
		}
	}
}

func FuzzConvert(f *testing.F) {
	for _, x := range readFixtures(f) {
		f.Add([]byte(x.input))
	}
	for _, s := range hostile {
		f.Add([]byte(strings.Repeat(s, 20)))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		if len(src) > 20000 {
			return
		}
		out, _ := Convert(src, Options{})
		checkStrict(t, src, out)
		if again, _ := Convert(src, Options{}); !bytes.Equal(out, again) {
			t.Fatalf("%q: two results", src)
		}
		if len(out) > 60*len(src)+200 {
			t.Fatalf("%q: %d bytes become %d", src, len(src), len(out))
		}
		o := Trusted()
		o.Camel, o.Wiki = true, sampleWiki
		told := 0
		o.Text = func(string, string) { told++ }
		out, heads := Convert(src, o)
		for _, h := range heads {
			if !bytes.HasPrefix(out[h.Off:], []byte{'<', 'h', byte('0' + h.Level)}) {
				t.Fatalf("%q: no heading at %d", src, h.Off)
			}
		}
		if _, err := html.ParseFragment(bytes.NewReader(out), &html.Node{Type: html.ElementNode, DataAtom: body.Body, Data: "body"}); err != nil {
			t.Fatalf("%q: %v", src, err)
		}
		o.RawHTML, o.Styles, o.Attributes = false, false, false
		o.Wiki = func(dst []byte, c Construct) ([]byte, Form) { return append(dst, "<b>x</b>"...), Form(len(c.Text) % 3) }
		out, _ = Convert(src, o)
		checkStrict(t, src, out)
	})
}

// hostile are texts which, many times over, keep a careless parser busy.
var hostile = []string{
	"*", "**", "*a ", "_a ", "*a _b ", "__a ", "a* ", "[*a ", "[_", "??a ", "??", "-a ", "--", "%a ", "%{", "%(a", "+", "^a", "~a ",
	`"`, `"a `, `"a":`, `"a":b `, `":x`, `"a "b":c `, `"":`, `"a(b":c `, `"(a)":`, `["a":b `, `":!`, `"$":x `, `"a":http://x[`, `"a":((((`, `a":/b"`,
	"!", "!a ", "!a!", "!a(b ", "!a(b)", "!(a", "!{a}", "!>", "(!a!", "@", "@a ", "@a@b", "[@a ", "==", "==a ", "= = ",
	"[", "[[", "[[a", "[[a]", "]]", "![[", "![[a|b", "{{", "{{a", "{{a}", "}}", "{{{", "#a", "#a/", "# ", "#", "## a\n", "*# a\n", "* a\n** b\n",
	"; a\n: b\n", "- a := b\n", "- a :=\n", "- a :=\nb =:\n", "|", "|a|\n", "|a\n", "||", "|_. a", "|\\2/3. a|\n", "|^.\n", "|:\n", "|=. a\n", "(a). |b|\n", "table. \n",
	"[1]", "a[1]", "a[12!] ", "fn1. a\n\n", "[a]http://b\n", "[a]/b ", "bc. a\n\n", "bq.. a\n\n", "bc.. ", "p. ", "h1. a\n\n", "p(((. ", "###.. a\n\n", "notextile. a\n\n",
	"<", "<a", "<a ", "<a>", "<!--", "<pre>", "<code>", "<notextile>", "</a>", "<pre>a\n\n", "<a <", "<code x>", "<pre><code>", "---\n\n", "***", "<div>\n\n", "<!--\n\n", "&", "&amp", "&#1;", "&#0", "'", "'8", "a' ", "A(", "AB(", "AB(c ", "ABC", "AbCd",
	"x", "2x", "2 x ", `2" x `, "(c", "(c)", "[1/2", "...", ".", "\n", "\n\n", "a\n", "ä", "\xff", "\x00", "   ", "\t", "p{a", "p[b", "p(c", "*{a} ", "*(c)", `"{`, "a_b_", "((((", ")", "{", "}",
}

// TestLinear converts each hostile text in two lengths and compares the times
// of the processor.
func TestLinear(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	o := Trusted()
	o.Camel, o.Wiki = true, sampleWiki
	const size = 64 << 10
	for _, s := range hostile {
		for _, options := range []Options{{}, o} {
			run := func(n int) time.Duration {
				text := []byte(strings.Repeat(s, n/len(s)))
				before := cpu(t)
				Convert(text, options)
				return cpu(t) - before
			}
			// A linear text needs a few ms. Only the slow ones are measured twice.
			d := run(size)
			if d < 150*time.Millisecond {
				continue
			}
			if d = min(d, run(size), run(size)); d > time.Second {
				t.Errorf("%q × %d: %v for %d KB", s, size/len(s), d, size>>10)
			}
			if half := run(size / 2); d > 150*time.Millisecond && d > 3*half {
				t.Errorf("%q: %v for %d KB, %v for half of it", s, d, size>>10, half)
			}
		}
	}
}

// cpu is the time that this thread's processor spent.
func cpu(t testing.TB) time.Duration {
	t.Helper()
	var u syscall.Rusage
	const thread = 1 // RUSAGE_THREAD
	if err := syscall.Getrusage(thread, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func TestHostile(t *testing.T) {
	for i, a := range hostile {
		for _, b := range []string{"", hostile[(i*7+3)%len(hostile)], " x ", "\n"} {
			for _, n := range []int{1, 2, 3, 50} {
				src := []byte(strings.Repeat(a+b, n))
				out, _ := Convert(src, Options{})
				checkStrict(t, src, out)
			}
		}
	}
}

func BenchmarkConvert(b *testing.B) {
	var text []byte
	for _, f := range readFixtures(b) {
		if f.options == "" && !strings.HasSuffix(f.file, "html.txt") {
			text = append(append(text, f.input...), "\n\n"...)
		}
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	before := cpu(b)
	for b.Loop() {
		Convert(text, Options{})
	}
	b.ReportMetric(float64(b.N*len(text))/(cpu(b)-before).Seconds()/1e6, "MB/cpu-s")
}
