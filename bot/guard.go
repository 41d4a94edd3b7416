// SPDX-License-Identifier: GPL-3.0-or-later

package bot

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"encoding/xml"
	"errors"
	"net"
	"unicode/utf8"

	"oswald/internal/xmppclient/xmltree"
)

const (
	nsStream  = "http://etherx.jabber.org/streams"
	nsBlocked = "urn:oswald:blocked"
)

// The bounds of what one stanza may bring. Servers have smaller ones: only a
// hostile server reaches tokenMax, which ends the session. Beyond stanzaMax the
// rest of a stanza is left out, and an element <truncated/> says so: were the
// session ended, the server would send the stanza again, and again.
const (
	stanzaMax = 320 << 10
	tokenMax  = 4 << 20
	depthMax  = 100
)

var errToken = errors.New("the server sent a token without end")

// A guard stands between TLS and the XMPP library, which takes whatever is in
// the stream name space for the end of the stream, at any depth, while servers
// relay such elements inside stanzas from anybody. It renames them there, drops
// comments and processing instructions, which would end the stream too, and
// leaves out what lies beyond the bounds. All else passes byte for byte.
//
// One goroutine reads. Writing goes straight to the connection.
type guard struct {
	net.Conn
	br     *bufio.Reader
	d      *xml.Decoder
	raw    []byte // bytes of the current token, and at most one more
	base   int64  // stream offset of raw[0]
	out    []byte // filtered, not yet read
	size   int    // bytes since the last top-level boundary
	prefix string // what the stream header binds to nsStream
	open   []fate // one per open element
	cut    bool   // something of this stanza was left out for its size
}

// fate is what becomes of an element.
type fate byte

const (
	kept fate = iota
	renamed
	dropped
)

func newGuard(c net.Conn) *guard {
	g := &guard{Conn: c, br: bufio.NewReader(c)}
	g.d = xml.NewDecoder(tap{g})
	return g
}

// ConnectionState returns that of TLS, or the zero value where there is none.
func (g *guard) ConnectionState() tls.ConnectionState {
	if c, ok := g.Conn.(interface{ ConnectionState() tls.ConnectionState }); ok {
		return c.ConnectionState()
	}
	return tls.ConnectionState{}
}

// tap is a type of its own: a ReadByte on guard would let the library's decoder
// read around the filter.
type tap struct{ *guard }

// Read is never called: the decoder uses ReadByte where there is one.
func (g tap) Read([]byte) (int, error) { return 0, errToken }

// ReadByte reads a byte and remembers it.
func (g tap) ReadByte() (byte, error) {
	b, err := g.br.ReadByte()
	if err != nil {
		return 0, err
	}
	if g.raw = append(g.raw, b); len(g.raw) > tokenMax {
		return 0, errToken
	}
	return b, nil
}

// Read returns what the filter lets through.
func (g *guard) Read(p []byte) (int, error) {
	for len(g.out) == 0 {
		tok, err := g.d.RawToken()
		if err != nil {
			return 0, err
		}
		n := int(g.d.InputOffset() - g.base)
		g.out = append(g.out[:0:0], g.filter(tok, g.raw[:n])...)
		g.raw, g.base = append(g.raw[:0], g.raw[n:]...), g.base+int64(n)
		if cap(g.raw) > 64<<10 && len(g.raw) < 2 {
			g.raw = append([]byte(nil), g.raw...) // one big stanza must not stay for ever
		}
		if g.size += n; len(g.open) <= 1 {
			g.size = 0
		}
	}
	n := copy(p, g.out)
	g.out = g.out[n:]
	return n, nil
}

