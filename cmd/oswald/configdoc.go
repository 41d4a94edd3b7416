// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"fmt"
	"io"
	"reflect"
	"sort"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// writeExample writes cfg as a commented TOML file: the doc tag of each field
// above its key and value. A field whose value is the zero value stands
// commented out, as a thing that may be set. cfg is a struct of scalars,
// followed by structs and maps that become tables.
func writeExample(w io.Writer, cfg any) {
	writeTable(w, "", reflect.ValueOf(cfg))
}

func writeTable(w io.Writer, name string, v reflect.Value) {
	t := v.Type()
	for i := range t.NumField() {
		if f := t.Field(i); tomlKey(f) != "" && !isTable(f.Type) {
			writeField(w, f, v.Field(i))
		}
	}
	for i := range t.NumField() {
		f := t.Field(i)
		key := tomlKey(f)
		if key == "" || !isTable(f.Type) {
			continue
		}
		full := strings.TrimPrefix(name+"."+key, ".")
		fmt.Fprintln(w)
		writeComment(w, f.Tag.Get("doc"))
		fmt.Fprintf(w, "[%s]\n", full)
		if f.Type.Kind() == reflect.Map {
			writeMap(w, f, v.Field(i))
			continue
		}
		writeTable(w, full, v.Field(i))
	}
}

func writeField(w io.Writer, f reflect.StructField, v reflect.Value) {
	writeComment(w, f.Tag.Get("doc"))
	off := ""
	if v.IsZero() && v.Kind() != reflect.Bool || v.Kind() == reflect.Slice && v.Len() == 0 {
		off = "# "
	}
	text := tomlValue(v)
	if ex := f.Tag.Get("example"); ex != "" && off != "" {
		text = ex
	}
	fmt.Fprintf(w, "%s%s = %s\n", off, tomlKey(f), text)
}

func writeMap(w io.Writer, f reflect.StructField, v reflect.Value) {
	if v.Len() == 0 {
		for _, line := range strings.Split(f.Tag.Get("example"), "; ") {
			fmt.Fprintf(w, "# %s\n", line)
		}
		return
	}
	keys := v.MapKeys()
	sort.Slice(keys, func(i, j int) bool { return keys[i].String() < keys[j].String() })
	for _, k := range keys {
		fmt.Fprintf(w, "%s = %s\n", strconv.Quote(k.String()), tomlValue(v.MapIndex(k)))
	}
}

// writeComment wraps text at 90 columns behind "# ".
func writeComment(w io.Writer, text string) {
	text = sentence(text)
	line := "#"
	for _, word := range strings.Fields(text) {
		if len(line)+1+len(word) > 90 {
			fmt.Fprintln(w, line)
			line = "#"
		}
		line += " " + word
	}
	if line != "#" {
		fmt.Fprintln(w, line)
	}
}

// sentence starts text with a capital letter and ends it with a full stop.
func sentence(text string) string {
	if text == "" {
		return ""
	}
	r, n := utf8.DecodeRuneInString(text)
	text = string(unicode.ToUpper(r)) + text[n:]
	if !strings.ContainsAny(text[len(text)-1:], ".?!") {
		text += "."
	}
	return text
}

// tomlValue writes a scalar or a list of scalars as TOML.
func tomlValue(v reflect.Value) string {
	if d, ok := v.Interface().(time.Duration); ok {
		return strconv.Quote(shortDuration(d))
	}
	switch v.Kind() {
	case reflect.String:
		return strconv.Quote(v.String())
	case reflect.Slice:
		var parts []string
		for i := range v.Len() {
			parts = append(parts, tomlValue(v.Index(i)))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case reflect.Float64:
		s := strconv.FormatFloat(v.Float(), 'f', -1, 64)
		if !strings.Contains(s, ".") {
			s += ".0"
		}
		return s
	}
	if m, ok := v.Interface().(interface{ MarshalText() ([]byte, error) }); ok {
		if b, err := m.MarshalText(); err == nil {
			return strconv.Quote(string(b))
		}
	}
	return fmt.Sprint(v.Interface())
}

// shortDuration writes 2m0s as 2m and 1h0m0s as 1h.
func shortDuration(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

func tomlKey(f reflect.StructField) string {
	key, _, _ := strings.Cut(f.Tag.Get("toml"), ",")
	if key == "-" || !f.IsExported() {
		return ""
	}
	return key
}

func isTable(t reflect.Type) bool { return t.Kind() == reflect.Struct || t.Kind() == reflect.Map }
