// SPDX-License-Identifier: GPL-3.0-or-later

package wiki

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
	depName  = 'n' // which page a name means in a folder
	depKey   = 'k' // which page has a key
	depFile  = 'a' // which attachment a name means in a folder
	depFace  = 'm' // title, address, dates, tags and fields of a page
	depHeads = 'h' // headings and blocks of a page
	depFrag  = 'f' // fragment of a page, or the text of a macro
	depMacro = 'x' // which page defines a macro, and its text
	depQuery = 'q' // what a query finds
	depBack  = 'b' // backlinks of a page
	depNear  = 'o' // neighbours of a post
	depTags  = 't' // all tags with their counts
	depWords = 's' // words of a page; asked by the search index
)

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

func (d *deps) query(q call, folder string, found []*Record) {
	d.add(depQuery, folder+"\x00"+q.encode(), answerPages(found))
}

func (d *deps) back(p *Record, list []backlink) { d.add(depBack, p.File, answerBack(list)) }
func (d *deps) tags(ix *index)                  { d.add(depTags, "", answerTags(ix)) }

func (d *deps) near(p *Record, ix *index) { d.add(depNear, p.File, answerNear(p, ix)) }
