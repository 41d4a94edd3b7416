// SPDX-License-Identifier: GPL-3.0-or-later

package wiki

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
)

// output is the folder that the site is written to, during one build.
//
// A changed file is written to the stage, a folder beside the output. When all
// are there, a journal names what will be put in and taken out; then each file
// is renamed into its place, and the manifest of all files that are ours is
// written. Killed before the journal, nothing has happened; killed after it,
// every file of the site is whole, old or new, and the next build trusts
// nothing that the journal names and puts the rest in. A file whose bytes are
// the same is not touched, so its time stays and rsync passes over it.
type output struct {
	dir, state string
	sync       bool
	empty      bool // there was nothing in dir
	first      bool // no build has ended here yet

	atOnce   bool // wiki.publish is "switch"
	packing  []packing
	reserved map[string]bool // names that files of the source folder have
	blind    bool            // for tests: compressed files are never out of date
	reuse    bool            // compressed files of the last build are as this one would make them

	mu sync.Mutex
	outFiles
	trusted bool // the manifest is there and no build was cut short
	staged  []string
	puts    int
	dirs    map[string]bool    // folders of now; only fits uses it
	kill    func(point string) // for tests: called at named points
	id      string             // of the manifest; empty where there is none
	stamp   int64              // its time
	text    []byte             // of the manifest that finish will write
	left    []slot             // what is in it
}

const manifestHead = "oswald wiki manifest 1"

// openOutput reads the manifest and what a cut-short build left.
//
// last, when not nil, is the output of the build before in this process; what it
// knows need not be read again.
func openOutput(dir, state string, durable bool, last *output) (*output, error) {
	o := &output{dir: dir, state: state, sync: durable}
	o.load(nil)
	for _, d := range []string{dir, state, filepath.Join(state, "stage")} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			return nil, err
		}
	}
	if fi, err := os.Stat(filepath.Join(state, "manifest")); last != nil && last.id != "" && err == nil && fi.ModTime().UnixNano() == last.stamp {
		o.outFiles, o.id, o.stamp, o.trusted = last.outFiles, last.id, last.stamp, true
		o.fresh = map[string]entry{}
		for i := range o.list {
			o.list[i].kept = false // a build that the gate held may have set it
		}
	} else {
		o.trusted = o.readManifest() == nil
		o.first = !o.trusted
	}
	if len(o.list) == 0 {
		if d, err := os.Open(dir); err == nil {
			list, err := d.Readdirnames(1)
			o.empty = len(list) == 0 && err == io.EOF
			d.Close()
		}
	}
	left, err := os.ReadFile(filepath.Join(state, "journal"))
	if err == nil {
		o.trusted = false
		for p := range strings.SplitSeq(string(left), "\n") {
			if p != "" && fs.ValidPath(p) {
				o.fresh[p] = entry{} // ours, of unknown content
			}
		}
		for i := range o.list {
			o.list[i].kept = true
		}
		o.load(o.next())
	}
	return o, o.clearStage()
}

func (o *output) clearStage() error {
	stage := filepath.Join(o.state, "stage")
	list, err := os.ReadDir(stage)
	if err != nil {
		return err
	}
	for _, e := range list {
		if err := os.RemoveAll(filepath.Join(stage, e.Name())); err != nil {
			return err
		}
	}
	return nil
}

// same says whether the file at p is what the manifest says, by size and time.
func (o *output) same(p string, e entry) bool {
	if e.mtime == 0 {
		return false
	}
	fi, err := os.Lstat(filepath.Join(o.dir, filepath.FromSlash(p)))
	return err == nil && fi.Mode().IsRegular() && fi.Size() == e.size && fi.ModTime().UnixNano() == e.mtime
}

// put gives the file at p its content, and those beside it theirs. Only one file
// may have an address.
func (o *output) put(p string, data []byte) error { return o.putFrom(p, data, "-") }

func (o *output) putFrom(p string, data []byte, src string) error {
	same, err := o.putOne(p, data, src)
	if err != nil || len(o.packing) == 0 {
		return err
	}
	return o.packed(p, data, same && o.reuse)
}

// putOne is put without the compressed forms. same says that the content is that
// of the last build.
func (o *output) putOne(p string, data []byte, src string) (same bool, err error) {
	sum := sha256.Sum256(data)
	e := entry{hash: [16]byte(sum[:16]), size: int64(len(data)), src: src}
	o.mu.Lock()
	old, known := o.was(p)
	_, twice := o.is(p)
	if !twice {
		o.fresh[p] = e
	}
	o.puts++
	n := o.puts
	o.mu.Unlock()
	if twice {
		return false, fmt.Errorf("two files want the address %s", p)
	}
	if known && old.hash == e.hash && o.same(p, old) {
		return true, o.settle(p, old.mtime, "")
	}
	if !o.empty && (!known || old.mtime == 0) {
		full := filepath.Join(o.dir, filepath.FromSlash(p))
		if fi, err := os.Lstat(full); err == nil && fi.Mode().IsRegular() && fi.Size() == e.size {
			if have, err := os.ReadFile(full); err == nil && bytes.Equal(have, data) {
				return false, o.settle(p, fi.ModTime().UnixNano(), "")
			}
		}
	}
	stage := strconv.Itoa(n)
	mtime, err := o.writeData(stage, data)
	if err != nil {
		return false, err
	}
	return false, o.settle(p, mtime, stage)
}

// markAll marks a file and the compressed ones beside it.
func (o *output) markAll(p string, kept bool) {
	o.mark(p, kept)
	for _, k := range o.packing {
		if q := p + k.ext; !o.reserved[q] {
			o.mark(q, kept)
		}
	}
}

// keep says that the file at p stays as it is.
func (o *output) keep(p string) {
	o.mu.Lock()
	o.markAll(p, true)
	o.mu.Unlock()
}

