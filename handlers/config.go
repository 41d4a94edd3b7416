// SPDX-License-Identifier: GPL-3.0-or-later

package handlers

import (
	"errors"
	"fmt"
	"time"
)

// Config is the [commands] table of config.toml.
type Config struct {
	Late    time.Duration `toml:"late" doc:"A command that changes something and arrives later than this after it was sent asks first."`
	Answer  time.Duration `toml:"answer" doc:"How long a yes/no question waits for its answer."`
	Timeout time.Duration `toml:"timeout" doc:"How long an ordinary command may take; those that another host carries out have their own, longer limit."`
	Build   time.Duration `toml:"build" doc:"How long a rebuild, a retraining or a decision on a comment may take before it is reported as unknown."`
	Keep    time.Duration `toml:"keep" doc:"How long the record of commands is kept for the log command."`
	Rate    int           `toml:"rate" doc:"Commands a person may send in a minute, with bursts of as many; 0 sets no limit."`
}

// Defaults returns the configuration that fits most people.
func Defaults() Config {
	return Config{
		Late:    10 * time.Minute,
		Answer:  5 * time.Minute,
		Timeout: time.Minute,
		Build:   15 * time.Minute,
		Keep:    90 * 24 * time.Hour,
		Rate:    240,
	}
}

// Validate reports every fault at once, each by the key the operator typed.
func (c Config) Validate() error {
	var errs []error
	positive := func(key string, d time.Duration) {
		if d <= 0 {
			errs = append(errs, fmt.Errorf("commands.%s: %v is not a positive duration", key, d))
		}
	}
	positive("late", c.Late)
	positive("answer", c.Answer)
	positive("timeout", c.Timeout)
	positive("build", c.Build)
	positive("keep", c.Keep)
	if c.Rate < 0 {
		errs = append(errs, fmt.Errorf("commands.rate: %d is negative; 0 sets no limit", c.Rate))
	}
	return errors.Join(errs...)
}
