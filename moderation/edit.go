// SPDX-License-Identifier: GPL-3.0-or-later

package moderation

import (
	"context"
	"crypto/hmac"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"net/http"
	"time"

	"oswald"
)

// editRight is what a one-time link carries: the right to change one comment, as
// it stands now, for a while. Changing the comment makes the link worthless, since
// it names the time of the last change, and brings a new one.
type editRight struct {
	n      int64
	edited int64 // Unix milliseconds of the last change, 0 for none
	until  time.Time
}

// sealEdit returns the link's token for c, or "" when the time is over.
func (s *Server) sealEdit(c comment) string {
	until := c.At.Add(s.cfg.EditWindow)
	if !s.now().Before(until) {
		return ""
	}
	var edited int64
	if !c.edited.IsZero() {
		edited = c.edited.UnixMilli()
	}
	b := binary.BigEndian.AppendUint64(nil, uint64(c.N))
	b = binary.BigEndian.AppendUint64(b, uint64(edited))
	b = binary.BigEndian.AppendUint64(b, uint64(until.UnixMilli()))
	return base64.RawURLEncoding.EncodeToString(append(b, mac(s.keys.edit, string(b), c.Page)...))
}

func (s *Server) openEdit(sealed, page string) (e editRight, ok bool) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(sealed)
	if err != nil || len(b) != 24+16 || !hmac.Equal(b[24:], mac(s.keys.edit, string(b[:24]), page)) {
		return e, false
	}
	e.n = int64(binary.BigEndian.Uint64(b))
	e.edited = int64(binary.BigEndian.Uint64(b[8:]))
	e.until = time.UnixMilli(int64(binary.BigEndian.Uint64(b[16:])))
	return e, s.now().Before(e.until)
}

// editable returns the comment that a link gives the right to change, or an error
// for people.
func (s *Server) editable(ctx context.Context, q querier, sealed, page string) (comment, error) {
	gone := oswald.Errorf(oswald.Expired, "This link is used up or too old; the comment cannot be changed any more.")
	e, ok := s.openEdit(sealed, page)
	if !ok {
		return comment{}, gone
	}
	c, err := byNumber(ctx, q, e.n)
	if err != nil {
		return comment{}, err
	}
	var edited int64
	if !c.edited.IsZero() {
		edited = c.edited.UnixMilli()
	}
	if c.Page != page || edited != e.edited || c.State == oswald.Deleted {
		return comment{}, gone
	}
	return c, nil
}

func (s *Server) serveEdit(w http.ResponseWriter, r *http.Request, f *form, sealed string) {
	c, err := s.editable(r.Context(), s.db, sealed, f.Key)
	if err != nil {
		s.failEdit(w, f, err)
		return
	}
	f.Edit, f.Name, f.Text, f.ID = sealed, c.Author, c.Text, c.ID
	s.writeForm(w, http.StatusOK, f)
}

func (s *Server) failEdit(w http.ResponseWriter, f *form, err error) {
	if oswald.CodeOf(err) == oswald.Internal {
		s.broken(w, "edit", err)
		return
	}
	s.fail(w, http.StatusGone, oswald.MessageOf(err), "/c/"+f.Key)
}

