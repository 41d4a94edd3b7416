// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"context"

	"oswald"
	"oswald/internal/xmppclient"
)

// tourOwner is the owner's session at the prompt.
type tourOwner struct {
	tour   *tour
	screen *screen
	client *xmppclient.Client
	heard  chan struct{} // closed when nothing more comes of client
}

// signIn begins a session.
func (o *tourOwner) signIn(ctx context.Context) (err error) {
	o.client, err = o.tour.signIn(ctx)
	return err
}

// listen prints what Oswald says unasked, until the session ends.
func (o *tourOwner) listen() {
	o.heard = make(chan struct{})
	go func(messages <-chan xmppclient.Message, heard chan struct{}) {
		defer close(heard)
		for m := range messages {
			if m.Body != "" {
				o.screen.message("", m.Body)
			}
		}
	}(o.client.Messages(), o.heard)
}

func (o *tourOwner) signOut() {
	o.client.Close()
	<-o.heard
}

// tourText is the longest text that is sent; the bot reads no longer one, and
// the server ends the session of whoever sends much more.
const tourText = 64 << 10

// Ask implements conversation. A session that has ended is begun anew.
func (o *tourOwner) Ask(ctx context.Context, text string, before func(string, bool)) (string, error) {
	if len(text) > tourText {
		return "", oswald.Errorf(oswald.Invalid, "That text is too long; Oswald reads up to %d KB.", tourText>>10)
	}
	if o.client.Err() != nil {
		o.signOut()
		client, err := o.tour.signIn(ctx)
		if err != nil {
			return "", err
		}
		o.client = client
		o.listen()
	}
	m, err := o.client.Command(ctx, tryBot, text, func(m xmppclient.Message) {
		if m.Body != "" {
			before(m.Body, m.ChatState == "composing")
		}
	})
	return m.Body, err
}
