// SPDX-License-Identifier: GPL-3.0-or-later

package bot

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"
)

const header = "<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='" + nsStream + "' version='1.0'>"

// filtered returns what the guard makes of a stream.
func filtered(in string) (string, error) {
	g := newGuard(&readConn{r: strings.NewReader(in)})
	b, err := io.ReadAll(g)
	return string(b), err
}

// readConn is a connection that only reads.
type readConn struct {
	net.Conn
	r io.Reader
}

func (c *readConn) Read(b []byte) (int, error) { return c.r.Read(b) }

func TestGuardPasses(t *testing.T) {
	for _, in := range []string{
		"<stream:features><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></stream:features>",
		"<stream:error><conflict xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error></stream:stream>",
		"<message from='a@b' to=\"c@d\"><body>x &amp; &lt;y&gt; ü\n</body></message> \n <presence/>",
		"<iq type='get' id='1'><ping xmlns='urn:xmpp:ping'/></iq>",
		"<message><body>]]&gt; <![CDATA[<x>]]></body></message>",
		"</stream:stream>",
	} {
		want := header + strings.ReplaceAll(in, "type='get'", "type='request:get'")
		if got, err := filtered(header + in); got != want {
			t.Errorf("%s\nbecame\n%s (%v)", in, strings.TrimPrefix(got, header), err)
		}
	}
}

func TestGuardBlocks(t *testing.T) {
	test := func(in, want string) {
		t.Helper()
		got, err := filtered(header + "<message>" + in + "</message>")
		if want = header + "<message>" + want + "</message>"; got != want {
			t.Errorf("%s\nbecame\n%s, want\n%s (%v)", in, got, want, err)
		}
	}
	const blocked = "<blocked xmlns='" + nsBlocked + "'"
	test("<stream:error/>", blocked+"/>")
	test("<stream:error><a/></stream:error>", blocked+"><a/></blocked>")
	test("<x xmlns='"+nsStream+"'>t</x>", blocked+">t</blocked>")
	test("<x xmlns='http://etherx.jabber.org/&#115;treams'/>", blocked+"/>")
	test("<p:x xmlns:p='"+nsStream+"'/>", blocked+"/>")
	test("<!-- c --><?pi x?>", "")
	test("<a><!-- c --></a>", "<a></a>")
	if got, _ := filtered(header + "<message xmlns:p='http://etherx.jabber.org/&#115;treams' id='&lt;'><p:error/></message>"); strings.Contains(got[len(header):], "etherx") || !strings.Contains(got, "&lt;") {
		t.Errorf("a declaration on the stanza: %s", got)
	}
}

// TestGuardBounds wants big stanzas cut, marked, and followed by the next one.
func TestGuardBounds(t *testing.T) {
	for name, in := range map[string]string{
		"text":     "<body>" + strings.Repeat("ü", 1<<20) + "</body>",
		"escapes":  "<body>" + strings.Repeat("&lt;", 300<<10) + "</body>",
		"children": strings.Repeat("<x/>", 200_000),
		"nested":   strings.Repeat("<x>", 5000) + strings.Repeat("</x>", 5000),
	} {
		got, err := filtered(header + "<message>" + in + "</message><presence id='next'/>")
		if err != io.EOF && err != nil && !errors.As(err, new(*xml.SyntaxError)) {
			t.Errorf("%s: %v", name, err)
		}
		if !strings.HasSuffix(got, "<truncated xmlns='"+nsBlocked+"'/></message><presence id='next'/>") || len(got) > 2<<20 {
			t.Errorf("%s: %d bytes, ending in %q", name, len(got), got[max(0, len(got)-100):])
		}
		var v struct{}
		if err := xml.Unmarshal([]byte(got+"</stream:stream>"), &v); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := filtered(header + "<message a='" + strings.Repeat("x", tokenMax)); !errors.Is(err, errToken) {
		t.Errorf("an endless token: %v", err)
	}
}

// FuzzGuard: what the guard lets through of a well-formed stream is well formed,
// and has nothing of the stream name space inside a stanza.
func FuzzGuard(f *testing.F) {
	for _, x := range hostile("bot@oswald.test/x") {
		if len(x) < 2000 {
			f.Add(x)
		}
	}
	f.Add("<message><body>" + strings.Repeat("a", 100) + "</body></message>")
	f.Fuzz(func(t *testing.T, in string) {
		out, _ := filtered(header + in + "</stream:stream>")
		var whole struct{}
		if xml.Unmarshal([]byte(header+in+"</stream:stream>"), &whole) != nil {
			return
		}
		d := xml.NewDecoder(strings.NewReader(out))
		depth := 0
		for {
			tok, err := d.Token()
			if err == io.EOF {
				return
			}
			if err != nil {
				t.Fatalf("%q became %q: %v", in, out, err)
			}
			switch tok := tok.(type) {
			case xml.StartElement:
				if depth >= 2 && tok.Name.Space == nsStream {
					t.Fatalf("%q became %q", in, out)
				}
				depth++
			case xml.EndElement:
				depth--
			case xml.Comment:
				t.Fatalf("%q became %q", in, out)
			}
		}
	})
}

// TestSafeConn wants deadlines of others ignored, and a write that cannot end to
// close the connection.
func TestSafeConn(t *testing.T) {
	a, b := net.Pipe()
	defer b.Close()
	c := newSafeConn(a, 50*time.Millisecond)
	c.SetDeadline(time.Unix(1, 0))
	c.SetWriteDeadline(time.Unix(1, 0))
	go io.CopyN(io.Discard, b, 5)
	if _, err := c.Write([]byte("hello")); err != nil {
		t.Fatalf("a past deadline of the library's reached the connection: %v", err)
	}
	if _, err := c.Write([]byte("nobody reads this")); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("writing: %v", err)
	}
	if !errors.Is(c.reason(), os.ErrDeadlineExceeded) {
		t.Errorf("reason: %v", c.reason())
	}
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("still open: %v", err)
	}
}

// TestNegotiateIsBounded connects to a server that says nothing.
func TestNegotiateIsBounded(t *testing.T) {
	a, b := net.Pipe()
	defer b.Close()
	go io.Copy(io.Discard, b)
	cfg := Defaults()
	cfg.JID = "bot@oswald.test"
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	config, err := tlsConfig(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := negotiate(ctx, cfg, newSafeConn(a, time.Second), config, nil); err == nil {
		t.Error("logged in at nothing")
	}
}

// TestTree reads an element that the library hands out, in pieces.
func TestTree(t *testing.T) {
	const in = "<message xmlns='jabber:client' from='a@b' xml:lang='en'><body>x<y xmlns='urn:y'/>z</body></message>"
	d := xml.NewDecoder(bytes.NewReader([]byte(in)))
	tok, _ := d.Token()
	e := tree(d, tok.(xml.StartElement))
	if got := string(e.AppendXML(nil, "")); got != in {
		t.Errorf("%s", got)
	}
	d = xml.NewDecoder(strings.NewReader("<a><b>"))
	tok, _ = d.Token()
	if e := tree(d, tok.(xml.StartElement)); e != nil {
		t.Errorf("an element without end: %s", e)
	}
}
