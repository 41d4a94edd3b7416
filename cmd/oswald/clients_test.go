// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
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
	"oswald/internal/xmpptest"
)

// onBoth runs f with Oswald up, as the full JID bot, on a Prosody and then on an
// ejabberd.
func onBoth(t *testing.T, f func(t *testing.T, h *house, bot string)) {
	xmpptest.Servers(t, []string{"oswald", "alice", "bob", "eve"}, func(t *testing.T, s *xmpptest.Server) {
		h := furnish(t, s, s.Addr, fmt.Sprintf("ca_file = %q\n", s.CAFile), "[sensors]\nsimulate = true\npoll = \"1s\"\n")
		start(t, "run", "--config", h.config)
		f(t, h, h.login("bob").awaitBot())
	})
}

// shot keeps a screen where OSWALD_SHOTS names a folder.
func shot(t *testing.T, name string, c *terminal.Terminal) {
	t.Helper()
	if dir := os.Getenv("OSWALD_SHOTS"); dir != "" {
		if err := os.WriteFile(filepath.Join(dir, name+".txt"), []byte(c.Screen()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// TestGoSendxmpp texts from the command line, by STARTTLS and by direct TLS.
func TestGoSendxmpp(t *testing.T) {
	terminal.Needs(t, "go-sendxmpp")
	onBoth(t, func(t *testing.T, h *house, bot string) {
		alice := h.login("alice") // sees what Oswald answers
		for i, how := range [][]string{{"-j", h.server.Addr}, {"-j", h.server.TLSAddr, "-t"}} {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			args := append([]string{"-u", h.server.JID("alice"), "-p", h.server.Password("alice")}, how...)
			cmd := exec.CommandContext(ctx, "go-sendxmpp", append(args, h.server.JID("oswald"))...)
			cmd.Env = append(os.Environ(), "SSL_CERT_FILE="+h.server.CAFile, "HOME="+t.TempDir())
			cmd.Stdin = strings.NewReader("ping\n")
			out, err := cmd.CombinedOutput()
			cancel()
			if err != nil {
				t.Fatalf("%v: %v\n%s", how, err, out)
			}
			eventually(t, "the reply", func() bool { return alice.told("pong") == i+1 })
		}
	})
}

// profanity is a terminal client with alice logged in.
func profanity(t *testing.T, h *house) *terminal.Terminal {
	t.Helper()
	home := t.TempDir()
	_, port, err := net.SplitHostPort(h.server.Addr)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"d/profanity/accounts": "[acc]\nenabled=true\njid=" + h.server.JID("alice") + "\nserver=127.0.0.1\nport=" + port +
			"\nresource=prof\npassword=" + h.server.Password("alice") + "\ntls.policy=trust\n",
		"c/profanity/profrc": "[ui]\nsplash=false\n[connection]\naccount=acc\n",
	} {
		writeFile(t, home, name, text)
	}
	p := terminal.Start(t, home, "profanity")
	p.Wait(h.server.JID("alice"))
	return p
}

// TestProfanity talks, asks first and runs the menu from a terminal client.
func TestProfanity(t *testing.T) {
	terminal.Needs(t, "profanity", "tmux")
	onBoth(t, func(t *testing.T, h *house, bot string) {
		p := profanity(t, h)
		p.Type("/msg " + h.server.JID("oswald") + " status")
		p.Wait("All is well", "comments:")
		p.Type("temp")
		p.Wait("°C")
		p.Type("rebuild")
		p.Wait("The site is built")
		shot(t, "profanity-"+h.server.Name, p)
		p.Type("/win 1")
		p.Type("/cmd list " + bot)
		p.Wait("rebuild", "temp")
		shot(t, "profanity-list-"+h.server.Name, p)
		p.Type("/cmd exec temp " + bot)
		p.Wait("Tell the temperatures", "Probe")
		p.Type("/field1 kitchen")
		p.Wait("kitchen")
		p.Type("/form submit")
		p.Wait("°C")
		shot(t, "profanity-exec-"+h.server.Name, p)
	})
}

// TestPoezio talks from another terminal client, which refuses to be root and does
// not hear every key on a busy machine.
func TestPoezio(t *testing.T) {
	if os.Getenv("OSWALD_CLIENTS") == "" {
		t.Skip("runs with the other clients (make test-clients)")
	}
	terminal.Needs(t, "poezio", "setpriv", "tmux")
	onBoth(t, func(t *testing.T, h *house, bot string) {
		home, err := os.MkdirTemp("", "poezio")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { os.RemoveAll(home) })
		if err := os.Chmod(home, 0o755); err != nil {
			t.Fatal(err)
		}
		pem, err := os.ReadFile(h.server.CAFile)
		if err != nil {
			t.Fatal(err)
		}
		host, port, err := net.SplitHostPort(h.server.Addr)
		if err != nil {
			t.Fatal(err)
		}
		writeFile(t, home, "ca.pem", string(pem))
		writeFile(t, home, "poezio.cfg", fmt.Sprintf("[Poezio]\njid = %s/poezio\npassword = %s\ncustom_host = %s\ncustom_port = %s\nca_cert_path = %s/ca.pem\n",
			h.server.JID("alice"), h.server.Password("alice"), host, port, home))
		command := []string{"poezio", "-f", home + "/poezio.cfg"}
		if os.Getuid() == 0 {
			if out, err := exec.Command("chown", "-R", "nobody", home).CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			command = append([]string{"setpriv", "--reuid", "nobody", "--regid", "nogroup", "--clear-groups"}, command...)
		}
		p := terminal.Start(t, home, command...)
		p.Wait("Authentication success", "Oswald (")
		p.Type("/message " + h.server.JID("oswald") + " status")
		p.Wait("All is well", "comments:")
		p.Type("rebuild")
		p.Wait("The site is built")
		shot(t, "poezio-"+h.server.Name, p)
	})
}
