// SPDX-License-Identifier: GPL-3.0-or-later

package moderation

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"hash/fnv"
	"sync"
)

const (
	viewBytes  = 8 << 20 // of finished pages kept in memory
	chunkBytes = 300_000 // of text on one page: a Memcached value holds 1 MB
)

// doc is a finished answer.
type doc struct {
	body []byte
	etag string
}

func newDoc(body []byte) doc {
	sum := sha256.Sum256(body)
	return doc{body, `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`}
}

// view is how the shown comments of one wiki page lie on pages of comments. It
// never changes but for pages being rendered when first asked for.
type view struct {
	version int64 // of the page in the database, where others change it too
	order   []node
	chunks  [][2]int      // from, to in order; at least one
	where   map[int64]int // comment → page, from 1

	mu    sync.Mutex
	pages map[int]doc // rendered; 0 is the feed
}

// node is a comment in its thread.
type node struct {
	n, parent int64 // parent 0: begins a thread
	changed   int64 // when it last did, in Unix milliseconds
	bytes     int   // of text
	depth     int
}

// chunked lays comments, given in the order of their numbers, out in threads: a
// reply follows what it replies to, and whose parent is not shown begins a thread.
func chunked(list []node, perPage int) *view {
	v := &view{where: make(map[int64]int, len(list)), pages: make(map[int]doc)}
	kids := make(map[int64][]node)
	for _, c := range list {
		if _, ok := v.where[c.parent]; !ok || c.parent >= c.n {
			c.parent = 0
		}
		v.where[c.n] = 0
		kids[c.parent] = append(kids[c.parent], c)
	}
	// Depth first, without recursion: a thread may be thousands deep.
	var stack []node
	push := func(parent int64, depth int) {
		k := kids[parent]
		for i := len(k) - 1; i >= 0; i-- {
			k[i].depth = depth
			stack = append(stack, k[i])
		}
	}
	push(0, 0)
	from, bytes := 0, 0
	for len(stack) > 0 {
		c := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if i := len(v.order); i > from && (i-from >= perPage || bytes+c.bytes > chunkBytes) {
			v.chunks = append(v.chunks, [2]int{from, i})
			from, bytes = i, 0
		}
		bytes += c.bytes
		v.order = append(v.order, c)
		v.where[c.n] = len(v.chunks) + 1
		push(c.n, c.depth+1)
	}
	v.chunks = append(v.chunks, [2]int{from, len(v.order)})
	return v
}

// signature is a number that is the same for two pages, maybe of two views, only if
// they look the same.
func (v *view) signature(p int) uint64 {
	h := fnv.New64a()
	var b [8]byte
	add := func(n int64) {
		binary.LittleEndian.PutUint64(b[:], uint64(n))
		h.Write(b[:])
	}
	add(int64(p))
	add(int64(len(v.chunks)))
	for _, c := range v.order[v.chunks[p-1][0]:v.chunks[p-1][1]] {
		add(c.n)
		add(c.parent)
		add(c.changed)
		add(int64(c.depth))
		add(int64(v.where[c.parent])) // where the link to it leads
	}
	return h.Sum64()
}

// views keeps finished pages. Each is made once however many ask at a time, and a
// page that changes while it is being made is not kept.
type views struct {
	mu     sync.Mutex
	max    int
	bytes  int
	kept   map[string]*view
	making map[string]*making
}

type making struct {
	done chan struct{}
	view *view
	err  error

	version int64
}

func newViews(max int) *views {
	return &views{max: max, kept: make(map[string]*view), making: make(map[string]*making)}
}

// drop forgets a page. It is called after the commit of every change.
func (vs *views) drop(key string) {
	vs.mu.Lock()
	defer vs.mu.Unlock()
	vs.forget(key)
	delete(vs.making, key) // whoever makes it gives it to those who wait, and nobody keeps it
}

// dropOlder forgets a page that another server has changed.
func (vs *views) dropOlder(key string, version int64) {
	vs.mu.Lock()
	defer vs.mu.Unlock()
	if v, ok := vs.kept[key]; ok && v.version < version {
		vs.forget(key)
	}
	if m, ok := vs.making[key]; ok && m.version < version {
		delete(vs.making, key)
	}
}

func (vs *views) forget(key string) {
	if v, ok := vs.kept[key]; ok {
		delete(vs.kept, key)
		v.mu.Lock()
		for _, d := range v.pages {
			vs.bytes -= len(d.body)
		}
		v.pages = nil // later renderings of this view are not counted, nor kept
		v.mu.Unlock()
		vs.bytes -= v.weight()
	}
}

func (v *view) weight() int { return 96 * (len(v.order) + 1) }

// get returns the view of a page at version, which is 0 where nobody else changes
// pages, or a newer one.
func (vs *views) get(key string, version int64, build func() (*view, error)) (*view, error) {
	vs.mu.Lock()
	if v, ok := vs.kept[key]; ok {
		vs.mu.Unlock()
		return v, nil
	}
	if m, ok := vs.making[key]; ok {
		vs.mu.Unlock()
		<-m.done
		return m.view, m.err
	}
	m := &making{done: make(chan struct{}), version: version}
	vs.making[key] = m
	vs.mu.Unlock()

	if m.view, m.err = build(); m.err == nil {
		m.view.version = version
	}
	vs.mu.Lock()
	if vs.making[key] == m {
		delete(vs.making, key)
		if m.err == nil {
			vs.kept[key] = m.view
			vs.grow(m.view.weight(), key)
		}
	}
	vs.mu.Unlock()
	close(m.done)
	return m.view, m.err
}

// page returns the rendered page p of v.
func (vs *views) page(key string, v *view, p int, build func() (doc, error)) (doc, error) {
	v.mu.Lock()
	d, ok := v.pages[p]
	v.mu.Unlock()
	if ok {
		return d, nil
	}
	d, err := build()
	if err != nil {
		return d, err
	}
	vs.mu.Lock()
	defer vs.mu.Unlock()
	if vs.kept[key] != v {
		return d, nil // dropped meanwhile
	}
	v.mu.Lock()
	_, twice := v.pages[p]
	v.pages[p] = d
	v.mu.Unlock()
	if !twice {
		vs.grow(len(d.body), key)
	}
	return d, nil
}

// grow counts n bytes more, and makes room by dropping other pages, whichever.
func (vs *views) grow(n int, but string) {
	vs.bytes += n
	for key := range vs.kept {
		if vs.bytes <= vs.max {
			return
		}
		if key != but {
			vs.forget(key)
		}
	}
}
