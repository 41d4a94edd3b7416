// SPDX-License-Identifier: GPL-3.0-or-later

package handlers

import (
	"context"
	"fmt"
	"strings"

	"oswald"
)

func (h *Handlers) post(ctx context.Context, req oswald.Request, args []string) (oswald.Reply, error) {
	site, err := part[Author](h)
	if err != nil {
		return oswald.Reply{}, err
	}
	title, body, _ := strings.Cut(args[0], "\n")
	if strings.TrimSpace(body) == "" {
		return oswald.Reply{}, oswald.Errorf(oswald.Invalid, "The title goes on the first line and the text on the lines below it.")
	}
	report, stop := progress(req, "Writing the post…")
	defer stop()
	p, err := site.Post(ctx, req.ID, title, body, authorOf(req), report)
	if err != nil {
		return oswald.Reply{}, err
	}
	return oswald.Reply{Text: liveText(quote(p.Title), p)}, nil
}

func (h *Handlers) appendText(ctx context.Context, req oswald.Request, args []string) (oswald.Reply, error) {
	site, err := part[Author](h)
	if err != nil {
		return oswald.Reply{}, err
	}
	page, text, err := cutWord(args[0])
	if err != nil {
		return oswald.Reply{}, err
	}
	if strings.TrimSpace(text) == "" {
		return oswald.Reply{}, oswald.Errorf(oswald.Invalid, "Say what to append too: `append shopping Milk`. A name with spaces goes in quotes.")
	}
	report, stop := progress(req, "Writing…")
	defer stop()
	p, err := site.Append(ctx, req.ID, page, text, authorOf(req), report)
	if err != nil {
		return oswald.Reply{}, err
	}
	return oswald.Reply{Text: liveText("The change to "+quote(p.Title), p)}, nil
}

// authorOf is whom the record of the pages names: the local part of an address.
func authorOf(req oswald.Request) string {
	name, _, _ := strings.Cut(req.Actor.Address, "@")
	return oneLine(name, 60)
}

func liveText(what string, p oswald.Published) string {
	s := what + " is live" + commitText(p)
	if p.URL != "" {
		s += ": " + p.URL
	} else {
		s += "."
	}
	if p.Warning != "" {
		s += "\n⚠ " + oneLine(p.Warning, 120)
	}
	return s + "\n`undo` takes it back within an hour."
}

func (h *Handlers) publish(ctx context.Context, req oswald.Request, _ []string) (oswald.Reply, error) {
	site, err := part[Publisher](h)
	if err != nil {
		return oswald.Reply{}, err
	}
	report, stop := progress(req, "Publishing…")
	defer stop()
	b, err := site.Publish(ctx, req.ID, report)
	if err != nil {
		return oswald.Reply{}, err
	}
	text := buildText(b)
	if b.Written+b.Removed > 0 {
		text += "\n`rollback` takes it back."
	}
	return oswald.Reply{Text: text}, nil
}

func (h *Handlers) rollback(ctx context.Context, req oswald.Request, _ []string) (oswald.Reply, error) {
	site, err := part[Publisher](h)
	if err != nil {
		return oswald.Reply{}, err
	}
	set, err := site.Rollback(ctx, req.ID)
	if err != nil {
		return oswald.Reply{}, err
	}
	return oswald.Reply{Text: fmt.Sprintf("Taken back: %s. The site is as it was before; builds change nothing until `publish`.", set.Summary())}, nil
}

func (h *Handlers) previewRollback(ctx context.Context, req oswald.Request, _ []string) (string, error) {
	site, err := part[Publisher](h)
	if err != nil {
		return "", err
	}
	set, err := site.Changes(ctx, oswald.RandomID()) // the command's own ID is for the rollback
	if err != nil {
		return "", err
	}
	if set.N == 0 {
		return "Take back the last change that was published? What is held back now stays held back.", nil
	}
	return h.setText(set) + "\nTake it back?", nil
}

func (h *Handlers) changes(ctx context.Context, req oswald.Request, _ []string) (oswald.Reply, error) {
	site, err := part[Publisher](h)
	if err != nil {
		return oswald.Reply{}, err
	}
	set, err := site.Changes(ctx, req.ID)
	if err != nil {
		return oswald.Reply{}, err
	}
	text := h.setText(set)
	if set.N == 0 {
		text += "\n`publish` puts it live all the same."
	} else {
		text += "\n`rollback` takes it back."
	}
	return oswald.Reply{Text: text, Raw: true}, nil
}

// namesShown is how many pages of a change are named.
const namesShown = 10

func (h *Handlers) setText(c oswald.ChangeSet) string {
	var b strings.Builder
	if c.N == 0 {
		b.WriteString("Held back: " + c.Summary())
		for _, why := range c.Stopped {
			b.WriteString("\n⚠ " + oneLine(why, 120))
		}
	} else {
		fmt.Fprintf(&b, "Change %d, %s: %s", c.N, ago(h.now(), c.At), c.Summary())
	}
	n := 0
	for _, list := range []struct {
		sign string
		keys []string
	}{{"+", c.Added}, {"~", c.Changed}, {"−", c.Removed}} {
		for _, key := range list.keys {
			if n++; n <= namesShown {
				b.WriteString("\n" + list.sign + " " + oneLine(key, 80))
			}
		}
	}
	if n > namesShown {
		fmt.Fprintf(&b, "\n… and %d more", n-namesShown)
	}
	return b.String()
}
