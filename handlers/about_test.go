// SPDX-License-Identifier: GPL-3.0-or-later

package handlers

import (
	"strings"
	"testing"

	"oswald"
)

func TestMeant(t *testing.T) {
	test := func(about, text, want string) {
		t.Helper()
		got, err := subjectOf(about).meant(text)
		if err != nil {
			got = oswald.MessageOf(err)
		}
		if got != want {
			t.Errorf("%q on %q: %q, want %q", text, about, got, want)
		}
	}
	const nothing = "That message asks nothing. To answer a question, answer the message with the question."
	test("alert:A3", "👍🏽", "ack A3")
	test("alert:A3", "OK!", "ack A3")
	test("alert:A3", "thanks", "ack A3")
	test("alert:A3", "ping", "")
	test("alert:A3", "no", nothing)
	test("alert:A3", "snooze 2h", "snooze A3 2h")
	test("alert:A3", "snooze A3", "")
	test("alert:A3 alert:A4", "ok", "ack A3 A4")
	test("alert:A3 alert:A4", "snooze 1h", "Which one? For example `snooze A3 1h`.")
	test("comment:12", "spam", "flag 12")
	test("comment:12", "Spam.", "flag 12")
	test("comment:12", "spam stats", "")
	test("comment:12", "ok", "approve 12")
	test("comment:12", "👎", "flag 12")
	test("comment:12", "delete", "delete 12")
	test("comment:12", "yes", nothing)
	test("comment:12 comment:13", "approve", "Which one? For example `approve 12`.")
	test("alert:A1 comment:12", "👍", "ack A1") // what can be undone worse is not guessed
	test("alert:A1 comment:12", "approve", "approve 12")
	test("comment:12 edit:4", "ok", "Which one? `approve 12` or `accept 4`.")
	test("edit:4", "accept", "accept 4")
	test("edit:4", "👎", "reject 4")
	test("question:abc", "Yes!", "yes")
	test("question:abc", "❌", "no")
	test("question:abc", "temp", "")
	test("letter:4", "thanks", "")
	test("", "yes", nothing)
}

// TestAnswers answers messages as phones do: with a reaction, or with a reply.
func TestAnswers(t *testing.T) {
	b := newBench(t)
	about := func(who, about, text string, reaction bool) (string, oswald.Code) {
		r := b.request(who, text)
		r.About, r.Reaction = about, reaction
		return shown(b.Dispatch(t.Context(), r))
	}
	test := func(want string, code oswald.Code, reply string, got oswald.Code) {
		t.Helper()
		if got != code || !strings.HasPrefix(reply, want) || want == "" && reply != "" {
			t.Errorf("%q %q, want %q %q", reply, got, want, code)
		}
	}
	reply, code := about(owner, "alert:A2", "❤️ 👍", true)
	test("A2 is acknowledged", "", reply, code)
	reply, code = about(owner, "alert:A2", "❤️", true) // only nice
	test("", "", reply, code)
	reply, code = about(owner, "alert:A2", "ping", false)
	test("Pong", "", reply, code)
	reply, code = about(member, "comment:12", "👍", true) // the role counts here too
	test("You may not", oswald.Forbidden, reply, code)
	reply, code = about(moderator, "comment:12", "approve", false)
	test("#12 by Bob on getting-started is published", "", reply, code)

	// A yes on one question does not answer another.
	ask := func(text string) oswald.Reply {
		t.Helper()
		r, err := b.Dispatch(t.Context(), b.request(owner, text))
		if err != nil || !strings.HasPrefix(r.About, "question:") {
			t.Fatalf("%+v, %v", r, err)
		}
		return r
	}
	first := ask("delete 11")
	second := ask("delete 12")
	reply, code = about(owner, first.About, "👍", true)
	test("I have asked something else since, so nothing was done; the question that waits is about `delete 12`.", oswald.Conflict, reply, code)
	reply, code = about(owner, "comment:11", "yes", false)
	test("That message asks nothing", oswald.NotFound, reply, code)
	if len(b.decided) != 1 {
		t.Fatal(b.decided)
	}
	reply, code = about(owner, second.About, "👍", true)
	test("#12 by Bob on getting-started is deleted", "", reply, code)
	reply, code = about(owner, second.About, "👎", true)
	test("That question is over already", oswald.NotFound, reply, code)
	// The question that comes again, after a restart of the chat, is known by the same name.
	q := b.request(owner, "delete 11")
	one, _ := b.Dispatch(t.Context(), q)
	two, _ := b.Dispatch(t.Context(), q)
	if one != two || one.About != "question:"+q.ID {
		t.Errorf("%+v, then %+v", one, two)
	}
}

func TestAckSeveral(t *testing.T) {
	b := newBench(t)
	if reply, code := b.text(owner, "ack 1 A2 A77"); code != "" || !strings.Contains(reply, "A1 is") || !strings.Contains(reply, "A2 is") {
		t.Errorf("%q %q", reply, code)
	}
	if reply, code := b.text(owner, "ack 76 A77"); code != oswald.NotFound {
		t.Errorf("%q %q", reply, code)
	}
}