// filter returns what becomes of a token: raw itself, or something harmless.
func (g *guard) filter(tok xml.Token, raw []byte) []byte {
	depth := len(g.open)
	inDropped := depth > 0 && g.open[depth-1] == dropped
	switch t := tok.(type) {
	case xml.Comment, xml.Directive:
		return nil
	case xml.ProcInst:
		if t.Target != "xml" || depth > 1 {
			return nil
		}
		g.open = g.open[:0] // a new stream header follows
	case xml.EndElement:
		if depth == 0 {
			return raw
		}
		was := g.open[depth-1]
		g.open = g.open[:depth-1]
		switch {
		case g.cut && depth == 2:
			g.cut = false
			return append([]byte("<truncated xmlns='"+nsBlocked+"'/>"), raw...)
		case was == dropped:
			return nil
		case was == renamed && len(raw) > 0: // raw is empty after a self-closing tag
			return []byte("</blocked>")
		}
	case xml.CharData:
		return g.text(t, raw, inDropped)
	case xml.StartElement:
		return g.start(t, raw, inDropped)
	}
	return raw
}

// text shortens what would make the stanza too big.
func (g *guard) text(t xml.CharData, raw []byte, inDropped bool) []byte {
	if inDropped {
		return nil
	}
	if len(g.open) < 2 || g.size+len(raw) <= stanzaMax {
		return raw
	}
	g.cut = true
	room := max(0, stanzaMax-g.size)
	if len(t) > room {
		for room > 0 && !utf8.RuneStart(t[room]) {
			room--
		}
		t = t[:room]
	}
	return xmltree.AppendEscaped(nil, string(t))
}

func (g *guard) start(t xml.StartElement, raw []byte, inDropped bool) []byte {
	depth := len(g.open)
	if inDropped || depth >= 2 && (g.size+len(raw) > stanzaMax || depth >= depthMax) {
		g.open = append(g.open, dropped)
		g.cut = true
		return nil
	}
	rename, strip := depth >= 2 && t.Name.Space == g.prefix && g.prefix != "", false
	for _, a := range t.Attr {
		if (a.Name.Space != "xmlns" && (a.Name.Space != "" || a.Name.Local != "xmlns")) || a.Value != nsStream {
			continue
		}
		switch {
		case depth == 0 && a.Name.Space == "xmlns":
			g.prefix = a.Name.Local
		case depth >= 2:
			rename = true
		case t.Name.Local == "message" || t.Name.Local == "presence" || t.Name.Local == "iq":
			strip = true
		}
	}
	end := ">"
	if bytes.HasSuffix(raw, []byte("/>")) {
		end = "/>"
	}
	asks := depth == 1 && t.Name.Local == "iq"
	switch {
	case rename:
		g.open = append(g.open, renamed)
		return []byte("<blocked xmlns='" + nsBlocked + "'" + end)
	case strip, asks: // written anew: the URI may hide behind character references
		g.open = append(g.open, kept)
		return rewrite(t, end)
	}
	g.open = append(g.open, kept)
	return raw
}

// request is put before the type of an IQ that wants an answer. The library answers
// all such by itself with an error when the handler returns, also those that are to
// be answered later; like this it does not know them.
const request = "request:"

// rewrite writes the start tag of a stanza anew, with each declaration of the
// stream name space turned into a harmless one, and requests as such.
func rewrite(t xml.StartElement, end string) []byte {
	b := append([]byte{'<'}, t.Name.Local...)
	if t.Name.Space != "" {
		b = append(append(append([]byte{'<'}, t.Name.Space...), ':'), t.Name.Local...)
	}
	for _, a := range t.Attr {
		b = append(b, ' ')
		if a.Name.Space != "" {
			b = append(append(b, a.Name.Space...), ':')
		}
		switch {
		case a.Value == nsStream:
			a.Value = nsBlocked
		case t.Name.Local == "iq" && a.Name.Space == "" && a.Name.Local == "type" && (a.Value == "get" || a.Value == "set"):
			a.Value = request + a.Value
		}
		b = xmltree.AppendEscaped(append(append(b, a.Name.Local...), "='"...), a.Value)
		b = append(b, '\'')
	}
	return append(b, end...)
}
