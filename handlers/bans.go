// SPDX-License-Identifier: GPL-3.0-or-later

package handlers

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"oswald"
)

// identity reads an ID, or the number of a comment that has one.
func (h *Handlers) identity(ctx context.Context, req oswald.Request, arg string) (string, error) {
	arg = strings.ToLower(strings.Trim(arg, "#.,"))
	if _, err := strconv.ParseInt(arg, 10, 64); err != nil || len(arg) > 9 {
		return arg, nil
	}
	req.ID = oswald.RandomID() // the command's own ID is for the ban
	c, err := h.get(ctx, req, arg)
	if err != nil {
		return "", err
	}
	if c.ID == "" {
		return "", oswald.Errorf(oswald.Conflict, "#%d was written without an ID, so its author cannot be known again; `flag %[1]d` hides it.", c.N)
	}
	return c.ID, nil
}

func (h *Handlers) previewBan(ctx context.Context, req oswald.Request, args []string) (string, error) {
	if h.deps.Bans == nil {
		return "", absent("Comments are")
	}
	id, err := h.identity(ctx, req, args[0])
	if err != nil {
		return "", err
	}
	who, err := h.deps.Bans.Identity(ctx, oswald.RandomID(), id)
	if err != nil {
		return "", err
	}
	if who.Standing == "banned" {
		return "", oswald.Errorf(oswald.Conflict, "The ID %s is banned already.", id)
	}
	name := oneLine(who.Author, 30)
	if name == "" {
		name = "somebody"
	}
	s := fmt.Sprintf("Ban %s, the ID of %s: %d shown, %d waiting, %d hidden", id, name, who.Shown, who.Queued, who.Hidden)
	if who.Text != "" {
		s += "\n  last: " + oneLine(who.Text, 120)
	}
	s += "\nWhat it writes from now on is hidden"
	if who.Queued > 0 {
		s += ", and so is what waits"
	}
	if who.Shown > 0 {
		s += "; what is shown stays until you flag it"
	}
	return s + ". Ban it?", nil
}

// ban makes the handler of `ban` and `unban`.
func (h *Handlers) ban(banned bool) runner {
	return func(ctx context.Context, req oswald.Request, args []string) (oswald.Reply, error) {
		if h.deps.Bans == nil {
			return oswald.Reply{}, absent("Comments are")
		}
		id, err := h.identity(ctx, req, args[0])
		if err != nil {
			return oswald.Reply{}, err
		}
		_, stop := progress(req, "Waiting for the comment server…")
		defer stop()
		hidden, err := h.deps.Bans.Ban(ctx, req.ID, id, banned)
		if err != nil {
			return oswald.Reply{}, err
		}
		switch {
		case !banned:
			return oswald.Reply{Text: fmt.Sprintf("The ID %s is not banned any more; the filter decides about it.", id)}, nil
		case hidden > 0:
			return oswald.Reply{Text: fmt.Sprintf("The ID %s is banned, and %s that waited hidden. `undo` takes it back within an hour.", id, plural(int(hidden), "comment", "comments"))}, nil
		}
		return oswald.Reply{Text: fmt.Sprintf("The ID %s is banned. `undo` takes it back within an hour.", id)}, nil
	}
}

// trust is the handler of `trust`.
func (h *Handlers) trust(ctx context.Context, req oswald.Request, args []string) (oswald.Reply, error) {
	if h.deps.Persons == nil {
		return oswald.Reply{}, absent("Comments are")
	}
	id, err := h.identity(ctx, req, args[0])
	if err != nil {
		return oswald.Reply{}, err
	}
	_, stop := progress(req, "Waiting for the comment server…")
	defer stop()
	if err := h.deps.Persons.Trust(ctx, req.ID, id); err != nil {
		return oswald.Reply{}, err
	}
	return oswald.Reply{Text: fmt.Sprintf("The ID %s is trusted: what the filter is unsure of is shown at once. `undo` takes it back within an hour.", id)}, nil
}

