// SPDX-License-Identifier: GPL-3.0-or-later

package moderation

import (
	"strings"
	"testing"
	"time"

	"oswald"
)

func TestLetters(t *testing.T) {
	st := newSite(t, nil)
	if a := st.get("/c/kitchen"); !a.has(`href="/comment/contact"`) {
		t.Error("no way to it")
	}
	write := func(text string, pairs ...string) answer {
		t.Helper()
		v := st.form("/comment/contact", append([]string{"text", text}, pairs...)...)
		st.clock.add(time.Minute)
		a := st.send("/comment/contact", v)
		if b := st.send("/comment/contact", v); b.status != a.status { // a double click
			t.Errorf("%d, then %d", a.status, b.status)
		}
		return a
	}
	if a := write("May I borrow the ladder?", "name", "Ann", "reach", "ann@example.org"); a.status != 303 || a.header.Get("Location") != "/comment/contact?note=sent" {
		t.Fatalf("%d %s", a.status, a.body)
	}
	if a := st.get("/comment/contact?note=sent"); !a.has("with the owner") || a.has("borrow") {
		t.Errorf("%s", a.body)
	}
	if a := st.get("/comment/contact"); a.has("secret") || a.has("Preview") || a.header.Get("Cache-Control") != "no-store" {
		t.Errorf("%s", a.body)
	}
	if a := write("The best casino!"); a.status != 303 {
		t.Errorf("%d", a.status)
	}
	if a := write(" "); a.status != 422 || !a.has("write something") {
		t.Errorf("%d %s", a.status, a.body)
	}
	if a := write("x", "reach", strings.Repeat("x", 300)); a.status != 422 {
		t.Errorf("%d %s", a.status, a.body)
	}
	st.look(t.Context())
	st.look(t.Context())
	told := st.told("letters/queue")
	if len(told) != 1 || !strings.Contains(told[0].Summary, "Letter 1 from Ann (ann@example.org): May I borrow the ladder?") {
		t.Errorf("%+v", told)
	}
	test := func(spam bool, want ...string) {
		t.Helper()
		list, err := st.Letters(t.Context(), "", spam)
		if err != nil || len(list) != len(want) {
			t.Fatalf("%+v %v", list, err)
		}
		for i, l := range list {
			if l.Text != want[i] {
				t.Errorf("%+v", l)
			}
		}
	}
	test(false, "May I borrow the ladder?")
	test(true, "The best casino!")
	if l, err := st.Letter(t.Context(), "", 1); err != nil || l.Read || l.Author != "Ann" {
		t.Errorf("%+v %v", l, err)
	}
	if l, err := st.Letter(t.Context(), "", 1); err != nil || !l.Read {
		t.Errorf("%+v %v", l, err)
	}
	if _, err := st.Letter(t.Context(), "", 9); oswald.CodeOf(err) != oswald.NotFound {
		t.Error(err)
	}
	st.look(t.Context())
	if told := st.told("letters/queue"); len(told) != 2 || !told[1].Resolved {
		t.Errorf("%+v", told)
	}
	if a := st.get("/c/contact"); a.status != 404 {
		t.Errorf("%d", a.status)
	}
	off := newSite(t, func(c *Config, _ *Deps) { c.Contact = false })
	if a := off.get("/comment/contact"); a.status != 404 {
		t.Errorf("switched off: %d", a.status)
	}
	if a := off.get("/c/kitchen"); a.has("/comment/contact") {
		t.Error("offered where it is off")
	}
}
