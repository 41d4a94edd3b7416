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
	"slices"
	"strings"
	"sync"
	"time"
	"unsafe"
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

// delta writes what has changed. A frame with the memory itself ends a cache.
func (e *encoder) delta(m *memory, changed []*stored, gone []string) {
	e.texts(gone)
	e.uint(uint64(len(changed)))
	for _, p := range changed {
		e.stored(p)
	}
	e.bool(m != nil)
	if m == nil {
		return
	}
	e.text(m.gen)
	e.text(m.manifest)
	e.uint(m.site)
	e.uint(m.files)
	e.texts(m.clashes)
	e.text(m.head)
	e.bool(m.tracked)
	e.time(m.when)
	e.text(m.pack.name)
	e.uint(uint64(m.pack.size))
	e.uint(uint64(len(m.made)))
	for k, v := range m.made {
		e.text(k)
		e.uint(v)
	}
	e.uint(uint64(len(m.texts)))
	for k, v := range m.texts {
		e.text(k)
		e.texts(v)
	}
}

// frameOf is what one frame of the cache holds.
type frameOf struct {
	gone  []string
	pages []*stored
	m     *memory // nil in all frames but those that end a cache
	err   error
}

// decodeMemory reads a cache. data becomes part of what is returned and must not
// be changed. The frames are read on all processors, and put together in order.
func decodeMemory(data []byte) (*memory, error) {
	rest, ok := strings.CutPrefix(unsafe.String(unsafe.SliceData(data), len(data)), cacheHead)
	if !ok {
		return nil, errors.New("the cache is of another version")
	}
	var frames []string
	for rest != "" {
		var f string
		if f, rest = cutFrame(rest); f == "" {
			return nil, errors.New("the cache is cut short")
		}
		frames = append(frames, f)
	}
	read := make([]frameOf, len(frames))
	var wg sync.WaitGroup
	for w := range min(runtime.GOMAXPROCS(0), len(frames)) {
		wg.Go(func() {
			for i := w; i < len(frames); i += runtime.GOMAXPROCS(0) {
				read[i] = decodeFrame(frames[i])
			}
		})
	}
	wg.Wait()
	m, base := &memory{}, 0
	pages := make(map[string]*stored, 250*len(frames))
	order := make([]*stored, 0, 250*len(frames))
	for i, f := range read {
		if f.err != nil {
			return nil, f.err
		}
		if m.pack == nil { // up to here it was written as a whole
			base += len(frames[i])
		}
		for _, file := range f.gone {
			delete(pages, file)
		}
		for _, p := range f.pages {
			pages[p.file] = p
			order = append(order, p)
		}
		if f.m != nil {
			m = f.m
		}
	}
	if m.pack == nil {
		return nil, errors.New("the cache is cut short")
	}
	order = slices.DeleteFunc(order, func(p *stored) bool { return pages[p.file] != p }) // of an earlier frame
	slices.SortFunc(order, func(a, b *stored) int { return strings.Compare(a.file, b.file) })
	m.pages, m.order, m.cold, m.base, m.cached = pages, order, true, base, len(data)
	return m, nil
}

func decodeFrame(frame string) (f frameOf) {
	d := openFrame(frame)
	if d == nil {
		f.err = errors.New("the cache is damaged")
		return f
	}
	f.gone = d.texts()
	f.pages = make([]*stored, d.count())
	for i := range f.pages {
		f.pages[i] = d.stored()
	}
	if d.bool() {
		m := &memory{}
		f.m = m
		m.gen, m.manifest, m.site, m.files, m.clashes, m.head, m.tracked, m.when = d.text(), d.text(), d.uint(), d.uint(), d.texts(), d.text(), d.bool(), d.time()
		m.pack = &pack{name: d.text(), size: int64(d.uint())}
		n := d.count()
		m.made = make(map[string]uint64, n)
		for range n {
			k := d.text()
			m.made[k] = d.uint()
		}
		n = d.count()
		m.texts = make(map[string][]string, n)
		for range n {
			k := d.text()
			m.texts[k] = d.texts()
		}
	}
	if d.bad {
		f.err = errors.New("the cache is damaged")
	}
	return f
}

