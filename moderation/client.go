// SPDX-License-Identifier: GPL-3.0-or-later

package moderation

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"oswald"
	"oswald/ipc"
)

// Client is the comment server of another host, with the methods of [Server].
type Client struct {
	caller ipc.Caller
	peer   string
}

// NewClient returns a Client for the host named peer.
func NewClient(c ipc.Caller, peer string) *Client { return &Client{c, peer} }

type pageArgs struct {
	Page string `json:"page,omitempty"`
}

type numberArgs struct {
	N int64 `json:"n"`
}

type decideArgs struct {
	N        int64           `json:"n"`
	Decision oswald.Decision `json:"decision"`
}

func call[T any](ctx context.Context, c *Client, id, verb string, args any, patience time.Duration) (T, error) {
	var out T
	raw, err := c.caller.Call(ctx, ipc.Command{ID: id, Peer: c.peer, Verb: verb, Args: args, Deadline: time.Now().Add(patience)}, nil)
	if err != nil {
		return out, err
	}
	if err := json.Unmarshal(raw, &out); err != nil {
		return out, oswald.Wrap(err, oswald.Internal, "The comment server's answer could not be read.")
	}
	return out, nil
}

// A question nobody waits for any more is not worth asking; a decision is.
const (
	askPatience    = 30 * time.Second
	decidePatience = 10 * time.Minute
)

// List is [Server.List].
func (c *Client) List(ctx context.Context, id, page string) ([]oswald.Comment, error) {
	return call[[]oswald.Comment](ctx, c, id, "comments", pageArgs{page}, askPatience)
}

// Get is [Server.Get].
func (c *Client) Get(ctx context.Context, id string, n int64) (oswald.Comment, error) {
	return call[oswald.Comment](ctx, c, id, "comment", numberArgs{n}, askPatience)
}

// Decide is [Server.Decide].
func (c *Client) Decide(ctx context.Context, id string, n int64, d oswald.Decision) (oswald.Comment, error) {
	return call[oswald.Comment](ctx, c, id, "decide", decideArgs{n, d}, decidePatience)
}

// Why is [Server.Why].
func (c *Client) Why(ctx context.Context, id string, n int64) (oswald.Why, error) {
	return call[oswald.Why](ctx, c, id, "spam-why", numberArgs{n}, askPatience)
}

// Stats is [Server.Stats].
func (c *Client) Stats(ctx context.Context, id string) (oswald.SpamStats, error) {
	return call[oswald.SpamStats](ctx, c, id, "spam-stats", struct{}{}, askPatience)
}

// Retrain is [Server.Retrain].
func (c *Client) Retrain(ctx context.Context, id string) (oswald.SpamStats, error) {
	return call[oswald.SpamStats](ctx, c, id, "spam-retrain", struct{}{}, decidePatience)
}

// Test is [Server.Test].
func (c *Client) Test(ctx context.Context, id, text string) (oswald.Why, error) {
	return call[oswald.Why](ctx, c, id, "spam-test", textArgs{text}, askPatience)
}

// Identity is [Server.Identity].
func (c *Client) Identity(ctx context.Context, id, who string) (oswald.Identity, error) {
	return call[oswald.Identity](ctx, c, id, "identity", idArgs{ID: who}, askPatience)
}

// Ban bans an ID, or lifts what was said of it, and returns how many of its
// comments that waited are hidden now.
func (c *Client) Ban(ctx context.Context, id, who string, banned bool) (hidden int64, err error) {
	st := Nobody
	if banned {
		st = Banned
	}
	return call[int64](ctx, c, id, "standing", idArgs{who, st}, decidePatience)
}

// Trust is [Server.SetStanding] with Trusted.
func (c *Client) Trust(ctx context.Context, id, who string) error {
	_, err := call[int64](ctx, c, id, "standing", idArgs{who, Trusted}, decidePatience)
	return err
}

// Erase is [Server.Erase].
func (c *Client) Erase(ctx context.Context, id, who string) (n int64, err error) {
	return call[int64](ctx, c, id, "erase", idArgs{ID: who}, decidePatience)
}

// Undo is [Server.Undo].
func (c *Client) Undo(ctx context.Context, id string) (oswald.Undone, error) {
	u, err := call[oswald.Undone](ctx, c, id, "undo", struct{}{}, decidePatience)
	if err != nil || u.Decision != decisionAccept {
		return u, err
	}
	return call[oswald.Undone](ctx, c, id+".undo", "edit-undo", numberArgs{u.Edit.N}, decidePatience)
}

// Letters is [Server.Letters].
func (c *Client) Letters(ctx context.Context, id string, spam bool) ([]oswald.Letter, error) {
	return call[[]oswald.Letter](ctx, c, id, "letters", lettersArgs{spam}, askPatience)
}

