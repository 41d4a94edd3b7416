// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"context"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"oswald"
	"oswald/internal/xmppclient"
)

// What people, visitors and disks put in: each is answered in one sentence, and
// the rest goes on.

// body fetches a page whatever its status.
func body(address string) string {
	res, err := http.Get(address)
	if err != nil {
		return err.Error()
	}
	defer res.Body.Close()
	b, _ := io.ReadAll(res.Body)
	return string(b)
}

// post sends the form of page with values.
func (h *house) post(page string, values url.Values) (status int, text string) {
	h.t.Helper()
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.PostForm(h.web+"/comment/"+page, values)
	if err != nil {
		h.t.Fatalf("the answer was lost: %v", err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		h.t.Fatalf("the answer was cut: %v", err)
	}
	return res.StatusCode, string(b)
}

// token fetches the form of page for its token.
func (h *house) token(page string) string {
	h.t.Helper()
	var m []string
	eventually(h.t, "the form is there", func() bool {
		m = tokenField.FindStringSubmatch(h.page("/comment/" + page))
		return m != nil
	})
	return html.UnescapeString(m[1])
}

// TestLongMessage sends a megabyte: more than the server passes on, and more than
// the bot reads.
func TestLongMessage(t *testing.T) {
	h := newHouse(t, "")
	start(t, "run", "--config", h.config)
	alice := h.login("alice")
	alice.awaitBot()
	alice.expect(strings.Repeat("long ", 20_000), "too long", "64 KB")
	alice.expect("ping", "pong")
	// The server ends the stream of who sends this much; that is between the two.
	alice.client.Send(t.Context(), xmppclient.Message{To: h.server.JID("oswald"), Body: strings.Repeat("m", 1<<20)})
	alice = h.login("alice")
	alice.awaitBot()
	alice.expect("ping", "pong")
	for _, n := range []int{100_000, 1 << 20, 9 << 20} {
		says(t, "ctl", h.ctlBytes(strings.Repeat("m", n)), "too long")
	}
	h.untroubled()
}

// TestLongLine types a megabyte at the prompt of the tour.
func TestLongLine(t *testing.T) {
	out, code := once(t, strings.Repeat("m", 1<<20)+"\n"+strings.Repeat("n", 100<<10)+"\nping\n", "try", "--home", t.TempDir())
	if code != 0 {
		t.Errorf("exit code %d", code)
	}
	short := out
	for _, s := range []string{"m", "n"} {
		short = strings.ReplaceAll(short, strings.Repeat(s, 1000), "")
	}
	says(t, "the tour", short, "too long", "Pong")
	if n := strings.Count(short, "too long"); n != 2 {
		t.Errorf("%d of two texts are too long:\n%.3000s", n, short)
	}
	plain(t, "the tour", short)
}

// controls are characters that steer terminals, hide text or turn it round.
const controls = "\x00\x07\x1b[2J\x1b]0;owned\x07\x7f\u0085\u009b31m\u202e\u2066\ufeff\uffff"

// steering reports what a reply or a page must not hold.
func steering(text string) bool {
	return strings.ContainsAny(text, "\x00\x07\x1b\x7f\u009b\u202e\u2066")
}

// ctlBytes is ctl for a text that no shell passes on.
func (h *house) ctlBytes(text string) string {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(h.t.Context(), time.Minute)
	defer cancel()
	reply, err := askCtl(ctx, filepath.Join(h.dir, "state", "ctl.sock"), text, nil)
	if err != nil {
		reply = oswald.MessageOf(err)
	}
	return reply
}

func TestControlCharacters(t *testing.T) {
	h := newHouse(t, "")
	start(t, "run", "--config", h.config)
	alice := h.login("alice")
	alice.awaitBot()
	for _, text := range []string{"frob" + controls + "nicate", "comment " + controls, "say left \x00\x07\u202ehi", controls, "allow eve" + controls + "@example.org member"} {
		for mouth, ask := range map[string]func(string) string{"chat": alice.text, "ctl": h.ctlBytes} {
			if text == controls && mouth == "chat" {
				continue // nothing is left of it, so nothing is answered
			}
			reply := ask(text)
			if steering(reply) {
				t.Errorf("%s answers %q with %q", mouth, text, reply)
			}
			plain(t, mouth, reply)
		}
	}
	if reply := alice.expect("ping" + controls[:1] + "\x07"); !strings.Contains(reply, "Pong") {
		t.Errorf("ping among controls: %q", reply)
	}
	if log := h.ctl("log 50"); steering(log) {
		t.Errorf("the log: %q", log)
	}
	eventually(t, "the form is there", func() bool { return h.page("/comment/house/kitchen") != "" })
	h.comment("house/kitchen", "An"+controls+"n", "The shelf"+controls+" under the window took two evenings.", "192.0.2.7")
	page := h.page("/c/house/kitchen")
	says(t, "the page", page, "under the window took two evenings")
	for _, s := range []string{page, h.ctl("comments"), h.ctl("comment 1"), alice.text("comment 1")} {
		if steering(s) {
			t.Errorf("a control character is left: %q", s)
		}
	}
	// In the address and in the token.
	for _, path := range []string{"/%00", "/%1b%5b2J", "/c/%00", "/comment/%ff", "/c/" + strings.Repeat("a", 8000)} {
		if text := body(h.web + path); steering(text) {
			t.Errorf("%s is answered %q", path, text)
		}
	}
	h.untroubled()
}

// TestHugeComment posts ten megabytes.
func TestHugeComment(t *testing.T) {
	h := newLonelyHouse(t, "")
	start(t, "run", "--config", h.config)
	token := h.token("house/kitchen")
	status, text := h.post("house/kitchen", url.Values{"token": {token}, "name": {"Ann"}, "answer": {"seven"}, "do": {"post"},
		"text": {strings.Repeat("much ado ", 10<<20/9)}})
	if says(t, "the answer", text, "too much for one comment", "shorten"); status != http.StatusRequestEntityTooLarge {
		t.Errorf("status %d", status)
	}
	status, text = h.post("house/kitchen", url.Values{"token": {token}, "name": {"Ann"}, "answer": {"seven"}, "do": {"post"},
		"text": {strings.Repeat("much ado ", 5000)}})
	if says(t, "the answer", text, "characters", "much ado much ado"); status != http.StatusUnprocessableEntity {
		t.Errorf("status %d", status)
	}
	h.untroubled()
}

// TestExpiredForm sends a form that is too old, and the one that comes back.
func TestExpiredForm(t *testing.T) {
	h := newLonelyHouse(t, "")
	h.replace("min_time", "form_lifetime = \"2s\"\nmin_time")
	start(t, "run", "--config", h.config)
	values := url.Values{"token": {h.token("house/kitchen")}, "name": {"Ann"}, "answer": {"seven"}, "do": {"post"},
		"text": {"The shelf under the window took two evenings."}}
	old := time.Now().Add(2500 * time.Millisecond)
	eventually(t, "the form is old", func() bool { return time.Now().After(old) })
	status, text := h.post("house/kitchen", values)
	if says(t, "the answer", text, "form has expired", "Nothing is lost", "send it again", "The shelf under the window"); status != http.StatusUnprocessableEntity {
		t.Errorf("status %d", status)
	}
	values.Set("token", html.UnescapeString(tokenField.FindStringSubmatch(text)[1]))
	if status, text = h.post("house/kitchen", values); status != http.StatusSeeOther {
		t.Errorf("sent again: %d\n%s", status, text)
	}
	for _, token := range []string{"", "x", strings.Repeat("A", 5000), controls} {
		values.Set("token", token)
		status, text = h.post("house/kitchen", values)
		if says(t, "the answer to a forged form", text, "send it again"); status != http.StatusUnprocessableEntity {
			t.Errorf("%.10q: status %d", token, status)
		}
	}
}

// TestBrokenPage wants broken pages named and all others built.
func TestBrokenPage(t *testing.T) {
	h := newLonelyHouse(t, "")
	pages := filepath.Join(h.dir, "pages")
	writeFile(t, pages, "BadFront.md", "---\ntitle: [unclosed\n: :\n---\n# Bad front\n\nText after it.\n")
	writeFile(t, pages, "BadBytes.md", "# Bad bytes\n\nA \xff\xfe\x80 sentence about plums.\n")
	writeFile(t, pages, "Endless.md", "---\ntitle: no end\n")
	writeFile(t, pages, "Big.md", "# Big\n\n"+strings.Repeat("A line of it.\n", 1<<18))
	if err := os.Symlink("/etc/passwd", filepath.Join(pages, "Outside.md")); err != nil {
		t.Fatal(err)
	}
	start(t, "run", "--config", h.config)
	h.untroubled()
	reply := h.ctl("rebuild")
	says(t, "rebuild", reply, "page", "BadFront", "BadBytes", "Big")
	says(t, "a page of broken bytes", h.page("/bad-bytes/")+h.page("/badbytes/"), "plums")
	for _, path := range []string{"/outside/", "/Outside/"} {
		if strings.Contains(h.page(path), "root:") {
			t.Errorf("%s shows a file from outside the pages", path)
		}
	}
}

// mount mounts a small disk on dir for the time of the test.
func mount(t *testing.T, dir, options string) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root, to mount a small disk")
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, options); err != nil {
		t.Skipf("needs the right to mount a small disk: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Errorf("unmount: %v", err)
		}
	})
}

