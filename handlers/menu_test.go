// SPDX-License-Identifier: GPL-3.0-or-later

package handlers

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"oswald"
)

// TestMenu wants each row as a form whose text is that command again, with each
// value as one argument, and nobody to see what he may not run.
func TestMenu(t *testing.T) {
	b := newBench(t)
	sizes := map[oswald.Role]int{}
	for _, role := range []oswald.Role{oswald.NoRole, oswald.Guest, oswald.Member, oswald.Moderator, oswald.Owner} {
		menu := b.Menu(role)
		sizes[role] = len(menu)
		seen := map[string]bool{}
		for _, m := range menu {
			if seen[m.Name] {
				t.Errorf("%s is there twice", m.Name)
			}
			seen[m.Name] = true
			for _, full := range []bool{false, true} {
				values := map[string]string{}
				names := []string{}
				for _, f := range m.Fields {
					if slices.Contains(names, f.Name) || strings.ContainsAny(f.Name, "[]| ") || f.Label == "" {
						t.Errorf("%s has the field %+v", m.Name, f)
					}
					names = append(names, f.Name)
					if full || f.Required {
						values[f.Name] = `a "b\c`
						if f.Rest { // as it is typed, for better or worse
							values[f.Name] = "a b"
						}
					}
					if f.Options != nil {
						values[f.Name] = f.Options[0]
					}
				}
				text, err := m.Text(values)
				if err != nil {
					t.Errorf("%s: %v", m.Name, err)
					continue
				}
				c, err := b.parse(text, oswald.Actor{Role: role}, "")
				if err != nil || c.path != m.Name {
					t.Errorf("%s became %q: %v, %v", m.Name, text, c.path, err)
				}
			}
		}
	}
	if sizes[oswald.NoRole] != 0 || sizes[oswald.Guest] != 1 || sizes[oswald.Member] <= 10 || sizes[oswald.Moderator] <= sizes[oswald.Member] || sizes[oswald.Owner] <= sizes[oswald.Moderator] {
		t.Errorf("sizes %v", sizes)
	}
}

func TestMenuText(t *testing.T) {
	b := newBench(t)
	item := func(name string) oswald.MenuItem {
		menu := b.Menu(oswald.Owner)
		i := slices.IndexFunc(menu, func(m oswald.MenuItem) bool { return m.Name == name })
		if i < 0 {
			t.Fatalf("no %s", name)
		}
		return menu[i]
	}
	test := func(name, want string, values ...string) {
		t.Helper()
		m := map[string]string{}
		for i := 0; i < len(values); i += 2 {
			m[values[i]] = values[i+1]
		}
		got, err := item(name).Text(m)
		if err != nil {
			got = "error: " + oswald.MessageOf(err)
		}
		if got != want {
			t.Errorf("%s %v: %q, want %q", name, values, got, want)
		}
	}
	test("ping", "ping")
	test("say", "say both left at last", "text", "left at last")
	test("say", "say left Dinner", "text", "Dinner", "left", "left")
	test("say", "error: Please fill in: Text.", "left", "left")
	test("say", "error: Please choose one of these: left, right, both.", "left", "up", "text", "x")
	test("rebuild", "rebuild")
	test("rebuild", `rebuild "my page"`, "page", " my page ")
	test("rebuild", `rebuild "\"a\\b\" c"`, "page", `"a\b" c`)
	test("rebuild", "error: Page takes one line only.", "page", "a\nb")
	test("post", "post First frost\nThe pond\nis frozen.", "title", "First frost", "text", "The pond\nis frozen.")
	test("append", `append "shopping list" - Milk`, "page", "shopping list", "text", "- Milk")
	test("mute", "mute alerts 2h", "what", "alerts", "time", "2h")
	test("snooze", "snooze A3 2 h", "a", "A3", "time", "2 h")
	test("allow", "allow ann@example.org member", "jid", "ann@example.org")
	test("chime", "chime on", "on", "on")
	test("chime", "error: Please fill in: Which.")
	test("spam test", "spam test Cheap watches", "text", "Cheap watches")
	test("help", "help spam why", "command", "spam why")
}

// FuzzMenuText lets no value of a form become another command, or another argument.
func FuzzMenuText(f *testing.F) {
	f.Add(`a "b\c`, "x\ty")
	f.Add("“", "\u00a0 «")
	m := oswald.MenuItem{Name: "ping", Fields: []oswald.Field{{Name: "a", Required: true}, {Name: "b"}}}
	f.Fuzz(func(t *testing.T, x, y string) {
		text, err := m.Text(map[string]string{"a": x, "b": y})
		if err != nil || !utf8.ValidString(x+y) {
			return
		}
		words, err := splitWords(text)
		x, y = strings.TrimSpace(x), strings.TrimSpace(y)
		want := []string{"ping", x}
		if y != "" {
			want = append(want, y)
		}
		if err != nil || !slices.Equal(words, want) {
			t.Errorf("%q became %q (%v)", want, words, err)
		}
	})
}
