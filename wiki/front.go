// SPDX-License-Identifier: GPL-3.0-or-later

package wiki

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/BurntSushi/toml"
	"go.yaml.in/yaml/v3"
)

// splitFront parts the front matter from the text. raw is empty where there is
// none; mark is '-' for YAML and '+' for TOML.
func splitFront(src []byte) (raw, body []byte, mark byte, lines int) {
	src = bytes.TrimPrefix(src, []byte("\xef\xbb\xbf"))
	if len(src) < 4 || src[0] != '-' && src[0] != '+' {
		return nil, src, 0, 0
	}
	fence := []byte{src[0], src[0], src[0]}
	first, rest, ok := bytes.Cut(src, []byte("\n"))
	if !ok || !bytes.Equal(bytes.TrimRight(first, " \t\r"), fence) {
		return nil, src, 0, 0
	}
	for n, at := 2, 0; at < len(rest); n++ {
		end := bytes.IndexByte(rest[at:], '\n')
		next := at + end + 1
		if end < 0 {
			end, next = len(rest)-at, len(rest)
		}
		if bytes.Equal(bytes.TrimRight(rest[at:at+end], " \t\r"), fence) {
			return rest[:at], rest[next:], fence[0], n
		}
		at = next
	}
	return nil, src, 0, 0
}

// parseFront reads the front matter. An error names the line in the page.
func parseFront(raw []byte, mark byte) ([]Field, error) {
	if mark != '+' {
		if fields, ok := simpleYAML(raw); ok {
			return fields, nil
		}
	}
	m := map[string]any{}
	var err error
	if mark == '+' {
		err = toml.Unmarshal(raw, &m)
	} else {
		err = yaml.Unmarshal(raw, &m)
	}
	if err != nil {
		return nil, frontError(err)
	}
	byKey := map[string][]string{}
	for k, v := range m {
		flatten(byKey, fold(strings.TrimSpace(k)), v, 0)
	}
	fields := make([]Field, 0, len(byKey))
	for k, v := range byKey {
		fields = append(fields, Field{k, v})
	}
	sort.Slice(fields, func(i, j int) bool { return fields[i].Key < fields[j].Key })
	return fields, nil
}

var frontLine = regexp.MustCompile(`line (\d+)( \(last key "[^"]*"\))?`)

// frontError words a parser's error for the writer of the page: the line counts
// from the top of the file, where the fence is line 1.
func frontError(err error) error {
	msg := strings.TrimPrefix(strings.TrimPrefix(err.Error(), "yaml: "), "toml: ")
	line := 1
	if m := frontLine.FindStringSubmatch(msg); m != nil {
		n, _ := strconv.Atoi(m[1])
		line = n + 1
		msg = strings.TrimLeft(strings.Replace(msg, m[0], "", 1), " :(")
	}
	msg, _, _ = strings.Cut(msg, "\n")
	return fmt.Errorf("%d: the front matter cannot be read (%s): correct it or remove it", line, cut(msg, 120))
}

// flatten turns any value into texts; a map inside becomes key.sub.
func flatten(out map[string][]string, key string, v any, depth int) {
	if depth > 8 || len(out) > 500 {
		return
	}
	switch v := v.(type) {
	case nil:
		if _, ok := out[key]; !ok {
			out[key] = nil
		}
	case map[string]any:
		keys := make([]string, 0, len(v))
		for k := range v {
			keys = append(keys, k)
		}
		sort.Strings(keys)
		for _, k := range keys {
			flatten(out, key+"."+fold(k), v[k], depth+1)
		}
	case map[any]any:
		m := map[string]any{}
		for k, x := range v {
			m[fmt.Sprint(k)] = x
		}
		flatten(out, key, m, depth)
	case []any:
		for _, x := range v {
			flatten(out, key, x, depth+1)
		}
	case time.Time:
		out[key] = append(out[key], day(v))
	case float64:
		out[key] = append(out[key], strconv.FormatFloat(v, 'g', -1, 64))
	default:
		out[key] = append(out[key], strings.TrimSpace(clean(fmt.Sprint(v))))
	}
}