// remount changes a mounted disk to read-only or back.
func remount(t *testing.T, dir string, flags uintptr) {
	t.Helper()
	eventually(t, "the disk is mounted anew", func() bool { // what a process just closed keeps it busy
		return syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_REMOUNT|flags, "") == nil
	})
}

// TestReadOnlyOutput takes the right to write to the site's folder away.
func TestReadOnlyOutput(t *testing.T) {
	h := newLonelyHouse(t, "")
	site := filepath.Join(h.dir, "web")
	mount(t, site, "size=64m")
	h.replace(`output = "site"`, `output = "web/site"`)
	p := start(t, "run", "--config", h.config)
	h.untroubled()
	p.stop()
	remount(t, site, syscall.MS_RDONLY)
	start(t, "run", "--config", h.config)
	eventually(t, "commands are answered", func() bool { return strings.Contains(h.ctl("ping"), "Pong") })
	writeFile(t, filepath.Join(h.dir, "pages"), "New.md", "# New\n\nA new page.\n")
	reply := h.ctl("rebuild")
	says(t, "rebuild", reply, "cannot be written", "write access", "old pages")
	if strings.Contains(reply, h.dir) {
		t.Errorf("the reply has a path of this machine: %s", reply)
	}
	says(t, "the old site", h.page("/"), "Lime Street")
	h.comment("house/kitchen", "Ann", "The shelf under the window took two evenings.", "192.0.2.7")
	out, _ := h.check()
	says(t, "check", line(out, "site  "), "FAIL", "wiki.output")
	remount(t, site, 0)
	says(t, "rebuild", h.ctl("rebuild"), "page")
}

