// SPDX-License-Identifier: GPL-3.0-or-later

package handlers

import (
	"context"
	"fmt"
	"sort"
	"strconv"
	"strings"

	"oswald"
)

// number reads the number of a comment, with or without #.
func number(s string) (int64, error) {
	n, err := strconv.ParseInt(strings.Trim(s, "#.,"), 10, 64)
	if err != nil || n <= 0 {
		return 0, oswald.Errorf(oswald.Invalid, "%s is not the number of a comment; `comments` lists them.", quote(s))
	}
	return n, nil
}

// commentsShown is how many comments fit a phone.
const commentsShown = 8

func (h *Handlers) comments(ctx context.Context, req oswald.Request, args []string) (oswald.Reply, error) {
	if h.deps.Comments == nil {
		return oswald.Reply{}, absent("Comments are")
	}
	page, where := "", ""
	if len(args) == 1 {
		page, where = strings.Trim(args[0], "/"), " on "+quote(strings.Trim(args[0], "/"))
	}
	list, err := h.deps.Comments.List(ctx, req.ID, page)
	if err != nil {
		return oswald.Reply{}, err
	}
	if len(list) == 0 {
		return oswald.Reply{Text: "There are no comments" + where + "."}, nil
	}
	// Those that wait for a person come first.
	sort.SliceStable(list, func(i, j int) bool { return list[i].State == oswald.Queued && list[j].State != oswald.Queued })
	waiting := 0
	for _, c := range list {
		if c.State == oswald.Queued {
			waiting++
		}
	}
	var b strings.Builder
	switch {
	case waiting == 1:
		fmt.Fprintf(&b, "1 comment%s waits: `approve %d` or `flag %[2]d`\n", where, list[0].N)
	case waiting > 1:
		fmt.Fprintf(&b, "%d comments%s wait: `approve N` or `flag N`\n", waiting, where)
	}
	for i, c := range list {
		if i == commentsShown {
			fmt.Fprintf(&b, "… and %d more", len(list)-i)
			break
		}
		fmt.Fprintf(&b, "%s\n", h.headline(c, page == ""))
		fmt.Fprintf(&b, "  %s\n", oneLine(c.Text, 80))
	}
	return oswald.Reply{Text: strings.TrimRight(b.String(), "\n"), Raw: true}, nil
}

// headline is one line that says what comment c is.
func (h *Handlers) headline(c oswald.Comment, withPage bool) string {
	s := fmt.Sprintf("#%d %s · %s", c.N, stateText(c), author(c))
	if withPage {
		s += " · " + oneLine(c.Page, 40)
	}
	return s + " · " + ago(h.now(), c.At)
}

func author(c oswald.Comment) string {
	if name := oneLine(c.Author, 30); name != "" {
		return name
	}
	return "somebody"
}

var stateTexts = map[oswald.CommentState]string{
	oswald.Shown:   "shown",
	oswald.Queued:  "waits",
	oswald.Hidden:  "hidden",
	oswald.Deleted: "deleted",
}

func stateText(c oswald.Comment) string {
	if s := stateTexts[c.State]; s != "" {
		return s
	}
	return oneLine(string(c.State), 20)
}

// comment text shown in full is at most this long.
const commentMax = 1500

