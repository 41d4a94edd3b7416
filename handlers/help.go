// SPDX-License-Identifier: GPL-3.0-or-later

package handlers

import (
	"context"
	"fmt"
	"strings"

	"oswald"
)

func (h *Handlers) help(_ context.Context, req oswald.Request, args []string) (oswald.Reply, error) {
	if len(args) > 0 {
		return h.helpOn(req, args)
	}
	var b strings.Builder
	for _, area := range areas {
		var names []string
		for i := range h.rows {
			c := &h.rows[i]
			if c.area != area || !c.visible(req.Actor) {
				continue
			}
			names = append(names, c.name)
			for j := range c.sub {
				if c.sub[j].visible(req.Actor) && c.sub[j].desc != c.desc {
					names = append(names, c.name+" "+c.sub[j].name)
				}
			}
		}
		if len(names) > 0 {
			fmt.Fprintf(&b, "%s: %s\n", area, strings.Join(names, ", "))
		}
	}
	if req.Actor.Role == oswald.Guest {
		b.WriteString("You are a guest here, so that is all there is.")
	} else {
		b.WriteString("`help COMMAND` tells more. Short forms work: `te` is `temp`.")
	}
	return oswald.Reply{Text: b.String()}, nil
}

// helpOn explains one command, or each command of an area.
func (h *Handlers) helpOn(req oswald.Request, words []string) (oswald.Reply, error) {
	rows, path := h.rows, ""
	var c *command
	for _, word := range words {
		next, _, err := find(rows, word, path, req.Actor)
		if err != nil {
			if lines := h.area(req.Actor, word); c == nil && lines != "" {
				return oswald.Reply{Text: lines}, nil
			}
			return oswald.Reply{}, err
		}
		if next.hidden || authorise(next, next.name, req.Actor, "") != nil {
			return oswald.Reply{}, oswald.Errorf(oswald.NotFound, "There is no %s for you.", quote(word))
		}
		c, path, rows = next, strings.TrimSpace(path+" "+next.name), next.sub
	}
	var b strings.Builder
	full := call{command: c, path: path}.full()
	fmt.Fprintf(&b, "`%s`\n%s.\n", full, c.desc)
	if c.example != full {
		fmt.Fprintf(&b, "Example: `%s`\n", c.example)
	}
	for i := range c.sub {
		if s := &c.sub[i]; s.visible(req.Actor) {
			fmt.Fprintf(&b, "`%s` – %s\n", call{command: s, path: path + " " + s.name}.full(), s.desc)
		}
	}
	if c.private {
		b.WriteString("Only in a private chat.\n")
	}
	return oswald.Reply{Text: strings.TrimRight(b.String(), "\n")}, nil
}

// area lists what a may run of one area, a line each.
func (h *Handlers) area(a oswald.Actor, word string) string {
	var b strings.Builder
	for i := range h.rows {
		c := &h.rows[i]
		if !strings.EqualFold(c.area, word) || !c.visible(a) {
			continue
		}
		fmt.Fprintf(&b, "`%s` – %s\n", call{command: c, path: c.name}.full(), c.desc)
	}
	return strings.TrimRight(b.String(), "\n")
}

// Markdown is the reference of all commands, made from the table.
func Markdown() string {
	var h Handlers
	var b strings.Builder
	b.WriteString("# Commands\n\nThe first letters of a command are enough where no other begins with them. " +
		"A command for a role is for those above it too: guest, member, moderator, owner.\n")
	for _, area := range areas {
		fmt.Fprintf(&b, "\n## %s\n\n| command | what it does | role | example |\n|---|---|---|---|\n", area)
		for _, c := range h.table() {
			if c.area != area || c.hidden {
				continue
			}
			markdownRow(&b, &c, c.name)
			for i := range c.sub {
				markdownRow(&b, &c.sub[i], c.name+" "+c.sub[i].name)
			}
		}
	}
	b.WriteString("\nA command that changes something and arrives late asks whether it is still wanted. " +
		"Answer a question with `yes` or `no`.\n")
	return b.String()
}

func markdownRow(b *strings.Builder, c *command, path string) {
	desc := c.desc
	if c.private {
		desc += " (in a private chat only)"
	}
	cell := strings.NewReplacer("|", `\|`, "\n", " ⏎ ").Replace // a row is one line
	fmt.Fprintf(b, "| `%s` | %s | %s | `%s` |\n", cell(call{command: c, path: path}.full()), cell(desc), c.role, cell(c.example))
}
