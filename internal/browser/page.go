// SPDX-License-Identifier: GPL-3.0-or-later

package browser

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"testing"
	"time"
)

// A Page is one tab.
type Page struct {
	b       *Browser
	t       testing.TB
	session string
}

// A View is how a page is looked at.
type View struct {
	Width, Height int  // CSS pixels
	Dark          bool // the visitor prefers dark colours
	NoScript      bool // the visitor has no JavaScript
}

// Open opens url in a new tab and waits until it is loaded.
func (b *Browser) Open(url string, v View) *Page {
	b.t.Helper()
	var target struct{ TargetID string }
	b.must(b.call("", "Target.createTarget", map[string]any{"url": "about:blank"}, &target))
	var session struct{ SessionID string }
	b.must(b.call("", "Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &session))
	p := &Page{b: b, t: b.t, session: session.SessionID}
	p.call("Page.enable", nil, nil)
	p.View(v)
	p.Go(url)
	return p
}

func (b *Browser) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

func (p *Page) call(method string, params, into any) {
	p.t.Helper()
	if params == nil {
		params = struct{}{}
	}
	p.b.must(p.b.call(p.session, method, params, into))
}

// View changes how the page is looked at.
func (p *Page) View(v View) {
	p.t.Helper()
	p.call("Emulation.setDeviceMetricsOverride", map[string]any{"width": v.Width, "height": v.Height, "deviceScaleFactor": 1, "mobile": v.Width < 500}, nil)
	scheme := "light"
	if v.Dark {
		scheme = "dark"
	}
	p.call("Emulation.setEmulatedMedia", map[string]any{"features": []any{map[string]any{"name": "prefers-color-scheme", "value": scheme}}}, nil)
	p.call("Emulation.setScriptExecutionDisabled", map[string]any{"value": v.NoScript}, nil)
}

// Go leads to url and waits until it is loaded.
func (p *Page) Go(url string) {
	p.t.Helper()
	var r struct{ ErrorText string }
	p.call("Page.navigate", map[string]any{"url": url}, &r)
	if r.ErrorText != "" {
		p.t.Fatalf("%s: %s", url, r.ErrorText)
	}
	p.Wait("document.readyState === 'complete' && location.href !== 'about:blank'")
}

// Eval carries out a JavaScript expression, waits for it if it is a promise, and
// stores its value, as JSON, in into, which may be nil. It works on pages whose own
// scripts are switched off too.
func (p *Page) Eval(expression string, into any) {
	p.t.Helper()
	if err := p.eval(expression, into); err != nil {
		p.t.Fatalf("%s: %v", expression, err)
	}
}

func (p *Page) eval(expression string, into any) error {
	var r struct {
		Result           struct{ Value json.RawMessage }
		ExceptionDetails *struct {
			Text      string
			Exception struct{ Description string }
		}
	}
	err := p.b.call(p.session, "Runtime.evaluate", map[string]any{"expression": expression, "awaitPromise": true, "returnByValue": true, "userGesture": true}, &r)
	if err != nil {
		return err
	}
	if e := r.ExceptionDetails; e != nil {
		return fmt.Errorf("%s %s", e.Text, e.Exception.Description)
	}
	if into == nil || len(r.Result.Value) == 0 {
		return nil
	}
	return json.Unmarshal(r.Result.Value, into)
}

// Wait waits until a JavaScript expression is true. An exception counts as false:
// the page may be on its way to another.
func (p *Page) Wait(expression string) {
	p.t.Helper()
	end := time.Now().Add(patience)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		ok := false
		err := p.eval("!!("+expression+")", &ok)
		if ok {
			return
		}
		if time.Now().After(end) {
			p.t.Fatalf("never true: %s (%v)\n%s", expression, err, p.Text())
		}
		<-tick.C
	}
}

// Text returns what can be read on the page.
func (p *Page) Text() string {
	var s string
	p.eval("document.body ? document.body.innerText : ''", &s)
	return s
}

// Find waits for an element and returns a JavaScript expression for it.
func (p *Page) Find(selector string) string {
	p.t.Helper()
	name, err := json.Marshal(selector)
	p.b.must(err)
	e := "document.querySelector(" + string(name) + ")"
	p.Wait(e)
	return e
}

// Click clicks the first element that selector (CSS) finds, once there is one.
func (p *Page) Click(selector string) {
	p.t.Helper()
	p.Eval(p.Find(selector)+".click()", nil)
}

// Type puts text into the field that selector finds, in place of what is there, as
// from a keyboard.
func (p *Page) Type(selector, text string) {
	p.t.Helper()
	e := p.Find(selector)
	p.Eval("(e => { e.focus(); if (e.select) e.select() })("+e+")", nil)
	p.call("Input.insertText", map[string]any{"text": text}, nil)
}

// Press presses and releases Enter.
func (p *Page) Press() {
	p.t.Helper()
	for _, typ := range []string{"keyDown", "keyUp"} {
		p.call("Input.dispatchKeyEvent", map[string]any{"type": typ, "key": "Enter", "code": "Enter", "text": "\r", "windowsVirtualKeyCode": 13}, nil)
	}
}

// Screenshot writes what is seen to a PNG file; whole takes the page down to its
// foot.
func (p *Page) Screenshot(file string, whole bool) {
	p.t.Helper()
	var r struct{ Data string }
	p.call("Page.captureScreenshot", map[string]any{"format": "png", "captureBeyondViewport": whole}, &r)
	png, err := base64.StdEncoding.DecodeString(r.Data)
	p.b.must(err)
	p.b.must(os.WriteFile(file, png, 0o600))
}

// Axe runs the accessibility checker axe-core, whose script is in file, and
// returns one line for each violation.
func (p *Page) Axe(file string) (violations []string) {
	p.t.Helper()
	script, err := os.ReadFile(file)
	p.b.must(err)
	p.Eval(string(script)+"; 0", nil)
	p.Eval(`axe.run().then(r => r.violations.flatMap(v => v.nodes.map(n => v.id + ": " + v.help + ": " + n.html.slice(0, 200))))`, &violations)
	return violations
}
