// SPDX-License-Identifier: GPL-3.0-or-later

package bot

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// fence begins and ends a block of preformatted text (XEP-0393 section 5.1.2).
const fence = "```"

// split cuts s into parts of at most limit characters, which must be 20 or more:
// between lines where it can, else between words, else anywhere. Unless raw is true,
// a block of preformatted text stays in one part if it fits into one; if not it is
// closed at the end of a part and opened again in the next.
func split(s string, limit int, raw bool) []string {
	if utf8.RuneCountInString(s) <= limit {
		return []string{s}
	}
	p := splitter{limit: limit, raw: raw}
	lines := strings.Split(s, "\n")
	for i, line := range lines {
		if p.opens(line) {
			if n := blockSize(lines[i:], limit); !p.fresh() && n <= limit && p.size+1+n > limit {
				p.flush()
			}
		}
		p.line(line)
	}
	if !p.fresh() {
		p.parts = append(p.parts, p.b.String())
	}
	return p.parts
}

// blockSize returns the characters of the block that lines begin with, with the
// end that it may lack; more than limit if it is longer than that.
func blockSize(lines []string, limit int) int {
	n := utf8.RuneCountInString(lines[0])
	for _, line := range lines[1:] {
		n += 1 + utf8.RuneCountInString(line)
		if closes(line) || n > limit {
			return n
		}
	}
	return n + 1 + len(fence)
}

func closes(line string) bool { return strings.TrimRight(line, " ") == fence }

// A splitter is at work on one text.
type splitter struct {
	limit int
	raw   bool
	parts []string
	b     strings.Builder // the part at hand
	size  int             // its characters
	block bool            // it ends inside a block
}

func (p *splitter) fresh() bool { return p.b.Len() == 0 }

func (p *splitter) opens(line string) bool {
	return !p.raw && !p.block && strings.HasPrefix(line, fence)
}

// flush ends the part.
func (p *splitter) flush() {
	if p.block {
		p.b.WriteString("\n" + fence)
	}
	p.parts = append(p.parts, p.b.String())
	p.b.Reset()
	if p.size = 0; p.block {
		p.b.WriteString(fence)
		p.size = len(fence)
	}
}

// left is how many characters of a line fit into the part, with room for the end
// of a block if one is open after it.
func (p *splitter) left(open bool) int {
	n := p.limit - p.size
	if !p.fresh() {
		n-- // the line break
	}
	if open {
		n -= 1 + len(fence)
	}
	return n
}

func (p *splitter) add(line string) {
	if !p.fresh() {
		p.b.WriteByte('\n')
		p.size++
	}
	p.b.WriteString(line)
	p.size += utf8.RuneCountInString(line)
}

// line takes the next line of the text.
func (p *splitter) line(line string) {
	if p.fresh() && strings.TrimSpace(line) == "" && len(p.parts) > 0 {
		return // nothing to see at the top of a part
	}
	end := p.block && closes(line)
	open := p.block && !end || p.opens(line)
	n := utf8.RuneCountInString(line)
	if !p.fresh() && n > p.left(open) {
		p.flush()
	}
	p.block = open || end
	for n > p.left(open) { // longer than a part
		cut := cutAt(line, p.left(open))
		p.add(line[:cut])
		n -= utf8.RuneCountInString(line[:cut])
		line = line[cut:]
		switch {
		case strings.HasPrefix(line, " "):
			line = line[1:]
			n--
		case !p.raw && strings.HasPrefix(line, fence):
			line = " " + line // in the middle of a line it was no fence
			n++
		}
		p.flush()
	}
	p.add(line)
	p.block = open
}

// cutAt returns where to cut a line that is longer than n characters: at the last
// space of its second half, or after n characters, but not in the middle of what
// is shown as one.
func cutAt(line string, n int) int {
	end, count, space := 0, 0, 0
	whole := 0 // the last cut that leaves what belongs together
	joined := false
	for i, r := range line {
		extends := unicode.Is(unicode.M, r) || r == 0x200D || r >= 0x1F3FB && r <= 0x1F3FF
		if i > 0 && !extends && !joined {
			whole = i
		}
		joined = r == 0x200D
		if count == n {
			break
		}
		if r == ' ' && count > n/2 {
			space = i
		}
		count++
		end = i + utf8.RuneLen(r)
	}
	switch {
	case space > 0:
		return space
	case whole > end/2:
		return whole
	}
	return end
}
