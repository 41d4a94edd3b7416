// SPDX-License-Identifier: GPL-3.0-or-later

package handlers

import (
	"context"
	"time"

	"oswald"
)

// Unwriter is what `undo` needs for what `post` and `append` have written: of is
// the command that did. TakeBack is idempotent by id.
type Unwriter interface {
	TakeBack(ctx context.Context, id, of, author string, progress func(string)) (oswald.Published, error)
}

// How far `undo` reaches back.
const (
	undoTime = time.Hour
	undoRows = 200
)

// decisions are the commands that the comment server takes back itself.
var decisions = map[string]bool{
	"flag": true, "unflag": true, "hold": true, "approve": true, "delete": true, "restore": true, "trust": true,
	"ban": true, "unban": true, "accept": true, "reject": true,
}

// lastText finds the text that `undo` is to take back: that of the last command
// that can be undone, if it wrote one. Each `undo` since has undone another.
func (h *Handlers) lastText(ctx context.Context, req oswald.Request) (of string, found bool, err error) {
	if _, ok := h.deps.Pages.(Unwriter); !ok {
		return "", false, nil
	}
	rows, err := h.journal.last(ctx, undoRows)
	if err != nil {
		return "", false, err
	}
	undone := 0
	for _, e := range rows {
		if h.now().Sub(e.At) > undoTime {
			break
		}
		if e.State != stateDone || e.ID == req.ID {
			continue
		}
		c, err := h.parse(e.Text, oswald.Actor{Address: e.Who, Role: oswald.Owner}, e.Room)
		if err != nil || c.command == nil {
			continue
		}
		switch name := c.command.name; {
		case name == "undo":
			undone++
		case name != "post" && name != "append" && !decisions[name]:
		case undone > 0:
			undone--
		default:
			return e.ID, !decisions[name], nil
		}
	}
	return "", false, nil
}

// takeBack undoes a text.
func (h *Handlers) takeBack(ctx context.Context, req oswald.Request, of string) (oswald.Reply, error) {
	site, err := part[Unwriter](h)
	if err != nil {
		return oswald.Reply{}, err
	}
	report, stop := progress(req, "Taking it back…")
	defer stop()
	p, err := site.TakeBack(ctx, req.ID, of, authorOf(req), report)
	if err != nil {
		return oswald.Reply{}, err
	}
	text := "Taken back: the post " + quote(p.Title) + " is gone" + commitText(p) + "."
	if p.URL != "" {
		text = "Taken back: what was put at the end of " + quote(p.Title) + " is out again" + commitText(p) + ": " + p.URL
	}
	if p.Warning != "" {
		text += "\n⚠ " + oneLine(p.Warning, 120)
	}
	return oswald.Reply{Text: text}, nil
}
