// SPDX-License-Identifier: GPL-3.0-or-later

package wiki

import (
	"path"
	"slices"
	"strconv"
	"strings"
)

// How far a joined field may reach, and how many values it may gather.
const (
	maxJoin   = 4
	maxValues = 100
)

// vals returns the values of a field of a page as queries see them: those of its
// front matter, those that are worked out (words, backlinks, year, month,
// picture), and those of other pages that it leads to.
//
//	author.country   country of the pages that the field author names
//	to.tag           tags of the pages that it links to
//	from.title       titles of the pages that link to it
func (ix *index) vals(r *Record, key string) []string { return ix.follow(r, key, 0) }

// val returns the values of a field as one text.
func (ix *index) val(r *Record, key string) string { return strings.Join(ix.vals(r, key), ", ") }

func (ix *index) follow(r *Record, key string, depth int) []string {
	if key == "picture" {
		if file := ix.picture(r); file != "" {
			return []string{file}
		}
		return nil
	}
	if v := r.Vals(key); v != nil {
		return v
	}
	switch key {
	case "words":
		return []string{strconv.Itoa(r.Words)}
	case "backlinks":
		return []string{strconv.Itoa(len(ix.back[r.File]))}
	case "changed", "changedby":
		list := ix.past().of(r.File)
		if len(list) == 0 {
			return nil
		}
		if key == "changedby" {
			return []string{list[0].who}
		}
		return []string{list[0].data().Date}
	case "year", "month":
		if r.Date.IsZero() {
			return nil
		}
		return []string{r.Date.Format(map[string]string{"year": "2006", "month": "2006-01"}[key])}
	}
	by, rest, ok := strings.Cut(key, ".")
	if !ok || rest == "" || depth == maxJoin {
		return nil
	}
	var out []string
	for _, p := range ix.joined(r, by) {
		for _, v := range ix.follow(p, rest, depth+1) {
			if len(out) < maxValues && !slices.Contains(out, v) {
				out = append(out, v)
			}
		}
	}
	return out
}

// joined returns the pages that a page leads to by a field, or by its links.
func (ix *index) joined(r *Record, by string) []*Record {
	var out []*Record
	add := func(p *Record) {
		if p != nil && p != r && len(out) < maxValues && !slices.Contains(out, p) {
			out = append(out, p)
		}
	}
	switch by {
	case "to":
		for _, l := range r.Links {
			if l.known {
				add(ix.byFile[l.to])
			}
		}
	case "from":
		for _, b := range ix.back[r.File] {
			add(b.from)
		}
	default:
		for _, v := range r.Vals(by) {
			p, _ := ix.resolve(linkName(v), r.folder())
			add(p)
		}
	}
	return out
}

// linkName returns the page that a value of the front matter names: [[Page]],
// [[Page|text]] or Page.
func linkName(v string) string {
	name, _, _ := parseWiki(strings.Trim(v, "[]!"))
	return name
}

// picture returns the file of the picture that stands for a page: the one its
// front matter names, or the first in its text. It is empty where there is none.
func (ix *index) picture(r *Record) string {
	isImage := func(name string) bool { return fileTypes[strings.ToLower(path.Ext(name))] == "image" }
	for _, key := range []string{"image", "cover", "picture"} {
		for _, v := range r.Vals(key) {
			if name := linkName(v); isImage(name) && !external(name) {
				if file := ix.file(name, r.folder()); file != "" {
					return file
				}
			}
		}
	}
	for _, l := range r.Links {
		if l.Kind == Embedding && isImage(l.Target) {
			if file := ix.file(l.Target, r.folder()); file != "" {
				return file
			}
		}
	}
	return ""
}

// column is a field that a query shows, with its heading.
type column struct{ field, label string }

// columns reads fields=title,author.country:From,… of a query.
func (c call) columns() []column {
	list, _ := c.get("fields")
	var out []column
	for _, f := range strings.Split(list, ",") {
		name, label, named := strings.Cut(f, ":")
		if name = strings.TrimSpace(name); name == "" {
			continue
		}
		if !named {
			label = strings.ReplaceAll(name, ".", " ")
			first := []rune(label)[:1]
			label = strings.ToUpper(string(first)) + label[len(string(first)):]
		}
		out = append(out, column{fold(name), strings.TrimSpace(label)})
	}
	return out
}

// shown are the fields that a query shows of the pages that it finds.
func (c call) shown() []string {
	var out []string
	for _, col := range c.columns() {
		out = append(out, col.field)
	}
	for _, key := range []string{"group", "by"} {
		if v, ok := c.get(key); ok {
			out = append(out, fold(v))
		}
	}
	if v, _ := c.get("show"); v == "gallery" || v == "cards" {
		out = append(out, "picture")
	}
	return out
}
