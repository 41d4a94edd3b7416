// SPDX-License-Identifier: GPL-3.0-or-later

package xmppserver

import (
	"fmt"
	"strconv"
	"time"

	"oswald"
	"oswald/internal/xmppclient/xmltree"
)

// smState is the stream management of a session (XEP-0198). Counters wrap at 2^32.
type smState struct {
	enabled bool
	id      string      // to resume by; "" if that was not asked for
	in      uint32      // stanzas handled
	sent    uint32      // stanzas written
	acked   uint32      // of them, what the client has confirmed
	unacked []item      // sent - acked of them
	asked   bool        // an <r/> is under way
	timer   *time.Timer // ends the session when nobody resumes it
	patient *time.Timer // cuts the connection when <r/> is not answered
}

// askedLocked notes that an <r/> goes out over c. A client that is gone without a
// word, as phones go, is noticed by its silence, long before TCP gives up.
func (s *Server) askedLocked(sess *session, c *conn) {
	sess.sm.asked = true
	if sess.sm.patient != nil {
		sess.sm.patient.Stop()
	}
	acked := sess.sm.acked
	sess.sm.patient = time.AfterFunc(s.ackTime, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if sess.conn == c && sess.sm.asked && sess.sm.acked == acked {
			s.log.Info("acknowledges nothing", "jid", sess.full, "addr", c.addr)
			c.close()
		}
	})
}

// manageLocked handles the elements of XEP-0198 in a bound session.
func (s *Server) manageLocked(sess *session, e *xmltree.Element) {
	sm := &sess.sm
	switch e.Local {
	case "enable":
		if sm.enabled {
			s.tellLocked(sess, smFailed("unexpected-request"))
			return
		}
		answer := xmltree.New(nsSM, "enabled")
		if r := e.Get("resume"); r == "true" || r == "1" {
			sm.id = oswald.RandomID()
			s.sessions[sm.id] = sess
			answer.Set("id", sm.id).Set("resume", "true").Set("max", strconv.Itoa(int(s.cfg.Resume.Seconds())))
		}
		// What waits in the queue comes before <enabled/>, so it does not count.
		for i := range sess.out {
			sess.out[i].nonza = true
		}
		s.tellLocked(sess, answer)
		sm.enabled = true
	case "r":
		if sm.enabled && !s.faults.NoAck {
			s.tellLocked(sess, xmltree.New(nsSM, "a", "h", strconv.FormatUint(uint64(sm.in), 10)))
		}
	case "a":
		if h, err := strconv.ParseUint(e.Get("h"), 10, 32); sm.enabled && err == nil {
			s.ackLocked(sess, uint32(h))
		}
	case "resume":
		s.tellLocked(sess, smFailed("unexpected-request"))
	}
}

func smFailed(condition string) *xmltree.Element {
	return xmltree.New(nsSM, "failed").Add(xmltree.New("urn:ietf:params:xml:ns:xmpp-stanzas", condition))
}

// ackLocked drops what the client has handled. It reports whether h can be true.
func (s *Server) ackLocked(sess *session, h uint32) bool {
	sm := &sess.sm
	n := h - sm.acked // wraps as the counters do
	if n > sm.sent-sm.acked {
		s.endLocked(sess, "undefined-condition", fmt.Sprintf("You acknowledged %d stanzas, but I sent %d.", h, sm.sent))
		return false
	}
	for _, it := range sm.unacked[:n] {
		sess.bytes -= it.size
	}
	sm.unacked = append([]item(nil), sm.unacked[n:]...)
	sm.acked, sm.asked = h, false
	sess.roomLocked()
	if len(sm.unacked) > 0 && n > 0 && sess.conn != nil {
		s.tellLocked(sess, xmltree.New(nsSM, "r"))
		s.askedLocked(sess, sess.conn)
	}
	return true
}

// hibernateLocked keeps a session that has lost its connection for a while.
func (s *Server) hibernateLocked(sess *session) {
	if sess.room != nil {
		close(sess.room)
		sess.room = nil
	}
	sess.conn = nil
	sess.sm.timer = time.AfterFunc(s.cfg.Resume, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if sess.conn == nil {
			s.endLocked(sess, "", "")
		}
	})
	s.changedLocked()
	if len(sess.out)+len(sess.sm.unacked) > softItems || sess.bytes > softBytes {
		s.endLocked(sess, "", "")
	}
}

// resume gives c the session that e names, or says why not.
func (s *Server) resume(c *conn, acct *account, e *xmltree.Element) (*session, *xmltree.Element) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sess := s.sessions[e.Get("previd")]
	h, err := strconv.ParseUint(e.Get("h"), 10, 32)
	if sess == nil || sess.acct != acct || err != nil || s.faults.NoResume {
		return nil, smFailed("item-not-found")
	}
	sm := &sess.sm
	if uint32(h)-sm.acked > sm.sent-sm.acked {
		return nil, smFailed("item-not-found").Set("h", strconv.FormatUint(uint64(sm.in), 10))
	}
	if old := sess.conn; old != nil { // the client noticed the loss before we did
		old.final = []*xmltree.Element{streamError{"conflict", "The session goes on elsewhere."}.element()}
		old.signal()
	}
	if sm.timer != nil {
		sm.timer.Stop()
	}
	sess.conn, c.sess, sess.flight = nil, sess, nil // nothing may be asked before <resumed/>
	s.ackLocked(sess, uint32(h))
	sess.conn = c
	again := sm.unacked
	sm.unacked, sm.sent, sm.asked = nil, sm.acked, false
	rest := sess.out
	sess.out = nil
	s.tellLocked(sess, xmltree.New(nsSM, "resumed", "previd", sm.id, "h", strconv.FormatUint(uint64(sm.in), 10)))
	for _, it := range again {
		sess.out = append(sess.out, it.late(s.cfg.Domain))
	}
	for _, it := range rest {
		if it.el == nil || it.el.Space != nsSM { // an <r/> of the old connection
			sess.out = append(sess.out, it)
		} else {
			sess.bytes -= it.size
		}
	}
	s.changedLocked()
	s.log.Info("resumed", "jid", sess.full, "addr", c.addr, "again", len(again))
	return sess, nil
}
