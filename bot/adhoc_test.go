// SPDX-License-Identifier: GPL-3.0-or-later

package bot

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"oswald"
	"oswald/internal/xmppclient"
	"oswald/internal/xmppclient/xmltree"
	"oswald/internal/xmpptest"
)

// menu is a small table of commands.
type menu struct{}

func (menu) Menu(role oswald.Role) []oswald.MenuItem {
	list := []oswald.MenuItem{{Name: "ping", Desc: "Answer pong"}, {Name: "say", Desc: "Speak", Fields: []oswald.Field{
		{Name: "where", Label: "Where", Options: []string{"left", "right"}, Value: "left"},
		{Name: "text", Label: "Text", Required: true, Rest: true}}}}
	if role >= oswald.Owner {
		list = append(list, oswald.MenuItem{Name: "spam retrain", Desc: "Learn afresh"},
			oswald.MenuItem{Name: "delete", Desc: "Remove a comment", Asks: true, Fields: []oswald.Field{{Name: "n", Label: "Number", Required: true}}},
			oswald.MenuItem{Name: "rollback", Desc: "Take it back", Asks: true})
	}
	return list
}

// dialog runs ad-hoc commands of a client at the bot.
type dialog struct {
	t    *testing.T
	c    *xmppclient.Client
	seen *stanzas
	full string
}

func dialogOf(t *testing.T, s *xmpptest.Server, user string, r *rig) dialog {
	t.Helper()
	c, seen := watcher(t, s, user)
	return dialog{t, c, seen, fullJID(r)}
}

func (d dialog) send(attrs, inner string) (*xmltree.Element, error) {
	res, err := d.c.IQ(d.t.Context(), d.full, "set", "<command xmlns='"+nsCommands+"' "+attrs+">"+inner+"</command>")
	return res.First(), err
}

// do wants an answer of that status that contains the words.
func (d dialog) do(attrs, inner, status string, words ...string) *xmltree.Element {
	d.t.Helper()
	cmd, err := d.send(attrs, inner)
	if err != nil || cmd.Get("status") != status {
		d.t.Errorf("%s: %v, %v; want %s", attrs, cmd, err, status)
		return xmltree.New(nsCommands, "command", "sessionid", "none")
	}
	for _, w := range words {
		if !strings.Contains(cmd.String(), w) {
			d.t.Errorf("%s: %q is missing in %s", attrs, w, cmd)
		}
	}
	return cmd
}

// refused wants an error with all of the conditions.
func (d dialog) refused(attrs, inner string, conditions ...string) {
	d.t.Helper()
	_, err := d.send(attrs, inner)
	list := d.seen.find("iq", func(e *xmltree.Element) bool { return e.Get("type") == "error" })
	if err == nil || len(list) == 0 {
		d.t.Errorf("%s was not refused", attrs)
		return
	}
	last := list[len(list)-1].String()
	for _, c := range conditions {
		if !strings.Contains(last, c) {
			d.t.Errorf("%s: %s, want %s", attrs, last, c)
		}
	}
}

func filled(values ...string) string {
	x := xmltree.New(nsForms, "x", "type", "submit")
	for i := 0; i < len(values); i += 2 {
		x.Add(xmltree.New(nsForms, "field", "var", values[i]).Add(xmltree.New(nsForms, "value").AddText(values[i+1])))
	}
	return x.String()
}

// withMenu starts a bot with the small table.
func withMenu(t *testing.T, s *xmpptest.Server) *rig {
	t.Helper()
	r := newRig(t, testConfig(t, s), filepath.Join(t.TempDir(), "bot.db"))
	r.deps.Menu = menu{}
	r.commands.answer = func(_ context.Context, q oswald.Request) (oswald.Reply, error) {
		switch {
		case strings.HasPrefix(q.Text, "delete"), q.Text == "rollback":
			return oswald.Reply{Text: "Cheap watches!\nRemove it? yes/no", About: oswald.AboutQuestion(q.ID)}, nil
		case q.Text == "yes" || q.Text == "no":
			return oswald.Reply{Text: q.Text + " to " + q.About}, nil
		case q.Text == "say left bad":
			return oswald.Reply{}, oswald.Errorf(oswald.Invalid, "Say something nice.")
		case q.Text == "say left worse":
			return oswald.Reply{}, errors.New("a secret path")
		case q.Text == "say left long":
			return oswald.Reply{Text: strings.Repeat("a line & more\n", 3000)}, nil
		}
		return oswald.Reply{Text: "did " + q.Text}, nil
	}
	return r.run().waitOnline()
}

