// SPDX-License-Identifier: GPL-3.0-or-later

package handlers

import (
	"context"
	"slices"
	"strings"

	"oswald"
)

// A command is one row of the table. Parsing, short forms, help, permission,
// the record and the questions read nothing else.
type command struct {
	name    string
	alias   []string
	area    string // heading in help and in the reference
	usage   string // "[page]", shown after the name
	desc    string // one line for help, in the imperative
	example string // a whole text that works
	role    oswald.Role
	sub     []command // a family; its own run answers the bare name

	min, max int // how many arguments it takes

	// fields is the form of the command, where it cannot be made from usage.
	fields []oswald.Field

	private bool // only in a private chat
	changes bool // changes something: recorded before it runs, and asks when it comes late
	again   bool // running it again under the same ID is harmless
	slow    bool // may take as long as Config.Build; another host may be away for a while
	rest    bool // takes all that follows as one argument, as typed
	hidden  bool // not in help, and has no short forms
	urgent  bool // does not wait for the commands that the same person sent before

	// confirm, when not nil, returns the question that must be answered with
	// "yes" first: an exact preview of what will happen.
	confirm func(ctx context.Context, req oswald.Request, args []string) (string, error)
	run     runner
	// answer marks "yes" and "no", which have no run of their own.
	answer string
}

// authorise is the only place that decides whether an actor may run a command.
func authorise(c *command, name string, a oswald.Actor, room string) error {
	if c.role == oswald.NoRole || a.Role < c.role {
		return oswald.Errorf(oswald.Forbidden, "You may not use `%s`; it takes the role %s.", name, c.role)
	}
	if c.private && room != "" {
		return oswald.Errorf(oswald.Forbidden, "`%s` works in a private chat only.", name)
	}
	return nil
}

// visible reports whether help and the short forms know c for this actor.
func (c *command) visible(a oswald.Actor) bool {
	return !c.hidden && authorise(c, c.name, a, "") == nil
}

func (c *command) named(word string) bool {
	return c.name == word || slices.Contains(c.alias, word)
}

// A call is a text that has been understood.
type call struct {
	*command
	path string // full name: "spam why"
	args []string
}

// parse finds the command of text, its arguments, and whether a may run it.
func (h *Handlers) parse(text string, a oswald.Actor, room string) (call, error) {
	text = strings.TrimSpace(text)
	if len(text) > 1 {
		text = strings.TrimLeft(text[:1], "!/") + text[1:]
	}
	var c call
	rows, guessed := h.rows, false
	for {
		word, rest, err := cutWord(text)
		if err != nil {
			return call{}, err
		}
		next, guess, err := find(rows, word, c.path, a)
		if err != nil {
			return call{}, err
		}
		guessed = guessed || guess
		c.command, c.path, text = next, strings.TrimSpace(c.path+" "+next.name), rest
		if len(next.sub) == 0 || strings.TrimSpace(text) == "" {
			break
		}
		rows = next.sub
	}
	if err := authorise(c.command, c.path, a, room); err != nil {
		return call{}, err
	}
	if guessed && (c.changes || c.answer != "") {
		return call{}, oswald.Errorf(oswald.NotFound, "Did you mean `%s`? I only guess when it changes nothing.", oneLine(c.path+" "+text, 60))
	}
	if c.rest {
		if text = strings.TrimSpace(text); text != "" {
			c.args = []string{text}
		}
	} else {
		var err error
		if c.args, err = splitWords(text); err != nil {
			return call{}, err
		}
	}
	switch {
	case len(c.args) < c.min:
		return call{}, oswald.Errorf(oswald.Invalid, "`%s` needs more: `%s`, for example `%s`.", c.path, c.full(), c.example)
	case len(c.args) > c.max && c.max == 0:
		return call{}, oswald.Errorf(oswald.Invalid, "`%s` takes nothing after it.", c.path)
	case len(c.args) > c.max:
		return call{}, oswald.Errorf(oswald.Invalid, "That is too much for `%s`: `%s`, for example `%s`.", c.path, c.full(), c.example)
	}
	return c, nil
}

// full is the command as help shows it.
func (c call) full() string { return strings.TrimSpace(c.path + " " + c.usage) }

// trimmed is what people and phones put behind a word: signs, and the variation
// and skin tone of a picture.
const trimmed = "?!.,:\ufe0f\U0001f3fb\U0001f3fc\U0001f3fd\U0001f3fe\U0001f3ff"

// find looks word up among rows: its full name, else the beginning of just one
// name that a may use, else the one that it is nearly; that is a guess.
func find(rows []command, word, family string, a oswald.Actor) (c *command, guess bool, err error) {
	word = strings.ToLower(word)
	bare := strings.TrimRight(word, trimmed)
	for i := range rows {
		if rows[i].named(word) || rows[i].named(bare) {
			return &rows[i], false, nil
		}
	}
	var hits []*command
	var names []string
	for i := range rows {
		if !rows[i].visible(a) {
			continue
		}
		if bare != "" && strings.HasPrefix(rows[i].name, bare) {
			hits = append(hits, &rows[i])
		}
		names = append(names, rows[i].name)
	}
	prefix := strings.TrimLeft(family+" ", " ")
	switch near := nearest(bare, names); {
	case len(hits) == 1:
		return hits[0], false, nil
	case len(hits) > 1:
		names = nil
		for _, c := range hits {
			names = append(names, c.name)
		}
		return nil, false, oswald.Errorf(oswald.Invalid, "%s could be %s.", quote(prefix+word), listed(ticked(prefix, names), "or"))
	case near != "" && distance(bare, near) == 1 && len(bare) > 2:
		i := slices.IndexFunc(rows, func(c command) bool { return c.name == near })
		return &rows[i], true, nil
	case near != "":
		return nil, false, oswald.Errorf(oswald.NotFound, "I do not know %s. Did you mean `%s`?", quote(prefix+word), prefix+near)
	case family != "":
		return nil, false, oswald.Errorf(oswald.NotFound, "I do not know %s. There is %s.", quote(prefix+word), listed(ticked(prefix, names), "and"))
	}
	return nil, false, oswald.Errorf(oswald.NotFound, "I do not know %s. Text `help` for what I understand.", quote(word))
}

// ticked puts names as commands into a sentence.
func ticked(prefix string, names []string) []string {
	out := make([]string, len(names))
	for i, name := range names {
		out[i] = "`" + prefix + name + "`"
	}
	return out
}

// nearest returns the name that word was most likely meant to be, if any.
func nearest(word string, names []string) string {
	if len(word) < 2 || len(word) > 30 {
		return ""
	}
	limit := 2
	if len(word) < 4 {
		limit = 1
	}
	best, tie := "", false
	for _, name := range names {
		switch d := distance(word, name); {
		case d < limit || d == limit && best == "":
			best, limit, tie = name, d, false
		case d == limit:
			tie = true
		}
	}
	if tie && limit > 1 {
		return "" // too vague to be of help
	}
	return best
}

// distance counts the letters to change, add, drop or swap with their neighbour
// to make a into b.
func distance(a, b string) int {
	var before, last []int
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		before, last, row = last, row, make([]int, len(b)+1)
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
	}
	return row[len(b)]
}
