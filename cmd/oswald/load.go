// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"oswald"
)

// defaultConfig is where an installed Oswald has its configuration.
const defaultConfig = "/etc/oswald/config.toml"

// loadConfig reads file over the defaults and reports every fault at once, each
// by the key that the operator typed: unknown keys, wrong types, wrong values.
func loadConfig(file string) (Config, error) {
	cfg := defaults()
	b, err := os.ReadFile(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return cfg, oswald.Errorf(oswald.NotFound, "There is no configuration file %s. `oswald config example > %s` makes one; --config names another.", file, file)
	case err != nil:
		return cfg, oswald.Wrap(err, oswald.Unavailable, "The configuration file %s cannot be read.", file)
	}
	if err := parseConfig(string(b), &cfg); err != nil {
		return cfg, oswald.Errorf(oswald.Invalid, "%s has mistakes:\n  %s", file, strings.ReplaceAll(err.Error(), "\n", "\n  "))
	}
	cfg.resolve(filepath.Dir(file))
	return cfg, nil
}

// parseConfig decodes text into cfg and validates the whole.
func parseConfig(text string, cfg *Config) error {
	if err := decode(text, cfg); err != nil {
		return errors.Join(err, cfg.Validate())
	}
	return cfg.Validate()
}

// didYouMean offers the key of the example configuration that is nearest.
func didYouMean(key string) string {
	best, dist := "", 4
	for _, k := range knownKeys() {
		if d := editDistance(key, k); d < dist {
			best, dist = k, d
		}
	}
	if best == "" {
		return ""
	}
	return "; did you mean " + best + "?"
}

// editDistance counts the letters to change, add or drop to make a into b.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		last := row[0]
		row[0] = i + 1
		for j := range len(b) {
			d := last
			if a[i] != b[j] {
				d++
			}
			last = row[j+1]
			row[j+1] = min(d, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

func cmdConfig(_ context.Context, c console, args []string) error {
	switch {
	case len(args) == 1 && args[0] == "example":
		return exampleConfig(c.out)
	case len(args) >= 1 && len(args) <= 2 && args[0] == "check":
		file := defaultConfig
		if len(args) == 2 {
			file = args[1]
		}
		if _, err := loadConfig(file); err != nil {
			return err
		}
		fmt.Fprintf(c.out, "%s: no mistakes found. `oswald check --config %s` tries the parts out.\n", file, file)
		return nil
	}
	return errUsage
}

// configFlag parses args that hold nothing but --config.
func configFlag(c console, name string, args []string) (Config, error) {
	cfg, rest, err := configArgs(c, name, args)
	if err == nil && len(rest) != 0 {
		err = errUsage
	}
	return cfg, err
}

// configArgs is configFlag for a subcommand that takes arguments besides.
func configArgs(c console, name string, args []string) (cfg Config, rest []string, err error) {
	flags := flag.NewFlagSet(name, flag.ContinueOnError)
	flags.SetOutput(c.err)
	file := flags.String("config", defaultConfig, "configuration file")
	if flags.Parse(args) != nil {
		return Config{}, nil, errUsage
	}
	cfg, err = loadConfig(*file)
	return cfg, flags.Args(), err
}
