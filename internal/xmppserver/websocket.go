// SPDX-License-Identifier: GPL-3.0-or-later

package xmppserver

import (
	"bufio"
	"context"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"oswald/internal/xmppclient/xmltree"
)

const nsFraming = "urn:ietf:params:xml:ns:xmpp-framing"

// webSocket frames a stream as RFC 7395 has it, over RFC 6455: an element a
// message, each with its name spaces.
type webSocket struct {
	nc    net.Conn
	br    *bufio.Reader
	limit int

	mu        sync.Mutex // held for one write
	writeTime time.Duration
}

// The kinds of frames, RFC 6455 section 11.8.
const (
	opMore  = 0x0
	opText  = 0x1
	opClose = 0x8
	opPing  = 0x9
	opPong  = 0xA
)

var errFrame = errors.New("websocket: bad frame")

// message reads the next text message, answering pings on the way.
func (w *webSocket) message() ([]byte, error) {
	var msg []byte
	started := false
	for {
		var h [2]byte
		if _, err := io.ReadFull(w.br, h[:]); err != nil {
			return nil, err
		}
		final, op, n := h[0]&0x80 != 0, h[0]&0x0F, uint64(h[1]&0x7F)
		if h[0]&0x70 != 0 || h[1]&0x80 == 0 { // section 5.1: clients mask, and no extension is on
			return nil, errFrame
		}
		if op >= opClose && (n > 125 || !final) {
			return nil, errFrame
		}
		var ext [8]byte
		switch n {
		case 126:
			if _, err := io.ReadFull(w.br, ext[:2]); err != nil {
				return nil, err
			}
			n = uint64(binary.BigEndian.Uint16(ext[:2]))
		case 127:
			if _, err := io.ReadFull(w.br, ext[:]); err != nil {
				return nil, err
			}
			n = binary.BigEndian.Uint64(ext[:])
		}
		if n > uint64(w.limit-len(msg)) && op < opClose || n > uint64(w.limit) {
			return nil, xmltree.ErrTooBig
		}
		var mask [4]byte
		if _, err := io.ReadFull(w.br, mask[:]); err != nil {
			return nil, err
		}
		data := make([]byte, n)
		if _, err := io.ReadFull(w.br, data); err != nil {
			return nil, err
		}
		for i := range data {
			data[i] ^= mask[i&3]
		}
		switch {
		case op == opClose:
			w.frame(opClose, data)
			return nil, io.EOF
		case op == opPing:
			if err := w.frame(opPong, data); err != nil {
				return nil, err
			}
		case op == opPong:
		case op == opText && !started, op == opMore && started:
			started = true
			if msg = append(msg, data...); final {
				return msg, nil
			}
		default:
			return nil, errFrame
		}
	}
}

func (w *webSocket) frame(op byte, data []byte) error {
	b := []byte{0x80 | op, 0}
	switch n := len(data); {
	case n < 126:
		b[1] = byte(n)
	case n < 1<<16:
		b[1] = 126
		b = binary.BigEndian.AppendUint16(b, uint16(n))
	default:
		b[1] = 127
		b = binary.BigEndian.AppendUint64(b, uint64(n))
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.nc.SetWriteDeadline(time.Now().Add(w.writeTime))
	_, err := w.nc.Write(append(b, data...))
	return err
}

func (w *webSocket) write(b []byte) error { return w.frame(opText, b) }

func (w *webSocket) open() (*xmltree.Element, error) {
	e, _, err := w.next()
	if err == nil && !e.Is(nsFraming, "open") {
		err = streamError{"invalid-namespace", "Open the stream first."}
	}
	return e, err
}

func (w *webSocket) next() (*xmltree.Element, int, error) {
	b, err := w.message()
	if err != nil {
		return nil, 0, err
	}
	e, err := xmltree.Parse(b)
	if err == nil && e.Is(nsFraming, "close") {
		return nil, 0, io.EOF
	}
	return e, len(b), err
}

// WebSocket returns the handler that lets browsers in. It serves clients over TLS,
// and over plain HTTP those on this machine. ctx ends its sessions.
func (s *Server) WebSocket(ctx context.Context) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		peer := net.ParseIP(hostOf(r.RemoteAddr))
		switch {
		case r.TLS == nil && (peer == nil || !peer.IsLoopback()):
			http.Error(w, "TLS only.", http.StatusForbidden)
			return
		case !hasToken(r.Header, "Connection", "upgrade"), !hasToken(r.Header, "Upgrade", "websocket"),
			!hasToken(r.Header, "Sec-WebSocket-Protocol", "xmpp"), r.Header.Get("Sec-WebSocket-Version") != "13",
			r.Header.Get("Sec-WebSocket-Key") == "":
			http.Error(w, "This address is for XMPP over WebSocket.", http.StatusUpgradeRequired)
			return
		}
		nc, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			http.Error(w, "No WebSocket here.", http.StatusInternalServerError)
			return
		}
		nc.SetDeadline(time.Time{})
		c, err := s.admit(nc)
		if err != nil {
			s.log.Warn("client turned away", "addr", nc.RemoteAddr(), "err", err)
			nc.Close()
			return
		}
		sum := sha1.Sum([]byte(r.Header.Get("Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
		rw.WriteString("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Protocol: xmpp\r\nSec-WebSocket-Accept: " +
			base64.StdEncoding.EncodeToString(sum[:]) + "\r\n\r\n")
		nc.SetWriteDeadline(time.Now().Add(writeTime))
		if rw.Flush() != nil {
			c.close()
		}
		c.ws = &webSocket{nc: nc, br: rw.Reader, limit: maxLogin, writeTime: s.writeTime}
		c.serve(ctx)
	})
}

func hostOf(addr string) string {
	h, _, _ := net.SplitHostPort(addr)
	return h
}

// hasToken reports whether a list-valued header names token.
func hasToken(h http.Header, key, token string) bool {
	for _, v := range h.Values(key) {
		for t := range strings.SplitSeq(v, ",") {
			if strings.EqualFold(strings.TrimSpace(t), token) {
				return true
			}
		}
	}
	return false
}
