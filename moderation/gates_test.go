// SPDX-License-Identifier: GPL-3.0-or-later

package moderation

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"oswald"
)

func TestPublishQueueHide(t *testing.T) {
	st := newSite(t, nil)
	test := func(text string, state oswald.CommentState, note string, visible bool) {
		t.Helper()
		a := st.post("kitchen", text)
		if a.status != http.StatusSeeOther || !strings.Contains(a.header.Get("Location"), "?note="+note) {
			t.Fatalf("%q: %d to %q", text, a.status, a.header.Get("Location"))
		}
		if got := st.comment(st.last()).State; got != state {
			t.Errorf("%q is %s, want %s", text, got, state)
		}
		if got := st.get("/c/kitchen").has(text); got != visible {
			t.Errorf("%q on the page: %v", text, got)
		}
	}
	test("The oven is warm.", oswald.Shown, "shown", true)
	test("This is perhaps spam.", oswald.Queued, "waits", false)
	test("Win at the casino!", oswald.Hidden, "waits", false)
	a := st.get("/c/kitchen?note=waits")
	if !a.has("waits for approval") || a.header.Get("Cache-Control") != "no-store" {
		t.Errorf("notice: %v %s", a.header, a.body)
	}
}

func TestGates(t *testing.T) {
	st := newSite(t, nil)
	const text = "A <b>careful</b> text that must not be lost, with “quotes” & ends.\n\nSecond paragraph."
	// Each case spoils one thing; the form must come back with one sentence and all
	// that was typed, and sending it once more must work.
	test := func(name string, age time.Duration, spoil func(url.Values), status int, sentence string) {
		t.Helper()
		t.Run(name, func(t *testing.T) {
			v := st.form("/comment/kitchen", "text", text, "name", "Zoë O'Hara", "secret", "a long secret")
			st.clock.add(age)
			spoil(v)
			a := st.send("/comment/kitchen", v)
			if a.status != status || !a.has(sentence) {
				t.Fatalf("%d, want %d with %q: %s", a.status, status, sentence, a.body)
			}
			if a.header.Get("Cache-Control") != "no-store" {
				t.Error("a form that may be stored")
			}
			if status == http.StatusTooManyRequests {
				return
			}
			_, list, _ := strings.Cut(a.body, `<div class="c-faults"`)
			if n := strings.Count(list, "<li>"); n != 1 {
				t.Errorf("%d sentences, want 1", n)
			}
			back := fields(a.body)
			if back.Get("text") != v.Get("text") || back.Get("name") != v.Get("name") {
				t.Errorf("lost: %q by %q", back.Get("text"), back.Get("name"))
			}
			if a.has("a long secret") {
				t.Error("the secret was sent back")
			}
			if back.Get("text") == "" || len(back.Get("text")) > 10000 {
				return
			}
			back.Set("answer", st.solve(a.body))
			st.clock.add(20 * time.Second)
			again := st.send("/comment/kitchen", back)
			if again.status != http.StatusSeeOther {
				t.Fatalf("sent once more: %d %s", again.status, again.body)
			}
			c := st.comment(st.last())
			if c.Text != text || c.Author != "Zoë O'Hara" || c.ID != st.keys.identity("Zoë O'Hara", "a long secret") {
				t.Errorf("stored %+v", c)
			}
			if _, err := st.db.Exec("DELETE FROM comment"); err != nil {
				t.Fatal(err)
			}
		})
	}
	nothing := func(url.Values) {}
	unprocessable := http.StatusUnprocessableEntity
	test("expired", 4*time.Hour, nothing, unprocessable, "has expired")
	test("forged token", time.Minute, func(v url.Values) { v.Set("token", strings.Repeat("A", 50)) }, unprocessable, "has expired")
	test("changed token", time.Minute, func(v url.Values) {
		b := []byte(v.Get("token"))
		b[3] ^= 1
		v.Set("token", string(b))
	}, unprocessable, "has expired")
	test("no token", time.Minute, func(v url.Values) { v.Del("token") }, unprocessable, "has expired")
	test("token of another page", time.Minute, func(v url.Values) {
		v.Set("token", st.form("/comment/getting-started").Get("token"))
	}, unprocessable, "has expired")
	test("token from the future", -time.Hour, nothing, unprocessable, "has expired")
	test("quick", 3*time.Second, nothing, unprocessable, "very quick")
	test("too quick", time.Second, nothing, http.StatusTooManyRequests, "wait a minute")
	for _, d := range decoys {
		test("decoy "+d, time.Minute, func(v url.Values) { v.Set(d, "x") }, http.StatusTooManyRequests, "wait a minute")
	}
	test("wrong answer", time.Minute, func(v url.Values) { v.Set("answer", "no idea") }, unprocessable, "answer is not right")
	test("no answer", time.Minute, func(v url.Values) { v.Del("answer") }, unprocessable, "answer is not right")
	test("no text", time.Minute, func(v url.Values) { v.Set("text", "") }, unprocessable, "Please write something")
	test("long text", time.Minute, func(v url.Values) { v.Set("text", strings.Repeat("ä", 10001)) }, unprocessable, "10001 characters; 10000 fit")
	test("reply to nothing", time.Minute, func(v url.Values) { v.Set("to", "4711") }, unprocessable, "not here any more")
}

