// SPDX-License-Identifier: GPL-3.0-or-later

package wiki

import (
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"
	"time"
)

// bench of one replay: two builders over one source folder.
type replayer struct {
	dir   string
	blind string
	cfg   Config
	s     *Site
	now   time.Time
	clock time.Time // of file times, when they are set by hand
	steps int
	past  *history // what the repository would tell
}

func replay(t testing.TB, ops []op, blind string) error {
	dir := scratch(t)
	defer os.RemoveAll(dir)
	cfg := Defaults()
	cfg.Source, cfg.Output, cfg.Theme = filepath.Join(dir, "src"), filepath.Join(dir, "out"), filepath.Join(dir, "theme")
	cfg.URL, cfg.CamelCase, cfg.FeedSize, cfg.ArchiveSize, cfg.Gate = "https://example.org", true, 2, 1, false
	for _, d := range []string{cfg.Source, cfg.Theme} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			return err
		}
	}
	p := &replayer{dir: dir, cfg: cfg, blind: blind, now: at, clock: time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)}
	if err := p.restart(); err != nil {
		return err
	}
	for i, o := range ops {
		if err := p.apply(o); err != nil {
			return fmt.Errorf("step %d, %s %s: %w", i, o.kind, o.name, err)
		}
		if err := p.check(o); err != nil {
			return fmt.Errorf("step %d, %s %s: %w", i, o.kind, o.name, err)
		}
	}
	p.s.close()
	return nil
}

// close lets go of what a Site holds between builds; a process that ends need
// not.
func (s *Site) close() {
	if s.mem != nil {
		s.mem.pack.close()
		s.mem = nil
	}
}

func (p *replayer) restart() error {
	if p.s != nil {
		p.s.close()
	}
	s, err := New(p.cfg, Deps{Now: func() time.Time { return p.now }})
	if err != nil {
		return err
	}
	s.durable, s.ignore, s.pretend = false, p.blind, p.pretend
	p.s = s
	return nil
}

// pretend is a history without a repository.
func (p *replayer) pretend() pastOf {
	if p.past == nil {
		return pastOf{}
	}
	return pastOf{p.past.head, func() *history { return p.past }}
}

func (p *replayer) apply(o op) error {
	full := filepath.Join(p.cfg.Source, filepath.FromSlash(o.name))
	switch o.kind {
	case "write", "append":
		if o.kind == "append" {
			old, err := os.ReadFile(full)
			if err != nil {
				return nil
			}
			o.text = string(old) + "\n\n" + o.text
		}
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(full, []byte(o.text), 0o644); err != nil {
			return err
		}
		p.steps++
		if p.steps%2 == 0 { // an old time, so that size and time alone must tell
			p.clock = p.clock.Add(time.Second)
			return os.Chtimes(full, p.clock, p.clock)
		}
	case "delete":
		os.Remove(full)
	case "rename":
		to := filepath.Join(p.cfg.Source, filepath.FromSlash(o.text))
		os.MkdirAll(filepath.Dir(to), 0o755)
		os.Rename(full, to)
	case "restart":
		return p.restart()
	case "kill":
		write := filepath.Join(p.cfg.Source, "Killed.md")
		if err := os.WriteFile(write, []byte(fmt.Sprint("killed ", p.steps, " [[Note]] #t")), 0o644); err != nil {
			return err
		}
		p.steps++
		p.s.kill = func(point string) {
			if point == o.name {
				panic("killed")
			}
		}
		func() {
			defer func() { recover() }()
			_, _ = p.s.Rebuild(testContext, "kill", "", nil)
		}()
		return p.restart()
	case "template":
		return os.WriteFile(filepath.Join(p.cfg.Theme, "foot.html"), []byte(fmt.Sprintf("<footer>%d {{.Title}}</footer>", o.n)), 0o644)
	case "config":
		switch o.n {
		case 0:
			p.cfg.CamelCase = !p.cfg.CamelCase
		case 1:
			p.cfg.Nav = []string{"Note", "Alias"}
		case 2:
			p.cfg.Nav = nil
		case 3:
			p.cfg.Title = "Another"
		case 4:
			p.cfg.Blog = map[string]string{"blog": "a", "a": "blog"}[p.cfg.Blog]
		case 5:
			p.cfg.URL = "https://example.org/sub"
		case 7:
			p.cfg.Publish = map[string]string{"files": "switch", "switch": "files"}[p.cfg.Publish]
		case 6:
			p.cfg.Compress = [][]string{{"gzip"}, {"br", "gzip"}, nil}[len(p.cfg.Compress)]
		}
		return p.restart()
	case "commit":
		if o.n == 0 {
			p.past = nil // the repository is gone
			return nil
		}
		h := &history{head: fmt.Sprint("commit ", p.steps, o.name), byFile: map[string][]revision{}}
		if p.past != nil {
			h.byFile, h.recent = p.past.byFile, p.past.recent
		}
		p.steps++
		h.add(revision{h.head, int64(p.steps), "Ann", "step"}, []string{o.name})
		p.past = h
	case "clock":
		p.now = at.AddDate(0, 0, []int{0, 2, 10, -30}[o.n])
	case "damage": // the cache is cut short, or gone
		name := filepath.Join(p.s.cfg.state(), "cache")
		data, err := os.ReadFile(name)
		if err != nil {
			return nil
		}
		if err := os.WriteFile(name, data[:o.n%(len(data)+1)], 0o644); err != nil {
			return err
		}
		return p.restart()
	}
	return nil
}

