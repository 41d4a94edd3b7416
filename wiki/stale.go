// SPDX-License-Identifier: GPL-3.0-or-later

package wiki

import "strings"

// stale says whether an answer of which a page was made has changed. Where
// nothing structural has, only some answers can have.
func (b *work) stale(p *stored, memo map[dep]uint64) bool {
	for list := p.deps; list != ""; {
		var d dep
		d, list = nextDep(list)
		if b.s.ignore != "" && b.s.blind(d.kind) {
			continue
		}
		if !b.structural {
			switch d.kind {
			case depSize, depTrail, depFaults, depHistory, depLately:
			case depFrag, depHeads:
				if !b.changed[d.arg] {
					continue
				}
			case depBack:
				if !b.touched[d.arg] {
					continue
				}
			case depQuery: // may ask for links
			default:
				continue
			}
		}
		if d.kind == depSize && !b.fresher(d.arg) || d.kind == depHistory && b.m.head == b.past.head {
			continue
		}
		ask := dep{d.kind, d.arg, 0}
		answer, ok := memo[ask]
		if !ok {
			if d.kind == depSize {
				answer = b.w.pics.size(d.arg).answer()
			} else {
				answer = b.m.ix.answer(d.kind, d.arg)
			}
			memo[ask] = answer
		}
		if answer != d.answer {
			return true
		}
	}
	return false
}

// sameLists keeps all that is made of many pages, where no page shows otherwise
// than before in a list. It says no where something has to be made anew.
func (b *work) sameLists() bool {
	w := b.w
	if b.structural || len(w.known) == 0 || w.feeds.Load() || b.m.head != b.past.head {
		return false
	}
	rendered := make(map[string]bool, len(w.dirty))
	for r := range w.dirty {
		rendered[r.File] = true
	}
	for _, files := range w.texts {
		for _, f := range files {
			if rendered[f] {
				return false
			}
		}
	}
	for file := range w.known {
		if !strings.HasPrefix(file, "search") && !w.out.has(file) {
			return false
		}
	}
	for file, of := range w.known {
		if !strings.HasPrefix(file, "search") {
			w.made[file] = of
			w.out.keep(file)
		}
	}
	w.all = w.known["sitemap.xml"]
	return true
}
