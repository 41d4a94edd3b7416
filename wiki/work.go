// SPDX-License-Identifier: GPL-3.0-or-later

package wiki

import (
	"context"
	"crypto/sha256"
	"io"
	"os"
	"sync"
	"time"
)

// work is one build under way: it finds out what has changed, and from that
// what is out of date.
type work struct {
	s    *Site
	m    *memory
	w    *writer
	root *os.Root
	scan folderScan
	at   []*stored // of each page of scan

	fresh      []*change // pages whose source has changed or is new
	goneFiles  []string  // pages that are there no more
	goneWords  []indexed // and what of them stands in the search index
	save       map[*stored]bool
	structural bool // something changed by which pages are found or listed
	touched    map[string]bool
	changed    map[string]bool // files of fresh pages
	past       pastOf
	tracked    bool              // pages are in the repository, not only the folder
	stamps     map[string]string // of files that are no pages, where somebody asked
	broken     map[string]string // what leads nowhere now
}

// change is a page with its new record, before it takes the place of the old.
type change struct {
	page *stored // the old one, or a new one without a record
	now  *Record
	off  int64
	len  int
	tlen int
	tsum uint64
}

func (b *work) ix() *index { return b.m.ix }

// racy is how close to the last look at the folder a change may be so that its
// time does not tell it from what was seen then.
const racy = 2 * time.Second

// parse reads what has changed in the source folder.
func (b *work) parse(ctx context.Context) error {
	m := b.m
	b.save = map[*stored]bool{}
	b.match()
	var todo []int
	for i, f := range b.scan.pages {
		if p := b.at[i]; p == nil || p.size != f.size || !p.mtime.Equal(f.mtime) || !f.mtime.Before(m.when.Add(-racy)) {
			todo = append(todo, i)
		}
	}
	changes := make([]*change, len(todo))
	err := b.s.parallel(ctx, len(todo), func(i int) (err error) {
		changes[i], err = b.read(b.scan.pages[todo[i]], b.at[todo[i]])
		return err
	})
	if err != nil {
		return err
	}
	if err := m.pack.flush(); err != nil {
		return err
	}
	for i, c := range changes {
		old := b.at[todo[i]]
		if old != nil {
			old.found = b.scan.pages[todo[i]]
			b.save[old] = true
		}
		if c == nil {
			continue // only its time is new
		}
		if old == nil {
			old = &stored{found: b.scan.pages[todo[i]]}
			b.at[todo[i]], m.pages[old.file] = old, old
			b.save[old] = true
			b.structural = true
		}
		c.page = old
		b.fresh = append(b.fresh, c)
	}
	m.order = b.at
	return nil
}

// match finds what is known of each page of the folder, and takes out those
// that are not there any more. Both lists are sorted.
func (b *work) match() {
	m, j := b.m, 0
	b.at = make([]*stored, len(b.scan.pages))
	gone := func(p *stored) {
		if p.was.key != "" {
			b.goneWords = append(b.goneWords, p.was)
		}
		delete(m.pages, p.file)
		b.goneFiles = append(b.goneFiles, p.file)
		b.structural = true
	}
	for i, f := range b.scan.pages {
		for ; j < len(m.order) && m.order[j].file < f.file; j++ {
			gone(m.order[j])
		}
		if j < len(m.order) && m.order[j].file == f.file {
			b.at[i] = m.order[j]
			j++
		}
	}
	for ; j < len(m.order); j++ {
		gone(m.order[j])
	}
}

// read reads one page; nil if it says what it said before.
func (b *work) read(f found, old *stored) (*change, error) {
	src, err := readPage(b.root, f, b.s.cfg.MaxPage)
	if err != nil {
		return &change{now: &Record{File: f.file, Draft: true, Faults: []string{"1: cannot be read: " + cause(err)}}}, nil
	}
	sum := sha256.Sum256(src)
	if old != nil && old.rec.Hash == [16]byte(sum[:16]) {
		return nil, nil
	}
	rec, frag := b.w.markup.page(f.file, src)
	words := rec.words
	rec.words = nil
	off, err := b.m.pack.add(frag, words)
	return &change{now: rec, off: off, len: len(frag), tlen: len(words), tsum: hashString(string(words))}, err
}

// index puts the new records in and brings the index up to date: by a change in
// place where only text and links have changed, from the ground up otherwise.
func (b *work) index() {
	m, now := b.m, b.s.now()
	d := digestStart
	for _, f := range b.scan.files {
		d.text(f.file)
	}
	if m.files != d.sum() {
		m.files, b.structural = d.sum(), true
	}
	b.changed = make(map[string]bool, len(b.fresh))
	for _, c := range b.fresh {
		b.changed[c.page.file] = true
		old := c.page.rec
		if old == nil || old.Macro != "" || c.now.Macro != "" || old.meta() != c.now.meta() {
			b.structural = true
		}
	}
	for _, p := range b.at {
		if rec := p.rec; !b.s.blind(edgeTime) && rec != nil && p.visible == rec.hidden(now) && !b.changed[p.file] {
			b.structural = true // a date has come
			break
		}
	}
	b.touched = map[string]bool{}
	if !b.structural && m.ix == nil { // the first build of this process
		b.newIndex()
	}
	inPlace := !b.structural
	for _, c := range b.fresh {
		c.page.off, c.page.len, c.page.tlen, c.page.tsum = c.off, c.len, c.tlen, c.tsum
		if inPlace && c.page.visible {
			for file := range m.ix.replace(c.page.rec, c.now) {
				b.touched[file] = true
			}
			continue
		}
		if c.page.rec == nil {
			c.page.rec = c.now
		} else {
			*c.page.rec = *c.now
		}
	}
	if !inPlace {
		for _, p := range b.at {
			if v := !p.rec.hidden(now); v != p.visible {
				p.visible = v
				b.save[p] = true
			}
		}
		b.newIndex()
	}
}

