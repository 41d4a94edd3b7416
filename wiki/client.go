// SPDX-License-Identifier: GPL-3.0-or-later

package wiki

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"oswald"
	"oswald/ipc"
)

// An answer on the bus has at most 8 KB; this much of it is text of ours.
const maxAnswer = 6000

// PageInfo is one page as other roles know it.
type PageInfo struct {
	Key   string `json:"key"`
	URL   string `json:"url"`
	Title string `json:"title"`
}

type rebuildArgs struct {
	Page string `json:"page,omitempty"`
}

type pagesArgs struct {
	Match string `json:"match,omitempty"`
}

// Verbs are the commands that the site role carries out for other roles.
func Verbs(s *Site) map[string]ipc.Handler {
	return map[string]ipc.Handler{
		"rebuild": {Run: func(ctx context.Context, c ipc.Call) (any, error) {
			var a rebuildArgs
			if err := decode(c.Args, &a); err != nil {
				return nil, err
			}
			b, err := s.Rebuild(ctx, c.ID, a.Page, c.Progress)
			if err != nil {
				return nil, err
			}
			b.Warnings = fit(b.Warnings)
			return b, nil
		}},
		"pages": {Run: func(_ context.Context, c ipc.Call) (any, error) {
			var a pagesArgs
			if err := decode(c.Args, &a); err != nil {
				return nil, err
			}
			return s.Pages(a.Match)
		}},
		"source": {Run: func(ctx context.Context, c ipc.Call) (any, error) {
			var a sourceArgs
			if err := decode(c.Args, &a); err != nil {
				return nil, err
			}
			src, err := s.Source(ctx, a.Page)
			if err != nil {
				return nil, err
			}
			return sourcePart(src, a.From)
		}},
		"edit": {Run: func(ctx context.Context, c ipc.Call) (any, error) {
			var a editArgs
			if err := decode(c.Args, &a); err != nil {
				return nil, err
			}
			e, err := a.edit()
			if err != nil {
				return nil, err
			}
			p, err := s.Edit(ctx, c.ID, e, c.Progress)
			if err != nil {
				return nil, err
			}
			return small(p), nil
		}},
		"search": {Run: func(_ context.Context, c ipc.Call) (any, error) {
			return run(c, func(a phoneArgs) (oswald.Found, error) { return s.Search(a.Text, 8) })
		}},
		"page-text": {Run: func(ctx context.Context, c ipc.Call) (any, error) {
			return run(c, func(a phoneArgs) (oswald.PageText, error) { return s.Page(ctx, a.Page, pageShown) })
		}},
		"site-state": {Run: func(_ context.Context, c ipc.Call) (any, error) {
			return run(c, func(phoneArgs) (oswald.SiteState, error) { return smallState(s.State()), nil })
		}},
		"changes": {Run: func(_ context.Context, c ipc.Call) (any, error) {
			return run(c, func(phoneArgs) (oswald.ChangeSet, error) { return smallSet(s.Changes()) })
		}},
		"post": {Run: func(ctx context.Context, c ipc.Call) (any, error) {
			return run(c, func(a phoneArgs) (oswald.Published, error) {
				text, err := a.body()
				if err != nil {
					return oswald.Published{}, err
				}
				p, err := s.Post(ctx, c.ID, a.Page, text, a.Author, c.Progress)
				return small(p), err
			})
		}},
		"append": {Run: func(ctx context.Context, c ipc.Call) (any, error) {
			return run(c, func(a phoneArgs) (oswald.Published, error) {
				text, err := a.body()
				if err != nil {
					return oswald.Published{}, err
				}
				p, err := s.Append(ctx, c.ID, a.Page, text, a.Author, c.Progress)
				return small(p), err
			})
		}},
		"take-back": {Run: func(ctx context.Context, c ipc.Call) (any, error) {
			return run(c, func(a phoneArgs) (oswald.Published, error) {
				p, err := s.TakeBack(ctx, c.ID, a.Page, a.Author, c.Progress)
				return small(p), err
			})
		}},
		"publish": {Run: func(ctx context.Context, c ipc.Call) (any, error) {
			return run(c, func(phoneArgs) (oswald.Build, error) {
				b, err := s.Publish(ctx, c.ID, c.Progress)
				b.Warnings = fit(b.Warnings)
				return b, err
			})
		}},
		"rollback": {Run: func(ctx context.Context, c ipc.Call) (any, error) {
			return run(c, func(phoneArgs) (oswald.ChangeSet, error) { return smallSet(s.Rollback(ctx, c.ID)) })
		}},
	}
}

