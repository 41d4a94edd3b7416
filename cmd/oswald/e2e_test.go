// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"oswald/internal/xmppclient"
)

// TestConversation is a day with Oswald on a real Prosody: every command of the
// menu, over the network and the bus.
func TestConversation(t *testing.T) {
	h := newHouse(t, "[sensors]\nsimulate = true\npoll = \"1s\"\n")
	start(t, "run", "--config", h.config)
	alice := h.login("alice")
	alice.awaitBot()

	alice.expect("help", "rebuild", "say", "temp")
	alice.expect("ping", "pong")
	alice.expect("version", "oswald")
	alice.expect("status", "xmpp", "bus", "simulated")
	alice.expect("hosts", "site", "comments")
	alice.expect("temp", "°C", "simulated")
	alice.expect("who", h.server.JID("alice"), "owner")
	alice.expect("frobnicate", "help")
	alice.expect("stat", "xmpp") // a unique prefix
	alice.expect("alerts", "no")

	page := filepath.Join(h.dir, "pages", "Home.md")
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(page, append(text, "\nA line about marmalade. See [[Kitchen]].\n"...), 0o600); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(h.page("/"), "marmalade") {
		t.Fatal("the page has changed by itself")
	}
	alice.expect("rebuild", "page")
	if !strings.Contains(h.page("/"), "marmalade") {
		t.Error("the served page has not changed")
	}

	alice.expect("say left hello kitchen", "simulated", ".wav")
	alice.expect("status", "left")

	alice.expect("allow "+h.server.JID("eve")+" member", h.server.JID("eve"))
	eve := h.login("eve")
	eve.awaitBot()
	eve.expect("ping", "pong")
	eve.expect("rebuild", "may not")
	alice.expect("deny "+h.server.JID("eve"), h.server.JID("eve"))
	alice.expect("log", "rebuild", "say")
}

var number = regexp.MustCompile(`\b(\d+)\b`)

// TestSpam follows a spammer: what slips through is told, flagged from the
// phone, taken off the page and learnt from.
func TestSpam(t *testing.T) {
	h := newHouse(t, "")
	start(t, "run", "--config", h.config)
	alice := h.login("alice")
	alice.awaitBot()
	alice.expect("rebuild", "page")
	eventually(t, "the form is there", func() bool { return h.page("/comment/house/kitchen") != "" })

	h.comment("house/kitchen", "Ann", "Thank you for the bread recipe, it worked well in my small oven.", "192.0.2.7")
	if !strings.Contains(h.page("/c/house/kitchen"), "small oven") {
		t.Fatal("a friendly comment is not on the page")
	}
	spam := "We clean gutters in every town. Ask for our unbeatable quotation: call Gutterking, number one for gutters!"
	h.comment("house/kitchen", "Gutterking", spam, "198.51.100.9")
	list := alice.expect("comments", "Gutterking")
	n := ""
	for _, line := range strings.Split(list, "\n") {
		if strings.Contains(line, "Gutterking") {
			n = number.FindString(line)
		}
	}
	if n == "" {
		t.Fatalf("no number in %s", list)
	}
	if !strings.Contains(h.page("/c/house/kitchen"), "gutters") {
		alice.expect("approve " + n) // it waits: put it on the page first
		if !strings.Contains(h.page("/c/house/kitchen"), "gutters") {
			t.Fatal("approved and not on the page")
		}
	}
	alice.expect("comment "+n, "gutters")
	alice.expect("flag "+n, n)
	eventually(t, "the spam is off the page", func() bool { return !strings.Contains(h.page("/c/house/kitchen"), "gutters") })
	alice.expect("spam why "+n, "spam")

	h.comment("house/heating", "Roofers", "Unbeatable quotation for gutters, number one in your town! Call now for every roof.", "203.0.113.50")
	if strings.Contains(h.page("/c/house/heating"), "Unbeatable") {
		t.Error("spam in other words by another author is on the page")
	}
	h.comment("house/heating", "Bo", "Does bleeding the radiators help when only one room stays cold?", "192.0.2.80")
	if !strings.Contains(h.page("/c/house/heating"), "bleeding") {
		t.Error("a fair question is not on the page")
	}
	alice.expect("spam stats", "spam")
	alice.expect("spam retrain", "trained")
	alice.expect("unflag "+n, n)
	eventually(t, "it is back", func() bool { return strings.Contains(h.page("/c/house/kitchen"), "gutters") })
	alice.expect("delete "+n, "yes")
	alice.expect("yes", n)
	eventually(t, "it is gone", func() bool { return !strings.Contains(h.page("/c/house/kitchen"), "gutters") })
}

// TestBurst wants a burst of spam told once, unasked.
func TestBurst(t *testing.T) {
	h := newHouse(t, "")
	start(t, "run", "--config", h.config)
	alice := h.login("alice")
	alice.awaitBot()
	eventually(t, "the form is there", func() bool { return h.page("/comment/house/kitchen") != "" })
	for ip, text := range map[string]string{
		"192.0.2.1":    "FREE casino bonus!!! Win cash now http://casino.example/win http://casino.example/bonus click here to get rich",
		"198.51.100.1": "Buy cheap viagra online, no prescription, best price http://pills.example/buy http://pills.example/now order today",
		"203.0.113.1":  "Make $5000 a week from home!!! Crypto trading bot, guaranteed profit, join https://coin.example/join NOW",
		"192.0.3.1":    "Check out my channel and SUBSCRIBE for FREE gift cards http://gift.example/free click the link and win an iPhone",
	} {
		h.comment("house/kitchen", "Winner", text, ip)
	}
	eventually(t, "the burst is told", func() bool { return alice.told("spam") > 0 })
	alice.expect("alerts", "spam")
	alice.expect("ack", "A")
}

