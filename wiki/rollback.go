// SPDX-License-Identifier: GPL-3.0-or-later

package wiki

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"time"

	"oswald"
)

// setsKept is how many change sets can be rolled back.
const setsKept = 20

// savedSet is a change set with what brings back what was before. It lies in a
// folder of its own, sets/N in the state folder, together with the files that it
// has replaced: these are hard links, which take no room while nothing else has
// changed. While the set is being put in the folder is sets/open; a set that was
// cut short grows by what the next build changes, and is closed with that.
type savedSet struct {
	oswald.ChangeSet
	Entries []savedEntry
}

// savedEntry is one file of a set. Without Old it was not there before, without
// New it is not there after.
type savedEntry struct {
	File     string
	Old, New string // hash
	Size     int64  // of the old file, as the manifest has it
	Time     int64
	Src      string
	Saved    int // name of the old file in the folder of the set
}

// hold says that the site was rolled back, or is being.
type hold struct {
	ID      string // of the command, so that it takes one set back however often it comes
	Set     int
	At      time.Time
	Changes oswald.ChangeSet
	Done    bool
}

func (s *Site) setFolder(n int) string {
	return filepath.Join(s.cfg.state(), "sets", strconv.Itoa(n))
}

// sets lists the numbers of the sets that can be rolled back, in order.
func (s *Site) sets() []int { return setsIn(s.cfg.state()) }

func setsIn(state string) []int {
	list, err := os.ReadDir(filepath.Join(state, "sets"))
	if err != nil {
		return nil
	}
	var out []int
	for _, e := range list {
		if n, err := strconv.Atoi(e.Name()); err == nil && n > 0 && e.IsDir() {
			out = append(out, n)
		}
	}
	sort.Ints(out)
	return out
}

func readSet(dir string) (*savedSet, error) {
	data, err := os.ReadFile(filepath.Join(dir, "set.json"))
	if err != nil {
		return nil, err
	}
	set := &savedSet{}
	if err := json.Unmarshal(data, set); err != nil {
		return nil, err
	}
	for _, e := range set.Entries {
		if !fs.ValidPath(e.File) {
			return nil, errors.New("a change set names a file outside the output")
		}
	}
	return set, nil
}

// saveSet keeps what the commit will replace.
func (o *output) saveSet(c *oswald.ChangeSet, gone []string) error {
	if c == nil || o.first {
		return nil
	}
	dir := filepath.Join(o.state, "sets", "open")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	set := &savedSet{}
	if old, err := readSet(dir); err == nil {
		set = old // of a commit that was cut short
	}
	set.ChangeSet = *c
	at := make(map[string]int, len(set.Entries))
	next := 0
	for i, e := range set.Entries {
		at[e.File] = i
		next = max(next, e.Saved+1)
	}
	add := func(file, now string) error {
		if i, known := at[file]; known {
			set.Entries[i].New = now
			return nil
		}
		e := savedEntry{File: file, New: now}
		if old, mine := o.was(file); mine {
			name := filepath.Join(o.dir, filepath.FromSlash(file))
			to := filepath.Join(dir, strconv.Itoa(next))
			_ = os.Remove(to) // of a commit that was cut short before it wrote set.json
			switch err := os.Link(name, to); {
			case errors.Is(err, fs.ErrNotExist): // somebody took it away
			case err != nil:
				return err
			default:
				if old.mtime == 0 {
					var err error
					if old, err = entryOf(to); err != nil {
						return err
					}
				}
				e.Old, e.Size, e.Time, e.Src, e.Saved = hex.EncodeToString(old.hash[:]), old.size, old.mtime, old.src, next
				next++
			}
		}
		set.Entries = append(set.Entries, e)
		return nil
	}
	for _, s := range o.staged {
		file, _, _ := strings.Cut(s, "\x00")
		now, _ := o.is(file)
		if err := add(file, hex.EncodeToString(now.hash[:])); err != nil {
			return err
		}
	}
	for _, file := range gone {
		if err := add(file, ""); err != nil {
			return err
		}
	}
	data, err := json.Marshal(set)
	if err != nil {
		return err
	}
	return o.replace("sets/open/set.json", data)
}

// entryOf is what the manifest would know of a file.
func entryOf(name string) (entry, error) {
	f, err := os.Open(name)
	if err != nil {
		return entry{}, err
	}
	defer f.Close()
	fi, err := f.Stat()
	if err != nil {
		return entry{}, err
	}
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return entry{}, err
	}
	return entry{[16]byte(h.Sum(nil)[:16]), fi.Size(), fi.ModTime().UnixNano(), "-"}, nil
}

// closeSet gives the set that is in now its number, and forgets the oldest.
func (o *output) closeSet() error {
	open := filepath.Join(o.state, "sets", "open")
	if _, err := os.Stat(open); err != nil {
		return nil
	}
	list, n := setsIn(o.state), 1
	if len(list) > 0 {
		n = list[len(list)-1] + 1
	}
	if err := os.Rename(open, filepath.Join(o.state, "sets", strconv.Itoa(n))); err != nil {
		return err
	}
	for len(list) >= setsKept {
		if err := os.RemoveAll(filepath.Join(o.state, "sets", strconv.Itoa(list[0]))); err != nil {
			return err
		}
		list = list[1:]
	}
	return nil
}

