// SPDX-License-Identifier: GPL-3.0-or-later

package ipc

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"oswald"
	"oswald/internal/secret"
)

func TestCode(t *testing.T) {
	pairs := []string{"bot-comments", "bot-site", "comments-site"}
	test := func(what, text string, looks bool, want ...string) map[string]secret.Secret {
		t.Helper()
		got, l := ReadCode(text, pairs...)
		if l != looks || len(got) != len(want) {
			t.Errorf("%s: %v %v, want %v %v", what, got, l, want, looks)
		}
		for _, w := range want {
			if len(got[w].Reveal()) != 43 {
				t.Errorf("%s: no secret for %s", what, w)
			}
		}
		return got
	}
	code := NewCode("bot-site")
	one := test("one pair", code, true, "bot-site")
	again := test("as it is typed", "  "+strings.ToUpper(strings.ReplaceAll(code, "-", " ")), true, "bot-site")
	if !same(one["bot-site"], again["bot-site"]) {
		t.Error("capitals matter")
	}
	two := test("two pairs", NewCode("bot-site", "bot-comments"), true, "bot-site", "bot-comments")
	if same(two["bot-site"], two["bot-comments"]) {
		t.Error("one secret for two pairs")
	}
	test("looks like a zero", strings.ReplaceAll(strings.ReplaceAll(code, "0", "O"), "1", "l"), true, "bot-site")
	test("one character short", code[1:], true)
	test("text", "On the other host run", false)
	test("empty", "", false)
	if got, _ := ReadCode(code, "bot-comments"); got != nil {
		t.Error("for roles that it is not for")
	}
	for i := range code {
		c := []byte(code)
		if c[i] == '-' {
			continue
		}
		c[i] = codeLetters[(strings.IndexByte(codeLetters, c[i])+1)%32]
		test(fmt.Sprint("wrong character ", i), string(c), true)
	}
}

func FuzzReadCode(f *testing.F) {
	f.Add("0123-4567-89ab-cdef-ghjk-mnpq-rstv")
	f.Add("é-\xff")
	f.Fuzz(func(t *testing.T, text string) { ReadCode(text, "a-b", "b-c") })
}

// pairNode returns a node whose key lies in dir.
func pairNode(t *testing.T, bus Bus, name, peer, dir string, log *slog.Logger) *Node {
	t.Helper()
	n, err := New(quick(), Deps{Name: name, DB: openDB(t, filepath.Join(t.TempDir(), name+".db")), Bus: bus, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	if err := n.PairFiles(peer, NewKeys(dir)); err != nil {
		t.Fatal(err)
	}
	n.Handle("pages", Handler{Run: func(context.Context, Call) (any, error) { return 1, nil }})
	return n
}

// TestChangeOfKey gives two running roles, which have made keys of their own, a
// common one, and changes it while commands go both ways.
func TestChangeOfKey(t *testing.T) {
	var log bytes.Buffer
	var mu sync.Mutex
	logger := slog.New(slog.NewTextHandler(writer(func(b []byte) (int, error) {
		mu.Lock()
		defer mu.Unlock()
		return log.Write(b)
	}), nil))
	bus, here, there := NewMem(), t.TempDir(), t.TempDir()
	bot, site := pairNode(t, bus, "bot", "site", here, logger), pairNode(t, bus, "site", "bot", there, logger)
	run(t, bot)
	run(t, site)
	eventually(t, "strangers", func() bool { return strings.Contains(bot.Peers()[0].Note, "another key") })
	count := 0
	both := func() {
		t.Helper()
		count++
		for _, n := range []*Node{bot, site} {
			if _, err := n.Call(patient(t), Command{ID: fmt.Sprint(n.name, count), Peer: n.Peers()[0].Name, Verb: "pages"}, nil); err != nil {
				t.Fatal(err)
			}
		}
	}
	settled := func(want secret.Secret) func() bool {
		return func() bool {
			for _, dir := range []string{here, there} {
				r, _, err := readRing(NewKeys(dir).Path("bot", "site"), time.Now())
				if err != nil || !same(r.key, want) || len(r.next)+len(r.last) > 0 {
					return false
				}
			}
			return true
		}
	}
	var codes []secret.Secret
	change := func(maker, taker string) {
		t.Helper()
		s := secret.Random()
		codes = append(codes, s)
		if err := NewKeys(maker).Make("bot", "site", s, false); err != nil {
			t.Fatal(err)
		}
		if count > 0 {
			both()
		}
		if err := NewKeys(taker).Give("site", "bot", s); err != nil {
			t.Fatal(err)
		}
		eventually(t, "the new key on both sides", settled(s))
		both()
	}
	change(here, there)
	change(there, here)
	lost := secret.Random() // a code that nobody types in
	if err := NewKeys(here).Make("bot", "site", lost, false); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it is shown that a key waits", func() bool { return strings.Contains(bot.Peers()[0].Note, "new key waits") })
	change(here, there)
	for range 2 {
		if err := NewKeys(here).Make("bot", "site", secret.Random(), false); err != nil {
			t.Fatal(err)
		}
	}
	if err := NewKeys(here).Make("bot", "site", lost, false); oswald.CodeOf(err) != oswald.Conflict {
		t.Errorf("a third code: %v", err)
	}
	path := NewKeys(here).Path("bot", "site")
	week := time.Now().Add(-changeTime - time.Minute)
	if err := os.Chtimes(path+nextFile, week, week); err != nil {
		t.Fatal(err)
	}
	eventually(t, "codes are void after a week", settled(codes[len(codes)-1]))
	both()
	now := secret.Random()
	if err := NewKeys(here).Make("bot", "site", now, true); err != nil {
		t.Fatal(err)
	}
	eventually(t, "cut off", func() bool { return strings.Contains(site.Peers()[0].Note, "another key") })
	if err := NewKeys(there).Give("bot", "site", now); err != nil {
		t.Fatal(err)
	}
	eventually(t, "together again", settled(now))
	both()
	fi, err := os.Stat(path)
	if err != nil || fi.Mode().Perm() != 0o600 {
		t.Error(fi.Mode(), err)
	}
	mu.Lock()
	defer mu.Unlock()
	for _, s := range append(codes, lost, now) {
		if strings.Contains(log.String(), string(s.Reveal())) {
			t.Error("a key in the log")
		}
	}
}

type writer func([]byte) (int, error)

func (w writer) Write(b []byte) (int, error) { return w(b) }
