// SPDX-License-Identifier: GPL-3.0-or-later

// Package textile turns Textile, the markup of the second kind of wiki page,
// into HTML5.
//
// It owns the markup alone. What a link of the wiki, a tag or a macro becomes
// is decided by the functions in [Options]; without them such text stays text.
//
// Any bytes are a text: there are no errors. The time is linear in the length
// of the text, and neither blocks nor phrases nest deeper than a fixed bound,
// so that text by strangers needs no guard but a limit of its size.
//
// The dialect follows php-textile as python3-textile has it, and RedCloth where
// that is plainly better (footnotes without random ids, lists that end the
// paragraph before them). Bytes of the text never reach an attribute or the
// page unescaped, unless RawHTML is set.
//
// Convert may be called from many goroutines. It calls the functions of its
// options in the order of the text, in its own goroutine; they may call Convert.
package textile

import (
	"bytes"
	"sort"
	"unicode/utf8"
)

// Options say what a text may do, and what the constructs of the wiki in it
// become. The zero value is for text by strangers: no style, class or id of
// the author, no raw HTML, notextile is shown as plain text.
type Options struct {
	// Attributes keeps class and id: p(class#id).
	Attributes bool
	// Styles keeps style attributes, padding too: p{color:red}. Without it an
	// alignment is written as an align attribute.
	Styles bool
	// RawHTML lets tags pass, and everything in notextile.
	RawHTML bool

	// Wiki writes what a construct of the wiki becomes at the end of dst, and
	// says how it was used. Nil: such text is text.
	Wiki func(dst []byte, c Construct) ([]byte, Form)
	// Camel asks for CamelCase words as constructs too.
	Camel bool
	// Link writes the attributes of a link, with a space before each. Nil: its
	// href. It is called with addresses that are safe, see [SafeURL].
	Link func(dst []byte, r Ref) []byte
	// Image writes the value of src. Nil: the address, escaped.
	Image func(dst []byte, r Ref) []byte
	// Code writes a block of code as the text of an element; class is the one that
	// the block has, without "language-". Nil: the code, escaped.
	Code func(dst []byte, class string, code []byte) []byte
	// Scrolls are further attributes, with a space before them, of blocks that may
	// be wider than the screen: code and tables.
	Scrolls string
	// ID writes the value of an id attribute, or what follows the # of a link
	// to a footnote. Nil: the id, escaped.
	ID func(dst []byte, id string) []byte
	// HeadingID gives a heading its id when the author did not. It may keep
	// count to make ids differ. Nil or empty: no id.
	HeadingID func(text string) string
	// Text is called after each heading, paragraph, list item, term, table
	// cell and footnote with its element and its plain text, after a block of
	// code as "pre", and after one of raw HTML as "div". What the functions above were told since the last
	// call stands in it.
	Text func(element, text string)
}

// Trusted are the options for text of one's own.
func Trusted() Options { return Options{Attributes: true, Styles: true, RawHTML: true} }

// Kind says which construct of the wiki stands in the text.
type Kind int

// The constructs of the wiki.
const (
	WikiLink Kind = iota + 1 // [[…]]
	Embed                    // ![[…]]
	Tag                      // #…
	Macro                    // {{…}}
	Camel                    // CamelCase
)

// Construct is a piece of text that means something to the wiki.
type Construct struct {
	Kind Kind
	Text string // what stands inside the brackets, or behind the #
	Line int    // line of the source, from 1
	At   int    // where it stands in the plain text of its block
}

// Label is what the construct adds to the plain text of its block.
func (c Construct) Label() string {
	switch c.Kind {
	case WikiLink:
		return wikiLabel(c.Text)
	case Tag:
		return "#" + c.Text
	case Camel:
		return c.Text
	}
	return ""
}

// Form says what [Options.Wiki] made of a construct.
type Form int

// The forms of a construct.
const (
	Literal Form = iota // nothing: the text stays as it is
	Inline              // something that belongs inside a paragraph
	Block               // something that may hold blocks: it gets no <p> around it
)

// Ref is the address of a link or an image.
type Ref struct {
	URL  string
	Line int // line of the source, from 1
	At   int // where it stands in the plain text of its block

	Sized bool // the text says how large the image is
}

// Heading is a heading of the text.
type Heading struct {
	Level int
	Text  string // plain text
	ID    string // without what Options.ID adds
	Line  int    // line of the source, from 1
	Off   int    // where its tag begins in the HTML
}

// Convert returns the HTML of a text, and its headings.
func Convert(src []byte, o Options) ([]byte, []Heading) {
	d := &doc{o: o, src: clean(src), aliases: map[string]string{}, notes: map[string]bool{}}
	d.out = make([]byte, 0, len(d.src)+len(d.src)/4)
	d.split()
	d.renderAll()
	return d.out, d.heads
}

// doc is one text at work.
type doc struct {
	o       Options
	src     []byte
	out     []byte
	heads   []Heading
	blocks  []block
	aliases map[string]string // [name]address
	notes   map[string]bool   // footnotes there are; true once they were referred to
	lines   []int             // where lines begin, made when first needed
	counts  [maxListDepth + 1]int
	noEnd   map[string]bool // HTML elements that are not closed any more
	s       scanner
}

// line returns the line of a position, from 1.
func (d *doc) line(pos int) int {
	if d.lines == nil {
		d.lines = []int{0}
		for i, c := range d.src {
			if c == '\n' {
				d.lines = append(d.lines, i+1)
			}
		}
	}
	return sort.SearchInts(d.lines, pos+1)
}

// clean makes any bytes valid UTF-8 with \n at the end of lines and without
// other control characters. It keeps the number of lines.
func clean(src []byte) []byte {
	src = bytes.TrimPrefix(src, []byte("\xef\xbb\xbf"))
	src = bytes.ReplaceAll(src, []byte("\r\n"), []byte("\n"))
	plain := utf8.Valid(src)
	for i := 0; plain && i < len(src); i++ {
		plain = src[i] >= ' ' && src[i] != 0x7f || src[i] == '\n' || src[i] == '\t'
	}
	if plain {
		return src
	}
	return bytes.Map(func(r rune) rune {
		switch {
		case r == '\r':
			return '\n'
		case control(r):
			return utf8.RuneError
		}
		return r
	}, bytes.ToValidUTF8(src, []byte("\uFFFD")))
}

func control(r rune) bool { return r < ' ' && r != '\n' && r != '\t' || r == 0x7f }

// setID writes an id attribute.
func (d *doc) setID(id string) {
	d.out = append(d.out, ` id="`...)
	d.out = d.id(d.out, id)
	d.out = append(d.out, '"')
}

func (d *doc) id(dst []byte, id string) []byte {
	if d.o.ID != nil {
		return d.o.ID(dst, id)
	}
	return escape(dst, id)
}

// escape appends text so that it is safe in an element and in an attribute.
func escape[T string | []byte](dst []byte, s T) []byte {
	for i := 0; i < len(s); i++ {
		switch c := s[i]; c {
		case '&':
			dst = append(dst, "&amp;"...)
		case '<':
			dst = append(dst, "&lt;"...)
		case '>':
			dst = append(dst, "&gt;"...)
		case '"':
			dst = append(dst, "&quot;"...)
		default:
			dst = append(dst, c)
		}
	}
	return dst
}