func (e *encoder) stored(p *stored) {
	e.text(p.file)
	e.uint(uint64(p.size))
	e.time(p.mtime)
	e.uint(uint64(p.off))
	e.uint(uint64(p.len))
	e.uint(uint64(p.tlen))
	e.uint(p.tsum)
	e.text(p.was.key)
	e.uint(uint64(p.was.off))
	e.uint(uint64(p.was.len))
	e.uint(p.was.sum)
	e.bool(p.visible)
	e.text(p.key)
	e.texts(p.warns)
	e.text(p.deps)
	r := p.rec
	e.uint(r.faceSum)
	e.text(r.id)
	for _, s := range []string{r.Key, r.Title, r.Summary, r.Macro, r.Permalink} {
		e.text(s)
	}
	for _, t := range []time.Time{r.Date, r.Updated, r.Expires} {
		e.time(t)
	}
	e.bool(r.Draft)
	e.bool(r.HasH1)
	e.texts(r.Tags)
	e.texts(r.Aliases)
	e.texts(r.Faults)
	e.uint(uint64(r.Body))
	e.uint(uint64(r.Words))
	e.text(string(r.Hash[:]))
	e.text(string(r.Frag[:]))
	e.uint(uint64(len(r.Fields)))
	for _, f := range r.Fields {
		e.text(f.Key)
		e.texts(f.Vals)
	}
	e.uint(uint64(len(r.Links)))
	for _, l := range r.Links {
		e.text(l.Target)
		e.text(l.Section)
		e.text(l.Context)
		e.uint(uint64(l.Line))
		e.uint(uint64(l.Kind))
		e.bool(l.known)
		e.text(l.to)
	}
	e.uint(uint64(len(r.Headings)))
	for _, h := range r.Headings {
		e.text(h.Text)
		e.text(h.ID)
		e.uint(uint64(h.Level))
		e.uint(uint64(h.Line))
		e.uint(uint64(h.Off + 1))
	}
	e.uint(uint64(len(r.Blocks)))
	for _, b := range r.Blocks {
		e.text(b.ID)
		e.text(b.Wrap)
		e.uint(uint64(b.Start))
		e.uint(uint64(b.End))
	}
}

func (d *decoder) stored() *stored {
	p := &stored{}
	p.file, p.size, p.mtime = d.text(), int64(d.uint()), d.time()
	p.off, p.len, p.tlen, p.tsum = int64(d.uint()), int(d.uint()), int(d.uint()), d.uint()
	p.was = indexed{d.text(), int64(d.uint()), int(d.uint()), d.uint()}
	p.visible, p.key = d.bool(), d.text()
	p.warns = d.texts()
	p.deps = d.text()
	r := &Record{File: p.file}
	p.rec = r
	r.faceSum, r.id = d.uint(), d.text()
	for _, s := range []*string{&r.Key, &r.Title, &r.Summary, &r.Macro, &r.Permalink} {
		*s = d.text()
	}
	for _, t := range []*time.Time{&r.Date, &r.Updated, &r.Expires} {
		*t = d.time()
	}
	r.Draft, r.HasH1 = d.bool(), d.bool()
	r.Tags, r.Aliases, r.Faults = d.texts(), d.texts(), d.texts()
	r.Body, r.Words = int(d.uint()), int(d.uint())
	copy(r.Hash[:], d.text())
	copy(r.Frag[:], d.text())
	r.Fields = make([]Field, d.count())
	for i := range r.Fields {
		r.Fields[i] = Field{d.text(), d.texts()}
	}
	r.Links = make([]Link, d.count())
	for i := range r.Links {
		r.Links[i] = Link{Target: d.text(), Section: d.text(), Context: d.text(), Line: int(d.uint()), Kind: LinkKind(d.uint()), known: d.bool(), to: d.text()}
	}
	r.Headings = make([]Heading, d.count())
	for i := range r.Headings {
		r.Headings[i] = Heading{Text: d.text(), ID: d.text(), Level: int(d.uint()), Line: int(d.uint()), Off: int(d.uint()) - 1}
	}
	r.Blocks = make([]Block, d.count())
	for i := range r.Blocks {
		r.Blocks[i] = Block{ID: d.text(), Wrap: d.text(), Start: int(d.uint()), End: int(d.uint())}
	}
	return p
}
