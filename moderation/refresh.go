// SPDX-License-Identifier: GPL-3.0-or-later

package moderation

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// refresher is the one writer of the page store. A change is recorded in the
// table dirty by the transaction that makes it, so none is lost to a crash; who
// wants to know when the page is out waits. Requests for one page that come while
// it is being made are served together by the next making.
type refresher struct {
	s     *Server
	store PageStore // nil: nothing to do

	mu      sync.Mutex
	waiting map[string][]chan struct{}
	signal  chan struct{}

	// sent has the signatures of the pages that the store was given, so that a
	// comment more is one page put out, not all those of a long discussion. Only
	// run's goroutine uses it.
	sent map[string][]uint64
}

func newRefresher(s *Server, store PageStore) *refresher {
	return &refresher{s: s, store: store, waiting: make(map[string][]chan struct{}), signal: make(chan struct{}, 1), sent: make(map[string][]uint64)}
}

// wait asks for page to be put into the store and waits for it, but not long: a
// web server that does not answer must not hold up who posts.
func (r *refresher) wait(ctx context.Context, page string) {
	if r.store == nil {
		return
	}
	done := make(chan struct{})
	r.mu.Lock()
	r.waiting[page] = append(r.waiting[page], done)
	r.mu.Unlock()
	select {
	case r.signal <- struct{}{}:
	default:
	}
	patience := time.NewTimer(500 * time.Millisecond)
	defer patience.Stop()
	select {
	case <-done:
	case <-patience.C:
	case <-ctx.Done():
	case <-r.s.quit:
	}
}

func (r *refresher) run(ctx context.Context) {
	if r.store == nil {
		return
	}
	if err := r.s.Republish(ctx); err != nil && ctx.Err() == nil {
		r.s.log.Error("pages to put out", "err", err)
	}
	retry := time.NewTicker(10 * time.Second)
	defer retry.Stop()
	hourly := time.NewTicker(20 * time.Minute) // a page store may forget, or be restarted
	defer hourly.Stop()
	for {
		r.drain(ctx)
		select {
		case <-ctx.Done():
			return
		case <-r.signal:
		case <-retry.C:
		case <-hourly.C:
			clear(r.sent)
			if err := r.s.Republish(ctx); err != nil && ctx.Err() == nil {
				r.s.log.Error("pages to put out", "err", err)
			}
		}
	}
}

// drain puts out every page that is marked.
func (r *refresher) drain(ctx context.Context) {
	r.mu.Lock()
	waiting := r.waiting
	r.waiting = make(map[string][]chan struct{})
	r.mu.Unlock()
	defer func() {
		for _, list := range waiting {
			for _, done := range list {
				close(done)
			}
		}
	}()
	type mark struct {
		page string
		seq  int64
	}
	var marks []mark
	rows, err := r.s.db.QueryContext(ctx, "SELECT page, seq FROM dirty LIMIT 1000")
	if err == nil {
		for rows.Next() {
			var m mark
			if err = rows.Scan(&m.page, &m.seq); err != nil {
				break
			}
			marks = append(marks, m)
		}
		err = rows.Err()
		rows.Close()
	}
	if err != nil {
		if ctx.Err() == nil {
			r.s.log.Error("pages to put out", "err", err)
		}
		return
	}
	if len(marks) > 0 {
		// First, so that it is there when who waits for a page goes on. While a page
		// is still marked it is made again, so it is never left behind.
		d, err := r.s.recent(ctx)
		if err == nil {
			err = r.store.Put(recentPath, d.body)
		}
		if err != nil {
			if ctx.Err() == nil {
				r.s.log.Warn("the newest comments were not put out; it will be tried again", "err", err)
			}
			return
		}
	}
	for _, m := range marks {
		if ctx.Err() != nil {
			return
		}
		if err := r.put(ctx, m.page, m.seq); err != nil {
			delete(r.sent, m.page)
			r.s.log.Warn("a page of comments was not put out; it will be tried again", "page", m.page, "err", err)
			return
		}
		for _, done := range waiting[m.page] {
			close(done)
		}
		delete(waiting, m.page)
	}
}

// put renders a page and takes its mark away, unless it was marked again.
func (r *refresher) put(ctx context.Context, key string, seq int64) error {
	before, err := r.s.memo(ctx, "pages/"+key)
	if err != nil {
		return err
	}
	var last int
	title, url, ok := r.s.pages(key)
	if ok {
		v, err := r.s.view(ctx, key)
		if err != nil {
			return err
		}
		last = len(v.chunks)
		had, has := r.sent[key], make([]uint64, last)
		for p := 1; p <= last; p++ {
			has[p-1] = v.signature(p)
			if p <= len(had) && had[p-1] == has[p-1] && !r.s.shared { // where nobody else puts pages
				continue
			}
			d, err := r.s.renderPage(ctx, key, title, url, v, p)
			if err != nil {
				return err
			}
			if err := r.store.Put(pagePath(key, p), d.body); err != nil {
				return err
			}
		}
		r.sent[key] = has
		d, err := r.s.renderFeed(ctx, key, title, url, v)
		if err != nil {
			return err
		}
		if err := r.store.Put("/c/"+key+".atom", d.body); err != nil {
			return err
		}
	} else if err := r.store.Delete("/c/" + key + ".atom"); err != nil {
		return err
	} else {
		delete(r.sent, key)
	}
	for p := last + 1; p <= int(before); p++ {
		if err := r.store.Delete(pagePath(key, p)); err != nil {
			return err
		}
	}
	tx, err := r.s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() // harmless after Commit
	if err := setMemo(ctx, tx, "pages/"+key, int64(last)); err != nil {
		return err
	}
	res, err := tx.ExecContext(ctx, "DELETE FROM dirty WHERE page = ? AND seq = ?", key, seq)
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil {
		return err
	} else if n == 0 && r.s.shared {
		// Another server may have put out a newer page before ours: once more.
		if err := r.s.markChanged(ctx, tx, key); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// Republish puts every page of comments into the page store again.
func (s *Server) Republish(ctx context.Context) error {
	if s.refresh.store == nil {
		return nil
	}
	// Counting seq on keeps a mark that is being worked off from being lost.
	_, err := s.db.ExecContext(ctx, `INSERT INTO dirty(page) SELECT DISTINCT page FROM comment WHERE state = 'shown' 
		ON CONFLICT(page) DO UPDATE SET seq = dirty.seq + 1`)
	return err
}

// pagePath is the path of page p of the comments on key.
func pagePath(key string, p int) string {
	if p <= 1 {
		return "/c/" + key
	}
	return fmt.Sprintf("/c/%s~%d", key, p)
}
