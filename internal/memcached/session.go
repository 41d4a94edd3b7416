// SPDX-License-Identifier: GPL-3.0-or-later

package memcached

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"time"
)

// Version is what the server answers to version.
const Version = "1.6.0-oswald"

// A session is one connection. Answers wait in w until the next read from the
// socket, so that a pipeline is answered in few packets and nothing is held back
// while the client waits.
type session struct {
	s   *Server
	c   net.Conn
	r   *bufio.Reader
	w   *bufio.Writer
	mid bool // within a command: the short deadline holds
}

func newSession(s *Server, c net.Conn) *session {
	n := &session{s: s, c: c}
	n.r = bufio.NewReaderSize(flushFirst{n}, min(s.cfg.MaxLine, 1<<16)+2)
	n.w = bufio.NewWriterSize(patient{n}, 16<<10)
	return n
}

// flushFirst reads from the socket once all answers are on their way.
type flushFirst struct{ n *session }

func (f flushFirst) Read(p []byte) (int, error) {
	if err := f.n.w.Flush(); err != nil {
		return 0, err
	}
	wait := f.n.s.cfg.Idle
	if f.n.mid || f.n.r.Buffered() > 0 {
		wait = f.n.s.cfg.Stall
	}
	f.n.c.SetReadDeadline(time.Now().Add(wait))
	return f.n.c.Read(p)
}

// patient writes to the socket with a deadline.
type patient struct{ n *session }

func (p patient) Write(b []byte) (int, error) {
	p.n.c.SetWriteDeadline(time.Now().Add(p.n.s.cfg.Stall))
	return p.n.c.Write(b)
}

var errQuit = errors.New("quit")

// run answers until the client leaves or breaks the protocol beyond repair.
func (n *session) run() {
	defer n.w.Flush()
	for {
		n.mid = false
		line, err := n.r.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) {
			n.say("CLIENT_ERROR line too long")
			return
		}
		if err != nil {
			return
		}
		n.mid = true
		line = bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r"))
		if err := n.command(parse(line)); err != nil {
			return
		}
	}
}

func (n *session) say(s string) {
	n.w.WriteString(s)
	n.w.WriteString("\r\n")
}

// command carries out one request line; an error ends the connection.
func (n *session) command(q request) error {
	if q.fault != "" {
		n.say(q.fault)
		if q.kind == kindStore && q.size >= 0 {
			return n.swallow(q.size)
		}
		return nil
	}
	switch q.kind {
	case kindGet:
		n.get(q)
	case kindStore:
		return n.store(q)
	case kindCount:
		v, res := n.s.items.count(q.keys[0], q.delta, q.name == "decr")
		switch res {
		case stored:
			n.answer(q, strconv.FormatUint(v, 10))
		case notNumber:
			n.say("CLIENT_ERROR cannot increment or decrement non-numeric value")
		default:
			n.answer(q, "NOT_FOUND")
		}
	case kindTouch:
		_, ok := n.s.items.touch(q.keys[0], n.end(q.exp))
		n.answer(q, choose(ok, "TOUCHED", "NOT_FOUND"))
	case kindDelete:
		n.answer(q, choose(n.s.items.remove(q.keys[0]), "DELETED", "NOT_FOUND"))
	case kindFlush:
		at := n.s.cfg.Now()
		if q.exp > 0 {
			at = n.end(q.exp)
		}
		n.s.items.flush(at)
		n.answer(q, "OK")
	case kindOK:
		n.answer(q, "OK")
	case kindVersion:
		n.say("VERSION " + Version)
	case kindNoop:
		n.say("MN")
	case kindStats:
		n.stats(q)
	case kindQuit:
		return errQuit
	}
	return nil
}

func choose(ok bool, yes, no string) string {
	if ok {
		return yes
	}
	return no
}

// answer says text unless the client asked for silence.
func (n *session) answer(q request, text string) {
	if !q.noreply {
		n.say(text)
	}
}

