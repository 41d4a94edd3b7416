// SPDX-License-Identifier: GPL-3.0-or-later

package bot

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"oswald"
	"oswald/internal/store"
	"oswald/internal/xmppclient/xmltree"
)

func TestChoose(t *testing.T) {
	test := func(o offer, offered string, want ...string) {
		t.Helper()
		o.mechanisms = strings.Fields(offered)
		try, err := choose(o)
		var got []string
		for _, m := range try {
			got = append(got, m.Name)
		}
		if !slices.Equal(got, want) || (err == nil) != (len(want) > 0) {
			t.Errorf("%+v: %v, %v; want %v", o, got, err, want)
		}
	}
	tls := offer{secure: true, tls13: true}
	test(tls, "PLAIN SCRAM-SHA-1", "SCRAM-SHA-1")
	test(tls, "SCRAM-SHA-1 SCRAM-SHA-256", "SCRAM-SHA-256")
	test(tls, "PLAIN", "PLAIN")
	test(tls, "SCRAM-SHA-256-PLUS SCRAM-SHA-256 PLAIN", "SCRAM-SHA-256") // ejabberd: does not say which binding
	test(tls, "DIGEST-MD5 X-OAUTH2")
	test(tls, "")
	test(offer{}, "PLAIN")
	test(offer{}, "PLAIN SCRAM-SHA-1", "SCRAM-SHA-1")
	bound := offer{secure: true, tls13: true, bindings: []string{"tls-server-end-point", "tls-exporter"}}
	test(bound, "SCRAM-SHA-256-PLUS SCRAM-SHA-256", "SCRAM-SHA-256-PLUS", "SCRAM-SHA-256")
	test(bound, "SCRAM-SHA-1-PLUS SCRAM-SHA-1 SCRAM-SHA-256", "SCRAM-SHA-256")
	test(bound, "SCRAM-SHA-1-PLUS", "SCRAM-SHA-1-PLUS")
	test(offer{secure: true, bindings: []string{"tls-exporter"}}, "SCRAM-SHA-1-PLUS SCRAM-SHA-1", "SCRAM-SHA-1") // TLS 1.2
	test(offer{secure: true, tls13: true, bindings: []string{"tls-unique"}}, "SCRAM-SHA-1-PLUS SCRAM-SHA-1", "SCRAM-SHA-1")
	test(offer{secure: true, least: pin{rank: 3}}, "SCRAM-SHA-1 PLAIN")
	test(offer{secure: true, least: pin{rank: 2}}, "SCRAM-SHA-256 SCRAM-SHA-1", "SCRAM-SHA-256")
	bound.least = pin{3, true} // no second try without binding, no older TLS, no weaker hash
	test(bound, "SCRAM-SHA-256-PLUS SCRAM-SHA-256", "SCRAM-SHA-256-PLUS")
	test(bound, "SCRAM-SHA-256 SCRAM-SHA-1-PLUS")
	test(offer{secure: true, least: pin{3, true}}, "SCRAM-SHA-256-PLUS SCRAM-SHA-256")
	for _, p := range []pin{{}, {3, false}, {2, true}} {
		if got := parsePin(p.String()); got != p {
			t.Errorf("%v became %v", p, got)
		}
	}
	if parsePin("x") != (pin{}) || parsePin("-1+") != (pin{}) {
		t.Error("nonsense is a pin")
	}
	if _, err := choose(offer{secure: true, least: pin{rank: 2}, mechanisms: []string{"PLAIN"}}); !errors.Is(err, errDowngrade) {
		t.Errorf("a downgrade: %v", err)
	}
	if cheap([]byte("r=x,s=y,i=2000000000")) || !cheap([]byte("r=x,s=y,i=10000")) || !cheap([]byte("v=x")) {
		t.Error("iterations")
	}
}

