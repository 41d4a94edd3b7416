// SPDX-License-Identifier: GPL-3.0-or-later

package wiki

import (
	"encoding/binary"
	"strconv"
	"strings"
	"time"
)

// digest is a running 64-bit hash (FNV-1a, eight bytes at a time where it can).
// It compares answers of two builds by the same program, nothing else.
type digest uint64

const digestStart digest = 14695981039346656037

func (d *digest) word(v uint64) { *d = (*d ^ digest(v)) * 1099511628211; *d ^= *d >> 29 }

func (d *digest) text(s string) {
	d.word(uint64(len(s)))
	for len(s) >= 8 {
		d.word(uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 | uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56)
		s = s[8:]
	}
	var v uint64
	for i := 0; i < len(s); i++ {
		v = v<<8 | uint64(s[i])
	}
	d.word(v)
}

func (d *digest) time(t time.Time) {
	if t.IsZero() {
		d.word(0)
		return
	}
	d.word(uint64(t.Unix()))
}

func (d *digest) sum() uint64 { return uint64(*d) }

func hashString(s string) uint64 { d := digestStart; d.text(s); return d.sum() }
func hashBytes(b []byte) uint64  { return binary.LittleEndian.Uint64(b) }

// face is the answer to how a page shows in lists, titles and links.
func (r *Record) face() uint64 {
	if r.faceSum != 0 {
		return r.faceSum
	}
	d := digestStart
	d.text(r.Key)
	d.word(r.meta())
	return d.sum()
}

// meta is the face without the address, which is settled over all pages.
func (r *Record) meta() uint64 {
	d := digestStart
	d.text(r.File)
	d.text(r.Title)
	d.text(r.Summary)
	d.time(r.Date)
	d.time(r.Updated)
	d.time(r.Expires)
	d.text(r.Macro)
	if r.Draft {
		d.word(1)
	}
	for _, t := range r.Tags {
		d.text(t)
	}
	d.word(uint64(len(r.Tags)))
	for _, f := range r.Fields {
		d.text(f.Key)
		for _, v := range f.Vals {
			d.text(v)
		}
	}
	return d.sum()
}

// heads is the answer to which headings and blocks a page has.
func (r *Record) heads() uint64 {
	d := digestStart
	for _, h := range r.Headings {
		d.word(uint64(h.Level))
		d.text(h.Text)
		d.text(h.ID)
	}
	for _, b := range r.Blocks {
		d.text(b.ID)
	}
	return d.sum()
}

func answerName(p *Record, others int) uint64 {
	if p == nil {
		return 0
	}
	return hashString(p.File) + uint64(others)
}

func answerTags(ix *index) uint64 {
	d := digestStart
	for _, t := range ix.order {
		d.text(t.name)
		d.word(uint64(len(t.pages)))
	}
	return d.sum()
}

// answer answers a question anew.
func (ix *index) answer(kind byte, arg string) uint64 {
	switch kind {
	case depName:
		name, folder, _ := strings.Cut(arg, "\x00")
		return answerName(ix.resolve(name, folder))
	case depKey:
		return answerName(ix.byKey[arg], 0)
	case depFile:
		name, folder, _ := strings.Cut(arg, "\x00")
		return hashString(ix.file(name, folder))
	case depMacro:
		return answerMacro(ix.macros[arg])
	case depQuery:
		folder, q, _ := strings.Cut(arg, "\x00")
		c := decodeCall(q)
		return answerQuery(ix, c, ix.query(c, folder))
	case depTags:
		return answerTags(ix)
	case depLately:
		n, _ := strconv.Atoi(arg)
		return answerLately(ix, n)
	case depFaults:
		return answerFaults(ix, arg)
	}
	p := ix.byFile[arg]
	if p == nil {
		return 0
	}
	switch kind {
	case depFace:
		return p.face()
	case depHeads:
		return p.heads()
	case depFrag:
		return hashBytes(p.Frag[:])
	case depBack:
		return answerBack(ix.back[arg])
	case depHistory:
		return answerChanges(ix.past().of(arg))
	case depTrail:
		return answerTrail(p, ix)
	case depNear:
		return answerNear(p, ix)
	}
	return 0
}

func answerMacro(p *Record) uint64 {
	if p == nil {
		return 0
	}
	d := digestStart
	d.text(p.File)
	d.word(hashBytes(p.Frag[:]))
	return d.sum()
}

func answerPages(found []*Record) uint64 {
	d := digestStart
	for _, r := range found {
		d.word(r.face())
	}
	return d.sum()
}

// answerQuery is the answer to what a query finds, with what it shows of it.
func answerQuery(ix *index, c call, found []*Record) uint64 {
	d := digestStart
	d.word(answerPages(found))
	for _, field := range c.shown() {
		for _, r := range found {
			vals := ix.vals(r, field)
			d.word(uint64(len(vals)))
			for _, v := range vals {
				d.text(v)
			}
		}
	}
	return d.sum()
}

func answerBack(list []backlink) uint64 {
	d := digestStart
	for _, b := range list {
		d.text(b.from.Key)
		d.text(b.from.Title)
		d.text(b.text)
	}
	return d.sum()
}

// encode writes a call so that decodeCall reads it.
func (c call) encode() string {
	var b strings.Builder
	b.WriteString(c.name)
	for _, a := range c.args {
		b.WriteString("\x01" + a.key + "\x02" + a.op + "\x02" + a.val)
	}
	return b.String()
}

func decodeCall(s string) call {
	parts := strings.Split(s, "\x01")
	c := call{name: parts[0]}
	for _, p := range parts[1:] {
		f := strings.SplitN(p, "\x02", 3)
		c.args = append(c.args, arg{f[0], f[1], f[2]})
	}
	return c
}

// answerNear is the answer to which posts stand beside a page.
func answerNear(p *Record, ix *index) uint64 {
	d := digestStart
	i, ok := ix.postAt[p.File]
	if !ok {
		return 0
	}
	for _, j := range []int{i - 1, i + 1} {
		if j >= 0 && j < len(ix.posts) {
			d.text(ix.posts[j].Key)
			d.text(ix.posts[j].Title)
		}
		d.word(1)
	}
	return d.sum()
}
