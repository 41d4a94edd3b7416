// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"oswald/internal/xmppclient"
)

// TestKilledBot kills the whole program at several moments of a conversation in which
// commands read and change things. Each command is answered once, on its own
// thread, and each thing is done once.
func TestKilledBot(t *testing.T) {
	const rounds = 5
	h := newHouse(t, "")
	p := start(t, "run", "--config", h.config)
	alice := h.login("alice")
	alice.awaitBot()

	var mu sync.Mutex
	answers := map[string][]string{} // by thread: the ids of the final messages
	bodies := map[string]string{}
	bob := h.dial("bob")
	go func() {
		for m := range bob.Messages() {
			if m.Body == "" || m.ChatState == "composing" {
				continue
			}
			mu.Lock()
			// A message that comes again with its own name (XEP-0359) is the same.
			if !slices.Contains(answers[m.Thread], m.OriginID) {
				answers[m.Thread] = append(answers[m.Thread], m.OriginID)
			}
			bodies[m.Thread] += "\n" + m.Body
			mu.Unlock()
		}
	}()
	answered := func(thread string) bool {
		mu.Lock()
		defer mu.Unlock()
		return len(answers[thread]) > 0
	}

	var sent []string
	say := func(format string, args ...any) {
		t.Helper()
		id := fmt.Sprintf("m%d", len(sent))
		m := xmppclient.Message{To: h.server.JID("oswald"), ID: id, OriginID: id, Thread: "t-" + id, Body: fmt.Sprintf(format, args...)}
		if _, err := bob.Send(t.Context(), m); err != nil {
			t.Fatal(err)
		}
		sent = append(sent, m.Thread)
	}
	for round := range rounds {
		say("ping")
		say("say right number %d.", round)
		say("temp")
		say("say left other %d.", round)
		moment := time.NewTimer(time.Duration(round) * 15 * time.Millisecond)
		<-moment.C // any moment will do
		p.kill()
		p = start(t, "run", "--config", h.config)
	}
	defer func() {
		for i, thread := range sent {
			if t.Failed() && !answered(thread) {
				t.Logf("not answered: number %d", i)
			}
		}
	}()
	eventually(t, "all are answered", func() bool {
		return !slices.ContainsFunc(sent, func(thread string) bool { return !answered(thread) })
	})
	alice.awaitBot()
	log := alice.expect("log 100", "say")
	mu.Lock()
	defer mu.Unlock()
	for _, thread := range sent {
		if n := len(answers[thread]); n != 1 {
			t.Errorf("%s: %d answers: %s", thread, n, bodies[thread])
		}
	}
	for thread, list := range answers {
		if !slices.Contains(sent, thread) {
			t.Errorf("answers on no thread of ours: %q, %v", bodies[thread], list)
		}
	}
	for round := range rounds {
		for _, what := range []string{"right number", "left other"} {
			if n := strings.Count(log, fmt.Sprintf("bob: say %s %d. →", what, round)); n != 1 {
				t.Errorf("%s %d is %d times in the log:\n%s", what, round, n, log)
			}
		}
	}
}