func TestLongNameAndShortSecret(t *testing.T) {
	st := newSite(t, nil)
	v := st.form("/comment/kitchen", "text", "Hello", "name", strings.Repeat("n", 61), "secret", "short")
	st.clock.add(time.Minute)
	a := st.send("/comment/kitchen", v)
	if a.status != 422 || !a.has("61 characters; 60 fit") || !a.has("at least 8 characters") || a.has("short\"") {
		t.Errorf("%d %s", a.status, a.body)
	}
	if back := fields(a.body); back.Get("answer") != v.Get("answer") {
		t.Error("the right answer was not kept")
	}
}

func TestDoubleClick(t *testing.T) {
	st := newSite(t, nil)
	v := st.form("/comment/kitchen", "text", "Only once, please.")
	st.clock.add(time.Minute)
	first := st.send("/comment/kitchen", v)
	second := st.send("/comment/kitchen", v)
	if first.status != http.StatusSeeOther || second.status != http.StatusSeeOther || first.header.Get("Location") != second.header.Get("Location") {
		t.Errorf("%d %q, then %d %q", first.status, first.header.Get("Location"), second.status, second.header.Get("Location"))
	}
	if n := st.last(); n != 1 {
		t.Errorf("%d comments", n)
	}
	// The same form with another text is not the same click, and is not lost.
	v.Set("text", "Another text.")
	a := st.send("/comment/kitchen", v)
	if a.status != 422 || !a.has("already sent once") || fields(a.body).Get("text") != "Another text." {
		t.Errorf("%d %s", a.status, a.body)
	}
	// Again and again it is a mine.
	for range maxReplays {
		a = st.send("/comment/kitchen", v)
	}
	if a.status != http.StatusTooManyRequests {
		t.Errorf("replayed for ever: %d", a.status)
	}
}

func TestConcurrentSubmit(t *testing.T) {
	st := newSite(t, nil)
	v := st.form("/comment/kitchen", "text", "Clicked by eight fingers at a time.")
	st.clock.add(time.Minute)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() { st.send("/comment/kitchen", v) })
	}
	wg.Wait()
	if n := st.last(); n != 1 {
		t.Errorf("%d comments", n)
	}
}

func TestManyAtATime(t *testing.T) {
	store := &pageMap{m: make(map[string]string)}
	st := newSite(t, func(_ *Config, d *Deps) { d.Store = store })
	st.run()
	var forms []url.Values
	for i := range 24 {
		forms = append(forms, st.form("/comment/kitchen", "text", fmt.Sprintf("Comment of visitor %d about the oven.", i)))
	}
	st.clock.add(time.Minute)
	var wg sync.WaitGroup
	for _, v := range forms {
		wg.Go(func() {
			if a := st.send("/comment/kitchen", v); a.status != http.StatusSeeOther {
				t.Errorf("%d %s", a.status, a.body)
			}
		})
		wg.Go(func() { st.get("/c/kitchen") })
		wg.Go(func() { st.get("/c/kitchen.atom") })
	}
	wg.Wait()
	page := st.get("/c/kitchen")
	for i := range forms {
		want := fmt.Sprintf("visitor %d about", i)
		if !page.has(want) {
			t.Errorf("%q is not on the page", want)
		}
		eventually(t, want, func() bool { return strings.Contains(store.get("/c/kitchen"), want) })
	}
}

