// SPDX-License-Identifier: GPL-3.0-or-later

package wiki

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"

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
	}
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

func answer(raw json.RawMessage, into any) error {
	if err := json.Unmarshal(raw, into); err != nil {
		return oswald.Wrap(err, oswald.Internal, "The answer of the site role makes no sense: update both hosts to the same version.")
	}
	return nil
}
