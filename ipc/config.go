// SPDX-License-Identifier: GPL-3.0-or-later

package ipc

import (
	"errors"
	"fmt"
	"time"
)

// Config is the table [ipc].
type Config struct {
	Active   time.Duration `toml:"active" doc:"How often the bus is looked at while something is going on. In the process that hosts the bus nothing is polled."`
	Idle     time.Duration `toml:"idle" doc:"How often the bus is looked at when all is quiet: 150ms costs less than half a percent of a processor; 1s suits a battery."`
	Handlers int           `toml:"handlers" doc:"How many commands of other roles run at a time: so many that may be run again, and so many that may not."`
	Keep     time.Duration `toml:"keep" doc:"How long ended commands are remembered, so that one that comes again is not run again."`
}

// Defaults returns the configuration of config.toml.
func Defaults() Config {
	return Config{Active: time.Millisecond, Idle: 150 * time.Millisecond, Handlers: 4, Keep: 90 * 24 * time.Hour}
}

// Validate reports every fault, each by its key.
func (c Config) Validate() error {
	var errs []error
	if c.Active < 100*time.Microsecond || c.Active > 10*time.Second {
		errs = append(errs, fmt.Errorf("ipc.active: %v is not between 100us and 10s", c.Active))
	}
	if c.Idle <= 0 || c.Idle < c.Active || c.Idle > 10*time.Second {
		errs = append(errs, fmt.Errorf("ipc.idle: %v is not between ipc.active and 10s", c.Idle))
	}
	if c.Handlers < 1 || c.Handlers > 64 {
		errs = append(errs, fmt.Errorf("ipc.handlers: %d is not between 1 and 64", c.Handlers))
	}
	if c.Keep < time.Hour {
		errs = append(errs, fmt.Errorf("ipc.keep: %v is less than an hour", c.Keep))
	}
	return errors.Join(errs...)
}
