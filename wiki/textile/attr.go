// SPDX-License-Identifier: GPL-3.0-or-later

package textile

import (
	"bytes"
	"strconv"
	"strings"
)

// maxAttr is how long one attribute may be, brackets included.
const maxAttr = 300

// attrs are the attributes that stand behind a mark.
type attrs struct {
	class, id, style, lang string
	align, valign          string
	left, right            int // padding in em
	cols, rows             int // of a cell
	header                 bool
}

// What attributes may stand in a place, besides class, id, style and language.
const (
	forPhrase = 0
	forBlock  = 1 << iota // alignment and padding
	forRow                // vertical alignment
	forCell               // spans and the mark of a header
)

// attributes reads as many attributes as there are from pos, on one line.
func (d *doc) attributes(pos, end int, place int) (a attrs, next int) {
	for pos < end {
		n := 0
		switch c := d.src[pos]; {
		case c == '(' && a.class == "" && a.id == "" && d.isClass(pos, end):
			n = d.classes(&a, pos, end)
		case c == '{' && a.style == "":
			if s, m := d.enclosed(pos, end, '}'); m > 0 {
				a.style, n = s, m
			}
		case c == '[' && a.lang == "":
			if s, m := d.enclosed(pos, end, ']'); m > 0 && isLang(s) {
				a.lang, n = s, m
			}
		case place == forPhrase:
		case c == '(' && a.left < 20:
			a.left++
			n = 1
		case c == ')' && a.right < 20:
			a.right++
			n = 1
		case c == '<' && pos+1 < end && d.src[pos+1] == '>':
			a.align, n = "justify", 2
		case c == '<':
			a.align, n = "left", 1
		case c == '>':
			a.align, n = "right", 1
		case c == '=':
			a.align, n = "center", 1
		case place&(forRow|forCell) == 0:
		case c == '^':
			a.valign, n = "top", 1
		case c == '-':
			a.valign, n = "middle", 1
		case c == '~':
			a.valign, n = "bottom", 1
		case place&forCell == 0:
		case c == '_' && !a.header:
			a.header, n = true, 1
		case c == '\\':
			if v, m := d.number(pos+1, end); m > 0 && v <= 1000 {
				a.cols, n = v, m+1
			}
		case c == '/':
			if v, m := d.number(pos+1, end); m > 0 && v <= 1000 {
				a.rows, n = v, m+1
			}
		}
		if n == 0 {
			break
		}
		pos += n
	}
	return a, pos
}

// enclosed returns what stands between the bracket at pos and its end.
func (d *doc) enclosed(pos, end int, closer byte) (s string, n int) {
	for i := pos + 1; i < end && i-pos < maxAttr; i++ {
		switch d.src[i] {
		case closer:
			if i == pos+1 {
				return "", 0
			}
			return string(d.src[pos+1 : i]), i + 1 - pos
		case '\n', d.src[pos]:
			return "", 0
		}
	}
	return "", 0
}

// isClass says whether (class#id) stands at pos.
func (d *doc) isClass(pos, end int) bool {
	var a attrs
	return d.classes(&a, pos, end) > 0
}

// classes reads (class#id) and returns its length.
func (d *doc) classes(a *attrs, pos, end int) int {
	s, n := d.enclosed(pos, end, ')')
	if n == 0 || !isWord(s[0]) && s[0] != '#' && s[0] != '-' {
		return 0
	}
	for i := 0; i < len(s); i++ {
		if c := s[i]; !isWord(c) && strings.IndexByte("-_#.:/ ", c) < 0 && c < 0x80 {
			return 0
		}
	}
	a.class, a.id, _ = strings.Cut(s, "#")
	a.class = strings.Join(strings.Fields(a.class), " ")
	a.id = strings.ReplaceAll(strings.TrimSpace(a.id), " ", "-")
	return n
}

func (d *doc) number(pos, end int) (v, n int) {
	for pos+n < end && n < 4 && isDigit(d.src[pos+n]) {
		v = v*10 + int(d.src[pos+n]-'0')
		n++
	}
	if v < 1 {
		return 0, 0
	}
	return v, n
}

func isLang(s string) bool {
	for i := 0; i < len(s); i++ {
		if !isWord(s[i]) && s[i] != '-' {
			return false
		}
	}
	return len(s) >= 2 && len(s) <= 35 && !isDigit(s[0])
}

// write appends the attributes, each with a space before it. An id is written
// only if it is the first of its name.
func (d *doc) attrs(dst []byte, a attrs) []byte {
	o := d.o
	if o.Attributes && a.class != "" {
		dst = append(dst, ` class="`...)
		dst = append(escape(dst, a.class), '"')
	}
	if o.Attributes && a.id != "" {
		dst = append(dst, ` id="`...)
		dst = append(d.id(dst, a.id), '"')
	}
	if a.lang != "" {
		dst = append(dst, ` lang="`...)
		dst = append(escape(dst, a.lang), '"')
	}
	if a.cols > 0 {
		dst = append(dst, ` colspan="`...)
		dst = append(strconv.AppendInt(dst, int64(a.cols), 10), '"')
	}
	if a.rows > 0 {
		dst = append(dst, ` rowspan="`...)
		dst = append(strconv.AppendInt(dst, int64(a.rows), 10), '"')
	}
	if !o.Styles {
		if a.align != "" {
			dst = append(append(append(dst, ` align="`...), a.align...), '"')
		}
		if a.valign != "" {
			dst = append(append(append(dst, ` valign="`...), a.valign...), '"')
		}
		return dst
	}
	var style []string
	for _, s := range strings.Split(a.style, ";") {
		if s = strings.TrimSpace(s); s != "" {
			style = append(style, s)
		}
	}
	if a.left > 0 {
		style = append(style, "padding-left:"+strconv.Itoa(a.left)+"em")
	}
	if a.right > 0 {
		style = append(style, "padding-right:"+strconv.Itoa(a.right)+"em")
	}
	if a.align != "" {
		style = append(style, "text-align:"+a.align)
	}
	if a.valign != "" {
		style = append(style, "vertical-align:"+a.valign)
	}
	if len(style) > 0 {
		dst = append(dst, ` style="`...)
		dst = append(escape(dst, strings.Join(style, ";")+";"), '"')
	}
	return dst
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }
func isUpper(c byte) bool { return c >= 'A' && c <= 'Z' }
func isWord(c byte) bool {
	return isDigit(c) || c >= 'a' && c <= 'z' || isUpper(c)
}
func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\n' }

// lineEnd returns where the line at pos ends: at its \n, or at end.
func (d *doc) lineEnd(pos, end int) int {
	if i := bytes.IndexByte(d.src[pos:end], '\n'); i >= 0 {
		return pos + i
	}
	return end
}
