// SPDX-License-Identifier: GPL-3.0-or-later

package handlers

import (
	"context"
	"fmt"
	"strings"

	"oswald"
)

// What fits a phone.
const (
	hitsShown  = 5
	linksShown = 8
	pageLength = 1200
)

func (h *Handlers) search(ctx context.Context, req oswald.Request, args []string) (oswald.Reply, error) {
	site, err := part[Reader](h)
	if err != nil {
		return oswald.Reply{}, err
	}
	found, err := site.Search(ctx, req.ID, args[0])
	if err != nil {
		return oswald.Reply{}, err
	}
	if found.Total == 0 {
		return oswald.Reply{Text: "No page has " + quote(args[0]) + "."}, nil
	}
	var b strings.Builder
	if found.Part {
		b.WriteString("No page has all of that; ")
	}
	b.WriteString(plural(found.Total, "page", "pages") + ":")
	for i, p := range found.Hits {
		if i == hitsShown {
			break
		}
		fmt.Fprintf(&b, "\n%s · %s", oneLine(p.Title, 60), oneLine(p.Key, 80))
		if p.Summary != "" {
			b.WriteString("\n  " + oneLine(p.Summary, 90))
		}
	}
	if len(found.Hits) > 0 {
		fmt.Fprintf(&b, "\n`page %s` shows the first.", oneLine(found.Hits[0].Key, 80))
	}
	return oswald.Reply{Text: b.String(), Raw: true}, nil
}

func (h *Handlers) page(ctx context.Context, req oswald.Request, args []string) (oswald.Reply, error) {
	site, err := part[Reader](h)
	if err != nil {
		return oswald.Reply{}, err
	}
	p, err := site.Page(ctx, req.ID, strings.Trim(args[0], "\"“”"))
	if err != nil {
		return oswald.Reply{}, err
	}
	head := fmt.Sprintf("%s · %s", oneLine(p.Title, 80), plural(p.Words, "word", "words"))
	if p.Links > 0 {
		head += ", linked from " + plural(p.Links, "page", "pages")
	}
	text := clip(cleanLines(p.Text), pageLength)
	if text == "" {
		text = "(no text)"
	}
	return oswald.Reply{Text: head + "\n" + text + "\n" + p.URL, Raw: true}, nil
}

func (h *Handlers) buildStatus(ctx context.Context, req oswald.Request, _ []string) (oswald.Reply, error) {
	site, err := part[Reader](h)
	if err != nil {
		return oswald.Reply{}, err
	}
	st, err := site.State(ctx, req.ID)
	if err != nil {
		return oswald.Reply{}, err
	}
	var b strings.Builder
	switch {
	case st.Running:
		b.WriteString("A build is running.")
	case st.Built.IsZero():
		b.WriteString("The site has not been built since the start.")
	case st.Error != "":
		fmt.Fprintf(&b, "The last build, %s, failed: %s", ago(h.now(), st.Built), oneLine(st.Error, 400))
	default:
		fmt.Fprintf(&b, "Built %s: %s in %s.", ago(h.now(), st.Built), plural(st.Build.Pages, "page", "pages"), took(st.Build.Took))
	}
	if !st.RolledAt.IsZero() {
		fmt.Fprintf(&b, "\nThe site was rolled back %s; `publish` ends that.", ago(h.now(), st.RolledAt))
	}
	if st.Held {
		b.WriteString("\nA change is held back; `changes` shows it.")
	}
	if n := len(st.Broken); n > 0 {
		fmt.Fprintf(&b, "\n%s; `check links` lists them.", plural(n, "link leads nowhere", "links lead nowhere"))
	}
	if st.Sets > 0 {
		fmt.Fprintf(&b, "\n%s can be rolled back.", plural(st.Sets, "change", "changes"))
	}
	return oswald.Reply{Text: b.String()}, nil
}

func (h *Handlers) checkLinks(ctx context.Context, req oswald.Request, _ []string) (oswald.Reply, error) {
	site, err := part[Reader](h)
	if err != nil {
		return oswald.Reply{}, err
	}
	st, err := site.State(ctx, req.ID)
	if err != nil {
		return oswald.Reply{}, err
	}
	if st.Built.IsZero() {
		return oswald.Reply{}, oswald.Errorf(oswald.Unavailable, "The site has not been built since the start: `rebuild`, then ask again.")
	}
	var b strings.Builder
	if len(st.Broken) == 0 {
		b.WriteString("Every link leads somewhere.")
	} else {
		b.WriteString(plural(len(st.Broken), "link leads nowhere:", "links lead nowhere:"))
	}
	for i, l := range st.Broken {
		if i == linksShown {
			fmt.Fprintf(&b, "\n… and %d more", len(st.Broken)-i)
			break
		}
		b.WriteString("\n" + oneLine(l, 120))
	}
	if st.Orphans > 0 {
		b.WriteString("\nNo page links to " + plural(st.Orphans, "page", "pages") + ".")
	}
	return oswald.Reply{Text: b.String(), Raw: true}, nil
}
