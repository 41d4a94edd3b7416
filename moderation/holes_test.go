// SPDX-License-Identifier: GPL-3.0-or-later

package moderation

import (
	"encoding/xml"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"oswald"
)

// One test for each hole that another comment server had. Each fails when its
// defence is taken out.

const attackName = `"><script>alert(1)</script>' onclick='alert(1)`

const attack = `"></textarea></title></pre><script>alert(1)</script><img src=x onerror=alert(1)>' onmouseover='alert(1)`

// checkPage fails for markup that we did not write.
func checkPage(t *testing.T, what, body string) {
	t.Helper()
	z := html.NewTokenizer(strings.NewReader(body))
	for {
		switch z.Next() {
		case html.ErrorToken:
			return
		case html.StartTagToken, html.SelfClosingTagToken:
			tok := z.Token()
			if tok.Data == "script" || tok.Data == "img" || tok.Data == "style" || tok.Data == "iframe" {
				t.Errorf("%s: element %s", what, tok.Data)
			}
			for _, a := range tok.Attr {
				if strings.HasPrefix(a.Key, "on") || a.Key == "style" ||
					strings.HasPrefix(strings.ToLower(strings.TrimSpace(a.Val)), "javascript:") {
					t.Errorf("%s: attribute %s=%q", what, a.Key, a.Val)
				}
			}
		}
	}
}

func TestHoleStoredXSS(t *testing.T) {
	st := newSite(t, nil)
	text := attack + "\n[x](javascript:alert(1)) [y](https://a.example/\"onclick=alert(1)) https://a.example/'onclick='alert(1)"
	n := st.posted("odd", text, "name", attackName)
	first := st.post("odd", "to be edited", "name", attackName).header.Get("Location")
	st.posted("odd", "perhaps "+attack, "name", attackName) // waits; shown by approval
	if _, err := st.Decide(t.Context(), "a", st.last(), oswald.Approve); err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(first)
	if err != nil {
		t.Fatal(err)
	}
	edit := "/comment/odd?edit=" + u.Query().Get("edit")
	page := st.get("/c/odd")
	checkPage(t, "page", page.body)
	if !page.has("&lt;script&gt;alert(1)&lt;/script&gt;") {
		t.Error("the text is not shown as it was typed")
	}
	checkPage(t, "notice", st.get("/c/odd?note=waits"+url.QueryEscape(attack)).body)
	checkPage(t, "form", st.get("/comment/odd").body)
	checkPage(t, "reply", st.get(fmt.Sprintf("/comment/odd?to=%d", n)).body)
	checkPage(t, "edit form", st.get(edit).body)
	v := url.Values{"edit": {u.Query().Get("edit")}, "text": {"edited " + text}, "do": {"preview"}}
	checkPage(t, "edit preview", st.send("/comment/odd", v).body)
	v.Set("do", "post")
	if a := st.send("/comment/odd", v); a.status != 303 {
		t.Errorf("edit: %d", a.status)
	}
	checkPage(t, "edited page", st.get("/c/odd").body)
	v = st.form("/comment/odd", "text", text, "name", attackName, "answer", attack, "to", attack, "keep", attack, "token", attack)
	checkPage(t, "failed form", st.send("/comment/odd", v).body)
	v.Set("do", "preview")
	checkPage(t, "preview", st.send("/comment/odd", v).body)
	checkPage(t, "not found", st.get("/c/"+url.PathEscape(attack)).body)

	for _, path := range []string{"/c/odd.atom", "/comment/feed.atom"} {
		var feed struct {
			Entries []struct {
				Title   string `xml:"title"`
				Author  string `xml:"author>name"`
				Content string `xml:"content"`
			} `xml:"entry"`
		}
		a := st.get(path)
		if err := xml.Unmarshal([]byte(a.body), &feed); err != nil || len(feed.Entries) != 3 {
			t.Fatal(path, err, a.body)
		}
		for _, e := range feed.Entries {
			checkPage(t, path, e.Content)
		}
	}
}

