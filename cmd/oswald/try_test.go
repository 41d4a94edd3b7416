// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"strings"
	"testing"
)

// TestTour pipes texts into the tour and reads the conversation.
func TestTour(t *testing.T) {
	home := t.TempDir()
	texts := []string{"help", "status", "temp", "rebuild", "comments", "spam stats", "say left hello kitchen", "log"}
	for range 2 { // the second time everything is there already
		out, code := once(t, strings.Join(texts, "\n")+"\n", "try", "--home", home)
		if code != 0 {
			t.Fatalf("exit code %d:\n%s", code, out)
		}
		rest := out
		for _, text := range texts {
			_, after, ok := strings.Cut(rest, "\n> "+text+"\n")
			if !ok {
				t.Fatalf("%q is not asked in order:\n%s", text, out)
			}
			reply, _, _ := strings.Cut(after, "\n> ")
			if strings.TrimSpace(reply) == "" || strings.HasPrefix(reply, "!") {
				t.Errorf("%q is answered %q", text, reply)
			}
			rest = after
		}
		for _, want := range []string{"http://", "xmpp:", "SHA-256", "simulated", "°C", ".wav"} {
			if !strings.Contains(out, want) {
				t.Errorf("%q is missing:\n%s", want, out)
			}
		}
	}
}

// TestTourAlone wants a home to be used by one program at a time.
func TestTourAlone(t *testing.T) {
	home := t.TempDir()
	unlock, err := lockHome(home)
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	out, code := once(t, "", "try", "--home", home)
	if code != 1 || !strings.Contains(out, "Another oswald uses the home folder") {
		t.Errorf("exit code %d:\n%s", code, out)
	}
}
