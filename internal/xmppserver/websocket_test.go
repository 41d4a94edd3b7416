// SPDX-License-Identifier: GPL-3.0-or-later

package xmppserver

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"oswald/internal/xmppclient/xmltree"
)

// wsClient is the least of a WebSocket client.
type wsClient struct {
	t  testing.TB
	nc net.Conn
	br *bufio.Reader
}

func (b *wsClient) frame(op byte, data string) {
	b.t.Helper()
	f := []byte{0x80 | op, 0x80 | byte(min(len(data), 126))}
	if len(data) >= 126 {
		f = binary.BigEndian.AppendUint16(f, uint16(len(data)))
	}
	f = append(f, 1, 2, 3, 4)
	for i, c := range []byte(data) {
		f = append(f, c^[]byte{1, 2, 3, 4}[i&3])
	}
	if _, err := b.nc.Write(f); err != nil {
		b.t.Fatal(err)
	}
}

func (b *wsClient) read() (op byte, data string) {
	b.t.Helper()
	h := make([]byte, 2)
	if _, err := io.ReadFull(b.br, h); err != nil {
		b.t.Fatal(err)
	}
	n := int(h[1])
	if n == 126 {
		ext := make([]byte, 2)
		io.ReadFull(b.br, ext)
		n = int(binary.BigEndian.Uint16(ext))
	}
	buf := make([]byte, n)
	if _, err := io.ReadFull(b.br, buf); err != nil {
		b.t.Fatal(err)
	}
	return h[0] & 0xF, string(buf)
}

func (b *wsClient) ask(xml string, want ...string) string {
	b.t.Helper()
	b.frame(opText, xml)
	return b.expect(want...)
}

func (b *wsClient) expect(want ...string) (got string) {
	b.t.Helper()
	for _, w := range want {
		if _, got = b.read(); !strings.HasPrefix(got, w) {
			b.t.Fatalf("got %s, want %s", got, w)
		}
	}
	return got
}

func TestWebSocket(t *testing.T) {
	s := start(t)
	web := httptest.NewServer(s.WebSocket(t.Context()))
	defer web.Close()
	if res, err := http.Get(web.URL); err != nil || res.StatusCode != http.StatusUpgradeRequired {
		t.Error(res, err)
	}
	nc, err := net.Dial("tcp", web.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	nc.SetDeadline(time.Now().Add(20 * time.Second))
	b := &wsClient{t, nc, bufio.NewReader(nc)}
	fmt.Fprintf(nc, "GET / HTTP/1.1\r\nHost: x\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: xmpp\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
	res, err := http.ReadResponse(b.br, nil)
	if err != nil || res.StatusCode != 101 || res.Header.Get("Sec-WebSocket-Accept") != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" {
		t.Fatal(res, err)
	}
	open := "<open xmlns='" + nsFraming + "' to='oswald.test' version='1.0'/>"
	b.ask(open, "<open xmlns='"+nsFraming+"'", "<features xmlns='http://etherx.jabber.org/streams'")
	b.ask("<auth xmlns='"+nsSASL+"' mechanism='PLAIN'>"+base64.StdEncoding.EncodeToString([]byte("\x00bob\x00bobpw"))+"</auth>", "<success")
	b.ask(open, "<open", "<features")
	b.ask("<iq xmlns='jabber:client' type='set' id='1'><bind xmlns='"+nsBind+"'><resource>web</resource></bind></iq>", "<iq xmlns='jabber:client'")
	b.ask("<presence xmlns='jabber:client'/>", "<presence xmlns='jabber:client'")
	b.frame(opPing, "hello")
	if op, data := b.read(); op != opPong || data != "hello" {
		t.Error(op, data)
	}
	alice := s.dial(t, "alice/a")
	b.expect("<presence")
	send(t, alice, at("bob"), "to the page")
	if got := b.expect("<message xmlns='jabber:client'"); !strings.Contains(got, "to the page") {
		t.Error(got)
	}
	b.frame(opText, "<message xmlns='jabber:client' to='alice@oswald.test'><body>"+strings.Repeat("x", 1000)+"</body></message>")
	if m := next(t, alice); len(m.Body) != 1000 {
		t.Errorf("%+v", m)
	}
	s.Kick(at("bob"), "policy-violation")
	b.expect("<error xmlns='http://etherx.jabber.org/streams'", "<close xmlns='"+nsFraming+"'")
	if _, err := b.br.ReadByte(); err != io.EOF {
		t.Error(err)
	}
}

func FuzzWebSocket(f *testing.F) {
	f.Add([]byte{0x81, 0x84, 0, 0, 0, 0, '<', 'a', '/', '>'})
	f.Add([]byte{0x01, 0x81, 0, 0, 0, 0, '<', 0x80, 0x83, 0, 0, 0, 0, 'a', '/', '>'})
	f.Add([]byte{0x89, 0x80, 0, 0, 0, 0, 0x88, 0x80, 0, 0, 0, 0})
	f.Add([]byte{0x81, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, in []byte) {
		a, b := net.Pipe()
		defer a.Close()
		go io.Copy(io.Discard, b)
		w := &webSocket{nc: a, br: bufio.NewReader(bytes.NewReader(in)), limit: 1000, writeTime: time.Second}
		for {
			e, size, err := w.next()
			if err != nil {
				return
			}
			if _, err := xmltree.Parse([]byte(e.String())); err != nil || size > 1000 {
				t.Fatalf("%s: %v", e, err)
			}
		}
	})
}
