// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"context"
	"fmt"

	"oswald/bot"
	"oswald/handlers"
)

// cmdHelp lists the subcommands, the chat commands as Markdown, or the
// extensions of XMPP as Markdown or DOAP.
func cmdHelp(_ context.Context, c console, args []string) error {
	switch {
	case len(args) == 0:
		usage(c.out)
	case len(args) == 1 && args[0] == "--markdown":
		fmt.Fprint(c.out, handlers.Markdown())
	case len(args) == 1 && args[0] == "--xeps":
		fmt.Fprint(c.out, bot.Extensions())
	case len(args) == 1 && args[0] == "--doap":
		fmt.Fprint(c.out, bot.DOAP())
	default:
		return errUsage
	}
	return nil
}
