// SPDX-License-Identifier: GPL-3.0-or-later

package wiki

import (
	"sort"
	"strconv"
	"strings"
)

// showing are the arguments of a query that say how it looks, not what it finds.
var showing = map[string]bool{"show": true, "fields": true, "empty": true, "group": true, "by": true, "feed": true, "feedtitle": true}

// query finds pages by their records: every filter must hold. from is the page
// in which it stands.
//
//	tag=recipe folder=blog rating>3 author=ann author!=bob title~soup
//	links=Page (they link to it)  linked=Page (it links to them)
//	author.country=Norway  to.tag=project  (see vals)
//	sort=title sort=-date limit=10
func (ix *index) query(c call, folder string) []*Record {
	out := make([]*Record, 0, 16)
	var tests []func(*Record) bool
	limit := -1
	for _, a := range c.args {
		switch {
		case showing[a.key]:
		case a.key == "limit":
			limit, _ = strconv.Atoi(a.val)
		case a.key == "sort":
		case a.key == "links" || a.key == "linked":
			tests = append(tests, ix.linking(a, folder))
		case a.key == "" && strings.HasPrefix(a.val, "#"):
			tests = append(tests, ix.filter(arg{"tag", "=", a.val}))
		case a.key == "":
		default:
			tests = append(tests, ix.filter(a))
		}
	}
	source := ix.pages
	for _, a := range c.args { // a tag narrows the search at once
		if a.key == "tag" && a.op == "=" {
			source = nil
			if tp := ix.tags[tagFold(a.val)]; tp != nil {
				source = tp.pages
			}
			break
		}
	}
	for _, r := range source {
		ok := true
		for _, t := range tests {
			if ok = t(r); !ok {
				break
			}
		}
		if ok {
			out = append(out, r)
		}
	}
	ix.sortPages(out, c.sorts())
	if limit >= 0 && len(out) > limit {
		out = out[:limit]
	}
	return out
}

// filter makes the test of one argument. With several values one must hold;
// for != none may be equal.
func (ix *index) filter(a arg) func(*Record) bool {
	op, want := a.op, a.val
	neg := op == "!="
	if neg {
		op = "="
	}
	one := func(v string) bool { return compare(v, op, want) }
	switch a.key[strings.LastIndexByte(a.key, '.')+1:] {
	case "tag", "tags":
		f := tagFold(want)
		one = func(v string) bool { t := tagFold(v); return t == f || strings.HasPrefix(t, f+"/") }
	case "folder":
		f := fold(strings.Trim(want, "/"))
		one = func(v string) bool { t := fold(v); return t == f || strings.HasPrefix(t, f+"/") || f == "" }
	}
	return func(r *Record) bool {
		vals := ix.vals(r, a.key)
		if want == "*" && op == "=" {
			return len(vals) > 0 != neg
		}
		for _, v := range vals {
			if one(v) {
				return !neg
			}
		}
		return neg
	}
}

// linking makes the test of links=Page or linked=Page.
func (ix *index) linking(a arg, folder string) func(*Record) bool {
	name, _, _ := parseWiki(strings.Trim(a.val, "[]"))
	page, _ := ix.resolve(name, folder)
	set := map[string]bool{}
	if page != nil && a.key == "links" {
		for _, b := range ix.back[page.File] {
			set[b.from.File] = true
		}
	}
	if page != nil && a.key == "linked" {
		for _, l := range page.Links {
			if to := ix.target(page, l); to != nil && to != page {
				set[to.File] = true
			}
		}
	}
	return func(r *Record) bool { return set[r.File] == (a.op != "!=") }
}

// sorts are the fields that a query sorts by, as written.
func (c call) sorts() (fields []string) {
	for _, a := range c.args {
		if a.key == "sort" {
			for _, f := range strings.Split(a.val, ",") {
				fields = append(fields, strings.TrimSpace(f))
			}
		}
	}
	return fields
}

// sortPages sorts by the fields named, - before a field for the other way
// round; pages without the field come last. By title in the end.
func (ix *index) sortPages(pages []*Record, fields []string) {
	sort.SliceStable(pages, func(i, j int) bool {
		a, b := pages[i], pages[j]
		for _, f := range fields {
			down := strings.HasPrefix(f, "-")
			f = fold(strings.TrimPrefix(f, "-"))
			x, y := ix.val(a, f), ix.val(b, f)
			switch {
			case x == y:
				continue
			case x == "" || y == "":
				return y == ""
			case compare(x, "=", y):
				continue
			}
			return compare(x, "<", y) != down
		}
		return byTitle(a, b)
	})
}

func (x *expander) url(r *Record) string { return x.b.markup.base + pageURL(r.Key) }
