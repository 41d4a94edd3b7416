// SPDX-License-Identifier: GPL-3.0-or-later

package oswald_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// siblings never import each other; cmd/oswald introduces them.
var siblings = []string{"bot", "handlers", "audio", "sensors", "alert", "wiki", "moderation", "ipc"}

// bridges are the files of a sibling that may import ipc: its remote face.
var bridges = []string{"wiki/client.go", "moderation/client.go"}

// owners says which folder may import a module. A new dependency gets a line
// here, which is where it is reviewed. A folder includes those below it.
var owners = map[string][]string{
	"mellium.im/xmpp":                   {"bot"},
	"mellium.im/xmlstream":              {"bot"},
	"mellium.im/sasl":                   {"bot", "internal/xmppserver", "internal/xmppclient"},
	"github.com/bradfitz/gomemcache":    {"ipc", "internal/memcached_test"},
	"github.com/hajimehoshi/oto":        {"audio"},
	"github.com/warthog618/go-gpiocdev": {"internal/gpio"},
	"github.com/warthog618/go-gpiosim":  {"internal/gpio", "audio_test"},
	"github.com/yuin/goldmark":          {"wiki"},
	"github.com/BurntSushi/toml":        {"cmd/oswald", "wiki", "moderation"},
	"github.com/andybalholm/brotli":     {"wiki"},
	"github.com/klauspost/compress":     {"wiki"},
	"go.yaml.in/yaml":                   {"wiki"},
	"github.com/hiddeco/sshsig":         {"moderation"},
	"golang.org/x/crypto/ssh":           {"moderation"},
	"modernc.org/sqlite":                {"internal/store"},
	"github.com/jackc/pgx":              {"internal/store"},
	"golang.org/x/net/html":             {"moderation", "wiki_test"},
	"golang.org/x/net/dns":              {"bot_test"},
	"golang.org/x/text":                 {"wiki", "moderation", "handlers"},
	"golang.org/x/sys":                  {"bot", "internal", "audio", "wiki"},
}

// TestArrows reads the imports of every Go file in the tree, those behind build
// tags too, and names file, import and the broken rule.
func TestArrows(t *testing.T) {
	files := 0
	walk(t, func(name string) {
		files++
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			return
		}
		for _, spec := range f.Imports {
			imp, _ := strconv.Unquote(spec.Path.Value)
			if rule := broken(name, imp); rule != "" {
				t.Errorf("%s imports %s: %s", name, imp, rule)
			}
		}
	})
	if files < 10 {
		t.Errorf("only %d files seen", files)
	}
}

func TestArrowsNotice(t *testing.T) {
	test := func(file, imp string, want bool) {
		t.Helper()
		if got := broken(file, imp) != ""; got != want {
			t.Errorf("%s imports %s: refused %v, want %v", file, imp, got, want)
		}
	}
	test("alert/alert.go", "oswald/audio", true)
	test("wiki/wiki.go", "oswald/ipc", true)
	test("wiki/client.go", "oswald/ipc", false)
	test("wiki/client.go", "oswald/bot", true)
	test("moderation/server.go", "oswald/moderation/spam", false)
	test("internal/store/store.go", "oswald/ipc", true)
	test("oswald.go", "oswald/internal/secret", true)
	test("alert/a.go", "modernc.org/sqlite", true)
	test("bot/a.go", "mellium.im/xmpp/jid", false)
	test("wiki/a.go", "golang.org/x/net/html", true) // in tests only
	test("wiki/a_test.go", "golang.org/x/net/html", false)
	test("bot/a.go", "example.org/new/module", true)
	test("bot/e2e_test.go", "oswald/internal/prosodytest", false)
	test("bot/bot.go", "oswald/internal/prosodytest", true)
}

// broken names the rule that file breaks by importing imp; empty if none.
func broken(file, imp string) string {
	dir := path.Dir(file)
	top, _, _ := strings.Cut(dir, "/")
	isTest := strings.HasSuffix(file, "_test.go")
	first, _, _ := strings.Cut(imp, "/")
	switch {
	case imp == "C" || !strings.Contains(first, ".") && first != "oswald":
		return "" // the standard library
	case first != "oswald":
		return owner(dir, imp, isTest)
	case dir == ".":
		if imp != "oswald" {
			return "the root imports nothing of its own module"
		}
	case dir == "internal/bench" && isTest:
		return "" // it measures the whole, as cmd/oswald wires it
	case top == "internal":
		if imp != "oswald" && !strings.HasPrefix(imp, "oswald/internal/") && !isTest {
			return "internal imports the root at most"
		}
	case top == "cmd":
		return ""
	}
	if strings.HasSuffix(imp, "test") && strings.HasPrefix(imp, "oswald/internal/") && !isTest && !strings.HasSuffix(top, "test") && top != "internal" {
		return "a test helper in the program"
	}
	rest := strings.TrimPrefix(imp, "oswald/")
	to, _, _ := strings.Cut(rest, "/")
	for _, s := range siblings {
		if to != s || top == s || top == "cmd" {
			continue
		}
		for _, b := range bridges {
			if to == "ipc" && (file == b || isTest && dir == path.Dir(b)) {
				return ""
			}
		}
		return "siblings do not import each other"
	}
	return ""
}

// owner names the rule that dir breaks by importing the module imp.
func owner(dir, imp string, isTest bool) string {
	for module, dirs := range owners {
		if imp != module && !strings.HasPrefix(imp, module+"/") {
			continue
		}
		for _, d := range dirs {
			d, testOnly := strings.CutSuffix(d, "_test")
			if (dir == d || strings.HasPrefix(dir, d+"/")) && (isTest || !testOnly) {
				return ""
			}
		}
		return "owned by " + strings.Join(dirs, ", ")
	}
	return "no owner: add the module to the table in arrows_test.go"
}

// TestHeaders wants the licence line at the top of every Go file and script.
func TestHeaders(t *testing.T) {
	walk(t, func(name string) {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		head := string(b[:min(len(b), 300)])
		if !strings.Contains(head, "SPDX-License-Identifier: GPL-3.0-or-later") {
			t.Errorf("%s has no SPDX line", name)
		}
	})
}

// walk calls f with the slash path of every Go file of the module.
func walk(t *testing.T, f func(name string)) {
	t.Helper()
	err := filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (name == "build" || name == ".git" || d.Name() == "testdata"):
			return filepath.SkipDir
		case strings.HasSuffix(name, ".go"):
			f(filepath.ToSlash(name))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