func TestHoleNoProxyNoUploads(t *testing.T) {
	st := newSite(t, nil)
	st.posted("kitchen", "![x](http://a.example/x.png) <img src=http://a.example/x.png>")
	if a := st.get("/c/kitchen"); a.has("<img") {
		t.Error("a picture from elsewhere on our page")
	}
	for _, path := range []string{"/c/kitchen", "/comment/kitchen", "/comment/style.css", "/c/kitchen.atom", "/nowhere", "/c/nowhere", "/comment/feed.atom"} {
		a := st.get(path)
		if a.header.Get("X-Content-Type-Options") != "nosniff" || !strings.Contains(a.header.Get("Content-Security-Policy"), "default-src 'none'") ||
			strings.Contains(a.header.Get("Content-Security-Policy"), "unsafe") {
			t.Errorf("%s: %v", path, a.header)
		}
		if strings.HasPrefix(a.header.Get("Content-Type"), "text/html") && regexp.MustCompile(`(?i)<style|<script| style=|javascript:`).MatchString(a.body) {
			t.Errorf("%s: something inline", path)
		}
	}
}

func TestHoleInjectionIntoAlerts(t *testing.T) {
	st := newSite(t, nil)
	st.posted("kitchen", "perhaps\r\n\r\nSubject: x\x00\x1b[2J</body><message to='x'>", "name", "A\r\nBcc: x\u2028y")
	st.look(t.Context())
	told := st.told("comments/queue")
	if len(told) != 1 {
		t.Fatal(told)
	}
	sum := told[0].Summary
	if strings.ContainsAny(sum, "\r\x00\x1b\u2028") || strings.Count(sum, "\n") != 1 {
		t.Errorf("%q", sum)
	}
}

func TestHoleForgedForwardedFor(t *testing.T) {
	st := newSite(t, func(c *Config, _ *Deps) { c.Proxies = []string{"10.1.0.0/16", "fd00::/8"} })
	test := func(peer string, forwarded []string, want string) {
		t.Helper()
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = peer
		for _, f := range forwarded {
			r.Header.Add("X-Forwarded-For", f)
		}
		r.Header.Set("X-Real-IP", "198.51.100.66") // never believed
		if got := network(st.Server.client(r)); got != want {
			t.Errorf("%s saying %q: %s, want %s", peer, forwarded, got, want)
		}
	}
	test("203.0.113.9:99", []string{"198.51.100.1"}, "203.0.113.0/24") // a stranger
	test("10.1.2.3:99", []string{"198.51.100.1"}, "198.51.100.0/24")
	test("10.1.2.3:99", []string{"1.2.3.4, 5.6.7.8, 198.51.100.1"}, "198.51.100.0/24") // the last hop alone
	test("10.1.2.3:99", []string{"1.2.3.4", "198.51.100.1"}, "198.51.100.0/24")
	test("10.1.2.3:99", []string{"198.51.100.1, nonsense"}, "10.1.2.0/24")
	test("10.1.2.3:99", nil, "10.1.2.0/24")
	test("10.2.2.3:99", []string{"198.51.100.1"}, "10.2.2.0/24")
	test("[fd00::1]:99", []string{"2001:db8:7:8::1"}, "2001:db8:7::/48")
	test("[::ffff:10.1.2.3]:99", []string{"::ffff:198.51.100.1"}, "198.51.100.0/24") // mapped
	test("[fe80::1%eth0]:99", []string{"1.2.3.4"}, "fe80::/48")
	test("@", []string{"198.51.100.1"}, "198.51.100.0/24") // a Unix socket
	test("@", nil, "unknown")
}

func TestHoleIPv6CutAtColon(t *testing.T) {
	st := newSite(t, func(c *Config, _ *Deps) { c.RateLimit = 1 })
	for i := range 4 {
		v := st.form("/comment/kitchen", "text", fmt.Sprint("from network ", i))
		st.clock.add(5 * time.Second)
		if a := st.send("/comment/kitchen", v, "X-Forwarded-For", fmt.Sprintf("2001:db8:%d::1", i)); a.status != 303 {
			t.Errorf("network %d shares a bucket: %d", i, a.status)
		}
	}
}