// Letter is [Server.Letter].
func (c *Client) Letter(ctx context.Context, id string, n int64) (oswald.Letter, error) {
	return call[oswald.Letter](ctx, c, id, "letter", numberArgs{n}, askPatience)
}

// Edits is [Server.Edits].
func (c *Client) Edits(ctx context.Context, id string) ([]oswald.Edit, error) {
	return call[[]oswald.Edit](ctx, c, id, "edits", struct{}{}, askPatience)
}

// Edit is [Server.Edit].
func (c *Client) Edit(ctx context.Context, id string, n int64) (oswald.Edit, error) {
	return call[oswald.Edit](ctx, c, id, "edit-show", numberArgs{n}, askPatience)
}

// Reject is [Server.Reject].
func (c *Client) Reject(ctx context.Context, id string, n int64) (oswald.Edit, error) {
	return call[oswald.Edit](ctx, c, id, "edit-reject", numberArgs{n}, decidePatience)
}

// Accept is [Server.Accept].
func (c *Client) Accept(ctx context.Context, id string, n int64, progress func(string)) (oswald.Edit, oswald.Published, error) {
	raw, err := c.caller.Call(ctx, ipc.Command{ID: id, Peer: c.peer, Verb: "edit-accept", Args: numberArgs{n}, Deadline: time.Now().Add(decidePatience)}, progress)
	if err != nil {
		return oswald.Edit{}, oswald.Published{}, err
	}
	var a accepted
	if err := json.Unmarshal(raw, &a); err != nil {
		return oswald.Edit{}, oswald.Published{}, oswald.Wrap(err, oswald.Internal, "The comment server's answer could not be read.")
	}
	return a.Edit, a.Page, nil
}

type textArgs struct {
	Text string `json:"text"`
}

type lettersArgs struct {
	Spam bool `json:"spam,omitempty"`
}

type idArgs struct {
	ID       string   `json:"id"`
	Standing Standing `json:"standing,omitempty"`
}

type accepted struct {
	Edit oswald.Edit
	Page oswald.Published
}

// Verbs is how another host commands s.
func Verbs(s *Server) map[string]ipc.Handler {
	list := verbs(s)
	if !s.shared {
		return list
	}
	for verb, h := range list {
		if h.Tx == nil {
			continue
		}
		// The bus keeps its records in another database than ours, so the effect is a
		// transaction of its own, which happens once by the command's name.
		effect := h.Tx
		h.Tx = func(ctx context.Context, _ *sql.Tx, c ipc.Call) (any, error) {
			tx, err := s.db.BeginTx(ctx, nil)
			if err != nil {
				return nil, err
			}
			defer tx.Rollback() // harmless after Commit
			out, err := effect(ctx, tx, c)
			if err != nil {
				return nil, err
			}
			return out, tx.Commit()
		}
		list[verb] = h
	}
	return list
}