// run decodes the arguments of a verb and carries it out.
func run[A, R any](c ipc.Call, f func(A) (R, error)) (any, error) {
	var a A
	if err := decode(c.Args, &a); err != nil {
		return nil, err
	}
	r, err := f(a)
	if err != nil {
		return nil, err
	}
	return r, nil
}

func decode(raw json.RawMessage, into any) error {
	if len(raw) == 0 {
		return nil
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return oswald.Wrap(err, oswald.Invalid, "The site role does not understand this command: update both hosts to the same version.")
	}
	return nil
}

// fit keeps as many lines, cut to a readable length, as an answer can hold.
func fit(lines []string) []string {
	total := 0
	for i, l := range lines {
		l = cut(l, 200)
		if total += len(l) + 8; total > maxAnswer {
			return lines[:i]
		}
		lines[i] = l
	}
	return lines
}

// Pages lists the pages of the last build whose key or title holds match, as
// many as an answer can hold.
func (s *Site) Pages(match string) ([]PageInfo, error) {
	data, err := os.ReadFile(filepath.Join(s.cfg.Output, "pages.json"))
	if err != nil {
		return nil, oswald.Wrap(err, oswald.NotFound, "The site has not been built yet: say rebuild.")
	}
	var all []PageInfo
	if err := json.Unmarshal(data, &all); err != nil {
		return nil, oswald.Wrap(err, oswald.Internal, "The list of pages is damaged: say rebuild.")
	}
	found := []PageInfo{}
	match, total := fold(match), 0
	for _, p := range all {
		if !strings.Contains(p.Key, match) && !strings.Contains(fold(p.Title), match) {
			continue
		}
		p.Title = cut(p.Title, 120)
		if total += len(p.Key) + len(p.URL) + len(p.Title) + 40; total > maxAnswer {
			break
		}
		found = append(found, p)
	}
	return found, nil
}

// Client is the site role on another host. It has the methods of Site that
// travel.
type Client struct {
	bus  ipc.Caller
	peer string
}

// NewClient makes a Client of the site role that is called peer on the bus.
func NewClient(c ipc.Caller, peer string) *Client { return &Client{c, peer} }

// Rebuild is Site.Rebuild, carried out over there. The same id is the same
// build, however often it is asked for.
func (c *Client) Rebuild(ctx context.Context, id, page string, progress func(string)) (oswald.Build, error) {
	var b oswald.Build
	raw, err := c.bus.Call(ctx, ipc.Command{ID: id, Peer: c.peer, Verb: "rebuild", Args: rebuildArgs{page}}, progress)
	if err != nil {
		return b, err
	}
	return b, answer(raw, &b)
}

// Pages is Site.Pages, asked over there.
func (c *Client) Pages(ctx context.Context, id, match string) ([]PageInfo, error) {
	var list []PageInfo
	raw, err := c.bus.Call(ctx, ipc.Command{ID: id, Peer: c.peer, Verb: "pages", Args: pagesArgs{match}}, nil)
	if err != nil {
		return nil, err
	}
	return list, answer(raw, &list)
}

// Source is Site.Source, asked over there, in as many parts as it takes.
func (c *Client) Source(ctx context.Context, id, key string) (oswald.PageSource, error) {
	var packed []byte
	for part, hash := 0, ""; ; part++ {
		var p packedPart
		raw, err := c.bus.Call(ctx, ipc.Command{
			ID: fmt.Sprintf("%s.%d", id, part), Peer: c.peer, Verb: "source",
			Args: sourceArgs{key, len(packed)}, Deadline: time.Now().Add(sourcePatience),
		}, nil)
		if err != nil {
			return oswald.PageSource{}, err
		}
		if err := answer(raw, &p); err != nil {
			return oswald.PageSource{}, err
		}
		if hash != "" && p.Hash != hash || p.Data == nil || len(packed)+len(p.Data) > p.Size {
			return oswald.PageSource{}, oswald.Errorf(oswald.Conflict, "The page changed while it was read: try again.")
		}
		packed, hash = append(packed, p.Data...), p.Hash
		if len(packed) == p.Size {
			return unpackSource(packed, hash)
		}
	}
}

