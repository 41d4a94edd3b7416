// SPDX-License-Identifier: GPL-3.0-or-later

package moderation

import (
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"oswald"
)

// Names of the decoys: fields that no person sees, and that none of the browsers'
// own fillers knows. What stands in one was put there by a program.
var decoys = []string{"website", "homepage", "subscribe"}

const (
	minSecret  = 8
	maxSecret  = 200
	maxReplays = 3  // of one form, before it counts as a mine
	maxWrong   = 20 // wrong answers from one network in rate_window
	maxPreview = 60 // previews with a secret, which tell what ID it gives
)

// servePost answers POST /comment/KEY. The gates stand in order of cost; each
// failure gives the form back, filled in.
func (s *Server) servePost(w http.ResponseWriter, r *http.Request) {
	if !s.parse(w, r) {
		return
	}
	f := s.newForm(w, r)
	if f == nil {
		return
	}
	in := r.PostForm
	f.Name = cleanName(in.Get("name"))
	f.Text = cleanText(in.Get("text"))
	f.Answer = cleanName(shorten(in.Get("answer"), 200))
	f.secret = in.Get("secret")
	if f.Contact {
		f.Reach, f.secret = cleanName(in.Get("reach")), ""
	} else if in.Get("suggest") != "" {
		if !s.suggestForm(r.Context(), f) {
			s.fail(w, http.StatusNotFound, "This page cannot be edited here.", "/c/"+f.Key)
			return
		}
		f.Text, f.Note = cleanSource(in.Get("text")), cleanName(in.Get("note"))
	} else if sealed := in.Get("edit"); sealed != "" {
		s.postEdit(w, r, f, sealed)
		return
	}
	replyOK := s.replyTo(r, f, in.Get("to"))
	t, tokenOK := s.keys.open(in.Get("token"), f.Key)
	f.asked = t.question
	now := s.now()
	age := now.Sub(t.issued)
	addr := s.client(r)
	net := network(addr)

	switch in.Get("do") {
	case "preview":
		s.preview(w, f, t, tokenOK && age < s.cfg.MaxTime, in, net)
		return
	case "another":
		if !tokenOK {
			t.issued = now
		}
		s.identify(f, in)
		s.arm(f, t.issued)
		s.writeForm(w, http.StatusOK, f)
		return
	}

	// Session token: made here, for this page, not long ago, used once.
	if !tokenOK || age >= s.cfg.MaxTime || age < -time.Minute {
		s.identify(f, in)
		f.fault("", "This form has expired. Nothing is lost: please answer the question and send it again.")
		issued := now
		if tokenOK {
			issued = now.Add(-s.cfg.MinTime) // has waited long enough already
		}
		s.arm(f, issued)
		s.writeForm(w, http.StatusUnprocessableEntity, f)
		return
	}
	if !s.marks.add("t/"+t.mark(), s.cfg.MaxTime+time.Minute) {
		s.replayed(w, r, f, t, in)
		return
	}

	// Time gate.
	if age < s.cfg.MinTime {
		s.identify(f, in)
		if age < s.cfg.MinTime/2 {
			s.mine(w, r, f, t, "That was faster than anybody types. Please look at your comment and send it again.")
			return
		}
		f.fault("", "That was very quick. Please wait a few seconds and send it again.")
		s.rearm(f, t)
		s.writeForm(w, http.StatusUnprocessableEntity, f)
		return
	}

	// Decoys.
	for _, name := range decoys {
		if in.Get(name) != "" {
			s.identify(f, in)
			s.mine(w, r, f, t, "A field that must stay empty was filled in, perhaps by your browser. Please send the comment again.")
			return
		}
	}

	// Knowledge captcha.
	q, ok := s.asks.get(t.question)
	if !ok || !q.right(f.Answer) {
		s.identify(f, in)
		if !s.marks.allow("wrong "+net, maxWrong, s.cfg.RateWindow) {
			f.fault("", "There were too many wrong answers from your network. Please try again in "+minutes(s.cfg.RateWindow)+".")
			s.arm(f, t.issued)
			s.writeForm(w, http.StatusTooManyRequests, f)
			return
		}
		f.fault("answer", "That answer is not right. Here is another question.")
		s.arm(f, t.issued)
		s.check(f, in)
		s.writeForm(w, http.StatusUnprocessableEntity, f)
		return
	}

	// What was typed. Not a gate against machines, so the answer stays good.
	s.identify(f, in)
	s.check(f, in)
	if !replyOK {
		f.fault("", "The comment that you wanted to answer is not here any more. Send this again and it will stand by itself.")
	}
	if len(f.Faults) > 0 {
		s.rearm(f, t)
		s.writeForm(w, http.StatusUnprocessableEntity, f)
		return
	}

	// Rate limits.
	if !s.within(prefix(addr, 24, 64), prefix(addr, 24, 48), f.ID) {
		f.fault("", "Many comments came from your network or ID just now. Please send yours again in "+minutes(s.cfg.RateWindow)+".")
		s.rearm(f, t)
		s.writeForm(w, http.StatusTooManyRequests, f)
		return
	}
	switch {
	case f.Contact:
		s.acceptLetter(w, r, f, t, net)
		return
	case f.Suggest:
		s.acceptSuggestion(w, r, f, t, net)
		return
	}
	s.accept(w, r, f, t, net)
}

