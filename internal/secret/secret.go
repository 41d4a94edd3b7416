// SPDX-License-Identifier: GPL-3.0-or-later

// Package secret keeps passwords and keys out of logs, errors and JSON.
package secret

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"syscall"
)

// A Secret prints as [redacted] wherever it goes; Reveal alone shows it. The
// zero Secret is empty.
type Secret struct{ b []byte }

// New wraps b, which the caller must not change afterwards.
func New(b []byte) Secret { return Secret{b} }

// Reveal returns the secret itself. Do not change it.
func (s Secret) Reveal() []byte { return s.b }

// Empty reports whether there is no secret.
func (s Secret) Empty() bool { return len(s.b) == 0 }

const redacted = "[redacted]"

// String implements fmt.Stringer.
func (Secret) String() string { return redacted }

// GoString implements fmt.GoStringer.
func (Secret) GoString() string { return redacted }

// Format implements fmt.Formatter, so that no verb reaches the bytes.
func (Secret) Format(f fmt.State, _ rune) { fmt.Fprint(f, redacted) }

// MarshalText keeps the secret out of JSON and TOML.
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// LogValue implements slog.LogValuer.
func (Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// Read returns the content of a secret file without the white space around it.
// A file that others may read, and an empty one, are errors.
func Read(path string) (Secret, error) {
	fi, err := os.Stat(path)
	if err != nil {
		return Secret{}, err
	}
	if fi.Mode().Perm()&0o077 != 0 {
		return Secret{}, fmt.Errorf("%s: others can read it; run chmod 600 on it", path)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return Secret{}, err
	}
	b = bytes.TrimSpace(b)
	if len(b) == 0 {
		return Secret{}, fmt.Errorf("%s: empty", path)
	}
	return Secret{b}, nil
}

// ReadOrMake returns the secret in path, made of 32 random bytes in base64 if
// there is no such file yet. The file gets mode 0600.
func ReadOrMake(path string) (Secret, error) {
	s, err := Read(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return s, err
	}
	made := Random()
	// It appears whole or not at all: another role may look for it at the same
	// moment, and the first one wins.
	name, err := temporary(path, made)
	if err != nil {
		return Secret{}, err
	}
	defer os.Remove(name)
	if err := os.Link(name, path); errors.Is(err, fs.ErrExist) {
		return Read(path) // somebody else made it just now
	} else if err != nil {
		return Secret{}, err
	}
	return made, nil
}

// Random returns 32 random bytes in base64.
func Random() Secret {
	var b [32]byte
	rand.Read(b[:]) // never fails
	return Secret{[]byte(base64.RawURLEncoding.EncodeToString(b[:]))}
}

// Write puts s into path, with mode 0600, in place of what is there. It appears
// whole or not at all. Written by root, it belongs to whom its folder belongs
// to, or the service could not read it.
func Write(path string, s Secret) error {
	name, err := temporary(path, s)
	if err != nil {
		return err
	}
	defer os.Remove(name) // harmless after the rename
	return os.Rename(name, path)
}

// temporary writes s to a file beside path and returns its name.
func temporary(path string, s Secret) (string, error) {
	dir := filepath.Dir(path)
	if err := makeFolder(dir); err != nil {
		return "", err
	}
	f, err := os.CreateTemp(dir, ".secret-") // mode 0600
	if err != nil {
		return "", err
	}
	_, err = f.Write(append(bytes.Clone(s.b), '\n'))
	if err := errors.Join(err, f.Sync(), f.Close(), belong(f.Name(), dir)); err != nil {
		os.Remove(f.Name())
		return "", err
	}
	return f.Name(), nil
}

// makeFolder makes dir, mode 0700, where it is missing.
func makeFolder(dir string) error {
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	return belong(dir, filepath.Dir(dir))
}

// belong gives what root has made to the owner of dir.
func belong(path, dir string) error {
	fi, err := os.Stat(dir)
	if err != nil {
		return err
	}
	if st, ok := fi.Sys().(*syscall.Stat_t); ok && os.Geteuid() == 0 && st.Uid != 0 {
		return os.Chown(path, int(st.Uid), int(st.Gid))
	}
	return nil
}
