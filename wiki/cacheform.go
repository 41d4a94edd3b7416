// SPDX-License-Identifier: GPL-3.0-or-later

package wiki

import (
	"errors"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"
	"unsafe"
)

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
