// SPDX-License-Identifier: GPL-3.0-or-later

package wiki

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"strings"

	"oswald"
)

// backSplice takes one splice back, whose text had this hash.
type backSplice struct {
	oswald.Splice
	Hash string
}

// TakeBack undoes what Post, Append or Edit did under the id of: a post goes, a
// page loses what it got. That is a commit of its own where the source folder is a
// git repository. What others have written since stays; where their text and the
// one to take back are mixed, it is refused. The same id again changes nothing.
func (s *Site) TakeBack(ctx context.Context, id, of, author string, progress func(string)) (oswald.Published, error) {
	if progress == nil {
		progress = func(string) {}
	}
	known, ok := s.recalledEdit(of)
	if !ok || !known.Over || !known.New && len(known.Undo) == 0 {
		return oswald.Published{}, oswald.Errorf(oswald.NotFound, "That text is not known here any more, and cannot be taken back.")
	}
	if done, ok := s.recalledEdit(id); ok && done.Over {
		return done.Result, nil
	}
	if known.New {
		return s.takePost(ctx, id, known, author, progress)
	}
	e := oswald.PageEdit{Page: known.Page, Was: known.Now, Now: known.Was, Author: author, Note: "Take back a change of " + known.Page}
	for _, c := range known.Undo {
		e.Splices = append(e.Splices, c.Splice)
	}
	if done, ok := s.recalledEdit(id); ok { // written before a crash
		e.Was, e.Now = done.Was, done.Now
		return s.Edit(ctx, id, e, progress)
	}
	src, err := s.Source(ctx, known.Page)
	if err != nil {
		return oswald.Published{}, err
	}
	if src.Hash != known.Now {
		if len(known.Undo) != 1 || known.Undo[0].Put != "" {
			return oswald.Published{}, changedSince(known.Page)
		}
		text, ok := without(src.Text, known.Undo[0])
		if !ok {
			return oswald.Published{}, changedSince(known.Page)
		}
		e.Was, e.Now = src.Hash, oswald.TextHash(text)
	}
	return s.Edit(ctx, id, e, progress)
}

func changedSince(page string) error {
	return oswald.Errorf(oswald.Conflict, "The page %s has changed since, just there: it cannot be taken back.", cut(page, 80))
}

// without is a text without what an appended paragraph added. Texts that were
// appended after it stay.
func without(text string, c backSplice) (string, bool) {
	if c.At < 0 || c.Cut < 0 || c.At > len(text)-c.Cut {
		return "", false
	}
	if after := text[c.At+c.Cut:]; after != "" && !strings.HasPrefix(after, "\n") && !isItem(after) {
		return "", false
	}
	if oswald.TextHash(text[c.At:c.At+c.Cut]) != c.Hash {
		return "", false
	}
	return text[:c.At] + text[c.At+c.Cut:], true
}

// inverse is what undoes list, once it was applied to text.
func inverse(text string, list []oswald.Splice) []backSplice {
	var out []backSplice
	shift, size := 0, 0
	for _, c := range list {
		if c.At < 0 || c.Cut < 0 || c.At > len(text)-c.Cut {
			return nil // it will be refused
		}
		out = append(out, backSplice{oswald.Splice{At: c.At + shift, Cut: len(c.Put), Put: text[c.At : c.At+c.Cut]}, oswald.TextHash(c.Put)})
		shift += len(c.Put) - c.Cut
		size += c.Cut
	}
	if size > maxMessage {
		return nil
	}
	return out
}

// takePost removes a post that nobody has changed since.
func (s *Site) takePost(ctx context.Context, id string, known editRecord, author string, progress func(string)) (oswald.Published, error) {
	done := editRecord{Page: known.Page, Was: known.Now, Result: oswald.Published{Title: known.Result.Title}}
	if err := s.removePost(ctx, id, known, done); err != nil {
		return oswald.Published{}, err
	}
	progress("the post is gone")
	e := oswald.PageEdit{Page: trimPage(known.Page), Author: author, Note: "Take back the post " + known.Result.Title}
	done.Result.Commit, done.Result.Warning = s.commitFile(ctx, known.Page, e)
	var err error
	if done.Result.Build, err = s.Rebuild(ctx, id, "", progress); err != nil {
		return oswald.Published{}, oswald.Wrap(err, oswald.CodeOf(err), "The post is gone, but: %s", oswald.MessageOf(err))
	}
	done.over = true
	if err := s.recordEdit(id, done); err != nil {
		s.log.Error("record of a post taken back", "id", id, "err", err)
	}
	s.log.Info("post taken back", "id", id, "file", known.Page, "author", author, "commit", done.Result.Commit)
	return done.Result, nil
}

func (s *Site) removePost(ctx context.Context, id string, known, done editRecord) error {
	unlock, err := s.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	root, err := os.OpenRoot(s.cfg.Source)
	if err != nil {
		return oswald.Wrap(err, oswald.Unavailable, "The folder of pages (wiki.source) cannot be read: %s.", cause(err))
	}
	defer root.Close()
	_, begun := s.recalledEdit(id)
	text, _, err := s.readSource(root, known.Page)
	switch {
	case oswald.CodeOf(err) == oswald.NotFound && begun:
		return nil // gone before a crash
	case oswald.CodeOf(err) == oswald.NotFound:
		return oswald.Errorf(oswald.NotFound, "That post is gone already.")
	case err != nil:
		return err
	case oswald.TextHash(text) != known.Now:
		return changedSince(known.Page)
	}
	if err := s.recordEdit(id, done); err != nil {
		return oswald.Wrap(err, oswald.Unavailable, "The state folder of the site cannot be written; nothing was changed.")
	}
	if err := root.Remove(known.Page); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return oswald.Wrap(err, oswald.Unavailable, "The post cannot be removed (%s): give the site role write access to its folder.", cause(err))
	}
	return nil
}
