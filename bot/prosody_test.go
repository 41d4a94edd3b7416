// SPDX-License-Identifier: GPL-3.0-or-later

package bot

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"oswald"
	"oswald/internal/prosodytest"
	"oswald/internal/secret"
	"oswald/internal/store"
	"oswald/internal/xmppclient"
)

// commands is a Dispatcher that remembers what it was asked.
type commands struct {
	mu     sync.Mutex
	asked  []oswald.Request
	answer func(ctx context.Context, r oswald.Request) (oswald.Reply, error)
}

func (c *commands) Dispatch(ctx context.Context, r oswald.Request) (oswald.Reply, error) {
	c.mu.Lock()
	c.asked = append(c.asked, r)
	f := c.answer
	c.mu.Unlock()
	if f != nil {
		return f(ctx, r)
	}
	return oswald.Reply{Text: "you said " + r.Text}, nil
}

func (c *commands) times(text string) (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, r := range c.asked {
		if r.Text == text {
			n++
		}
	}
	return n
}

// rig is a bot with what surrounds it.
type rig struct {
	*Bot
	t         *testing.T
	db        *sql.DB
	commands  *commands
	mu        sync.Mutex
	strangers []string
	stop      func()
}

func testConfig(t *testing.T, s *prosodytest.Server) Config {
	c := Defaults()
	c.JID, c.PasswordFile = jidOf("bot"), passwordFile(t, s)
	c.Server, c.CAFile = s.Addr, s.CAFile
	c.Patience = 5 * time.Second
	return c
}

func newRig(t *testing.T, cfg Config, path string) *rig {
	t.Helper()
	db, err := store.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{t: t, db: db, commands: new(commands)}
	log := slog.DiscardHandler
	if testing.Verbose() {
		log = slog.NewTextHandler(os.Stderr, nil)
	}
	r.Bot, err = New(cfg, Deps{
		Dispatcher: r.commands, DB: db, Version: "1.2.3", Log: slog.New(log),
		Role: func(bare string) oswald.Role {
			switch bare {
			case jidOf("alice"):
				return oswald.Owner
			case jidOf("bob"):
				return oswald.Member
			}
			return oswald.NoRole
		},
		Stranger: func(bare string) {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.strangers = append(r.strangers, bare)
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.end(); db.Close() })
	return r
}

// run starts the bot; end, or the end of the test, stops it.
func (r *rig) run() *rig {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := r.Run(ctx); err != nil {
			r.t.Error(err)
		}
	}()
	r.stop = sync.OnceFunc(func() {
		begin := time.Now()
		cancel()
		<-done
		if d := time.Since(begin); d > 10*time.Second {
			r.t.Errorf("stopping took %v", d)
		}
	})
	return r
}

// end stops the bot.
func (r *rig) end() {
	if r.stop != nil {
		r.stop()
	}
}

func (r *rig) waitOnline() *rig {
	r.t.Helper()
	wait(r.t, "the bot to be online", func() bool { return r.Part().OK })
	return r
}

func wait(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.NewTimer(30 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// server starts Prosody; mallory is in nobody's roster.
func server(t *testing.T) *prosodytest.Server {
	t.Helper()
	s := prosodytest.Start(t, "bot", "alice", "bob")
	s.Register("mallory")
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("prosody said:\n%s", s.Log())
		}
	})
	return s
}

func jidOf(user string) string { return user + "@" + prosodytest.Domain }

