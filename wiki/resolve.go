// SPDX-License-Identifier: GPL-3.0-or-later

package wiki

import (
	"path"
	"sort"
	"strings"
)

// resolve finds the page that name means when it is written in folder from.
// others counts further candidates that are no worse by spelling, so that the
// choice between them was by nearness.
func (ix *index) resolve(name, from string) (page *Record, others int) {
	name = trimPage(strings.TrimSpace(name))
	if strings.HasPrefix(name, "./") || strings.HasPrefix(name, "../") {
		name = path.Join(from, name)
		if strings.HasPrefix(name, "..") {
			return nil, 0
		}
	}
	name = strings.Trim(name, "/")
	if name == "" {
		return nil, 0
	}
	cands := ix.names[squash(name)]
	if len(cands) == 0 {
		return nil, 0
	}
	folded, best := fold(name), 0
	var hits []*Record
	for _, c := range cands {
		rank := spelling(c, name, folded)
		if rank > best {
			best, hits = rank, hits[:0]
		}
		if rank == best && rank > 0 && (len(hits) == 0 || hits[len(hits)-1] != c.page) {
			hits = append(hits, c.page)
		}
	}
	if len(hits) < 2 {
		if len(hits) == 1 {
			page = hits[0]
		}
		return page, 0
	}
	sort.SliceStable(hits, func(i, j int) bool {
		a, b := common(hits[i].folder(), from), common(hits[j].folder(), from)
		if a != b {
			return a > b
		}
		if a, b := strings.Count(hits[i].File, "/"), strings.Count(hits[j].File, "/"); a != b {
			return a < b
		}
		return hits[i].File < hits[j].File
	})
	return hits[0], len(hits) - 1
}

// spelling grades how well a candidate fits a name: 0 not at all, more is
// better. File names come before aliases.
func spelling(c candidate, name, folded string) int {
	if c.alias {
		switch {
		case c.name == name:
			return 4
		case fold(c.name) == folded:
			return 2
		}
		return 0
	}
	switch cf := fold(c.name); {
	case c.name == name:
		return 7
	case strings.HasSuffix(c.name, "/"+name):
		return 6
	case cf == folded:
		return 5
	case strings.HasSuffix(cf, "/"+folded):
		return 3
	case !strings.Contains(name, "/"):
		return 1 // spaces, hyphens or underscores differ
	}
	return 0
}

// common counts the leading folders that two folders share.
func common(a, b string) int {
	n := 0
	as, bs := strings.Split(a, "/"), strings.Split(b, "/")
	for n < len(as) && n < len(bs) && as[n] == bs[n] && as[n] != "" {
		n++
	}
	return n
}