// newIndex makes the index of the records from the ground up.
func (b *work) newIndex() {
	visible := make([]*Record, 0, len(b.at))
	for _, p := range b.at {
		if p.visible || p.rec.Macro != "" && !p.rec.Draft {
			visible = append(visible, p.rec)
		}
	}
	files := make([]string, len(b.scan.files))
	for i, f := range b.scan.files {
		files[i] = f.file
	}
	b.m.ix = newIndex(visible, files, b.s.cfg.Blog, !b.structural, b.m.clashes)
	b.m.clashes = b.m.ix.faults
}

// render puts together every page that is out of date, and keeps the others.
func (b *work) render(ctx context.Context) error {
	m, w := b.m, b.w
	w.ix = m.ix
	b.tracked = b.past.head != "" && m.tracked
	if b.past.head != m.head && b.past.head != "" {
		h := b.past.read()
		b.tracked = h != nil && len(h.recent) > 0
	}
	if w.ix.history = nil; b.tracked {
		w.ix.history = b.past.read
	}
	w.site = w.siteData()
	site := digestStart
	for _, n := range w.site.Nav {
		site.text(n.Title)
		site.text(n.URL)
	}
	if w.site.Blog {
		site.word(1)
	}
	if len(m.ix.trails) > 0 {
		site.word(2)
	}
	if b.tracked {
		site.word(3)
	}
	if w.site.Changes {
		site.word(4)
	}
	all := site.sum() != m.site
	m.site = site.sum()
	if all {
		w.known = nil
	}
	memo := map[dep]uint64{}
	var todo []*stored
	w.dirty = map[*Record]bool{}
	for _, p := range b.at {
		if !p.visible || p.rec.Macro != "" {
			if p.key != "" {
				b.save[p] = true
			}
			p.deps, p.warns, p.key = "", nil, ""
			continue
		}
		file := pageFile(p.rec.Key)
		if all || b.changed[p.file] || p.key != p.rec.Key || !w.out.has(file) || b.stale(p, memo) {
			p.key = p.rec.Key
			b.save[p] = true
			todo = append(todo, p)
			w.dirty[p.rec] = true
			continue
		}
		w.out.keep(file)
	}
	return b.s.parallel(ctx, len(todo), func(i int) error { return w.page(todo[i]) })
}

// unsaved are the pages of which the cache does not know the present state.
// Where names have changed, links may lead elsewhere from any page.
func (b *work) unsaved() []*stored {
	var list []*stored
	if b.structural {
		return b.at
	}
	for p := range b.save {
		if b.m.pages[p.file] == p {
			list = append(list, p)
		}
	}
	return list
}

// warnings collects what is wrong with the pages, old and new.
func (b *work) warnings() []string {
	warns := append([]string(nil), b.scan.faults...)
	warns = append(warns, b.m.ix.faults...)
	for _, p := range b.at {
		for _, w := range p.rec.Faults {
			warns = append(warns, p.file+":"+w)
		}
		warns = append(warns, p.warns...)
	}
	return append(warns, b.w.warns...)
}

// pack is the file that holds the fragments, so that they need no memory. It is
// only ever added to; when most of it is old, a full build begins a new one.
type pack struct {
	mu   sync.Mutex
	f    *os.File
	name string
	size int64  // with what is in buf
	buf  []byte // not yet written
}

// add appends a fragment and the words behind it, and returns where it begins.
func (p *pack) add(frag, words []byte) (int64, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	off := p.size
	p.size += int64(len(frag) + len(words))
	p.buf = append(append(p.buf, frag...), words...)
	if len(p.buf) < 256<<10 {
		return off, nil
	}
	return off, p.flushLocked()
}

func (p *pack) flush() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.flushLocked()
}

func (p *pack) flushLocked() error {
	if len(p.buf) == 0 {
		return nil
	}
	_, err := p.f.WriteAt(p.buf, p.size-int64(len(p.buf)))
	p.buf = p.buf[:0]
	return err
}

func (p *pack) close() {
	if p != nil && p.f != nil {
		p.f.Close()
	}
}

// load reads the fragment of a page.
func (m *memory) load(file string) []byte {
	p := m.pages[file]
	if p == nil || p.len == 0 {
		return nil
	}
	buf := make([]byte, p.len)
	_, err := m.pack.f.ReadAt(buf, p.off)
	if sum := [32]byte{}; err == nil && m.cold {
		if sum = sha256.Sum256(buf); [16]byte(sum[:16]) != p.rec.Frag {
			err = io.ErrUnexpectedEOF
		}
	}
	if err != nil {
		m.fault.Store(true)
		return nil
	}
	return buf
}
