// SPDX-License-Identifier: GPL-3.0-or-later

package xmppserver

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"oswald/internal/xmppclient/xmltree"
)

// Faults make the server misbehave, for tests of its clients. The zero value is
// good behaviour.
type Faults struct {
	NoAck    bool          // count and acknowledge no stanza (XEP-0198)
	NoResume bool          // refuse to resume any session
	Freeze   bool          // read and write nothing, as a stopped process would
	Delay    time.Duration // handle each element of a client so much later
	// Lose is asked for each stanza that a client sends, after it is counted; true
	// throws it away. It is called with the server locked and must not call it.
	Lose func(from string, e *xmltree.Element) bool
}

// SetFaults takes effect with the next stanza, in all sessions.
func (s *Server) SetFaults(f Faults) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = f
	switch {
	case f.Freeze && s.thaw == nil:
		s.thaw = make(chan struct{})
	case !f.Freeze && s.thaw != nil:
		close(s.thaw)
		s.thaw = nil
	}
}

// hold makes c wait while a fault says so, its reader also for Delay. It reports
// whether c still lives.
func (s *Server) hold(c *conn, reader bool) bool {
	s.mu.Lock()
	thaw, delay := s.thaw, s.faults.Delay
	s.mu.Unlock()
	if thaw != nil {
		select {
		case <-thaw:
		case <-c.quit:
			return false
		}
	}
	if delay > 0 && reader {
		t := time.NewTimer(delay)
		defer t.Stop()
		select {
		case <-t.C:
		case <-c.quit:
			return false
		}
	}
	return true
}

// Drop cuts the connections of jid, bare or full, without a word, as a network
// that fails does. It returns how many there were. Sessions that may be resumed
// stay.
func (s *Server) Drop(jid string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, sess := range s.matchLocked(jid) {
		if sess.conn != nil {
			sess.conn.close()
			n++
		}
	}
	return n
}

// Kick ends the sessions of jid, bare or full, with a stream error.
func (s *Server) Kick(jid, condition string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := s.matchLocked(jid)
	for _, sess := range all {
		s.endLocked(sess, condition, "")
	}
	return len(all)
}

// Inject writes xml, well formed or not, into the streams of jid, bare or full,
// between two stanzas. XEP-0198 does not count it.
func (s *Server) Inject(jid, xml string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := s.matchLocked(jid)
	if len(all) == 0 {
		return fmt.Errorf("%s has no session", jid)
	}
	for _, sess := range all {
		s.pushLocked(sess, item{raw: []byte(xml), size: len(xml), nonza: true})
	}
	return nil
}

// Deliver routes a stanza to jid, bare or full, as if it came from another server:
// counted by XEP-0198, its from untouched, neither archived nor kept.
func (s *Server) Deliver(jid string, e *xmltree.Element) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := s.matchLocked(jid)
	if len(all) == 0 {
		return fmt.Errorf("%s has no session", jid)
	}
	for _, sess := range all {
		s.pushLocked(sess, item{el: e, size: sizeOf(e), at: s.now()})
	}
	return nil
}

func (s *Server) matchLocked(jid string) []*session {
	bare, resource, full := strings.Cut(jid, "/")
	local, _, _ := strings.Cut(bare, "@")
	a := s.accounts[local]
	if a == nil || a.bare != bare {
		return nil
	}
	all := slices.Clone(a.sessions)
	if full {
		all = slices.DeleteFunc(all, func(o *session) bool { return o.resource != resource })
	}
	return all
}

// Session is a session as Sessions shows it.
type Session struct {
	JID       string // full
	Connected bool   // false while it waits to be resumed
	Available bool   // has sent presence
	Resumable bool
	Queued    int // elements not yet written
	Unacked   int // stanzas written and not confirmed (XEP-0198)
}

// Sessions returns all sessions of the account bare.
func (s *Server) Sessions(bare string) []Session {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []Session
	for _, o := range s.matchLocked(bare) {
		all = append(all, Session{o.full, o.conn != nil, o.presence != nil, o.sm.id != "", len(o.out), len(o.sm.unacked)})
	}
	return all
}

// Waiting returns how many messages are kept for bare until it comes online.
func (s *Server) Waiting(bare string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	local, _, _ := strings.Cut(bare, "@")
	if a := s.accounts[local]; a != nil {
		return len(a.offline)
	}
	return 0
}

// WaitOnline waits until bare has a connected session that is available.
func (s *Server) WaitOnline(ctx context.Context, bare string) error {
	return s.waitFor(ctx, bare, true)
}

// WaitOffline waits until bare has none.
func (s *Server) WaitOffline(ctx context.Context, bare string) error {
	return s.waitFor(ctx, bare, false)
}

func (s *Server) waitFor(ctx context.Context, bare string, want bool) error {
	for {
		s.mu.Lock()
		changed := s.changed
		got := slices.ContainsFunc(s.matchLocked(bare), func(o *session) bool { return o.conn != nil && o.presence != nil })
		s.mu.Unlock()
		if got == want {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("waiting for %s: %w", bare, ctx.Err())
		}
	}
}