func TestPreview(t *testing.T) {
	st := newSite(t, nil)
	v := st.form("/comment/kitchen", "text", "See **this** & <script>alert(1)</script>", "name", "Ann", "secret", "a long secret", "do", "preview")
	a := st.send("/comment/kitchen", v)
	if a.status != 200 || !a.has("<strong>this</strong> &amp; &lt;script&gt;") || a.has("<script>") || st.last() != 0 {
		t.Errorf("%d %s", a.status, a.body)
	}
	id := st.keys.identity("Ann", "a long secret")
	if !a.has(id) || a.has("a long secret") {
		t.Error("the preview shows the ID, never the secret")
	}
	// The previewed form is as good as the first one.
	back := fields(a.body)
	st.clock.add(time.Minute)
	if a := st.send("/comment/kitchen", back); a.status != 303 || st.comment(st.last()).ID != id {
		t.Errorf("%d %s", a.status, a.body)
	}
	// A kept ID is good for its name alone.
	v = st.form("/comment/kitchen", "text", "I am Ann", "name", "Bob", "keep", st.keys.keep("Ann", id))
	st.clock.add(time.Minute)
	if a := st.send("/comment/kitchen", v); a.status != 422 || !a.has("name and secret together") {
		t.Errorf("%d %s", a.status, a.body)
	}
}

func TestAnotherQuestion(t *testing.T) {
	st := newSite(t, nil)
	v := st.form("/comment/kitchen", "text", "Kept", "do", "another")
	st.clock.add(time.Minute)
	a := st.send("/comment/kitchen", v)
	back := fields(a.body)
	if a.status != 200 || back.Get("text") != "Kept" || back.Get("answer") != "" {
		t.Errorf("%d %s", a.status, a.body)
	}
	back.Set("answer", st.solve(a.body))
	if a := st.send("/comment/kitchen", back); a.status != 303 {
		t.Errorf("%d %s", a.status, a.body)
	}
}

func TestControlCharacters(t *testing.T) {
	st := newSite(t, nil)
	n := st.posted("kitchen", "a\x00b\x1b[31mred\x07\r\nline\u202Egnp.exe \xff\xfe\u0085\u2028end", "name", "An\nna\x00\u202E\tB")
	c := st.comment(n)
	if c.Author != "Anna B" && c.Author != "An na B" {
		t.Errorf("author %q", c.Author)
	}
	if strings.ContainsAny(c.Text, "\x00\x1b\x07\r\u202E\u0085") || !strings.Contains(c.Text, "ab[31mred\nline") {
		t.Errorf("text %q", c.Text)
	}
}

func TestQuestionsFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "questions.txt")
	write := func(s string, age time.Duration) {
		t.Helper()
		if err := os.WriteFile(path, []byte(s), 0o600); err != nil {
			t.Fatal(err)
		}
		at := time.Now().Add(-age)
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
	}
	write("Q: Colour of snow?\nA: White | weiß\n", time.Hour)
	st := newSite(t, func(c *Config, _ *Deps) { c.Questions = path })
	old := st.form("/comment/kitchen", "text", "Hello", "answer", " The WHITE. ")
	st.clock.add(time.Minute)
	if a := st.send("/comment/kitchen", old); a.status != 303 {
		t.Errorf("%d %s", a.status, a.body)
	}
	old = st.form("/comment/kitchen", "text", "Hello again")
	write("Q: Colour of coal?\nA: black\n", time.Minute)
	st.clock.add(time.Minute)
	if a := st.get("/comment/kitchen"); !a.has("Colour of coal?") {
		t.Error("not read again")
	}
	// A form with the question that is gone gets another one.
	a := st.send("/comment/kitchen", old)
	if a.status != 422 || !a.has("coal") || fields(a.body).Get("text") != "Hello again" {
		t.Errorf("%d %s", a.status, a.body)
	}
	// A broken file changes nothing.
	write("What is this?\n", time.Second)
	st.clock.add(time.Minute)
	if a := st.get("/comment/kitchen"); !a.has("Colour of coal?") || !strings.Contains(st.log.String(), "line 1") {
		t.Error("a broken file was taken, or nobody was told")
	}
	if _, err := newQuestions(path, st.Server.log, time.Now); err == nil || !strings.Contains(err.Error(), "comments.questions_file") {
		t.Errorf("at start: %v", err)
	}
}
