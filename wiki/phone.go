// SPDX-License-Identifier: GPL-3.0-or-later

package wiki

import (
	"bytes"
	"context"
	"errors"
	"html"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"unicode/utf8"

	"oswald"
)

// What a phone writes in one message is bounded by this.
const maxMessage = 64 << 10

// keyOf finds the key of the page that a person means.
func (s *Site) keyOf(ctx context.Context, name string) (string, error) {
	unlock, err := s.lock(ctx)
	if err != nil {
		return "", err
	}
	defer unlock()
	if s.mem == nil || s.mem.ix == nil {
		return "", oswald.Errorf(oswald.Unavailable, "The site has not been built yet: say rebuild.")
	}
	ix := s.mem.ix
	key := strings.Trim(strings.TrimSpace(name), "/")
	if r := ix.byKey[key]; r != nil {
		return r.Key, nil
	}
	if r, _ := ix.resolve(name, ""); r != nil {
		return r.Key, nil
	}
	for _, r := range ix.pages { // by its title, which links do not know
		if fold(r.Title) == fold(strings.TrimSpace(name)) {
			return r.Key, nil
		}
	}
	return "", oswald.Errorf(oswald.NotFound, "There is no page %q. `search` finds pages by their words.", cut(clean(name), 80))
}

// Append puts a paragraph at the end of a page; see Edit.
func (s *Site) Append(ctx context.Context, id, page, text, author string, progress func(string)) (oswald.Published, error) {
	text = strings.TrimSpace(text)
	if err := checkMessage(text); err != nil {
		return oswald.Published{}, err
	}
	if known, ok := s.recalledEdit(id); ok && known.Over {
		return known.Result, nil
	}
	key, err := s.keyOf(ctx, page)
	if err != nil {
		return oswald.Published{}, err
	}
	src, err := s.Source(ctx, key)
	if err != nil {
		return oswald.Published{}, err
	}
	e := oswald.PageEdit{Page: key, Was: src.Hash, Author: author, Note: "Append to " + key}
	if known, ok := s.recalledEdit(id); ok && known.Now == src.Hash { // written before a crash
		e.Was, e.Now = known.Was, known.Now
		return s.Edit(ctx, id, e, progress)
	}
	put := text + "\n"
	switch {
	case src.Text == "":
	case strings.HasSuffix(src.Text, "\n\n"):
	case strings.HasSuffix(src.Text, "\n"):
		put = "\n" + put
	default:
		put = "\n\n" + put
	}
	if lastIsItem(src.Text) && isItem(text) {
		put = strings.TrimLeft(put, "\n")
		if !strings.HasSuffix(src.Text, "\n") {
			put = "\n" + put
		}
	}
	e.Now = oswald.TextHash(src.Text + put)
	e.Splices = []oswald.Splice{{At: len(src.Text), Put: put}}
	return s.Edit(ctx, id, e, progress)
}

// isItem says whether a text begins with an item of a list, so that it goes on
// with the list before it.
func isItem(text string) bool {
	return strings.HasPrefix(text, "- ") || strings.HasPrefix(text, "* ") || strings.HasPrefix(text, "+ ")
}

func lastIsItem(text string) bool {
	text = strings.TrimRight(text, "\n ")
	return isItem(strings.TrimLeft(text[strings.LastIndexByte(text, '\n')+1:], " "))
}

func checkMessage(text string) error {
	switch {
	case text == "":
		return oswald.Errorf(oswald.Invalid, "There is no text to write.")
	case len(text) > maxMessage:
		return oswald.Errorf(oswald.Invalid, "That is too long for one message: 64 KB at most.")
	case !utf8.ValidString(text) || strings.ContainsRune(text, 0):
		return oswald.Errorf(oswald.Invalid, "That is no text.")
	}
	return nil
}

// Post writes a new post of the blog, records it in git where the source folder
// is a repository, and rebuilds, the post first. The same id again writes nothing
// and returns what it returned the first time.
func (s *Site) Post(ctx context.Context, id, title, body, author string, progress func(string)) (oswald.Published, error) {
	if progress == nil {
		progress = func(string) {}
	}
	title, body = strings.TrimSpace(cut(clean(title), 200)), strings.TrimSpace(body)
	if title == "" {
		return oswald.Published{}, oswald.Errorf(oswald.Invalid, "A post needs a title, on the first line.")
	}
	if err := checkMessage(body); err != nil {
		return oswald.Published{}, err
	}
	done, file, err := s.newPost(ctx, id, title, body)
	if err != nil || done.over {
		return done.Result, err
	}
	progress("the post is written")
	page := trimPage(file)
	done.Result.Commit, done.Result.Warning = s.commitFile(ctx, file, oswald.PageEdit{Page: page, Author: author, Note: "Post " + title})
	done.Result.Build, err = s.Rebuild(ctx, id, page, progress)
	if err != nil {
		return oswald.Published{}, oswald.Wrap(err, oswald.CodeOf(err), "The post is written, but: %s", oswald.MessageOf(err))
	}
	if key, err := s.keyOf(ctx, page); err == nil {
		done.Result.URL = s.address(key)
	}
	done.over = true
	if err := s.recordEdit(id, done); err != nil {
		s.log.Error("record of a post", "id", id, "err", err)
	}
	s.log.Info("posted", "id", id, "file", file, "author", author, "commit", done.Result.Commit)
	return done.Result, nil
}

