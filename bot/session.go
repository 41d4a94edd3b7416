// SPDX-License-Identifier: GPL-3.0-or-later

package bot

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"mellium.im/xmpp"

	"oswald/internal/secret"
)

const (
	loginTime = 30 * time.Second
	closeTime = time.Second
	burst     = 32                    // stanzas in one write
	askAfter  = 50 * time.Millisecond // of silence, for an acknowledgement
	askMost   = 16                    // stanzas that go out without asking
)

var errSilent = errors.New("the server does not answer")

// A session is one connection, from login to its end.
type session struct {
	b       *Bot
	ctx     context.Context // ends with the session
	x       *xmpp.Session
	conn    *safeConn
	sm      bool          // the server acknowledges (XEP-0198)
	again   bool          // resumed
	sent    atomic.Uint32 // stanzas written; changes under the library's write lock
	owed    atomic.Bool   // the server waits for an <a/> that says more than the last
	iqs     iqTable
	files   atomic.Pointer[depot] // where they are put, once that is known
	visible chan struct{}         // closed when the server knows that we are here
	// What is asked of the archive, and whether nothing can be missing any more
	// before the newest message.
	query    atomic.Pointer[string]
	caughtUp atomic.Bool
}

// session connects, logs in and stays until the connection or ctx ends. It
// returns why it ended.
func (b *Bot) session(ctx context.Context) error {
	password, err := secret.Read(b.cfg.PasswordFile)
	if err != nil {
		return fmt.Errorf("%w: %w", errPassword, err)
	}
	b.disk.flush(ctx) // what came last is on disk, so it counts as handled
	b.sm.in, _ = b.intake.handled()
	pinned, err := b.disk.keep(ctx, "sasl "+b.own.Domainpart(), "0")
	if err != nil {
		return fmt.Errorf("database: %w", err)
	}
	l := &login{user: b.own.Localpart(), password: password, least: parsePin(pinned), plain: b.cfg.DangerPlaintextToLoopback}
	if b.cfg.AllowWeakerLogin {
		l.least = pin{}
	}
	rt := route{cfg: b.cfg, names: b.names, first: b.moved}
	x, conn, err := connect(ctx, rt, l, bind(&b.sm, b.resource))
	b.moved = nil
	if err != nil {
		return err
	}
	if l.best.String() != pinned {
		b.disk.set("sasl "+b.own.Domainpart(), l.best.String())
	}
	b.began = time.Now()
	b.log.Info("logged in", "jid", b.sm.jid, "sasl", l.name, "resumed", b.sm.resumed, "sm", b.sm.enabled)
	return b.serve(ctx, &session{b: b, x: x, conn: conn, sm: b.sm.enabled, again: b.sm.resumed})
}

// serve runs a session that is logged in.
func (b *Bot) serve(ctx context.Context, s *session) error {
	inner, cancel := context.WithCancel(ctx)
	s.ctx = inner
	s.visible = make(chan struct{})
	b.live.Store(s)
	b.count.Add(1)
	defer func() { b.caughtUp = s.caughtUp.Load() }() // when all have returned
	var wg sync.WaitGroup
	defer wg.Wait()
	defer s.conn.Close()
	defer cancel()
	if s.b.sm.resumed {
		s.sent.Store(b.sm.h)
	}
	b.intake.begin(b.sm.in)
	b.out.begin(b.sm.resumed, b.sm.h)
	defer b.out.end()
	defer s.iqs.end()
	served := make(chan error, 1)
	wg.Go(func() { served <- s.x.Serve(s) })
	wg.Go(func() { s.writer(inner) })
	wg.Go(func() { s.watch(inner) })
	wg.Go(func() { s.moods(inner) })
	wg.Go(func() {
		select {
		case <-s.visible:
			s.keepCompany(inner, !s.again)
		case <-inner.Done():
		}
	})
	wg.Go(func() { b.rooms.run(inner, s) })
	if b.sm.resumed {
		close(s.visible)
	}
	switch {
	case !b.sm.resumed:
		wg.Go(func() { s.appear(inner) })
	case b.caughtUp:
		s.caughtUp.Store(true)
		b.setOnline(b.sm.jid.String())
	default:
		b.setOnline(b.sm.jid.String())
		wg.Go(func() { s.catchUpAtLast(inner) })
	}
	select {
	case err := <-served:
		return s.cause(err)
	case <-ctx.Done():
		s.close(served)
		return ctx.Err()
	}
}

