// SPDX-License-Identifier: GPL-3.0-or-later

package wiki

import (
	"regexp"
	"strconv"
	"strings"
)

// call is a macro as it was written: name, then words and key=value pairs. A
// value may be quoted, or be a [[link]] or another {{macro}}.
type call struct {
	name string
	args []arg
}

// arg is one argument. A plain word has no key; op is = != > < >= <= or ~.
type arg struct{ key, op, val string }

// parseCall takes the inside of {{…}} apart. It never fails: what cannot be
// read as an argument is a plain word.
func parseCall(raw string) call {
	raw = strings.TrimSpace(raw)
	n := 0
	for n < len(raw) && (raw[n] >= 'a' && raw[n] <= 'z' || raw[n] >= 'A' && raw[n] <= 'Z' || raw[n] >= '0' && raw[n] <= '9' || raw[n] == '-' || raw[n] == '_' || raw[n] >= 0x80) {
		n++
	}
	c := call{name: fold(raw[:n])}
	rest := raw[n:]
	if rest != "" && !isSpace(rest[0]) {
		c.name = ""
		return c
	}
	for {
		rest = strings.TrimLeft(rest, " \t\r\n")
		if rest == "" {
			return c
		}
		var a arg
		i := 0
		for i < len(rest) && (rest[i] >= 'a' && rest[i] <= 'z' || rest[i] >= 'A' && rest[i] <= 'Z' || rest[i] >= '0' && rest[i] <= '9' || rest[i] == '-' || rest[i] == '_' || rest[i] == '.' || rest[i] >= 0x80) {
			i++
		}
		if i > 0 {
			for _, op := range []string{"!=", ">=", "<=", "=", ">", "<", "~"} {
				if strings.HasPrefix(rest[i:], op) {
					a.key, a.op = fold(rest[:i]), op
					rest = rest[i+len(op):]
					break
				}
			}
		}
		a.val, rest = value(rest)
		c.args = append(c.args, a)
	}
}

// value reads one value from the start of s.
func value(s string) (val, rest string) {
	if s == "" {
		return "", ""
	}
	if q := s[0]; q == '"' || q == '\'' {
		if i := strings.IndexByte(s[1:], q); i >= 0 {
			return s[1 : 1+i], s[2+i:]
		}
	}
	i, depth := 0, 0
	for i < len(s) {
		switch {
		case strings.HasPrefix(s[i:], "{{"), strings.HasPrefix(s[i:], "[["):
			depth++
			i += 2
			continue
		case depth > 0 && (strings.HasPrefix(s[i:], "}}") || strings.HasPrefix(s[i:], "]]")):
			depth--
			i += 2
			continue
		case depth == 0 && isSpace(s[i]):
			return s[:i], s[i:]
		}
		i++
	}
	return s, ""
}

// get returns a named argument.
func (c call) get(key string) (string, bool) {
	for _, a := range c.args {
		if a.key == key && a.op == "=" {
			return a.val, true
		}
	}
	return "", false
}

// word returns the nth plain word, counted from 0.
func (c call) word(n int) string {
	for _, a := range c.args {
		if a.key == "" {
			if n == 0 {
				return a.val
			}
			n--
		}
	}
	return ""
}

// or returns a named argument, the first word, or a default.
func (c call) or(key, def string) string {
	if v, ok := c.get(key); ok {
		return v
	}
	if v := c.word(0); v != "" {
		return v
	}
	return def
}

// String writes the call so that equal calls are equal texts.
func (c call) String() string {
	s := c.name
	for _, a := range c.args {
		s += " " + a.key + a.op + strconv.Quote(a.val)
	}
	return s
}

var param = regexp.MustCompile(`\{\{\$([\pL\pN_-]+)(?:\|([^{}\n]*))?\}\}`)

// substitute puts the arguments of a call into the text of a macro: {{$name}},
// {{$name|default}}, {{$1}} for the first plain word.
func substitute(body string, c call) string {
	return param.ReplaceAllStringFunc(body, func(s string) string {
		m := param.FindStringSubmatch(s)
		if n, err := strconv.Atoi(m[1]); err == nil && n > 0 {
			if v := c.word(n - 1); v != "" {
				return v
			}
			return m[2]
		}
		if v, ok := c.get(fold(m[1])); ok {
			return v
		}
		return m[2]
	})
}

// calc works out "a op b op c …" from left to right.
func calc(words []string) (string, bool) {
	var total float64
	op := "+"
	for i, w := range words {
		if i%2 == 1 {
			op = w
			continue
		}
		v, err := strconv.ParseFloat(w, 64)
		if err != nil {
			return "", false
		}
		switch op {
		case "+":
			total += v
		case "-":
			total -= v
		case "*", "×":
			total *= v
		case "/", "÷":
			if v == 0 {
				return "", false
			}
			total /= v
		default:
			return "", false
		}
	}
	if len(words)%2 == 0 || total > 1e15 || total < -1e15 {
		return "", false
	}
	return strconv.FormatFloat(total, 'f', -1, 64), true
}

// truth judges the test of {{if}}: "a = b", "a > b" and so on, or a text that
// is true unless it is empty, 0, no or false.
func truth(s string) bool {
	for _, op := range []string{"!=", ">=", "<=", "=", ">", "<"} {
		if a, b, ok := strings.Cut(s, op); ok {
			return compare(strings.TrimSpace(a), op, strings.TrimSpace(b))
		}
	}
	switch fold(strings.TrimSpace(s)) {
	case "", "0", "no", "false":
		return false
	}
	return true
}

// compare compares numbers as numbers and everything else as folded text.
func compare(a, op, b string) bool {
	x, errX := strconv.ParseFloat(a, 64)
	y, errY := strconv.ParseFloat(b, 64)
	less, equal := x < y, x == y
	if errX != nil || errY != nil {
		fa, fb := fold(a), fold(b)
		less, equal = fa < fb, fa == fb
	}
	switch op {
	case "=":
		return equal
	case "!=":
		return !equal
	case "<":
		return less
	case ">":
		return !less && !equal
	case "<=":
		return less || equal
	case ">=":
		return !less
	case "~":
		return strings.Contains(fold(a), fold(b))
	}
	return false
}