// Rollback takes the last change set back, so that the site is as it was before
// it; again, and the one before that goes too. Until Publish, builds change
// nothing then. The sources stay as they are.
func (s *Site) Rollback(ctx context.Context, id string) (oswald.ChangeSet, error) {
	unlock, err := s.lock(ctx)
	if err != nil {
		return oswald.ChangeSet{}, err
	}
	defer unlock()
	set, err := s.rollback(id)
	if err != nil {
		s.log.Error("rollback", "id", id, "err", err)
		return oswald.ChangeSet{}, s.explain(err)
	}
	s.log.Info("rolled back", "id", id, "set", set.N, "files", set.Files)
	return set.ChangeSet, nil
}

func (s *Site) rollback(id string) (*savedSet, error) {
	if err := s.resumeRollback(); err != nil {
		return nil, err
	}
	if h, ok := s.readHold(); ok && h.ID == id {
		return &savedSet{ChangeSet: h.Changes}, nil
	}
	list := s.sets()
	if len(list) == 0 {
		return nil, oswald.Errorf(oswald.NotFound, "There is no change that could be rolled back.")
	}
	n := list[len(list)-1]
	out, err := openOutput(s.cfg.Output, s.cfg.state(), s.durable, nil)
	if err != nil {
		return nil, err
	}
	if !out.trusted {
		return nil, oswald.Errorf(oswald.Conflict, "The last build was cut short: say rebuild, then rollback.")
	}
	set, err := readSet(s.setFolder(n))
	if err != nil {
		return nil, err
	}
	for _, e := range set.Entries {
		now, there := out.was(e.File)
		if there != (e.New != "") || there && hex.EncodeToString(now.hash[:]) != e.New {
			return nil, oswald.Errorf(oswald.Conflict, "The site is no longer as that change left it, so it cannot be taken back.")
		}
	}
	set.N = n
	if err := s.writeHold(hold{ID: id, Set: n, At: s.now().UTC(), Changes: set.ChangeSet}); err != nil {
		return nil, err
	}
	return set, s.takeBack(out, set)
}

// takeBack puts the files of before in. Done twice it is the same.
func (s *Site) takeBack(out *output, set *savedSet) error {
	out.kill, out.atOnce = s.kill, s.cfg.Publish == "switch"
	for i := range out.list {
		out.list[i].kept = true
	}
	dir := s.setFolder(set.N)
	for i, e := range set.Entries {
		if e.Old == "" {
			out.mark(e.File, false)
			continue
		}
		saved := filepath.Join(dir, strconv.Itoa(e.Saved))
		was, err := entryOf(saved)
		if err != nil {
			return err
		}
		if hex.EncodeToString(was.hash[:]) != e.Old {
			return errors.New("a saved file of the change set is damaged")
		}
		was.src = e.Src
		out.fresh[e.File] = was
		stage := strconv.Itoa(i)
		if err := os.Link(saved, filepath.Join(out.state, "stage", stage)); err != nil {
			return err
		}
		out.staged = append(out.staged, e.File+"\x00"+stage)
	}
	if err := out.commit(func(p string) int { return commitRank(p, "") }, nil); err != nil {
		return err
	}
	out.manifest()
	gone := out.gone()
	if err := out.finish(); err != nil {
		return err
	}
	if warning := s.deliver(context.Background(), out, "", gone); warning != "" {
		s.log.Warn(warning)
	}
	h, _ := s.readHold()
	h.Done = true
	if err := s.writeHold(h); err != nil {
		return err
	}
	return os.RemoveAll(dir)
}

// resumeRollback ends a rollback that was cut short.
func (s *Site) resumeRollback() error {
	h, ok := s.readHold()
	if !ok || h.Done {
		return nil
	}
	set, err := readSet(s.setFolder(h.Set))
	if errors.Is(err, fs.ErrNotExist) {
		return s.endHold()
	}
	if err != nil {
		return err
	}
	set.N = h.Set
	out, err := openOutput(s.cfg.Output, s.cfg.state(), s.durable, nil)
	if err != nil {
		return err
	}
	return s.takeBack(out, set)
}

func (s *Site) holdFile() string { return filepath.Join(s.cfg.state(), "hold.json") }

func (s *Site) readHold() (h hold, ok bool) {
	data, err := os.ReadFile(s.holdFile())
	return h, err == nil && json.Unmarshal(data, &h) == nil
}

func (s *Site) writeHold(h hold) error {
	data, err := json.Marshal(h)
	if err != nil {
		return err
	}
	o := &output{state: s.cfg.state(), sync: s.durable}
	return o.replace("hold.json", data)
}

func (s *Site) endHold() error {
	if err := os.Remove(s.holdFile()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
