// SPDX-License-Identifier: GPL-3.0-or-later

package xmltree

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
)

// What a Reader refuses, besides XML that is not well formed.
var (
	ErrTooBig     = errors.New("xml: element too big")
	ErrTooDeep    = errors.New("xml: elements nested too deep")
	ErrRestricted = errors.New("xml: comment, processing instruction or document type")
)

const maxDepth = 100

// A Reader reads one stream: its header with Open, then element after element
// with Next. After an error every call returns one. One goroutine uses it.
//
// It never reads past the '>' that ends what it returns, so the source can be
// handed to TLS, or to the Reader of a restarted stream, afterwards.
type Reader struct {
	src   source
	d     *xml.Decoder
	limit int
	open  []frame   // the elements that are open now, the stream header first
	binds []binding // their name spaces, innermost last
	base  int       // how many of open are the stream header: 0 or 1
	err   error
}

type frame struct {
	name  xml.Name // with the prefix as written
	binds int      // len(Reader.binds) before it
}

type binding struct{ prefix, uri string }

// source counts and keeps what the decoder takes.
type source struct {
	r    io.ByteReader
	left int
	raw  []byte
}

func (s *source) ReadByte() (byte, error) {
	if s.left == 0 {
		return 0, ErrTooBig
	}
	b, err := s.r.ReadByte()
	if err == nil {
		s.left--
		s.raw = append(s.raw, b)
	}
	return b, err
}

// Read is never called: the decoder sees a ByteReader and keeps no buffer.
func (s *source) Read([]byte) (int, error) { panic("xmltree: unused") }

// NewReader reads from r elements of at most limit bytes each.
func NewReader(r io.ByteReader, limit int) *Reader {
	rd := &Reader{src: source{r: r}, limit: limit}
	rd.d = xml.NewDecoder(&rd.src)
	return rd
}

// Parse reads the one element that b holds.
func Parse(b []byte) (*Element, error) {
	r := NewReader(bytes.NewReader(b), len(b))
	e, err := r.Next()
	if err != nil {
		return nil, err
	}
	if rest := bytes.TrimSpace(b[r.d.InputOffset():]); len(rest) > 0 {
		return nil, errors.New("xml: more than one element")
	}
	return e, nil
}

// Raw returns the bytes of the last element as they came, until the next call.
func (r *Reader) Raw() []byte { return bytes.TrimLeft(r.src.raw, " \t\r\n") }

// Open reads the header of the stream, which stays open.
func (r *Reader) Open() (*Element, error) {
	e, err := r.start(true)
	if err == nil {
		r.base = 1
	}
	return e, r.fail(err)
}

// Next reads the next whole element. It returns io.EOF after the stream's end
// tag, and io.ErrUnexpectedEOF when the source ends without one.
func (r *Reader) Next() (*Element, error) {
	root, err := r.start(false)
	if err != nil {
		return nil, r.fail(err)
	}
	stack := []*Element{root}
	for len(r.open) > r.base {
		tok, err := r.token()
		if err != nil {
			return nil, r.fail(err)
		}
		top := stack[len(stack)-1]
		switch t := tok.(type) {
		case xml.StartElement:
			e, err := r.push(t)
			if err != nil {
				return nil, r.fail(err)
			}
			top.Nodes = append(top.Nodes, Node{El: e})
			stack = append(stack, e)
		case xml.EndElement:
			if err := r.pop(t); err != nil {
				return nil, r.fail(err)
			}
			stack = stack[:len(stack)-1]
		case xml.CharData:
			// A section of CDATA comes as a token of its own: join it.
			if n := len(top.Nodes); n > 0 && top.Nodes[n-1].El == nil {
				top.Nodes[n-1].Text += string(t)
			} else if len(t) > 0 {
				top.Nodes = append(top.Nodes, Node{Text: string(t)})
			}
		}
	}
	return root, nil
}

