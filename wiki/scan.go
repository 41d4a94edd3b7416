// SPDX-License-Identifier: GPL-3.0-or-later

package wiki

import (
	"io"
	"io/fs"
	"os"
	"path"
	"sort"
	"strings"
	"time"

	"oswald"
)

// found is one file of the source folder.
type found struct {
	file  string // slash path
	size  int64
	mtime time.Time
}

// folderScan is what the source folder holds.
type folderScan struct {
	pages, files []found
	faults       []string
}

// readFolder lists the source folder. Hidden files and folders are left out.
// Links to folders are not followed, so a loop of them cannot catch us; a link
// to a file must stay inside the folder.
func readFolder(root *os.Root) (folderScan, error) {
	var scan folderScan
	err := fs.WalkDir(root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			if name == "." {
				return err
			}
			scan.faults = append(scan.faults, name+":1: cannot be read: "+cause(err))
			if d != nil && d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		base := path.Base(name)
		if name != "." && (strings.HasPrefix(base, ".") || strings.HasSuffix(base, "~")) {
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if d.IsDir() {
			return nil
		}
		fi, err := d.Info()
		if err != nil {
			return nil // it went while we looked
		}
		if d.Type()&fs.ModeSymlink != 0 {
			if fi, err = root.Stat(name); err != nil {
				scan.faults = append(scan.faults, name+":1: is a link that leads out of the folder or in a circle: put the file itself here")
				return nil
			}
			if fi.IsDir() {
				scan.faults = append(scan.faults, name+":1: is a link to a folder, which is not followed")
				return nil
			}
		}
		if !fi.Mode().IsRegular() {
			return nil
		}
		if strings.ContainsAny(name, "\n\r\x00\\") || !isValid([]byte(name)) {
			scan.faults = append(scan.faults, strings.ToValidUTF8(clean(name), "?")+":1: the name of the file holds a character that an address cannot have: rename it")
			return nil
		}
		f := found{name, fi.Size(), fi.ModTime()}
		if isPage(name) {
			scan.pages = append(scan.pages, f)
		} else {
			scan.files = append(scan.files, f)
		}
		return nil
	})
	sort.Slice(scan.pages, func(i, j int) bool { return scan.pages[i].file < scan.pages[j].file })
	sort.Slice(scan.files, func(i, j int) bool { return scan.files[i].file < scan.files[j].file })
	if err != nil {
		return scan, oswald.Wrap(err, oswald.Unavailable, "The folder of pages (wiki.source) cannot be read: %s.", cause(err))
	}
	return scan, nil
}

// cause is the innermost word of a file error, without the path.
func cause(err error) string {
	s := err.Error()
	if i := strings.LastIndex(s, ": "); i >= 0 {
		s = s[i+2:]
	}
	return s
}

// readPage reads a page, and no more than a byte above the limit: the rest of a
// larger one is not needed to refuse it.
func readPage(root *os.Root, f found, limit int) ([]byte, error) {
	in, err := root.Open(f.file)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	buf := make([]byte, 0, min(f.size, int64(limit))+512)
	for {
		n, err := in.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		// As long as it was when it was listed: that is all of it, and if it grew
		// since, the next build will see another size.
		if err == io.EOF || len(buf) > limit || err == nil && int64(len(buf)) == f.size {
			return buf, nil
		}
		if err != nil {
			return nil, err
		}
		if len(buf) == cap(buf) {
			buf = append(buf, 0)[:len(buf)]
		}
	}
}
