// SPDX-License-Identifier: GPL-3.0-or-later

// Package xmltree reads and writes the elements of an XMPP stream (RFC 6120
// sections 4 and 11): a [Reader] that is bounded in size and depth, and the small
// tree of an [Element] that it returns.
//
// It owns well-formedness, name spaces and escaping, and knows no stanza. What it
// writes is always well formed, whatever strings were put in. An Element belongs
// to one goroutine at a time; any number may read one that nobody changes.
package xmltree

import (
	"strings"
	"unicode/utf8"
)

// An Element is one XML element with all it contains.
type Element struct {
	Space, Local string // Space is the name space's URI
	Attr         []Attr // without the declarations of name spaces
	Nodes        []Node
}

// An Attr is one attribute. Space is "" for most, "xml" for xml:lang.
type Attr struct{ Space, Local, Value string }

// A Node is an element, or text where El is nil.
type Node struct {
	El   *Element
	Text string
}

// New makes an element. attrs are names and values in turn.
func New(space, local string, attrs ...string) *Element {
	e := &Element{Space: space, Local: local}
	for i := 0; i+1 < len(attrs); i += 2 {
		e.Set(attrs[i], attrs[i+1])
	}
	return e
}

// Is reports whether e is not nil and has that name.
func (e *Element) Is(space, local string) bool {
	return e != nil && e.Local == local && e.Space == space
}

// Get returns the attribute of that name, "" if there is none.
func (e *Element) Get(local string) string {
	if e == nil {
		return ""
	}
	for _, a := range e.Attr {
		if a.Space == "" && a.Local == local {
			return a.Value
		}
	}
	return ""
}

// Set gives the attribute local that value; an empty value removes it.
func (e *Element) Set(local, value string) *Element {
	for i, a := range e.Attr {
		if a.Space == "" && a.Local == local {
			if value == "" {
				e.Attr = append(e.Attr[:i:i], e.Attr[i+1:]...)
			} else {
				e.Attr[i].Value = value
			}
			return e
		}
	}
	if value != "" {
		e.Attr = append(e.Attr, Attr{Local: local, Value: value})
	}
	return e
}

// Child returns the first child element of that name, or nil. It may be called
// on nil, so that paths can be walked without looking at each step.
func (e *Element) Child(space, local string) *Element {
	if e == nil {
		return nil
	}
	for _, n := range e.Nodes {
		if n.El.Is(space, local) {
			return n.El
		}
	}
	return nil
}

// Children returns the child elements, leaving out the text between them.
func (e *Element) Children() []*Element {
	if e == nil {
		return nil
	}
	var all []*Element
	for _, n := range e.Nodes {
		if n.El != nil {
			all = append(all, n.El)
		}
	}
	return all
}

// First returns the first child element, or nil.
func (e *Element) First() *Element {
	if e == nil {
		return nil
	}
	for _, n := range e.Nodes {
		if n.El != nil {
			return n.El
		}
	}
	return nil
}

// Text returns the text directly in e.
func (e *Element) Text() string {
	if e == nil {
		return ""
	}
	if len(e.Nodes) == 1 {
		return e.Nodes[0].Text
	}
	var b strings.Builder
	for _, n := range e.Nodes {
		b.WriteString(n.Text)
	}
	return b.String()
}

// Add appends children and returns e; a nil child is left out.
func (e *Element) Add(children ...*Element) *Element {
	for _, c := range children {
		if c != nil {
			e.Nodes = append(e.Nodes, Node{El: c})
		}
	}
	return e
}

// AddText appends text and returns e.
func (e *Element) AddText(text string) *Element {
	if text != "" {
		e.Nodes = append(e.Nodes, Node{Text: text})
	}
	return e
}

// Filter keeps the child elements for which keep is true, and the text.
func (e *Element) Filter(keep func(*Element) bool) {
	kept := e.Nodes[:0:0]
	for _, n := range e.Nodes {
		if n.El == nil || keep(n.El) {
			kept = append(kept, n)
		}
	}
	e.Nodes = kept
}

// Copy returns a copy that shares the children but neither list: attributes and
// the list of children can be changed without touching e.
func (e *Element) Copy() *Element {
	return &Element{
		Space: e.Space, Local: e.Local,
		Attr:  append([]Attr(nil), e.Attr...),
		Nodes: append([]Node(nil), e.Nodes...),
	}
}

// String returns e as XML that stands for itself.
func (e *Element) String() string { return string(e.AppendXML(nil, "")) }

// AppendXML appends e to dst as it is written where space is the default name
// space.
func (e *Element) AppendXML(dst []byte, space string) []byte {
	dst = append(append(dst, '<'), e.Local...)
	if e.Space != space {
		dst = append(AppendEscaped(append(dst, " xmlns='"...), e.Space), '\'')
	}
	for _, a := range e.Attr {
		switch a.Space {
		case "":
			dst = append(append(dst, ' '), a.Local...)
		case "xml":
			dst = append(append(dst, " xml:"...), a.Local...)
		default: // a prefix of its own each time: rare, and never wrong
			dst = AppendEscaped(append(append(append(dst, " xmlns:p-"...), a.Local...), "='"...), a.Space)
			dst = append(append(dst, "' p-"...), a.Local...)
			dst = append(dst, ':')
			dst = append(dst, a.Local...)
		}
		dst = append(AppendEscaped(append(dst, "='"...), a.Value), '\'')
	}
	if len(e.Nodes) == 0 {
		return append(dst, "/>"...)
	}
	dst = append(dst, '>')
	for _, n := range e.Nodes {
		if n.El != nil {
			dst = n.El.AppendXML(dst, e.Space)
		} else {
			dst = AppendEscaped(dst, n.Text)
		}
	}
	return append(append(append(dst, "</"...), e.Local...), '>')
}

// Escape returns s fit for text and for attributes.
func Escape(s string) string { return string(AppendEscaped(nil, s)) }

// AppendEscaped appends s so that it reads back as s in text and in attributes.
// What XML cannot hold becomes U+FFFD.
func AppendEscaped(dst []byte, s string) []byte {
	for i := 0; i < len(s); {
		r, n := rune(s[i]), 1
		if r >= utf8.RuneSelf {
			r, n = utf8.DecodeRuneInString(s[i:])
		}
		switch {
		case r == '<':
			dst = append(dst, "&lt;"...)
		case r == '>':
			dst = append(dst, "&gt;"...)
		case r == '&':
			dst = append(dst, "&amp;"...)
		case r == '\'':
			dst = append(dst, "&apos;"...)
		case r == '"':
			dst = append(dst, "&quot;"...)
		case r == '\n':
			dst = append(dst, "&#10;"...)
		case r == '\r':
			dst = append(dst, "&#13;"...)
		case r == '\t':
			dst = append(dst, "&#9;"...)
		case r < ' ', r == 0xFFFE, r == 0xFFFF, r == utf8.RuneError:
			dst = append(dst, "\uFFFD"...)
		default:
			dst = append(dst, s[i:i+n]...)
		}
		i += n
	}
	return dst
}
