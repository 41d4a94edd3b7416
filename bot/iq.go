// SPDX-License-Identifier: GPL-3.0-or-later

package bot

import (
	"context"
	"errors"
	"sync"
	"time"

	"oswald"
	"oswald/internal/xmppclient/xmltree"
)

const nsPing = "urn:xmpp:ping"

// iqMax bounds the questions that wait for an answer.
const iqMax = 100

// iqError is an answer of type error (RFC 6120 section 8.3).
type iqError struct{ condition string }

// Error names the condition.
func (e *iqError) Error() string { return "the server answers " + e.condition }

// An iqTable has the questions that wait for an answer. An
// answer counts only if both its id and its sender are right: anybody may send
// one. Safe for concurrent use.
type iqTable struct {
	mu   sync.Mutex
	open map[string]question
	over bool
}

// A question waits for the answer of one address: "" is our account or its server.
type question struct {
	to string
	ch chan *xmltree.Element
}

func (q *iqTable) add(id, to string) (chan *xmltree.Element, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.over || len(q.open) >= iqMax {
		return nil, errors.New("no more questions to the server now")
	}
	if q.open == nil {
		q.open = make(map[string]question)
	}
	ch := make(chan *xmltree.Element, 1)
	q.open[id] = question{to, ch}
	return ch, nil
}

func (q *iqTable) remove(id string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.open, id)
}

// answer hands e, which came from from, to whoever waits for it.
func (q *iqTable) answer(e *xmltree.Element, from string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	id := e.Get("id")
	if w, ok := q.open[id]; ok && w.to == from {
		delete(q.open, id)
		w.ch <- e
	}
}

// end lets nobody wait any more.
func (q *iqTable) end() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.over = true
	for _, w := range q.open {
		close(w.ch)
	}
	q.open = nil
}

// ask sends payload to our own server and waits for the answer, for the patience
// of the configuration at most. Never call it from the handler.
func (s *session) ask(ctx context.Context, typ string, payload *xmltree.Element) (*xmltree.Element, error) {
	return s.askAt(ctx, "", typ, payload)
}

// askAt is ask for another address, which must be in its normal form.
func (s *session) askAt(ctx context.Context, to, typ string, payload *xmltree.Element) (*xmltree.Element, error) {
	id := oswald.RandomID()
	from := to
	if to == s.b.own.Domainpart() {
		from = ""
	}
	ch, err := s.iqs.add(id, from)
	if err != nil {
		return nil, err
	}
	defer s.iqs.remove(id)
	s.b.out.pass(string(xmltree.New(nsClient, "iq", "type", typ, "id", id, "to", to).Add(payload).AppendXML(nil, nsClient)))
	t := time.NewTimer(s.b.cfg.Patience)
	defer t.Stop()
	select {
	case e, ok := <-ch:
		switch {
		case !ok:
			return nil, errors.New("the session has ended")
		case e.Get("type") == "error":
			return nil, &iqError{conditionOf(e)}
		}
		return e, nil
	case <-t.C:
		return nil, errSilent
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// conditionOf names the condition of a stanza of type error.
func conditionOf(e *xmltree.Element) string {
	for _, c := range e.Child(nsClient, "error").Children() {
		if c.Space == nsStanzas && c.Local != "text" {
			return c.Local
		}
	}
	return "undefined-condition"
}

// ours reports whether from may speak for our own account: the library has made
// our own bare JID empty.
func (s *session) ours(from string) bool {
	return from == "" || from == s.b.own.String()
}
