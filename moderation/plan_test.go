// SPDX-License-Identifier: GPL-3.0-or-later

package moderation

import (
	"strings"
	"testing"
)

// TestPostingDoesNotLookAtThePage: what posting asks the database costs the same
// however many comments a page has.
func TestPostingDoesNotLookAtThePage(t *testing.T) {
	if onPostgres() != "" {
		t.Skip("about SQLite's plans; PostgreSQL makes its own by what is in the tables")
	}
	st := newSite(t, nil)
	test := func(what, q string, args ...any) {
		t.Helper()
		rows, err := st.db.Query("EXPLAIN QUERY PLAN "+q, args...)
		if err != nil {
			t.Fatal(err)
		}
		var plan []string
		for rows.Next() {
			var a, b, c int
			var line string
			if err := rows.Scan(&a, &b, &c, &line); err != nil {
				t.Fatal(err)
			}
			plan = append(plan, line)
		}
		rows.Close()
		all := strings.Join(plan, "\n")
		// SEARCH by the page alone, or SCAN, would walk over all of it.
		if strings.Contains(all, "SCAN comment") || strings.Contains(all, "(page=? AND state=?)") && q == selectLike || strings.Contains(all, "(page=?)") {
			t.Errorf("%s:\n%s", what, all)
		}
	}
	test("insert", selectLike, 1, 2, "3", "4", 5, 6, "7")
	test("closed", selectNewest, "a")
}