// parse reads the form, or answers the request itself.
func (s *Server) parse(w http.ResponseWriter, r *http.Request) bool {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/x-www-form-urlencoded" {
		s.fail(w, http.StatusUnsupportedMediaType, "Please send comments with the form on the page.", "")
		return false
	}
	body := r.Body
	r.Body = http.MaxBytesReader(w, body, s.maxBody())
	err := r.ParseForm()
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		r.Body = body
		s.tooLarge(w, r)
	case err != nil:
		s.fail(w, http.StatusBadRequest, "The form arrived damaged. Please go back and send it again.", "")
	}
	return err == nil
}

// identify works out the ID: from the secret, or from what an earlier answer kept
// of it.
func (s *Server) identify(f *form, in url.Values) {
	f.Signature = strings.TrimSpace(in.Get("signature"))
	switch {
	case f.Contact || f.Suggest && f.Signature != "":
		f.Signature = ""
	case f.Signature != "":
		s.sign(f, in.Get("text"))
	case f.secret == "":
		kept := in.Get("keep")
		if kept == "" || in.Get("forget") != "" {
			return
		}
		if id, ok := s.keys.kept(f.Name, kept); ok {
			f.ID, f.Keep = id, kept
			return
		}
		f.fault("secret", "Your ID belongs to name and secret together. Please type the secret once more.")
	case utf8.RuneCountInString(f.secret) < minSecret:
		f.fault("secret", fmt.Sprintf("A secret has at least %d characters. Please type a longer one, or leave it empty.", minSecret))
	case len(f.secret) > maxSecret || !utf8.ValidString(f.secret):
		f.fault("secret", fmt.Sprintf("A secret has at most %d characters. Please type a shorter one, or leave it empty.", maxSecret))
	default:
		f.ID = s.keys.identity(f.Name, f.secret)
		f.Keep = s.keys.keep(f.Name, f.ID)
	}
}

// check looks at what was typed.
func (s *Server) check(f *form, in url.Values) {
	if n := utf8.RuneCountInString(f.Name); n > maxName {
		f.fault("name", fmt.Sprintf("Your name has %d characters; %d fit.", n, maxName))
	}
	if n := utf8.RuneCountInString(f.Reach); n > maxReach {
		f.fault("reach", fmt.Sprintf("That has %d characters; %d fit.", n, maxReach))
	}
	if f.Suggest {
		s.checkSuggestion(f, in.Get("base"))
		return
	}
	if strings.TrimSpace(f.Text) == "" {
		f.fault("text", "Please write something.")
	} else if n := utf8.RuneCountInString(f.Text); n > s.cfg.MaxText {
		f.fault("text", fmt.Sprintf("Your comment has %d characters; %d fit. Please shorten it.", n, s.cfg.MaxText))
	}
}

// within takes a slot of each limit.
func (s *Server) within(near, wide, id string) bool {
	n, window := s.cfg.RateLimit, s.cfg.RateWindow
	if !s.marks.allow("net "+near, n, window) {
		return false
	}
	if wide != near && !s.marks.allow("net "+wide, 4*n, window) {
		return false
	}
	return id == "" || s.marks.allow("id "+id, n, window)
}

// preview shows the comment as it would look. It takes no token: the form stays
// as good as it was.
func (s *Server) preview(w http.ResponseWriter, f *form, t token, fresh bool, in url.Values, net string) {
	if f.secret == "" || s.marks.allow("preview "+net, maxPreview, s.cfg.RateWindow) {
		s.identify(f, in)
	} else {
		f.fault("secret", "That were many previews with a secret. Please leave it out until you send the comment.")
	}
	s.check(f, in)
	q, known := s.asks.get(t.question)
	if fresh && known {
		f.Token, f.Question = in.Get("token"), q.text
	} else {
		s.arm(f, s.now())
	}
	status := http.StatusOK
	if len(f.Faults) > 0 {
		status = http.StatusUnprocessableEntity
	} else if !f.Suggest && !f.Contact {
		f.Preview = render(f.Text, s.pages)
	}
	s.writeForm(w, status, f)
}

