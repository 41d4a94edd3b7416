// SPDX-License-Identifier: GPL-3.0-or-later

package moderation

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"oswald"
)

func TestEditByLink(t *testing.T) {
	st := newSite(t, nil)
	link := func(a answer) string {
		t.Helper()
		u, err := url.Parse(a.header.Get("Location"))
		if err != nil || u.Query().Get("edit") == "" {
			t.Fatalf("%d %q", a.status, a.header.Get("Location"))
		}
		return u.Query().Get("edit")
	}
	a := st.post("kitchen", "A tpyo.", "name", "Ann", "secret", "a long secret")
	n := st.last()
	edit := link(a)
	if f := st.get("/comment/kitchen?edit=" + edit); f.status != 200 || fields(f.body).Get("text") != "A tpyo." || f.has("answer") {
		t.Errorf("%d %s", f.status, f.body)
	}
	a = st.send("/comment/kitchen", url.Values{"edit": {edit}, "text": {"A typo."}, "name": {"Mallory"}})
	c := st.comment(n)
	if a.status != 303 || c.Text != "A typo." || c.Author != "Ann" || c.edited.IsZero() {
		t.Errorf("%d %+v", a.status, c)
	}
	if !st.get("/c/kitchen").has("A typo.") || !st.get("/c/kitchen").has("(changed)") {
		t.Error("not on the page")
	}
	// Once.
	second := st.send("/comment/kitchen", url.Values{"edit": {edit}, "text": {"Again."}})
	if second.status != http.StatusGone || fields(second.body).Get("text") != "Again." || st.comment(n).Text != "A typo." {
		t.Errorf("%d %s", second.status, second.body)
	}
	// The change brought a new link; spam in it hides the comment, and no further
	// change brings it back.
	edit = link(a)
	a = st.send("/comment/kitchen", url.Values{"edit": {edit}, "text": {"The casino!"}})
	if a.status != 303 || st.comment(n).State != oswald.Hidden || st.get("/c/kitchen").has("casino") {
		t.Errorf("%d %+v", a.status, st.comment(n))
	}
	a = st.send("/comment/kitchen", url.Values{"edit": {link(a)}, "text": {"Harmless."}})
	if a.status != 303 || st.comment(n).State != oswald.Hidden {
		t.Errorf("%d %+v", a.status, st.comment(n))
	}
	edit = link(a)
	if f := st.get("/comment/getting-started?edit=" + edit); f.status != http.StatusGone {
		t.Errorf("link of another page: %d", f.status)
	}
	st.clock.add(16 * time.Minute)
	if f := st.get("/comment/kitchen?edit=" + edit); f.status != http.StatusGone {
		t.Errorf("after the window: %d", f.status)
	}
	if f := st.get("/comment/kitchen?edit=forged"); f.status != http.StatusGone {
		t.Errorf("forged: %d", f.status)
	}
}

func TestWithdraw(t *testing.T) {
	st := newSite(t, nil)
	u, err := url.Parse(st.post("kitchen", "I take this back.").header.Get("Location"))
	if err != nil {
		t.Fatal(err)
	}
	n, edit := st.last(), u.Query().Get("edit")
	if a := st.send("/comment/getting-started", url.Values{"edit": {edit}, "do": {"delete"}}); a.status != http.StatusGone {
		t.Errorf("by the link of another page: %d", a.status)
	}
	a := st.send("/comment/kitchen", url.Values{"edit": {edit}, "do": {"delete"}})
	if a.status != http.StatusSeeOther || !st.get(a.header.Get("Location")).has("comment is deleted") || st.get("/c/kitchen").has("take this back") {
		t.Errorf("%d %s", a.status, a.body)
	}
	if c := st.comment(n); c.State != oswald.Deleted || c.Text != "" || c.Label != "" {
		t.Errorf("%+v", c)
	}
	if a := st.send("/comment/kitchen", url.Values{"edit": {edit}, "do": {"delete"}}); a.status != http.StatusGone {
		t.Errorf("twice: %d", a.status)
	}
}

func TestReadOnlyAge(t *testing.T) {
	st := newSite(t, func(c *Config, _ *Deps) { c.ReadOnlyAge = 30 * 24 * time.Hour })
	st.posted("kitchen", "First")
	v := st.form("/comment/kitchen", "text", "too late")
	st.clock.add(31 * 24 * time.Hour)
	if a := st.get("/comment/kitchen"); a.status != http.StatusForbidden || !a.has("discussion is closed") {
		t.Errorf("%d", a.status)
	}
	if a := st.send("/comment/kitchen", v); a.status != http.StatusForbidden {
		t.Errorf("%d", a.status)
	}
	if a := st.get("/comment/getting-started"); a.status != 200 {
		t.Errorf("a page without comments: %d", a.status)
	}
}

func TestRetention(t *testing.T) {
	st := newSite(t, nil)
	keep := st.posted("kitchen", "stays")
	gone := st.posted("kitchen", "casino")
	if _, err := st.Decide(t.Context(), "x", gone, oswald.Flag); err != nil {
		t.Fatal(err)
	}
	st.clock.add(91 * 24 * time.Hour)
	st.purge(t.Context())
	if c := st.comment(keep); c.Text != "stays" || c.net != "" {
		t.Errorf("%+v", c)
	}
	fresh := st.posted("kitchen", "casino two")
	st.clock.add(2 * time.Hour)
	st.purge(t.Context())
	if c := st.comment(fresh); c.Text == "" {
		t.Error("erased too early")
	}
	if c := st.comment(gone); c.Text != "" || c.State != oswald.Deleted {
		t.Errorf("%+v", c)
	}
	if all, err := st.labels(t.Context()); err != nil || len(all.list) != 1 || all.list[0].Text != "casino" {
		t.Errorf("labels are kept to refit from: %+v %v", all, err)
	}
	if _, err := st.Decide(t.Context(), "y", gone, oswald.Approve); oswald.CodeOf(err) != oswald.Conflict {
		t.Error(err)
	}
}
