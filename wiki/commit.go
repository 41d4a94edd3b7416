// SPDX-License-Identifier: GPL-3.0-or-later

package wiki

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"sort"
	"strings"
	"syscall"

	"oswald"
)

// commit puts the staged files in. first ranks addresses: those with a lower
// number come first. What set replaces is kept, where it is not nil.
func (o *output) commit(first func(p string) int, set *oswald.ChangeSet) error {
	gone := o.gone()
	if len(o.staged) == 0 && len(gone) == 0 && o.trusted {
		return nil
	}
	sort.Slice(o.staged, func(i, j int) bool {
		a, b := o.staged[i], o.staged[j]
		if x, y := first(a[:strings.IndexByte(a, 0)]), first(b[:strings.IndexByte(b, 0)]); x != y {
			return x < y
		}
		return a < b
	})
	o.at("staged")
	if err := o.flush(); err != nil {
		return err
	}
	if err := o.saveSet(set, gone); err != nil {
		return err
	}
	o.at("saved")
	var journal strings.Builder
	for _, s := range o.staged {
		journal.WriteString(s[:strings.IndexByte(s, 0)] + "\n")
	}
	for _, p := range gone {
		journal.WriteString(p + "\n")
	}
	if err := o.replace("journal", []byte(journal.String())); err != nil {
		return err
	}
	o.at("journal")
	if o.atOnce {
		return o.exchange(gone)
	}
	return o.putIn(gone)
}

// putIn renames the staged files into their places and takes out those that go.
func (o *output) putIn(gone []string) error {
	for i, s := range o.staged {
		p, stage, _ := strings.Cut(s, "\x00")
		if err := o.move(p, stage); err != nil {
			return err
		}
		if i == len(o.staged)/2 {
			o.at("half")
		}
	}
	o.at("renamed")
	for _, p := range gone {
		if err := o.remove(p); err != nil {
			return err
		}
	}
	o.at("removed")
	return nil
}

// flush makes sure that what was staged survives a loss of power: each file
// for itself, or all at once where there are many.
func (o *output) flush() error {
	if !o.sync {
		return nil
	}
	if len(o.staged) > 64 {
		syscall.Sync()
		return nil
	}
	for _, s := range o.staged {
		_, stage, _ := strings.Cut(s, "\x00")
		f, err := os.Open(filepath.Join(o.state, "stage", stage))
		if err != nil {
			return err
		}
		if err := errors.Join(f.Sync(), f.Close()); err != nil {
			return err
		}
	}
	return nil
}

// move puts one staged file in its place. What stands there as a folder or a
// link must be ours or empty.
func (o *output) move(p, stage string) error {
	to := filepath.Join(o.dir, filepath.FromSlash(p))
	from := filepath.Join(o.state, "stage", stage)
	if o.empty { // its folder cannot be there yet, or is one of ours
		if err := os.Mkdir(filepath.Dir(to), 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
			if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
				return err
			}
		}
	}
	if err := os.Rename(from, to); err == nil {
		return nil
	}
	if err := o.room(p); err != nil {
		return err
	}
	return os.Rename(from, to)
}

// room makes the folder for p. A file of ours that has become a folder goes, and
// a folder of ours that has become a file, with the files of ours in it.
func (o *output) room(p string) error {
	for i := 0; i < len(p); i++ {
		if p[i] != '/' {
			continue
		}
		up := p[:i]
		if _, mine := o.was(up); mine {
			if fi, err := os.Lstat(filepath.Join(o.dir, filepath.FromSlash(up))); err == nil && !fi.IsDir() {
				if err := os.Remove(filepath.Join(o.dir, filepath.FromSlash(up))); err != nil {
					return err
				}
			}
		}
	}
	full := filepath.Join(o.dir, filepath.FromSlash(p))
	if fi, err := os.Lstat(full); err == nil && fi.IsDir() {
		for i := range o.list {
			if q := o.list[i].name; strings.HasPrefix(q, p+"/") {
				if err := o.remove(q); err != nil {
					return err
				}
			}
		}
	}
	return os.MkdirAll(filepath.Dir(full), 0o755)
}

// remove takes out a file of ours, and folders that are empty then.
func (o *output) remove(p string) error {
	full := filepath.Join(o.dir, filepath.FromSlash(p))
	if fi, err := os.Lstat(full); err == nil && fi.IsDir() {
		return nil // a folder has taken its place
	}
	err := os.Remove(full)
	if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ENOTDIR) {
		return err
	}
	for d := path.Dir(p); d != "."; d = path.Dir(d) {
		if os.Remove(filepath.Join(o.dir, filepath.FromSlash(d))) != nil {
			break
		}
	}
	return nil
}
