// SPDX-License-Identifier: GPL-3.0-or-later

package xmltree

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
)

const header = `<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='x'>`

func TestStream(t *testing.T) {
	src := bytes.NewBufferString("\n" + header + "\n <message to='a&amp;b'><body>x &lt; <![CDATA[y<]]> z</body></message> " +
		"<stream:features/><p:a xmlns:p='urn:p' p:k='v' xml:lang='de'/></stream:stream>")
	r := NewReader(src, 1000)
	test := func(want string, wantErr error) {
		t.Helper()
		e, err := r.Next()
		if !errors.Is(err, wantErr) || err == nil && e.String() != want {
			t.Errorf("got %v %v, want %s %v", e, err, want, wantErr)
		}
	}
	h, err := r.Open()
	if err != nil || !h.Is("http://etherx.jabber.org/streams", "stream") || h.Get("to") != "x" {
		t.Fatal(h, err)
	}
	test("<message xmlns='jabber:client' to='a&amp;b'><body>x &lt; y&lt; z</body></message>", nil)
	if raw := string(r.Raw()); !strings.HasPrefix(raw, "<message to=") || !strings.HasSuffix(raw, "</message>") {
		t.Errorf("raw %q", raw)
	}
	test("<features xmlns='http://etherx.jabber.org/streams'/>", nil)
	test("<a xmlns='urn:p' xmlns:p-k='urn:p' p-k:k='v' xml:lang='de'/>", nil)
	test("", io.EOF)
	test("", io.EOF)
}

func TestRefuses(t *testing.T) {
	test := func(in string, want error) {
		t.Helper()
		r := NewReader(strings.NewReader(header+in), 400)
		if _, err := r.Open(); err != nil {
			t.Fatal(err)
		}
		e, err := r.Next()
		if err == nil || want != nil && !errors.Is(err, want) {
			t.Errorf("%.60q: %v %v, want %v", in, e, err, want)
		}
		if _, again := r.Next(); again != err {
			t.Errorf("%.60q: then %v", in, again)
		}
	}
	test("<!-- x --><a/>", ErrRestricted)
	test("<a><!-- x --></a>", ErrRestricted)
	test("<?php x?><a/>", ErrRestricted)
	test("<?xml version='1.0'?><a/>", ErrRestricted)
	test("<a><?xml version='1.0'?></a>", ErrRestricted)
	test("<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", ErrRestricted)
	test("<a>&b;</a>", nil)
	test("<a>&#1;</a>", nil)
	test("<a>\x00</a>", nil)
	test("<a>\xff</a>", nil)
	test("<a>\uFFFE</a>", nil)
	test("<a b='1' b='2'/>", nil)
	test("<a b=1/>", nil)
	test("<a></b>", nil)
	test("<x:a xmlns:x='u' xmlns:y='u'></y:a>", nil)
	test("<x:a/>", nil)
	test("<a x:b='c'/>", nil)
	test("<a:/>", nil)
	test("<:a/>", nil)
	test("<a xmlns:x=''/>", nil)
	test("text<a/>", nil)
	test("<a>", io.ErrUnexpectedEOF)
	test("<a", nil)
	test("", io.ErrUnexpectedEOF)
	test("</stream:other>", nil)
	test("<a>"+strings.Repeat("b", 400)+"</a>", ErrTooBig)
	test("<a b='"+strings.Repeat("b", 400)+"'/>", ErrTooBig)
	test(strings.Repeat("<a>", maxDepth), ErrTooDeep)
}

// TestExact proves that nothing past the element is taken: TLS follows it.
func TestExact(t *testing.T) {
	src := bytes.NewBufferString("<a/>REST")
	if _, err := NewReader(src, 100).Next(); err != nil || src.String() != "REST" {
		t.Error(err, src.String())
	}
	src = bytes.NewBufferString("<a>x</a>REST")
	if _, err := NewReader(src, 100).Next(); err != nil || src.String() != "REST" {
		t.Error(err, src.String())
	}
	if _, err := Parse([]byte("<a/><b/>")); err == nil {
		t.Error("two elements")
	}
}

func FuzzReader(f *testing.F) {
	for _, s := range []string{header + "<a b='c'>x<d/></a></stream:stream>", "<a xmlns='b' xmlns:c='d' c:e='&#38;'/>",
		"<a xml:b='c'>]]&gt;<![CDATA[<]]></a>", "<a", "<a><a><a>", "<a b='&#9;&#10;'>\r\n</a>", "<xml:a/>"} {
		f.Add([]byte(s), true)
		f.Add([]byte(s), false)
	}
	f.Fuzz(func(t *testing.T, in []byte, open bool) {
		r := NewReader(bytes.NewReader(in), 4096)
		if open {
			if _, err := r.Open(); err != nil {
				return
			}
		}
		for {
			e, err := r.Next()
			if err != nil {
				return
			}
			once := e.String()
			again, err := Parse([]byte(once))
			if err != nil {
				t.Fatalf("%q wrote %q: %v", in, once, err)
			}
			if twice := again.String(); twice != once {
				t.Fatalf("%q wrote %q, then %q", in, once, twice)
			}
		}
	})
}
