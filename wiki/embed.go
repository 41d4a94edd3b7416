// SPDX-License-Identifier: GPL-3.0-or-later

package wiki

import "embed"

// sample is the sample site: pages that show what the wiki can do.
//
//go:embed all:sample
var sample embed.FS

// themeFiles is the built-in theme. A file of the same name in Config.Theme
// replaces one of them.
//
//go:embed theme
var themeFiles embed.FS
