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
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return Secret{}, err
	}
	var b [32]byte
	rand.Read(b[:]) // never fails
	text := base64.RawURLEncoding.EncodeToString(b[:])
	// It appears whole or not at all: another role may look for it at the same
	// moment, and the first one wins.
	f, err := os.CreateTemp(filepath.Dir(path), ".secret-") // mode 0600
	if err != nil {
		return Secret{}, err
	}
	defer os.Remove(f.Name())
	_, err = f.WriteString(text + "\n")
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return Secret{}, err
	}
	if err := os.Link(f.Name(), path); errors.Is(err, fs.ErrExist) {
		return Read(path) // somebody else made it just now
	} else if err != nil {
		return Secret{}, err
	}
	return Secret{[]byte(text)}, nil
}
