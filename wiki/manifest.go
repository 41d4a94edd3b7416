// SPDX-License-Identifier: GPL-3.0-or-later

package wiki

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// readManifest reads which files are ours.
func (o *output) readManifest() error {
	name := filepath.Join(o.state, "manifest")
	fi, err := os.Stat(name)
	if err != nil {
		return err
	}
	data, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	head, text, ok := strings.Cut(string(data), "\n")
	if !ok || head != manifestHead {
		return errors.New("the manifest is of another version")
	}
	list := make([]slot, 0, strings.Count(text, "\n"))
	for text != "" {
		line, rest, ok := strings.Cut(text, "\n")
		if !ok {
			return errors.New("the manifest is cut short")
		}
		text = rest
		s, ok := parseSlot(line)
		if !ok || len(list) > 0 && list[len(list)-1].name >= s.name {
			return errors.New("the manifest is damaged")
		}
		list = append(list, s)
	}
	o.load(list)
	o.identify(data, fi)
	return nil
}

// parseSlot reads one line of a manifest.
func parseSlot(line string) (s slot, ok bool) {
	var f [5]string
	for i := range 4 {
		if f[i], line, ok = strings.Cut(line, " "); !ok {
			return s, false
		}
	}
	if len(f[0]) != 32 || !fs.ValidPath(line) {
		return s, false
	}
	for i := range s.hash {
		a, b := unhex(f[0][2*i]), unhex(f[0][2*i+1])
		if a > 15 || b > 15 {
			return s, false
		}
		s.hash[i] = a<<4 | b
	}
	var err1, err2 error
	s.size, err1 = strconv.ParseInt(f[1], 10, 64)
	s.mtime, err2 = strconv.ParseInt(f[2], 10, 64)
	s.src, s.name = f[3], line
	return s, err1 == nil && err2 == nil
}

func unhex(c byte) byte {
	switch {
	case c >= '0' && c <= '9':
		return c - '0'
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10
	}
	return 255
}

// identify notes which manifest this is.
func (o *output) identify(data []byte, fi fs.FileInfo) {
	sum := sha256.Sum256(data)
	o.id, o.stamp = hex.EncodeToString(sum[:16]), fi.ModTime().UnixNano()
}

// manifest makes the manifest of this build and returns its id, before it is
// written.
func (o *output) manifest() string {
	o.left = o.next()
	same := func(a, b slot) bool { return a.name == b.name && a.entry == b.entry }
	if o.trusted && slices.EqualFunc(o.left, o.list, same) {
		return o.id
	}
	b := make([]byte, 0, len(o.left)*100+len(manifestHead)+1)
	b = append(b, manifestHead+"\n"...)
	for i := range o.left {
		s := &o.left[i]
		b = hex.AppendEncode(b, s.hash[:])
		b = strconv.AppendInt(append(b, ' '), s.size, 10)
		b = strconv.AppendInt(append(b, ' '), s.mtime, 10)
		b = append(append(append(append(append(b, ' '), s.src...), ' '), s.name...), '\n')
	}
	o.text = b
	sum := sha256.Sum256(b)
	o.id = hex.EncodeToString(sum[:16])
	return o.id
}

// finish writes the manifest: from here on the build is done.
func (o *output) finish() error {
	o.settled()
	if o.text == nil {
		return nil
	}
	if err := o.replace("manifest", o.text); err != nil {
		return err
	}
	fi, err := os.Stat(filepath.Join(o.state, "manifest"))
	if err != nil {
		return err
	}
	o.stamp, o.text = fi.ModTime().UnixNano(), nil
	o.at("manifest")
	if err := o.closeSet(); err != nil {
		return err
	}
	if err := os.Remove(filepath.Join(o.state, "journal")); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return o.clearStage()
}

// settled makes what this build leaves what the last build left.
func (o *output) settled() {
	if slices.EqualFunc(o.left, o.list, func(a, b slot) bool { return a.name == b.name }) {
		o.list, o.fresh = o.left, map[string]entry{}
	} else {
		o.load(o.left)
	}
	o.left = nil
}
