// SPDX-License-Identifier: GPL-3.0-or-later

package handlers

import (
	"context"
	"strings"
	"time"

	"oswald"
)

// Rooms is what `rooms`, `join` and `leave` need: the multi-user chats that the bot
// is in. Join and Leave return, in words for the asker, how it is then. Both are
// harmless twice.
type Rooms interface {
	Rooms() []oswald.Part
	Join(ctx context.Context, room string) (string, error)
	Leave(ctx context.Context, room string) (string, error)
}

// joinTime is how long somebody waits who has me join a room. I go on after that.
const joinTime = 20 * time.Second

func (h *Handlers) rooms(context.Context, oswald.Request, []string) (oswald.Reply, error) {
	if h.deps.Rooms == nil {
		return oswald.Reply{}, absent("The chat is")
	}
	list := h.deps.Rooms.Rooms()
	if len(list) == 0 {
		return oswald.Reply{Text: "I am in no room. Invite me to one, or text `join ROOM`."}, nil
	}
	lines := make([]string, len(list))
	for i, p := range list {
		lines[i] = p.String()
	}
	return oswald.Reply{Text: strings.Join(lines, "\n"), Raw: true}, nil // reasons are other people's words
}

func (h *Handlers) join(ctx context.Context, _ oswald.Request, args []string) (oswald.Reply, error) {
	if h.deps.Rooms == nil {
		return oswald.Reply{}, absent("The chat is")
	}
	ctx, cancel := context.WithTimeout(ctx, joinTime)
	defer cancel()
	state, err := h.deps.Rooms.Join(ctx, args[0])
	return oswald.Reply{Text: state, Raw: true}, err
}

func (h *Handlers) leave(ctx context.Context, _ oswald.Request, args []string) (oswald.Reply, error) {
	if h.deps.Rooms == nil {
		return oswald.Reply{}, absent("The chat is")
	}
	text, err := h.deps.Rooms.Leave(ctx, args[0])
	return oswald.Reply{Text: text}, err
}
