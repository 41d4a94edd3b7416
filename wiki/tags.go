// SPDX-License-Identifier: GPL-3.0-or-later

package wiki

import (
	"sort"
	"strings"
)

// tag fills in the tags. A tag holds the pages of the tags below it.
func (ix *index) tag() {
	ix.tags = map[string]*tagPages{}
	sorted := newestFirst(ix.pages)
	ix.latest = sorted
	for _, r := range ix.pages { // in file order, so that the first spelling is settled
		for _, t := range r.Tags {
			for t != "" {
				f := tagFold(t)
				if ix.tags[f] == nil {
					ix.tags[f] = &tagPages{name: strings.Trim(t, "/"), fold: f}
				}
				i := strings.LastIndexByte(t, '/')
				t = t[:max(i, 0)]
			}
		}
	}
	for _, r := range sorted {
		for _, t := range r.Tags {
			for f := tagFold(t); f != ""; f = f[:max(strings.LastIndexByte(f, '/'), 0)] {
				tp := ix.tags[f]
				if n := len(tp.pages); n == 0 || tp.pages[n-1] != r {
					tp.pages = append(tp.pages, r)
				}
			}
		}
	}
	for _, tp := range ix.tags {
		ix.order = append(ix.order, tp)
	}
	sort.Slice(ix.order, func(i, j int) bool { return ix.order[i].fold < ix.order[j].fold })
}
