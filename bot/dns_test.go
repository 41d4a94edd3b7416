// SPDX-License-Identifier: GPL-3.0-or-later

package bot

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
	"mellium.im/xmpp/stream"
)

// A nameServer answers questions about a few names, over UDP on this machine.
type nameServer struct {
	conn net.PacketConn

	mu     sync.Mutex
	srv    map[string][]dnsmessage.SRVResource // by name with a dot at its end
	addrs  map[string][]string
	silent bool
	asked  int
}

func newNameServer(t *testing.T) *nameServer {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	n := &nameServer{conn: conn, srv: map[string][]dnsmessage.SRVResource{}, addrs: map[string][]string{}}
	done := make(chan struct{})
	go func() {
		defer close(done)
		buf := make([]byte, 1500)
		for {
			size, from, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			if out := n.answer(buf[:size]); out != nil {
				conn.WriteTo(out, from)
			}
		}
	}()
	t.Cleanup(func() { conn.Close(); <-done })
	return n
}

// resolver returns one that asks n and nobody else.
func (n *nameServer) resolver() *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "udp", n.conn.LocalAddr().String())
	}}
}

// record adds an SRV record.
func (n *nameServer) record(service, domain, target string, port, priority, weight uint16) {
	n.mu.Lock()
	defer n.mu.Unlock()
	name := "_" + service + "._tcp." + domain + "."
	n.srv[name] = append(n.srv[name], dnsmessage.SRVResource{
		Priority: priority, Weight: weight, Port: port, Target: dnsmessage.MustNewName(target),
	})
}

// questions returns how many there have been; from now on there is an answer, or
// none.
func (n *nameServer) questions(silent bool) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.silent = silent
	return n.asked
}