// postEdit answers POST /comment/KEY with a link's token. The name and the ID
// stay; the text passes the filter again, and a change never makes a comment more
// visible than it was.
func (s *Server) postEdit(w http.ResponseWriter, r *http.Request, f *form, sealed string) {
	f.Edit = sealed
	c, err := s.editable(r.Context(), s.db, sealed, f.Key)
	if err != nil {
		// What was typed must not be lost: it comes back as a new comment's form.
		if oswald.CodeOf(err) != oswald.Internal && f.Text != "" {
			f.Edit = ""
			f.fault("", oswald.MessageOf(err)+" You can send the text as a new comment.")
			s.arm(f, s.now())
			s.writeForm(w, http.StatusGone, f)
			return
		}
		s.failEdit(w, f, err)
		return
	}
	if r.PostForm.Get("do") == "delete" {
		if err := s.withdraw(r.Context(), sealed, f.Key); err != nil {
			s.failEdit(w, f, err)
			return
		}
		s.log.Info("comment withdrawn", "n", c.N, "page", c.Page)
		s.views.drop(c.Page)
		s.refresh.wait(r.Context(), c.Page)
		s.poke()
		w.Header().Set("Location", "/c/"+c.Page+"?note=deleted")
		w.WriteHeader(http.StatusSeeOther)
		return
	}
	f.Name, f.ID = c.Author, c.ID
	s.check(f, r.PostForm)
	switch {
	case len(f.Faults) > 0:
		s.writeForm(w, http.StatusUnprocessableEntity, f)
		return
	case r.PostForm.Get("do") == "preview":
		f.Preview = render(f.Text, s.pages)
		s.writeForm(w, http.StatusOK, f)
		return
	}
	verdict := s.filter.Classify(f.Text)
	c, err = s.change(r.Context(), sealed, f.Key, f.Text, verdict.Verdict, verdict.Score)
	if err != nil {
		s.failEdit(w, f, err)
		return
	}
	s.log.Info("comment changed", "n", c.N, "page", c.Page, "state", c.State, "score", c.Score)
	s.views.drop(c.Page)
	s.refresh.wait(r.Context(), c.Page)
	s.poke()
	s.thank(w, c)
}

// change is the transaction of an edit.
func (s *Server) change(ctx context.Context, sealed, page, text string, v oswald.Verdict, score float64) (comment, error) {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return comment{}, err
	}
	defer tx.Rollback()                         // harmless after Commit
	c, err := s.editable(ctx, tx, sealed, page) // once more: another click may have been faster
	if err != nil {
		return comment{}, err
	}
	was := c.State
	worth, err := standing(ctx, tx, c.ID)
	if err != nil {
		return comment{}, err
	}
	next := stateFor(v, worth, countLinks(text) > s.cfg.MaxLinks)
	if rank(next) < rank(c.State) {
		c.State = next
	}
	c.Text, c.Verdict, c.Score = text, v, score
	c.edited = s.now()
	if !c.edited.After(c.At) {
		c.edited = c.At.Add(time.Millisecond)
	}
	_, err = tx.ExecContext(ctx, `UPDATE comment SET text = ?, signer = '', hash = ?, edited = ?, changed = ?, state = ?, verdict = ?, score = ? WHERE n = ?`,
		text, textHash(text), c.edited.UnixMilli(), c.edited.UnixMilli(), c.State, v, score, c.N)
	if err != nil {
		return comment{}, fmt.Errorf("edit: %w", err)
	}
	if was == oswald.Shown {
		if err := s.markChanged(ctx, tx, page); err != nil {
			return comment{}, err
		}
	}
	return c, tx.Commit()
}

// withdraw deletes a comment for its author. Unlike a moderator's delete it leaves
// no text behind, and it teaches the filter nothing.
func (s *Server) withdraw(ctx context.Context, sealed, page string) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() // harmless after Commit
	if err := s.secureDelete(ctx, tx); err != nil {
		return err
	}
	c, err := s.editable(ctx, tx, sealed, page)
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, "UPDATE comment SET state = 'deleted', text = '', author = '', id = '', signer = '', net = '', changed = ? WHERE n = ?",
		s.now().UnixMilli(), c.N); err != nil {
		return err
	}
	// What taught the filter that it was spam stays: a sender must not unteach it.
	if _, err := tx.ExecContext(ctx, "DELETE FROM label WHERE n = ? AND NOT spam", c.N); err != nil {
		return err
	}
	if c.State == oswald.Shown {
		if err := s.markChanged(ctx, tx, page); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// rank orders states by how much is seen of a comment.
func rank(s oswald.CommentState) int {
	switch s {
	case oswald.Shown:
		return 2
	case oswald.Queued:
		return 1
	}
	return 0
}
