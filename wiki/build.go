// SPDX-License-Identifier: GPL-3.0-or-later

package wiki

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"sort"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"oswald"
)

// stored is what is kept of one page from build to build.
type stored struct {
	found
	rec     *Record
	off     int64 // of its fragment in the pack
	len     int
	tlen    int     // of its words for the search index, right behind it
	tsum    uint64  // and their digest
	was     indexed // what of it stands in the search index
	deps    string  // the questions of which it was made, as deps.encode writes them
	warns   []string
	visible bool
	key     string // under which it was published; empty if it was not
}

// memory is what one build leaves for the next, in memory and in the cache.
type memory struct {
	gen      string // what else the output depends on: program, configuration, theme
	manifest string // the state of the output that it goes with
	site     uint64 // what stands on every page
	pages    map[string]*stored
	order    []*stored // the same, sorted by file
	clashes  []string  // of addresses
	files    uint64    // digest of the names of attachments
	faults   []string
	made     map[string]uint64
	texts    map[string][]string // generated files that hold the whole text of pages, and of which
	when     time.Time           // when the folder was read
	head     string              // commit that the history was read at
	tracked  bool                // it tells of pages
	pack     *pack

	base   int         // bytes of the cache when it was last written whole
	cached int         // and with the frames after that
	cold   bool        // it was read from the cache
	fault  atomic.Bool // a fragment could not be read
	held   bool        // it is ahead of the output: the gate has held a build back
	ix     *index
	out    *output
}

// build makes the site, or as much of it as has changed.
func (s *Site) build(ctx context.Context, page string, force bool, progress func(string)) (result oswald.Build, err error) {
	defer func() {
		if err != nil && s.mem != nil && !s.mem.held { // it may be half way to the next state
			if s.mem.fault.Load() {
				_ = os.Remove(filepath.Join(s.cfg.state(), "cache"))
			}
			s.mem.pack.close()
			s.mem = nil
		}
	}()
	if err := s.resumeRollback(); err != nil {
		return result, err
	}
	root, err := os.OpenRoot(s.cfg.Source)
	if err != nil {
		return result, oswald.Wrap(err, oswald.Unavailable, "The folder of pages (wiki.source) cannot be read: %s.", cause(err))
	}
	defer root.Close()
	if s.mem != nil && s.mem.held {
		s.mem.pack.close()
		s.mem = nil
	}
	ahead := s.readAhead()
	defer ahead.drop()
	when := time.Now()
	past := s.openPast(ctx)
	scan, err := readFolder(root)
	if err != nil {
		return result, err
	}
	theme, err := s.theme()
	if err != nil {
		return result, err
	}
	var last *output
	if s.mem != nil {
		last = s.mem.out
	}
	out, err := openOutput(s.cfg.Output, s.cfg.state(), s.durable, last)
	if err != nil {
		return result, err
	}
	out.kill, out.atOnce = s.kill, s.cfg.Publish == "switch"
	if err := s.recall(out, theme, ahead); err != nil {
		return result, err
	}
	m := s.mem
	out.packing, out.reuse, out.reserved = packings(s.cfg.Compress), len(m.pages) > 0, make(map[string]bool, len(scan.files))
	out.blind = s.blind(depPacked)
	for _, f := range scan.files {
		out.reserved[f.file] = true
	}
	w := &writer{s: s, theme: theme, out: out, known: m.made, made: make(map[string]uint64, len(m.made)), texts: map[string][]string{}}
	maps.Copy(w.texts, m.texts)
	w.source = &source{cfg: s.cfg, markup: newMarkup(s.cfg, s.base), pics: newPictures(root), load: m.load}
	b := &work{s: s, m: m, w: w, root: root, scan: scan, past: past}
	if past.head != m.head && past.head != "" {
		go past.read()    // while the pages are parsed
		defer past.read() // so that nobody reads it after this build
	}
	if len(m.pages) == 0 && len(scan.pages) < 5000 {
		defer calm(16 << 20)()
	}
	if err := b.parse(ctx); err != nil {
		return result, err
	}
	b.index()
	progress(fmt.Sprintf("%d pages read, %d changed", len(scan.pages), len(b.fresh)))
	first := ""
	if page != "" {
		if first = b.ix().find(page); first == "" {
			return result, oswald.Errorf(oswald.NotFound, "There is no page %q.", page)
		}
	}
	if err := b.render(ctx); err != nil {
		return result, err
	}
	if !b.sameLists() {
		if err := w.generated(m.pages); err != nil {
			return result, err
		}
	}
	if err := b.search(); err != nil {
		return result, err
	}
	if m.fault.Load() {
		return result, errors.New("the pack of fragments is damaged")
	}
	b.attach()
	if err := errors.Join(w.assets(), w.script()); err != nil {
		return result, err
	}
	if err := ctx.Err(); err != nil {
		return result, err
	}
	result.Pages = len(b.ix().pages)
	result.Written, result.Unchanged, result.Removed = out.changes()
	rep := s.conclude(&result, b.ix(), b.warnings())
	set, gone := b.changeSet(out, rep), out.gone()
	if err := b.gate(set, force); err != nil {
		return result, err
	}
	if err := out.commit(func(p string) int { return commitRank(p, first) }, set); err != nil {
		return result, err
	}
	m.when, m.made, m.texts, m.faults, m.out = when, w.made, w.texts, scan.faults, out
	m.manifest, m.head, m.tracked = out.manifest(), past.head, b.tracked
	defer func() { s.setDue(m.due(s.now())) }()
	if len(b.fresh) > 0 || b.structural || result.Written > 0 || result.Removed > 0 {
		if err := s.remember(m, b.unsaved(), b.goneFiles); err != nil {
			return result, err
		}
	}
	out.at("cache")
	if err := out.finish(); err != nil {
		return result, err
	}
	if err := b.published(out, set); err != nil {
		return result, err
	}
	if warning := s.deliver(ctx, out, first, gone); warning != "" {
		result.Warnings = append([]string{warning}, result.Warnings...)
	}
	return result, nil
}

