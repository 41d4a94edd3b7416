// SPDX-License-Identifier: GPL-3.0-or-later

package spam

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/json"
	"fmt"
	"strings"
)

// What a filter starts from. A message of the seed counts seedShare of a label at
// first, and less with every label of its kind, in a straight line, until at
// fadeBy labels it counts nothing. Spam fades with spam and ham with ham: a site
// with a thousand good comments and two bad ones still needs to be told what spam
// looks like elsewhere.
const (
	seedShare = 0.5
	fadeBy    = 200
)

func fade(labels int) float64 { return max(0, 1-float64(labels)/fadeBy) }

//go:embed seed.jsonl
var seedFile []byte

// origin is where a model starts: the seed, and counts known beforehand.
type origin struct {
	seed   []Message
	priors []prior
	// setup tells models apart that started from different things.
	setup [sha256.Size]byte
}

// A prior is counts that were there before any label. One message of it counts
// that share of a label, before it fades.
type prior struct {
	counts              *counts
	spamShare, hamShare float64
}

// featureVersion changes whenever features or training do: models of another
// version are of no use.
const featureVersion = 1

func newOrigin(withSeed bool, words []byte) (*origin, error) {
	o := new(origin)
	sum := sha256.New()
	fmt.Fprintln(sum, featureVersion)
	if withSeed {
		sum.Write(seedFile)
		seed, err := parseSeed(seedFile)
		if err != nil {
			return nil, err
		}
		o.seed = seed
		c, f := newCounts(), newFeatures()
		for _, m := range seed {
			f.read(m.Text)
			c.add(f.set, m.Spam)
		}
		o.priors = append(o.priors, prior{c, seedShare, seedShare})
	}
	if words != nil {
		sum.Write(words)
		l, err := ReadWordList(bytes.NewReader(words))
		if err != nil {
			return nil, err
		}
		o.priors = append(o.priors, l.prior())
	}
	sum.Sum(o.setup[:0])
	return o, nil
}

func parseSeed(b []byte) ([]Message, error) {
	var list []Message
	for sc := bufio.NewScanner(bytes.NewReader(b)); sc.Scan(); {
		var x struct {
			Spam bool   `json:"spam"`
			Text string `json:"text"`
		}
		if err := json.Unmarshal(sc.Bytes(), &x); err != nil {
			return nil, fmt.Errorf("seed line %d: %w", len(list)+1, err)
		}
		// The file names no real address, and no filter should learn that
		// ".example" is what spam links to.
		n := len(list)
		text := strings.ReplaceAll(x.Text, ".example", [...]string{".com", ".net", ".org", ".info"}[n/2%4])
		list = append(list, Message{N: int64(n), Text: text, Spam: x.Spam})
	}
	return list, nil
}