// replayed answers a form whose token was used before. Sent twice by a double
// click it gets the answer of the first; else it comes back; sent again and again
// it is a mine.
func (s *Server) replayed(w http.ResponseWriter, r *http.Request, f *form, t token, in url.Values) {
	if c, ok := s.byNonce(r.Context(), t.mark()); ok && c.Page == f.Key && textHash(c.Text) == textHash(f.Text) {
		s.thank(w, c)
		return
	}
	if f.Contact && s.lettered(r.Context(), t.mark()) {
		s.thankLetter(w)
		return
	}
	if f.Suggest && s.suggested(r.Context(), t.mark()) {
		s.thankSuggestion(w, f.Key)
		return
	}
	s.identify(f, in)
	const text = "This form was already sent once. Please answer the question and send it again."
	if !s.marks.allow("replay "+t.mark(), maxReplays, s.cfg.MaxTime) {
		s.mine(w, r, f, t, text)
		return
	}
	f.fault("", text)
	s.arm(f, t.issued)
	s.writeForm(w, http.StatusUnprocessableEntity, f)
}

// mine holds the request in the tarpit, and then gives the form back after all.
func (s *Server) mine(w http.ResponseWriter, r *http.Request, f *form, t token, text string) {
	finish, full := s.tarpit.keep(w, r, s.quit)
	if full {
		w.Header().Set("Retry-After", "60")
		s.fail(w, http.StatusTooManyRequests, "Please wait a minute, go back, and send your comment again.", "")
		return
	}
	if !finish {
		return
	}
	f.fault("", text)
	s.arm(f, t.issued)
	if body, err := s.renderForm(f); err == nil {
		_, _ = w.Write(body)
	}
}

// accept classifies and stores the comment.
func (s *Server) accept(w http.ResponseWriter, r *http.Request, f *form, t token, net string) {
	verdict := s.filter.Classify(f.Text)
	c := comment{parent: f.To, net: net, Comment: oswald.Comment{Page: f.Key, Author: f.Name, ID: f.ID, Signer: f.Signer, Text: f.Text,
		Verdict: verdict.Verdict, Score: verdict.Score}}
	if c.Author == "" {
		c.Author = "Anonymous"
	}
	err := s.insert(r.Context(), &c, t.mark(), countLinks(f.Text) > s.cfg.MaxLinks)
	if errors.Is(err, errDuplicate) {
		f.fault("text", "This comment is here already, or waits for approval.")
		s.rearm(f, t)
		s.writeForm(w, http.StatusConflict, f)
		return
	}
	if err != nil {
		if first, ok := s.byNonce(r.Context(), t.mark()); ok {
			s.thank(w, first) // the other server, or the other click, was faster
			return
		}
		ref := oswald.RandomID()[:6]
		s.log.Error("a comment could not be stored", "ref", ref, "err", err)
		f.fault("", "Your comment could not be stored just now. Please send it again in a minute (reference "+ref+").")
		s.rearm(f, t)
		s.writeForm(w, http.StatusServiceUnavailable, f)
		return
	}
	s.log.Info("comment", "n", c.N, "page", c.Page, "state", c.State, "score", c.Score)
	if c.State == oswald.Shown {
		s.views.drop(c.Page)
		s.refresh.wait(r.Context(), c.Page)
	} else {
		s.poke()
	}
	s.thank(w, c)
}

// thank redirects to the page that the comment is on, with a notice. Which of the
// pages that is, is worked out when it is asked for: so posting costs the same
// however many comments are there. Spam gets the notice of a comment that waits:
// its sender learns nothing from it.
func (s *Server) thank(w http.ResponseWriter, c comment) {
	note, anchor := "waits", ""
	if c.State == oswald.Shown {
		note = fmt.Sprintf("shown&n=%d", c.N)
		anchor = fmt.Sprintf("#c%d", c.N)
	}
	to := "/c/" + c.Page + "?note=" + note
	if edit := s.sealEdit(c); edit != "" {
		to += "&edit=" + edit
	}
	w.Header().Set("Location", to+anchor)
	w.WriteHeader(http.StatusSeeOther)
}

func minutes(d time.Duration) string {
	if d < 2*time.Minute {
		return plural(int(d.Round(time.Second)/time.Second), "second")
	}
	return plural(int(d.Round(time.Minute)/time.Minute), "minute")
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
