// SPDX-License-Identifier: GPL-3.0-or-later

package oswald

import (
	"fmt"
	"strings"
	"time"
)

// Hit is a page that a search has found.
type Hit struct {
	Key, Title, URL, Summary string
}

// Found is what a search has found.
type Found struct {
	Hits  []Hit // the best, best first
	Total int
	Part  bool // no page has all of the words; these have some
}

// PageText is a page as one reads it on a phone.
type PageText struct {
	Key, Title, URL string
	Text            string // without markup, from its beginning
	Words           int    // of the whole page
	Links           int    // pages that link to it
}

// SiteState is how the site stands.
type SiteState struct {
	Built    time.Time // the last build that ended; zero if there was none in this process
	Running  bool      // a build is under way
	Build    Build     // of the last build
	Error    string    // why the last build failed or was held; empty if it did not
	Broken   []string  // "page:line: what" for links that lead nowhere
	Orphans  int       // pages that no page links to
	Held     bool      // a change set waits for `publish`
	RolledAt time.Time // when the site was rolled back; zero if it is not
	Sets     int       // change sets that can be rolled back
}

// ChangeSet is what one publish changes on the site.
type ChangeSet struct {
	N                       int // its number; 0 if it is not published
	At                      time.Time
	Added, Changed, Removed []string // keys of pages
	Tags                    int      // how many tag pages come; negative if they go
	Files                   int      // files of the site that change, of any kind
	Broken                  []string // new links that lead nowhere, "file:line: name"
	Mended                  int      // links that led nowhere and do not any more
	Stopped                 []string // why the gate holds it; empty if it does not
}

// Summary says in one line what changes: "3 pages change, +1 tag page, −1 broken
// link".
func (c ChangeSet) Summary() string {
	var parts []string
	count := func(n int, what, verb string) {
		switch {
		case n == 1 && verb == "":
			parts = append(parts, "+1 "+what)
		case n == 1:
			parts = append(parts, "1 "+what+" "+verb+"s")
		case n > 1 && verb == "":
			parts = append(parts, fmt.Sprintf("+%d %ss", n, what))
		case n > 1:
			parts = append(parts, fmt.Sprintf("%d %ss %s", n, what, verb))
		case n == -1:
			parts = append(parts, "−1 "+what)
		case n < -1:
			parts = append(parts, fmt.Sprintf("−%d %ss", -n, what))
		}
	}
	count(len(c.Changed), "page", "change")
	count(len(c.Added), "page", "")
	count(-len(c.Removed), "page", "")
	count(c.Tags, "tag page", "")
	count(len(c.Broken), "broken link", "")
	count(-c.Mended, "broken link", "")
	if len(parts) == 0 && c.Files > 0 {
		count(c.Files, "file", "change")
	}
	if len(parts) == 0 {
		return "nothing changes"
	}
	return strings.Join(parts, ", ")
}
