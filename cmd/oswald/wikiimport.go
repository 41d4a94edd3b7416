// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"context"
	"fmt"

	"oswald/wiki/imports"
)

// wikiImport brings the pages of another program along and lists what could not
// be carried over.
func wikiImport(ctx context.Context, c console, args []string) error {
	if len(args) != 3 {
		fmt.Fprintln(c.err, "usage: oswald wiki import foswiki|ikiwiki|hugo|jekyll|markdown FROM TO")
		return errUsage
	}
	rep, err := imports.Import(ctx, args[0], args[1], args[2])
	for _, n := range rep.Notes {
		fmt.Fprintln(c.out, n)
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(c.out, "pages %d, other files %d, to look at %d. `oswald wiki check` tells which links lead nowhere.\n", rep.Pages, rep.Files, len(rep.Notes))
	return nil
}
