// SPDX-License-Identifier: GPL-3.0-or-later

package bot

import (
	"crypto/tls"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"oswald"
	"oswald/internal/secret"
	"oswald/internal/xmppclient"
	"oswald/internal/xmppclient/xmltree"
	"oswald/internal/xmpptest"
)

// A person is somebody with a client in rooms.
type person struct {
	*xmppclient.Client
	t *testing.T

	mu   sync.Mutex
	seen []*xmltree.Element // messages and presences that have come and were not looked at
}

func newPerson(t *testing.T, s *xmpptest.Server, user string) *person {
	t.Helper()
	p := &person{t: t}
	c, err := xmppclient.Dial(t.Context(), xmppclient.Config{
		JID: jidOf(user), Password: secret.New([]byte(s.Password(user))), Resource: "r" + oswald.RandomID()[:5],
		Addr: s.Addr, TLS: &tls.Config{RootCAs: roots(t, s)},
		OnStanza: func(e *xmltree.Element) {
			if e.Local == "iq" {
				return
			}
			p.mu.Lock()
			defer p.mu.Unlock()
			p.seen = append(p.seen, e.Copy())
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	p.Client = c
	return p
}

// awaits returns the first stanza that fits, and forgets it; if it is a presence, also
// all that came before. (Messages come by several ways.)
func (p *person) awaits(what string, fits func(*xmltree.Element) bool) (found *xmltree.Element) {
	p.t.Helper()
	wait(p.t, what, func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		for i, e := range p.seen {
			if !fits(e) {
				continue
			}
			if found = e; e.Local == "presence" {
				p.seen = p.seen[i+1:]
			} else {
				p.seen = slices.Delete(p.seen, i, i+1)
			}
			return true
		}
		return false
	})
	return found
}

func (p *person) raw(format string, args ...any) {
	p.t.Helper()
	if err := p.SendRaw(fmt.Sprintf(format, args...)); err != nil {
		p.t.Fatal(err)
	}
}

func (p *person) ask(to, payload string) {
	p.t.Helper()
	if _, err := p.IQ(p.t.Context(), to, "set", payload); err != nil {
		p.t.Fatalf("%s: %v", payload, err)
	}
}

// enters goes into a room.
func (p *person) enters(room, nick string) {
	p.t.Helper()
	p.raw("<presence to='%s/%s'><x xmlns='%s'><history maxstanzas='0'/></x></presence>", room, nick, nsMUC)
	p.awaits(nick+" to be in "+room, func(e *xmltree.Element) bool {
		return e.Local == "presence" && strings.HasPrefix(e.Get("from"), room+"/") && statusesOf(userOf(e))[110]
	})
}

// makes goes into a new room and sets it up; options are pairs of a name without
// muc#roomconfig_ in front, and a value.
func (p *person) makes(room, nick string, options ...string) {
	p.t.Helper()
	p.enters(room, nick)
	for i := 0; i < len(options); i += 2 {
		options[i] = nsMUC + "#roomconfig_" + options[i]
		options[i] = strings.TrimPrefix(options[i], "http://jabber.org/protocol/")
	}
	form := submit(nsMUC+"#roomconfig", options...)
	p.ask(room, string(xmltree.New(nsMUC+"#owner", "query").Add(form).AppendXML(nil, nsClient)))
}

func (p *person) says(room, text string) {
	p.t.Helper()
	if _, err := p.Send(p.t.Context(), xmppclient.Message{To: room, Type: "groupchat", Body: text}); err != nil {
		p.t.Fatal(err)
	}
}

// hears waits for a message from the address, or its bare part, that contains text.
func (p *person) hears(from, text string) *xmltree.Element {
	p.t.Helper()
	return p.awaits(fmt.Sprintf("%q from %s", text, from), func(e *xmltree.Element) bool {
		bare, _, _ := strings.Cut(e.Get("from"), "/")
		return e.Local == "message" && (e.Get("from") == from || bare == from) && strings.Contains(bodyOf(e), text)
	})
}

// sees waits until nick is in the room, or is no more.
func (p *person) sees(room, nick string, there bool) {
	p.t.Helper()
	p.awaits(fmt.Sprintf("%s/%s there: %v", room, nick, there), func(e *xmltree.Element) bool {
		return e.Local == "presence" && e.Get("from") == room+"/"+nick && (e.Get("type") == "") == there
	})
}

// affiliates changes what a person may do in a room; role is used for a kick.
func (p *person) affiliates(room, jid, affiliation, reason string) {
	p.t.Helper()
	p.ask(room, fmt.Sprintf("<query xmlns='%s#admin'><item jid='%s' affiliation='%s'><reason>%s</reason></item></query>", nsMUC, jid, affiliation, reason))
}

func (p *person) kicks(room, nick, reason string) {
	p.t.Helper()
	p.ask(room, fmt.Sprintf("<query xmlns='%s#admin'><item nick='%s' role='none'><reason>%s</reason></item></query>", nsMUC, nick, reason))
}

func roomOf(name string) string { return name + "@rooms." + strings.SplitN(botJID, "@", 2)[1] }

// roomBot starts a bot that is to be in the rooms.
func roomBot(t *testing.T, s *xmpptest.Server, change func(*Config), rooms ...string) *rig {
	t.Helper()
	cfg := testConfig(t, s)
	cfg.Rooms, cfg.RoomPing = rooms, time.Minute
	if change != nil {
		change(&cfg)
	}
	r := newRig(t, cfg, filepath.Join(t.TempDir(), "bot.db"))
	r.hurryRooms()
	r.run().waitOnline()
	return r
}

// stateOf says how the bot is in the room.
func (r *rig) roomState(room string) string {
	for _, p := range r.Rooms() {
		if p.Name == room {
			return p.State
		}
	}
	return "unknown"
}

func (r *rig) waitRoom(room, state string) {
	r.t.Helper()
	last := ""
	defer func() {
		if r.t.Failed() {
			r.t.Logf("%s: %s", room, last)
		}
	}()
	wait(r.t, room+" to be: "+state, func() bool { last = r.roomState(room); return strings.Contains(last, state) })
}

// told counts the alerts of a room that contain text, those that end one if over.
func (r *rig) told(room, text string, over bool) (n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, a := range r.alerts {
		if a.Key == "room/"+room && a.Resolved == over && strings.Contains(a.Summary, text) {
			n++
		}
	}
	return n
}

// slips has the room lose the bot, which does not notice, as after a split of the
// net.
func (r *rig) slips(room string, witness *person) {
	r.t.Helper()
	set := func(state roomState) {
		r.rooms.mu.Lock()
		defer r.rooms.mu.Unlock()
		r.rooms.by[room].state, r.rooms.by[room].due = state, time.Now().Add(r.cfg.RoomPing)
	}
	set(outside) // it hears nothing from there
	r.out.pass("<presence to='" + room + "/Oswald' type='unavailable'/>")
	witness.sees(room, "Oswald", false)
	// The room's last word to the bot comes before this.
	if _, err := r.live.Load().askAt(r.t.Context(), room, "get", xmltree.New(nsInfo, "query")); err != nil {
		r.t.Fatal(err)
	}
	set(inside)
	r.rooms.signal()
}
