// SPDX-License-Identifier: GPL-3.0-or-later

package bot

import (
	"context"
	"errors"
	"time"

	"oswald/internal/xmppclient/xmltree"
)

// pingRoom finds out whether we are still in the room by pinging ourselves
// through it (XEP-0410). A room need not say that it has lost us.
func (rs *rooms) pingRoom(ctx context.Context, s *session, r *room) {
	rs.mu.Lock()
	self := r.jid + "/" + r.nick
	rs.mu.Unlock()
	_, err := s.askAt(ctx, self, "get", xmltree.New(nsPing, "ping"))
	var info *xmltree.Element
	if err == nil && r.stale(rs) {
		info, _ = s.askAt(ctx, r.jid, "get", xmltree.New(nsInfo, "query"))
	}
	rs.mu.Lock()
	defer rs.mu.Unlock()
	defer rs.signal()
	r.busy = false
	if ctx.Err() != nil || rs.by[r.jid] != r || r.state != inside || self != r.jid+"/"+r.nick {
		return
	}
	var refused *iqError
	switch {
	case err == nil:
		rs.aliveLocked(r, info)
	case errors.As(err, &refused):
		switch refused.condition { // XEP-0410 section 3
		case "service-unavailable", "feature-not-implemented", "item-not-found":
			rs.aliveLocked(r, nil)
		case "remote-server-not-found", "remote-server-timeout":
			rs.silentLocked(r)
		default:
			rs.lostLocked(r, soon, "it has lost me without a word")
		}
	default:
		rs.silentLocked(r)
	}
}

// stale reports whether the room's features are to be looked at again, and notes
// that they are.
func (r *room) stale(rs *rooms) bool {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	was := r.changed
	r.changed = false
	return was
}

func (rs *rooms) aliveLocked(r *room, info *xmltree.Element) {
	now := time.Now()
	r.missed, r.heard, r.due = 0, now, now.Add(rs.b.cfg.RoomPing)
	if info != nil {
		r.features(info)
	}
}

// silentLocked handles a ping without an answer: the room's server may be slow, or
// gone. After two of them we try to enter afresh.
func (rs *rooms) silentLocked(r *room) {
	if r.missed++; r.missed >= 2 {
		rs.lostLocked(r, soon, "its server does not answer")
		return
	}
	r.heard, r.due = time.Time{}, time.Now().Add(rs.b.cfg.Patience)
}