// appear makes a new session available. What has come while there was none is taken
// in first, so that each person's commands run in order; what comes between that
// and the presence is looked for afterwards. A bot that does not know where in the
// archive it was lets the server bring offline messages instead: it may not do so
// for who has asked the archive.
func (s *session) appear(ctx context.Context) {
	if last, _ := s.b.disk.get(ctx, lastSeen); last != "" {
		early, cancel := context.WithTimeout(ctx, archiveTime)
		s.catchUp(early)
		cancel()
	}
	if ctx.Err() != nil {
		return
	}
	pic, err := readPicture(s.b.cfg.Avatar)
	if err != nil {
		s.b.log.Warn("picture", "err", err)
	}
	s.b.begin(ctx, pic)
	s.b.out.pass(s.b.available())
	close(s.visible)
	s.b.setOnline(s.b.sm.jid.String())
	s.carbons(ctx) // before the archive is read: nothing falls between the two
	done := s.catchUp(ctx)
	s.caughtUp.Store(done)
	s.profile(ctx, pic)
	if !done {
		s.catchUpAtLast(ctx)
	}
}

// cause returns why the session ended: a stream error tells more than what the
// connection says, and that more than what the library made of it.
func (s *session) cause(err error) error {
	if isStream(err) {
		return err
	}
	if first := s.conn.reason(); first != nil && !errors.Is(first, io.EOF) {
		return first
	}
	if err == nil {
		return io.EOF
	}
	return err
}

// close ends the stream as RFC 6120 section 4.4 wants it, and waits a little for
// the server to do so too. A session that is closed so is not resumed.
func (s *session) close(served <-chan error) {
	go func() { // may hang on a dead connection, until that is closed
		s.farewell()
		s.x.Close()
	}()
	t := time.NewTimer(closeTime)
	defer t.Stop()
	select {
	case err := <-served:
		served = nil
		_ = err
	case <-t.C:
	}
	s.conn.Close()
	s.b.sm.id = ""
}

// writer is the one way out, but for the answers that the handler writes. It
// gathers what there is into one write, and asks for an acknowledgement (XEP-0198)
// when nothing more follows for a moment: asking costs the server as much as a
// stanza does.
func (s *session) writer(ctx context.Context) {
	w := writer{s: s, told: s.b.sm.in}
	quiet := time.NewTimer(askAfter)
	defer quiet.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.b.out.wake:
		case <-quiet.C:
			w.ask = w.unasked > 0
		}
		for more := true; more; {
			if ctx.Err() != nil {
				s.b.out.signal() // for the next session
				return
			}
			var err error
			if more, err = w.write(); err != nil {
				s.conn.closeFor(err)
				return
			}
		}
		if w.unasked > 0 {
			quiet.Reset(askAfter)
		}
	}
}

// A writer is the state of the way out.
type writer struct {
	s       *session
	buf     []byte
	unasked int    // stanzas written since the last <r/>
	ask     bool   // an <r/> is due
	told    uint32 // the last <a/>
}

// write writes the next stanzas in one piece.
func (w *writer) write() (more bool, err error) {
	s := w.s
	lock := s.x.TokenWriter()
	defer lock.Close()
	if s.x.State()&xmpp.OutputStreamClosed != 0 {
		return false, nil // we are closing
	}
	list, more := s.b.out.take(burst, func() uint32 { return s.sent.Add(1) })
	buf := w.buf[:0]
	for _, it := range list {
		buf = append(buf, it.xml...)
	}
	if s.sm {
		buf = w.manage(buf, len(list))
	}
	if len(buf) == 0 {
		return false, nil
	}
	if _, err := s.x.Conn().Write(buf); err != nil {
		return false, err
	}
	if !s.sm {
		s.b.out.gone()
	}
	if w.buf = buf; cap(buf) > 1<<20 {
		w.buf = nil
	}
	return more, nil
}

// manage adds what XEP-0198 wants after n stanzas.
func (w *writer) manage(buf []byte, n int) []byte {
	if w.s.owed.Swap(false) {
		h, short := w.s.b.intake.handled()
		if short {
			w.s.owed.Store(true) // whoever releases the next one signals again
		}
		if !short || h != w.told {
			buf, w.told = ackOf(h).AppendXML(buf, nsClient), h
		}
	}
	if w.unasked += n; w.ask || w.unasked >= askMost {
		buf = append(buf, "<r xmlns='"+nsSM+"'/>"...)
		w.unasked, w.ask = 0, false
	}
	return buf
}
