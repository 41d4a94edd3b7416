// SPDX-License-Identifier: GPL-3.0-or-later

package handlers

import (
	"context"
	"strings"

	"oswald"
)

// acks are the words and pictures that acknowledge the alert they answer.
var acks = map[string]bool{"ack": true, "ok": true, "okay": true, "yes": true, "y": true, "seen": true, "thanks": true, "👍": true, "✅": true, "👌": true}

// Answer carries out a short answer or a reaction to the alert with this label:
// req.Text holds the word or the picture. Anything that is no such word is
// carried out as the command that it is.
func (h *Handlers) Answer(ctx context.Context, req oswald.Request, alertLabel string) (oswald.Reply, error) {
	word := strings.ToLower(strings.TrimSpace(req.Text))
	word = strings.TrimRight(word, trimmed)
	if acks[word] {
		req.Text = "ack " + alertLabel
	}
	return h.Dispatch(ctx, req)
}
