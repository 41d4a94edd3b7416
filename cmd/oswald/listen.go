// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"oswald"
	"oswald/internal/backoff"
)

// startServer listens and serves as a part. Where it cannot listen, the part
// says so in the log and in status and tries again, less and less often: other
// parts do not wait for an address that somebody else has.
func (s *stack) startServer(name string, listen func() (net.Listener, error), serve func(context.Context, net.Listener) error) {
	l, err := listen()
	ready := make(chan *running, 1)
	r := s.start(name, func(ctx context.Context) error {
		r := <-ready
		again := backoff.Backoff{Min: time.Second, Max: time.Minute}
		for err != nil {
			s.log.Error("cannot listen", "part", name, "err", err)
			for last := err.Error(); err != nil && err.Error() == last; {
				if again.Wait(ctx) != nil {
					return nil
				}
				l, err = listen()
				r.trouble(err)
			}
		}
		return serve(ctx, l)
	})
	r.trouble(err)
	ready <- r
}

// listenFault words why key cannot be listened on; nil for nil.
func listenFault(err error, what, key string) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, syscall.EADDRINUSE), errors.Is(err, errAnswers):
		return oswald.Wrap(err, oswald.Conflict, "The %s cannot listen: another program uses its address; stop that one, or change %s.", what, key)
	case errors.Is(err, syscall.EACCES):
		return oswald.Wrap(err, oswald.Forbidden, "The %s may not listen there: choose a port above 1023 or another folder (%s).", what, key)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return oswald.Wrap(err, oswald.Invalid, "The %s cannot listen: this machine has no such address; change %s.", what, key)
	case errors.Is(err, syscall.EINVAL):
		return oswald.Wrap(err, oswald.Invalid, "The %s cannot listen: the path of its socket is longer than the system allows; change %s.", what, key)
	}
	return oswald.Wrap(err, oswald.Unavailable, "The %s cannot listen on its address; check %s.", what, key)
}

// listenBus listens on unix:FILE, mode 0600, or on HOST:PORT.
func listenBus(address string) (net.Listener, error) {
	path, ok := strings.CutPrefix(address, "unix:")
	if !ok {
		return net.Listen("tcp", address)
	}
	return listenPrivate(path)
}

// errAnswers is a socket that another process listens on.
var errAnswers = errors.New("something answers there already")

// listenPrivate opens a Unix socket of mode 0600, taking over one that a dead
// process left.
func listenPrivate(path string) (net.Listener, error) {
	if c, err := net.DialTimeout("unix", path, time.Second); err == nil {
		c.Close()
		return nil, fmt.Errorf("%s: %w", path, errAnswers)
	}
	if fi, err := os.Lstat(path); err == nil && fi.Mode()&fs.ModeSocket == 0 {
		return nil, fmt.Errorf("%s is there already and no socket", path)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, 0o600); err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

// errLocked is a lock that another process holds.
var errLocked = errors.New("another process holds the lock")

// lockFile locks path, making it first; a process that ends lets go of it.
func lockFile(path string) (unlock func() error, err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if err == nil {
		return f.Close, nil
	}
	f.Close()
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return nil, errLocked
	}
	return nil, err
}
