// SPDX-License-Identifier: GPL-3.0-or-later

package wiki

import (
	"encoding/binary"
	"strings"
)

// deps is what a page was made of besides its own text: every question that was
// asked while it was put together, with the answer. A page is out of date when
// an answer is not what it was. See the package comment.
type deps struct{ list []dep }

// dep is one question and its answer.
type dep struct {
	kind   byte
	arg    string
	answer uint64
}

// The kinds of questions.
const (
	depName    = 'n' // which page a name means in a folder
	depKey     = 'k' // which page has a key
	depFile    = 'a' // which attachment a name means in a folder
	depFace    = 'm' // title, address, dates, tags and fields of a page
	depHeads   = 'h' // headings and blocks of a page
	depFrag    = 'f' // fragment of a page, or the text of a macro
	depMacro   = 'x' // which page defines a macro, and its text
	depQuery   = 'q' // what a query finds
	depBack    = 'b' // backlinks of a page
	depNear    = 'o' // neighbours of a post
	depTags    = 't' // all tags with their counts
	depTrail   = 'r' // trails of a page, and its neighbours on them
	depFaults  = 'w' // wanted pages, orphans or broken links
	depHistory = 'g' // changes of a page, as git has them
	depLately  = 'G' // what was changed last on the site
	depSize    = 'd' // width and height of a picture
	depWords   = 's' // words of a page; asked by the search index
	depPacked  = 'z' // content of a file that lies compressed beside itself; asked by the output
)

// What else a page depends on, which is no question: a test makes the builder
// blind for it all the same.
const (
	edgeTheme  = 'T' // templates and style sheet
	edgeConfig = 'C' // the configuration
	edgeTime   = 'D' // a date that has come
)

// blind says whether a test makes the builder blind for a kind of question or
// edge.
func (s *Site) blind(kind byte) bool { return strings.IndexByte(s.ignore, kind) >= 0 }

func (d *deps) add(kind byte, arg string, answer uint64) {
	if d == nil {
		return
	}
	for i := range d.list { // pages ask few questions, and some of them often
		if d.list[i].kind == kind && d.list[i].arg == arg {
			return
		}
		if i == 64 {
			break
		}
	}
	d.list = append(d.list, dep{kind, arg, answer})
}

func (d *deps) name(name, folder string, page *Record, others int) {
	d.add(depName, name+"\x00"+folder, answerName(page, others))
}

func (d *deps) key(key string, page *Record) { d.add(depKey, key, answerName(page, 0)) }

func (d *deps) file(name, folder, file string) {
	d.add(depFile, name+"\x00"+folder, hashString(file))
}

func (d *deps) face(p *Record)  { d.add(depFace, p.File, p.face()) }
func (d *deps) heads(p *Record) { d.add(depHeads, p.File, p.heads()) }
func (d *deps) frag(p *Record)  { d.add(depFrag, p.File, hashBytes(p.Frag[:])) }
func (d *deps) macro(name string, p *Record) {
	d.add(depMacro, name, answerMacro(p))
}

func (d *deps) query(q call, folder string, ix *index, found []*Record) {
	d.add(depQuery, folder+"\x00"+q.encode(), answerQuery(ix, q, found))
}

func (d *deps) back(p *Record, list []backlink) { d.add(depBack, p.File, answerBack(list)) }
func (d *deps) tags(ix *index)                  { d.add(depTags, "", answerTags(ix)) }

func (d *deps) near(p *Record, ix *index) { d.add(depNear, p.File, answerNear(p, ix)) }

// encode writes the questions so that nextDep reads them: a letter, the length of
// the rest of the question, the rest, the answer.
func (d *deps) encode() string {
	size := 0
	for i := range d.list {
		size += 12 + len(d.list[i].arg)
	}
	b := make([]byte, 0, size)
	for i := range d.list {
		q := &d.list[i]
		b = binary.AppendUvarint(append(b, q.kind), uint64(len(q.arg)))
		b = binary.LittleEndian.AppendUint64(append(b, q.arg...), q.answer)
	}
	return string(b)
}

// nextDep reads the first of the questions that encode wrote. Of a damaged one
// nothing is left, and its answer is wrong.
func nextDep(s string) (d dep, rest string) {
	n, shift, i := 0, 0, 1
	for ; i < len(s) && shift < 35; i++ {
		n |= int(s[i]&0x7f) << shift
		shift += 7
		if s[i] < 0x80 {
			i++
			break
		}
	}
	if n > len(s) || len(s) < i+n+8 {
		return dep{}, ""
	}
	d.kind, d.arg = s[0], s[i:i+n]
	for j := range 8 {
		d.answer |= uint64(s[i+n+j]) << (8 * j)
	}
	return d, s[i+n+8:]
}