func TestHoleAddressesAreTruncatedBeforeStorage(t *testing.T) {
	dir := t.TempDir()
	st := newSiteIn(t, dir, nil)
	for i, from := range []string{"203.0.113.77", "2001:db8:1:2:3:4:5:6", "::ffff:198.51.100.88"} {
		v := st.form("/comment/kitchen", "text", fmt.Sprint("text ", i))
		st.clock.add(5 * time.Second)
		st.send("/comment/kitchen", v, "X-Forwarded-For", from)
	}
	all := st.log.String()
	all += st.stored(dir)
	if !strings.Contains(all, "203.0.113.0/24") || !strings.Contains(all, "2001:db8:1::/48") {
		t.Error("the test looks in the wrong place")
	}
	for _, full := range []string{"203.0.113.77", "2001:db8:1:2", "198.51.100.88"} {
		if strings.Contains(all, full) {
			t.Errorf("%s was kept", full)
		}
	}
}

func TestHoleSecretIsNowhere(t *testing.T) {
	dir := t.TempDir()
	st := newSiteIn(t, dir, nil)
	const secretText = "correct horse battery"
	n := st.posted("kitchen", "Signed.", "name", "Ann", "secret", secretText)
	v := st.form("/comment/kitchen", "text", "Signed.", "name", "Ann", "secret", secretText, "answer", "wrong")
	st.clock.add(time.Minute)
	all := st.send("/comment/kitchen", v).body + st.get("/c/kitchen").body + st.get("/c/kitchen.atom").body + st.log.String()
	all += st.stored(dir)
	c := st.comment(n)
	if !validID(c.ID) || !strings.Contains(all, c.ID) {
		t.Errorf("ID %q", c.ID)
	}
	if strings.Contains(all, secretText) || strings.Contains(all, url.QueryEscape(secretText)) {
		t.Error("the secret was kept or shown")
	}
}

func TestHoleNothingIsFetched(t *testing.T) {
	// No URL of a comment is ever asked for: a server beside ours hears nothing.
	heard := make(chan struct{}, 10)
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { heard <- struct{}{} }))
	defer other.Close()
	st := newSite(t, nil)
	st.posted("kitchen", "See "+other.URL+"/x and [this]("+other.URL+"/y).")
	if a := st.get("/c/kitchen"); !a.has(other.URL) {
		t.Error("no link")
	}
	st.get("/c/kitchen.atom")
	select {
	case <-heard:
		t.Error("the server fetched an address from a comment")
	default:
	}
}

func TestHolePathTraversalAndInnerPaths(t *testing.T) {
	st := newSite(t, func(_ *Config, d *Deps) {
		d.Pages = func(key string) (string, string, bool) {
			if strings.Trim(key, "abcdefghijklmnopqrstuvwxyz0123456789/_-") != "" || strings.HasPrefix(key, "/") || len(key) > 200 {
				t.Errorf("others are asked for page %q", key)
			}
			return lookupTestPage(key)
		}
	})
	for _, key := range []string{"..%2f..%2fetc%2fpasswd", "%2e%2e/x", "kitchen%00", "Kitchen", "kitchen%0a", "a//b", "kitchen/", "%ff", "", ".atom",
		"kitchen~0", "kitchen~1", "kitchen~02", "kitchen~x", "kitchen~99", "kitchen~2.atom", strings.Repeat("a", 300)} {
		for _, prefix := range []string{"/c/", "/comment/"} {
			a := st.get(prefix + key)
			if a.status == 200 || a.status >= 500 {
				t.Errorf("%s%s: %d", prefix, key, a.status)
			}
			if l := a.header.Get("Location"); strings.Contains(l, "//") || strings.Contains(l, ":") {
				t.Errorf("%s%s: to %q", prefix, key, l)
			}
		}
	}
	// A fault of ours tells nothing about ours.
	st.db.Close()
	a := st.get("/c/getting-started")
	if a.status != 503 || !a.has("reference") || a.has("sql") || a.has("/work") || a.has(".db") {
		t.Errorf("%d %s", a.status, a.body)
	}
	if v := (url.Values{"text": {"kept"}}); !st.send("/comment/kitchen", v).has("expired") {
		t.Error("no form")
	}
}

