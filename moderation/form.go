// SPDX-License-Identifier: GPL-3.0-or-later

package moderation

import (
	"cmp"
	"html/template"
	"net/http"
	"slices"
	"strconv"
	"time"

	"oswald"
)

// form is the comment form with all that was typed into it: whatever goes wrong,
// it comes back as it was, with one sentence a fault.
type form struct {
	Key, Title, URL string
	To              int64
	ToAuthor        string
	ToText          string

	Token    string
	Question string
	Name     string
	Keep, ID string // the ID of the secret that was typed; the secret never comes back
	Text     string

	Signature string // as it was pasted
	Signer    string // the fingerprint of its key, where it holds

	Answer  string
	Suggest bool   // the text is the source of the page
	Base    string // hash of the source that it was made from
	Note    string
	Diff    []diffLine
	Contact bool   // it writes to the owner
	Sent    bool   // and has done so
	Reach   string // how the owner can answer
	Edit    string // sealed right to change a comment; then no question is asked

	Faults  []fault
	Preview template.HTML
	MaxText int
	MaxName int

	secret string // never leaves this struct
	source string // of the page, when Suggest
	asked  uint32
}

// fault is one sentence about one field.
type fault struct{ Field, Text string }

func (f *form) fault(field, text string) { f.Faults = append(f.Faults, fault{field, text}) }

// FaultOf returns what is wrong with a field, for the template.
func (f *form) FaultOf(field string) string {
	for _, e := range f.Faults {
		if e.Field == field {
			return e.Text
		}
	}
	return ""
}

// newForm returns an empty form for a page, or answers the request itself.
func (s *Server) newForm(w http.ResponseWriter, r *http.Request) *form {
	key := r.PathValue("key")
	if key == contactKey && s.cfg.Contact {
		return &form{Key: key, Title: "the owner", URL: "/", MaxText: s.cfg.MaxText, MaxName: maxName, Contact: true}
	}
	title, url, ok := s.lookup(key)
	if !ok {
		s.notFound(w)
		return nil
	}
	closed, err := s.closed(r.Context(), key)
	if err != nil {
		s.broken(w, "form", err)
		return nil
	}
	if closed && r.FormValue("edit") == "" && r.FormValue("suggest") == "" {
		s.fail(w, http.StatusForbidden, "This page takes no more comments; the discussion is closed.", "/c/"+key)
		return nil
	}
	return &form{Key: key, Title: title, URL: url, MaxText: s.cfg.MaxText, MaxName: maxName}
}

// arm gives the form a fresh token and question.
func (s *Server) arm(f *form, issued time.Time) {
	q := s.asks.pick(f.asked)
	f.Question, f.Answer = q.text, ""
	f.Token = s.keys.seal(newToken(issued, q.id), f.Key)
}

// rearm gives the form a fresh token for the same question, and keeps the answer.
func (s *Server) rearm(f *form, t token) {
	q, ok := s.asks.get(t.question)
	if !ok {
		s.arm(f, t.issued)
		return
	}
	f.Question = q.text
	f.Token = s.keys.seal(newToken(t.issued, q.id), f.Key)
}

// replyTo puts in what the form answers. It reports false for a comment that is
// not on the page, or no more.
func (s *Server) replyTo(r *http.Request, f *form, to string) bool {
	if to == "" || to == "0" {
		return true
	}
	n, err := strconv.ParseInt(to, 10, 64)
	if err != nil || n < 0 {
		return false
	}
	c, err := byNumber(r.Context(), s.db, n)
	if err != nil || c.Page != f.Key || c.State != oswald.Shown {
		return false
	}
	f.To, f.ToAuthor, f.ToText = n, c.Author, oneLine(c.Text, 200)
	return true
}

// serveForm answers GET /comment/KEY[?to=N] and GET /comment/KEY?edit=….
func (s *Server) serveForm(w http.ResponseWriter, r *http.Request) {
	f := s.newForm(w, r)
	if f == nil {
		return
	}
	query := r.URL.Query()
	if f.Contact {
		f.Sent = query.Get("note") == "sent"
		s.arm(f, s.now())
		s.writeForm(w, http.StatusOK, f)
		return
	}
	if sealed := query.Get("edit"); sealed != "" {
		s.serveEdit(w, r, f, sealed)
		return
	}
	if query.Get("suggest") != "" {
		if !s.suggestForm(r.Context(), f) {
			s.fail(w, http.StatusNotFound, "This page cannot be edited here.", "/c/"+f.Key)
			return
		}
		f.Text = f.source
	} else if !s.replyTo(r, f, query.Get("to")) {
		f.fault("", "The comment that you wanted to answer is not here any more; this will stand by itself.")
	}
	s.arm(f, s.now())
	s.writeForm(w, http.StatusOK, f)
}

func (s *Server) writeForm(w http.ResponseWriter, status int, f *form) {
	body, err := s.renderForm(f)
	if err != nil {
		s.broken(w, "template", err)
		return
	}
	writeHTML(w, status, body)
}

// renderForm writes the form, with the faults in the order of its fields.
func (s *Server) renderForm(f *form) ([]byte, error) {
	order := []string{"", "text", "note", "name", "reach", "secret", "signature", "answer"}
	slices.SortStableFunc(f.Faults, func(a, b fault) int {
		return cmp.Compare(slices.Index(order, a.Field), slices.Index(order, b.Field))
	})
	return s.tmpl.render("form", f)
}
