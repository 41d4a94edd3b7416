// SPDX-License-Identifier: GPL-3.0-or-later

// Package wiki turns a folder of Markdown pages into a static site.
//
// It owns the markup (goldmark with extensions of its own), the index over all
// pages, the look, and the output folder. It does not know who asks for a build
// nor who serves the result to the world.
//
// A build has three steps. Each page is parsed once, in parallel, into a record
// (title, tags, dates, fields, links, headings) and a fragment (its HTML with
// holes where it depends on other pages); no syntax tree is kept. The index is
// made of the records alone. Then the holes of each page are filled, and every
// question that this asks of the index is noted with its answer: a page needs
// work again only when its own text or one of the answers has changed.
//
// Feeds are Atom (RFC 4287), the site map follows sitemaps.org 0.9.
//
// A Site may be used by any goroutine. Builds run one at a time; a second call
// of Rebuild waits for the first. Handler serves while a build runs.
package wiki

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"oswald"
)

// Deps are what a Site needs from outside.
type Deps struct {
	Log *slog.Logger
	Now func() time.Time // for posts that are scheduled or expire
}

// Site is one wiki: its sources, its output folder, its builds.
type Site struct {
	cfg     Config
	base    string // path of the site below its host, without a slash at its end
	log     *slog.Logger
	now     func() time.Time
	version string             // of the generator: part of what makes a stored state valid
	durable bool               // sync to disk; tests that build a thousand times do not
	kill    func(point string) // for tests: called at named points of a build
	pretend func() pastOf      // for tests: a history without a repository
	ignore  string             // for tests: kinds of questions that a build is to be blind for

	building chan struct{} // holds one token; who has it builds
	mem      *memory       // of the last build; belongs to who builds
	past     *history      // of the pages; belongs to who builds

	dueSet chan struct{} // holds a token when a build has set due

	mu     sync.Mutex
	due    time.Time // when the next page appears or goes by its date
	report Report
	held   *oswald.ChangeSet // waits for Publish
	last   lastBuild
}

// Report is what the last build found out about the pages.
type Report struct {
	Warnings []string // all of them, worst first
	Wanted   []Wanted // pages that are linked to and do not exist
	Orphans  []string // files of pages that no other page links to
}

// Wanted is a page that does not exist, and where it is linked to.
type Wanted struct {
	Name string
	From []string // "file:line"
}

// New makes a Site. It reads and writes nothing yet.
func New(cfg Config, d Deps) (*Site, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	u, err := url.Parse(cfg.URL)
	if err != nil {
		return nil, err
	}
	if d.Log == nil {
		d.Log = slog.New(slog.DiscardHandler)
	}
	if d.Now == nil {
		d.Now = time.Now
	}
	s := &Site{
		cfg:      cfg,
		base:     strings.TrimRight(u.EscapedPath(), "/"),
		log:      d.Log.With("pkg", "wiki"),
		now:      d.Now,
		durable:  true,
		building: make(chan struct{}, 1),
		dueSet:   make(chan struct{}, 1),
	}
	return s, nil
}

// Rebuild brings the output up to date with the sources. id names the command
// for the log; page, when not empty, is the page whose file is put in first.
// progress may be nil.
//
// What the last build made is taken to be still there: a file of the output
// that somebody else changed is put right when its page changes, or after the
// manifest in the state folder was removed.
//
// What the gate finds suspicious is not published; the error then says why, and
// Publish does it all the same.
func (s *Site) Rebuild(ctx context.Context, id, page string, progress func(string)) (oswald.Build, error) {
	return s.rebuild(ctx, id, page, false, progress)
}

// lastBuild is how the last build ended.
type lastBuild struct {
	at    time.Time
	build oswald.Build
	err   error
}

func (s *Site) rebuild(ctx context.Context, id, page string, force bool, progress func(string)) (oswald.Build, error) {
	select {
	case s.building <- struct{}{}:
	case <-ctx.Done():
		return oswald.Build{}, oswald.Wrap(ctx.Err(), oswald.Unavailable, "Another build is running and did not end in time: try again.")
	}
	defer func() { <-s.building }()
	if progress == nil {
		progress = func(string) {}
	}
	start := time.Now()
	b, err := s.build(ctx, page, force, progress)
	b.Took = time.Since(start)
	if err != nil {
		s.log.Error("build", "id", id, "took", b.Took, "err", err)
		err = s.explain(err)
	}
	s.mu.Lock()
	s.last = lastBuild{s.now(), b, err}
	s.mu.Unlock()
	if err != nil {
		return b, err
	}
	s.log.Info("build", "id", id, "pages", b.Pages, "written", b.Written, "unchanged", b.Unchanged, "removed", b.Removed,
		"warnings", len(b.Warnings), "took", b.Took)
	return b, nil
}

// Report returns what the last build found out.
func (s *Site) Report() Report {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.report
}

// address is where readers find a page, in a form to tap on.
func (s *Site) address(key string) string {
	return strings.TrimRight(s.cfg.URL, "/") + pageURL(key)
}

// explain words an error of a build for the person who asked. The site that was
// there is untouched.
func (s *Site) explain(err error) error {
	var known *oswald.Error
	if errors.As(err, &known) {
		return err
	}
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return oswald.Wrap(err, oswald.Unavailable, "The build was stopped; the site is as it was.")
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return oswald.Wrap(err, oswald.Unavailable, "The disk of the site is full: free some space and rebuild; the old pages are still served.")
	case errors.Is(err, syscall.EROFS), errors.Is(err, fs.ErrPermission):
		return oswald.Wrap(err, oswald.Unavailable, "The site's folders cannot be written: give the site role write access to wiki.output and wiki.state; the old pages are still served.")
	case errors.Is(err, syscall.EXDEV):
		return oswald.Wrap(err, oswald.Unavailable, "wiki.state and wiki.output are on different file systems: put them on one.")
	case errors.Is(err, syscall.EMFILE):
		return oswald.Wrap(err, oswald.Unavailable, "Too many files are open: raise the limit of the site role and rebuild.")
	}
	return oswald.Wrap(err, oswald.Internal, "The build failed; the old pages are still served. The log says why.")
}

// WriteSample puts the sample site into dir. A file that is there is left as it
// is.
func WriteSample(dir string) error {
	return fs.WalkDir(sample, "sample", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		to := filepath.Join(dir, filepath.FromSlash(strings.TrimPrefix(strings.TrimPrefix(name, "sample"), "/")))
		if d.IsDir() {
			return os.MkdirAll(to, 0o755)
		}
		data, err := sample.ReadFile(name)
		if err != nil {
			return err
		}
		f, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
		if errors.Is(err, fs.ErrExist) {
			return nil
		}
		if err != nil {
			return err
		}
		_, err = f.Write(data)
		return errors.Join(err, f.Close())
	})
}