// TestHot wants a hot probe told once and its end told once, and to hear from the
// phone that it was seen and acknowledged by a touch.
func TestHot(t *testing.T) {
	h := newHouse(t, "[sensors]\nsimulate = true\npoll = \"1s\"\nhold = \"1s\"\nclear = \"1s\"\nlimit = 30\n")
	start(t, "run", "--config", h.config)
	alice := h.login("alice")
	alice.awaitBot()
	alice.expect("temp", "°C")
	h.warmDay(t)
	alice.expect("temp plot", "https://", "temperatures-", ".png")
	set := filepath.Join(h.dir, "state", "simulated-probe", "set")
	if err := os.WriteFile(set, []byte("33\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the heat is told", func() bool { return alice.told("33") > 0 })
	eventually(t, "the phone's receipt counts", func() bool { return strings.Contains(alice.text("alerts"), "delivered") })
	id := alice.idOf("33")
	alice.send(xmppclient.Message{Displayed: id})
	eventually(t, "the alert counts as seen", func() bool { return strings.Contains(alice.text("alerts"), "seen by alice") })
	alice.send(xmppclient.Message{ReactsTo: id, Reactions: []string{"👍"}})
	eventually(t, "the touch acknowledges", func() bool { return alice.told("is acknowledged, no more reminders") == 1 })
	alice.expect("alerts", "acknowledged by alice")
	if err := os.WriteFile(set, []byte("20\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	eventually(t, "its end is told", func() bool { return alice.told("back at 20") > 0 })
	if n := alice.told("above its limit"); n != 2 { // the alert, and that it is acknowledged
		t.Errorf("told %d times: %q", n, alice.unsent)
	}
}

// TestStranger wants no answer at all for a stranger.
func TestStranger(t *testing.T) {
	h := newHouse(t, "")
	start(t, "run", "--config", h.config)
	alice := h.login("alice")
	alice.awaitBot()
	eve := h.login("eve")
	for range 2 {
		if _, err := eve.client.Send(t.Context(), xmppclient.Message{To: h.server.JID("oswald"), Body: "status"}); err != nil {
			t.Fatal(err)
		}
		alice.expect("ping", "pong") // by then the stranger's message has been seen
	}
	if len(eve.unsent) > 0 {
		t.Errorf("the stranger was told %q", eve.unsent)
	}
	if os.Getenv("OSWALD_LONG") != "" { // strangers are counted for a minute first
		eventually(t, "the owner hears of it", func() bool { return alice.told("eve") > 0 })
	}
}

// TestServerKilled kills the XMPP server and brings it back.
func TestServerKilled(t *testing.T) {
	h := newHouse(t, "")
	start(t, "run", "--config", h.config)
	alice := h.login("alice")
	alice.awaitBot()
	alice.expect("ping", "pong")
	h.server.Kill()
	h.server.Restart()
	alice = h.login("alice")
	alice.awaitBot()
	alice.expect("ping", "pong")
}

// TestTwice sends one stanza three times; the command runs once.
func TestTwice(t *testing.T) {
	h := newHouse(t, "")
	start(t, "run", "--config", h.config)
	alice := h.login("alice")
	alice.awaitBot()
	for range 3 {
		m := xmppclient.Message{To: h.server.JID("oswald"), ID: "same", OriginID: "same", Body: "say right only once please"}
		if _, err := alice.client.Send(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "it is said", func() bool { return alice.told("right") > 0 })
	log := alice.expect("log 20", "say")
	if n := strings.Count(log, "only once"); n != 1 {
		t.Errorf("%d runs in the log:\n%s", n, log)
	}
}

// TestKilledSite kills the site role in the middle of a rebuild; the rebuild ends
// well when the role is back, and the site is whole at every moment.
func TestKilledSite(t *testing.T) {
	h := newHouse(t, "")
	for i := range 400 {
		name := filepath.Join(h.dir, "pages", "many", "Page"+strings.Repeat("x", i%7)+string(rune('a'+i%26))+strings.Repeat("y", i/26)+".md")
		writeFile(t, filepath.Dir(name), filepath.Base(name), "# A page\n\nOne of many, see [[Kitchen]] and [[Home]]. #many\n")
	}
	start(t, "bot", "--config", h.config)
	site := start(t, "site", "--config", h.config)
	alice := h.login("alice")
	alice.awaitBot()
	alice.expect("rebuild", "page")
	home := filepath.Join(h.dir, "pages", "Home.md")
	writeFile(t, filepath.Dir(home), "Home.md", "# Welcome\n\nA new front page about quinces.\n")
	done := make(chan string, 1)
	go func() { done <- alice.text("rebuild") }()
	eventually(t, "the build is under way", func() bool {
		return strings.Contains(h.page("/"), "quinces") || len(done) > 0
	})
	site.kill()
	start(t, "site", "--config", h.config)
	reply := <-done
	if !strings.Contains(reply, "page") {
		t.Errorf("the rebuild ended with %q", reply)
	}
	eventually(t, "the new page is served", func() bool { return strings.Contains(h.page("/"), "quinces") })
}
