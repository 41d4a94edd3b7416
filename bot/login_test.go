// SPDX-License-Identifier: GPL-3.0-or-later

package bot

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"oswald"
)

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
