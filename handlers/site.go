// SPDX-License-Identifier: GPL-3.0-or-later

package handlers

import (
	"context"
	"fmt"
	"strings"

	"oswald"
)

// absent is the answer of a command whose part is not there.
func absent(what string) error {
	return oswald.Errorf(oswald.Unavailable, "%s not configured on this machine.", what)
}

func (h *Handlers) rebuild(ctx context.Context, req oswald.Request, args []string) (oswald.Reply, error) {
	if h.deps.Pages == nil {
		return oswald.Reply{}, absent("The site is")
	}
	page := ""
	if len(args) == 1 {
		page = args[0]
	}
	report, stop := progress(req, "Building…")
	defer stop()
	b, err := h.deps.Pages.Rebuild(ctx, req.ID, page, report)
	if err != nil {
		return oswald.Reply{}, err
	}
	return oswald.Reply{Text: buildText(b)}, nil
}

// warningsShown is how many warnings of a build fit a phone.
const warningsShown = 3

func buildText(b oswald.Build) string {
	var s strings.Builder
	changes := []string{}
	if b.Written > 0 {
		changes = append(changes, plural(b.Written, "file", "files")+" written")
	}
	if b.Removed > 0 {
		changes = append(changes, fmt.Sprintf("%d removed", b.Removed))
	}
	if len(changes) == 0 {
		changes = append(changes, "nothing has changed")
	}
	fmt.Fprintf(&s, "The site is built: %s in %s, %s.", plural(b.Pages, "page", "pages"), took(b.Took), strings.Join(changes, ", "))
	for i, w := range b.Warnings {
		if i == warningsShown {
			fmt.Fprintf(&s, "\n… and %s", plural(len(b.Warnings)-i, "warning more", "warnings more"))
			break
		}
		s.WriteString("\n⚠ " + oneLine(w, 120))
	}
	return s.String()
}

// What Pages may do besides. The site of the configuration does all of it.
type (
	// Reader is what `search`, `page`, `build status` and `check links` need.
	Reader interface {
		Search(ctx context.Context, id, query string) (oswald.Found, error)
		Page(ctx context.Context, id, name string) (oswald.PageText, error)
		State(ctx context.Context, id string) (oswald.SiteState, error)
	}
	// Author is what `post` and `append` need. Both are idempotent by id.
	Author interface {
		Post(ctx context.Context, id, title, body, author string, progress func(string)) (oswald.Published, error)
		Append(ctx context.Context, id, page, text, author string, progress func(string)) (oswald.Published, error)
	}
	// Publisher is what `publish`, `rollback` and `changes` need. Rollback is
	// idempotent by id.
	Publisher interface {
		Publish(ctx context.Context, id string, progress func(string)) (oswald.Build, error)
		Rollback(ctx context.Context, id string) (oswald.ChangeSet, error)
		Changes(ctx context.Context, id string) (oswald.ChangeSet, error)
	}
)

// part returns Pages as what else it can do.
func part[T any](h *Handlers) (T, error) {
	p, ok := h.deps.Pages.(T)
	if !ok {
		return p, absent("The site is")
	}
	return p, nil
}
