// SPDX-License-Identifier: GPL-3.0-or-later

package textile

import (
	"bytes"
	"strconv"
	"strings"
)

// isTable says whether a table begins: a row, or a line that says table.
func (d *doc) isTable(pos, end int) bool {
	line := d.lineEnd(pos, end)
	if _, _, ok := d.tableMark(pos, line); ok && line < end {
		return d.isRow(line+1, end)
	}
	return d.isRow(pos, end)
}

// tableMark reads table(attributes). summary
func (d *doc) tableMark(pos, line int) (a attrs, summary string, ok bool) {
	if !bytes.HasPrefix(d.src[pos:line], []byte("table")) {
		return a, "", false
	}
	a, pos = d.attributes(pos+len("table"), line, forBlock)
	if pos == line || d.src[pos] != '.' {
		return a, "", false
	}
	return a, strings.TrimSpace(string(d.src[pos+1 : line])), true
}

// isRow says whether a row begins: it ends with a bar at the end of a line, this
// one or a later one.
func (d *doc) isRow(pos, end int) bool {
	line := d.lineEnd(pos, end)
	if _, start := d.rowAttrs(pos, line); start == line || d.src[start] != '|' {
		return false
	}
	if d.groupMark(pos, line) != 0 {
		return true
	}
	stop, ok := d.rowEnd(pos, end)
	return ok && stop > pos
}

// rowAttrs reads the attributes of a row: (class). |a|b|
func (d *doc) rowAttrs(pos, line int) (a attrs, start int) {
	if pos < line && d.src[pos] == '|' {
		return a, pos
	}
	a, start = d.attributes(pos, line, forBlock|forRow)
	if start == pos || start+1 >= line || d.src[start] != '.' {
		return attrs{}, line
	}
	for start++; start < line && d.src[start] == ' '; {
		start++
	}
	return a, start
}

// groupMark returns what a line such as |^. begins: = caption, : columns,
// ^ head, - body, ~ foot; or 0.
func (d *doc) groupMark(pos, line int) byte {
	if line-pos < 3 || d.src[pos] != '|' || strings.IndexByte("=:^-~", d.src[pos+1]) < 0 {
		return 0
	}
	c := d.src[pos+1]
	if c == ':' {
		return c
	}
	_, next := d.attributes(pos+2, line, forBlock)
	if next >= line || d.src[next] != '.' {
		return 0
	}
	rest := bytes.TrimSpace(d.src[next+1 : line])
	if c == '=' && len(rest) > 0 || c != '=' && len(rest) == 0 {
		return c
	}
	return 0
}

// maxRowLines is how many lines one row may take.
const maxRowLines = 200

// rowEnd returns the end of the line that ends the row at pos.
func (d *doc) rowEnd(pos, end int) (stop int, ok bool) {
	for i := 0; pos <= end && i < maxRowLines; i++ {
		line := d.lineEnd(pos, end)
		if text := bytes.TrimRight(d.src[pos:line], " \t"); i > 0 && len(text) > 0 && text[len(text)-1] == '|' || i == 0 && len(text) > 1 && text[len(text)-1] == '|' {
			return line, true
		}
		if line == end {
			break
		}
		pos = line + 1
	}
	return 0, false
}

// table writes a table and returns where it ends.
func (d *doc) table(pos, end int) int {
	d.out = append(append(d.out, "<table"...), d.o.Scrolls...)
	if a, summary, ok := d.tableMark(pos, d.lineEnd(pos, end)); ok {
		d.out = d.attrs(d.out, a)
		if summary != "" {
			d.out = append(d.out, ` summary="`...)
			d.out = append(escape(d.out, summary), '"')
		}
		pos = d.lineEnd(pos, end) + 1
	}
	d.out = append(d.out, ">\n"...)
	group := ""
	for first := true; pos < end && d.isRow(pos, end); first = false {
		line := d.lineEnd(pos, end)
		switch c := d.groupMark(pos, line); {
		case c == '=' && first:
			a, next := d.attributes(pos+2, line, forBlock)
			d.out = append(d.attrs(append(d.out, "<caption"...), a), '>')
			text := bytes.TrimRight(d.src[next+1:line], " |")
			s := d.inline(next+1, next+1+len(text))
			d.out = append(append(d.out, s.html...), "</caption>\n"...)
			d.told("caption", s.plain)
			pos = line + 1
		case c == ':' && group == "":
			d.columns(pos+2, line)
			pos = line + 1
		case c == '^' || c == '-' || c == '~':
			if group != "" {
				d.out = append(append(append(d.out, "</"...), group...), ">\n"...)
			}
			group = map[byte]string{'^': "thead", '-': "tbody", '~': "tfoot"}[c]
			a, _ := d.attributes(pos+2, line, forBlock)
			d.out = append(append(d.out, '<'), group...)
			d.out = append(d.attrs(d.out, a), ">\n"...)
			pos = line + 1
		default:
			stop, ok := d.rowEnd(pos, end)
			if !ok {
				stop = end
			}
			d.row(pos, stop)
			pos = stop + 1
		}
	}
	if group != "" {
		d.out = append(append(append(d.out, "</"...), group...), ">\n"...)
	}
	d.out = append(d.out, "</table>\n"...)
	return pos
}

