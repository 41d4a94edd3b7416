// SPDX-License-Identifier: GPL-3.0-or-later

// Package imports brings the pages of other site and wiki programs along: topics
// of Foswiki, and the content of ikiwiki, Hugo and Jekyll. It turns text into
// text, and says by file and line what it could not carry over; that stays in
// the page as it was, so that nothing is lost.
package imports

import (
	"context"
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

// Note is something that was not carried over, or that a person should look at.
type Note struct {
	File string // where it came from
	Line int    // 0 where it is about the file
	What string
}

func (n Note) String() string {
	if n.Line == 0 {
		return n.File + ": " + n.What
	}
	return fmt.Sprintf("%s:%d: %s", n.File, n.Line, n.What)
}

// Report is what an import did.
type Report struct {
	Pages, Files int
	Notes        []Note
}

// pageMax is the largest page that is converted; a larger file is copied.
const pageMax = 16 << 20

// kind is one program that pages come from.
type kind struct {
	// place says where a file goes, empty for nowhere, and whether it is a page.
	place func(name string) (to string, page bool)
	// page converts a page.
	page func(p *page)
}

// page is a page while it is converted.
type page struct {
	file  string // where it came from, with slashes
	to    string
	text  string
	head  head
	notes []Note
}

func (p *page) note(line int, format string, args ...any) {
	p.notes = append(p.notes, Note{p.file, line, fmt.Sprintf(format, args...)})
}

func kinds() map[string]kind {
	return map[string]kind{
		"foswiki":  {foswikiPlace, foswikiPage},
		"ikiwiki":  {ikiwikiPlace, ikiwikiPage},
		"hugo":     {hugoPlace, hugoPage},
		"jekyll":   {jekyllPlace, jekyllPage},
		"markdown": {markdownPlace, func(*page) {}},
	}
}

// Kinds lists the programs that pages can come from.
func Kinds() []string { return []string{"foswiki", "ikiwiki", "hugo", "jekyll", "markdown"} }

// Import converts the folder from of a program into the folder to, which it makes.
// A file that is there already is left alone, and noted.
func Import(ctx context.Context, what, from, to string) (Report, error) {
	var rep Report
	k, ok := kinds()[what]
	if !ok {
		return rep, oswald.Errorf(oswald.Invalid, "Pages cannot be brought along from %q, only from %s.", what, strings.Join(Kinds(), ", "))
	}
	in, err := os.OpenRoot(from)
	if err != nil {
		return rep, oswald.Wrap(err, oswald.Unavailable, "The folder %s cannot be read.", from)
	}
	defer in.Close()
	if err := os.MkdirAll(to, 0o755); err != nil {
		return rep, oswald.Wrap(err, oswald.Unavailable, "The folder %s cannot be made.", to)
	}
	out, err := os.OpenRoot(to)
	if err != nil {
		return rep, oswald.Wrap(err, oswald.Unavailable, "The folder %s cannot be written.", to)
	}
	defer out.Close()
	inner, err := filepath.Rel(from, to)
	if err == nil && inner != ".." && !strings.HasPrefix(inner, "../") {
		return rep, oswald.Errorf(oswald.Invalid, "The pages must go into a folder beside %s, not inside it.", from)
	}
	err = fs.WalkDir(in.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			rep.Notes = append(rep.Notes, Note{name, 0, "cannot be read"})
			if d != nil && d.IsDir() && name != "." {
				return fs.SkipDir
			}
			return nil
		}
		if name != "." && strings.HasPrefix(d.Name(), ".") {
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if d.IsDir() {
			return nil
		}
		if !d.Type().IsRegular() {
			rep.Notes = append(rep.Notes, Note{name, 0, "is a link or no file, and was left out"})
			return nil
		}
		return rep.take(k, in, out, name)
	})
	sort.SliceStable(rep.Notes, func(i, j int) bool { return rep.Notes[i].File < rep.Notes[j].File })
	if err != nil {
		return rep, oswald.Wrap(err, oswald.Unavailable, "The import was stopped; what is in %s so far can stay, and the next one goes on.", to)
	}
	return rep, nil
}

// take carries one file over.
func (rep *Report) take(k kind, in, out *os.Root, name string) error {
	to, isPage := k.place(name)
	if to == "" {
		return nil
	}
	if !fs.ValidPath(to) {
		rep.Notes = append(rep.Notes, Note{name, 0, "has a name that cannot be kept, and was left out"})
		return nil
	}
	f, err := in.Open(name)
	if err != nil {
		rep.Notes = append(rep.Notes, Note{name, 0, "cannot be read"})
		return nil
	}
	defer f.Close()
	var data io.Reader = f
	if isPage {
		text, err := io.ReadAll(io.LimitReader(f, pageMax+1))
		if err != nil {
			rep.Notes = append(rep.Notes, Note{name, 0, "cannot be read"})
			return nil
		}
		if len(text) > pageMax {
			rep.Notes = append(rep.Notes, Note{name, 0, "is larger than 16 MB, and was left out"})
			return nil
		}
		done, notes := k.convert(name, to, string(text))
		rep.Notes = append(rep.Notes, notes...)
		data = strings.NewReader(done)
	}
	if err := out.MkdirAll(path.Dir(to), 0o755); err != nil {
		return err
	}
	w, err := out.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if errors.Is(err, fs.ErrExist) {
		rep.Notes = append(rep.Notes, Note{name, 0, "was left out: there is a file " + to + " already"})
		return nil
	}
	if err != nil {
		return err
	}
	_, err = io.Copy(w, data)
	if isPage {
		rep.Pages++
	} else {
		rep.Files++
	}
	return errors.Join(err, w.Close())
}

// convert turns the text of a page into that of one of ours.
func (k kind) convert(name, to, text string) (string, []Note) {
	p := &page{file: name, to: to}
	if !utf8.ValidString(text) { // older wikis wrote Latin-1
		p.note(1, "was not UTF-8, and was read as Latin-1")
		runes := make([]rune, len(text))
		for i := range len(text) {
			runes[i] = rune(text[i])
		}
		text = string(runes)
	}
	text = strings.ReplaceAll(strings.TrimPrefix(text, "\ufeff"), "\r\n", "\n")
	p.text = p.head.cut(p, text)
	k.page(p)
	return p.head.String() + p.text, p.notes
}

func markdownPlace(name string) (string, bool) { return name, strings.HasSuffix(name, ".md") }

// lineAt is the line of an offset in a text, after those before it.
func lineAt(text string, off, before int) int {
	return before + 1 + strings.Count(text[:min(off, len(text))], "\n")
}
