// SPDX-License-Identifier: GPL-3.0-or-later

package spam

import (
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"testing"
)

// peers runs the same splits through the real bogofilter: as it comes, and with
// the best options that serve both collections.
func peers(t *testing.T, youtube, sms []sample) {
	for _, p := range []string{"bogofilter", "bogoutil"} {
		if _, err := exec.LookPath(p); err != nil {
			fmt.Printf("peer bogofilter absent: %s is not installed (apt-get install bogofilter)\n", p)
			return
		}
	}
	for _, p := range []struct {
		name    string
		options []string
	}{
		{"default", nil},
		{"best", []string{"--min-token-len=1", "--multi-token-count=2", "-m", "0.1,0.45,0.5"}},
	} {
		fmt.Printf("peer bogofilter %s youtube cv: %v\n", p.name, newCurve(peerCross(t, youtube, p.options)))
		c := newCurve(peerCross(t, sms, p.options))
		fmt.Printf("peer bogofilter %s sms cv: %v; caught at 2 ham lost %.1f\n", p.name, c, c.caught(2))
		fmt.Printf("peer bogofilter %s youtube online: %v\n", p.name, newCurve(peerOnline(t, youtube, p.options)))
	}
}

func peerCross(t *testing.T, list []sample, options []string) []scored {
	t.Helper()
	var out []scored
	for fold := range 6 {
		var learn, judge []Message
		for i, s := range list {
			if s.fold == fold {
				judge = append(judge, s.message(i))
			} else {
				learn = append(learn, s.message(i))
			}
		}
		if len(judge) == 0 {
			continue
		}
		dir := t.TempDir()
		train(t, dir, learn, options...)
		args := append([]string{"-C", "-d", dir, "-TT", "-M"}, options...)
		lines := strings.Fields(tool(t, box(judge, nil), "bogofilter", args...))
		if len(lines) != len(judge) {
			t.Fatalf("%d scores for %d messages", len(lines), len(judge))
		}
		for i, m := range judge {
			out = append(out, scored{atof(t, lines[i]), m.Spam})
		}
	}
	return out
}

func peerOnline(t *testing.T, list []sample, options []string) []scored {
	t.Helper()
	dir := t.TempDir()
	var out []scored
	for i, s := range online(list) {
		score := 0.52 // robx, as long as there is no word list
		if len(options) > 0 {
			score = 0.5
		}
		args := append([]string{"-C", "-d", dir}, options...)
		if i > 0 {
			answer := strings.TrimSpace(tool(t, mail(s.text), "bogofilter", append(args, "-TT")...))
			v, err := strconv.ParseFloat(answer, 64)
			if err != nil {
				t.Fatalf("%q: %v", answer, err)
			}
			score = v
		}
		out = append(out, scored{score, s.spam})
		side := "-n"
		if s.spam {
			side = "-s"
		}
		tool(t, mail(s.text), "bogofilter", append(args, side)...)
	}
	return out
}
