// SPDX-License-Identifier: GPL-3.0-or-later

package spam

import (
	"bufio"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// A sample is one message of a labelled collection.
type sample struct {
	fold int
	row  int // within its fold
	text string
	spam bool
}

func (s sample) message(n int) Message { return Message{N: int64(n + 1), Text: s.text, Spam: s.spam} }

// collection reads a collection from the folder that OSWALD_DATA names.
func collection(t testing.TB, name string) []sample {
	t.Helper()
	dir := os.Getenv("OSWALD_DATA")
	if dir == "" {
		t.Skip("needs OSWALD_DATA, the folder with spam/youtube.jsonl and spam/sms.jsonl")
	}
	file, err := os.Open(filepath.Join(dir, "spam", name))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var list []sample
	for sc := bufio.NewScanner(file); sc.Scan(); {
		var x struct {
			ID   string
			Fold int
			Y    int
			Text string
		}
		if err := json.Unmarshal(sc.Bytes(), &x); err != nil {
			t.Fatal(err)
		}
		row, err := strconv.Atoi(x.ID[strings.LastIndexByte(x.ID, '/')+1:])
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, sample{x.Fold, row, x.Text, x.Y == 1})
	}
	return list
}

// online orders a collection as its messages came: row by row, over all folds of
// YouTube; the other's rows are numbered through.
func online(list []sample) []sample {
	list = slices.Clone(list)
	slices.SortStableFunc(list, func(a, b sample) int { return a.row - b.row })
	return list
}

// A scored is a score beside the truth.
type scored struct {
	score float64
	spam  bool
}

// A curve is what can be measured of a list of scores.
type curve struct {
	scores    []scored // greatest first
	spam, ham int
}

func newCurve(list []scored) curve {
	c := curve{scores: slices.Clone(list)}
	slices.SortStableFunc(c.scores, func(a, b scored) int {
		switch {
		case a.score > b.score:
			return -1
		case a.score < b.score:
			return 1
		}
		return 0
	})
	for _, s := range list {
		if s.spam {
			c.spam++
		} else {
			c.ham++
		}
	}
	return c
}

// points calls f with the spam and ham at or above each distinct score.
func (c curve) points(f func(spam, ham int)) {
	spam, ham := 0, 0
	for i, s := range c.scores {
		if s.spam {
			spam++
		} else {
			ham++
		}
		if i+1 == len(c.scores) || c.scores[i+1].score != s.score {
			f(spam, ham)
		}
	}
}

// roca is (1-ROCA)%: a hundred times the area above the ROC curve.
func (c curve) roca() float64 {
	area, lastSpam, lastHam := 0.0, 0, 0
	c.points(func(spam, ham int) {
		area += float64(ham-lastHam) * float64(spam+lastSpam) / 2
		lastSpam, lastHam = spam, ham
	})
	return 100 * (1 - area/float64(c.spam)/float64(c.ham))
}

// caught is the share of spam, in percent, at the best point of the curve that
// loses no more ham than that.
func (c curve) caught(lost int) float64 {
	best := 0
	c.points(func(spam, ham int) {
		if ham <= lost {
			best = max(best, spam)
		}
	})
	return 100 * float64(best) / float64(c.spam)
}

// at returns the share of ham and of spam, in percent, at or above a score.
func (c curve) at(score float64) (ham, spam float64) {
	for _, s := range c.scores {
		if s.score >= score {
			if s.spam {
				spam++
			} else {
				ham++
			}
		}
	}
	return 100 * ham / float64(c.ham), 100 * spam / float64(c.spam)
}

// interval is the 95 % interval of roca, by a bootstrap of the messages.
func (c curve) interval() (low, high float64) {
	const draws = 1000
	random := rand.New(rand.NewPCG(8, 15))
	list := make([]float64, draws)
	pick := make([]scored, len(c.scores))
	for i := range list {
		for j := range pick {
			pick[j] = c.scores[random.IntN(len(c.scores))]
		}
		list[i] = newCurve(pick).roca()
	}
	slices.Sort(list)
	return list[draws*25/1000], list[draws*975/1000]
}

// String is the row of a table.
func (c curve) String() string {
	low, high := c.interval()
	ham9, spam9 := c.at(0.9)
	ham99, spam99 := c.at(0.99)
	return fmt.Sprintf("(1-ROCA)%% %.3f [%.2f, %.2f]; spam caught at <= 1%% ham lost %.1f; ham/spam @0.9 %.2f/%.1f, @0.99 %.2f/%.1f",
		c.roca(), low, high, c.caught(c.ham/100), ham9, spam9, ham99, spam99)
}

func TestCurve(t *testing.T) {
	c := newCurve([]scored{{0.9, true}, {0.8, false}, {0.8, true}, {0.1, false}})
	// Spam wins 3.5 of its 4 pairs with ham.
	if got := c.roca(); got != 12.5 {
		t.Errorf("roca %v, want 12.5", got)
	}
	if got := c.caught(0); got != 50 {
		t.Errorf("caught %v, want 50", got)
	}
	if ham, spam := c.at(0.8); ham != 50 || spam != 100 {
		t.Errorf("at 0.8: %v, %v", ham, spam)
	}
}
