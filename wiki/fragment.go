// SPDX-License-Identifier: GPL-3.0-or-later

package wiki

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/yuin/goldmark/util"
)

// A fragment is the HTML of a page with holes: whatever depends on another page
// is left open and filled in when the page is put together. So a page is parsed
// once, no syntax tree is kept, and a part of a fragment is as good as the
// whole: sections and blocks are cut out of it by position.
//
// A hole is NUL, its kind, its fields with U+0001 between them, NUL. Neither
// byte occurs in the text, from which control characters are removed.
const (
	holeMark  = '\x00'
	fieldMark = '\x01'
)

// The kinds of holes.
const (
	holePrefix = 'p' // what makes an id of a transcluded part differ from the host's
	holeWiki   = 'l' // attributes of a wiki link: target, section, line
	holePath   = 'm' // attributes of a Markdown link: destination, line
	holeSrc    = 'i' // address of a Markdown image, inside src: destination, size, line
	holeEmbed  = 'e' // ![[…]]: target, section, label, line
	holeCamel  = 'c' // CamelCase word: word, line
	holeMacro  = 'x' // macro: call, line
)

// fragment collects the HTML of one page. It is the writer that goldmark's
// renderer writes to.
type fragment struct {
	*bytes.Buffer
	rec  *Record
	open map[string]int // blocks that have begun
	body int            // where the footnotes begin, or -1
	note int            // where the present footnote begins
	one  bool           // it is a single paragraph
	bag  *termBag       // takes the words for the search index, or nil
}

func newFragment(rec *Record) *fragment {
	b := buffers.Get().(*bytes.Buffer)
	b.Reset()
	return &fragment{Buffer: b, rec: rec, open: map[string]int{}, body: -1}
}

// free gives the buffer back; what was read from it must be copied by then.
func (f *fragment) free() {
	buffers.Put(f.Buffer)
	f.Buffer = nil
}

// Available, Buffered and Flush make a fragment a util.BufWriter.
func (f *fragment) Available() int { return 1 << 20 }

// Buffered is part of util.BufWriter.
func (f *fragment) Buffered() int { return 0 }

// Flush is part of util.BufWriter.
func (f *fragment) Flush() error { return nil }

// hole writes a hole.
func (f *fragment) hole(kind byte, fields ...string) {
	f.WriteByte(holeMark)
	f.WriteByte(kind)
	for i, s := range fields {
		if i > 0 {
			f.WriteByte(fieldMark)
		}
		f.WriteString(s)
	}
	f.WriteByte(holeMark)
}

// id writes the value of an id attribute.
func (f *fragment) id(id string) {
	f.hole(holePrefix)
	f.Write(util.EscapeHTML([]byte(id)))
}

// cutHole returns the kind and the fields of the hole that begins s and what
// comes after it.
func cutHole(s []byte) (kind byte, fields []string, rest []byte, ok bool) {
	if len(s) < 3 || s[0] != holeMark {
		return 0, nil, s, false
	}
	end := bytes.IndexByte(s[2:], holeMark)
	if end < 0 {
		return 0, nil, s, false
	}
	rest = s[2+end+1:]
	if s[1] == holePrefix {
		return holePrefix, nil, rest, true
	}
	return s[1], strings.Split(string(s[2:2+end]), "\x01"), rest, true
}

// lineOf reads the line out of the last field of a hole.
func lineOf(fields []string) int {
	n, _ := strconv.Atoi(fields[len(fields)-1])
	return n
}

// sanitize makes any bytes a text that the parser may see: valid UTF-8 without
// control characters. It returns its argument where nothing is wrong.
func sanitize(src []byte) (out []byte, valid bool) {
	valid = isValid(src)
	bad := false
	for _, c := range src {
		bad = bad || c < ' ' && c != '\n' && c != '\t' && c != '\r'
	}
	if valid && !bad {
		return src, true
	}
	out = bytes.ToValidUTF8(src, []byte("\uFFFD"))
	out = bytes.Map(func(r rune) rune {
		if badControl(r) {
			return '\uFFFD'
		}
		return r
	}, out)
	return out, valid
}

func badControl(r rune) bool { return r < ' ' && r != '\n' && r != '\t' && r != '\r' }