// start skips the space before an element and reads its start tag.
func (r *Reader) start(header bool) (*Element, error) {
	if r.err != nil {
		return nil, r.err
	}
	r.src.left, r.src.raw = r.limit, r.src.raw[:0]
	if cap(r.src.raw) > 64<<10 {
		r.src.raw = nil
	}
	for {
		tok, err := r.token()
		if err != nil {
			return nil, err
		}
		switch t := tok.(type) {
		case xml.StartElement:
			return r.push(t)
		case xml.EndElement:
			if err := r.pop(t); err != nil {
				return nil, err
			}
			return nil, io.EOF
		case xml.CharData:
			if len(bytes.TrimSpace(t)) > 0 {
				return nil, errors.New("xml: text between elements")
			}
		case xml.ProcInst: // token lets only the XML declaration through
			if !header || len(r.open) > 0 {
				return nil, ErrRestricted
			}
		}
	}
}

func (r *Reader) token() (xml.Token, error) {
	tok, err := r.d.RawToken()
	if errors.Is(err, io.EOF) {
		return nil, io.ErrUnexpectedEOF
	}
	if err != nil {
		return nil, err
	}
	switch t := tok.(type) {
	case xml.Comment, xml.Directive:
		return nil, ErrRestricted
	case xml.ProcInst:
		if t.Target != "xml" || len(r.open) > 0 {
			return nil, ErrRestricted
		}
	}
	return tok, nil
}

func (r *Reader) push(t xml.StartElement) (*Element, error) {
	if len(r.open) >= maxDepth {
		return nil, ErrTooDeep
	}
	r.open = append(r.open, frame{t.Name, len(r.binds)})
	for _, a := range t.Attr {
		switch {
		case a.Name.Space == "" && a.Name.Local == "xmlns":
			r.binds = append(r.binds, binding{"", a.Value})
		case a.Name.Space == "xmlns":
			if a.Value == "" || a.Name.Local == "xml" || a.Name.Local == "xmlns" {
				return nil, fmt.Errorf("xml: prefix %q cannot be bound so", a.Name.Local)
			}
			r.binds = append(r.binds, binding{a.Name.Local, a.Value})
		}
	}
	space, err := r.resolve(t.Name)
	if err != nil {
		return nil, err
	}
	e := &Element{Space: space, Local: t.Name.Local}
	for _, a := range t.Attr {
		if a.Name.Space == "xmlns" || a.Name.Space == "" && a.Name.Local == "xmlns" {
			continue
		}
		attr := Attr{Local: a.Name.Local, Value: a.Value}
		switch a.Name.Space {
		case "":
			if strings.Contains(attr.Local, ":") {
				return nil, fmt.Errorf("xml: name %q", attr.Local)
			}
		case "xml":
			attr.Space = "xml"
		default:
			if attr.Space, err = r.resolve(a.Name); err != nil {
				return nil, err
			}
		}
		for _, b := range e.Attr { // few; a stanza's size bounds them
			if len(e.Attr) > 256 || b.Local == attr.Local && b.Space == attr.Space {
				return nil, fmt.Errorf("xml: attribute %q twice, or too many attributes", attr.Local)
			}
		}
		e.Attr = append(e.Attr, attr)
	}
	return e, nil
}

func (r *Reader) pop(t xml.EndElement) error {
	n := len(r.open) - 1
	if n < 0 || r.open[n].name != t.Name {
		return fmt.Errorf("xml: end tag %q does not match", t.Name.Local)
	}
	r.binds = r.binds[:r.open[n].binds]
	r.open = r.open[:n]
	return nil
}

// resolve finds the name space of a name whose Space is the prefix.
func (r *Reader) resolve(name xml.Name) (string, error) {
	if strings.Contains(name.Local, ":") || name.Local == "" {
		return "", fmt.Errorf("xml: name %q", name.Local)
	}
	for i := len(r.binds) - 1; i >= 0; i-- {
		if r.binds[i].prefix == name.Space {
			return r.binds[i].uri, nil
		}
	}
	if name.Space == "" {
		return "", nil
	}
	return "", fmt.Errorf("xml: prefix %q is not declared", name.Space)
}

func (r *Reader) fail(err error) error {
	if err != nil {
		r.err = err
	}
	return err
}
