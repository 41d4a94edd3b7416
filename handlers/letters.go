// SPDX-License-Identifier: GPL-3.0-or-later

package handlers

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"oswald"
)

func (h *Handlers) letters(ctx context.Context, req oswald.Request, args []string) (oswald.Reply, error) {
	if h.deps.Letters == nil {
		return oswald.Reply{}, absent("The contact form is")
	}
	spam := len(args) == 1 && strings.EqualFold(args[0], "spam")
	if len(args) == 1 && !spam {
		return h.letter(ctx, req, args[0])
	}
	list, err := h.deps.Letters.Letters(ctx, req.ID, spam)
	if err != nil {
		return oswald.Reply{}, err
	}
	switch {
	case len(list) == 0 && spam:
		return oswald.Reply{Text: "No letter was taken for spam."}, nil
	case len(list) == 0:
		return oswald.Reply{Text: "There is no letter. `letters spam` lists those that the filter put aside."}, nil
	}
	var b strings.Builder
	for i, l := range list {
		if i == commentsShown {
			fmt.Fprintf(&b, "… and %d more\n", len(list)-i)
			break
		}
		fmt.Fprintf(&b, "%s\n  %s\n", h.letterLine(l), oneLine(l.Text, 80))
	}
	fmt.Fprintf(&b, "`letters %d` shows it in full.", list[0].N)
	return oswald.Reply{Text: b.String(), Raw: true}, nil
}

func (h *Handlers) letterLine(l oswald.Letter) string {
	s := fmt.Sprintf("%d · ", l.N)
	if !l.Read {
		s += "new · "
	}
	s += oneLine(l.Author, 30)
	if l.Reach != "" {
		s += " (" + oneLine(l.Reach, 80) + ")"
	}
	return s + " · " + ago(h.now(), l.At)
}

func (h *Handlers) letter(ctx context.Context, req oswald.Request, arg string) (oswald.Reply, error) {
	n, err := strconv.ParseInt(strings.Trim(arg, "#.,"), 10, 64)
	if err != nil || n <= 0 {
		return oswald.Reply{}, oswald.Errorf(oswald.Invalid, "%s is not the number of a letter; `letters` lists them.", quote(arg))
	}
	l, err := h.deps.Letters.Letter(ctx, req.ID, n)
	if err != nil {
		return oswald.Reply{}, err
	}
	return oswald.Reply{Text: h.letterLine(l) + "\n" + clip(cleanLines(l.Text), 3000), Raw: true}, nil
}
