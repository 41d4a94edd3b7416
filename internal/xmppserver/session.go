// SPDX-License-Identifier: GPL-3.0-or-later

package xmppserver

import (
	"errors"
	"slices"
	"strings"
	"time"

	"oswald"
	"oswald/internal/xmppclient/xmltree"
)

// session is one resource of an account. It outlives its connection when the
// client has asked for that (XEP-0198). Server.mu guards all of it.
type session struct {
	acct           *account
	resource, full string
	conn           *conn // nil while the session waits to be resumed
	gone           bool

	presence *xmltree.Element // the last one that made it available; nil if it is not
	priority int
	roster   bool // has asked for the roster: gets pushes
	caps     caps
	carbons  bool

	out   []item
	bytes int           // of out and unacked
	room  chan struct{} // closed when out has room; nil while it has
	// flight is what the writer has taken and not yet written, when it would be
	// lost with the connection: unacked holds it otherwise.
	flight []item

	sm smState
}

// item is one element of a queue, or of the messages that wait for their account.
type item struct {
	el    *xmltree.Element
	raw   []byte // instead of el: for tests, as it is
	size  int
	at    time.Time // when it came
	keep  bool      // a message that must not get lost with the session
	nonza bool      // not a stanza: not counted by XEP-0198
}

// bind reads until the client has a resource or has resumed a session.
func (c *conn) bind(acct *account) (*session, error) {
	for {
		e, _, err := c.next()
		if err != nil {
			return nil, err
		}
		switch {
		case e.Is(nsSM, "resume"):
			sess, answer := c.s.resume(c, acct, e)
			if sess != nil {
				return sess, nil
			}
			if err := c.put(answer); err != nil {
				return nil, err
			}
		case e.Is(nsClient, "iq") && e.Get("type") == "set" && e.Child(nsBind, "bind") != nil:
			resource := strings.TrimSpace(e.Child(nsBind, "bind").Child(nsBind, "resource").Text())
			sess, err := c.s.attach(c, acct, resource)
			res := xmltree.New(nsClient, "iq", "id", e.Get("id"), "type", "result")
			if err != nil {
				res.Set("type", "error").Add(stanzaError("cancel", "resource-constraint"))
			} else {
				res.Add(xmltree.New(nsBind, "bind").Add(xmltree.New(nsBind, "jid").AddText(sess.full)))
			}
			// The queue is not written yet, so this comes first.
			if perr := c.put(res); perr != nil || err != nil {
				if sess != nil {
					c.s.detach(c, true)
				}
				return nil, errors.Join(err, perr)
			}
			return sess, nil
		case e.Is(nsClient, "iq") && (e.Get("type") == "get" || e.Get("type") == "set"):
			res := xmltree.New(nsClient, "iq", "id", e.Get("id"), "type", "error").Add(stanzaError("auth", "not-authorized"))
			if err := c.put(res); err != nil {
				return nil, err
			}
		default:
			return nil, streamError{"not-authorized", "Bind a resource first."}
		}
	}
}

