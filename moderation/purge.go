// SPDX-License-Identifier: GPL-3.0-or-later

package moderation

import (
	"context"
	"time"
)

const memoPurge = "purged"

// purge forgets what was kept long enough, once an hour: the texts of deleted
// comments and of spam that nobody wanted back, network addresses, and decisions.
// Labels stay, since the filter is refitted from them; erasing is another thing.
func (s *Server) purge(ctx context.Context) {
	if s.further {
		return
	}
	last, err := s.memo(ctx, memoPurge)
	now := s.now()
	if err == nil && now.Sub(time.UnixMilli(last)) >= time.Hour {
		err = s.purgeNow(ctx, now)
	}
	if err != nil && ctx.Err() == nil {
		s.log.Error("purge", "err", err)
	}
}

func (s *Server) purgeNow(ctx context.Context, now time.Time) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() // harmless after Commit
	if err := s.secureDelete(ctx, tx); err != nil {
		return err
	}
	old := now.Add(-s.cfg.Retention).UnixMilli()
	for _, stmt := range []string{
		`UPDATE comment SET text = '', author = '', net = '', id = '', signer = '', state = 'deleted'
			WHERE state IN ('deleted', 'hidden') AND changed < ? AND text <> ''`,
		`UPDATE comment SET net = '' WHERE at < ? AND net <> ''`,
		`DELETE FROM decision WHERE at < ?`,
		`DELETE FROM letter WHERE at < ?`,
		`DELETE FROM suggestion WHERE state <> 'open' AND at < ?`,
	} {
		if _, err := tx.ExecContext(ctx, stmt, old); err != nil {
			return err
		}
	}
	if err := setMemo(ctx, tx, memoPurge, now.UnixMilli()); err != nil {
		return err
	}
	return tx.Commit()
}
