// SPDX-License-Identifier: GPL-3.0-or-later

package moderation

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"time"

	"oswald"
	"oswald/moderation/spam"
)

// Filter is the spam filter. Package spam has ours; all methods may be called
// from any goroutine.
type Filter interface {
	Classify(text string) spam.Result
	Learn(spam.Message)
	Refit(ctx context.Context, all []spam.Message) error
}

// startFilter brings the filter level with what people have said. A refit when
// the counts differ also covers a model file that is older than the labels.
func (s *Server) startFilter(ctx context.Context) error {
	owed, err := s.memo(ctx, memoUnlearn)
	if err != nil {
		return err
	}
	all, err := s.labels(ctx)
	if err != nil || len(all.list) == 0 {
		return err
	}
	if s.shared { // whatever the model file knows, it is not known of which labels
		_, err = s.refit(ctx, all)
		s.unlearnt.Store(owed)
		return err
	}
	var ham, spams int
	for _, m := range all.list {
		if m.Spam {
			spams++
		} else {
			ham++
		}
	}
	st := s.filterStats()
	if st.HamLearnt == ham && st.SpamLearnt == spams {
		return s.settle(ctx)
	}
	_, err = s.refit(ctx, all)
	return err
}

// Retrain refits the filter from every label.
func (s *Server) Retrain(ctx context.Context, id string) (oswald.SpamStats, error) {
	all, err := s.labels(ctx)
	if err != nil {
		return oswald.SpamStats{}, fmt.Errorf("labels: %w", err)
	}
	if len(all.list) == 0 {
		return oswald.SpamStats{}, oswald.Errorf(oswald.Conflict, "Nothing is labelled yet: flag or approve some comments first.")
	}
	took, err := s.refit(ctx, all)
	if err != nil {
		return oswald.SpamStats{}, fmt.Errorf("refit: %w", err)
	}
	st, err := s.Stats(ctx, id)
	st.Took = took
	return st, err
}

func (s *Server) refit(ctx context.Context, all labels) (time.Duration, error) {
	s.settling.Lock()
	defer s.settling.Unlock()
	start := time.Now()
	if err := s.filter.Refit(ctx, all.list); err != nil {
		return 0, err
	}
	took := time.Since(start)
	s.log.Info("filter refitted", "messages", len(all.list), "took", took)
	s.learnt = max(s.learnt, all.upTo)
	return took, s.learnMissed(ctx, all.list)
}

// learnMissed learns labels that came while a refit was running, and marks all as
// learnt. The caller holds settling.
func (s *Server) learnMissed(ctx context.Context, known []spam.Message) error {
	had := make(map[int64]bool, len(known))
	for _, m := range known {
		had[m.N] = m.Spam
	}
	return s.learnNew(ctx, func(m spam.Message) bool {
		was, ok := had[m.N]
		return !ok || was != m.Spam
	})
}

