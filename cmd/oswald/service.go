// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"context"
	"fmt"
	"log/slog"
	"maps"

	"oswald"
	"oswald/internal/gpio"
)

// alive reports whether each role's database answers. The roles do everything in
// transactions on the one connection to it, so a role that hangs holds it, and
// the watchdog notices.
func (a *app) alive(ctx context.Context) error {
	a.mu.Lock()
	dbs := maps.Clone(a.dbs)
	a.mu.Unlock()
	for role, db := range dbs {
		var one int
		if err := db.QueryRowContext(ctx, "SELECT 1").Scan(&one); err != nil {
			return fmt.Errorf("database of %s: %w", role, err)
		}
	}
	return nil
}

// cmdMute mutes the amplifier: for the time after a bot that died and could not
// do it itself (ExecStopPost= in packaging/systemd).
func cmdMute(_ context.Context, c console, args []string) error {
	cfg, err := configFlag(c, "mute", args)
	if err != nil {
		return err
	}
	mute, err := gpio.New(cfg.Mute, gpio.Deps{Log: newLogger(c.err, slog.LevelError)})
	if err != nil {
		return err
	}
	part := mute.Part() // taking the lines mutes them
	if err := mute.Close(); err != nil {
		return oswald.Wrap(err, oswald.Unavailable, "The mute lines could not be given back.")
	}
	if !part.OK {
		return oswald.Errorf(oswald.Unavailable, "%s", part.State)
	}
	fmt.Fprintln(c.out, "mute lines:", part.State)
	return nil
}
