// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"oswald/internal/browser"
)

// A conversePage is Converse.js, signed in as alice, in a real browser.
type conversePage struct {
	*browser.Page
	t *testing.T
}

// converse opens the chat client of the browser. OSWALD_CLIENTS is the folder
// node_modules of packaging/clients.
func (h *house) converse(v browser.View) conversePage {
	t := h.t
	t.Helper()
	modules := os.Getenv("OSWALD_CLIENTS")
	if modules == "" {
		t.Skip("needs converse.js (make test-clients installs it)")
	}
	dist := filepath.Join(modules, "converse.js", "dist")
	path := "/xmpp-websocket"
	if h.server.Name == "ejabberd" {
		path = "/ws"
	}
	server, err := url.Parse("http://" + h.server.HTTPAddr)
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle(path, &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(server)
		r.Out.Host = h.server.Domain
	}})
	mux.Handle("/dist/", http.StripPrefix("/dist/", http.FileServer(http.Dir(dist))))
	mux.Handle("/curve25519_compiled.wasm", http.FileServer(http.Dir(dist)))
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `<!doctype html><meta charset=utf-8><meta name=viewport content="width=device-width">
			<link rel=stylesheet href=/dist/converse.min.css><body><script type=module>
			import * as C from "/dist/converse.min.js";
			(window.converse || C.default).initialize({ jid: %q, password: %q, auto_login: true, authentication: "login",
				websocket_url: "ws://" + location.host + %q, assets_path: "/dist/", view_mode: "fullscreen",
				discover_connection_methods: false, allow_adhoc_commands: true, clear_cache_on_logout: true });
			</script>`, h.server.JID("alice"), h.server.Password("alice"), path)
	})
	web := httptest.NewServer(mux)
	t.Cleanup(web.Close)
	p := conversePage{browser.Start(t).Open(web.URL+"/", v), t}
	// The roster: the bot by its name.
	p.Wait(`[...document.querySelectorAll("converse-roster-contact a, .list-item-link")].find(e => e.textContent.includes("Oswald"))?.click() ?? document.querySelector("textarea.chat-textarea")`)
	p.Find("textarea.chat-textarea")
	return p
}

// text sends a text and waits until the page shows a message with each of want
// that was not there before.
func (p conversePage) text(text string, want ...string) {
	p.t.Helper()
	var before int
	p.Eval(`document.querySelectorAll("converse-chat-message").length`, &before)
	p.Type("textarea.chat-textarea", text)
	p.Press()
	var words []string
	for _, w := range want {
		words = append(words, fmt.Sprintf("t.includes(%q)", w))
	}
	p.Wait(fmt.Sprintf(`[...document.querySelectorAll("converse-chat-message")].slice(%d).some(e => { const t = e.textContent; return %s })`,
		before+1, strings.Join(words, " && ")))
}

// shoot keeps a picture where OSWALD_SHOTS names a folder.
func (p conversePage) shoot(name string) {
	p.t.Helper()
	if dir := os.Getenv("OSWALD_SHOTS"); dir != "" {
		p.Screenshot(filepath.Join(dir, name+".png"), false)
	}
}

// last is a JavaScript expression for the message that came last.
const last = `[...document.querySelectorAll("converse-chat-message")].at(-1)`

// menu runs a command out of the menu that the bot offers, with value in its only
// field, and wants the result to hold word.
func (p conversePage) menu(bot, node, value, word string) {
	p.t.Helper()
	p.Click(".show-client-info")
	tab := `[...document.querySelectorAll(".modal a, .modal button")].find(e => e.textContent.trim() === "Commands")`
	p.Wait(tab)
	p.Eval(tab+".click()", nil)
	field := `converse-adhoc-commands input[name="jid"]`
	p.Wait(`document.querySelector(".modal.show") && getComputedStyle(document.querySelector(".modal.show")).opacity === "1"`) // it takes the focus then
	p.Type(field, bot)
	p.Wait(fmt.Sprintf("document.querySelector(%q).value === %q", field, bot))
	p.Click(`converse-adhoc-commands input[type="submit"]`)
	p.Click(fmt.Sprintf("converse-adhoc-commands [data-command-node=%q]", node))
	p.Type(`converse-adhoc-commands form.converse-form input[type="text"].form-control:not([name="jid"])`, value)
	p.shoot("converse-" + node)
	p.Click(`converse-adhoc-commands input[data-action="complete"]`)
	p.Wait(fmt.Sprintf(`document.querySelector("converse-adhoc-commands").textContent.includes(%q)`, word))
}

// TestConverse talks to Oswald from a real browser, over both servers: words, a
// question answered by a touch and by a reply, and the menu.
func TestConverse(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house, bot string) {
		p := h.converse(browser.View{Width: 1000, Height: 760})
		p.text("status", "All is well", "comments")
		p.text("temp", "°C")
		p.text("rebuild", "The site is built")
		h.comment("house/kitchen", "Ann", "A kind word about the kettle", "203.0.113.9")
		p.text("comments house/kitchen", "kettle")
		p.text("delete 1", "kettle", "yes")
		p.Eval(last+`.querySelector(".chat-msg__action-reaction").click()`, nil)
		p.Click("converse-reaction-picker .reaction-item") // the first is a thumb up
		p.Wait(last + `.textContent.includes("#1 by Ann on house/kitchen is deleted")`)
		p.text("restore 1", "is back")
		p.text("delete 1", "kettle", "yes")
		p.Eval(last+`.querySelector(".chat-msg__action-reply").click()`, nil)
		p.text("no", "nothing was done")
		p.shoot("converse-" + h.server.Name)
		h.warmDay(t)
		p.text("temp plot", "°C")
		p.Wait(`document.querySelector("converse-chat-message img.chat-image")?.naturalWidth > 300`)
		p.shoot("converse-plot-" + h.server.Name)
		p.View(browser.View{Width: 360, Height: 700, Dark: true})
		p.text("help", "Site:", "Voice:")
		p.shoot("converse-" + h.server.Name + "-phone")
		p.View(browser.View{Width: 1000, Height: 760})
		p.menu(bot, "temp", "kitchen", "°C")
		p.shoot("converse-menu-" + h.server.Name)
	})
}
