// SPDX-License-Identifier: GPL-3.0-or-later

package wiki

import (
	"fmt"
	"time"

	"oswald"
)

// Part is the line of the site in `status`: how many pages, when they were built,
// what stands in the way of a change.
func (s *Site) Part() oswald.Part {
	st := s.State()
	p := oswald.Part{Name: "site", OK: true}
	switch {
	case st.Running && st.Built.IsZero():
		p.State = "the first build is running"
	case st.Built.IsZero():
		p.State = "not built since the start"
	case st.Held:
		p.OK, p.State = false, "a change is held back; `changes` shows it, `publish` puts it live"
	case st.Error != "":
		p.OK, p.State = false, "the last build failed: "+cut(st.Error, 200)
	default:
		p.State = fmt.Sprintf("%s, built %s", counted(st.Build.Pages, "page"), clock(s.now(), st.Built))
		if n := len(st.Broken); n > 0 {
			p.State += ", " + counted(n, "fault")
		}
	}
	if !st.RolledAt.IsZero() {
		p.OK = false
		p.State += "; rolled back, `publish` ends that"
	}
	return p
}

func counted(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprint(n, " ", what)
}

// clock says when something was, as short as it is clear.
func clock(now, at time.Time) string {
	at, now = at.Local(), now.Local()
	if at.YearDay() == now.YearDay() && at.Year() == now.Year() {
		return "at " + at.Format("15:04")
	}
	return "on " + at.Format("2 January, 15:04")
}
