// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"oswald"
	"oswald/internal/memcached"
	"oswald/internal/secret"
	"oswald/ipc"
)

// A bus is how the roles of this process reach each other and those elsewhere,
// and the cache that the comment server shares with its like.
type bus struct {
	bus   ipc.Bus
	cache *ipc.Cache
	kind  string
}

// openBus connects to the configured bus. The process that has the bot hosts an
// embedded one; the others come in through its socket.
func openBus(parts *stack, cfg Config, host bool, log *slog.Logger) (*bus, error) {
	switch {
	case cfg.Bus.Kind == "mem":
		m := memcached.New(memcached.Defaults())
		return &bus{bus: m, cache: ipc.NewCache(m), kind: "in this process"}, nil
	case cfg.Bus.Kind == "embedded" && host:
		m := memcached.New(memcached.Defaults())
		l, err := listenBus(cfg.Bus.Address)
		if err != nil {
			return nil, oswald.Wrap(err, oswald.Unavailable, "The message bus cannot listen on %s (bus.address): is another oswald running?", cfg.Bus.Address)
		}
		parts.start("bus", func(ctx context.Context) error { return m.Serve(ctx, l) })
		return &bus{bus: m, cache: ipc.NewCache(m), kind: "embedded"}, nil
	}
	b, err := ipc.NewMemcached(cfg.Bus.Address)
	if err != nil {
		return nil, fmt.Errorf("bus.address: %w", err)
	}
	return &bus{bus: b, cache: ipc.NewCache(b), kind: "memcached"}, nil
}

// listenBus listens on unix:FILE, mode 0600, or on HOST:PORT.
func listenBus(address string) (net.Listener, error) {
	path, ok := strings.CutPrefix(address, "unix:")
	if !ok {
		return net.Listen("tcp", address)
	}
	return listenPrivate(path)
}

// listenPrivate opens a Unix socket of mode 0600, taking over one that a dead
// process left.
func listenPrivate(path string) (net.Listener, error) {
	if c, err := net.DialTimeout("unix", path, time.Second); err == nil {
		c.Close()
		return nil, fmt.Errorf("%s: something answers there already", path)
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

// pairKey is the secret that two roles share; on one machine the first to need
// it makes it.
func pairKey(dir, a, b string) (secret.Secret, error) {
	path := filepath.Join(dir, min(a, b)+"-"+max(a, b)+".key")
	s, err := secret.ReadOrMake(path)
	if err != nil {
		return s, oswald.Wrap(err, oswald.Unavailable, "The key %s of the message bus cannot be read.", path)
	}
	return s, nil
}

// cmdCache runs the embedded Memcached server by itself.
func cmdCache(ctx context.Context, c console, args []string) error {
	flags := flag.NewFlagSet("cache", flag.ContinueOnError)
	flags.SetOutput(c.err)
	listen := flags.String("listen", "127.0.0.1:11211", "unix:FILE or HOST:PORT")
	if flags.Parse(args) != nil || flags.NArg() != 0 {
		return errUsage
	}
	l, err := listenBus(*listen)
	if err != nil {
		return oswald.Wrap(err, oswald.Unavailable, "Cannot listen on %s.", *listen)
	}
	log := newLogger(c.err, slog.LevelInfo)
	log.Info("cache is up", "listen", l.Addr().String())
	return memcached.New(memcached.Defaults()).Serve(ctx, l)
}
