// SPDX-License-Identifier: GPL-3.0-or-later

package textile

import (
	"bytes"
	"strconv"
)

// maxListDepth bounds how deep lists nest; deeper items stand at that depth.
const maxListDepth = 16

// item is one entry of a list.
type item struct {
	depth int
	kinds string // the marks: one of * # ; : a level
	start string // of an ordered list: a number, or _ to go on counting
	attrs attrs
	body  int
}

// isItem says whether a line begins an item.
func (d *doc) isItem(pos, end int) bool {
	_, ok := d.item(pos, end)
	return ok
}

func (d *doc) item(pos, end int) (it item, ok bool) {
	var before attrs // (class)* item: of the list
	if pos < end && (d.src[pos] == '(' || d.src[pos] == '{') {
		before, pos = d.attributes(pos, end, forPhrase)
	}
	from := pos
	for pos < end && bytes.IndexByte([]byte("*#;:"), d.src[pos]) >= 0 {
		pos++
	}
	if pos == from || pos == end {
		return it, false
	}
	if n := pos - from; n > maxListDepth {
		it.kinds = string(d.src[from:from+maxListDepth-1]) + string(d.src[pos-1])
	} else {
		it.kinds = string(d.src[from:pos])
	}
	it.depth = len(it.kinds)
	if d.src[pos-1] == '#' {
		if _, n := d.number(pos, end); n > 0 {
			it.start = string(d.src[pos : pos+n])
			pos += n
		} else if d.src[pos] == '_' {
			it.start = "_"
			pos++
		}
	}
	it.attrs, pos = d.attributes(pos, end, forPhrase)
	if pos >= end || d.src[pos] != ' ' && d.src[pos] != '\t' {
		return it, false
	}
	if it.attrs == (attrs{}) {
		it.attrs = before
	}
	it.body = pos + 1
	return it, true
}

// level is a list that is open.
type level struct {
	list string // ul, ol, dl
	el   string // li, dt, dd: what is open in it, or empty
}

func listOf(mark byte) (list, el string) {
	switch mark {
	case '#':
		return "ol", "li"
	case ';':
		return "dl", "dt"
	case ':':
		return "dl", "dd"
	}
	return "ul", "li"
}

// list writes a list and returns where it ends.
func (d *doc) list(pos, end int) int {
	var open []level
	shut := func() {
		l := open[len(open)-1]
		if l.el != "" {
			d.out = append(append(append(d.out, "</"...), l.el...), ">\n"...)
		}
		d.out = append(append(append(d.out, "</"...), l.list...), ">\n"...)
		open = open[:len(open)-1]
	}
	for pos < end {
		line := d.lineEnd(pos, end)
		it, _ := d.item(pos, line)
		for line < end && !d.isItem(line+1, d.lineEnd(line+1, end)) { // the item goes on
			line = d.lineEnd(line+1, end)
		}
		list, el := listOf(it.kinds[it.depth-1])
		for len(open) > it.depth || len(open) == it.depth && open[len(open)-1].list != list {
			shut()
		}
		if len(open) == it.depth {
			if l := &open[len(open)-1]; l.el != "" {
				d.out = append(append(append(d.out, "</"...), l.el...), ">\n"...)
				l.el = ""
			}
		}
		a := it.attrs
		for len(open) < it.depth {
			if n := len(open); n > 0 && open[n-1].el == "" { // a level was left out
				_, open[n-1].el = listOf(it.kinds[n-1])
				d.out = append(append(append(d.out, '<'), open[n-1].el...), '>')
			}
			l := level{}
			l.list, _ = listOf(it.kinds[len(open)])
			d.out = append(append(append(d.out, '\n', '<'), l.list...), d.listStart(&a, it, len(open)+1, l.list)...)
			d.out = append(d.out, ">\n"...)
			open = append(open, l)
		}
		open[len(open)-1].el = el
		d.counts[it.depth]++
		d.out = append(append(d.out, '<'), el...)
		d.out = append(d.attrs(d.out, a), '>')
		s := d.inline(it.body, line)
		d.out = append(d.out, s.html...)
		d.told(el, s.plain)
		pos = line + 1
	}
	for len(open) > 0 {
		shut()
	}
	return pos
}

// listStart returns the attributes of a list that begins with an item. The
// attributes of the first item are those of its list.
func (d *doc) listStart(a *attrs, it item, depth int, list string) (out []byte) {
	if depth < it.depth {
		d.counts[depth] = 0
		return nil
	}
	if list == "ol" {
		switch {
		case it.start == "_":
			if n := d.counts[depth]; n > 0 {
				out = append(strconv.AppendInt([]byte(` start="`), int64(n+1), 10), '"')
			}
		case it.start != "":
			n, _ := strconv.Atoi(it.start)
			d.counts[depth] = n - 1
			out = append(append([]byte(` start="`), it.start...), '"')
		default:
			d.counts[depth] = 0
		}
	}
	out = d.attrs(out, *a)
	*a = attrs{}
	return out
}

// isTerm says whether a list of the form "- term := definition" begins.
func (d *doc) isTerm(pos, end int) bool {
	if end-pos < 6 || d.src[pos] != '-' || d.src[pos+1] != ' ' && d.src[pos+1] != '(' && d.src[pos+1] != '{' && d.src[pos+1] != '[' {
		return false
	}
	line := d.lineEnd(pos, end)
	_, body := d.attributes(pos+1, line, forPhrase)
	return body < line && d.src[body] == ' ' && bytes.Contains(d.src[body:line], []byte(":="))
}

// terms writes a list of terms and returns where it ends.
func (d *doc) terms(pos, end int) int {
	d.out = append(d.out, "<dl>\n"...)
	for pos < end {
		stop := d.lineEnd(pos, end)
		for stop < end && !d.isTerm(stop+1, end) {
			stop = d.lineEnd(stop+1, end)
		}
		if !d.isTerm(pos, end) {
			break
		}
		a, body := d.attributes(pos+1, d.lineEnd(pos, end), forPhrase)
		at := body + bytes.Index(d.src[body:stop], []byte(":="))
		d.out = append(d.attrs(append(d.out, "<dt"...), a), '>')
		s := d.inline(body, at)
		d.out = append(append(d.out, s.html...), "</dt>\n<dd>"...)
		d.told("dt", s.plain)
		text := bytes.TrimSpace(d.src[at+2 : stop])
		text, long := bytes.CutSuffix(text, []byte("=:"))
		text = bytes.TrimSpace(text)
		from := at + 2 + bytes.Index(d.src[at+2:stop], text)
		s = d.inline(from, from+len(text))
		if long {
			d.out = append(append(append(d.out, "<p>"...), s.html...), "</p>"...)
		} else {
			d.out = append(d.out, s.html...)
		}
		d.out = append(d.out, "</dd>\n"...)
		d.told("dd", s.plain)
		pos = stop + 1
	}
	d.out = append(d.out, "</dl>\n"...)
	return pos
}
