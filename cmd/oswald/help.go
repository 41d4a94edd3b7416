// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"context"
	"fmt"

	"oswald/handlers"
)

// cmdHelp lists the subcommands, or the chat commands as Markdown.
func cmdHelp(_ context.Context, c console, args []string) error {
	switch {
	case len(args) == 0:
		usage(c.out)
	case len(args) == 1 && args[0] == "--markdown":
		fmt.Fprint(c.out, handlers.Markdown())
	default:
		return errUsage
	}
	return nil
}
