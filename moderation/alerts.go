// SPDX-License-Identifier: GPL-3.0-or-later

package moderation

import (
	"context"
	"fmt"
	"strings"

	"oswald"
)

// What the owner has been told stands in the table memo, so a restart does not
// tell it again.
const (
	memoQueue   = "alert/queue"   // highest number told of; 0 when nothing waited
	memoQueueAt = "alert/queueat" // when
	memoEdits   = "alert/edits"   // highest suggestion told of
	memoLetters = "alert/letters" // highest letter told of
	memoBurst   = "alert/burst"   // since when there is a burst; 0 when there is none
)

// look tells the owner of comments that wait and of bursts of spam, once each. It
// is called from Run's loop alone.
func (s *Server) look(ctx context.Context) {
	if s.further {
		return
	}
	if err := s.lookQueue(ctx); err != nil && ctx.Err() == nil {
		s.log.Error("looking at the queue", "err", err)
	}
	if err := s.lookSuggestions(ctx); err != nil && ctx.Err() == nil {
		s.log.Error("looking at suggested edits", "err", err)
	}
	if err := s.lookLetters(ctx); err != nil && ctx.Err() == nil {
		s.log.Error("looking at letters", "err", err)
	}
	if err := s.lookBurst(ctx); err != nil && ctx.Err() == nil {
		s.log.Error("looking for a burst", "err", err)
	}
}

func (s *Server) lookQueue(ctx context.Context) error {
	told, err := s.memo(ctx, memoQueue)
	if err != nil {
		return err
	}
	waiting, err := query(ctx, s.db, "WHERE c.state = 'queued' ORDER BY c.n DESC LIMIT 100")
	if err != nil {
		return err
	}
	now := s.now()
	if len(waiting) == 0 {
		if told == 0 {
			return nil
		}
		return s.tell(ctx, oswald.Alert{Key: "comments/queue", Severity: oswald.Info, Summary: "No comment waits any more.", At: now, Resolved: true}, memoQueue, 0)
	}
	if waiting[0].N <= told {
		return nil
	}
	at, err := s.memo(ctx, memoQueueAt)
	if err != nil {
		return err
	}
	if told != 0 && now.UnixMilli()-at < s.cfg.AlertEvery.Milliseconds() && now.UnixMilli() >= at {
		return nil // told a moment ago: these go together with what comes until then
	}
	var fresh []comment
	for _, c := range waiting {
		if c.N > told {
			fresh = append(fresh, c)
		}
	}
	all, err := s.count(ctx)
	if err != nil {
		return err
	}
	a := oswald.Alert{Key: "comments/queue", Severity: oswald.Info, Summary: s.queueSummary(fresh, all.queued), At: now, About: aboutQueue(fresh)}
	if err := s.tell(ctx, a, memoQueue, waiting[0].N); err != nil {
		return err
	}
	return setMemo(ctx, s.db, memoQueueAt, now.UnixMilli())
}

// tell tells the owner, and notes under key that it has. The alert first: told
// twice after a crash is better than never.
func (s *Server) tell(ctx context.Context, a oswald.Alert, key string, value int64) error {
	if err := s.alert(ctx, a); err != nil {
		return fmt.Errorf("alert %s: %w", a.Key, err)
	}
	return setMemo(ctx, s.db, key, value)
}

// aboutQueue names the comments that the alert shows, for those who answer it.
func aboutQueue(fresh []comment) string {
	var all []string
	for _, c := range fresh[:min(len(fresh), 3)] {
		all = append(all, fmt.Sprintf("comment:%d", c.N))
	}
	return strings.Join(all, " ")
}

// reason says in a few words why a comment waits, where that can be told.
func (s *Server) reason(c comment) string {
	if n := countLinks(c.Text); n > s.cfg.MaxLinks {
		return " and " + plural(n, "link")
	}
	if c.Verdict == oswald.Ham {
		return ""
	}
	var words []string
	for _, e := range s.filter.Classify(c.Text).Evidence {
		if e.Spam >= 0.5 && len(words) < 3 {
			words = append(words, oneLine(e.Feature, 24))
		}
	}
	if len(words) == 0 {
		return ""
	}
	return " for: " + strings.Join(words, ", ")
}

// queueSummary fits a phone: up to three comments, and what to answer.
func (s *Server) queueSummary(fresh []comment, waiting int) string {
	newest := fresh[0]
	sum := ""
	for i, c := range fresh {
		if i == 3 {
			sum += fmt.Sprintf("… and %d more\n", len(fresh)-i)
			break
		}
		who := c.Author
		if c.ID != "" {
			who += " (" + c.ID + ")"
		}
		sum += fmt.Sprintf("Comment %d on %s waits, spam score %.2f%s. %s: %s\n", c.N, c.Page, c.Score, s.reason(c), who, oneLine(c.Text, 200))
	}
	if waiting > len(fresh) {
		sum += fmt.Sprintf("%d wait in all. ", waiting)
	}
	return sum + fmt.Sprintf("Answer approve %d, flag %d or comment %d.", newest.N, newest.N, newest.N)
}

func (s *Server) lookBurst(ctx context.Context) error {
	since, err := s.memo(ctx, memoBurst)
	if err != nil {
		return err
	}
	now := s.now()
	var n, pages int
	err = s.db.QueryRowContext(ctx, "SELECT count(*), count(DISTINCT page) FROM comment WHERE verdict = 'spam' AND at > ?",
		now.Add(-s.cfg.BurstWindow).UnixMilli()).Scan(&n, &pages)
	if err != nil {
		return err
	}
	switch {
	case since == 0 && n >= s.cfg.BurstCount:
		return s.tell(ctx, oswald.Alert{Key: "spam/burst", Severity: oswald.Warning, At: now, Summary: fmt.Sprintf(
			"A burst of spam: %d in %s on %s. The filter has hidden it; spam shows it.", n, minutes(s.cfg.BurstWindow), plural(pages, "page"))},
			memoBurst, now.UnixMilli())
	case since != 0 && n == 0:
		return s.tell(ctx, oswald.Alert{Key: "spam/burst", Severity: oswald.Warning, Summary: "The burst of spam is over.", At: now, Resolved: true}, memoBurst, 0)
	}
	return nil
}