// learnNew teaches the filter each label it does not know and that want accepts.
// The caller holds settling.
func (s *Server) learnNew(ctx context.Context, want func(spam.Message) bool) error {
	where, args := "WHERE NOT learnt ORDER BY at, n", []any(nil)
	if s.shared {
		where, args = "WHERE seq > ? ORDER BY seq", []any{s.learnt}
	}
	known, err := s.messages(ctx, where, args...)
	fresh := known.list
	if err != nil || len(fresh) == 0 {
		return err
	}
	for _, m := range fresh {
		if want == nil || want(m) {
			s.filter.Learn(m)
		}
	}
	if s.shared {
		s.learnt = known.upTo
		return nil
	}
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() // harmless after Commit
	for _, m := range fresh {
		// A label that changed its mind meanwhile stays to be learnt.
		if _, err := tx.ExecContext(ctx, "UPDATE label SET learnt = TRUE WHERE n = ? AND spam = ?", m.N, m.Spam); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// settle does what a committed decision is owed: the filter learns, the pages are
// made anew. What it does is recorded with the decision, so after a crash it is
// done at the next start.
func (s *Server) settle(ctx context.Context) error {
	s.settling.Lock()
	defer s.settling.Unlock()
	if err := s.learnNew(ctx, nil); err != nil {
		return fmt.Errorf("learning: %w", err)
	}
	return nil
}

// unlearn refits the filter without the labels that are no more.
func (s *Server) unlearn(ctx context.Context) error {
	owed, err := s.memo(ctx, memoUnlearn)
	if err != nil || owed == s.unlearnt.Load() {
		return err
	}
	all, err := s.labels(ctx)
	if err != nil {
		return err
	}
	if _, err := s.refit(ctx, all); err != nil {
		return err
	}
	if s.shared { // every server has to, so the count stands
		s.unlearnt.Store(owed)
		return nil
	}
	return setMemo(ctx, s.db, memoUnlearn, 0)
}

// follow learns what other servers on the same database were told.
func (s *Server) follow(ctx context.Context) {
	if !s.shared {
		return
	}
	err := s.settle(ctx)
	if err == nil {
		err = s.unlearn(ctx)
	}
	if err != nil && ctx.Err() == nil {
		s.log.Error("the filter did not learn yet what another server was told", "err", err)
	}
}

// labels are what people said.
type labels struct {
	list []spam.Message
	upTo int64 // all that were said up to this number are in it
}

func (s *Server) labels(ctx context.Context) (labels, error) {
	return s.messages(ctx, "ORDER BY n")
}

func (s *Server) messages(ctx context.Context, where string, args ...any) (l labels, err error) {
	rows, err := s.db.QueryContext(ctx, "SELECT n, text, author, spam, seq FROM label "+where, args...)
	if err != nil {
		return l, err
	}
	defer rows.Close()
	for rows.Next() {
		var m spam.Message
		var seq int64
		if err := rows.Scan(&m.N, &m.Text, &m.Author, &m.Spam, &seq); err != nil {
			return l, err
		}
		l.list, l.upTo = append(l.list, m), max(l.upTo, seq)
	}
	return l, rows.Err()
}

// Train adds labelled messages that are not comments of this site, such as an
// older collection. They count in every refit; call Retrain after it.
func (s *Server) Train(ctx context.Context, list []spam.Message) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() // harmless after Commit
	var low int64
	if err := tx.QueryRowContext(ctx, "SELECT coalesce(min(n), 0) FROM label").Scan(&low); err != nil {
		return err
	}
	low = min(low, 0)
	at := s.now().UnixMilli()
	for _, m := range list {
		low-- // numbers below zero, so that they never meet a comment's
		if err := setLabel(ctx, tx, low, m.Spam, m.Author, m.Text, at); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// memoLabels numbers what people say.
const memoLabels = "label/seq"

func setLabel(ctx context.Context, tx *sql.Tx, n int64, isSpam bool, author, text string, at int64) error {
	var seq int64
	if err := tx.QueryRowContext(ctx, countUp+" RETURNING value", memoLabels).Scan(&seq); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO label(n, spam, author, text, at, seq) VALUES(?, ?, ?, ?, ?, ?)
		ON CONFLICT(n) DO UPDATE SET spam = excluded.spam, text = excluded.text, at = excluded.at, seq = excluded.seq, learnt = FALSE`,
		n, isSpam, author, text, at, seq)
	return err
}

// Why explains the score that a comment has now.
func (s *Server) Why(ctx context.Context, id string, n int64) (oswald.Why, error) {
	c, err := s.Get(ctx, id, n)
	if err != nil {
		return oswald.Why{}, err
	}
	r := s.filter.Classify(c.Text)
	c.Score, c.Verdict = r.Score, r.Verdict
	return oswald.Why{Comment: c, Evidence: r.Evidence[:min(len(r.Evidence), 15)]}, nil
}

// Stats returns what the filter knows and how it is doing.
func (s *Server) Stats(ctx context.Context, _ string) (oswald.SpamStats, error) {
	st := s.filterStats()
	c, err := s.count(ctx)
	if err != nil {
		return st, fmt.Errorf("counting: %w", err)
	}
	st.Shown, st.Queued, st.Hidden = c.shown, c.queued, c.hidden
	st.HamLearnt, st.SpamLearnt = c.ham, c.spam
	drift, err := s.drift(ctx)
	if err != nil {
		return st, fmt.Errorf("drift: %w", err)
	}
	st.Drift = drift.String()
	st.PostedToday, st.CaughtToday, st.Corrected = c.postedToday, c.caughtToday, c.corrected
	return st, nil
}

// driftLabels is how many of the last decisions the drift is told from.
const driftLabels = 400

// drift compares what people reversed lately with what they did before. It is
// told from the database, so a restart does not forget it.
func (s *Server) drift(ctx context.Context) (spam.Drift, error) {
	rows, err := s.db.QueryContext(ctx, "SELECT c.verdict, l.spam FROM label l JOIN comment c ON c.n = l.n ORDER BY l.at DESC, l.n DESC LIMIT ?", driftLabels)
	if err != nil {
		return spam.Drift{}, err
	}
	defer rows.Close()
	var corrected []bool
	for rows.Next() {
		var v oswald.Verdict
		var isSpam bool
		if err := rows.Scan(&v, &isSpam); err != nil {
			return spam.Drift{}, err
		}
		corrected = append(corrected, v == oswald.Spam && !isSpam || v == oswald.Ham && isSpam)
	}
	slices.Reverse(corrected)
	return spam.DriftOf(corrected), rows.Err()
}

// saveFilter keeps what was learnt since the last refit, if the filter can; if not,
// the next start finds labels missing and refits.
func (s *Server) saveFilter() {
	if f, ok := s.filter.(interface{ Save() error }); ok {
		if err := f.Save(); err != nil {
			s.log.Error("the filter was not saved; it will be refitted at the next start", "err", err)
		}
	}
}

// filterStats returns what a filter tells about itself, if it does.
func (s *Server) filterStats() oswald.SpamStats {
	if f, ok := s.filter.(interface{ Stats() oswald.SpamStats }); ok {
		return f.Stats()
	}
	return oswald.SpamStats{}
}

// Test returns what the filter thinks of a text that nobody has posted.
func (s *Server) Test(_ context.Context, _, text string) (oswald.Why, error) {
	text = cleanText(text)
	if text == "" {
		return oswald.Why{}, oswald.Errorf(oswald.Invalid, "There is no text to test.")
	}
	r := s.filter.Classify(text)
	return oswald.Why{
		Comment:  oswald.Comment{Text: oneLine(text, 200), Score: r.Score, Verdict: r.Verdict},
		Evidence: r.Evidence[:min(len(r.Evidence), 15)],
	}, nil
}
