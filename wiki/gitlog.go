// SPDX-License-Identifier: GPL-3.0-or-later

package wiki

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
)

// gitLogTime bounds the reading of a whole history, which happens once.
const gitLogTime = 2 * time.Minute

// pastOf reads the history of the pages when it is first asked for. Whether there
// is one, and at which commit, is known before, without running git.
type pastOf struct {
	head string // empty where there is no repository
	read func() *history
}

// openPast looks whether the source folder is in a repository. Nothing is read
// when the last build of this process has read it.
func (s *Site) openPast(ctx context.Context) pastOf {
	if s.pretend != nil {
		return s.pretend()
	}
	if !s.cfg.History {
		return pastOf{}
	}
	head := gitHead(s.cfg.Source)
	if head == "" {
		return pastOf{}
	}
	return pastOf{head, sync.OnceValue(func() *history {
		if s.past == nil || s.past.head != head {
			h, err := s.readPast(ctx, head)
			if err != nil {
				s.log.Error("the history of the pages cannot be read", "err", err)
				return nil
			}
			s.past = h
		}
		return s.past
	})}
}

// readPast brings the history that was kept up to head, or reads it whole.
func (s *Site) readPast(ctx context.Context, head string) (*history, error) {
	h, from := s.past, ""
	if h == nil {
		h = s.loadPast()
	}
	if h != nil {
		if h.head == head {
			return h, nil
		}
		if _, err := s.git(ctx, "merge-base", "--is-ancestor", h.head, head); err == nil {
			from = h.head + ".."
			h = &history{byFile: h.byFile, recent: h.recent}
		} else {
			h = nil // the past was rewritten
		}
	}
	if h == nil {
		h = &history{byFile: map[string][]revision{}}
	}
	if err := s.gitLog(ctx, from+head, h.add); err != nil {
		return nil, err
	}
	h.head = head
	return h, s.savePast(h)
}

// gitLog calls add for each commit in a range that touched pages.
func (s *Site) gitLog(ctx context.Context, commits string, add func(revision, []string)) error {
	ctx, cancel := context.WithTimeout(ctx, gitLogTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, "git", "-C", s.cfg.Source, "--no-pager", "-c", "core.fsmonitor=false", "-c", "log.showSignature=false", "-c", "diff.renames=false",
		"log", "--no-renames", "--relative", "-z", "--format=format:%x1e%H%x1f%ct%x1f%an%x1f%s", "--name-only", commits, "--", ".")
	cmd.Env = append(os.Environ(), "GIT_TERMINAL_PROMPT=0", "GIT_OPTIONAL_LOCKS=0", "LC_ALL=C")
	cmd.WaitDelay = 2 * time.Second
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	err = parseLog(out, add)
	if err = errors.Join(err, cmd.Wait()); err != nil {
		return fmt.Errorf("git log: %w: %s", err, cut(clean(errs.String()), 300))
	}
	return nil
}