func (h *Handlers) comment(ctx context.Context, req oswald.Request, args []string) (oswald.Reply, error) {
	c, err := h.get(ctx, req, args[0])
	if err != nil {
		return oswald.Reply{}, err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", h.headline(c, true))
	fmt.Fprintf(&b, "Filter: %s, %s", verdictText(c.Verdict), percent(c.Score))
	if c.Label != "" {
		fmt.Fprintf(&b, " · you said: %s", verdictText(c.Label))
	}
	if c.ID != "" {
		fmt.Fprintf(&b, " · ID %s", oneLine(c.ID, 40))
	}
	if c.Signer != "" {
		fmt.Fprintf(&b, " · signed by %s", oneLine(c.Signer, 60))
	}
	fmt.Fprintf(&b, "\n%s", clip(cleanLines(c.Text), commentMax))
	return oswald.Reply{Text: b.String(), Raw: true, About: aboutNumber(aboutComment, c.N)}, nil
}

func verdictText(v oswald.Verdict) string {
	switch v {
	case oswald.Ham:
		return "fine"
	case oswald.Unsure:
		return "unsure"
	case oswald.Spam:
		return "spam"
	case "":
		return "not judged"
	}
	return oneLine(string(v), 20)
}

// percent writes a spam score; it never rounds to a certainty.
func percent(score float64) string {
	switch {
	case score < 0.01:
		return "under 1 % spam"
	case score > 0.99:
		return "over 99 % spam"
	}
	return fmt.Sprintf("%.0f %% spam", score*100)
}

// cleanLines keeps the lines of other people's text and drops what would change
// the look of the text around it.
func cleanLines(s string) string {
	lines := strings.Split(strings.ReplaceAll(s, "\r\n", "\n"), "\n")
	for i, line := range lines {
		lines[i] = strings.TrimRight(strings.Map(visible, line), " ")
	}
	return strings.Trim(strings.Join(lines, "\n"), "\n")
}

func (h *Handlers) get(ctx context.Context, req oswald.Request, arg string) (oswald.Comment, error) {
	n, err := number(arg)
	if err != nil {
		return oswald.Comment{}, err
	}
	if h.deps.Comments == nil {
		return oswald.Comment{}, absent("Comments are")
	}
	return h.deps.Comments.Get(ctx, req.ID, n)
}

// decide makes the handler of one decision.
func (h *Handlers) decide(d oswald.Decision) runner {
	return func(ctx context.Context, req oswald.Request, args []string) (oswald.Reply, error) {
		n, err := number(args[0])
		if err != nil {
			return oswald.Reply{}, err
		}
		if h.deps.Comments == nil {
			return oswald.Reply{}, absent("Comments are")
		}
		_, stop := progress(req, "Waiting for the comment server…")
		defer stop()
		c, err := h.deps.Comments.Decide(ctx, req.ID, n, d)
		if err != nil {
			return oswald.Reply{}, err
		}
		return oswald.Reply{Text: decisionText(c, d), About: aboutNumber(aboutComment, c.N)}, nil
	}
}

func decisionText(c oswald.Comment, d oswald.Decision) string {
	who := fmt.Sprintf("#%d by %s on %s", c.N, author(c), oneLine(c.Page, 40))
	switch d {
	case oswald.Flag:
		return who + " is hidden as spam. The filter has learnt from it."
	case oswald.Unflag:
		return who + " is shown again. The filter has learnt from it."
	case oswald.Approve:
		return who + " is published. The filter has learnt from it."
	case oswald.Hold:
		return fmt.Sprintf("%s is off the page and waits: `approve %d` or `flag %[2]d`.", who, c.N)
	case oswald.Restore:
		return who + " is back: " + stands(c) + "."
	}
	return fmt.Sprintf("%s is deleted. `restore %d` brings it back.", who, c.N)
}

// stands says where a comment is now, and what to do about it.
func stands(c oswald.Comment) string {
	switch c.State {
	case oswald.Shown:
		return "on its page"
	case oswald.Queued:
		return fmt.Sprintf("it waits for `approve %d` or `flag %[1]d`", c.N)
	case oswald.Hidden:
		return fmt.Sprintf("hidden as spam, as it was; `unflag %d` shows it", c.N)
	}
	return stateText(c)
}

func (h *Handlers) previewDelete(ctx context.Context, req oswald.Request, args []string) (string, error) {
	req.ID = oswald.RandomID() // the command's own ID is for the deletion
	c, err := h.get(ctx, req, args[0])
	if err != nil {
		return "", err
	}
	if c.State == oswald.Deleted {
		return "", oswald.Errorf(oswald.Conflict, "#%d is deleted already.", c.N)
	}
	return fmt.Sprintf("Delete %s\n  %s\nRemove it?", h.headline(c, true), oneLine(c.Text, 200)), nil
}
