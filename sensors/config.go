// SPDX-License-Identifier: GPL-3.0-or-later

package sensors

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"
)

// Config is the [sensors] table of config.toml.
type Config struct {
	Root     string        `toml:"root" doc:"Folder in which the kernel lists the 1-wire probes."`
	Thermal  string        `toml:"thermal" doc:"Folder in which the kernel lists the temperatures of the machine itself; empty leaves them out."`
	Simulate bool          `toml:"simulate" doc:"Make up a probe instead of reading real ones; every reading then says that it is simulated."`
	SimDir   string        `toml:"simulate_dir" doc:"Folder for the made-up probe, in the form the kernel has; writing a number into its file \"set\" heats it. Empty puts it into the state folder."`
	Poll     time.Duration `toml:"poll" doc:"How often the probes are read."`
	Deadline time.Duration `toml:"deadline" doc:"How long a probe may take to answer; a healthy one needs 0.8 s."`
	Limit    float64       `toml:"limit" doc:"Alert when a probe is hotter than this, in °C, unless [sensors.limits] names another; 0 sets no limit."`
	CPULimit float64       `toml:"cpu_limit" doc:"Alert when the processor is hotter than this, in °C; 0 sets no limit."`
	Critical float64       `toml:"critical" doc:"So many kelvins above its limit the alert is critical: it is also spoken."`
	Hold     time.Duration `toml:"hold" doc:"How long a probe must be above its limit before the alert."`
	Clear    time.Duration `toml:"clear" doc:"How long it must be one kelvin below the limit before the alert is over."`
	Keep     time.Duration `toml:"keep" doc:"How long the history is kept, one value a minute."`

	Probes map[string]string  `toml:"probes" doc:"Names for the probes, by the id that the kernel gives them. A probe that is named here and missing is reported." example:"28-3c01d607e1b2 = \"kitchen\"; 28-3c01d607aa01 = \"server room\""`
	Limits map[string]float64 `toml:"limits" doc:"A limit of its own for a probe, by its name." example:"\"server room\" = 35.0"`
}

// Defaults returns the configuration that fits most people.
func Defaults() Config {
	return Config{
		Root:     "/sys/bus/w1/devices",
		Thermal:  "/sys/class/thermal",
		Poll:     10 * time.Second,
		Deadline: 5 * time.Second,
		Limit:    30,
		CPULimit: 80,
		Critical: 5,
		Hold:     2 * time.Minute,
		Clear:    5 * time.Minute,
		Keep:     90 * 24 * time.Hour,
	}
}

// Validate reports every fault at once, each by the key the operator typed.
func (c Config) Validate() error {
	var errs []error
	fault := func(format string, args ...any) { errs = append(errs, fmt.Errorf("sensors."+format, args...)) }
	positive := func(key string, d time.Duration) {
		if d <= 0 {
			fault("%s: %v is not a positive duration", key, d)
		}
	}
	positive("poll", c.Poll)
	positive("deadline", c.Deadline)
	positive("clear", c.Clear)
	positive("keep", c.Keep)
	if c.Poll > 0 && c.Poll < time.Second {
		fault("poll: %v is too often; a probe needs 0.8 s for an answer", c.Poll)
	}
	if c.Poll > time.Minute {
		fault("poll: %v is too seldom for the history of one value a minute; use 60s at most", c.Poll)
	}
	if c.Hold < 0 {
		fault("hold: %v is negative", c.Hold)
	}
	if c.Root == "" && !c.Simulate {
		fault("root: names no folder; the kernel's is /sys/bus/w1/devices")
	}
	celsius := func(key string, v float64) {
		if math.IsNaN(v) || v < -55 || v > 125 {
			fault("%s: %v is outside of what a probe can measure, -55 to 125 °C", key, v)
		}
	}
	celsius("limit", c.Limit)
	celsius("cpu_limit", c.CPULimit)
	if math.IsNaN(c.Critical) || c.Critical < 0 {
		fault("critical: %v is not a positive number of kelvins", c.Critical)
	}
	seen := map[string]string{}
	for _, id := range slices.Sorted(maps.Keys(c.Probes)) {
		name := c.Probes[id]
		switch other, taken := seen[strings.ToLower(name)]; {
		case !idForm(id):
			fault("probes.%s: is not the id of a probe; `ls %s` lists them, like 28-3c01d607e1b2", id, c.Root)
		case strings.TrimSpace(name) == "" || len(name) > 40 || strings.ContainsAny(name, "\n\r\t/"):
			fault("probes.%s: %q is not a name of up to 40 letters", id, name)
		case strings.EqualFold(name, cpuName):
			fault("probes.%s: %q is the name of the processor's own temperature", id, name)
		case taken:
			fault("probes.%s: %q is the name of %s already", id, name, other)
		}
		seen[strings.ToLower(name)] = id
	}
	for _, name := range slices.Sorted(maps.Keys(c.Limits)) {
		celsius("limits."+name, c.Limits[name])
		if _, known := seen[strings.ToLower(name)]; !known && !idForm(name) && !(c.Simulate && name == simName) {
			fault("limits.%s: no probe has this name; [sensors.probes] gives names", name)
		}
	}
	return errors.Join(errs...)
}

// limitOf returns the limit of a probe; ok is false if it has none.
func (c Config) limitOf(id, name string) (limit float64, ok bool) {
	for key, v := range c.Limits {
		if strings.EqualFold(key, name) || key == id {
			return v, true
		}
	}
	if name == cpuName {
		return c.CPULimit, c.CPULimit != 0
	}
	return c.Limit, c.Limit != 0
}

// idForm reports whether id looks like the kernel's id of a thermometer: its
// family, a dash, twelve digits of base 16.
func idForm(id string) bool {
	family, serial, ok := strings.Cut(id, "-")
	if !ok || !slices.Contains(families, family) || len(serial) != 12 {
		return false
	}
	return strings.Trim(strings.ToLower(serial), "0123456789abcdef") == ""
}