func TestClean(t *testing.T) {
	test := func(in, want string) {
		t.Helper()
		if got := clean(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
	test("a\x00b\x1b[0m\x7f\u0085c", "ab[0mc")
	test("a\r\nb\rc\u2028d\te", "a\nb\nc\nd\te")
	test("x\u202egpj\u2066.exe", "xgpj.exe")
	test("\xff\xfe\uffff\ufdd0", "\uFFFD")
	test("👍🏽 שלום", "👍🏽 שלום")
}

func TestConfig(t *testing.T) {
	test := func(want string, change func(*Config)) {
		t.Helper()
		c := Defaults()
		c.JID, c.PasswordFile = "bot@example.org", "pw"
		change(&c)
		err := c.Validate()
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	test("", func(*Config) {})
	test("xmpp.jid: ", func(c *Config) { c.JID = "example.org" })
	test("xmpp.password_file: ", func(c *Config) { c.PasswordFile = "" })
	test("xmpp.server: ", func(c *Config) { c.Server = "example.org" })
	test("xmpp.ping: -1s", func(c *Config) { c.Ping = -time.Second })
	test("xmpp.workers: ", func(c *Config) { c.Workers = 0 })
	test("xmpp.resource: ", func(c *Config) { c.Resource = "" })
	test("", func(c *Config) { c.DangerPlaintextToLoopback, c.Server = true, "127.0.0.1:5222" })
	test("xmpp.danger_plaintext_to_loopback: ", func(c *Config) { c.DangerPlaintextToLoopback, c.Server = true, "10.0.0.1:5222" })
	test("xmpp.danger_plaintext_to_loopback: ", func(c *Config) { c.DangerPlaintextToLoopback, c.Server = true, "localhost:5222" })
	test("xmpp.danger_plaintext_to_loopback: ", func(c *Config) { c.DangerPlaintextToLoopback = true })
}

func TestParseAddress(t *testing.T) {
	test := func(in, want string) {
		t.Helper()
		if got, err := ParseAddress(in); got != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q, %v", in, got, err)
		}
	}
	test("Me@Example.ORG/phone", "me@example.org")
	test(" xmpp:me@example.org?message ", "me@example.org")
	test("example.org", "")
	test("", "")
	test("a b@example.org", "")
	test("x\u202e@example.org", "")
}

func TestMessageParts(t *testing.T) {
	parse := func(x string) *xmltree.Element {
		e, err := xmltree.Parse([]byte("<message xmlns='jabber:client' id='i'>" + x + "</message>"))
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	id := func(x, origin string) {
		t.Helper()
		if got := commandID(parse(x), "a@b", "bot@b"); got != oswald.CommandID("a@b", origin) {
			t.Errorf("%s: not named for %q", x, origin)
		}
	}
	id("", "i")
	id("<stanza-id xmlns='urn:xmpp:sid:0' by='bot@b' id='s'/>", "s")
	id("<stanza-id xmlns='urn:xmpp:sid:0' by='evil@b' id='s'/>", "i")
	id("<stanza-id xmlns='urn:xmpp:sid:0' by='bot@b' id='s'/><origin-id xmlns='urn:xmpp:sid:0' id='o'/>", "o")
	body := func(x, want string) {
		t.Helper()
		if got := bodyOf(parse(x)); got != want {
			t.Errorf("%s: %q, want %q", x, got, want)
		}
	}
	body("<body>a</body><body>b</body>", "a")
	body("<body xml:lang='de'>d</body><body>a</body>", "a")
	body("<body xml:lang='de'>d</body><body xml:lang='en'>e</body>", "d")
	body("<body xmlns='urn:x'>x</body>", "")
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	at := func(stamp string, want time.Time) {
		t.Helper()
		if got := sentAt(parse("<delay xmlns='urn:xmpp:delay' stamp='"+stamp+"'/>"), now); !got.Equal(want) {
			t.Errorf("%s: %v", stamp, got)
		}
	}
	at("2026-01-02T03:00:00Z", now.Add(-4*time.Minute-5*time.Second))
	at("2027-01-02T03:00:00Z", now)
	at("yesterday", now)
}

// TestOutbox lets more than fits into memory go through, with acknowledgements
// that lag, a lost session, and a restart.
func TestOutbox(t *testing.T) {
	db, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "bot.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := store.Migrate(t.Context(), db, "bot", schema); err != nil {
		t.Fatal(err)
	}
	open := func() *outbox {
		o, err := newOutbox(t.Context(), &disk{db: db, log: testLog()}, time.Now)
		if err != nil {
			t.Fatal(err)
		}
		return o
	}
	o := open()
	const n = 2*windowMax + 300
	for i := range n {
		o.keep([]string{fmt.Sprint(i)}, nil, nil)
	}
	if len(o.items) > windowMax {
		t.Errorf("%d items in memory", len(o.items))
	}
	var seq uint32 = 1<<32 - 50 // wraps on the way
	number := func() uint32 { seq++; return seq }
	var got []string
	o.begin(false, seq)
	o.pass("typing")
	drain := func(o *outbox, until int) {
		for len(got) < until {
			list, _ := o.take(10, number)
			for _, it := range list {
				if it.n > 0 {
					got = append(got, it.xml)
				}
			}
			o.ack(seq - 3)
			o.disk.flush(t.Context())
		}
	}
	drain(o, 1500)
	unacked := o.written
	o.end()
	o.begin(false, seq-3) // fresh session: what was not acknowledged goes again
	got = got[:len(got)-min(unacked, 3)]
	drain(o, 1800)
	o.disk.flush(t.Context())
	o = open() // restart: the same
	got = got[:len(got)-3]
	seq = 0
	o.begin(false, 0)
	drain(o, n)
	o.ack(seq)
	o.disk.flush(t.Context())
	for i, x := range got {
		if x != fmt.Sprint(i) {
			t.Fatalf("%q came at place %d", x, i)
		}
	}
	var left int
	if err := db.QueryRow("SELECT COUNT(*) FROM bot_outbox").Scan(&left); err != nil || left != 0 || o.count() != 0 {
		t.Errorf("%d left on disk, %d counted, %v", left, o.count(), err)
	}
}

// TestDisk wants one bad change not to take others along.
func TestDisk(t *testing.T) {
	db, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "bot.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := store.Migrate(t.Context(), db, "bot", schema); err != nil {
		t.Fatal(err)
	}
	d := &disk{db: db, log: testLog()}
	errs := make([]error, 100)
	for i := range errs {
		d.put(func(ctx context.Context, tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, "INSERT INTO bot_outbox VALUES(?, 'x', 0)", i%99) // the last one is there
			return err
		}, func(err error) { errs[i] = err })
	}
	d.flush(t.Context())
	for i, err := range errs {
		if (err != nil) != (i == 99) {
			t.Errorf("%d: %v", i, err)
		}
	}
}

