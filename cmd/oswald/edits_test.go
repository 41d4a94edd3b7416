// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"fmt"
	"html"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var sourceField = regexp.MustCompile(`(?s)<textarea id="?text"?[^>]*>\n?(.*?)</textarea>`)
var baseField = regexp.MustCompile(`name="?base"?[^>]*value="?([^">]+)"?`)

// suggest sends an edit through the real form, as a visitor.
func (h *house) suggest(page, name, note, old, new string) {
	h.t.Helper()
	form := h.page("/comment/" + page + "?suggest=1")
	token, source, base := tokenField.FindStringSubmatch(form), sourceField.FindStringSubmatch(form), baseField.FindStringSubmatch(form)
	if token == nil || source == nil || base == nil {
		h.t.Fatalf("no form for an edit of %s: %s", page, form)
	}
	text := html.UnescapeString(source[1])
	if !strings.Contains(text, old) {
		h.t.Fatalf("no %q in the source of %s:\n%s", old, page, text)
	}
	values := url.Values{
		"token": {html.UnescapeString(token[1])}, "base": {base[1]}, "suggest": {"1"}, "name": {name}, "note": {note},
		"text": {strings.Replace(text, old, new, 1)}, "answer": {"seven"}, "do": {"post"},
	}
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.PostForm(h.web+"/comment/"+page, values)
	if err != nil {
		h.t.Fatal(err)
	}
	defer res.Body.Close()
	if b, _ := io.ReadAll(res.Body); res.StatusCode != http.StatusSeeOther {
		h.t.Fatalf("edit by %s: %s\n%s", name, res.Status, b)
	}
}

// hasKeys reports whether the keys of these pairs of roles have been made.
func (h *house) hasKeys(pairs ...string) bool {
	for _, p := range pairs {
		if b, err := os.ReadFile(filepath.Join(h.dir, "state", "keys", p+".key")); err != nil || len(b) == 0 {
			return false
		}
	}
	return true
}

// git runs git in the folder of pages.
func (h *house) git(args ...string) string {
	h.t.Helper()
	cmd := exec.Command("git", append([]string{"-C", filepath.Join(h.dir, "pages"), "-c", "user.name=Alice", "-c", "user.email=alice@example.org"}, args...)...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		h.t.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// TestEdits takes edits of visitors from the form to the live page and back.
func TestEdits(t *testing.T) {
	for _, separate := range []bool{false, true} {
		name := map[bool]string{false: "one process", true: "a process for each role"}[separate]
		t.Run(name, func(t *testing.T) { testEdits(t, separate) })
	}
}

func testEdits(t *testing.T, separate bool) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("needs git (apt-get install git)")
	}
	h := newHouse(t, "")
	site := *h // where the pages are served
	kitchen := filepath.Join(h.dir, "pages", "house", "Kitchen.md")
	writeFile(t, filepath.Dir(kitchen), "Kitchen.md", "# Kitchen\n\nThe oven is old.\n\nThe window is open.\n")
	h.git("init", "-q")
	h.git("add", ".")
	h.git("commit", "-qm", "First")
	if separate {
		addr := freeAddr(t)
		config, err := os.ReadFile(h.config)
		if err != nil {
			t.Fatal(err)
		}
		other := strings.Replace(string(config), "listen = \""+strings.TrimPrefix(h.web, "http://"), "listen = \""+addr, 1)
		// One after the other, so that each finds the keys of those before it.
		start(t, "bot", "--config", h.config)
		eventually(t, "the bot has made its keys", func() bool { return h.hasKeys("bot-site", "bot-comments") })
		start(t, "site", "--config", h.config)
		eventually(t, "the site has made its keys", func() bool { return h.hasKeys("comments-site") })
		start(t, "comments", "--config", writeFile(t, h.dir, "comments.toml", other))
		h.web = "http://" + addr
	} else {
		start(t, "run", "--config", h.config)
	}
	alice := h.login("alice")
	alice.awaitBot()
	alice.expect("edits", "no suggested edit")
	eventually(t, "the form is there", func() bool { return h.page("/comment/house/kitchen?suggest=1") != "" })

	h.suggest("house/kitchen", "Ann", "It got a new oven", "old", "blue")
	eventually(t, "the edit is told", func() bool { return alice.told("accept 1") > 0 })
	alice.expect("edits", "Ann", "house/kitchen", "It got a new oven")
	alice.expect("diff 1", "- The oven is old.", "+ The oven is blue.")
	if strings.Contains(site.page("/house/kitchen/"), "blue") {
		t.Fatal("live before anybody accepted it")
	}
	alice.expect("accept 1", "is live", site.web+"/house/kitchen/", "commit")
	if !strings.Contains(site.page("/house/kitchen/"), "The oven is blue.") {
		t.Error("accepted and not live")
	}
	if got := h.git("log", "-1", "--format=%an|%cn|%s"); got != "Ann|Oswald|It got a new oven" {
		t.Errorf("the commit is %q", got)
	}
	alice.expect("accept 1", "accepted already")
	alice.expect("undo", "accept", "house/kitchen")
	if page := site.page("/house/kitchen/"); !strings.Contains(page, "The oven is old.") {
		t.Error("undone and still live")
	}
	if got := h.git("log", "-1", "--format=%s"); !strings.Contains(got, "Take back") {
		t.Errorf("the commit is %q", got)
	}
	alice.expect("edits", "1 ·")

	// The owner writes meanwhile: in another place it is merged, in the same it is refused.
	writeFile(t, filepath.Dir(kitchen), "Kitchen.md", "# Kitchen\n\nThe oven is old.\n\nThe window is shut.\n")
	alice.expect("accept 1", "is live", "both changes")
	if page := site.page("/house/kitchen/"); !strings.Contains(page, "blue") || !strings.Contains(page, "shut") {
		t.Errorf("merged: %s", page)
	}
	eventually(t, "the form shows the new text", func() bool {
		return strings.Contains(h.page("/comment/house/kitchen?suggest=1"), "blue")
	})
	h.suggest("house/kitchen", "Bo", "", "blue", "green")
	writeFile(t, filepath.Dir(kitchen), "Kitchen.md", "# Kitchen\n\nThe oven is red.\n\nThe window is shut.\n")
	alice.expect("accept 2", "does not fit", "reject 2")
	if b, err := os.ReadFile(kitchen); err != nil || !strings.Contains(string(b), "red") {
		t.Errorf("refused and changed: %s %v", b, err)
	}
	alice.expect("reject 2", "rejected")
	alice.expect("edits", "no suggested edit")
	alice.expect("accept 3", "no suggested edit 3")
}

