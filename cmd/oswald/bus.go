// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"net"

	"oswald/internal/memcached"
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
		// The roles of this process are on the bus already, listening or not.
		parts.startServer("bus server", func() (net.Listener, error) {
			l, err := listenBus(cfg.Bus.Address)
			return l, listenFault(err, "message bus", "bus.address")
		}, m.Serve)
		return &bus{bus: m, cache: ipc.NewCache(m), kind: "embedded"}, nil
	}
	b, err := ipc.NewMemcached(cfg.Bus.Address)
	if err != nil {
		return nil, fmt.Errorf("bus.address: %w", err)
	}
	return &bus{bus: b, cache: ipc.NewCache(b), kind: "memcached"}, nil
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
		return listenFault(err, "cache", "--listen")
	}
	log := newLogger(c.err, slog.LevelInfo)
	log.Info("cache is up", "listen", l.Addr().String())
	return memcached.New(memcached.Defaults()).Serve(ctx, l)
}
