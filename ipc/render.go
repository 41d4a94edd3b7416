// SPDX-License-Identifier: GPL-3.0-or-later

package ipc

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"oswald"
)

// publish rewrites the registers that changed or are due.
func (s *session) publish() error {
	var errs []error
	for _, p := range s.peers {
		s.freshKeys(p)
		if p.dirty || time.Since(p.lastPut) >= refresh {
			v, err := s.render(p)
			if err != nil {
				return err
			}
			p.dirty = false // before Put: a change made meanwhile must not wait
			if err := s.n.bus.Put(p.putKey, v); err != nil {
				p.dirty = true
				errs = append(errs, err)
			} else {
				p.lastPut = time.Now()
			}
		}
		s.show(p)
	}
	return errors.Join(errs...)
}

// render writes down all that we have to say to p, within the bounds of the
// wire: what does not fit waits its turn.
func (s *session) render(p *peer) ([]byte, error) {
	p.seq++
	r := register{
		Ver: cut(s.n.version, maxID-3), Inst: s.saved.inst, Boot: s.saved.boot, BN: s.saved.bn, Seq: p.seq,
		T: s.n.now().UnixMilli(), SB: p.msg.BN, F: p.fin, GN: s.grants, HB: p.echo,
	}
	if p.fault != nil {
		r.Err = cut(p.fault.Error(), maxNote)
	}
	r.O = p.renderOffers()
	r.It = p.renderItems()
	body, err := encode(r)
	if err != nil {
		return nil, fmt.Errorf("render: %w", err)
	}
	return seal(p.out, p.putKey, body), nil
}

// renderOffers puts granted commands first: one that dropped out would lose its
// claim. The others keep room for their grant.
func (p *peer) renderOffers() (parts []json.RawMessage) {
	size := 0
	for _, pass := range [...]state{granted, offered} {
		for _, t := range p.open {
			if t.State != pass {
				continue
			}
			b, err := encode(offer{ID: t.ID, V: t.Verb, A: t.Args, I: t.Repeat, G: t.Nonce, X: t.State == granted && t.stop})
			if err != nil {
				continue // made of JSON, so it is JSON
			}
			cost := len(b) + 1
			if pass == offered {
				cost += grantRoom
			}
			if len(parts) == window || size+cost > maxOffers {
				return parts
			}
			size += cost
			parts = append(parts, b)
		}
	}
	return parts
}

// renderItems puts first what the sender waits for to go on, then ends in the
// order in which they came, those it still asks for before others.
func (p *peer) renderItems() (parts []json.RawMessage) {
	list := make([]*job, 0, len(p.jobs))
	for _, j := range p.jobs {
		if j.Phase != fresh {
			list = append(list, j)
		}
	}
	rank := func(j *job) int64 {
		switch {
		case j.Phase == claimed, j.Phase == started, j.Phase == declined:
			return 0
		case p.offers[j.ID]:
			return 1
		}
		return 2
	}
	slices.SortFunc(list, func(a, b *job) int {
		if r := rank(a) - rank(b); r != 0 {
			return int(r)
		}
		return int(a.order - b.order)
	})
	size := 0
	for _, j := range list {
		b, err := encode(itemOf(j))
		if err != nil {
			continue // made of JSON, so it is JSON
		}
		if size += len(b) + 1; size > maxItems {
			break
		}
		parts = append(parts, b)
	}
	return parts
}

func itemOf(j *job) item {
	it := item{ID: j.ID}
	switch j.Phase {
	case claimed:
		it.St, it.N = itClaim, j.Nonce
	case started:
		it.St, it.P = itRun, j.note
	case finished:
		it.St, it.R, it.E = itDone, j.Out.Result, j.Out.Err
	case dubious:
		it.St = itDoubt
	case declined:
		it.St, it.N, it.E = itRefused, j.Nonce, j.Out.Err
	}
	return it
}

// show lets others see how the peer is.
func (s *session) show(p *peer) {
	h := oswald.Host{Name: p.name, Version: p.msg.Ver, Open: len(p.open)}
	if !p.seenAt.IsZero() {
		h.Offset = time.UnixMilli(p.msg.T).Sub(s.n.now().Add(-time.Since(p.seenAt))).Round(time.Second)
	}
	switch {
	case errors.Is(p.fault, errMAC):
		h.Note = "has another key for us: run oswald pair " + p.name
	case p.fault != nil:
		h.Note = "cannot be understood: " + p.fault.Error()
	case p.seenAt.IsZero():
		h.Note = "not heard of yet"
	case p.msg.Err != "":
		h.Note = "cannot understand us: " + p.msg.Err
	case p.twins > 2:
		h.Note = fmt.Sprintf("there are two processes called %s", p.name)
	case p.link.fault != nil:
		h.Note = "its key cannot be read: " + filepath.Base(p.path)
	case len(p.ring.next) > 0:
		h.Note = "its new key waits: run oswald pair --code there"
	}
	if p.seen {
		p.seen = false
		h.Seen = s.n.now()
	} else if h == p.host {
		return
	}
	s.n.board.set(h)
	h.Seen = time.Time{}
	p.host = h
}
