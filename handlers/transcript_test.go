// SPDX-License-Identifier: GPL-3.0-or-later

package handlers

import (
	"strings"
	"testing"
	"time"
)

// TestTranscript prints every command with its reply as the phone shows it
// (go test -v -run Transcript), and holds each to the size of a phone.
func TestTranscript(t *testing.T) {
	b := newBench(t)
	say := func(who, text string) {
		t.Helper()
		reply, code := b.text(who, text)
		if code != "" {
			reply += "   [" + string(code) + "]"
		}
		t.Logf("\n%s> %s\n%s", name(who), text, reply)
		lines := 0
		for _, l := range strings.Split(reply, "\n") {
			lines += 1 + len([]rune(l))/45
		}
		if lines > 24 {
			t.Errorf("%q: %d lines on a phone", text, lines)
		}
		if reply == "" {
			t.Errorf("%q: no reply", text)
		}
		b.pass(7 * time.Second)
	}
	for _, text := range strings.Split(`help
help say
help spam
help spam why
help system
help nonsense
rebuild
comments
comments recipes/bread
comments nowhere
comment 12
comment 99
comment twelve
flag 12
unflag #12
approve 12
delete 12
no
delete 12
yes
yes
spam
spam why 12
spam test Cheap watches!
hold 12
delete 12
yes
restore 12
ban 12
ban k3f9aa77bq2c
yes
unban k3f9aa77bq2c
undo
letters
letters 4
letters spam
edits
diff 3
diff 4
accept 3
reject 3
repeat
hush
mute left
mute
mute alerts 2 h
unmute alerts
unmute right
volume 60
volume loud
chime off
quiet 22:00-07:00
quiet off
quiet x
snooze a1
snooze A1 soon
spam wy 12
spam stats
spam retrain
say left hello kitchen, it's late
say "quoted" text
say
temp
temp k
temp garage
status
hosts
ping
version
alerts
ack
ack a1
ack
alerts
ack all
ack A7
who
allow ann@example.org moderator
allow new@example.org
allow nobody
allow me@example.org guest
deny me@example.org
deny new@example.org
deny stranger@example.org
Temp?
!ping
s
stauts
rebiuld
make coffee
flag
flag 1 2
comment "12
log 12
log 500`, "\n") {
		say(owner, text)
	}
	say(member, "help")
	say(member, "delete 12")
	say(guest, "help")
	say(guest, "temp")
	b.pass(4 * time.Hour)
	r := b.request(owner, "flag 12")
	r.At = r.At.Add(-3 * time.Hour)
	reply, _ := shown(b.Dispatch(t.Context(), r))
	t.Logf("\n(3 h late) flag 12\n%s", reply)
	say(owner, "y")
	r = b.request(owner, "delete 12")
	r.At = r.At.Add(-3 * time.Hour)
	reply, _ = shown(b.Dispatch(t.Context(), r))
	t.Logf("\n(3 h late) delete 12\n%s", reply)
	b.pass(6 * time.Minute)
	say(owner, "yes")
	say(owner, "no")
	say(owner, "log 5")
}