func (n *session) get(q request) {
	for _, key := range q.keys {
		var it item
		var ok bool
		if q.touch {
			it, ok = n.s.items.touch(key, n.end(q.exp))
		} else {
			it, ok = n.s.items.get(key)
		}
		if !ok {
			continue
		}
		if q.withCas {
			fmt.Fprintf(n.w, "VALUE %s %d %d %d\r\n", key, it.flags, len(it.val), it.cas)
		} else {
			fmt.Fprintf(n.w, "VALUE %s %d %d\r\n", key, it.flags, len(it.val))
		}
		n.w.Write(it.val)
		n.w.WriteString("\r\n")
	}
	n.say("END")
}

// store reads the data block of q and stores it.
func (n *session) store(q request) error {
	if q.size > n.s.cfg.MaxItem {
		// An old value under a key whose new one was refused would be a lie.
		n.s.items.remove(q.keys[0])
		n.answer(q, "SERVER_ERROR object too large for cache")
		return n.swallow(q.size)
	}
	data := make([]byte, q.size+2)
	if _, err := io.ReadFull(n.r, data); err != nil {
		return err
	}
	if !bytes.HasSuffix(data, []byte("\r\n")) {
		n.say("CLIENT_ERROR bad data chunk")
		if data[len(data)-1] == '\n' {
			return nil
		}
		return n.skipLine()
	}
	it := item{key: q.keys[0], val: data[:q.size:q.size], flags: q.flags, end: n.end(q.exp)}
	switch n.s.items.store(q.op, it, q.cas) {
	case stored:
		n.answer(q, "STORED")
	case notStored:
		n.answer(q, "NOT_STORED")
	case exists:
		n.answer(q, "EXISTS")
	case notFound:
		n.answer(q, "NOT_FOUND")
	default:
		n.s.items.remove(q.keys[0])
		n.answer(q, "SERVER_ERROR object too large for cache")
	}
	return nil
}

// swallow reads away the data block of a request that was refused.
func (n *session) swallow(size int) error {
	_, err := io.CopyN(io.Discard, n.r, int64(size)+2)
	return err
}

// skipLine reads away the rest of a line.
func (n *session) skipLine() error {
	for {
		_, err := n.r.ReadSlice('\n')
		if !errors.Is(err, bufio.ErrBufferFull) {
			return err
		}
	}
}

// absolute is where an expiry stops being relative: 30 days.
const absolute = 60 * 60 * 24 * 30

// end turns an expiry of the protocol into a time: 0 never, negative at once, up
// to 30 days from now, beyond that seconds since 1970.
func (n *session) end(exp int64) time.Time {
	now := n.s.cfg.Now()
	switch {
	case exp == 0:
		return time.Time{}
	case exp < 0:
		return now.Add(-time.Second)
	case exp > absolute:
		return time.Unix(exp, 0)
	}
	return now.Add(time.Duration(exp) * time.Second)
}

func (n *session) stats(q request) {
	st, count, size := n.s.items.snapshot()
	n.s.mu.Lock()
	conns, total := len(n.s.conns), n.s.total
	n.s.mu.Unlock()
	now := n.s.cfg.Now()
	row := func(name string, v any) { fmt.Fprintf(n.w, "STAT %s %v\r\n", name, v) }
	if len(q.keys) == 0 {
		row("pid", os.Getpid())
		row("uptime", int(now.Sub(n.s.started).Seconds()))
		row("time", now.Unix())
		row("version", Version)
		row("curr_connections", conns)
		row("total_connections", total)
		row("cmd_get", st.gets)
		row("cmd_set", st.sets)
		row("get_hits", st.hits)
		row("get_misses", st.gets-st.hits)
		row("curr_items", count)
		row("total_items", st.total)
		row("bytes", size)
		row("evictions", st.evictions)
		row("limit_maxbytes", n.s.cfg.MaxBytes)
		row("threads", 1)
	}
	n.say("END")
}
