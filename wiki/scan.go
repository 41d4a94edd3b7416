// SPDX-License-Identifier: GPL-3.0-or-later

package wiki

import (
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

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
	if err := scan.folder(root, "."); err != nil {
		return scan, oswald.Wrap(err, oswald.Unavailable, "The folder of pages (wiki.source) cannot be read: %s.", cause(err))
	}
	byName := func(a, b found) int { return strings.Compare(a.file, b.file) }
	slices.SortFunc(scan.pages, byName)
	slices.SortFunc(scan.files, byName)
	return scan, nil
}

// looked is what the kernel tells of one name in a folder.
type looked struct {
	mode  uint32
	size  int64
	mtime unix.Timespec
	err   error
}

// folder lists one folder and those below it. An error is that of the folder
// itself; those below become faults.
func (s *folderScan) folder(root *os.Root, dir string) error {
	f, err := root.Open(dir)
	if err != nil {
		return err
	}
	names, err := f.Readdirnames(-1)
	slices.Sort(names)
	all := lookAll(int(f.Fd()), names)
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	for i, base := range names {
		if strings.HasPrefix(base, ".") || strings.HasSuffix(base, "~") {
			continue
		}
		name, at := base, all[i]
		if dir != "." {
			name = dir + "/" + base
		}
		if at.err == unix.ENOENT {
			continue // it went while we looked
		}
		if at.err != nil {
			s.faults = append(s.faults, name+":1: cannot be read: "+cause(at.err))
			continue
		}
		switch at.mode & unix.S_IFMT {
		case unix.S_IFDIR:
			if err := s.folder(root, name); err != nil {
				s.faults = append(s.faults, name+":1: cannot be read: "+cause(err))
			}
		case unix.S_IFREG:
			s.file(found{name, at.size, time.Unix(at.mtime.Unix())})
		case unix.S_IFLNK:
			fi, err := root.Stat(name)
			switch {
			case err != nil:
				s.faults = append(s.faults, name+":1: is a link that leads out of the folder or in a circle: put the file itself here")
			case fi.IsDir():
				s.faults = append(s.faults, name+":1: is a link to a folder, which is not followed")
			case fi.Mode().IsRegular():
				s.file(found{name, fi.Size(), fi.ModTime()})
			}
		}
	}
	return nil
}

// lookAll asks the kernel of every name in an open folder. Most of the time of a
// build in which nothing has changed goes into this, so it is shared by the
// processors.
func lookAll(fd int, names []string) []looked {
	all := make([]looked, len(names))
	const share = 1000
	var wg sync.WaitGroup
	for from := 0; from < len(names); from += share {
		wg.Go(func() {
			var st unix.Stat_t
			for i := from; i < min(from+share, len(names)); i++ {
				if err := unix.Fstatat(fd, names[i], &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
					all[i].err = err
					continue
				}
				all[i] = looked{mode: st.Mode, size: st.Size, mtime: st.Mtim}
			}
		})
	}
	wg.Wait()
	return all
}

// file takes in a page or another file.
func (s *folderScan) file(f found) {
	if strings.ContainsAny(f.file, "\n\r\x00\\") || !isValid([]byte(f.file)) {
		s.faults = append(s.faults, strings.ToValidUTF8(clean(f.file), "?")+":1: the name of the file holds a character that an address cannot have: rename it")
		return
	}
	if isPage(f.file) {
		s.pages = append(s.pages, f)
	} else {
		s.files = append(s.files, f)
	}
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