// check builds and compares with a clean build.
func (p *replayer) check(o op) error {
	_, err := p.s.Rebuild(testContext, "step", "", nil)
	if err != nil {
		return err
	}
	cfg := p.cfg
	cfg.Output = filepath.Join(p.dir, "clean")
	defer os.RemoveAll(cfg.Output)
	defer os.RemoveAll(cfg.Output + ".state")
	clean, err := New(cfg, Deps{Now: func() time.Time { return p.now }})
	if err != nil {
		return err
	}
	clean.durable, clean.pretend = false, p.pretend
	defer clean.close()
	if _, err := clean.Rebuild(testContext, "clean", "", nil); err != nil {
		return err
	}
	if err := sameTree(cfg.Output, p.cfg.Output); err != nil {
		return err
	}
	got, want := p.s.Report(), clean.Report()
	a, b := append([]string(nil), got.Warnings...), append([]string(nil), want.Warnings...)
	sort.Strings(a)
	sort.Strings(b)
	if strings.Join(a, "\n") != strings.Join(b, "\n") {
		return fmt.Errorf("warnings differ:\n%s\nclean:\n%s", strings.Join(a, "\n"), strings.Join(b, "\n"))
	}
	if fmt.Sprint(sortedWanted(got.Wanted), got.Orphans) != fmt.Sprint(sortedWanted(want.Wanted), want.Orphans) {
		return fmt.Errorf("wanted pages or orphans differ: %v, clean %v", got, want)
	}
	return nil
}

func sortedWanted(list []Wanted) []string {
	var out []string
	for _, w := range list {
		from := append([]string(nil), w.From...)
		sort.Strings(from)
		out = append(out, w.Name+" "+strings.Join(from, " "))
	}
	sort.Strings(out)
	return out
}

func sameTree(want, got string) error {
	a, err := readTree(want)
	if err != nil {
		return err
	}
	b, err := readTree(got)
	if err != nil {
		return err
	}
	for f, text := range a {
		if have, ok := b[f]; !ok {
			return fmt.Errorf("%s is missing", f)
		} else if have != text {
			return fmt.Errorf("%s differs:\n%s\nclean:\n%s", f, have, text)
		}
	}
	for f := range b {
		if _, ok := a[f]; !ok {
			return fmt.Errorf("%s should be gone", f)
		}
	}
	return nil
}

func readTree(dir string) (map[string]string, error) {
	m := map[string]string{}
	err := filepath.WalkDir(dir, func(name string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(name)
		rel, _ := filepath.Rel(dir, name)
		m[rel] = string(data)
		return err
	})
	return m, err
}

// shrink leaves out what the failure does not need: halves first, then quarters
// and so on down to single steps.
func shrink(ops []op, fails func([]op) bool) []op {
	for size := len(ops) / 2; size >= 1; {
		cut := false
		for i := 0; i+size <= len(ops); {
			some := append(append([]op(nil), ops[:i]...), ops[i+size:]...)
			if fails(some) {
				ops, cut = some, true
			} else {
				i += size
			}
		}
		if !cut || size > 1 {
			size /= 2
		}
	}
	return ops
}