// TestFullDisk fills the disk of the state folder, and makes room again.
func TestFullDisk(t *testing.T) {
	h := newHouse(t, "")
	state := filepath.Join(h.dir, "state")
	mount(t, state, "size=24m")
	start(t, "run", "--config", h.config)
	alice := h.login("alice")
	alice.awaitBot()
	h.untroubled()
	alice.expect("ping", "pong")

	ballast := filepath.Join(state, "ballast")
	fill(t, ballast)
	says(t, "ping", h.ctl("ping"), "Pong")
	says(t, "status", line(h.ctl("status"), "disk:"), "⚠", "0.0 GB free")
	eventually(t, "a command that changes something is refused", func() bool {
		return strings.Contains(h.ctl("rebuild"), "Nothing was done")
	})
	says(t, "rebuild", h.ctl("rebuild"), "disk of the state folder is full", "make room")
	says(t, "the site", h.page("/"), "Lime Street")
	says(t, "comments", h.page("/c/house/kitchen"), "shelf")
	alice.expect("ping", "pong")
	alice.expect("rebuild", "full")
	out, code := h.check()
	if says(t, "check", line(out, "state folder"), "FAIL", "full"); code != 1 {
		t.Errorf("exit code %d:\n%s", code, out)
	}
	status, text := h.post("house/kitchen", url.Values{"token": {h.token("house/kitchen")}, "name": {"Ann"}, "answer": {"seven"}, "do": {"post"},
		"text": {"A comment that finds no room on the disk, and is a good one."}})
	if says(t, "the form", text, "could not be stored", "send it again", "A comment that finds no room"); status != http.StatusServiceUnavailable {
		t.Errorf("a comment without room: status %d", status)
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	alice.expect("rebuild", "page")
	alice.expect("ping", "pong")
	h.untroubled()
}

// fill writes path until the disk has no byte left.
func fill(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for size := 1 << 20; size > 0; size /= 2 {
		for {
			if _, err = f.Write(make([]byte, size)); err != nil {
				break
			}
		}
	}
	if fi, err := f.Stat(); err != nil || fi.Size() == 0 {
		t.Fatal(fmt.Errorf("nothing was filled: %v", err))
	}
}

// TestFullHome starts the tour on a disk without room, and again with room.
func TestFullHome(t *testing.T) {
	home := filepath.Join(t.TempDir(), "home")
	mount(t, home, "size=24m")
	ballast := filepath.Join(home, "ballast")
	fill(t, ballast)
	out, code := once(t, "ping\n", "try", "--home", home)
	if says(t, "the tour", out, "disk", "full", "make room"); code != 1 || strings.Count(out, "\n") != 1 {
		t.Errorf("exit code %d:\n%s", code, out)
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	if out, code = once(t, "ping\n", "try", "--home", home); code != 0 || !strings.Contains(out, "Pong") {
		t.Errorf("with room: exit code %d:\n%s", code, out)
	}
}