func testAdHoc(t *testing.T, s *xmpptest.Server) {
	s.Register("mallory")
	r := withMenu(t, s)
	full := fullJID(r)
	alice, bob, mallory := dialogOf(t, s, "alice", r), dialogOf(t, s, "bob", r), dialogOf(t, s, "mallory", r)

	items := func(d dialog) (nodes []string) {
		t.Helper()
		res, err := d.c.IQ(t.Context(), full, "get", "<query xmlns='"+nsItems+"' node='"+nsCommands+"'/>")
		if err != nil {
			return []string{err.Error()}
		}
		for _, i := range res.First().Children() {
			nodes = append(nodes, i.Get("node"))
			if i.Get("jid") != full || i.Get("name") == "" {
				t.Errorf("item %s", i)
			}
		}
		return nodes
	}
	for _, x := range []struct {
		d    dialog
		want string
	}{{alice, "[ping say spam-retrain delete rollback]"}, {bob, "[ping say]"}, {mallory, "[cancel error service-unavailable]"}} {
		if got := fmt.Sprint(items(x.d)); got != x.want {
			t.Errorf("commands %s, want %s", got, x.want)
		}
	}
	for node, want := range map[string]string{nsCommands: "command-list", "say": "command-node"} {
		res, err := bob.c.IQ(t.Context(), full, "get", "<query xmlns='"+nsInfo+"' node='"+node+"'/>")
		if err != nil || res.First().Child(nsInfo, "identity").Get("type") != want {
			t.Errorf("%s: %v, %v", node, res, err)
		}
	}
	if _, err := bob.c.IQ(t.Context(), full, "get", "<query xmlns='"+nsInfo+"' node='delete'/>"); err == nil {
		t.Error("bob learns of a command that he may not run")
	}

	bob.do("node='ping' action='execute'", "", "completed", "type='info'>did ping<")
	bob.do("node='ping'", "", "completed") // the action is optional
	alice.do("node='spam-retrain'", "", "completed", "did spam retrain")
	bob.refused("node='delete'", "", "type='auth'", "<forbidden ")
	bob.refused("node='nothing'", "", "item-not-found")
	bob.refused("node='say' action='dance'", "", "bad-request", "<malformed-action xmlns='"+nsCommands)
	bob.refused("node='say' action='next'", "", "bad-request", "<bad-sessionid ")
	bob.refused("node='say' sessionid='made up' action='complete'", filled("text", "x"), "bad-request", "<bad-sessionid ")
	mallory.refused("node='ping'", "", "service-unavailable")

	cmd := bob.do("node='say'", "", "executing", "list-single", "<required/>", "<complete/>", "label='Text'")
	id := " sessionid='" + cmd.Get("sessionid") + "'"
	if len(cmd.Get("sessionid")) < 16 {
		t.Errorf("session %q", cmd.Get("sessionid"))
	}
	alice.refused("node='say'"+id, filled("text", "x"), "bad-request", "<bad-sessionid ") // not hers
	second := dialogOf(t, s, "bob", r)                                                    // nor of bob's other client
	second.refused("node='say'"+id, filled("text", "x"), "bad-request", "<bad-sessionid ")
	bob.refused("node='ping'"+id, filled("text", "x"), "bad-request", "<bad-sessionid ")
	bob.refused("node='say' action='complete'"+id, "", "bad-request", "<bad-payload ") // no form
	bob.refused("node='say' action='prev'"+id, filled("text", "x"), "bad-request", "<bad-action ")
	bob.do("node='say' action='complete'"+id, filled("where", "left"), "executing", "Please fill in: Text.", "type='error'")
	bob.do("node='say' action='complete'"+id, filled("where", "up", "text", "x"), "executing", "Please choose")
	bob.do("node='say' action='complete'"+id, filled("text", "bad"), "executing", "Say something nice.", "<value>bad</value>")
	bob.do("node='say' action='execute'"+id, filled("where", "right", "text", "good"), "completed", "did say right good")
	bob.refused("node='say' action='complete'"+id, filled("text", "x"), "not-allowed", "<session-expired ")

	id = " sessionid='" + bob.do("node='say'", "", "executing").Get("sessionid") + "'"
	bob.do("node='say' action='cancel'"+id, "", "canceled")
	id = " sessionid='" + bob.do("node='say'", "", "executing").Get("sessionid") + "'"
	bob.do("node='say'"+id, filled("text", "worse"), "completed", "Internal error (ref ", "type='error'")
	id = " sessionid='" + bob.do("node='say'", "", "executing").Get("sessionid") + "'"
	bob.do("node='say'"+id, filled("text", "long"), "completed", "a line &amp; more&#10;a line", "…</note>")

	// A dangerous one asks.
	id = " sessionid='" + alice.do("node='delete'", "", "executing", "<next/>").Get("sessionid") + "'"
	alice.do("node='delete' action='next'"+id, filled("n", "12"), "executing", "Cheap watches!", "<prev/>", "<complete/>")
	if n := r.commands.times("yes"); n != 0 {
		t.Fatal("nobody said yes")
	}
	alice.do("node='delete' action='prev'"+id, "", "executing", "<value>12</value>", "<next/>")
	alice.do("node='delete' action='next'"+id, filled("n", "13"), "executing", "Remove it?")
	alice.do("node='delete' action='complete'"+id, "", "completed", "yes to question:")
	id = " sessionid='" + alice.do("node='rollback'", "", "executing", "Remove it?").Get("sessionid") + "'"
	alice.refused("node='rollback' action='prev'"+id, "", "bad-request", "<bad-action ")
	alice.do("node='rollback' action='cancel'"+id, "", "canceled")
	if yes, no := r.commands.times("yes"), r.commands.times("no"); yes != 1 || no != 2 {
		t.Errorf("%d times yes, %d times no", yes, no)
	}
	for i := range 40 { // forms that are left open are bounded
		alice.do("node='say'", "", "executing")
		if n := len(r.forms.byID); n > formsMax || i > formsEach && n > 3*formsEach {
			t.Fatalf("%d forms", n)
		}
	}
}