// clean removes control characters, which have a meaning inside fragments.
func clean(s string) string {
	if strings.IndexFunc(s, func(r rune) bool { return r < ' ' }) < 0 {
		return s
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' {
			return ' '
		}
		return r
	}, s)
}

// plainValue is a YAML scalar that is a text, an integer or a date and means
// itself in every version of YAML; anything else goes to the YAML parser.
func plainValue(s string) bool {
	if s == "" || len(s) > 1000 {
		return false
	}
	switch c := s[0]; {
	case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= 0x80:
	case c >= '1' && c <= '9' && len(s) == 10 && isDate(s):
		return true
	default:
		return false
	}
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c < ' ' || c == 0x7f || c == ':' || c == '#' || c == ',' || c == '[' || c == ']' || c == '{' || c == '}' {
			return false
		}
	}
	switch strings.ToLower(s) {
	case "true", "false", "yes", "no", "on", "off", "null", "y", "n":
		return false
	}
	return s[len(s)-1] != ' '
}

func isDate(s string) bool {
	_, err := time.Parse("2006-01-02", s)
	return err == nil
}

// simpleYAML reads the front matter that most pages have: "key: value",
// "key: [a, b]" and "key:" with "- item" lines below, plain values only. It is
// many times quicker than the YAML parser; ok is false for everything else.
func simpleYAML(raw []byte) (fields []Field, ok bool) {
	text := string(raw)
	for text != "" {
		line, rest, _ := strings.Cut(text, "\n")
		text = rest
		key, val, found := strings.Cut(line, ":")
		if !found || !plainKey(key) {
			return nil, false
		}
		f := Field{Key: strings.ToLower(key)}
		for _, g := range fields {
			if g.Key == f.Key {
				return nil, false
			}
		}
		switch {
		case val == "":
			for strings.HasPrefix(text, "  - ") || strings.HasPrefix(text, "- ") {
				item, rest, _ := strings.Cut(text, "\n")
				item = strings.TrimLeft(item, " ")[2:]
				if !plainValue(item) {
					return nil, false
				}
				f.Vals = append(f.Vals, item)
				text = rest
			}
			if f.Vals == nil {
				return nil, false
			}
		case val[0] != ' ':
			return nil, false
		case strings.HasPrefix(val, " [") && strings.HasSuffix(val, "]"):
			f.Vals = make([]string, 0, 1+strings.Count(val, ","))
			for item := range strings.SplitSeq(val[2:len(val)-1], ",") {
				item = strings.TrimPrefix(item, " ")
				if !plainValue(item) {
					return nil, false
				}
				f.Vals = append(f.Vals, item)
			}
		default:
			if !plainValue(val[1:]) {
				return nil, false
			}
			f.Vals = []string{val[1:]}
		}
		fields = append(fields, f)
	}
	slices.SortFunc(fields, func(a, b Field) int { return strings.Compare(a.Key, b.Key) })
	return slices.Clone(fields), true
}

func plainKey(s string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && c != '_' && (i == 0 || c != '-') {
			return false
		}
	}
	switch strings.ToLower(s) {
	case "true", "false", "yes", "no", "on", "off", "null", "y", "n", "":
		return false
	}
	return true
}

// dateLayouts are the ways in which a date may be written.
var dateLayouts = []string{"2006-01-02", time.RFC3339, "2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02 15:04", "2006-01-02T15:04", "2006/01/02", "2 January 2006", "January 2, 2006"}

func parseDate(s string) (time.Time, bool) {
	for _, layout := range dateLayouts {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC(), t.Year() > 0
		}
	}
	return time.Time{}, false
}

// cut shortens s to n runes at most.
func cut(s string, n int) string {
	i, count := 0, 0
	for i = range s {
		if count == n {
			return strings.TrimRight(s[:i], " ") + "…"
		}
		count++
	}
	return s
}
