// SPDX-License-Identifier: GPL-3.0-or-later

// Package spam is Oswald's spam filter for short texts such as comments. It runs
// in the process, needs no network, and learns from every label a person gives.
//
// A text becomes a set of features: words, pairs of neighbours, pieces of words,
// and a few traits of its shape (length, capitals, digits, links). Two judges look
// at them. One combines the counts of each feature in spam and in ham by Fisher's
// method, as Gary Robinson proposed and bogofilter does; the other is a logistic
// regression on hashed features. Their opinions are blended into one score from 0
// (ham) to 1 (spam), and two cutoffs make three verdicts of it: publish, ask a
// person, hide.
//
// The package owns the model and its file. It does not own the labels: the caller
// keeps every labelled message and hands them all to [Filter.Refit], which builds
// the model from nothing, so nothing ever drifts. Between refits [Filter.Learn]
// takes up single labels.
//
// A new installation has no labels. It starts from a small collection of ours,
// which counts half as much as labels of the site's own and fades as those come
// in; see seedShare.
//
// Every method of [Filter] may be called from any goroutine. Classify waits for no
// refit, only for a Learn in progress, which takes well under a millisecond on a PC.
package spam

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"oswald"
)

// Message is one labelled text.
type Message struct {
	// N names the message: learning a number again replaces its label.
	N      int64
	Text   string
	Author string // not used for the verdict: names made it worse
	Spam   bool
}

// Result is what the filter thinks of a text.
type Result struct {
	Score    float64 // 0 ham … 1 spam
	Verdict  oswald.Verdict
	Evidence []oswald.Evidence // what moved the score, strongest first; at most 15
}

// The engines.
const (
	EngineOwn        = "oswald"
	EngineBogofilter = "bogofilter"
)

// Config is what the operator may set.
type Config struct {
	Engine     string        `toml:"engine" doc:"Which filter judges comments: \"oswald\", the one built in, or \"bogofilter\", the program of that name, which must be installed."`
	Model      string        `toml:"model" doc:"The file that keeps what the built-in filter has learnt; it can always be made anew by 'spam retrain'."`
	Publish    float64       `toml:"publish_below" doc:"A comment scoring below this (0 ham, 1 spam) is published at once."`
	Hide       float64       `toml:"hide_from" doc:"A comment scoring this or more is hidden as spam; what lies between waits for a person."`
	Seed       bool          `toml:"seed" doc:"Start from Oswald's own small collection of examples, which fades as labels of your own come in."`
	Words      string        `toml:"words" doc:"A word list in the format of 'bogoutil -d' to start from, for instance of an older filter; empty for none. It fades as labels of your own come in."`
	Program    string        `toml:"bogofilter" doc:"The bogofilter program, for that engine."`
	Directory  string        `toml:"bogofilter_dir" doc:"The folder of bogofilter's own word list, for that engine; nothing else may live in it."`
	Timeout    time.Duration `toml:"bogofilter_timeout" doc:"How long one run of bogofilter may take before its comment waits for a person instead."`
	Parameters string        `toml:"bogofilter_options" doc:"More options for each run of bogofilter, separated by spaces."`
}

// Defaults returns the configuration of a new installation.
func Defaults() Config {
	return Config{
		Engine:     EngineOwn,
		Model:      "spam.model",
		Publish:    0.4,
		Hide:       0.9,
		Seed:       true,
		Program:    "bogofilter",
		Directory:  "bogofilter",
		Timeout:    5 * time.Second,
		Parameters: "--min-token-len=1 --multi-token-count=2 -m 0.1,0.45,0.5",
	}
}

// Validate reports every fault at once, each by the key the operator typed.
func (c Config) Validate() error {
	var errs []error
	if c.Engine != EngineOwn && c.Engine != EngineBogofilter {
		errs = append(errs, fmt.Errorf("spam.engine: %q is not an engine: use %q or %q", c.Engine, EngineOwn, EngineBogofilter))
	}
	if !(c.Publish > 0 && c.Publish < 1) {
		errs = append(errs, fmt.Errorf("spam.publish_below: %v does not lie between 0 and 1", c.Publish))
	}
	if !(c.Hide > 0 && c.Hide < 1) {
		errs = append(errs, fmt.Errorf("spam.hide_from: %v does not lie between 0 and 1", c.Hide))
	}
	if c.Publish > c.Hide {
		errs = append(errs, fmt.Errorf("spam.publish_below: %v is above hide_from, %v", c.Publish, c.Hide))
	}
	if c.Engine == EngineBogofilter {
		if c.Program == "" {
			errs = append(errs, errors.New("spam.bogofilter: the engine needs the name of the program"))
		}
		if c.Directory == "" {
			errs = append(errs, errors.New("spam.bogofilter_dir: the engine needs a folder of its own"))
		}
		if c.Timeout <= 0 {
			errs = append(errs, fmt.Errorf("spam.bogofilter_timeout: %v is not a positive duration", c.Timeout))
		}
	}
	return errors.Join(errs...)
}

// Deps is what the filter needs from its surroundings; each may be left out.
type Deps struct {
	Log *slog.Logger
	Now func() time.Time
}
