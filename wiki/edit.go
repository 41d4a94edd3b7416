// SPDX-License-Identifier: GPL-3.0-or-later

package wiki

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"sort"
	"strings"
	"unicode/utf8"

	"oswald"
)

// editsKept is how many edits are remembered, so that the same command again
// changes nothing.
const editsKept = 200

// Source returns the source of the page with this key.
func (s *Site) Source(ctx context.Context, key string) (oswald.PageSource, error) {
	unlock, err := s.lock(ctx)
	if err != nil {
		return oswald.PageSource{}, err
	}
	defer unlock()
	root, rec, err := s.locate(key)
	if err != nil {
		return oswald.PageSource{}, err
	}
	defer root.Close()
	text, _, err := s.readSource(root, rec.File)
	return oswald.PageSource{Text: text, Hash: oswald.TextHash(text)}, err
}

// Edit changes the source of a page, records the change in git where the source
// folder is a repository, and rebuilds. It is refused when the page is no longer
// what the edit was made for. The same id again changes nothing and returns what
// it returned the first time.
func (s *Site) Edit(ctx context.Context, id string, e oswald.PageEdit, progress func(string)) (oswald.Published, error) {
	if progress == nil {
		progress = func(string) {}
	}
	done, file, err := s.write(ctx, id, e)
	if err != nil || done.over {
		return done.Result, err
	}
	progress("the page is written")
	done.Result.Commit, done.Result.Warning = s.commitFile(ctx, file, e)
	done.Result.Build, err = s.Rebuild(ctx, id, e.Page, progress)
	if err != nil {
		return oswald.Published{}, oswald.Wrap(err, oswald.CodeOf(err), "The page is written, but: %s", oswald.MessageOf(err))
	}
	done.over = true
	if err := s.recordEdit(id, done); err != nil {
		s.log.Error("record of an edit", "id", id, "err", err)
	}
	s.log.Info("page edited", "id", id, "file", file, "author", e.Author, "commit", done.Result.Commit)
	return done.Result, nil
}

// editRecord is what is remembered of an edit: that it was begun, before the
// page changes, and how it ended.
type editRecord struct {
	Page, Was, Now string
	Over           bool
	Result         oswald.Published
	Undo           []backSplice `json:",omitempty"` // what takes it back
	New            bool         `json:",omitempty"` // the page was made by it

	over bool // it ended in an earlier call
}

// lock keeps builds and other edits out.
func (s *Site) lock(ctx context.Context) (unlock func(), err error) {
	select {
	case s.building <- struct{}{}:
		return func() { <-s.building }, nil
	case <-ctx.Done():
		return nil, oswald.Wrap(ctx.Err(), oswald.Unavailable, "The site is being built and did not finish in time: try again.")
	}
}

// locate finds the file of a page by what the last build knows. The caller has
// the lock and closes root.
func (s *Site) locate(key string) (*os.Root, *Record, error) {
	if s.mem == nil || s.mem.ix == nil {
		return nil, nil, oswald.Errorf(oswald.Unavailable, "The site has not been built yet: say rebuild.")
	}
	rec := s.mem.ix.byKey[key]
	if rec == nil {
		return nil, nil, oswald.Errorf(oswald.NotFound, "There is no page %q.", cut(clean(key), 80))
	}
	root, err := os.OpenRoot(s.cfg.Source)
	if err != nil {
		return nil, nil, oswald.Wrap(err, oswald.Unavailable, "The folder of pages (wiki.source) cannot be read: %s.", cause(err))
	}
	return root, rec, nil
}

// readSource reads the file of a page. A link is not edited: what it leads to
// may belong to another page.
func (s *Site) readSource(root *os.Root, file string) (string, fs.FileMode, error) {
	fi, err := root.Lstat(file)
	if errors.Is(err, fs.ErrNotExist) {
		return "", 0, oswald.Wrap(err, oswald.NotFound, "The file of this page is gone: say rebuild.")
	}
	if err != nil {
		return "", 0, oswald.Wrap(err, oswald.Unavailable, "The file of this page cannot be read: %s.", cause(err))
	}
	if !fi.Mode().IsRegular() {
		return "", 0, oswald.Errorf(oswald.Conflict, "The file of this page is a link, which cannot be edited from here.")
	}
	text, err := readPage(root, found{file, fi.Size(), fi.ModTime()}, s.cfg.MaxPage)
	switch {
	case err != nil:
		return "", 0, oswald.Wrap(err, oswald.Unavailable, "The file of this page cannot be read: %s.", cause(err))
	case len(text) > s.cfg.MaxPage || !utf8.Valid(text):
		return "", 0, oswald.Errorf(oswald.Conflict, "The file of this page is too large or no text, and cannot be edited from here.")
	}
	return string(text), fi.Mode().Perm(), nil
}