// newPost writes the file of a post.
func (s *Site) newPost(ctx context.Context, id, title, body string) (done editRecord, file string, err error) {
	unlock, err := s.lock(ctx)
	if err != nil {
		return done, "", err
	}
	defer unlock()
	folder := strings.Trim(s.cfg.Blog, "/")
	if folder == "" || !fs.ValidPath(folder) {
		return done, "", oswald.Errorf(oswald.Unavailable, "There is no blog: set wiki.blog to the folder of its posts.")
	}
	if known, ok := s.recalledEdit(id); ok {
		if known.Over {
			known.over = true
			return known, "", nil
		}
		done, file = known, known.Page
	}
	root, err := os.OpenRoot(s.cfg.Source)
	if err != nil {
		return done, "", oswald.Wrap(err, oswald.Unavailable, "The folder of pages (wiki.source) cannot be read: %s.", cause(err))
	}
	defer root.Close()
	now := s.now().UTC()
	text := "---\ntitle: " + yamlText(title) + "\ndate: " + now.Format("2006-01-02 15:04") + "\n---\n\n" + body + "\n"
	if len(text) > s.cfg.MaxPage {
		return done, "", oswald.Errorf(oswald.Invalid, "The post would be larger than a page may be (wiki.max_page).")
	}
	if file == "" {
		name := strings.ReplaceAll(slug(title), "/", "-")
		file = path.Join(folder, now.Format("2006-01-02")+"-"+cut(name, 60)+".md")
		if _, err := root.Lstat(file); err == nil {
			return done, "", oswald.Errorf(oswald.Conflict, "There is a post of today with this title already: append to it, or choose another title.")
		}
		done = editRecord{Page: file, Now: oswald.TextHash(text), New: true, Result: oswald.Published{Title: title}}
		if err := s.recordEdit(id, done); err != nil {
			return done, "", oswald.Wrap(err, oswald.Unavailable, "The state folder of the site cannot be written; nothing was changed.")
		}
	} else if _, err := root.Lstat(file); err == nil {
		return done, file, nil // written before a crash
	}
	if err := root.Mkdir(folder, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return done, "", oswald.Wrap(err, oswald.Unavailable, "The folder of posts cannot be made (%s): give the site role write access.", cause(err))
	}
	if err := replaceFile(root, file, text, 0o644); err != nil {
		return done, "", oswald.Wrap(err, oswald.Unavailable, "The post cannot be written (%s): give the site role write access to its folder.", cause(err))
	}
	return done, file, nil
}

// yamlText writes a text of one line as YAML reads it back: quoted.
func yamlText(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

var (
	blockEnds = regexp.MustCompile(`(?i)</(p|h[1-6]|li|tr|div|pre|blockquote|figcaption|summary|dt|dd)>|<br[^>]*>|<hr[^>]*>`)
	tagRuns   = regexp.MustCompile(`(?s)<!--.*?-->|<[^>]*>`)
	blankRuns = regexp.MustCompile(`\n[ \t]*(\n[ \t]*)+`)
	cells     = regexp.MustCompile(`</t[dh]>\s*<t[dh][^>]*>`)
	items     = regexp.MustCompile(`<li[^>]*>(\s*<p>)?`)
)

// Page returns the text of a page as its readers see it, max bytes of it.
func (s *Site) Page(ctx context.Context, name string, max int) (oswald.PageText, error) {
	key, err := s.keyOf(ctx, name)
	if err != nil {
		return oswald.PageText{}, err
	}
	unlock, err := s.lock(ctx)
	if err != nil {
		return oswald.PageText{}, err
	}
	defer unlock()
	rec := s.mem.ix.byKey[key]
	if rec == nil {
		return oswald.PageText{}, oswald.Errorf(oswald.NotFound, "There is no page %q.", cut(clean(name), 80))
	}
	data, err := os.ReadFile(filepath.Join(s.cfg.Output, filepath.FromSlash(pageFile(key))))
	if err != nil {
		return oswald.PageText{}, oswald.Wrap(err, oswald.NotFound, "The page is not published yet: say rebuild.")
	}
	return oswald.PageText{
		Key: key, Title: rec.Title, URL: s.address(key), Words: rec.Words, Links: len(s.mem.ix.back[rec.File]),
		Text: cut(plainText(data), max),
	}, nil
}

// plainText is what a page of the output says, without its title and contents.
func plainText(page []byte) string {
	_, page, _ = bytes.Cut(page, []byte("<article>"))
	page, _, _ = bytes.Cut(page, []byte("</article>"))
	if _, rest, ok := bytes.Cut(page, []byte("</h1>")); ok {
		page = rest
	}
	if before, rest, ok := bytes.Cut(page, []byte(`<details class="contents">`)); ok {
		_, rest, _ = bytes.Cut(rest, []byte("</details>"))
		page = append(bytes.Clone(before), rest...)
	}
	page = cells.ReplaceAll(page, []byte(" · "))
	page = items.ReplaceAll(page, []byte("• "))
	page = blockEnds.ReplaceAll(page, []byte("\n"))
	text := html.UnescapeString(string(tagRuns.ReplaceAll(page, nil)))
	return strings.TrimSpace(blankRuns.ReplaceAllString(text, "\n"))
}

// State says how the site stands. It may be called while a build runs.
func (s *Site) State() oswald.SiteState {
	st := oswald.SiteState{Running: len(s.building) > 0, Sets: len(s.sets())}
	st.RolledAt, _ = s.rolledBack()
	s.mu.Lock()
	defer s.mu.Unlock()
	st.Built, st.Build, st.Held = s.last.at, s.last.build, s.held != nil
	if s.last.err != nil {
		st.Error = oswald.MessageOf(s.last.err)
	}
	for _, w := range s.report.Warnings {
		if severity(w) >= 1 && severity(w) <= 3 {
			st.Broken = append(st.Broken, w)
		}
	}
	st.Orphans = len(s.report.Orphans)
	return st
}