// calm spares a short build the collector, until the returned function is called:
// a full build makes much garbage on a small heap, and would be collected every
// few milliseconds; one that reads the cache has a heap that grows at once. The
// room counts as heap and takes no memory, since nobody touches it.
func calm(size int64) (done func()) {
	ballast := make([]byte, size)
	return func() { runtime.KeepAlive(ballast) }
}

// commitRank orders the files of a commit: what pages refer to comes before
// them, then the page that was asked for, then pages, then lists of pages.
func commitRank(p, first string) int {
	p = plainName(p)
	switch {
	case p == first:
		return 1
	case p == "search/index.html" || p == "search.js":
		return 0
	case strings.HasPrefix(p, "search/"):
		return 4
	case p == "feed.xml" || p == "sitemap.xml" || p == "pages.json" || strings.HasSuffix(p, "/feed.xml"), p == "feed.json" || strings.HasSuffix(p, "/feed.json"):
		return 4
	case strings.HasPrefix(p, "tag/") || strings.HasPrefix(p, "archive/") || strings.HasPrefix(p, "changes/"):
		return 3
	case strings.HasSuffix(p, "/index.html") || p == "index.html":
		return 2
	}
	return 0
}

// conclude sorts the warnings and keeps the report.
func (s *Site) conclude(result *oswald.Build, ix *index, warns []string) Report {
	sort.SliceStable(warns, func(i, j int) bool { return severity(warns[i]) < severity(warns[j]) })
	seen := make(map[string]bool, len(warns))
	rep := Report{Warnings: make([]string, 0, len(warns))}
	for _, w := range warns {
		if !seen[w] {
			seen[w] = true
			rep.Warnings = append(rep.Warnings, w)
		}
	}
	for name, at := range ix.wanted {
		w := Wanted{Name: name}
		for _, l := range at {
			w.From = append(w.From, l.file+":"+strconv.Itoa(l.line))
		}
		rep.Wanted = append(rep.Wanted, w)
	}
	sort.Slice(rep.Wanted, func(i, j int) bool {
		a, b := rep.Wanted[i], rep.Wanted[j]
		if len(a.From) != len(b.From) {
			return len(a.From) > len(b.From)
		}
		return a.Name < b.Name
	})
	for _, p := range ix.orphans() {
		rep.Orphans = append(rep.Orphans, p.File)
	}
	for _, o := range rep.Orphans {
		rep.Warnings = append(rep.Warnings, o+":1: no page links here")
	}
	s.mu.Lock()
	s.report = rep
	s.mu.Unlock()
	result.Warnings = append([]string(nil), rep.Warnings[:min(50, len(rep.Warnings))]...)
	return rep
}