// write puts the new text into the file, atomically, and returns what is
// remembered of the edit and the path of the file below the source folder.
func (s *Site) write(ctx context.Context, id string, e oswald.PageEdit) (done editRecord, file string, err error) {
	unlock, err := s.lock(ctx)
	if err != nil {
		return done, "", err
	}
	defer unlock()
	if known, ok := s.recalledEdit(id); ok {
		if known.Page != e.Page || known.Now != e.Now {
			return done, "", oswald.Errorf(oswald.Conflict, "This command was already carried out for another edit.")
		}
		if known.Over {
			known.over = true
			return known, "", nil
		}
	}
	root, rec, err := s.locate(e.Page)
	if err != nil {
		return done, "", err
	}
	defer root.Close()
	text, mode, err := s.readSource(root, rec.File)
	if err != nil {
		return done, "", err
	}
	done = editRecord{Page: e.Page, Was: e.Was, Now: e.Now, Result: oswald.Published{Title: rec.Title, URL: s.address(rec.Key)}}
	switch oswald.TextHash(text) {
	case e.Now: // written before a crash, or the page says so already
		return done, rec.File, nil
	case e.Was:
	default:
		return done, "", oswald.Errorf(oswald.Conflict, "The page %s has changed just now; ask again.", e.Page)
	}
	done.Undo = inverse(text, e.Splices)
	text, err = splice(text, e.Splices)
	if err == nil && oswald.TextHash(text) != e.Now {
		err = errors.New("the hash of the new text is another")
	}
	if err == nil && !utf8.ValidString(text) {
		err = errors.New("the new text is not UTF-8")
	}
	if err != nil {
		return done, "", oswald.Wrap(err, oswald.Invalid, "The edit arrived damaged; nothing was changed.")
	}
	if len(text) > s.cfg.MaxPage {
		return done, "", oswald.Errorf(oswald.Invalid, "The page would be larger than a page may be (wiki.max_page).")
	}
	if err := s.recordEdit(id, done); err != nil {
		return done, "", oswald.Wrap(err, oswald.Unavailable, "The state folder of the site cannot be written; nothing was changed.")
	}
	if err := replaceFile(root, rec.File, text, mode); err != nil {
		return done, "", oswald.Wrap(err, oswald.Unavailable, "The page cannot be written (%s): give the site role write access to its folder.", cause(err))
	}
	return done, rec.File, nil
}

// splice applies changes that belong to text.
func splice(text string, list []oswald.Splice) (string, error) {
	var b strings.Builder
	at := 0
	for _, c := range list {
		if c.At < at || c.Cut < 0 || c.At > len(text) || c.Cut > len(text)-c.At {
			return "", fmt.Errorf("a change of %d bytes at %d does not fit", c.Cut, c.At)
		}
		b.WriteString(text[at:c.At])
		b.WriteString(c.Put)
		at = c.At + c.Cut
	}
	b.WriteString(text[at:])
	return b.String(), nil
}

// replaceFile gives file a new content: whoever reads it sees the old text or the
// new one, and so does a restart after a loss of power. The hidden file beside it
// is no page, so a build does not see it.
func replaceFile(root *os.Root, file, text string, mode fs.FileMode) (err error) {
	dir := path.Dir(file)
	temp := path.Join(dir, ".oswald-edit-"+oswald.RandomID())
	f, err := root.OpenFile(temp, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode)
	if err != nil {
		return err
	}
	_, err = io.WriteString(f, text)
	if err == nil {
		err = f.Chmod(mode) // whatever the umask says
	}
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = root.Rename(temp, file)
	}
	if err != nil {
		return errors.Join(err, root.Remove(temp))
	}
	d, err := root.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func (s *Site) editFile(id string) string {
	return filepath.Join(s.cfg.state(), "edits", oswald.TextHash(id)+".json")
}

func (s *Site) recalledEdit(id string) (r editRecord, ok bool) {
	b, err := os.ReadFile(s.editFile(id))
	return r, err == nil && json.Unmarshal(b, &r) == nil
}

// recordEdit remembers an edit, and forgets the oldest.
func (s *Site) recordEdit(id string, r editRecord) error {
	r.Over = r.over
	b, err := json.Marshal(r)
	if err != nil {
		return err
	}
	dir := filepath.Dir(s.editFile(id))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	if err := replaceFile(root, filepath.Base(s.editFile(id)), string(b), 0o644); err != nil {
		return err
	}
	list, err := os.ReadDir(dir)
	if err != nil || len(list) <= editsKept {
		return err
	}
	age := func(e fs.DirEntry) int64 {
		if fi, err := e.Info(); err == nil {
			return fi.ModTime().UnixNano()
		}
		return 0
	}
	sort.Slice(list, func(i, j int) bool { return age(list[i]) < age(list[j]) })
	for _, e := range list[:len(list)-editsKept] {
		_ = os.Remove(filepath.Join(dir, e.Name())) // it goes with the next one
	}
	return nil
}
