// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"encoding"
	"errors"
	"fmt"
	"reflect"
	"sort"
	"time"

	"github.com/BurntSushi/toml"
)

// decode puts the values of a TOML text into cfg, a pointer to a struct with
// toml tags, and reports every fault by its key: unknown keys and values of the
// wrong type, all at once. (The library's own decoder stops at the first.)
func decode(text string, cfg any) error {
	var tree map[string]any
	if _, err := toml.Decode(text, &tree); err != nil {
		var pe toml.ParseError
		if errors.As(err, &pe) {
			return fmt.Errorf("line %d: %s", pe.Position.Line, pe.Message)
		}
		return err
	}
	return assignTable(reflect.ValueOf(cfg).Elem(), tree, "")
}

func assignTable(v reflect.Value, tree map[string]any, prefix string) error {
	fields := map[string]reflect.Value{}
	for i := range v.NumField() {
		if key := tomlKey(v.Type().Field(i)); key != "" {
			fields[key] = v.Field(i)
		}
	}
	var errs []error
	for _, key := range sortedKeys(tree) {
		full := prefix + key
		f, ok := fields[key]
		if !ok {
			errs = append(errs, fmt.Errorf("%s: there is no such key%s", full, didYouMean(full)))
			continue
		}
		errs = append(errs, assign(f, tree[key], full))
	}
	return errors.Join(errs...)
}

// assign puts one TOML value into v.
func assign(v reflect.Value, x any, key string) error {
	if u, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok {
		s, ok := x.(string)
		if !ok {
			return wrongType(key, "a text in quotes", x)
		}
		if err := u.UnmarshalText([]byte(s)); err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
		return nil
	}
	if v.Type() == reflect.TypeFor[time.Duration]() {
		s, ok := x.(string)
		if !ok {
			return wrongType(key, `a duration such as "90s" or "2h"`, x)
		}
		d, err := time.ParseDuration(s)
		if err != nil {
			return fmt.Errorf("%s: %q is not a duration; write \"90s\", \"5m\" or \"2h\"", key, s)
		}
		v.SetInt(int64(d))
		return nil
	}
	switch v.Kind() {
	case reflect.String:
		return set(v, x, key, "a text in quotes")
	case reflect.Bool:
		return set(v, x, key, "true or false")
	case reflect.Int, reflect.Int64, reflect.Int32, reflect.Uint, reflect.Uint64, reflect.Uint16:
		n, ok := x.(int64)
		if !ok {
			return wrongType(key, "a whole number", x)
		}
		n2 := reflect.ValueOf(n).Convert(v.Type())
		if n2.CanInt() && n2.Int() != n || n2.CanUint() && (n < 0 || n2.Uint() != uint64(n)) {
			return fmt.Errorf("%s: %d is out of range", key, n)
		}
		v.Set(n2)
		return nil
	case reflect.Float64:
		if n, ok := x.(int64); ok {
			x = float64(n)
		}
		return set(v, x, key, "a number")
	case reflect.Slice:
		return assignList(v, x, key)
	case reflect.Map:
		return assignMap(v, x, key)
	case reflect.Struct:
		tree, ok := x.(map[string]any)
		if !ok {
			return wrongType(key, "a table", x)
		}
		return assignTable(v, tree, key+".")
	}
	return fmt.Errorf("%s: cannot be set", key)
}

func assignList(v reflect.Value, x any, key string) error {
	var items []any
	switch x := x.(type) {
	case []any:
		items = x
	case []map[string]any: // [[key]]
		for _, m := range x {
			items = append(items, m)
		}
	default:
		return wrongType(key, "a list in brackets", x)
	}
	list := reflect.MakeSlice(v.Type(), len(items), len(items))
	var errs []error
	for i := range items {
		errs = append(errs, assign(list.Index(i), items[i], fmt.Sprintf("%s[%d]", key, i)))
	}
	v.Set(list)
	return errors.Join(errs...)
}

func assignMap(v reflect.Value, x any, key string) error {
	tree, ok := x.(map[string]any)
	if !ok {
		return wrongType(key, "a table", x)
	}
	m := reflect.MakeMap(v.Type())
	var errs []error
	for _, k := range sortedKeys(tree) {
		item := reflect.New(v.Type().Elem()).Elem()
		errs = append(errs, assign(item, tree[k], key+"."+k))
		m.SetMapIndex(reflect.ValueOf(k), item)
	}
	v.Set(m)
	return errors.Join(errs...)
}

func set(v reflect.Value, x any, key, want string) error {
	if reflect.TypeOf(x).Kind() != v.Kind() {
		return wrongType(key, want, x)
	}
	v.Set(reflect.ValueOf(x).Convert(v.Type()))
	return nil
}

func wrongType(key, want string, x any) error {
	return fmt.Errorf("%s: %v is not %s", key, x, want)
}

func sortedKeys(m map[string]any) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}