func (n *nameServer) answer(in []byte) []byte {
	var q dnsmessage.Message
	if err := q.Unpack(in); err != nil || len(q.Questions) != 1 {
		return nil
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	name, kind := strings.ToLower(q.Questions[0].Name.String()), q.Questions[0].Type
	n.asked++
	if n.silent {
		return nil
	}
	m := dnsmessage.Message{Header: dnsmessage.Header{ID: q.ID, Response: true, RecursionAvailable: true}, Questions: q.Questions}
	add := func(body dnsmessage.ResourceBody) {
		m.Answers = append(m.Answers, dnsmessage.Resource{
			Header: dnsmessage.ResourceHeader{Name: q.Questions[0].Name, Type: kind, Class: dnsmessage.ClassINET, TTL: 60}, Body: body,
		})
	}
	if kind == dnsmessage.TypeSRV {
		for _, r := range n.srv[name] {
			add(&r)
		}
	}
	for _, a := range n.addrs[name] {
		switch ip := net.ParseIP(a); {
		case kind == dnsmessage.TypeA && ip.To4() != nil:
			add(&dnsmessage.AResource{A: [4]byte(ip.To4())})
		case kind == dnsmessage.TypeAAAA && ip.To4() == nil:
			add(&dnsmessage.AAAAResource{AAAA: [16]byte(ip)})
		}
	}
	if _, known := n.addrs[name]; len(m.Answers) == 0 && !known {
		m.RCode = dnsmessage.RCodeNameError
	}
	out, err := m.Pack()
	if err != nil {
		return nil
	}
	return out
}

func TestTargets(t *testing.T) {
	n := newNameServer(t)
	cfg := Defaults()
	cfg.PasswordFile = "pw"
	test := func(domain string, want ...string) {
		t.Helper()
		cfg.JID = "bot@" + domain
		list, err := targets(t.Context(), cfg, n.resolver())
		var got []string
		for _, x := range list {
			if x.direct {
				x.addr += " direct"
			}
			got = append(got, x.addr)
		}
		if !slices.Equal(got, want) || (err == nil) != (len(want) > 0) {
			t.Errorf("%s: %q, %v; want %q", domain, got, err, want)
		}
	}
	test("none.test", "none.test:5222", "none.test:5223 direct")
	test("127.0.0.1", "127.0.0.1:5222", "127.0.0.1:5223 direct")
	n.record("xmpps-client", "both.test", "a.both.test.", 443, 5, 0)
	n.record("xmpp-client", "both.test", "b.both.test.", 5222, 5, 0)
	n.record("xmpp-client", "both.test", "c.both.test.", 15222, 1, 0)
	n.record("xmpp-client", "both.test", "d.both.test.", 5222, 10, 7)
	test("both.test", "c.both.test:15222", "a.both.test:443 direct", "b.both.test:5222", "d.both.test:5222")
	n.record("xmpp-client", "gone.test", ".", 0, 0, 0)
	test("gone.test")
	if _, err := targets(t.Context(), cfg, n.resolver()); !errors.Is(err, errNoService) || !strings.Contains(reasonOf(err), "no XMPP server") {
		t.Errorf("gone: %v, %s", err, reasonOf(err))
	}
	n.record("xmpps-client", "nodirect.test", ".", 0, 0, 0)
	test("nodirect.test", "nodirect.test:5222")
	n.record("xmpps-client", "onlydirect.test", "x.test.", 5223, 0, 0)
	n.record("xmpp-client", "onlydirect.test", ".", 0, 0, 0)
	test("onlydirect.test", "x.test:5223 direct")
	for range 100 {
		n.record("xmpp-client", "many.test", "m.test.", 5222, 0, 0)
	}
	cfg.JID = "bot@many.test"
	if list, err := targets(t.Context(), cfg, n.resolver()); len(list) > targetsMax || err != nil {
		t.Errorf("%d targets, %v", len(list), err)
	}
	cfg.Server, cfg.DirectTLS = "named.test:5", true // nothing is looked up
	before := n.questions(false)
	test("both.test", "named.test:5 direct")
	if after := n.questions(true); after != before {
		t.Errorf("asked %d questions", after-before)
	}
	cfg.Server, cfg.Patience = "", 50*time.Millisecond
	test("both.test", "both.test:5222", "both.test:5223 direct")
	_, err := dial(t.Context(), n.resolver(), "both.test:5222", cfg.Patience)
	if got := reasonOf(&dialError{"both.test:5222", err}); !strings.Contains(got, "the name both.test cannot be looked up") {
		t.Errorf("no name server: %s", got)
	}
}

// TestWeights draws with numbers that a test gives (RFC 2782).
func TestWeights(t *testing.T) {
	srv := func(target string, priority, weight uint16) *net.SRV {
		return &net.SRV{Target: target, Port: 1, Priority: priority, Weight: weight}
	}
	test := func(direct, plain []*net.SRV, draws []int, want string) {
		t.Helper()
		var bounds []int
		list, err := merge(direct, plain, func(n int) int {
			bounds = append(bounds, n)
			d := min(draws[0], n-1)
			draws = append(draws[1:], 0)
			return d
		})
		var got []string
		for _, x := range list {
			got = append(got, strings.TrimSuffix(x.addr, ":1"))
		}
		if s := strings.Join(got, " "); s != want || err != nil {
			t.Errorf("%s (of %v), %v; want %s", s, bounds, err, want)
		}
	}
	two := []*net.SRV{srv("a.", 1, 10), srv("b.", 1, 30)}
	test(nil, two, []int{0}, "a b")
	test(nil, two, []int{10}, "a b")
	test(nil, two, []int{11}, "b a")
	test(nil, two, []int{40}, "b a")
	test(two, []*net.SRV{srv("c.", 1, 60), srv("d.", 0, 1)}, []int{0, 41, 40}, "d c b a") // over both services
	test(nil, append(two, srv("z.", 1, 0)), []int{0, 0}, "z a b")                         // a weight of 0 is a small chance
	test([]*net.SRV{srv("a.", 5, 0)}, []*net.SRV{srv("b.", 5, 0)}, []int{0}, "a b")
}

func TestOtherHost(t *testing.T) {
	test := func(content string, direct bool, want string) {
		t.Helper()
		cfg := Defaults()
		got, ok := otherHost(stream.Error{Err: "see-other-host", Content: content}, cfg, target{"old:1", direct})
		if got.addr != want || ok != (want != "") || ok && got.direct != direct {
			t.Errorf("%q: %v %v, want %q", content, got, ok, want)
		}
	}
	test("new.example.org:5269", false, "new.example.org:5269")
	test(" new.example.org ", false, "new.example.org:5222")
	test("new.example.org", true, "new.example.org:5223")
	test("[2001:db8::1]:99", true, "[2001:db8::1]:99")
	test("[2001:db8::1]", false, "[2001:db8::1]:5222")
	test("192.0.2.1", false, "192.0.2.1:5222")
	test("", false, "")
	test("a b:5", false, "")
	test("host:0", false, "")
	test("host:99999", false, "")
	test("host:http", false, "")
	test("x@y/z", false, "")
	test(strings.Repeat("a.", 200), false, "")
	if _, ok := otherHost(errors.New("see-other-host"), Defaults(), target{}); ok {
		t.Error("any error moves us")
	}
	cfg := Defaults()
	cfg.DangerPlaintextToLoopback = true
	e := stream.Error{Err: "see-other-host", Content: "192.0.2.1:5222"}
	if _, ok := otherHost(e, cfg, target{}); ok {
		t.Error("sent off this machine without encryption")
	}
	e.Content = "127.0.0.1:5"
	if _, ok := otherHost(e, cfg, target{}); !ok {
		t.Error("not sent to another port of this machine")
	}
}

func FuzzOtherHost(f *testing.F) {
	f.Add("host:5", true)
	f.Add("[::1]:5", false)
	f.Fuzz(func(t *testing.T, content string, direct bool) {
		got, ok := otherHost(stream.Error{Err: "see-other-host", Content: content}, Defaults(), target{"old:1", direct})
		if host, port, err := net.SplitHostPort(got.addr); ok && (err != nil || host == "" || port == "" || got.direct != direct) {
			t.Errorf("%q: %v", content, got)
		}
	})
}
