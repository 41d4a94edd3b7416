// SPDX-License-Identifier: GPL-3.0-or-later

package wiki

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"unsafe"
)

// The index that search.js and Search read lies in the output as files:
//
//	search/index.json    how many pages, and how long the beginnings below are
//	search/t/BEGIN.txt   words that begin so: "word postings" on a line each
//	search/d/BEGIN.json  pages whose ids begin so: {"id":["title","url","summary"]}
//
// A posting is the id of a page, six characters, and its points as one more; the
// postings of a word stand in the order of the ids. An id comes from the key of
// its page alone, so that a new page does not renumber the others. Who changes a
// page touches the files of the words that came, went or count otherwise, and no
// others.

const idSize = 6

// searchID names a page in the index.
func searchID(key string) string {
	const digits = "0123456789abcdefghijklmnopqrstuv"
	sum := sha256.Sum256([]byte(key))
	var id [idSize]byte
	for i := range id {
		id[i] = digits[sum[i]&31]
	}
	return string(id[:])
}

// shape is how an index is cut into files; it depends on the number of pages.
type shape struct {
	Pages   int `json:"pages"`
	Letters int `json:"letters"` // of a word
	IDs     int `json:"ids"`     // characters of an id
}

func shapeOf(pages int) shape {
	s := shape{Pages: pages, Letters: 3, IDs: 2}
	switch {
	case pages <= 150:
		s.Letters, s.IDs = 1, 0
	case pages <= 4000:
		s.Letters, s.IDs = 2, 1
	}
	return s
}

func (s shape) wordFile(word string) string {
	return "search/t/" + shardName(word, s.Letters) + ".txt"
}

func (s shape) pageFile(id string) string {
	if s.IDs == 0 {
		return "search/d/all.json"
	}
	return "search/d/" + id[:s.IDs] + ".json"
}

// indexed is what of a page stands in the index: under which key, and where in
// the pack its words are. The zero value is a page that is not in it.
type indexed struct {
	key string
	off int64
	len int
	sum uint64 // of the words
}

func (p *stored) toIndex() indexed {
	if !p.visible || p.rec.Macro != "" {
		return indexed{}
	}
	return indexed{p.rec.Key, p.off + int64(p.len), p.tlen, p.tsum}
}

// words reads the words of a page out of the pack.
func (m *memory) words(x indexed) []byte { return m.readWords(x, nil) }

// readWords is words, into a buffer that is used again.
func (m *memory) readWords(x indexed, buf []byte) []byte {
	buf = slices.Grow(buf[:0], x.len)[:x.len]
	if x.len == 0 {
		return buf
	}
	if _, err := m.pack.f.ReadAt(buf, x.off); err != nil || hashString(unsafe.String(&buf[0], len(buf))) != x.sum {
		m.fault.Store(true)
		return buf[:0]
	}
	return buf
}

// search brings the index up to date.
func (b *work) search() error {
	if !b.s.cfg.Search {
		return nil
	}
	w, pages := b.w, b.ix().pages
	sh := shapeOf(len(pages))
	old, known := w.known["search"]
	flags := uint64(sh.Letters)<<8 | uint64(sh.IDs)<<1 | old&1
	if b.structural || !known {
		flags = flags&^1 | b.clash()
	}
	w.made["search"] = flags
	whole := !known || old != flags || flags&1 == 1
	if !whole {
		ok, err := b.patchShards(sh)
		if err != nil {
			return err
		}
		whole = !ok
	}
	if whole {
		if err := b.allShards(sh); err != nil {
			return err
		}
	}
	for _, p := range b.rewritten() {
		if now := p.toIndex(); now != p.was {
			p.was = now
			b.save[p] = true
		}
	}
	if err := w.searchPages(sh, b.structural || whole); err != nil {
		return err
	}
	return w.searchForm()
}

// clash is 1 where two pages have the same id. Postings then cannot be taken out
// one by one, and the index is always made as a whole.
func (b *work) clash() uint64 {
	seen := make(map[string]bool, len(b.ix().pages))
	for _, r := range b.ix().pages {
		if seen[r.id] {
			return 1
		}
		seen[r.id] = true
	}
	return 0
}

// rewritten are the pages of which something else may stand in the index now.
func (b *work) rewritten() []*stored {
	if b.structural {
		return b.at
	}
	list := make([]*stored, len(b.fresh))
	for i, c := range b.fresh {
		list[i] = c.page
	}
	return list
}

// edit is one change of a posting; no points take it out.
type edit struct {
	word, id string
	points   byte
}

