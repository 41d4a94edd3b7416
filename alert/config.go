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
	if c.Keep <= 0 {
		errs = append(errs, fmt.Errorf("alerts.keep: %v is not a positive duration", c.Keep))
	}
	return errors.Join(errs...)
}
