// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"context"

	"oswald"
)

// chatRooms is the bot as the command table sees it, which is made first.
type chatRooms struct{ *botRole }

// Rooms implements handlers.Rooms.
func (c chatRooms) Rooms() []oswald.Part { return c.bot.Rooms() }

// Join implements handlers.Rooms.
func (c chatRooms) Join(ctx context.Context, room string) (string, error) {
	return c.bot.Join(ctx, room)
}

// Leave implements handlers.Rooms.
func (c chatRooms) Leave(ctx context.Context, room string) (string, error) {
	return c.bot.Leave(ctx, room)
}