func passwordFile(t *testing.T, s *prosodytest.Server) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(path, []byte(s.Password("bot")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func roots(t *testing.T, s *prosodytest.Server) *x509.CertPool {
	t.Helper()
	pem, err := os.ReadFile(s.CAFile)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem)
	return pool
}

// start starts server and bot.
func start(t *testing.T) (*prosodytest.Server, *rig) {
	t.Helper()
	s := server(t)
	r := newRig(t, testConfig(t, s), filepath.Join(t.TempDir(), "bot.db"))
	return s, r.run().waitOnline()
}

func client(t *testing.T, s *prosodytest.Server, user string) *xmppclient.Client {
	t.Helper()
	c, err := xmppclient.Dial(t.Context(), xmppclient.Config{
		JID: jidOf(user), Password: secret.New([]byte(s.Password(user))),
		Addr: s.Addr, TLS: &tls.Config{RootCAs: roots(t, s)},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

var botJID = jidOf("bot")

func ask(t *testing.T, c *xmppclient.Client, text string) xmppclient.Message {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	m, err := c.Command(ctx, botJID, text, nil)
	if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return m
}

// next returns the next message with a body that no Command waited for.
func next(t *testing.T, c *xmppclient.Client) xmppclient.Message {
	t.Helper()
	deadline := time.NewTimer(30 * time.Second)
	defer deadline.Stop()
	for {
		select {
		case m, ok := <-c.Messages():
			if !ok {
				t.Fatalf("the client's session ended: %v", c.Err())
			}
			if m.Body != "" {
				return m
			}
		case <-deadline.C:
			t.Fatal("no message")
		}
	}
}

func TestConversation(t *testing.T) {
	s, r := start(t)
	if want := "connected as " + botJID + " since "; !strings.HasPrefix(r.Part().State, want) {
		t.Errorf("state %q", r.Part().State)
	}
	alice := client(t, s, "alice")
	m := ask(t, alice, "hello")
	if m.Body != "you said hello" || m.ChatState != "active" || m.OriginID == "" || m.Thread == "" {
		t.Errorf("reply %s", m.XML)
	}
	r.commands.answer = func(ctx context.Context, q oswald.Request) (oswald.Reply, error) {
		switch q.Text {
		case "panic":
			panic("at the disco")
		case "fail":
			return oswald.Reply{}, errors.New("a secret path")
		case "refuse":
			return oswald.Reply{}, oswald.Errorf(oswald.Invalid, "You may not.")
		case "raw":
			return oswald.Reply{Text: "*x*\x1b[31m\u202e", Raw: true}, nil
		case "long":
			return oswald.Reply{Text: strings.Repeat("a line of text\n", 1000)}, nil
		case "progress":
			q.Progress("half of it")
			return oswald.Reply{Text: "all"}, nil
		case "empty":
			return oswald.Reply{}, nil
		}
		return oswald.Reply{Text: "ok " + q.Text}, nil
	}
	for _, text := range []string{"panic", "fail"} {
		if got := ask(t, alice, text).Body; !strings.HasPrefix(got, "Internal error (ref ") {
			t.Errorf("%s: %q", text, got)
		}
	}
	if got := ask(t, alice, "refuse").Body; got != "You may not." {
		t.Errorf("refuse: %q", got)
	}
	if m := ask(t, alice, "raw"); m.Body != "*x*[31m" || !strings.Contains(m.XML, nsStyling) {
		t.Errorf("raw: %s", m.XML)
	}
	var parts []string
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	m, err := alice.Command(ctx, botJID, "long", func(m xmppclient.Message) { parts = append(parts, m.Body) })
	parts = append(parts, m.Body)
	if got := strings.Join(parts, "\n"); err != nil || len(parts) != 4 || got != strings.TrimRight(strings.Repeat("a line of text\n", 1000), "\n") {
		t.Errorf("long: %d parts, %d bytes, %v", len(parts), len(got), err)
	}
	parts = nil
	m, err = alice.Command(ctx, botJID, "progress", func(m xmppclient.Message) { parts = append(parts, m.ChatState+" "+m.Body) })
	if err != nil || m.Body != "all" || fmt.Sprint(parts) != "[composing half of it]" {
		t.Errorf("progress: %v then %q, %v", parts, m.Body, err)
	}
}

func TestStrangers(t *testing.T) {
	s, r := start(t)
	mallory, alice := client(t, s, "mallory"), client(t, s, "alice")
	full := fullJID(r)
	send := func(x string) {
		t.Helper()
		if err := mallory.SendRaw(x); err != nil {
			t.Fatal(err)
		}
	}
	send("<message to='" + botJID + "' type='chat' id='m1'><body>ping</body><request xmlns='urn:xmpp:receipts'/></message>")
	send("<presence to='" + botJID + "' type='subscribe'/>")
	wait(t, "the strangers to be counted", func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		return len(r.strangers) == 2
	})
	for _, q := range []string{"<query xmlns='jabber:iq:version'/>", "<ping xmlns='urn:xmpp:ping'/>", "<query xmlns='" + nsInfo + "'/>"} {
		if _, err := mallory.IQ(t.Context(), full, "get", q); err == nil {
			t.Errorf("a stranger got an answer to %s", q)
		}
	}
	if got := ask(t, alice, "x").Body; got != "you said x" {
		t.Errorf("afterwards: %q", got)
	}
	select {
	case m := <-mallory.Messages():
		t.Errorf("a stranger got %s", m.XML)
	default:
	}
}

func fullJID(r *rig) string {
	r.Bot.mu.Lock()
	defer r.Bot.mu.Unlock()
	return r.online
}

func TestIdentity(t *testing.T) {
	s, r := start(t)
	alice := client(t, s, "alice")
	full := fullJID(r)
	if seen, err := alice.WaitOnline(t.Context(), botJID); err != nil || seen != full {
		t.Errorf("online as %q, %v; want %q", seen, err, full)
	}
	get := func(payload, want string) {
		t.Helper()
		e, err := alice.IQ(t.Context(), full, "get", payload)
		if err != nil || !strings.Contains(e.String(), want) {
			t.Errorf("%s: %v, %v", payload, e, err)
		}
	}
	get("<query xmlns='"+nsInfo+"'/>", "type='bot'")
	get("<query xmlns='"+nsInfo+"' node='"+botNode+"#"+r.caps.ver+"'/>", nsPing)
	get("<query xmlns='"+nsItems+"'/>", nsItems)
	get("<query xmlns='jabber:iq:version'/>", "1.2.3")
	get("<ping xmlns='urn:xmpp:ping'/>", "result")
	get("<time xmlns='urn:xmpp:time'/>", "utc")
	if _, err := alice.IQ(t.Context(), full, "get", "<query xmlns='"+nsInfo+"' node='x'/>"); err == nil {
		t.Error("an unknown node has an answer")
	}
	if _, err := alice.IQ(t.Context(), full, "set", "<query xmlns='jabber:iq:roster'><item jid='evil@oswald.test' subscription='both'/></query>"); err == nil {
		t.Error("a forged roster push was accepted")
	}
	// A restart keeps the resource.
	path := filepath.Join(t.TempDir(), "again.db")
	a := newRig(t, testConfig(t, s), path)
	b := newRig(t, testConfig(t, s), path)
	if a.resource != b.resource || a.resource == r.resource {
		t.Errorf("resources %q, %q, %q", r.resource, a.resource, b.resource)
	}
}

func TestOnce(t *testing.T) {
	s, r := start(t)
	alice := client(t, s, "alice")
	same := "<message to='" + botJID + "' type='chat' id='%s'><body>%s</body><origin-id xmlns='urn:xmpp:sid:0' id='o-%s'/></message>"
	for range 3 {
		alice.SendRaw(fmt.Sprintf(same, "1", "again", "1"))
	}
	alice.SendRaw("<message to='" + botJID + "' type='chat' id='2'><body>twice</body><body>twice</body><body xml:lang='de'>zweimal</body><body xmlns='urn:x'>other</body></message>")
	alice.SendRaw("<message to='" + botJID + "' type='chat' id='3'><body xmlns='urn:x'>hidden</body></message>")
	ask(t, alice, "end")
	for text, want := range map[string]int{"again": 1, "twice": 1, "zweimal": 0, "other": 0, "hidden": 0, "end": 1} {
		if got := r.commands.times(text); got != want {
			t.Errorf("%q ran %d times, want %d", text, got, want)
		}
	}
}

func TestServerDies(t *testing.T) {
	for name, end := range map[string]func(*prosodytest.Server){
		"killed": (*prosodytest.Server).Kill, "stopped": (*prosodytest.Server).Stop,
	} {
		t.Run(name, func(t *testing.T) {
			s, r := start(t)
			ask(t, client(t, s, "alice"), "before")
			// What the server has not acknowledged when it dies goes again.
			wait(t, "the reply to be acknowledged", func() bool { return r.out.count() == 0 })
			end(s)
			wait(t, "the bot to notice", func() bool { return !r.Part().OK })
			if state := r.Part().State; !strings.HasPrefix(state, "not connected: ") {
				t.Errorf("state %q", state)
			}
			if err := r.Send(t.Context(), jidOf("alice"), oswald.Reply{Text: "while you were away"}); err != nil {
				t.Fatal(err)
			}
			s.Restart()
			alice := client(t, s, "alice")
			r.waitOnline()
			if got := next(t, alice).Body; got != "while you were away" {
				t.Errorf("got %q", got)
			}
			if got := ask(t, alice, "after").Body; got != "you said after" {
				t.Errorf("after: %q", got)
			}
			wait(t, "the outbox to be empty", func() bool { return r.out.count() == 0 })
		})
	}
}

// TestReplyWhileDisconnected starts a command, takes the server away until it has
// ended, and expects the reply after the server is back.
func TestReplyWhileDisconnected(t *testing.T) {
	s, r := start(t)
	alice := client(t, s, "alice")
	release := make(chan struct{})
	r.commands.answer = func(context.Context, oswald.Request) (oswald.Reply, error) {
		<-release
		return oswald.Reply{Text: "done at last"}, nil
	}
	if _, err := alice.Send(t.Context(), xmppclient.Message{To: botJID, Body: "slow"}); err != nil {
		t.Fatal(err)
	}
	wait(t, "the command to run", func() bool { return r.commands.times("slow") == 1 })
	s.Kill()
	wait(t, "the bot to notice", func() bool { return !r.Part().OK })
	close(release)
	wait(t, "the reply to wait", func() bool { return r.out.count() == 1 })
	s.Restart()
	if got := next(t, client(t, s, "alice")).Body; got != "done at last" {
		t.Errorf("got %q", got)
	}
	if n := r.commands.times("slow"); n != 1 {
		t.Errorf("ran %d times", n)
	}
}

// TestResume cuts the connection; what is sent meanwhile comes when the session
// is resumed, and once.
func TestResume(t *testing.T) {
	s, r := start(t)
	alice := client(t, s, "alice")
	ask(t, alice, "before")
	full := fullJID(r)
	r.quick.Min = 2 * time.Second
	s.Signal(syscall.SIGSTOP)
	r.cut()
	wait(t, "the bot to notice", func() bool { return !r.Part().OK })
	s.Signal(syscall.SIGCONT)
	if got := ask(t, alice, "meanwhile").Body; got != "you said meanwhile" {
		t.Errorf("meanwhile: %q", got)
	}
	if r.waitOnline(); fullJID(r) != full {
		t.Errorf("came back as %s, was %s", fullJID(r), full)
	}
	if !r.resumed() {
		t.Error("the session was not resumed")
	}
	if n := r.commands.times("meanwhile"); n != 1 {
		t.Errorf("ran %d times", n)
	}
}

func TestFrozenServer(t *testing.T) {
	s := server(t)
	cfg := testConfig(t, s)
	cfg.Ping, cfg.Patience = 200*time.Millisecond, 500*time.Millisecond
	r := newRig(t, cfg, filepath.Join(t.TempDir(), "bot.db")).run().waitOnline()
	s.Signal(syscall.SIGSTOP)
	wait(t, "the watchdog", func() bool { return !r.Part().OK })
	if state := r.Part().State; !strings.Contains(state, "does not answer") {
		t.Errorf("state %q", state)
	}
	s.Signal(syscall.SIGCONT)
	r.waitOnline()
}

func TestWrongPassword(t *testing.T) {
	s := server(t)
	cfg := testConfig(t, s)
	if err := os.WriteFile(cfg.PasswordFile, []byte("wrong"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := newRig(t, cfg, filepath.Join(t.TempDir(), "bot.db"))
	if r.slow.Min < 30*time.Second {
		t.Errorf("tries a wrong password again after %v", r.slow.Min)
	}
	r.slow.Min = 100 * time.Millisecond
	r.run()
	wait(t, "the refusal", func() bool { return strings.Contains(r.Part().State, "refuses the password") })
	if _, err := Check(t.Context(), cfg); !strings.Contains(oswald.MessageOf(err), "refuses the password") {
		t.Errorf("check: %v", err)
	}
	if err := os.WriteFile(cfg.PasswordFile, []byte(s.Password("bot")), 0o600); err != nil { // the operator corrects it
		t.Fatal(err)
	}
	r.waitOnline()
	if line, err := Check(t.Context(), cfg); err != nil || !strings.Contains(line, "can log in (SCRAM-SHA-256, over verified TLS") {
		t.Errorf("check: %q, %v", line, err)
	}
}

func TestCertificates(t *testing.T) {
	s := server(t)
	test := func(want string, change func(*Config)) {
		t.Helper()
		cfg := testConfig(t, s)
		change(&cfg)
		_, err := Check(t.Context(), cfg)
		if got := fmt.Sprint(oswald.MessageOf(err)); err == nil && want != "" || err != nil && (want == "" || !strings.Contains(got, want)) {
			t.Errorf("%q (%v), want %q", got, err, want)
		}
	}
	test("", func(*Config) {})
	test("", func(c *Config) { c.Server, c.DirectTLS = s.TLSAddr, true })
	test("not signed by anyone this machine trusts", func(c *Config) { c.CAFile = "" })
	test("not signed by anyone this machine trusts", func(c *Config) { c.CAFile, c.Server, c.DirectTLS = "", s.TLSAddr, true })
	test("does not know the domain", func(c *Config) { c.JID = "bot@elsewhere.test"; c.Server, c.DirectTLS = s.TLSAddr, true })
	test("does not speak TLS", func(c *Config) { c.Server, c.DirectTLS = s.Addr, true })
	test("ca_file", func(c *Config) { c.CAFile = "/nowhere" })
	test("password_file", func(c *Config) { c.PasswordFile = "/nowhere" })
	test("Nobody answers", func(c *Config) { c.Server = "127.0.0.1:1" })
	test("may want encryption", func(c *Config) { c.DangerPlaintextToLoopback = true })
}

func TestHostile(t *testing.T) {
	s, r := start(t)
	alice := client(t, s, "alice")
	full := fullJID(r)
	ask(t, alice, "begin")
	for i, x := range hostile(full) {
		peer := client(t, s, "bob") // a stanza that the server refuses ends its sender's stream
		peer.SendRaw(x)
		peer.IQ(t.Context(), "", "get", "<ping xmlns='urn:xmpp:ping'/>")
		peer.Close()
		if got := ask(t, alice, fmt.Sprint("still there after ", i)).Body; got != fmt.Sprint("you said still there after ", i) {
			t.Errorf("after %s: %q", clip(x, 200), got)
		}
	}
	if now := fullJID(r); now != full || r.sessions() != 1 {
		t.Errorf("%d sessions; %s became %s", r.sessions(), full, now)
	}
}

func TestBadMessages(t *testing.T) {
	s, r := start(t)
	alice := client(t, s, "alice")
	if got := ask(t, alice, strings.Repeat("x", 100<<10)).Body; got != tooLong {
		t.Errorf("long: %q", got)
	}
	alice.SendRaw("<message to='" + botJID + "' type='chat' id='e1'><encrypted xmlns='eu.siacs.conversations.axolotl'><header sid='1'/><payload>eA==</payload></encrypted><body>I sent you an OMEMO message</body></message>")
	if got := next(t, alice).Body; got != encrypted {
		t.Errorf("encrypted: %q", got)
	}
	alice.SendRaw("<message to='" + botJID + "' type='chat' id='e2'><encrypted xmlns='eu.siacs.conversations.axolotl'><header sid='1'/></encrypted></message>")
	alice.SendRaw("<message to='" + botJID + "' type='error' id='e3'><body>bounced</body><error type='cancel'><gone xmlns='" + nsStanzas + "'/></error></message>")
	alice.SendRaw("<message to='" + botJID + "' type='headline' id='e4'><body>news</body></message>")
	if got := ask(t, alice, "tab\tline\nend\u0085\u202e").Body; got != "you said tab\tline\nend" {
		t.Errorf("controls: %q", got)
	}
	for _, text := range []string{"bounced", "news", "I sent you an OMEMO message"} {
		if r.commands.times(text) != 0 {
			t.Errorf("%q ran", text)
		}
	}
}

func TestDelayAndReceipt(t *testing.T) {
	s, r := start(t)
	r.end()
	alice := client(t, s, "alice")
	before := time.Now().Add(-2 * time.Second)
	id, err := alice.Send(t.Context(), xmppclient.Message{To: botJID, Body: "early"})
	if err != nil {
		t.Fatal(err)
	}
	alice.IQ(t.Context(), "", "get", "<ping xmlns='urn:xmpp:ping'/>") // it is stored
	again := newRig(t, r.cfg, filepath.Join(t.TempDir(), "bot.db")).run().waitOnline()
	receipt, reply := false, false
	deadline := time.NewTimer(30 * time.Second)
	defer deadline.Stop()
	for !receipt || !reply {
		select {
		case m := <-alice.Messages():
			receipt = receipt || m.Receipt == id
			reply = reply || m.Body == "you said early"
		case <-deadline.C:
			t.Fatalf("receipt %v, reply %v", receipt, reply)
		}
	}
	again.commands.mu.Lock()
	defer again.commands.mu.Unlock()
	if at := again.commands.asked[0].At; at.Before(before) || time.Since(at) > time.Minute {
		t.Errorf("sent at %v", at)
	}
}

func TestWithoutStreamManagement(t *testing.T) {
	s := server(t)
	s.Configure(`password_hash = "SHA-256"`, "")
	s.Configure(`"smacks";`, "")
	s.Register("bot") // again, for SCRAM-SHA-1
	s.Register("alice")
	r := newRig(t, testConfig(t, s), filepath.Join(t.TempDir(), "bot.db")).run().waitOnline()
	alice := client(t, s, "alice")
	ask(t, alice, "one")
	wait(t, "the outbox to be empty", func() bool { return r.out.count() == 0 })
	s.Restart()
	wait(t, "the bot to come back", func() bool { return r.sessions() == 2 && r.Part().OK })
	ask(t, client(t, s, "alice"), "two")
}

func TestFlood(t *testing.T) {
	n := 2000
	if testing.Short() {
		n = 200
	}
	s, r := start(t)
	alice, bob := client(t, s, "alice"), client(t, s, "bob")
	go func() {
		for range alice.Messages() {
		}
	}()
	for i := range n {
		if _, err := alice.Send(t.Context(), xmppclient.Message{To: botJID, Body: fmt.Sprint("flood ", i), NoReceipt: true}); err != nil {
			t.Fatal(err)
		}
	}
	if got := ask(t, bob, "and me?").Body; got != "you said and me?" {
		t.Errorf("bob: %q", got)
	}
	wait(t, "all to run", func() bool { return r.commands.times(fmt.Sprint("flood ", n-1)) == 1 })
	wait(t, "the outbox to be empty", func() bool { return r.out.count() == 0 })
	r.commands.mu.Lock()
	defer r.commands.mu.Unlock()
	at := 0
	for _, q := range r.commands.asked {
		if q.Actor.Address == jidOf("alice") {
			if q.Text != fmt.Sprint("flood ", at) {
				t.Fatalf("%q instead of number %d", q.Text, at)
			}
			at++
		}
	}
	if at != n {
		t.Errorf("%d of %d ran", at, n)
	}
}

// TestRestart stops the bot while a command runs and others wait: after the start
// they run under the same IDs, in order, and are answered on their threads.
func TestRestart(t *testing.T) {
	s := server(t)
	cfg, path := testConfig(t, s), filepath.Join(t.TempDir(), "bot.db")
	r := newRig(t, cfg, path).run().waitOnline()
	r.commands.answer = func(ctx context.Context, _ oswald.Request) (oswald.Reply, error) {
		<-ctx.Done()
		return oswald.Reply{}, ctx.Err()
	}
	alice := client(t, s, "alice")
	for i := range 50 {
		alice.Send(t.Context(), xmppclient.Message{To: botJID, Body: fmt.Sprint(i), Thread: fmt.Sprint("t", i)})
	}
	wait(t, "the first to run", func() bool { return r.commands.times("0") == 1 })
	r.end()
	id := r.commands.asked[0].ID
	r.db.Close()
	again := newRig(t, cfg, path).run().waitOnline()
	for i := range 50 {
		if m := next(t, alice); m.Body != fmt.Sprint("you said ", i) || m.Thread != fmt.Sprint("t", i) {
			t.Fatalf("number %d: %s", i, m.XML)
		}
	}
	again.commands.mu.Lock()
	defer again.commands.mu.Unlock()
	if len(again.commands.asked) != 50 || again.commands.asked[0].ID != id {
		t.Errorf("%d ran, the first as %s, not %s", len(again.commands.asked), again.commands.asked[0].ID, id)
	}
}

// TestHang wants a command that cannot be stopped to be reported, and the next one
// to run.
func TestHang(t *testing.T) {
	s := server(t)
	cfg := testConfig(t, s)
	cfg.Timeout = 50 * time.Millisecond
	r := newRig(t, cfg, filepath.Join(t.TempDir(), "bot.db")).run().waitOnline()
	release := make(chan struct{})
	defer close(release)
	r.commands.answer = func(_ context.Context, q oswald.Request) (oswald.Reply, error) {
		if q.Text == "hang" {
			<-release
		}
		return oswald.Reply{Text: "fine"}, nil
	}
	alice := client(t, s, "alice")
	states := ""
	m, err := alice.Command(t.Context(), botJID, "hang", func(m xmppclient.Message) { states += m.ChatState })
	if err != nil || !strings.HasPrefix(m.Body, "Internal error (ref ") || states != "composing" {
		t.Errorf("%q after %q, %v", m.Body, states, err)
	}
	if got := ask(t, alice, "next").Body; got != "fine" {
		t.Errorf("next: %q", got)
	}
}