func TestHoleDatabaseFailureLosesNothing(t *testing.T) {
	st := newSite(t, nil)
	v := st.form("/comment/kitchen", "text", "Not lost")
	st.clock.add(time.Minute)
	st.db.Close()
	a := st.send("/comment/kitchen", v)
	if a.status != 503 || fields(a.body).Get("text") != "Not lost" || !a.has("could not be stored") || a.has("sql") {
		t.Errorf("%d %s", a.status, a.body)
	}
}

func TestHoleMissingParameterIsRefused(t *testing.T) {
	st := newSite(t, nil)
	full := st.form("/comment/kitchen", "text", "Hello", "name", "A")
	st.clock.add(time.Minute)
	for _, missing := range []string{"token", "answer", "text"} {
		v := url.Values{}
		for k, x := range full {
			if k != missing {
				v[k] = x
			}
		}
		if missing != "token" {
			v.Set("token", st.form("/comment/kitchen").Get("token"))
			st.clock.add(time.Minute)
		}
		if a := st.send("/comment/kitchen", v); a.status != 422 {
			t.Errorf("without %s: %d", missing, a.status)
		}
	}
	if a := st.send("/comment/nowhere", full); a.status != 404 {
		t.Errorf("no such page: %d", a.status)
	}
	if a := st.send("/comment/", full); a.status != 404 {
		t.Errorf("no page: %d", a.status)
	}
	if st.last() != 0 {
		t.Error("stored")
	}
}

func TestHoleOpenRedirect(t *testing.T) {
	st := newSite(t, func(_ *Config, d *Deps) {
		d.Pages = func(key string) (string, string, bool) {
			if key == "evil" {
				return "Evil", "//evil.example/", true
			}
			return lookupTestPage(key)
		}
	})
	v := st.form("/comment/kitchen?from=//evil.example&to=0&next=https://evil.example", "text", "Hello")
	v.Set("from", "https://evil.example")
	v.Set("url", "https://evil.example")
	st.clock.add(time.Minute)
	a := st.send("/comment/kitchen?from=//evil.example", v)
	if l := a.header.Get("Location"); a.status != 303 || !strings.HasPrefix(l, "/c/kitchen?note=") || strings.Contains(l, "evil") {
		t.Errorf("%d to %q", a.status, l)
	}
	if a := st.get("/c/evil"); a.status != 404 {
		t.Errorf("a page elsewhere: %d", a.status)
	}
	if a := st.get("//evil.example/%2e%2e"); strings.HasPrefix(a.header.Get("Location"), "//") {
		t.Errorf("to %q", a.header.Get("Location"))
	}
}

func TestHoleCaseFolding(t *testing.T) {
	// U+0130, U+017F and U+212A become ASCII letters when folded.
	for _, text := range []string{"<\u017Fcript>alert(1)</\u017Fcript>", "<\u0130mg onerror=alert(1)>", "[x](java\u017Fcript:alert(1))", "[x](\u212Attp://a.example)"} {
		got := string(render(text, nil))
		checkRendered(t, text, got)
		if strings.Contains(got, "<a") {
			t.Errorf("%q is a link: %s", text, got)
		}
	}
}

func TestHoleReputationOnlyByID(t *testing.T) {
	// The name of an approved author, without the secret, counts for nothing.
	st := newSite(t, nil)
	for i := range earnedTrust {
		n := st.posted("kitchen", fmt.Sprint("perhaps one ", i), "name", "Ann", "secret", "a long secret")
		if _, err := st.Decide(t.Context(), fmt.Sprint(i), n, oswald.Approve); err != nil {
			t.Fatal(err)
		}
	}
	if c := st.comment(st.posted("kitchen", "perhaps mine", "name", "Ann", "secret", "a long secret")); c.State != oswald.Shown {
		t.Errorf("%+v", c)
	}
	if c := st.comment(st.posted("kitchen", "perhaps two", "name", "Ann")); c.State != oswald.Queued || c.ID != "" {
		t.Errorf("%+v", c)
	}
	if c := st.comment(st.posted("kitchen", "perhaps three", "name", "Ann", "secret", "another secret")); c.State != oswald.Queued {
		t.Errorf("%+v", c)
	}
}