// severity ranks a warning: what hides a page, what breaks a part of it, what
// leads nowhere, the rest.
func severity(w string) int {
	switch {
	case strings.Contains(w, "cannot be read"), strings.Contains(w, "larger than the limit"), strings.Contains(w, "plain text"), strings.Contains(w, "UTF-8"):
		return 0
	case strings.Contains(w, ": a loop:"), strings.Contains(w, "too much is put"), strings.Contains(w, "same address"), strings.Contains(w, "no macro"):
		return 1
	case strings.Contains(w, "there is no page"), strings.Contains(w, "missing"), strings.Contains(w, "nowhere"):
		return 2
	case strings.Contains(w, "has no "):
		return 3
	}
	return 4
}

// parallel calls f for 0 … n-1 on as many goroutines as the configuration says
// and returns the first error. It returns when all of them have returned.
func (s *Site) parallel(ctx context.Context, n int, f func(i int) error) error {
	workers := s.cfg.Workers
	if workers == 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	workers = min(workers, n)
	var next atomic.Int64
	var wg sync.WaitGroup
	errs := make([]error, workers)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for w := range workers {
		wg.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= n || ctx.Err() != nil {
					return
				}
				if err := f(i); err != nil {
					errs[w] = err
					cancel()
					return
				}
			}
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return ctx.Err()
}

// loadTheme reads one file of the theme: the operator's, or the built-in one.
func (s *Site) loadTheme(name string) ([]byte, error) {
	if s.cfg.Theme != "" {
		data, err := os.ReadFile(filepath.Join(s.cfg.Theme, name))
		if err == nil || !os.IsNotExist(err) {
			return data, err
		}
	}
	data, err := themeFiles.ReadFile("theme/" + name)
	return squeeze(data, filepath.Ext(name)), err
}

// squeeze leaves out what readers of the built-in style sheet and script need not
// load: comments on lines of their own, indentation, and in a sheet the spaces
// that mean nothing; it has none of these pairs in a text of its own.
func squeeze(data []byte, ext string) []byte {
	if ext != ".css" && ext != ".js" {
		return data
	}
	var out []byte
	comment := false
	for line := range bytes.Lines(data) {
		line = bytes.TrimLeft(line, " ")
		switch {
		case comment, bytes.HasPrefix(line, []byte("/*")):
			comment = !bytes.Contains(line, []byte("*/"))
		case bytes.HasPrefix(line, []byte("//")), len(bytes.TrimSpace(line)) == 0:
		default:
			if ext == ".css" {
				for _, pair := range [][2]string{{"; }", "}"}, {" }", "}"}, {" { ", "{"}, {" {", "{"}, {"; ", ";"}, {": ", ":"}, {", ", ","}, {"} ", "}"}} {
					line = bytes.ReplaceAll(line, []byte(pair[0]), []byte(pair[1]))
				}
				line = bytes.TrimSuffix(line, []byte("\n"))
			}
			out = append(out, line...)
		}
	}
	return out
}

// stampOf writes a time for machines.
func stampOf(t time.Time) string { return t.UTC().Format(time.RFC3339) }