// TestAdHocAgain sends the same request twice: it runs once and is answered twice
// with the same.
func TestAdHocAgain(t *testing.T) {
	s := server(t)
	r := withMenu(t, s)
	full := fullJID(r)
	alice, seen := watcher(t, s, "alice")
	answers := func(id string) (list []string) {
		for _, e := range seen.find("iq", func(e *xmltree.Element) bool { return e.Get("id") == id }) {
			list = append(list, e.String())
		}
		return list
	}
	send := func(id, attrs, inner string) {
		alice.SendRaw("<iq type='set' to='" + full + "' id='" + id + "'><command xmlns='" + nsCommands + "' " + attrs + ">" + inner + "</command></iq>")
	}
	send("a", "node='ping'", "")
	wait(t, "the answer", func() bool { return len(answers("a")) == 1 })
	send("a", "node='ping'", "")
	wait(t, "the answer", func() bool { return len(answers("a")) == 2 })
	send("b", "node='say'", "")
	wait(t, "the form", func() bool { return len(answers("b")) == 1 })
	e, _ := xmltree.Parse([]byte(answers("b")[0]))
	id := "node='say' sessionid='" + e.First().Get("sessionid") + "'"
	send("c", id, filled("text", "once"))
	wait(t, "the answer", func() bool { return len(answers("c")) == 1 })
	send("c", id, filled("text", "once"))
	wait(t, "the answer", func() bool { return len(answers("c")) == 2 })
	for _, id := range []string{"a", "c"} {
		if list := answers(id); list[0] != list[1] {
			t.Errorf("%s\nthen %s", list[0], list[1])
		}
	}
	if p, q := r.commands.times("ping"), r.commands.times("say left once"); p != 1 || q != 1 {
		t.Errorf("ping ran %d times, say %d times", p, q)
	}
}

// TestAdHocSlow lets a command take longer than a form waits: the result comes as a
// message. Meanwhile the bot answers others, and a form that is too old is told.
func TestAdHocSlow(t *testing.T) {
	s := server(t)
	r := newRig(t, testConfig(t, s), filepath.Join(t.TempDir(), "bot.db"))
	r.deps.Menu = menu{}
	release := make(chan struct{})
	r.commands.answer = func(ctx context.Context, q oswald.Request) (oswald.Reply, error) {
		if q.Text == "ping" {
			<-release
		}
		return oswald.Reply{Text: "at last"}, nil
	}
	var late atomic.Int64
	r.forms.wait = 100 * time.Millisecond
	r.forms.now = func() time.Time { return time.Now().Add(time.Duration(late.Load())) }
	r.run().waitOnline()
	alice := dialogOf(t, s, "alice", r)
	alice.do("node='ping'", "", "completed", laterNote)
	for range 3 { // these wait for the first, and take no place from anybody
		alice.do("node='spam-retrain'", "", "completed", laterNote)
	}
	if n := r.commands.times("spam retrain"); n != 0 {
		t.Errorf("%d ran beside another", n)
	}
	dialogOf(t, s, "bob", r).do("node='say'", "", "executing")
	id := " sessionid='" + alice.do("node='say'", "", "executing").Get("sessionid") + "'"
	close(release)
	for range 4 {
		if m := next(t, alice.c); m.Body != "at last" {
			t.Errorf("got %q", m.Body)
		}
	}
	wait(t, "the end of the queue", func() bool {
		r.forms.mu.Lock()
		defer r.forms.mu.Unlock()
		return len(r.forms.queues) == 0
	})
	late.Store(int64(formTime + time.Second))
	alice.refused("node='say'"+id, filled("text", "x"), "not-allowed", "<session-expired ")
	late.Store(int64(formForget + time.Second))
	alice.do("node='say'", "", "executing") // tidies up
	alice.refused("node='say'"+id, filled("text", "x"), "bad-request", "<bad-sessionid ")
}

func FuzzForm(f *testing.F) {
	f.Add([]byte(filled("a", "b", "c", "d\ne")))
	f.Add([]byte("<x xmlns='jabber:x:data' type='submit'><field var='a'><value>1</value><value>2</value></field></x>"))
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := xmltree.Parse(b)
		if err != nil {
			return
		}
		values, ok := readForm(e)
		if !ok && values != nil || len(values) > formFields {
			t.Errorf("%d values", len(values))
		}
		for k, v := range values {
			if k == "" || len(v) > 2*formLongest+formLongest {
				t.Errorf("%q has %d bytes", k, len(v))
			}
		}
	})
}