func TestIntake(t *testing.T) {
	var k intake
	k.begin(7)
	test := func(want uint32, short bool) {
		t.Helper()
		if n, s := k.handled(); n != want || s != short {
			t.Errorf("handled %d, %v; want %d, %v", n, s, want, short)
		}
	}
	test(7, false)
	k.stanza()
	a := k.hold()
	k.stanza()
	b := k.hold()
	k.stanza()
	test(7, true)
	b()
	test(7, true)
	a()
	test(10, false)
	k.stanza()
	c := k.hold()
	k.begin(0)
	k.stanza()
	c() // of an older session: must not release the new one's
	test(1, false)
}

// TestInbox wants what was not done to be known after a restart.
func TestInbox(t *testing.T) {
	path := filepath.Join(t.TempDir(), "bot.db")
	db, err := store.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := store.Migrate(t.Context(), db, "bot", schema); err != nil {
		t.Fatal(err)
	}
	d := &disk{db: db, log: testLog()}
	in, err := newInbox(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 100 {
		c := command{id: fmt.Sprint("id", i), sender: "a@b", text: "t", at: time.Now()}
		if !in.fresh(&c) || in.fresh(&c) {
			t.Fatal("not told apart")
		}
		d.put(c.insert(false), nil)
		if i%2 == 0 {
			d.put(c.done(), nil)
		}
	}
	d.flush(t.Context())
	if in, err = newInbox(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	if in.fresh(&command{id: "id7"}) || !in.fresh(&command{id: "new"}) {
		t.Error("forgot over a restart")
	}
	if left := in.waiting(); left["a@b"] != 50 {
		t.Errorf("%v wait", left)
	}
	list, err := in.load(t.Context(), "a@b", 0, 10)
	if err != nil || len(list) != 10 || list[0].id != "id1" || list[9].id != "id19" {
		t.Errorf("%v, %v", list, err)
	}
}
