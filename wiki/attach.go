// SPDX-License-Identifier: GPL-3.0-or-later

package wiki

import (
	"io"
	"strconv"
)

// fresher says whether a file is not the one that the last build has copied.
func (b *work) fresher(file string) bool {
	if b.stamps == nil {
		b.stamps = make(map[string]string, len(b.scan.files))
		for _, f := range b.scan.files {
			b.stamps[f.file] = b.stamp(f)
		}
	}
	stamp, ok := b.stamps[file]
	old, known := b.w.out.was(file)
	return !ok || !known || old.src != stamp
}

// stamp tells one state of a file from another by size and time.
func (b *work) stamp(f found) string {
	s := strconv.FormatInt(f.size, 36) + "." + strconv.FormatInt(f.mtime.UnixNano(), 36)
	if !b.s.cfg.KeepEXIF && stripped(f.file) {
		s += ".s"
	}
	return s
}

// attach copies the files that are not pages.
func (b *work) attach() {
	for _, f := range b.scan.files {
		stamp := b.stamp(f)
		if !b.w.out.fits(f.file) {
			b.w.warns = append(b.w.warns, f.file+":1: is not on the site: a page has its address")
			continue
		}
		err := b.w.out.copy(f.file, stamp, func() (io.ReadCloser, error) {
			in, err := b.root.Open(f.file)
			if err != nil || b.s.cfg.KeepEXIF || !stripped(f.file) {
				return in, err
			}
			return strip(in)
		})
		if err != nil {
			b.w.warns = append(b.w.warns, f.file+":1: is not on the site: "+cause(err))
		}
	}
}
