// SPDX-License-Identifier: GPL-3.0-or-later

package handlers

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"oswald"
)

// editNumber reads the number of a suggested edit, with or without #.
func editNumber(s string) (int64, error) {
	n, err := strconv.ParseInt(strings.Trim(s, "#.,"), 10, 64)
	if err != nil || n <= 0 {
		return 0, oswald.Errorf(oswald.Invalid, "%s is not the number of an edit; `edits` lists them.", quote(s))
	}
	return n, nil
}

func (h *Handlers) edits(ctx context.Context, req oswald.Request, _ []string) (oswald.Reply, error) {
	if h.deps.Suggestions == nil {
		return oswald.Reply{}, absent("Suggested edits are")
	}
	list, err := h.deps.Suggestions.Edits(ctx, req.ID)
	if err != nil {
		return oswald.Reply{}, err
	}
	if len(list) == 0 {
		return oswald.Reply{Text: "No suggested edit waits."}, nil
	}
	var b strings.Builder
	for i, e := range list {
		if i == commentsShown {
			fmt.Fprintf(&b, "… and %d more\n", len(list)-i)
			break
		}
		b.WriteString(h.editLine(e) + "\n")
		if e.Note != "" {
			b.WriteString("  “" + oneLine(e.Note, 80) + "”\n")
		}
	}
	fmt.Fprintf(&b, "`diff %d` shows it, `accept %[1]d` makes it live, `reject %[1]d` leaves it out.", list[0].N)
	return oswald.Reply{Text: b.String(), Raw: true}, nil
}

func (h *Handlers) editLine(e oswald.Edit) string {
	return fmt.Sprintf("%d · %s · %s · +%d −%d lines · %s", e.N, oneLine(e.Page, 60), editor(e), e.Added, e.Removed, ago(h.now(), e.At))
}

func editor(e oswald.Edit) string {
	s := oneLine(e.Author, 30)
	if s == "" {
		s = "somebody"
	}
	if e.ID != "" {
		s += " (" + oneLine(e.ID, 20) + ")"
	}
	return s
}

// diffMax is how much of a diff is shown at once.
const diffMax = 1800

func (h *Handlers) diff(ctx context.Context, req oswald.Request, args []string) (oswald.Reply, error) {
	n, err := editNumber(args[0])
	if err != nil {
		return oswald.Reply{}, err
	}
	if h.deps.Suggestions == nil {
		return oswald.Reply{}, absent("Suggested edits are")
	}
	e, err := h.deps.Suggestions.Edit(ctx, req.ID, n)
	if err != nil {
		return oswald.Reply{}, err
	}
	var b strings.Builder
	b.WriteString(h.editLine(e) + "\n")
	if e.Note != "" {
		b.WriteString("“" + oneLine(e.Note, 200) + "”\n")
	}
	b.WriteString(clip(cleanLines(e.Diff), diffMax) + "\n")
	if e.State == "open" {
		fmt.Fprintf(&b, "`accept %d` or `reject %[1]d`?", e.N)
	} else {
		fmt.Fprintf(&b, "It is %s.", oneLine(e.State, 20))
	}
	return oswald.Reply{Text: b.String(), Raw: true, About: aboutNumber(aboutEdit, e.N)}, nil
}

func (h *Handlers) accept(ctx context.Context, req oswald.Request, args []string) (oswald.Reply, error) {
	n, err := editNumber(args[0])
	if err != nil {
		return oswald.Reply{}, err
	}
	if h.deps.Editor == nil {
		return oswald.Reply{}, absent("Suggested edits are")
	}
	report, stop := progress(req, "Putting it into the page…")
	defer stop()
	e, p, err := h.deps.Editor.Accept(ctx, req.ID, n, report)
	if err != nil {
		return oswald.Reply{}, err
	}
	s := fmt.Sprintf("Edit %d by %s is live%s", e.N, editor(e), commitText(p))
	if p.URL != "" {
		s += ": " + p.URL
	} else {
		s += "."
	}
	if p.Merged {
		s += "\nThe page had changed meanwhile; both changes are in it."
	}
	if p.Warning != "" {
		s += "\n⚠ " + oneLine(p.Warning, 120)
	}
	for i, w := range p.Build.Warnings {
		if i == warningsShown {
			break
		}
		s += "\n⚠ " + oneLine(w, 120)
	}
	return oswald.Reply{Text: s + "\n`undo` takes it back within an hour."}, nil
}

func commitText(p oswald.Published) string {
	if p.Commit == "" {
		return ""
	}
	return ", commit " + oneLine(p.Commit, 16)
}

func (h *Handlers) reject(ctx context.Context, req oswald.Request, args []string) (oswald.Reply, error) {
	n, err := editNumber(args[0])
	if err != nil {
		return oswald.Reply{}, err
	}
	if h.deps.Editor == nil {
		return oswald.Reply{}, absent("Suggested edits are")
	}
	_, stop := progress(req, "Waiting for the comment server…")
	defer stop()
	e, err := h.deps.Editor.Reject(ctx, req.ID, n)
	if err != nil {
		return oswald.Reply{}, err
	}
	return oswald.Reply{Text: fmt.Sprintf("Edit %d by %s is rejected; %s stays as it is.", e.N, editor(e), oneLine(e.Page, 60))}, nil
}
