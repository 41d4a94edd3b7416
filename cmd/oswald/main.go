// SPDX-License-Identifier: GPL-3.0-or-later

// Command oswald is the whole of Oswald: one binary, one configuration file, a
// subcommand a role. It is the only place that sees more than one part of the
// program; it builds them, introduces them to each other and stops them in
// reverse order. It decides nothing that a user sees.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"

	"oswald"
)

// version is set by the linker.
var version = "dev"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// A console is what a subcommand reads and writes.
type console struct {
	in       io.Reader
	out, err io.Writer
}

// A subcommand is one row of the program's own command table.
type subcommand struct {
	name string
	args string
	desc string
	run  func(ctx context.Context, c console, args []string) error
}

func subcommands() []subcommand {
	return []subcommand{
		{"try", "[--home DIR] [--lan]", "Everything on this machine with a throw-away home, and a chat prompt", cmdTry},
		{"run", "[--config FILE]", "Every role that the configuration enables, in one process", cmdRun},
		{"bot", "[--config FILE]", "The bot role alone: chat, voice, sensors, alerts", cmdRole("bot")},
		{"site", "[--config FILE]", "The site role alone: builds and serves the wiki", cmdRole("site")},
		{"comments", "[--config FILE]", "The comment server alone", cmdRole("comments")},
		{"wiki", "build|publish|rollback|check|watch|serve [--config FILE] | import KIND FROM TO", "The site without chat: build it, put live what is held, take back, check, build at each change, preview, bring pages along", cmdWiki},
		{"pair", "[--now] HOST... | --code [--config FILE]", "Give this host and HOST (bot, site, comments) a new key, or type one in", cmdPair},
		{"backup", "[--config FILE] DIR", "Copy databases and keys into a new folder, while Oswald runs", cmdBackup},
		{"cache", "[--listen ADDR]", "The embedded Memcached server alone", cmdCache},
		{"ctl", "[--config FILE] 'COMMAND'", "A chat command without chat, as owner, over the control socket", cmdCtl},
		{"check", "[--config FILE]", "Try out every configured part and say what to do", cmdCheck},
		{"mute", "[--config FILE]", "Mute the amplifier; for when a bot has died", cmdMute},
		{"config", "example | check [FILE]", "Print the commented default configuration, or check one", cmdConfig},
		{"help", "[--markdown|--xeps|--doap]", "This list, the chat commands, or what of XMPP is spoken", cmdHelp},
		{"version", "", "Print the version", cmdVersion},
	}
}

// errUsage is a mistake in the arguments; its text has been printed.
var errUsage = errors.New("usage")

// run executes one subcommand and returns the exit code: 0 done, 1 failed, 2
// called wrongly.
func run(ctx context.Context, args []string, in io.Reader, out, errw io.Writer) int {
	c := console{in, out, errw}
	if len(args) == 0 {
		usage(errw)
		return 2
	}
	name := strings.TrimLeft(args[0], "-")
	for _, s := range subcommands() {
		if s.name != name {
			continue
		}
		err := s.run(ctx, c, args[1:])
		switch {
		case err == nil:
			return 0
		case errors.Is(err, errUsage):
			fmt.Fprintf(errw, "usage: oswald %s %s\n", s.name, s.args)
			return 2
		}
		for _, err := range each(err) {
			fmt.Fprintf(errw, "oswald %s: %s\n", s.name, operatorText(err))
		}
		return 1
	}
	fmt.Fprintf(errw, "oswald: there is no %q.\n", args[0])
	usage(errw)
	return 2
}

// operatorText is an error as the person at the shell needs it: the sentence,
// and the cause behind it, since there is no log to look it up in.
func operatorText(err error) string {
	var e *oswald.Error
	if errors.As(err, &e) && e.Cause != nil {
		return fmt.Sprintf("%s (%v)", e.Message, e.Cause)
	}
	return err.Error()
}

// each returns the errors that errors.Join has put into err. (An error with two
// %w unwraps to a list too, and is one error all the same.)
func each(err error) []error {
	many, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return []error{err}
	}
	var lines []string
	for _, e := range many.Unwrap() {
		lines = append(lines, e.Error())
	}
	if strings.Join(lines, "\n") != err.Error() {
		return []error{err}
	}
	return many.Unwrap()
}

func usage(w io.Writer) {
	fmt.Fprintln(w, "Oswald answers texts: it runs a small site and a home from a chat.")
	for _, s := range subcommands() {
		fmt.Fprintf(w, "  oswald %-34s %s\n", s.name+" "+s.args, s.desc)
	}
}

func cmdVersion(_ context.Context, c console, _ []string) error {
	fmt.Fprintln(c.out, "oswald", version)
	if info, ok := debug.ReadBuildInfo(); ok {
		fmt.Fprintln(c.out, info.GoVersion)
	}
	return nil
}