// previewErase says what `erase` would remove: all of an ID, or one comment.
func (h *Handlers) previewErase(ctx context.Context, req oswald.Request, args []string) (string, error) {
	if h.deps.Persons == nil || h.deps.Bans == nil {
		return "", absent("Comments are")
	}
	who := erasable(args[0])
	if _, err := strconv.ParseInt(who, 10, 64); err == nil {
		req.ID = oswald.RandomID() // the command's own ID is for the erasure
		c, err := h.get(ctx, req, who)
		if err != nil {
			return "", err
		}
		return fmt.Sprintf("Erase %s\n  %s\nIts text, name and address are gone for good then, and the filter forgets it; `undo` does not bring it back. Erase it?",
			h.headline(c, true), oneLine(c.Text, 120)), nil
	}
	id, err := h.deps.Bans.Identity(ctx, oswald.RandomID(), who)
	if err != nil {
		return "", err
	}
	name := oneLine(id.Author, 30)
	if name == "" {
		name = "somebody"
	}
	s := fmt.Sprintf("Erase all that %s wrote under the ID %s: %d shown, %d waiting, %d hidden", name, who, id.Shown, id.Queued, id.Hidden)
	if id.Text != "" {
		s += "\n  last: " + oneLine(id.Text, 120)
	}
	return s + "\nTexts, names and addresses are gone for good then, and the filter forgets them; `undo` does not bring them back. Erase it all?", nil
}

func erasable(arg string) string { return strings.ToLower(strings.Trim(arg, "#.,")) }

func (h *Handlers) erase(ctx context.Context, req oswald.Request, args []string) (oswald.Reply, error) {
	if h.deps.Persons == nil {
		return oswald.Reply{}, absent("Comments are")
	}
	_, stop := progress(req, "Waiting for the comment server…")
	defer stop()
	who := erasable(args[0])
	n, err := h.deps.Persons.Erase(ctx, req.ID, who)
	if err != nil {
		return oswald.Reply{}, err
	}
	if _, err := strconv.ParseInt(who, 10, 64); err == nil {
		return oswald.Reply{Text: fmt.Sprintf("#%s is erased.", who)}, nil
	}
	return oswald.Reply{Text: fmt.Sprintf("Erased what was written under the ID %s: %s.", who, plural(int(n), "text", "texts"))}, nil
}

func (h *Handlers) undo(ctx context.Context, req oswald.Request, _ []string) (oswald.Reply, error) {
	if of, ok, err := h.lastText(ctx, req); err != nil {
		return oswald.Reply{}, err
	} else if ok {
		return h.takeBack(ctx, req, of)
	}
	if h.deps.Undoer == nil {
		return oswald.Reply{}, absent("Comments are")
	}
	_, stop := progress(req, "Waiting for the comment server…")
	defer stop()
	u, err := h.deps.Undoer.Undo(ctx, req.ID)
	if err != nil {
		return oswald.Reply{}, err
	}
	return oswald.Reply{Text: h.undoneText(u)}, nil
}

func (h *Handlers) undoneText(u oswald.Undone) string {
	head := fmt.Sprintf("Taken back: `%s` of %s. ", oneLine(u.Decision, 20), ago(h.now(), u.At))
	switch {
	case u.ID != "":
		return head + fmt.Sprintf("The ID %s stands as it did before.", oneLine(u.ID, 40))
	case u.Decision == "accept":
		return head + fmt.Sprintf("Edit %d is out of %s again%s and waits.", u.Edit.N, oneLine(u.Edit.Page, 60), commitText(u.Page))
	case u.Edit.N != 0:
		return head + fmt.Sprintf("Edit %d of %s waits again: `diff %[1]d`, `accept %[1]d` or `reject %[1]d`.", u.Edit.N, oneLine(u.Edit.Page, 60))
	}
	return head + fmt.Sprintf("#%d by %s on %s: %s.", u.Comment.N, author(u.Comment), oneLine(u.Comment.Page, 40), stands(u.Comment))
}
