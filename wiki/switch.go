// SPDX-License-Identifier: GPL-3.0-or-later

package wiki

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"oswald"
)

// exchange puts the staged files in all at once: it makes a second tree of hard
// links, changes that, and exchanges the two folders in one step, so that a reader
// finds all pages as they were or all as they are now. What is not ours is in the
// new tree too.
func (o *output) exchange(gone []string) error {
	tree := filepath.Join(o.state, "stage", "tree")
	if err := os.RemoveAll(tree); err != nil {
		return err
	}
	if err := linkTree(o.dir, tree); err != nil {
		return err
	}
	served := o.dir
	o.dir = tree
	err := o.putIn(gone)
	o.dir = served
	if err != nil {
		return err
	}
	if o.sync {
		unix.Sync()
	}
	o.at("exchange")
	switch err := unix.Renameat2(unix.AT_FDCWD, tree, unix.AT_FDCWD, served, unix.RENAME_EXCHANGE); {
	case errors.Is(err, unix.ENOSYS), errors.Is(err, unix.EINVAL):
		return oswald.Wrap(err, oswald.Unavailable, `The file system of wiki.output cannot exchange folders: set wiki.publish to "files".`)
	case err != nil:
		return err
	}
	o.at("exchanged")
	return os.RemoveAll(tree) // what was served until now
}

// linkTree makes a second tree with the same files.
func linkTree(from, to string) error {
	return filepath.WalkDir(from, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		dest := to + strings.TrimPrefix(name, from)
		switch {
		case d.IsDir():
			fi, err := d.Info()
			if err != nil {
				return err
			}
			if err := os.Mkdir(dest, 0o755); err != nil {
				return err
			}
			return os.Chmod(dest, fi.Mode().Perm())
		case d.Type()&fs.ModeSymlink != 0:
			target, err := os.Readlink(name)
			if err != nil {
				return err
			}
			return os.Symlink(target, dest)
		}
		return os.Link(name, dest)
	})
}
