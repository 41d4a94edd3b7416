// SPDX-License-Identifier: GPL-3.0-or-later

package moderation

import (
	"encoding/json"
	"oswald"
)

// resultBytes is how large a result may be in JSON, so that a register of the bus
// always holds it.
const resultBytes = 7500

func jsonSize(v any) int {
	b, err := json.Marshal(v)
	if err != nil {
		return 0
	}
	return len(b)
}

// fitOne shortens the text of c until its JSON has at most n bytes.
func fitOne(c oswald.Comment, n int) oswald.Comment {
	for keep := 6000; keep >= 1 && jsonSize(c) > n; keep = keep * 3 / 4 {
		c.Text = shorten(c.Text, keep)
	}
	return c
}

// fitWhy does so for an explanation: the weakest evidence goes too.
func fitWhy(why oswald.Why) oswald.Why {
	why.Comment = fitOne(why.Comment, resultBytes/2)
	for len(why.Evidence) > 0 && jsonSize(why) > resultBytes {
		why.Evidence = why.Evidence[:len(why.Evidence)-1]
	}
	return why
}

// fitPage keeps the first warnings of a build.
func fitPage(p oswald.Published) oswald.Published {
	for len(p.Build.Warnings) > 0 && jsonSize(p) > resultBytes*2/3 {
		p.Build.Warnings = p.Build.Warnings[:len(p.Build.Warnings)-1]
	}
	return p
}

// fitList does so for a list: shorter texts first, then fewer comments.
func fitList(list []oswald.Comment) []oswald.Comment {
	for keep := 140; keep >= 40 && jsonSize(list) > resultBytes; keep -= 20 {
		for i := range list {
			list[i].Text = oneLine(list[i].Text, keep)
		}
	}
	for len(list) > 0 && jsonSize(list) > resultBytes {
		list = list[:len(list)-1]
	}
	return list
}
