// SPDX-License-Identifier: GPL-3.0-or-later

package ipc

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"oswald"
	"oswald/internal/secret"
)

// Keys is a folder with the secrets of pairs: a-b.key, and while a secret is
// being changed a-b.key.next and a-b.key.last, one on each line. The processes of one machine share
// it; each change of a file is a rename.
type Keys struct{ dir string }

// NewKeys returns the folder dir, which need not exist yet.
func NewKeys(dir string) Keys { return Keys{dir} }

// changeTime is how long a change of secret may take. After it a code that was
// never typed in is void, and the replaced secret opens nothing.
const changeTime = 7 * 24 * time.Hour

// Where the secrets of a ring lie.
const (
	nextFile = ".next"
	lastFile = ".last"
)

// Path returns the file with the secret of the roles a and b.
func (k Keys) Path(a, b string) string { return filepath.Join(k.dir, PairName(a, b)+".key") }

// PairName names a pair, whichever role is named first.
func PairName(a, b string) string { return min(a, b) + "-" + max(a, b) }

// ReadOrMake reads the secret of a pair. On one machine the first role to need
// it makes it.
func (k Keys) ReadOrMake(a, b string) error {
	_, err := secret.ReadOrMake(k.Path(a, b))
	return k.wrap(err, a, b)
}

func (k Keys) wrap(err error, a, b string) error {
	if err == nil {
		return nil
	}
	return oswald.Wrap(err, oswald.Unavailable, "The key %s of the message bus (bus.keys) cannot be used; it must be readable for Oswald's user and for nobody else.", filepath.Base(k.Path(a, b)))
}

// Make makes a secret of a and b for the other side, which is given s too. It
// becomes the one in use when the other side uses it, or at once where now says
// so: then nothing comes through until the other side has it.
func (k Keys) Make(a, b string, s secret.Secret, now bool) error {
	return k.change(a, b, func(r ring) (ring, error) {
		if now {
			return ring{key: s}, nil
		}
		r, ok := r.made(s)
		if !ok {
			return r, oswald.Errorf(oswald.Conflict, "%d codes for %s wait already: type the last one in on the other host with oswald pair --code, or make one with --now, which voids all others.", mostNext, PairName(a, b))
		}
		return r, nil
	})
}

// Give takes in a secret of a and b that the other side has already.
func (k Keys) Give(a, b string, s secret.Secret) error {
	return k.change(a, b, func(r ring) (ring, error) { return r.given(s), nil })
}

func (k Keys) change(a, b string, f func(ring) (ring, error)) error {
	path := k.Path(a, b)
	old, _, err := readRing(path, time.Now())
	if err != nil {
		return k.wrap(err, a, b)
	}
	r, err := f(old)
	if err != nil {
		return err
	}
	return k.wrap(writeRing(path, old, r), a, b)
}

// readRing reads the files of a pair; the stamp changes when they do.
func readRing(path string, now time.Time) (r ring, stamp string, err error) {
	stamp = ringStamp(path)
	read := func(suffix string) secret.Secret {
		s, rerr := secret.Read(path + suffix)
		if rerr != nil && !errors.Is(rerr, fs.ErrNotExist) {
			err = errors.Join(err, rerr)
		}
		return s
	}
	r = ring{key: read(""), next: lines(read(nextFile)), last: lines(read(lastFile))}
	if err != nil || r.next == nil && r.last == nil {
		return r, stamp, err
	}
	late := func(suffix string) bool {
		fi, err := os.Stat(path + suffix)
		return err == nil && now.Sub(fi.ModTime()) > changeTime
	}
	after := r.late(late(nextFile), late(lastFile))
	return after, stamp, writeRing(path, r, after)
}

// ringStamp is made of what a change of the files changes.
func ringStamp(path string) (stamp string) {
	for _, suffix := range [...]string{"", nextFile, lastFile} {
		if fi, err := os.Stat(path + suffix); err == nil {
			stamp += fmt.Sprint(fi.ModTime().UnixNano(), " ", fi.Size(), fi.Mode())
		}
		stamp += "|"
	}
	return stamp
}

// writeRing brings the files of a pair from old to r. A crash in between leaves
// files that open at least as much as r, and there is a .key at every moment: a
// role that found none would make one.
func writeRing(path string, old, r ring) error {
	put := func(suffix string, was, is []secret.Secret) error {
		switch {
		case sameList(was, is):
			return nil
		case len(is) == 0:
			// Another may have been put there since it was read.
			if there, err := secret.Read(path + suffix); err != nil || !sameList(lines(there), was) {
				return nil
			}
			return os.Remove(path + suffix)
		}
		return secret.Write(path+suffix, unlines(is))
	}
	if err := put(lastFile, old.last, r.last); err != nil && len(r.last) > 0 {
		return err // the old one must not be lost before the new one is used
	}
	if !same(old.key, r.key) {
		if err := secret.Write(path, r.key); err != nil {
			return err
		}
	}
	return put(nextFile, old.next, r.next)
}

// lines reads several secrets out of one, each on a line; unlines undoes it.
func lines(s secret.Secret) (list []secret.Secret) {
	for _, b := range bytes.Fields(s.Reveal()) {
		list = append(list, secret.New(b))
	}
	return list
}

func unlines(list []secret.Secret) secret.Secret {
	var b []byte
	for _, s := range list {
		b = append(append(b, s.Reveal()...), '\n')
	}
	return secret.New(bytes.TrimSpace(b))
}

// open opens a register of p with one of the secrets of the pair.
func (s *session) open(p *peer, v []byte) (body []byte, by int, err error) {
	for i, key := range p.in {
		if body, err = s.n.machine.open(key, p.getKey, v); !errors.Is(err, errMAC) {
			return body, i, err
		}
	}
	return nil, 0, err
}

// used notes by which secret p has written.
func (s *session) used(p *peer, by int) {
	key := p.ring.all()[by]
	if _, changed := p.ring.heard(key); !changed {
		return
	}
	now := p.ring
	if p.path != "" { // somebody may have typed in another code just now
		var err error
		if now, _, err = readRing(p.path, time.Now()); err == nil {
			err = writeRing(p.path, now, after(now, key))
		}
		if err != nil {
			s.n.log.Error("the new key of a pair cannot be kept", "peer", p.name, "err", err)
			return // both go on being opened
		}
		p.stamp = ringStamp(p.path)
	}
	s.n.log.Info("the new key of a pair is in use on both sides", "peer", p.name)
	p.use(after(now, key))
	p.dirty = true
}

// after is what becomes of r when the other side has used key.
func after(r ring, key secret.Secret) ring { r, _ = r.heard(key); return r }

// freshKeys looks now and then whether the secret of the pair has changed.
func (s *session) freshKeys(p *peer) {
	if p.path == "" || time.Since(p.looked) < refresh {
		return
	}
	p.looked = time.Now()
	changing := len(p.ring.next) > 0 || len(p.ring.last) > 0 // and may come to its end
	if !changing && ringStamp(p.path) == p.stamp {
		return
	}
	r, stamp, err := readRing(p.path, time.Now()) // files have the time of the machine
	if err == nil && r.key.Empty() {
		err = fs.ErrNotExist
	}
	if err != nil {
		if p.link.fault == nil {
			s.n.log.Error("the key of a pair cannot be read; the old one stays in use", "peer", p.name, "err", err)
		}
		p.link.fault = err
		return
	}
	p.link.fault = nil
	if stamp != p.stamp {
		p.stamp = stamp
		p.use(r)
		p.dirty = true
		p.last = nil // what could not be opened perhaps can now
	}
}
