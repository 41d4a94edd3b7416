// SPDX-License-Identifier: GPL-3.0-or-later

package bot

import (
	"log/slog"
	"time"

	"oswald/internal/backoff"
)

// cut ends the connection as a net that fails does.
func (b *Bot) cut() {
	if s := b.live.Load(); s != nil {
		s.conn.Conn.Close()
	}
}

// sessions returns how many there have been.
func (b *Bot) sessions() int { return int(b.count.Load()) }

// resumed reports whether the session that lives has been resumed.
func (b *Bot) resumed() bool {
	s := b.live.Load()
	return s != nil && s.again
}

// hurryRooms shortens the pauses between tries to enter a room. Call it before Run.
func (b *Bot) hurryRooms() {
	b.born = b.born.Add(skew + time.Second) // what earlier tests have sent to this account is not for this bot
	b.rooms.retry = backoff.Backoff{Min: 50 * time.Millisecond, Max: 400 * time.Millisecond}
	for _, r := range b.rooms.by {
		r.back = b.rooms.retry
	}
}

func testLog() *slog.Logger { return slog.New(slog.DiscardHandler) }
