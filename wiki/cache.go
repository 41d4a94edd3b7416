// SPDX-License-Identifier: GPL-3.0-or-later

package wiki

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
)

// cacheVersion changes whenever a build of the same sources may come out
// otherwise than before: markup, templates' data, records, questions.
const cacheVersion = "14"

// generator is everything but the sources that the output depends on.
func (s *Site) generator(t *theme) string {
	h := sha256.New()
	cfg := s.cfg
	cfg.Output, cfg.State, cfg.Source, cfg.Theme, cfg.Workers, cfg.Gate, cfg.Publish = "", "", "", "", 0, false, ""
	cfg.Target, cfg.TargetSSH = "", ""
	data, err := json.Marshal(cfg)
	if err != nil {
		panic(err) // a struct of plain fields
	}
	fmt.Fprintln(h, cacheVersion, runtime.Version(), s.version)
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, d := range info.Deps {
			fmt.Fprintln(h, d.Path, d.Version)
		}
		for _, v := range info.Settings {
			if strings.HasPrefix(v.Key, "vcs.") {
				fmt.Fprintln(h, v.Key, v.Value)
			}
		}
	}
	if !s.blind(edgeConfig) {
		h.Write(data)
	}
	for _, f := range t.source {
		if s.blind(edgeTheme) {
			break
		}
		fmt.Fprintln(h, len(f))
		h.Write(f)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// recall sees to it that s.mem is what the last build left, if the output is
// still as that build left it and nothing but sources can have changed;
// otherwise that it is empty, which makes this a full build.
func (s *Site) recall(out *output, t *theme, ahead *readAhead) error {
	gen := s.generator(t)
	if s.mem == nil && out.trusted {
		if m, err := ahead.take(); err == nil {
			s.mem = m
		} else if !errors.Is(err, os.ErrNotExist) {
			s.log.Warn("the cache cannot be used; everything is built", "err", err)
		}
	}
	if m := s.mem; m != nil {
		live := int64(0)
		for _, p := range m.pages {
			live += int64(p.len + p.tlen)
		}
		if out.trusted && m.gen == gen && m.manifest == out.id && m.pack.size <= 2*live+1<<20 {
			return nil
		}
		m.pack.close()
		s.mem = nil
	}
	f, err := os.CreateTemp(s.cfg.state(), "pack-*")
	if err != nil {
		return err
	}
	s.mem = &memory{gen: gen, pages: map[string]*stored{}, made: map[string]uint64{}, pack: &pack{f: f, name: filepath.Base(f.Name())}}
	return nil
}

// readAhead is a cache that is read while the folder is listed.
type readAhead struct {
	done chan struct{} // nil where nothing is read
	m    *memory
	err  error
	calm func()
}

// readAhead begins to read the cache, where this process knows nothing yet.
func (s *Site) readAhead() *readAhead {
	a := &readAhead{err: os.ErrNotExist, calm: func() {}}
	if s.mem != nil {
		return a
	}
	fi, err := os.Stat(filepath.Join(s.cfg.state(), "cache"))
	if err != nil {
		return a
	}
	a.calm = calm(min(2*fi.Size(), 48<<20))
	a.done = make(chan struct{})
	go func() {
		defer close(a.done)
		a.m, a.err = s.readCache()
	}()
	return a
}

func (a *readAhead) take() (*memory, error) {
	if a.done != nil {
		<-a.done
	}
	m := a.m
	a.m = nil
	return m, a.err
}

// drop lets go of what nobody has taken.
func (a *readAhead) drop() {
	if m, _ := a.take(); m != nil {
		m.pack.close()
	}
	a.calm()
}

// remember writes the cache: as a whole, or where little has changed as one
// frame more at its end.
func (s *Site) remember(m *memory, changed []*stored, gone []string) error {
	if m.base > 0 && len(changed)+len(gone) <= 500 && m.cached < m.base+m.base/4+256<<10 {
		return s.appendCache(m, changed, gone)
	}
	all := m.order
	name := filepath.Join(s.cfg.state(), "cache")
	f, err := os.Create(name + ".new")
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(f, 256<<10)
	m.base, _ = w.WriteString(cacheHead)
	var e encoder
	for len(all) > 0 { // in pieces, so that the whole of it is never in memory
		n := min(len(all), 250)
		m.base += e.frame(w, func() { e.delta(nil, all[:n], nil) })
		all = all[n:]
	}
	m.base += e.frame(w, func() { e.delta(m, nil, nil) })
	err = w.Flush()
	if err == nil && s.durable {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	m.cached = m.base
	if err := os.Rename(name+".new", name); err != nil {
		return err
	}
	list, err := filepath.Glob(filepath.Join(s.cfg.state(), "pack-*"))
	if err != nil {
		return err
	}
	for _, name := range list {
		if filepath.Base(name) != m.pack.name {
			_ = os.Remove(name) // of a build that was cut short, or of the one before
		}
	}
	return nil
}

// appendCache adds one frame. Cut short, it is as if it were not there; the
// cache then goes with a manifest that is no more, and is not used.
func (s *Site) appendCache(m *memory, changed []*stored, gone []string) error {
	f, err := os.OpenFile(filepath.Join(s.cfg.state(), "cache"), os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return err
	}
	var e encoder
	w := bufio.NewWriter(f)
	m.cached += e.frame(w, func() { e.delta(m, changed, gone) })
	err = w.Flush()
	if err == nil && s.durable {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// readCache reads what remember wrote.
func (s *Site) readCache() (*memory, error) {
	data, err := os.ReadFile(filepath.Join(s.cfg.state(), "cache"))
	if err != nil {
		return nil, err
	}
	m, err := decodeMemory(data)
	if err != nil {
		return nil, err
	}
	if m.pack.name != filepath.Base(m.pack.name) || !strings.HasPrefix(m.pack.name, "pack-") {
		return nil, errors.New("the cache names no pack")
	}
	m.pack.f, err = os.OpenFile(filepath.Join(s.cfg.state(), m.pack.name), os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	fi, err := m.pack.f.Stat()
	if err != nil || fi.Size() < m.pack.size {
		m.pack.f.Close()
		return nil, errors.New("the pack is shorter than the cache says")
	}
	return m, nil
}
