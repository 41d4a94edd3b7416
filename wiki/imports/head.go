// SPDX-License-Identifier: GPL-3.0-or-later

package imports

import (
	"encoding/json"
	"fmt"
	"sort"
	"strings"
	"time"

	"github.com/BurntSushi/toml"
	"go.yaml.in/yaml/v3"
)

// head is the front matter of a page.
type head struct {
	vals  map[string]any
	lines int    // of it in the file
	raw   string // of one that cannot be read, which stays as it is
}

// cut takes the front matter off a text: YAML between lines of ---, TOML between
// lines of +++, or JSON as Hugo has it.
func (h *head) cut(p *page, text string) string {
	h.vals = map[string]any{}
	var err error
	switch {
	case strings.HasPrefix(text, "---\n"), strings.HasPrefix(text, "+++\n"):
		mark := text[:3]
		body, rest, ok := "", "", false
		for _, end := range []string{"\n" + mark + "\n", "\n" + mark} {
			if body, rest, ok = strings.Cut(text[3:], end); ok && (end[len(end)-1] == '\n' || rest == "") {
				break
			}
			ok = false
		}
		if !ok {
			return text
		}
		h.lines = strings.Count(text[:len(text)-len(rest)], "\n")
		if mark == "---" {
			err = yaml.Unmarshal([]byte(body), &h.vals)
		} else {
			err = toml.Unmarshal([]byte(body), &h.vals)
		}
		if err != nil {
			h.raw = text[:len(text)-len(rest)]
		}
		text = rest
	case strings.HasPrefix(text, "{\n"):
		d := json.NewDecoder(strings.NewReader(text))
		if d.Decode(&h.vals) != nil {
			h.vals = map[string]any{}
			return text
		}
		h.lines = strings.Count(text[:d.InputOffset()], "\n")
		text = strings.TrimPrefix(text[d.InputOffset():], "\n")
	}
	if err != nil {
		p.note(1, "the front matter cannot be read, and stays as it is")
		h.vals = map[string]any{}
	}
	if h.vals == nil {
		h.vals = map[string]any{}
	}
	return text
}

// list reads a value that is a list, or one text of several words.
func (h *head) list(key string) (out []string) {
	switch v := h.vals[key].(type) {
	case string:
		return strings.FieldsFunc(v, func(r rune) bool { return r == ' ' || r == ',' })
	case []any:
		for _, x := range v {
			out = append(out, strings.TrimSpace(fmt.Sprint(x)))
		}
	}
	return out
}

// tag adds tags.
func (h *head) tag(tags ...string) {
	have := h.list("tags")
	seen := map[string]bool{}
	all := []any{}
	for _, t := range append(have, tags...) {
		t = strings.Join(strings.Fields(strings.TrimPrefix(t, "#")), "-")
		if t != "" && !seen[strings.ToLower(t)] {
			seen[strings.ToLower(t)] = true
			all = append(all, t)
		}
	}
	if len(all) > 0 {
		h.vals["tags"] = all
	}
}

// move renames a key, unless the new one has a value.
func (h *head) move(from, to string) {
	v, ok := h.vals[from]
	if !ok {
		return
	}
	delete(h.vals, from)
	if _, there := h.vals[to]; !there {
		h.vals[to] = v
	}
}

func (h *head) String() string {
	if h.raw != "" {
		return h.raw
	}
	if len(h.vals) == 0 {
		return ""
	}
	keys := make([]string, 0, len(h.vals))
	for k := range h.vals {
		keys = append(keys, k)
	}
	sort.Slice(keys, func(i, j int) bool {
		if a, b := keys[i] == "title", keys[j] == "title"; a != b {
			return a
		}
		return keys[i] < keys[j]
	})
	var b strings.Builder
	b.WriteString("---\n")
	for _, k := range keys {
		v := h.vals[k]
		if t, ok := v.(time.Time); ok {
			v = dateText(t)
		}
		data, err := yaml.Marshal(map[string]any{k: v})
		if err != nil {
			continue
		}
		b.Write(data)
	}
	b.WriteString("---\n")
	return b.String()
}

func dateText(t time.Time) string {
	if t.Hour() == 0 && t.Minute() == 0 && t.Second() == 0 {
		return t.Format("2006-01-02")
	}
	return t.UTC().Format("2006-01-02 15:04:05")
}
