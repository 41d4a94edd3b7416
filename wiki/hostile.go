// SPDX-License-Identifier: GPL-3.0-or-later

package wiki

import (
	"bytes"

	"oswald"
)

// The limits of one page. goldmark needs time that grows with the square of
// some inputs, and a conversion cannot be cancelled, so a linear scan comes
// first.
const (
	maxStrange   = 64 << 10 // bytes of a text that a stranger wrote
	maxNesting   = 32       // block quotes or lists inside each other
	maxOpenLinks = 200      // "](" without its end, in a paragraph
	maxTicks     = 200      // backslash and two backticks, in a paragraph
	maxBrackets  = 2000     // "[" without its end, in a paragraph
)

// CheckText says in one sentence why a text that a stranger wrote is not given
// to the Markdown parser, or returns nil.
func CheckText(text []byte) error {
	if len(text) > maxStrange {
		return oswald.Errorf(oswald.Invalid, "The text is too long: at most %d KB.", maxStrange>>10)
	}
	if line, what := scan(text); what != "" {
		return oswald.Errorf(oswald.Invalid, "Line %d: %s.", line, what)
	}
	return nil
}

// scan looks for what would keep the parser busy too long. It returns the line
// and the fault, which is empty if there is none.
func scan(text []byte) (line int, what string) {
	var links, ticks, brackets int
	for len(text) > 0 {
		line++
		var l []byte
		if i := bytes.IndexByte(text, '\n'); i >= 0 {
			l, text = text[:i], text[i+1:]
		} else {
			l, text = text, nil
		}
		depth := nesting(l)
		if depth > maxNesting {
			return line, "quotes or lists are nested more than 32 deep"
		}
		if len(bytes.TrimLeft(l, "> \t\r")) == 0 { // a paragraph ends
			links, ticks, brackets = 0, 0, 0
			continue
		}
		for i := 0; i < len(l); i++ {
			switch l[i] {
			case '[':
				brackets++
			case ']':
				brackets = max(0, brackets-1)
				if i+1 < len(l) && l[i+1] == '(' {
					links++
				}
			case ')':
				links = max(0, links-1)
			case '\\':
				if i+2 < len(l) && l[i+1] == '`' && l[i+2] == '`' {
					ticks++
				}
			}
		}
		switch {
		case links > maxOpenLinks:
			return line, "too many links begin with ]( and do not end"
		case brackets > maxBrackets:
			return line, "too many brackets [ are open"
		case ticks > maxTicks:
			return line, "too many backslashes stand before backticks"
		}
	}
	return 0, ""
}

// nesting counts the quote and list markers at the start of a line; a list
// indented by two spaces a level counts as its levels.
func nesting(l []byte) int {
	depth, indent := 0, 0
	for i := 0; i < len(l); i++ {
		switch c := l[i]; {
		case c == ' ':
			indent++
		case c == '\t':
			indent += 4
		case c == '>':
			depth++
		case c == '-' || c == '*' || c == '+':
			if i+1 < len(l) && l[i+1] != ' ' && l[i+1] != '\t' {
				return depth
			}
			if indent/2 > depth {
				depth = indent / 2
			}
			depth++
		case c >= '0' && c <= '9':
			j := i
			for j < len(l) && l[j] >= '0' && l[j] <= '9' {
				j++
			}
			if j+1 >= len(l) || l[j] != '.' && l[j] != ')' || l[j+1] != ' ' {
				return depth
			}
			i = j
			depth++
		default:
			return depth
		}
	}
	return depth
}
