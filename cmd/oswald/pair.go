// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"oswald"
	"oswald/internal/secret"
	"oswald/ipc"
)

// cmdPair gives the roles of this host and others a new secret. It makes one and
// prints a code for the other host, or takes such a code in.
func cmdPair(_ context.Context, c console, args []string) error {
	flags := flag.NewFlagSet("pair", flag.ContinueOnError)
	flags.SetOutput(c.err)
	file := flags.String("config", defaultConfig, "configuration file")
	code := flags.Bool("code", false, "read a code that the other host has printed")
	now := flags.Bool("now", false, "drop the old key at once, because somebody else has it")
	if flags.Parse(args) != nil || *code != (flags.NArg() == 0) || *code && *now {
		return errUsage
	}
	cfg, err := loadConfig(*file)
	if err != nil {
		return err
	}
	keys := ipc.NewKeys(cfg.Bus.Keys)
	if *code {
		return takeCode(c, cfg, keys)
	}
	return makeCode(c, cfg, keys, flags.Args(), *now)
}

// makeCode makes secrets for all pairs of a role of ours and one of hosts.
func makeCode(c console, cfg Config, keys ipc.Keys, hosts []string, now bool) error {
	away := map[string][2]string{} // the other role is on another host
	var here [][2]string
	for _, host := range hosts {
		if !slices.Contains(allRoles, host) {
			return oswald.Errorf(oswald.Invalid, "There is no host %q: name a role that runs there, %s.", host, strings.Join(allRoles, ", "))
		}
		for _, role := range cfg.Roles {
			pair := [2]string{role, host}
			switch {
			case role == host:
			case slices.Contains(cfg.Roles, host):
				here = append(here, pair)
			default:
				away[ipc.PairName(role, host)] = pair
			}
		}
	}
	if len(here)+len(away) == 0 {
		return oswald.Errorf(oswald.Invalid, "Nothing here talks to %s: the roles of this host are %s (roles).", strings.Join(hosts, " and "), strings.Join(cfg.Roles, ", "))
	}
	for _, p := range here {
		if err := keys.Give(p[0], p[1], secret.Random()); err != nil {
			return err
		}
		fmt.Fprintf(c.out, "%s and %s have a new key; both run on this host, so nothing is left to do.\n", p[0], p[1])
	}
	if len(away) == 0 {
		return nil
	}
	names := slices.Sorted(maps.Keys(away))
	text := ipc.NewCode(names...)
	secrets, _ := ipc.ReadCode(text, names...)
	for name, p := range away {
		if err := keys.Make(p[0], p[1], secrets[name], now); err != nil {
			return err
		}
	}
	fmt.Fprintf(c.out, "A new key for %s is ready here. On the other host run\n\n    oswald pair --code\n\nand paste this, or have it read out by telephone:\n\n    %s\n\n", strings.Join(names, " and "), text)
	if now {
		fmt.Fprintln(c.out, "Until then nothing comes through between the two. The code is shown only now.")
	} else {
		fmt.Fprintln(c.out, "Until then the two go on with the old key, if they have one. The code is shown only now; it is good for a week.")
	}
	return nil
}

// codeTries bounds the lines that are read in search of a code: what the other
// host has printed may be piped in as a whole.
const codeTries = 64

func takeCode(c console, cfg Config, keys ipc.Keys) error {
	pairs := map[string][2]string{}
	for i, a := range allRoles {
		for _, b := range allRoles[i+1:] {
			if slices.Contains(cfg.Roles, a) || slices.Contains(cfg.Roles, b) {
				pairs[ipc.PairName(a, b)] = [2]string{a, b}
			}
		}
	}
	names := slices.Sorted(maps.Keys(pairs))
	in := bufio.NewScanner(io.LimitReader(c.in, 64<<10))
	fmt.Fprint(c.err, "Code: ")
	for range codeTries {
		if !in.Scan() {
			break
		}
		secrets, looks := ipc.ReadCode(in.Text(), names...)
		if secrets == nil {
			if looks {
				fmt.Fprint(c.err, "That is not right: a character is wrong or missing, or it is for other roles.\nCode: ")
			}
			continue
		}
		for name, s := range secrets {
			if err := keys.Give(pairs[name][0], pairs[name][1], s); err != nil {
				return err
			}
		}
		fmt.Fprintf(c.out, "\nDone: %s. `hosts` in the chat shows whether they hear each other.\n", strings.Join(slices.Sorted(maps.Keys(secrets)), " and "))
		return nil
	}
	return oswald.Errorf(oswald.Invalid, "There was no code. Run oswald pair HOST on the other host; it prints one.")
}
