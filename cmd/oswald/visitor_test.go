// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"oswald/internal/browser"
)

// visitor is somebody with a browser. OSWALD_SCREENSHOTS is a folder to keep what
// was seen in; OSWALD_CLIENTS is the folder node_modules that has axe-core.
type visitor struct {
	*browser.Page
	t    *testing.T
	name string
	axe  string
	seen int
}

// look takes the page in: its picture, and what a screen reader would stumble on.
func (v *visitor) look(what string) {
	v.t.Helper()
	v.seen++
	if dir := os.Getenv("OSWALD_SCREENSHOTS"); dir != "" {
		v.Screenshot(filepath.Join(dir, fmt.Sprintf("%s-%02d-%s.png", v.name, v.seen, what)), true)
	}
	if v.axe != "" {
		for _, bad := range v.Axe(v.axe) {
			v.t.Errorf("%s, %s: %s", v.name, what, bad)
		}
	}
}

// reads waits until the page says all of words.
func (v *visitor) reads(words ...string) {
	v.t.Helper()
	for _, w := range words {
		v.Wait(fmt.Sprintf("document.readyState == 'complete' && document.body.innerText.includes(%q)", w))
	}
}

// press presses the button of a form.
func (v *visitor) press(do string) { v.Click("button[name=do][value=" + do + "]") }

// TestVisitorInABrowser walks through the comments with Chromium, with and without
// JavaScript, while the owner decides from the phone.
func TestVisitorInABrowser(t *testing.T) {
	h := newHouse(t, "max_links = 0\n") // one link, and a comment waits
	host, err := url.Parse(h.web)
	if err != nil {
		t.Fatal(err)
	}
	b := browser.Start(t, host.Hostname())
	start(t, "run", "--config", h.config)
	alice := h.login("alice")
	alice.awaitBot()
	eventually(t, "the form is there", func() bool { return h.page("/comment/house/kitchen?suggest=1") != "" })
	for i, view := range []struct {
		name string
		view browser.View
	}{
		{"no-script", browser.View{Width: 390, Height: 844, Dark: true, NoScript: true}},
		{"phone", browser.View{Width: 390, Height: 844, Dark: true}},
		{"desktop", browser.View{Width: 1280, Height: 900}},
	} {
		t.Run(view.name, func(t *testing.T) {
			v := &visitor{Page: b.Open(h.web+"/house/kitchen/", view.view), t: t, name: view.name}
			if modules := os.Getenv("OSWALD_CLIENTS"); modules != "" && !view.view.NoScript { // axe-core waits for timers
				v.axe = filepath.Join(modules, "axe-core", "axe.min.js")
			}
			walk(t, v, h, alice, i+1)
		})
	}
}

func walk(t *testing.T, v *visitor, h *house, alice *texter, edit int) {
	v.look("page")
	v.Go(h.web + "/c/house/kitchen")
	v.reads("Comments on")
	v.look("comments")
	v.Click("a[href='/comment/house/kitchen']")
	v.reads("Write a comment on")
	v.look("form")

	// With an ID, looked at first.
	text := "I like the *blue* kettle best, says " + v.name + "."
	v.Type("#text", text)
	v.Type("#name", "Vera")
	v.Type("#secret", "a secret of "+v.name)
	v.press("preview")
	v.reads("Preview, not sent yet", "Your ID is", "Vera")
	v.look("preview")

	// Wrong, then right.
	v.Type("#answer", "eight")
	v.press("post")
	v.reads("That answer is not right")
	v.look("wrong")
	var kept string
	v.Eval("document.querySelector('#text').value", &kept)
	if strings.TrimSpace(kept) != text {
		t.Errorf("the text is lost: %q", kept)
	}
	v.Type("#answer", "Seven")
	v.press("post")
	v.reads("Thank you.", "the blue kettle best", "change your comment")
	v.look("posted")

	// The one-time link, in the same browser.
	v.Click(".c-notice a")
	v.reads("Change your comment on")
	v.look("change")
	v.Type("#text", text+" Or the red one.")
	v.press("post")
	v.reads("Or the red one.")

	// One with a link waits, and the phone lets it out.
	link := "https://example.org/" + v.name
	v.Go(h.web + "/comment/house/kitchen")
	v.Type("#text", "More about kettles at "+link+" for all who like them.")
	v.Type("#answer", "7")
	v.press("post")
	v.reads("waits for approval")
	v.look("waits")
	eventually(t, "the comment is told", func() bool { return alice.told(link) > 0 })
	number := regexp.MustCompile(`approve (\d+)`).FindStringSubmatch(lastTold(alice, link))
	if number == nil {
		t.Fatalf("no number in %q", lastTold(alice, link))
	}
	if strings.Contains(h.page("/c/house/kitchen"), link) {
		t.Error("shown before anybody approved it")
	}
	alice.expect("approve "+number[1], "#"+number[1])
	v.Go(h.web + "/c/house/kitchen")
	v.reads("More about kettles", "Or the red one.")
	v.look("approved")
	var rel string
	v.Eval(fmt.Sprintf("document.querySelector('a[href=%q]').rel", link), &rel)
	if !strings.Contains(rel, "nofollow") || !strings.Contains(rel, "ugc") {
		t.Errorf("rel %q", rel)
	}

	// An edit of the page itself.
	v.Click("a[href='/comment/house/kitchen?suggest=1']")
	v.reads("Text of the page")
	v.Eval("document.querySelector('#text').value", &kept)
	line := "The kettle of " + v.name + " is new."
	v.Type("#text", strings.TrimRight(kept, "\n")+"\n\n"+line+"\n")
	v.Type("#answer", "seven")
	v.press("preview")
	v.reads("What you change, not sent yet", "+ "+line)
	v.look("difference")
	v.Type("#answer", "seven")
	v.press("post")
	v.reads("Your edit waits for approval")
	v.look("edit-sent")
	accept := fmt.Sprintf("accept %d", edit)
	eventually(t, "the edit is told", func() bool { return alice.told(accept) > 0 })
	alice.expect(fmt.Sprintf("diff %d", edit), "+ "+line)
	alice.expect(accept, "is live")
	v.Go(h.web + "/house/kitchen/")
	v.reads(line)
	v.look("live")
}

// lastTold returns the last message that came unasked and holds word.
func lastTold(p *texter, word string) (text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, m := range p.unsent {
		if strings.Contains(m, word) {
			text = m
		}
	}
	return text
}
