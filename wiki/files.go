// SPDX-License-Identifier: GPL-3.0-or-later

package wiki

import (
	"slices"
	"strings"
)

// entry is what the manifest knows of a file.
type entry struct {
	hash  [16]byte
	size  int64
	mtime int64 // of the file in the output, in nanoseconds; 0 where its content is not known
	src   string
}

// slot is a file that the last build left, and whether this one keeps it.
type slot struct {
	name string
	entry
	kept bool
}

// outFiles are the files of the output: as the last build left them, and what
// this one makes of them. A build that changes one file of ten thousand costs
// one look at each of the others and no more.
type outFiles struct {
	list  []slot // sorted by name
	where map[string]int32
	fresh map[string]entry // put or copied by this build
}

// load takes the files of the manifest, which are sorted.
func (f *outFiles) load(list []slot) {
	f.list = list
	f.where = make(map[string]int32, len(list))
	for i := range list {
		f.where[list[i].name] = int32(i)
	}
	f.fresh = map[string]entry{}
}

// was returns what the last build left at p.
func (f *outFiles) was(p string) (entry, bool) {
	if i, ok := f.where[p]; ok {
		return f.list[i].entry, true
	}
	return entry{}, false
}

// is returns what this build leaves at p.
func (f *outFiles) is(p string) (entry, bool) {
	if e, ok := f.fresh[p]; ok {
		return e, true
	}
	if i, ok := f.where[p]; ok && f.list[i].kept {
		return f.list[i].entry, true
	}
	return entry{}, false
}

// mark says whether this build keeps what the last one left at p.
func (f *outFiles) mark(p string, kept bool) {
	if i, ok := f.where[p]; ok {
		f.list[i].kept = kept
	}
}

// gone are the files that this build takes away, sorted.
func (f *outFiles) gone() (list []string) {
	for i := range f.list {
		if s := &f.list[i]; !s.kept {
			if _, again := f.fresh[s.name]; !again {
				list = append(list, s.name)
			}
		}
	}
	return list
}

// next are the files that this build leaves, sorted.
func (f *outFiles) next() []slot {
	added := make([]slot, 0, len(f.fresh))
	for name, e := range f.fresh {
		added = append(added, slot{name: name, entry: e})
	}
	slices.SortFunc(added, func(a, b slot) int { return strings.Compare(a.name, b.name) })
	all := make([]slot, 0, len(f.list)+len(added))
	for i := range f.list {
		s := f.list[i]
		for len(added) > 0 && added[0].name < s.name {
			all, added = append(all, added[0]), added[1:]
		}
		if len(added) > 0 && added[0].name == s.name {
			all, added = append(all, added[0]), added[1:]
		} else if s.kept {
			s.kept = false
			all = append(all, s)
		}
	}
	return append(all, added...)
}

// totals sums both states up: how many files hold pages, and all bytes.
func (f *outFiles) totals() (before int, size, sizeBefore int64) {
	for i := range f.list {
		s := &f.list[i]
		sizeBefore += s.size
		if keyOfFile(s.name) != "" {
			before++
		}
		if _, again := f.fresh[s.name]; s.kept && !again {
			size += s.size
		}
	}
	for _, e := range f.fresh {
		size += e.size
	}
	return before, size, sizeBefore
}