// letter writes to the owner with the contact form.
func (h *house) letter(name, reach, text string) {
	h.t.Helper()
	token := tokenField.FindStringSubmatch(h.page("/comment/contact"))
	if token == nil {
		h.t.Fatal("no contact form")
	}
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.PostForm(h.web+"/comment/contact", url.Values{
		"token": {html.UnescapeString(token[1])}, "name": {name}, "reach": {reach}, "text": {text}, "answer": {"seven"}, "do": {"post"},
	})
	if err != nil {
		h.t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusSeeOther {
		h.t.Fatalf("letter: %s", res.Status)
	}
}

// TestPhone moderates from the phone with what else there is.
func TestPhone(t *testing.T) {
	h := newHouse(t, "")
	start(t, "run", "--config", h.config)
	alice, bob := h.login("alice"), h.login("bob")
	alice.awaitBot()
	bob.awaitBot()
	eventually(t, "the form is there", func() bool { return h.page("/comment/house/kitchen") != "" })
	h.comment("house/kitchen", "Ann", "Thank you for the bread recipe, it worked well in my small oven.", "192.0.2.7")
	shown := func() bool { return strings.Contains(h.page("/c/house/kitchen"), "small oven") }
	test := func(text string, want bool, words ...string) {
		t.Helper()
		alice.expect(text, words...)
		eventually(t, fmt.Sprintf("after %q it is shown: %v", text, want), func() bool { return shown() == want })
	}
	test("comments", true, "#1")
	test("hold 1", false, "waits")
	test("approve 1", true, "published")
	test("undo", false, "Taken back", "approve")
	test("undo", true, "Taken back", "hold")
	test("undo", true, "Nothing was decided")
	test("delete 1", true, "yes/no")
	test("yes", false, "restore 1")
	test("restore 1", true, "on its page")
	test("ban 1", true, "without an ID")
	test("ban aaaaaaaaaaaa", true, "Nobody has written")
	test("spam test FREE casino bonus!!! Win cash now http://casino.example/win", true, "spam", "Nothing was learnt")
	h.letter("Eve", "eve@example.org", "May I borrow the long ladder on Sunday?")
	eventually(t, "the letter is told", func() bool { return alice.told("long ladder") > 0 })
	alice.expect("letters", "new", "Eve")
	alice.expect("letters 1", "eve@example.org", "long ladder")
	bob.expect("letters", "may not")
	bob.expect("undo", "may not")
	bob.expect("volume 60", "60")
	bob.expect("chime off", "without notes")
	bob.expect("say left hello kitchen", "left")
	bob.expect("repeat", "left")
	bob.expect("mute left", "Muted")
	bob.expect("say left are you there", "muted")
	bob.expect("unmute", "heard")
	bob.expect("hush", "Nothing was being said")
	bob.expect("quiet 00:00-23:59", "Quiet")
	bob.expect("quiet off", "no quiet hours")
	bob.expect("mute alerts 2h", "critical")
	bob.expect("unmute alerts", "again")
	bob.expect("snooze A9", "No alert A9")
}
