// SPDX-License-Identifier: GPL-3.0-or-later

// Package gpio owns the lines of the GPIO header: the one place that talks to
// the kernel's GPIO character device (uAPI v2). Others see rooms and people's
// words, never offsets and levels.
//
// [Mute] is the pair of lines that silence the two channels of the amplifier.
// Both are held by one request, asked for with the muted levels as their first
// values, so that the amplifier never opens by itself; both change in one step.
// When the process ends, however it ends, the kernel gives the lines back and a
// pull resistor at the muted level keeps the amplifier silent. (The kernel of
// Raspberry Pi OS keeps the last level instead unless told otherwise, which is
// why the lines are also muted by hand at every way out.)
//
// Where no lines are configured a Mute only records what it would have done and
// says so.
//
// Every method may be called from any goroutine, waits for the kernel only
// (microseconds), and never calls back.
package gpio

import (
	"errors"
	"fmt"
	"strconv"
)

// Config is the section [mute] of config.toml.
type Config struct {
	Chip      string `toml:"chip" doc:"GPIO chip of the mute lines, by label (pinctrl-bcm2711) or device (gpiochip0); empty searches every chip for the names of the lines."`
	Left      string `toml:"left" doc:"Line that mutes the left room, by name (GPIO17) or by its number on the chip; empty means there is none and the line is simulated."`
	Right     string `toml:"right" doc:"Line that mutes the right room, likewise; on the same chip."`
	ActiveLow bool   `toml:"active_low" doc:"Whether a low level is what mutes; the pull resistor of each line must be at the muted level either way."`
}

// Defaults is a machine without mute lines.
func Defaults() Config { return Config{} }

// Validate reports every fault at once, each by the key the operator typed.
func (c Config) Validate() error {
	var errs []error
	fault := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if (c.Left == "") != (c.Right == "") {
		fault("mute.left, mute.right: give both lines, or neither to simulate them")
	}
	if c.Left != "" && c.Left == c.Right {
		fault("mute.right: %q is the left line already", c.Right)
	}
	for _, line := range [...]struct{ key, value string }{{"mute.left", c.Left}, {"mute.right", c.Right}} {
		n, err := strconv.Atoi(line.value)
		switch {
		case err != nil: // a name
		case n < 0:
			fault("%s: %d is not the number of a line", line.key, n)
		case c.Chip == "":
			fault("%s: line %d needs mute.chip to say on which chip", line.key, n)
		}
	}
	if c.Chip != "" && c.Left == "" && c.Right == "" {
		fault("mute.left, mute.right: the chip %q is given without lines", c.Chip)
	}
	return errors.Join(errs...)
}
