// SPDX-License-Identifier: GPL-3.0-or-later

package wiki

import (
	"unicode/utf8"

	"oswald"
)

// pageShown is how much of a page a phone gets.
const pageShown = 1400

// phoneArgs are the arguments of what a phone asks for.
type phoneArgs struct {
	Page   string `json:"page,omitempty"` // or the title of a post
	Text   string `json:"text,omitempty"`
	Author string `json:"author,omitempty"`
	Packed []byte `json:"packed,omitempty"` // Text, where it is long
}

func (a phoneArgs) body() (string, error) {
	if len(a.Packed) == 0 {
		return a.Text, nil
	}
	b, err := inflate(a.Packed)
	if err != nil || !utf8.Valid(b) {
		return "", oswald.Wrap(err, oswald.Invalid, "The text arrived damaged; nothing was changed.")
	}
	return string(b), nil
}

func packText(page, text, author string) (phoneArgs, error) {
	a := phoneArgs{Page: cut(page, 200), Author: cut(author, 60)}
	if err := checkMessage(text); err != nil {
		return a, err
	}
	if len(text) <= 1000 {
		a.Text = text
		return a, nil
	}
	b, err := deflate([]byte(text))
	if err == nil && len(b) > partSize {
		err = oswald.Errorf(oswald.Invalid, "That is too long for one message: send it in parts.")
	}
	a.Packed = b
	return a, err
}

// What follows keeps answers within what the bus carries.

func small(p oswald.Published) oswald.Published {
	p.Title, p.Build.Warnings = cut(p.Title, 120), fit(p.Build.Warnings)
	return p
}

func smallState(st oswald.SiteState) oswald.SiteState {
	st.Build.Warnings = nil
	st.Broken = fit(append([]string(nil), st.Broken...))
	st.Error = cut(st.Error, 400)
	return st
}

func smallSet(c oswald.ChangeSet, err error) (oswald.ChangeSet, error) {
	trim := func(list []string) []string {
		total := 0
		for i, s := range list {
			if total += len(s) + 4; total > 1200 {
				return append(list[:i:i], "…")
			}
		}
		return list
	}
	c.Added, c.Changed, c.Removed, c.Broken, c.Stopped = trim(c.Added), trim(c.Changed), trim(c.Removed), trim(c.Broken), trim(c.Stopped)
	return c, err
}