// has says whether the last build made the file at p.
func (o *output) has(p string) bool {
	e, ok := o.was(p)
	return ok && e.mtime != 0 && o.trusted
}

// fits says whether a file at p can lie beside the others: none of them may be
// a folder of its path, nor its path a folder of theirs.
func (o *output) fits(p string) bool {
	if o.dirs == nil {
		o.dirs = make(map[string]bool, len(o.list))
		for _, s := range o.next() {
			for d := path.Dir(s.name); d != "." && !o.dirs[d]; d = path.Dir(d) {
				o.dirs[d] = true
			}
		}
	}
	if _, taken := o.is(p); taken || o.dirs[p] {
		return false
	}
	for d := path.Dir(p); d != "."; d = path.Dir(d) {
		if _, file := o.is(d); file {
			return false
		}
	}
	for d := path.Dir(p); d != "." && !o.dirs[d]; d = path.Dir(d) {
		o.dirs[d] = true
	}
	return true
}

// copy gives the file at p the content of a file of the source folder. stamp
// tells size and time of the source: where it is that of the last build the
// file is not read.
func (o *output) copy(p, stamp string, open func() (io.ReadCloser, error)) error {
	o.mu.Lock()
	old, known := o.was(p)
	o.puts++
	n := o.puts
	o.mu.Unlock()
	if known && old.src == stamp && o.same(p, old) {
		o.keep(p)
		return nil
	}
	in, err := open()
	if err != nil {
		return err
	}
	defer in.Close()
	if len(o.packing) > 0 && packable(p, packMin) {
		data, err := io.ReadAll(io.LimitReader(in, packMax+1))
		if err != nil {
			return err
		}
		if len(data) <= packMax {
			return o.putFrom(p, data, stamp)
		}
		in = io.NopCloser(io.MultiReader(bytes.NewReader(data), in))
	}
	h := sha256.New()
	stage := strconv.Itoa(n)
	fi, err := o.write(stage, func(f *os.File) error { _, err := io.Copy(io.MultiWriter(f, h), in); return err })
	if err != nil {
		return err
	}
	e := entry{hash: [16]byte(h.Sum(nil)[:16]), size: fi.Size(), src: stamp}
	o.mu.Lock()
	_, twice := o.is(p)
	if !twice {
		o.fresh[p] = e
	}
	o.mu.Unlock()
	switch {
	case twice:
		return fmt.Errorf("two files want the address %s", p)
	case known && old.hash == e.hash && o.same(p, old):
		return o.settle(p, old.mtime, "")
	case !o.empty && (!known || old.mtime == 0):
		if mtime, ok := sameContent(filepath.Join(o.dir, filepath.FromSlash(p)), e); ok {
			return o.settle(p, mtime, "")
		}
	}
	return o.settle(p, fi.ModTime().UnixNano(), stage)
}

// sameContent says whether a file has the content of e.
func sameContent(name string, e entry) (mtime int64, ok bool) {
	f, err := os.Open(name)
	if err != nil {
		return 0, false
	}
	defer f.Close()
	fi, err := f.Stat()
	if err != nil || !fi.Mode().IsRegular() || fi.Size() != e.size {
		return 0, false
	}
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return 0, false
	}
	return fi.ModTime().UnixNano(), [16]byte(h.Sum(nil)[:16]) == e.hash
}

// settle notes the time of an unchanged file, or where the new one is staged.
func (o *output) settle(p string, mtime int64, stage string) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	e := o.fresh[p]
	e.mtime = mtime
	o.fresh[p] = e
	if stage != "" {
		o.staged = append(o.staged, p+"\x00"+stage)
	}
	return nil
}

// write makes a file in the stage and returns its size and time, which a rename
// does not change.
func (o *output) write(stage string, fill func(*os.File) error) (fi fs.FileInfo, err error) {
	f, err := os.OpenFile(filepath.Join(o.state, "stage", stage), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	err = fill(f)
	if err == nil {
		fi, err = f.Stat()
	}
	return fi, errors.Join(err, f.Close())
}

// writeData is write for what is in memory. It calls the kernel itself: os.File
// prepares each file for polling, which costs as much as writing it.
func (o *output) writeData(stage string, data []byte) (mtime int64, err error) {
	name := filepath.Join(o.state, "stage", stage)
	fd, err := syscall.Open(name, syscall.O_CREAT|syscall.O_EXCL|syscall.O_WRONLY|syscall.O_CLOEXEC, 0o644)
	if err != nil {
		return 0, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	for len(data) > 0 && err == nil {
		var n int
		if n, err = syscall.Write(fd, data); err == syscall.EINTR {
			err = nil
		}
		data = data[max(n, 0):]
	}
	var st syscall.Stat_t
	err = errors.Join(err, syscall.Fstat(fd, &st), syscall.Close(fd))
	if err != nil {
		return 0, &fs.PathError{Op: "write", Path: name, Err: err}
	}
	return st.Mtim.Nano(), nil
}

func (o *output) at(point string) {
	if o.kill != nil {
		o.kill(point)
	}
}

// changes counts what commit will do.
func (o *output) changes() (written, unchanged, removed int) {
	kept := len(o.fresh)
	for i := range o.list {
		switch _, again := o.fresh[o.list[i].name]; {
		case again:
		case o.list[i].kept:
			kept++
		default:
			removed++
		}
	}
	return len(o.staged), kept - len(o.staged), removed
}

// replace writes a file of the state folder so that it is there whole or not.
func (o *output) replace(name string, data []byte) error {
	tmp := filepath.Join(o.state, name+".new")
	f, err := os.Create(tmp)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil && o.sync {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(tmp, filepath.Join(o.state, name))
}
