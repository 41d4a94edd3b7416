// SPDX-License-Identifier: GPL-3.0-or-later

package ipc

import (
	"bytes"
	"net"
	"os"
	"os/exec"
	"testing"

	"oswald"
)

// TestOtherLanguage commands a worker that was written from PROTOCOL.md.
func TestOtherLanguage(t *testing.T) {
	if _, err := exec.LookPath("python3"); err != nil {
		t.Skip("needs python3 (apt-get install python3-minimal)")
	}
	m, addr := embedded(t)
	bot := newNode(t, m, "bot", "comments")
	run(t, bot)
	host, port, _ := net.SplitHostPort(addr)
	w := exec.Command("python3", "testdata/worker.py", host, port, "comments", "bot")
	w.Stdin = bytes.NewReader(pairSecret.Reveal())
	w.Stderr = os.Stderr
	if err := w.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { slay(w) })
	got, err := bot.Call(patient(t), Command{ID: "1", Peer: "comments", Verb: "status"}, nil)
	if err != nil || string(got) != `{"language": "Python"}` && string(got) != `{"language":"Python"}` {
		t.Errorf("%s %v", got, err)
	}
	_, err = bot.Call(patient(t), Command{ID: "2", Peer: "comments", Verb: "mail"}, nil)
	if oswald.CodeOf(err) != oswald.Invalid {
		t.Errorf("mail: %v", err)
	}
}