// patchShards changes the files of the words that the changed pages have gained
// or lost. It says no where one of them is not what the last build wrote.
func (b *work) patchShards(sh shape) (ok bool, err error) {
	edits := map[string][]edit{}
	note := func(word []byte, id string, points byte) {
		file := sh.wordFile(string(word))
		edits[file] = append(edits[file], edit{string(word), id, points})
	}
	all := func(x indexed, points func(byte) byte) {
		id := searchID(x.key)
		for blob := b.m.words(x); len(blob) > 0; {
			var word []byte
			var n byte
			word, n, blob = nextTerm(blob)
			note(word, id, points(n))
		}
	}
	gone := func(byte) byte { return 0 }
	same := func(n byte) byte { return n }
	if !b.s.blind(depWords) {
		for _, x := range b.goneWords {
			all(x, gone)
		}
		for _, p := range b.rewritten() {
			now := p.toIndex()
			switch {
			case now.key == p.was.key && now.sum == p.was.sum && now.len == p.was.len:
			case now.key != p.was.key:
				all(p.was, gone)
				all(now, same)
			default:
				diffWords(b.m.words(p.was), b.m.words(now), func(word []byte, n byte) { note(word, p.rec.id, n) })
			}
		}
	}
	text := make(map[string][]byte, len(edits))
	for file, list := range edits {
		e, mine := b.w.out.was(file)
		var data []byte
		if mine {
			data, err = os.ReadFile(filepath.Join(b.w.out.dir, filepath.FromSlash(file)))
			if sum := sha256.Sum256(data); err != nil || [16]byte(sum[:16]) != e.hash {
				return false, nil
			}
		}
		text[file] = patchShard(data, list)
	}
	words := "search/t/"
	list := b.w.out.list
	first := sort.Search(len(list), func(i int) bool { return list[i].name >= words })
	for i := first; i < len(list) && strings.HasPrefix(list[i].name, words); i++ {
		name := list[i].name
		if len(b.w.out.packing) > 0 {
			name = plainName(name)
		}
		if _, touched := text[name]; !touched {
			list[i].kept = true
		}
	}
	for file, data := range text {
		if len(data) == 0 {
			continue // no word is left: the file goes
		}
		if err := b.w.out.put(file, data); err != nil {
			return false, err
		}
	}
	return true, nil
}

// diffWords calls note for each word that counts otherwise in now than in old.
func diffWords(old, now []byte, note func(word []byte, points byte)) {
	had := map[string]byte{}
	for len(old) > 0 {
		var word []byte
		var n byte
		word, n, old = nextTerm(old)
		had[string(word)] = n
	}
	for len(now) > 0 {
		var word []byte
		var n byte
		if word, n, now = nextTerm(now); had[string(word)] != n {
			note(word, n)
		}
		delete(had, string(word))
	}
	for word := range had {
		note([]byte(word), 0)
	}
}

// patchShard applies edits to the text of a file of words.
func patchShard(data []byte, edits []edit) []byte {
	// What takes a posting out comes before what puts one in: a page may have
	// gone and another come that has its key.
	sort.SliceStable(edits, func(i, j int) bool {
		a, b := edits[i], edits[j]
		if a.word != b.word {
			return a.word < b.word
		}
		if a.id != b.id {
			return a.id < b.id
		}
		return a.points == 0 && b.points != 0
	})
	out := make([]byte, 0, len(data)+len(edits)*(idSize+12))
	for len(edits) > 0 {
		word := edits[0].word
		var line []byte
		for len(data) > 0 {
			end := bytes.IndexByte(data, '\n') + 1
			if end == 0 {
				end = len(data)
			}
			c := bytes.Compare(data[:max(bytes.IndexByte(data[:end], ' '), 0)], []byte(word))
			if c > 0 {
				break
			}
			if c == 0 {
				line, data = bytes.TrimSuffix(data[len(word)+1:end], []byte("\n")), data[end:]
				break
			}
			out, data = append(out, data[:end]...), data[end:]
		}
		list := slices.Clone(line)
		for len(edits) > 0 && edits[0].word == word {
			list = patchList(list, edits[0])
			edits = edits[1:]
		}
		if len(list) > 0 {
			out = append(append(append(append(out, word...), ' '), list...), '\n')
		}
	}
	return append(out, data...)
}

// patchList applies one edit to the postings of a word.
func patchList(list []byte, e edit) []byte {
	const size = idSize + 1
	n := len(list) / size
	i := sort.Search(n, func(i int) bool { return string(list[i*size:i*size+idSize]) >= e.id })
	there := i < n && string(list[i*size:i*size+idSize]) == e.id
	switch {
	case e.points == 0 && there:
		return slices.Delete(list, i*size, (i+1)*size)
	case e.points == 0:
		return list
	case there:
		list[i*size+idSize] = '0' + e.points
		return list
	}
	return slices.Insert(list, i*size, append([]byte(e.id), '0'+e.points)...)
}

// searchPages writes how pages show among what was found.
func (w *writer) searchPages(sh shape, changed bool) error {
	if !changed {
		for f, of := range w.known {
			if strings.HasPrefix(f, "search/d/") {
				changed = w.need(f, of) || changed
			}
		}
		if !changed && w.out.has("search/index.json") {
			w.out.keep("search/index.json")
			return nil
		}
	}
	files := map[string][]*Record{}
	for _, r := range w.ix.pages {
		f := sh.pageFile(r.id)
		files[f] = append(files[f], r)
	}
	for f, pages := range files {
		if !w.need(f, faces(pages)) {
			continue
		}
		sort.Slice(pages, func(i, j int) bool { return pages[i].Key < pages[j].Key })
		rows := make(map[string][][3]string, len(pages))
		for _, r := range pages {
			rows[r.id] = append(rows[r.id], [3]string{r.Title, w.s.base + pageURL(r.Key), cut(r.Summary, 160)})
		}
		data, err := json.Marshal(rows)
		if err != nil {
			return err
		}
		if err := w.out.put(f, append(data, '\n')); err != nil {
			return err
		}
	}
	data, err := json.Marshal(sh)
	if err != nil {
		return err
	}
	return w.out.put("search/index.json", append(data, '\n'))
}
