// SPDX-License-Identifier: GPL-3.0-or-later

package bot

import (
	"context"
	"errors"
	"time"

	"mellium.im/xmpp"

	"oswald/internal/xmppclient/xmltree"
)

// watch asks the server at intervals whether it is there (XEP-0199). A server
// that is stopped, or a net that swallows all packets, shows in no other way.
// Halfway between two questions it writes a space (RFC 6120 section 4.6.1): boxes
// on the way that forget a quiet connection remember it, and the kernel finds out
// whether anybody acknowledges it.
func (s *session) watch(ctx context.Context) {
	t := time.NewTicker(s.b.cfg.Ping/2 + 1)
	defer t.Stop()
	for tick := 0; ; tick++ {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
		if tick%2 == 0 {
			if err := s.space(); err != nil {
				s.conn.closeFor(err)
				return
			}
		} else if !s.answers(ctx) {
			s.conn.closeFor(errSilent)
			return
		}
	}
}

// answers reports whether the server answers one of two pings, or says anything at
// all meanwhile: one that works through a long queue is not dead.
func (s *session) answers(ctx context.Context) bool {
	for range 2 {
		before := s.conn.heard.Load()
		_, err := s.ask(ctx, "get", xmltree.New(nsPing, "ping"))
		var refused *iqError
		if err == nil || errors.As(err, &refused) || s.conn.heard.Load() != before || ctx.Err() != nil {
			return true // a refusal is a sign of life too
		}
	}
	return false
}

// space writes one between two stanzas.
func (s *session) space() error {
	lock := s.x.TokenWriter()
	defer lock.Close()
	if s.x.State()&xmpp.OutputStreamClosed != 0 {
		return nil // we are closing
	}
	_, err := s.x.Conn().Write([]byte(" "))
	return err
}
