// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"oswald"
)

// TestExample wants the printed defaults to be a configuration that means the
// defaults, except for the owner and account that nobody can know.
func TestExample(t *testing.T) {
	var b bytes.Buffer
	if err := exampleConfig(&b); err != nil {
		t.Fatal(err)
	}
	cfg := defaults()
	if err := decode(b.String(), &cfg); err != nil {
		t.Fatalf("%v in\n%s", err, &b)
	}
	var again bytes.Buffer
	writeExample(&again, cfg)
	var want bytes.Buffer
	writeExample(&want, defaults())
	if again.String() != want.String() {
		t.Errorf("the example does not mean the defaults:\n%s", &again)
	}
	for i, line := range strings.Split(b.String(), "\n") {
		if len([]rune(line)) > 160 {
			t.Errorf("line %d is too long to read: %s", i+1, line)
		}
	}
}

// TestExampleExplains wants a comment on every key.
func TestExampleExplains(t *testing.T) {
	var b bytes.Buffer
	if err := exampleConfig(&b); err != nil {
		t.Fatal(err)
	}
	last := ""
	for _, line := range strings.Split(b.String(), "\n") {
		if line != "" && !strings.HasPrefix(line, "#") && !strings.HasPrefix(last, "#") {
			t.Errorf("nothing explains %q", line)
		}
		last = line
	}
}

// TestFaults reads each file of testdata/config, whose comment lines at the top
// say what must be reported, all of it at once.
func TestFaults(t *testing.T) {
	files, err := filepath.Glob("testdata/config/*.toml")
	if err != nil || len(files) < 5 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var want []string
		for _, line := range strings.Split(string(text), "\n") {
			if w, ok := strings.CutPrefix(line, "#! "); ok {
				want = append(want, w)
			}
		}
		_, err = loadConfig(file)
		if oswald.CodeOf(err) != oswald.Invalid || len(want) == 0 {
			t.Errorf("%s: %v", file, err)
			continue
		}
		for _, w := range want {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%s: %q is missing in %q", file, w, err)
			}
		}
	}
}

func TestMissingConfig(t *testing.T) {
	_, err := loadConfig(filepath.Join(t.TempDir(), "none.toml"))
	if oswald.CodeOf(err) != oswald.NotFound || !strings.Contains(err.Error(), "oswald config example") {
		t.Error(err)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add("state = 1\n[people]\n\"a@b\" = \"owner\"\n[alerts]\ngroup = \"5s\"")
	f.Add("[[xmpp]]\njid = []")
	f.Fuzz(func(t *testing.T, text string) {
		cfg := defaults()
		decode(text, &cfg) // must not panic
	})
}

func TestSubcommands(t *testing.T) {
	test := func(want int, contains string, args ...string) {
		t.Helper()
		out, code := once(t, "", args...)
		if code != want || !strings.Contains(out, contains) {
			t.Errorf("oswald %v: exit code %d and\n%s", args, code, out)
		}
	}
	test(2, "oswald try")
	test(2, `there is no "dance"`, "dance")
	test(0, "oswald", "version")
	test(0, "oswald run", "help")
	test(0, "[xmpp]", "config", "example")
	test(2, "usage: oswald config", "config", "whistle")
	test(1, "There is no configuration file", "run", "--config", "/nowhere/at/all.toml")
	test(1, "control socket does not answer", "ctl", "--config", writeFile(t, t.TempDir(), "c.toml", minimal), "status")
}

// minimal is the shortest configuration that has no mistakes.
const minimal = `
state = "state"
[people]
"me@example.org" = "owner"
[xmpp]
jid = "oswald@example.org"
password_file = "password"
`
