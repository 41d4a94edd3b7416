// SPDX-License-Identifier: GPL-3.0-or-later

package bot

import (
	"time"

	"mellium.im/xmpp"
)

// farewellTime is how long a session that ends waits for the server to acknowledge
// what is on its way.
const farewellTime = 700 * time.Millisecond

// farewell settles accounts with the server before the stream is closed (XEP-0198):
// what we have handled it need not bring again, and what it has we need not send
// again at the next start. It writes to a connection that may be dead, so it runs
// beside what has a deadline.
func (s *session) farewell() {
	if !s.sm {
		return
	}
	h, _ := s.b.intake.handled()
	buf := append(ackOf(h).AppendXML(nil, nsClient), "<r xmlns='"+nsSM+"'/>"...)
	lock := s.x.TokenWriter()
	closed := s.x.State()&xmpp.OutputStreamClosed != 0
	if !closed {
		_, err := s.x.Conn().Write(buf)
		closed = err != nil
	}
	lock.Close()
	if closed {
		return
	}
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(farewellTime); s.b.out.underWay() > 0 && time.Now().Before(end); {
		<-tick.C
	}
}

// underWay returns how many items are written and not acknowledged.
func (o *outbox) underWay() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.written
}
