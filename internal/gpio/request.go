// SPDX-License-Identifier: GPL-3.0-or-later

package gpio

import (
	"errors"
	"fmt"
	"io/fs"
	"strconv"

	"github.com/warthog618/go-gpiocdev"
	"golang.org/x/sys/unix"

	"oswald"
)

// consumer is the name under which the kernel lists our lines (gpioinfo).
const consumer = "oswald"

// request holds both lines, muted from the first moment. It returns what it
// holds in words.
func request(cfg Config) (pair, string, error) {
	names := gpiocdev.Chips()
	if len(names) == 0 {
		return nil, "", oswald.Errorf(oswald.Unavailable,
			"There is no GPIO chip on this machine: take the mute lines out of [mute] to simulate them.")
	}
	var denied error
	for _, name := range names {
		chip, err := gpiocdev.NewChip(name, gpiocdev.WithConsumer(consumer))
		if err != nil {
			denied = errors.Join(denied, err)
			continue
		}
		lines, where, err := requestFrom(chip, cfg)
		chip.Close() // lines live on without it
		if errors.Is(err, errNotHere) {
			continue
		}
		if err != nil {
			return nil, "", err
		}
		return lines, where, nil
	}
	switch {
	case errors.Is(denied, fs.ErrPermission):
		return nil, "", oswald.Wrap(denied, oswald.Unavailable,
			"Oswald may not use the GPIO chip: add its user to the group gpio.")
	case cfg.Chip != "":
		return nil, "", oswald.Wrap(denied, oswald.Unavailable,
			"No GPIO chip here is called %q: `gpiodetect` lists those there are.", cfg.Chip)
	}
	return nil, "", oswald.Wrap(denied, oswald.Unavailable,
		"No GPIO chip here has the lines %q and %q: `gpioinfo` lists the names.", cfg.Left, cfg.Right)
}

// errNotHere says that the search goes on with the next chip.
var errNotHere = errors.New("not on this chip")

func requestFrom(chip *gpiocdev.Chip, cfg Config) (pair, string, error) {
	if cfg.Chip != "" && cfg.Chip != chip.Label && cfg.Chip != chip.Name && cfg.Chip != "/dev/"+chip.Name {
		return nil, "", errNotHere
	}
	var offsets []int
	for _, line := range []string{cfg.Left, cfg.Right} {
		n, err := strconv.Atoi(line)
		if err != nil {
			n, err = chip.FindLine(line)
			if err != nil && cfg.Chip == "" && len(offsets) == 0 {
				return nil, "", errNotHere
			}
			if err != nil {
				return nil, "", oswald.Wrap(err, oswald.Unavailable,
					"The GPIO chip %s has no line called %q: `gpioinfo` lists the names.", chip.Label, line)
			}
		}
		offsets = append(offsets, n)
	}
	// One request for both lines, muted at once: a separate AsOutput() would
	// drive 0 first, and active-low set later would turn the levels around.
	options := []gpiocdev.LineReqOption{gpiocdev.AsOutput(muted, muted)}
	if cfg.ActiveLow {
		options = append([]gpiocdev.LineReqOption{gpiocdev.AsActiveLow}, options...)
	}
	lines, err := chip.RequestLines(offsets, options...)
	if err != nil {
		return nil, "", refusal(chip, offsets, err)
	}
	return lines, fmt.Sprintf("%s lines %d and %d", chip.Label, offsets[0], offsets[1]), nil
}

// refusal words why the kernel did not give the lines.
func refusal(chip *gpiocdev.Chip, offsets []int, err error) error {
	switch {
	case errors.Is(err, gpiocdev.ErrInvalidOffset):
		return oswald.Wrap(err, oswald.Unavailable,
			"The GPIO chip %s has lines 0 to %d only: put [mute] right.", chip.Label, chip.Lines()-1)
	case errors.Is(err, unix.EBUSY):
		for _, n := range offsets {
			if info, e := chip.LineInfo(n); e == nil && info.Used {
				return oswald.Wrap(err, oswald.Unavailable,
					"Mute line %d is held by %q: stop that or choose another line.", n, info.Consumer)
			}
		}
		return oswald.Wrap(err, oswald.Unavailable, "A mute line is held by another program: `gpioinfo` says which.")
	case errors.Is(err, fs.ErrPermission):
		return oswald.Wrap(err, oswald.Unavailable, "Oswald may not use the GPIO chip: add its user to the group gpio.")
	}
	return oswald.Wrap(err, oswald.Unavailable, "The GPIO chip %s refuses the mute lines: see the log.", chip.Label)
}