// columns writes a colgroup: \2 100 |\3 |50
func (d *doc) columns(pos, line int) {
	for i, c := range bytes.Split(bytes.TrimRight(d.src[pos:line], " |"), []byte("|")) {
		if i > 50 {
			break
		}
		span, width := 0, 0
		col := strings.TrimSpace(string(c))
		a := attrs{}
		if i > 0 || col != "" {
			from := pos + bytes.Index(d.src[pos:line], c)
			var next int
			a, next = d.attributes(from, min(from+len(c), line), forBlock|forRow|forCell)
			col = strings.TrimLeft(string(d.src[next:from+len(c)]), ". ")
			span = a.cols
			width, _ = strconv.Atoi(strings.TrimSpace(col))
			a.cols, a.rows = 0, 0
		}
		if i == 0 {
			d.out = append(d.out, "<colgroup"...)
		} else {
			d.out = append(d.out, "<col"...)
		}
		if span > 0 {
			d.out = append(strconv.AppendInt(append(d.out, ` span="`...), int64(span), 10), '"')
		}
		if width > 0 && width < 10000 {
			d.out = append(strconv.AppendInt(append(d.out, ` width="`...), int64(width), 10), '"')
		}
		d.out = append(d.attrs(d.out, a), ">\n"...)
	}
	d.out = append(d.out, "</colgroup>\n"...)
}

// row writes one row.
func (d *doc) row(pos, stop int) {
	a, pos := d.rowAttrs(pos, d.lineEnd(pos, stop))
	d.out = append(d.attrs(append(d.out, "<tr"...), a), ">\n"...)
	for pos++; pos < stop; {
		to := d.cellEnd(pos, stop)
		d.cell(pos, to)
		if len(bytes.TrimSpace(d.src[min(to+1, stop):stop])) == 0 {
			break
		}
		pos = to + 1
	}
	d.out = append(d.out, "</tr>\n"...)
}

// cellEnd returns where the bar stands that ends the cell at pos. A bar inside
// a construct of the wiki or in code ends no cell.
func (d *doc) cellEnd(pos, stop int) int {
	for ; pos < stop; pos++ {
		switch d.src[pos] {
		case '|':
			return pos
		case '[', '{':
			if n := d.wikiEnd(pos, stop); n > 0 {
				pos += n - 1
			}
		}
	}
	return stop
}

func (d *doc) cell(pos, to int) {
	el := "td"
	line := d.lineEnd(pos, to)
	a, next := d.attributes(pos, line, forBlock|forRow|forCell)
	switch {
	case next > pos && next < line && d.src[next] == '.' && (next+1 == to || isSpace(d.src[next+1])):
		pos = next + 1
	default:
		a = attrs{}
	}
	if a.header {
		el = "th"
	}
	d.out = append(append(d.out, '<'), el...)
	d.out = append(d.attrs(d.out, a), '>')
	for pos < to && isSpace(d.src[pos]) {
		pos++
	}
	if d.isItem(pos, d.lineEnd(pos, to)) {
		d.list(pos, to)
	} else {
		s := d.inline(pos, to)
		d.out = append(d.out, s.html...)
		d.told(el, s.plain)
	}
	d.out = append(append(append(d.out, "</"...), el...), ">\n"...)
}