func verbs(s *Server) map[string]ipc.Handler {
	return map[string]ipc.Handler{
		"comments": {Run: func(ctx context.Context, c ipc.Call) (any, error) {
			a, err := arguments[pageArgs](c)
			if err != nil {
				return nil, err
			}
			list, err := s.List(ctx, c.ID, a.Page)
			return fitList(list), err
		}},
		"comment": {Run: func(ctx context.Context, c ipc.Call) (any, error) {
			a, err := arguments[numberArgs](c)
			if err != nil {
				return nil, err
			}
			one, err := s.Get(ctx, c.ID, a.N)
			return fitOne(one, resultBytes), err
		}},
		"decide": {
			Tx: func(ctx context.Context, tx *sql.Tx, c ipc.Call) (any, error) {
				a, err := arguments[decideArgs](c)
				if err != nil {
					return nil, err
				}
				one, err := s.DecideTx(ctx, tx, c.ID, a.N, a.Decision)
				return fitOne(one, resultBytes), err
			},
			After: func(c ipc.Call) {
				if a, err := arguments[decideArgs](c); err == nil {
					ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
					defer cancel()
					s.Decided(ctx, a.N)
				}
			},
		},
		"spam-why": {Run: func(ctx context.Context, c ipc.Call) (any, error) {
			a, err := arguments[numberArgs](c)
			if err != nil {
				return nil, err
			}
			why, err := s.Why(ctx, c.ID, a.N)
			return fitWhy(why), err
		}},
		"spam-stats": {Run: func(ctx context.Context, c ipc.Call) (any, error) {
			return s.Stats(ctx, c.ID)
		}},
		"spam-retrain": {Run: func(ctx context.Context, c ipc.Call) (any, error) {
			return s.Retrain(ctx, c.ID)
		}},
		"spam-test": {Run: func(ctx context.Context, c ipc.Call) (any, error) {
			a, err := arguments[textArgs](c)
			if err != nil {
				return nil, err
			}
			why, err := s.Test(ctx, c.ID, a.Text)
			return fitWhy(why), err
		}},
		"identity": {Run: func(ctx context.Context, c ipc.Call) (any, error) {
			a, err := arguments[idArgs](c)
			if err != nil {
				return nil, err
			}
			return s.Identity(ctx, c.ID, a.ID)
		}},
		"standing": {
			Tx: func(ctx context.Context, tx *sql.Tx, c ipc.Call) (any, error) {
				a, err := arguments[idArgs](c)
				if err != nil {
					return nil, err
				}
				return s.SetStandingTx(ctx, tx, c.ID, a.ID, a.Standing)
			},
			After: func(ipc.Call) { s.poke() },
		},
		"erase": {Run: func(ctx context.Context, c ipc.Call) (any, error) {
			a, err := arguments[idArgs](c)
			if err != nil {
				return nil, err
			}
			return s.Erase(ctx, c.ID, a.ID)
		}},
		"undo": {
			Tx: func(ctx context.Context, tx *sql.Tx, c ipc.Call) (any, error) {
				u, err := s.UndoTx(ctx, tx, c.ID)
				u.Comment = fitOne(u.Comment, resultBytes/2)
				return u, err
			},
			After: func(c ipc.Call) {
				ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
				defer cancel()
				s.Undid(ctx, c.ID)
			},
		},
		"letters": {Run: func(ctx context.Context, c ipc.Call) (any, error) {
			a, err := arguments[lettersArgs](c)
			if err != nil {
				return nil, err
			}
			list, err := s.Letters(ctx, c.ID, a.Spam)
			for len(list) > 0 && jsonSize(list) > resultBytes {
				list = list[:len(list)-1]
			}
			return list, err
		}},
		"letter": {
			Tx: func(ctx context.Context, tx *sql.Tx, c ipc.Call) (any, error) {
				a, err := arguments[numberArgs](c)
				if err != nil {
					return nil, err
				}
				l, err := s.LetterTx(ctx, tx, a.N)
				for keep := 6000; keep > 1 && jsonSize(l) > resultBytes; keep = keep * 3 / 4 {
					l.Text = shorten(l.Text, keep)
				}
				return l, err
			},
			After: func(ipc.Call) { s.poke() },
		},
		"edits": {Run: func(ctx context.Context, c ipc.Call) (any, error) {
			list, err := s.Edits(ctx, c.ID)
			for len(list) > 0 && jsonSize(list) > resultBytes {
				list = list[:len(list)-1]
			}
			return list, err
		}},
		"edit-show": {Run: func(ctx context.Context, c ipc.Call) (any, error) {
			a, err := arguments[numberArgs](c)
			if err != nil {
				return nil, err
			}
			e, err := s.Edit(ctx, c.ID, a.N)
			for keep := 6000; keep > 1 && jsonSize(e) > resultBytes; keep = keep * 3 / 4 {
				e.Diff = shorten(e.Diff, keep)
			}
			return e, err
		}},
		"edit-accept": {Run: func(ctx context.Context, c ipc.Call) (any, error) {
			a, err := arguments[numberArgs](c)
			if err != nil {
				return nil, err
			}
			e, p, err := s.Accept(ctx, c.ID, a.N, c.Progress)
			return accepted{e, fitPage(p)}, err
		}},
		"edit-reject": {
			Tx: func(ctx context.Context, tx *sql.Tx, c ipc.Call) (any, error) {
				a, err := arguments[numberArgs](c)
				if err != nil {
					return nil, err
				}
				sg, err := s.ResolveTx(ctx, tx, c.ID, a.N, false)
				return sg.edit(), err
			},
			After: func(ipc.Call) { s.poke() },
		},
		"edit-undo": {Run: func(ctx context.Context, c ipc.Call) (any, error) {
			a, err := arguments[numberArgs](c)
			if err != nil {
				return nil, err
			}
			u, err := s.UndoEdit(ctx, c.ID, a.N)
			u.Page = fitPage(u.Page)
			return u, err
		}},
	}
}

func arguments[T any](c ipc.Call) (a T, err error) {
	if err := json.Unmarshal(c.Args, &a); err != nil {
		return a, oswald.Wrap(fmt.Errorf("%s: %w", c.Verb, err), oswald.Invalid, "The comment server does not understand this command; is one of the hosts older?")
	}
	return a, nil
}
