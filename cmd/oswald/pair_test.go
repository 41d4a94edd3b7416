// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// hostConfig writes the configuration of a host with the given roles.
func hostConfig(t *testing.T, roles ...string) (file, keys string) {
	t.Helper()
	dir := t.TempDir()
	file = filepath.Join(dir, "config.toml")
	text := fmt.Sprintf("roles = [\"%s\"]\nstate = \"state\"\n[people]\n\"you@example.org\" = \"owner\"\n[xmpp]\njid = \"oswald@example.org\"\npassword_file = \"password\"\n", strings.Join(roles, `", "`))
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file, filepath.Join(dir, "state", "keys")
}

func TestPair(t *testing.T) {
	home, homeKeys := hostConfig(t, "bot")
	web, webKeys := hostConfig(t, "site", "comments")
	pair := func(config, in string, code int, args ...string) (out, errs string) {
		t.Helper()
		var o, e bytes.Buffer
		if got := run(t.Context(), append([]string{"pair", "--config", config}, args...), strings.NewReader(in), &o, &e); got != code {
			t.Fatalf("pair %q: exit code %d, want %d\n%s%s", args, got, code, &o, &e)
		}
		return o.String(), e.String()
	}
	same := func(name string) {
		t.Helper()
		a, err := os.ReadFile(filepath.Join(homeKeys, name))
		b, err2 := os.ReadFile(filepath.Join(webKeys, name))
		if err != nil || err2 != nil || !bytes.Equal(a, b) {
			t.Errorf("%s differs: %v, %v", name, err, err2)
		}
		if fi, err := os.Stat(filepath.Join(webKeys, name)); err != nil || fi.Mode().Perm() != 0o600 {
			t.Error(fi, err)
		}
	}
	printed, _ := pair(home, "", 0, "site", "comments")
	if !strings.Contains(printed, "oswald pair --code") || strings.Count(printed, "\n") > 10 {
		t.Errorf("it says %s", printed)
	}
	out, errs := pair(web, printed, 0, "--code") // as through ssh
	if !strings.Contains(out, "bot-comments and bot-site") || strings.Contains(errs, "not right") {
		t.Errorf("it says %s %s", out, errs)
	}
	same("bot-site.key")
	same("bot-comments.key")
	a, _ := os.ReadFile(filepath.Join(homeKeys, "bot-site.key"))
	b, _ := os.ReadFile(filepath.Join(homeKeys, "bot-comments.key"))
	if bytes.Equal(a, b) {
		t.Error("one key for two pairs")
	}

	printed, _ = pair(web, "", 0, "bot") // and once more, from the other side
	code := ""
	for _, line := range strings.Split(printed, "\n") {
		if strings.Count(line, "-") == 6 {
			code = strings.TrimSpace(line)
		}
	}
	flip := "0" + code[1:]
	if code[0] == '0' {
		flip = "2" + code[1:]
	}
	_, errs = pair(home, flip+"\n"+strings.ToUpper(code)+"\n", 0, "--code")
	if !strings.Contains(errs, "a character is wrong") {
		t.Errorf("a slip of the finger: %s", errs)
	}
	if now, _ := os.ReadFile(filepath.Join(homeKeys, "bot-site.key")); bytes.Equal(now, a) {
		t.Error("the key has not changed")
	}
	if last, _ := os.ReadFile(filepath.Join(homeKeys, "bot-site.key.last")); !bytes.Equal(last, a) {
		t.Error("the old key is not kept")
	}

	out, _ = pair(web, "", 0, "site")
	if !strings.Contains(out, "comments and site have a new key; both run on this host") {
		t.Errorf("it says %s", out)
	}
	_, errs = pair(home, "nothing of the kind\n", 1, "--code")
	if !strings.Contains(errs, "There was no code. Run oswald pair HOST on the other host") {
		t.Errorf("no code: %s", errs)
	}
	_, errs = pair(home, "", 1, "attic")
	if !strings.Contains(errs, `no host "attic": name a role that runs there, bot, site, comments`) {
		t.Errorf("nobody: %s", errs)
	}
	_, errs = pair(home, "", 1, "bot")
	if !strings.Contains(errs, "Nothing here talks to bot") {
		t.Errorf("itself: %s", errs)
	}
	pair(home, "", 2)
	pair(home, "", 2, "--code", "site")
}
