// SPDX-License-Identifier: GPL-3.0-or-later

package wiki

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
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
	o.old = make(map[string]entry, strings.Count(text, "\n"))
	for text != "" {
		line, rest, ok := strings.Cut(text, "\n")
		if !ok {
			return errors.New("the manifest is cut short")
		}
		text = rest
		f := strings.SplitN(line, " ", 5)
		if len(f) != 5 || !fs.ValidPath(f[4]) {
			return errors.New("the manifest is damaged")
		}
		var e entry
		h, err1 := hex.DecodeString(f[0])
		e.size, err = strconv.ParseInt(f[1], 10, 64)
		mtime, err2 := strconv.ParseInt(f[2], 10, 64)
		if err != nil || err1 != nil || err2 != nil || len(h) != 16 {
			return errors.New("the manifest is damaged")
		}
		e.hash, e.mtime, e.src = [16]byte(h), mtime, f[3]
		o.old[f[4]] = e
	}
	o.identify(data, fi)
	return nil
}

// identify notes which manifest this is.
func (o *output) identify(data []byte, fi fs.FileInfo) {
	sum := sha256.Sum256(data)
	o.id, o.stamp = hex.EncodeToString(sum[:16]), fi.ModTime().UnixNano()
}

// manifest makes the manifest of this build and returns its id, before it is
// written.
func (o *output) manifest() string {
	if o.trusted && len(o.staged) == 0 && len(o.now) == len(o.old) {
		same := true
		for p, e := range o.now {
			if o.old[p] != e {
				same = false
				break
			}
		}
		if same {
			return o.id
		}
	}
	names := make([]string, 0, len(o.now))
	for p := range o.now {
		names = append(names, p)
	}
	sort.Strings(names)
	var b bytes.Buffer
	b.Grow(len(names) * 100)
	b.WriteString(manifestHead + "\n")
	for _, p := range names {
		e := o.now[p]
		var line [160]byte
		l := hex.AppendEncode(line[:0], e.hash[:])
		l = strconv.AppendInt(append(l, ' '), e.size, 10)
		l = strconv.AppendInt(append(l, ' '), e.mtime, 10)
		b.Write(l)
		b.WriteString(" " + e.src + " " + p + "\n")
	}
	o.next = b.Bytes()
	sum := sha256.Sum256(o.next)
	o.id = hex.EncodeToString(sum[:16])
	return o.id
}

// finish writes the manifest: from here on the build is done.
func (o *output) finish() error {
	if o.next == nil {
		return nil
	}
	if err := o.replace("manifest", o.next); err != nil {
		return err
	}
	fi, err := os.Stat(filepath.Join(o.state, "manifest"))
	if err != nil {
		return err
	}
	o.stamp, o.next = fi.ModTime().UnixNano(), nil
	o.at("manifest")
	if err := o.closeSet(); err != nil {
		return err
	}
	if err := os.Remove(filepath.Join(o.state, "journal")); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return o.clearStage()
}