// attach makes a session. One with the same resource gets a conflict: whoever
// logs in later is the one whose connection works (RFC 6120 section 7.7.2.2).
func (s *Server) attach(c *conn, acct *account, resource string) (*session, error) {
	if _, err := parseJID(acct.bare + "/" + resource); err != nil {
		resource = oswald.RandomID()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, o := range acct.sessions {
		if o.resource == resource {
			s.endLocked(o, "conflict", "The same resource has logged in elsewhere.")
			break
		}
	}
	if len(acct.sessions) >= maxSessions {
		return nil, errors.New("too many sessions of one account")
	}
	sess := &session{acct: acct, resource: resource, full: acct.bare + "/" + resource, conn: c}
	acct.sessions = append(acct.sessions, sess)
	c.sess = sess
	s.changedLocked()
	s.log.Info("logged in", "jid", sess.full, "addr", c.addr)
	return sess, nil
}

func (s *Server) changedLocked() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// pushLocked puts it into the queue of sess.
func (s *Server) pushLocked(sess *session, it item) {
	if sess.gone {
		return
	}
	sess.out = append(sess.out, it)
	sess.bytes += it.size
	n := len(sess.out) + len(sess.sm.unacked)
	if sess.conn == nil {
		if n > softItems || sess.bytes > softBytes {
			s.endLocked(sess, "", "")
		}
		return
	}
	if n > hardItems || sess.bytes > hardBytes {
		s.endLocked(sess, "resource-constraint", "You read too slowly.")
		return
	}
	if n > softItems || sess.bytes > softBytes {
		if sess.room == nil {
			sess.room = make(chan struct{})
		}
		if !slices.ContainsFunc(s.slow, func(c congested) bool { return c.sess == sess }) {
			s.slow = append(s.slow, congested{sess, sess.room})
		}
	}
	sess.conn.signal()
}

// tellLocked queues elements of our own making.
func (s *Server) tellLocked(sess *session, els ...*xmltree.Element) {
	for _, e := range els {
		s.pushLocked(sess, item{el: e, size: 512, nonza: e.Space != nsClient})
	}
}

func (sess *session) roomLocked() {
	if sess.room != nil && len(sess.out)+len(sess.sm.unacked) <= softItems && sess.bytes <= softBytes {
		close(sess.room)
		sess.room = nil
	}
}

func (c *conn) signal() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// take empties the queue for the writer of c.
func (s *Server) take(c *conn) (batch []item, final []*xmltree.Element) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sess := c.sess
	if sess.conn == c {
		batch, sess.out = sess.out, nil
		stanzas := false
		for _, it := range batch {
			if sess.sm.enabled && !it.nonza {
				sess.sm.unacked = append(sess.sm.unacked, it)
				sess.sm.sent++
				stanzas = true
			} else {
				sess.bytes -= it.size
				if it.keep {
					sess.flight = append(sess.flight, it)
				}
			}
		}
		if stanzas && !sess.sm.asked {
			batch = append(batch, item{el: xmltree.New(nsSM, "r")})
			s.askedLocked(sess, c)
		}
		sess.roomLocked()
	}
	return batch, c.final
}

// sent forgets what take kept until it was written.
func (s *Server) sent(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.sess.conn == c {
		c.sess.flight = nil
	}
}

// detach parts a connection that has ended from its session, which ends too unless
// it may be resumed.
func (s *Server) detach(c *conn, clean bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sess := c.sess
	if sess.conn != c {
		return // it has ended, or goes on elsewhere
	}
	if !clean && sess.sm.id != "" {
		c.close()
		s.hibernateLocked(sess)
		return
	}
	if clean {
		s.endLocked(sess, "", "")
		return
	}
	c.close()
	s.endLocked(sess, "", "")
}

// endLocked ends a session: others see it go, what it has not got goes to the
// account's other sessions or waits for the next. The connection is told why,
// unless condition is "", and closed.
func (s *Server) endLocked(sess *session, condition, text string) {
	if sess.gone {
		return
	}
	sess.gone = true
	if sess.sm.id != "" {
		delete(s.sessions, sess.sm.id)
	}
	for _, t := range []*time.Timer{sess.sm.timer, sess.sm.patient} {
		if t != nil {
			t.Stop()
		}
	}
	acct := sess.acct
	if i := slices.Index(acct.sessions, sess); i >= 0 {
		acct.sessions = slices.Delete(acct.sessions, i, i+1)
	}
	if c := sess.conn; c != nil {
		c.final = []*xmltree.Element{}
		if condition != "" {
			c.final = append(c.final, streamError{condition, text}.element())
		}
		sess.conn = nil
		c.signal()
	}
	if sess.room != nil {
		close(sess.room)
		sess.room = nil
	}
	if sess.presence != nil {
		sess.presence = nil
		s.announceLocked(sess, xmltree.New(nsClient, "presence", "type", "unavailable"))
	}
	s.changedLocked()
	left := slices.Concat(sess.sm.unacked, sess.flight, sess.out)
	sess.sm.unacked, sess.flight, sess.out = nil, nil, nil
	for _, it := range left {
		if it.keep {
			s.deliverLocked(acct, it.late(s.cfg.Domain))
		}
	}
	s.log.Info("session ended", "jid", sess.full, "why", condition)
}

// late returns it with the time at which it came (XEP-0203), if it has none yet.
func (it item) late(domain string) item {
	if it.el != nil && it.el.Local != "iq" && it.el.Child("urn:xmpp:delay", "delay") == nil {
		it.el = it.el.Copy().Add(delay(domain, it.at))
	}
	return it
}

func delay(from string, at time.Time) *xmltree.Element {
	return xmltree.New("urn:xmpp:delay", "delay", "from", from, "stamp", stamp(at))
}

// stamp writes a time as XEP-0082 has it.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }
