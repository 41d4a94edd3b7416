// SPDX-License-Identifier: GPL-3.0-or-later

package moderation

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"time"

	"oswald"
)

// A letter is what a visitor writes to the owner with the contact form. It passes
// the gates of a comment, waits to be read from the phone, and is never on any
// page.

// contactKey is the form's place: /comment/contact.
const contactKey = "contact"

// maxReach is the longest address to answer to.
const maxReach = 200

func (s *Server) acceptLetter(w http.ResponseWriter, r *http.Request, f *form, t token, net string) {
	if f.Name == "" {
		f.Name = "Anonymous"
	}
	isSpam := s.filter.Classify(f.Text).Verdict == oswald.Spam
	_, err := s.db.ExecContext(r.Context(), "INSERT INTO letter(author, reach, text, at, spam, net, nonce) VALUES(?, ?, ?, ?, ?, ?, ?)",
		f.Name, f.Reach, f.Text, s.now().UnixMilli(), isSpam, net, t.mark())
	if err != nil && !s.lettered(r.Context(), t.mark()) {
		ref := oswald.RandomID()[:6]
		s.log.Error("a letter could not be stored", "ref", ref, "err", err)
		f.fault("", "Your letter could not be stored just now. Please send it again in a minute (reference "+ref+").")
		s.rearm(f, t)
		s.writeForm(w, http.StatusServiceUnavailable, f)
		return
	}
	s.log.Info("letter", "spam", isSpam)
	s.poke()
	s.thankLetter(w)
}

func (s *Server) thankLetter(w http.ResponseWriter) {
	w.Header().Set("Location", "/comment/"+contactKey+"?note=sent")
	w.WriteHeader(http.StatusSeeOther)
}

// lettered reports whether a form became a letter.
func (s *Server) lettered(ctx context.Context, nonce string) bool {
	var n int64
	return s.db.QueryRowContext(ctx, "SELECT n FROM letter WHERE nonce = ?", nonce).Scan(&n) == nil
}

const selectLetter = "SELECT n, author, reach, text, at, read, spam FROM letter "

func scanLetter(row interface{ Scan(...any) error }) (l oswald.Letter, err error) {
	var at int64
	err = row.Scan(&l.N, &l.Author, &l.Reach, &l.Text, &at, &l.Read, &l.Spam)
	l.At = time.UnixMilli(at)
	return l, err
}

// Letters returns the newest letters, those nobody has read first, with their
// texts shortened; those that the filter takes for spam only where asked for.
func (s *Server) Letters(ctx context.Context, _ string, spam bool) ([]oswald.Letter, error) {
	rows, err := s.db.QueryContext(ctx, selectLetter+"WHERE spam = ? ORDER BY read, n DESC LIMIT ?", spam, listMax)
	if err != nil {
		return nil, fmt.Errorf("letters: %w", err)
	}
	defer rows.Close()
	var list []oswald.Letter
	for rows.Next() {
		l, err := scanLetter(rows)
		if err != nil {
			return nil, fmt.Errorf("letters: %w", err)
		}
		l.Text = oneLine(l.Text, 140)
		list = append(list, l)
	}
	return list, rows.Err()
}

// Letter returns one in full; it counts as read from then on.
func (s *Server) Letter(ctx context.Context, _ string, n int64) (oswald.Letter, error) {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return oswald.Letter{}, fmt.Errorf("letter: %w", err)
	}
	defer tx.Rollback() // harmless after Commit
	l, err := s.LetterTx(ctx, tx, n)
	if err != nil {
		return l, err
	}
	if err := tx.Commit(); err != nil {
		return oswald.Letter{}, fmt.Errorf("letter: %w", err)
	}
	s.poke()
	return l, nil
}

// LetterTx is the part of Letter that is one transaction with whatever else tx
// does.
func (s *Server) LetterTx(ctx context.Context, tx *sql.Tx, n int64) (oswald.Letter, error) {
	l, err := scanLetter(tx.QueryRowContext(ctx, selectLetter+"WHERE n = ?", n))
	if errors.Is(err, sql.ErrNoRows) {
		return l, oswald.Errorf(oswald.NotFound, "There is no letter %d.", n)
	}
	if err == nil {
		_, err = tx.ExecContext(ctx, "UPDATE letter SET read = TRUE WHERE n = ?", n)
	}
	if err != nil {
		return oswald.Letter{}, fmt.Errorf("letter %d: %w", n, err)
	}
	return l, nil
}

// lookLetters tells the owner of letters, once each.
func (s *Server) lookLetters(ctx context.Context) error {
	told, err := s.memo(ctx, memoLetters)
	if err != nil {
		return err
	}
	var waiting, fresh int
	if err := s.db.QueryRowContext(ctx, "SELECT count(*), count(*) FILTER (WHERE n > ?) FROM letter WHERE NOT read AND NOT spam", told).Scan(&waiting, &fresh); err != nil {
		return err
	}
	now := s.now()
	switch {
	case waiting == 0 && told > 0:
		return s.tell(ctx, oswald.Alert{Key: "letters/queue", Severity: oswald.Info, Summary: "All letters are read.", At: now, Resolved: true}, memoLetters, 0)
	case fresh == 0:
		return nil
	}
	l, err := scanLetter(s.db.QueryRowContext(ctx, selectLetter+"WHERE NOT read AND NOT spam ORDER BY n DESC LIMIT 1"))
	if err != nil {
		return err
	}
	from := l.Author
	if l.Reach != "" {
		from += " (" + oneLine(l.Reach, 60) + ")"
	}
	sum := fmt.Sprintf("Letter %d from %s: %s", l.N, from, oneLine(l.Text, 200))
	if waiting > 1 {
		sum += fmt.Sprintf(" %d are not read yet.", waiting)
	}
	sum += fmt.Sprintf(" Answer letters %d for all of it.", l.N)
	return s.tell(ctx, oswald.Alert{Key: "letters/queue", Severity: oswald.Info, Summary: sum, At: now}, memoLetters, l.N)
}
