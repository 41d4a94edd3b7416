// SPDX-License-Identifier: GPL-3.0-or-later

package alert

import (
	"errors"
	"fmt"
	"time"
)

// Config is the [alerts] table of config.toml.
type Config struct {
	Group     time.Duration `toml:"group" doc:"Alerts that come within this time are told in one message; a critical one never waits."`
	Repeat    time.Duration `toml:"repeat" doc:"How often to remind of an alert that lasts and that nobody has acknowledged; 0s never reminds."`
	Quiet     string        `toml:"quiet" doc:"Hours such as 22:00-07:00 in which nothing but critical alerts is told; what lasts is told when they end. Empty: none."`
	Digest    string        `toml:"digest" doc:"Time of day such as 18:30 at which comments, edits and letters that wait are told, together in one message; empty: each as it comes."`
	Strangers time.Duration `toml:"strangers" doc:"How often to tell, at most, that strangers have written; 0s never tells."`
	Keep      time.Duration `toml:"keep" doc:"How long alerts that are over stay on record."`
}

// Defaults returns the configuration that fits most people.
func Defaults() Config {
	return Config{
		Group:     5 * time.Second,
		Repeat:    4 * time.Hour,
		Strangers: 24 * time.Hour,
		Keep:      90 * 24 * time.Hour,
	}
}

// Validate reports every fault at once, each by the key the operator typed.
func (c Config) Validate() error {
	var errs []error
	notNegative := func(key string, d time.Duration) {
		if d < 0 {
			errs = append(errs, fmt.Errorf("alerts.%s: %v is negative", key, d))
		}
	}
	notNegative("group", c.Group)
	notNegative("repeat", c.Repeat)
	notNegative("strangers", c.Strangers)
	if c.Group > 10*time.Minute {
		errs = append(errs, fmt.Errorf("alerts.group: %v is too long to wait; use 10m at most", c.Group))
	}
	if c.Repeat > 0 && c.Repeat < time.Minute {
		errs = append(errs, fmt.Errorf("alerts.repeat: %v is too often; use 1m at least", c.Repeat))
	}
	if _, _, err := parseSpan(c.Quiet); c.Quiet != "" && err != nil {
		errs = append(errs, fmt.Errorf("alerts.quiet: %w", err))
	}
	if _, err := parseClock(c.Digest); c.Digest != "" && err != nil {
		errs = append(errs, fmt.Errorf("alerts.digest: %w", err))
	}
	if c.Keep <= 0 {
		errs = append(errs, fmt.Errorf("alerts.keep: %v is not a positive duration", c.Keep))
	}
	return errors.Join(errs...)
}
