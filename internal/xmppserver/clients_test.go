// SPDX-License-Identifier: GPL-3.0-or-later

package xmppserver

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"oswald/internal/terminal"
	"oswald/internal/xmppclient"
)

// TestGoSendxmpp signs in with a real command line client, by STARTTLS and by
// direct TLS, sends, and listens.
func TestGoSendxmpp(t *testing.T) {
	if _, err := exec.LookPath("go-sendxmpp"); err != nil {
		t.Skip("needs go-sendxmpp (apt-get install go-sendxmpp)")
	}
	s := start(t)
	bot := s.dial(t, "bot/x")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	command := func(args ...string) *exec.Cmd {
		args = append([]string{"-u", at("alice"), "-p", "alicepw", "-j", s.addr}, args...)
		cmd := exec.CommandContext(ctx, "go-sendxmpp", args...)
		cmd.Env = append(os.Environ(), "SSL_CERT_FILE="+s.CertFile(), "HOME="+t.TempDir())
		return cmd
	}
	for _, how := range [][]string{nil, {"-t"}} {
		cmd := command(append(how, at("bot"))...)
		cmd.Stdin = strings.NewReader(fmt.Sprintf("status %v", how))
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", how, err, out)
		}
		if m := next(t, bot); strings.TrimSpace(m.Body) != fmt.Sprintf("status %v", how) || !strings.HasPrefix(m.From, at("alice")+"/") {
			t.Errorf("%v: %+v", how, m)
		}
	}
	listen := command("-t", "-l", at("bot"))
	out, err := listen.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := listen.Start(); err != nil {
		t.Fatal(err)
	}
	defer listen.Wait()
	defer listen.Process.Kill()
	if err := s.WaitOnline(ctx, at("alice")); err != nil {
		t.Fatal(err)
	}
	send(t, bot, at("alice"), "all is well")
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil || !strings.Contains(line, "all is well") {
		t.Errorf("%q %v", line, err)
	}
}

// TestProfanity chats with a real terminal client, both ways.
func TestProfanity(t *testing.T) {
	terminal.Needs(t, "profanity")
	s := start(t)
	home := t.TempDir()
	_, port, _ := net.SplitHostPort(s.addr)
	file := func(name, text string) {
		t.Helper()
		name = filepath.Join(home, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	file("d/profanity/accounts", "[acc]\nenabled=true\njid="+at("bob")+"\nserver=127.0.0.1\nport="+port+
		"\nresource=prof\npassword=bobpw\ntls.policy=trust\n")
	file("c/profanity/profrc", "[ui]\nsplash=false\n[connection]\naccount=acc\n")
	p := terminal.Start(t, home, "profanity")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := s.WaitOnline(ctx, at("bob")); err != nil {
		t.Fatal(err)
	}
	bot := s.dial(t, "bot/x")
	p.Type("/msg " + at("bot") + " status please")
	m := next(t, bot)
	if m.Body != "status please" || m.From != at("bob")+"/prof" || m.Type != "chat" {
		t.Errorf("%+v", m)
	}
	if _, err := bot.Send(ctx, xmppclient.Message{To: at("bob"), Body: "all is well", Thread: m.Thread, ChatState: "active"}); err != nil {
		t.Fatal(err)
	}
	p.Wait("all is well")
	p.Type("/quit")
	if err := s.WaitOffline(ctx, at("bob")); err != nil {
		t.Error(err)
	}
}
