// SPDX-License-Identifier: GPL-3.0-or-later

package xmppserver

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"oswald/internal/browser"
	"oswald/internal/xmppclient"
)

// chatPage signs in with Converse.js, opens the chat with BOT by the roster, types
// a message and reports what the page then shows.
const chatPage = `<!doctype html><meta charset=utf-8><link rel=stylesheet href=/dist/converse.min.css><body>
<script type=module>
import * as C from "/dist/converse.min.js";
(window.converse || C.default).initialize({ jid: 'bob@oswald.test', password: 'bobpw', auto_login: true,
  authentication: 'login', websocket_url: 'ws://' + location.host + '/xmpp-websocket',
  assets_path: '/dist/', view_mode: 'fullscreen', discover_connection_methods: false });
const until = async f => { for (;;) { const x = f(); if (x) return x; await new Promise(r => setTimeout(r, 50)); } };
const contact = await until(() => [...document.querySelectorAll('converse-roster-contact a, .list-item-link')].find(e => e.textContent.includes('BOT')));
contact.click();
const box = await until(() => document.querySelector('textarea.chat-textarea'));
box.value = 'status from the page';
box.dispatchEvent(new Event('input', {bubbles: true}));
box.dispatchEvent(new KeyboardEvent('keydown', {key: 'Enter', keyCode: 13, bubbles: true}));
const reply = await until(() => [...document.querySelectorAll('converse-chat-message-body')].find(e => e.textContent.includes('all is well')));
await fetch('/report', {method: 'POST', body: reply.textContent.trim()});
</script>`

// TestConverse chats from a real browser. OSWALD_CLIENTS is the folder node_modules
// of packaging/clients.
func TestConverse(t *testing.T) {
	modules := os.Getenv("OSWALD_CLIENTS")
	if modules == "" {
		t.Skip("needs converse.js (make test-clients installs it)")
	}
	dist := filepath.Join(modules, "converse.js", "dist")
	s := start(t)
	bot := s.dial(t, "bot/x")
	report := make(chan string, 1)
	mux := http.NewServeMux()
	mux.Handle("/xmpp-websocket", s.WebSocket(t.Context()))
	mux.Handle("/dist/", http.StripPrefix("/dist/", http.FileServer(http.Dir(dist))))
	mux.Handle("/curve25519_compiled.wasm", http.FileServer(http.Dir(dist)))
	mux.HandleFunc("POST /report", func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		report <- string(b)
	})
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, chatPage) })
	web := httptest.NewServer(mux)
	defer web.Close()

	browser.Start(t).Open(web.URL, browser.View{Width: 1000, Height: 700})
	limit := time.After(60 * time.Second)
	for {
		select {
		case m := <-bot.Messages():
			if m.Body == "status from the page" {
				if _, err := bot.Send(t.Context(), xmppclient.Message{To: at("bob"), Body: "all is well", Thread: m.Thread, ChatState: "active"}); err != nil {
					t.Error(err)
				}
			}
		case got := <-report:
			if !strings.Contains(got, "all is well") {
				t.Errorf("the page shows %q", got)
			}
			return
		case <-limit:
			t.Fatal("the page did not show the reply")
		}
	}
}