// sourcePatience is how long it is worth asking for the source of a page.
const sourcePatience = 30 * time.Second

// Edit is Site.Edit, carried out over there.
func (c *Client) Edit(ctx context.Context, id string, e oswald.PageEdit, progress func(string)) (oswald.Published, error) {
	var p oswald.Published
	args, err := packEdit(e)
	if err != nil {
		return p, err
	}
	raw, err := c.bus.Call(ctx, ipc.Command{ID: id, Peer: c.peer, Verb: "edit", Args: args, Deadline: time.Now().Add(10 * time.Minute)}, progress)
	if err != nil {
		return p, err
	}
	return p, answer(raw, &p)
}

func answer(raw json.RawMessage, into any) error {
	if err := json.Unmarshal(raw, into); err != nil {
		return oswald.Wrap(err, oswald.Internal, "The answer of the site role makes no sense: update both hosts to the same version.")
	}
	return nil
}

// ask carries out a verb over there.
func ask[R any](ctx context.Context, c *Client, id, verb string, args any, wait time.Duration, progress func(string)) (r R, err error) {
	raw, err := c.bus.Call(ctx, ipc.Command{ID: id, Peer: c.peer, Verb: verb, Args: args, Deadline: time.Now().Add(wait)}, progress)
	if err != nil {
		return r, err
	}
	return r, answer(raw, &r)
}

// buildPatience is how long it is worth asking for what ends with a build.
const buildPatience = 10 * time.Minute

// Search is Site.Search, asked over there.
func (c *Client) Search(ctx context.Context, id, query string) (oswald.Found, error) {
	return ask[oswald.Found](ctx, c, id, "search", phoneArgs{Text: cut(query, 400)}, sourcePatience, nil)
}

// Page is Site.Page, asked over there.
func (c *Client) Page(ctx context.Context, id, name string) (oswald.PageText, error) {
	return ask[oswald.PageText](ctx, c, id, "page-text", phoneArgs{Page: cut(name, 200)}, sourcePatience, nil)
}

// State is Site.State, asked over there.
func (c *Client) State(ctx context.Context, id string) (oswald.SiteState, error) {
	return ask[oswald.SiteState](ctx, c, id, "site-state", phoneArgs{}, sourcePatience, nil)
}

// Changes is Site.Changes, asked over there.
func (c *Client) Changes(ctx context.Context, id string) (oswald.ChangeSet, error) {
	return ask[oswald.ChangeSet](ctx, c, id, "changes", phoneArgs{}, sourcePatience, nil)
}

// Post is Site.Post, carried out over there.
func (c *Client) Post(ctx context.Context, id, title, body, author string, progress func(string)) (oswald.Published, error) {
	a, err := packText(title, body, author)
	if err != nil {
		return oswald.Published{}, err
	}
	return ask[oswald.Published](ctx, c, id, "post", a, buildPatience, progress)
}

// Append is Site.Append, carried out over there.
func (c *Client) Append(ctx context.Context, id, page, text, author string, progress func(string)) (oswald.Published, error) {
	a, err := packText(page, text, author)
	if err != nil {
		return oswald.Published{}, err
	}
	return ask[oswald.Published](ctx, c, id, "append", a, buildPatience, progress)
}

// TakeBack is Site.TakeBack, carried out over there.
func (c *Client) TakeBack(ctx context.Context, id, of, author string, progress func(string)) (oswald.Published, error) {
	return ask[oswald.Published](ctx, c, id, "take-back", phoneArgs{Page: of, Author: cut(author, 60)}, buildPatience, progress)
}

// Publish is Site.Publish, carried out over there.
func (c *Client) Publish(ctx context.Context, id string, progress func(string)) (oswald.Build, error) {
	return ask[oswald.Build](ctx, c, id, "publish", phoneArgs{}, buildPatience, progress)
}

// Rollback is Site.Rollback, carried out over there.
func (c *Client) Rollback(ctx context.Context, id string) (oswald.ChangeSet, error) {
	return ask[oswald.ChangeSet](ctx, c, id, "rollback", phoneArgs{}, buildPatience, nil)
}