// parseLog reads what gitLog asks git for: commits that begin with U+001E, their
// fields with U+001F between them, then the names of files with NUL between them.
// What is no commit is left out.
func parseLog(in io.Reader, add func(revision, []string)) error {
	r := bufio.NewReaderSize(in, 64<<10)
	for {
		rec, err := r.ReadString('\x1e')
		head, names, _ := strings.Cut(strings.TrimSuffix(rec, "\x1e"), "\n")
		if f := strings.Split(strings.TrimRight(head, "\x00"), "\x1f"); len(f) == 4 && isHash(f[0]) {
			when, _ := strconv.ParseInt(f[1], 10, 64)
			var files []string
			for _, name := range strings.Split(names, "\x00") {
				if isPage(name) && isValid([]byte(name)) {
					files = append(files, name)
				}
			}
			if len(files) > 0 {
				who := cut(strings.TrimSpace(strings.ToValidUTF8(clean(f[2]), "?")), 60)
				add(revision{f[0][:12], when, who, cut(strings.TrimSpace(strings.ToValidUTF8(clean(f[3]), "?")), 120)}, files)
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func isHash(s string) bool {
	if len(s) != 40 && len(s) != 64 {
		return false
	}
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// gitHead returns the commit that is checked out where dir is in a repository
// and git is installed; empty where not. It reads the files of the repository
// itself (gitrepository-layout(5)), which takes no process.
func gitHead(dir string) string {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return ""
	}
	repo := ""
	for at := dir; ; at = filepath.Dir(at) {
		name := filepath.Join(at, ".git")
		if fi, err := os.Stat(name); err == nil {
			repo = name
			if !fi.IsDir() { // a worktree or a submodule
				to, ok := strings.CutPrefix(readLine(name), "gitdir: ")
				if !ok {
					return ""
				}
				if repo = to; !filepath.IsAbs(to) {
					repo = filepath.Join(at, to)
				}
			}
			break
		}
		if at == filepath.Dir(at) {
			return ""
		}
	}
	if _, err := exec.LookPath("git"); err != nil {
		return ""
	}
	head := readLine(filepath.Join(repo, "HEAD"))
	ref, ok := strings.CutPrefix(head, "ref: ")
	if !ok {
		if isHash(head) {
			return head
		}
		return ""
	}
	common := repo
	if to := readLine(filepath.Join(repo, "commondir")); to != "" {
		if common = to; !filepath.IsAbs(to) {
			common = filepath.Join(repo, to)
		}
	}
	for _, d := range []string{repo, common} {
		if h := readLine(filepath.Join(d, filepath.FromSlash(ref))); isHash(h) {
			return h
		}
	}
	packed, err := os.ReadFile(filepath.Join(common, "packed-refs"))
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(packed)) {
		if h, name, ok := strings.Cut(strings.TrimSpace(line), " "); ok && name == ref && isHash(h) {
			return h
		}
	}
	return "" // nothing was committed yet
}

// readLine returns the first line of a small file, or nothing.
func readLine(name string) string {
	f, err := os.Open(name)
	if err != nil {
		return ""
	}
	defer f.Close()
	line, _ := bufio.NewReader(io.LimitReader(f, 4<<10)).ReadString('\n')
	return strings.TrimSpace(line)
}

const pastHead = "oswald wiki history 1\n"

// savePast keeps the history in the state folder. Each change is written once.
func (s *Site) savePast(h *history) error {
	var e encoder
	var b bytes.Buffer
	b.WriteString(pastHead)
	w := bufio.NewWriter(&b)
	e.frame(w, func() {
		at := map[string]int{}
		var all []revision
		number := func(c revision) uint64 {
			i, ok := at[c.hash]
			if !ok {
				i = len(all)
				at[c.hash] = i
				all = append(all, c)
			}
			return uint64(i)
		}
		for _, list := range h.byFile {
			for _, c := range list {
				number(c)
			}
		}
		for _, t := range h.recent {
			number(t.revision)
		}
		e.text(h.head)
		e.uint(uint64(len(all)))
		for _, c := range all {
			e.text(c.hash)
			e.uint(uint64(c.when))
			e.text(c.who)
			e.text(c.what)
		}
		e.uint(uint64(len(h.byFile)))
		for file, list := range h.byFile {
			e.text(file)
			e.uint(uint64(len(list)))
			for _, c := range list {
				e.uint(number(c))
			}
		}
		e.uint(uint64(len(h.recent)))
		for _, t := range h.recent {
			e.uint(number(t.revision))
			e.texts(t.files)
		}
	})
	if err := w.Flush(); err != nil {
		return err
	}
	name := filepath.Join(s.cfg.state(), "history")
	if err := os.WriteFile(name+".new", b.Bytes(), 0o644); err != nil {
		return err
	}
	return os.Rename(name+".new", name)
}

// loadPast reads what savePast kept; nil where it cannot be read.
func (s *Site) loadPast() *history {
	data, err := os.ReadFile(filepath.Join(s.cfg.state(), "history"))
	if err != nil {
		return nil
	}
	h, err := decodePast(string(data))
	if err != nil {
		s.log.Warn("the kept history cannot be used; it is read again", "err", err)
		return nil
	}
	return h
}

func decodePast(data string) (*history, error) {
	rest, ok := strings.CutPrefix(data, pastHead)
	if !ok {
		return nil, errors.New("it is of another version")
	}
	frame, _ := cutFrame(rest)
	if frame == "" {
		return nil, errors.New("it is cut short")
	}
	d := openFrame(frame)
	if d == nil {
		return nil, errors.New("it is damaged")
	}
	h := &history{head: d.text(), byFile: map[string][]revision{}}
	all := make([]revision, d.count())
	for i := range all {
		all[i] = revision{d.text(), int64(d.uint()), d.text(), d.text()}
	}
	number := func() revision {
		if i := d.uint(); i < uint64(len(all)) {
			return all[i]
		}
		d.bad = true
		return revision{}
	}
	for range d.count() {
		file := d.text()
		list := make([]revision, d.count())
		for i := range list {
			list[i] = number()
		}
		h.byFile[file] = list
	}
	h.recent = make([]touching, d.count())
	for i := range h.recent {
		h.recent[i] = touching{number(), d.texts()}
	}
	if d.bad {
		return nil, errors.New("it is damaged")
	}
	return h, nil
}
