// SPDX-License-Identifier: GPL-3.0-or-later

package wiki

import (
	"sort"
	"strings"
	"time"
)

// Record is what is kept of a page after it was parsed. Queries, links and
// lists see records only, never rendered text; syntax trees are not kept.
type Record struct {
	File      string // slash path in the source folder
	Key       string // "getting-started"; settled over all pages
	Title     string
	Summary   string // description, or the first words of the text
	Date      time.Time
	Updated   time.Time
	Expires   time.Time
	Draft     bool
	Macro     string // name of the macro that it defines; it is then no page
	Permalink string
	Tags      []string // as first written; front matter first
	Aliases   []string
	Fields    []Field // front matter, sorted by key
	Links     []Link  // written in this page, in order
	Headings  []Heading
	Blocks    []Block
	Body      int      // where the footnotes begin in the fragment, or its length
	HasH1     bool     // the text begins with its own title
	Words     int      // in the text, roughly
	Faults    []string // "line: what", found by reading this page alone
	Hash      [16]byte // of the source
	Frag      [16]byte // of the fragment

	in      int32   // while links are counted
	seen    *Record // … and the page that was last seen to link here
	faceSum uint64  // face, once the key is settled
	sortKey string  // title as lists sort it
	id      string  // in the search index
	words   []byte  // for the search index, until they are in the pack
}

// Field is one key of the front matter.
type Field struct {
	Key  string // folded
	Vals []string
}

// Link is one reference that a page makes to another page or file.
type Link struct {
	Target  string // as written, without section; empty for the page itself
	Section string // heading path with #, or ^block
	Context string // the words around it
	Line    int
	Kind    LinkKind

	known bool   // to is what the names of the last index say
	to    string // file of the page it leads to; empty if there is none
}

// LinkKind says how a link was written.
type LinkKind uint8

// The kinds of links.
const (
	WikiLink  LinkKind = iota // [[Page]]
	PathLink                  // [text](page.md)
	CamelLink                 // FrontPage
	Embedding                 // ![[Page]] or an image
)

// Heading is a heading of a page.
type Heading struct {
	Level int
	Text  string
	ID    string
	Line  int
	Off   int // where it begins in the fragment; -1 inside another block
}

// Block is a part of the fragment that can be transcluded by ^id, or a footnote.
type Block struct {
	ID         string
	Start, End int
	Wrap       string // element that must stand around it: ul, ol or none
}

// Vals returns the values of a field; the well-known ones read from the record.
func (r *Record) Vals(key string) []string {
	switch key {
	case "title":
		return []string{r.Title}
	case "date", "created":
		if r.Date.IsZero() {
			return nil
		}
		return []string{day(r.Date)}
	case "updated":
		if r.Updated.IsZero() {
			return r.Vals("date")
		}
		return []string{day(r.Updated)}
	case "tag", "tags":
		return r.Tags
	case "file", "path":
		return []string{r.File}
	case "key":
		return []string{r.Key}
	case "summary":
		return []string{r.Summary}
	case "folder":
		return []string{r.folder()}
	}
	i := sort.Search(len(r.Fields), func(i int) bool { return r.Fields[i].Key >= key })
	if i < len(r.Fields) && r.Fields[i].Key == key {
		return r.Fields[i].Vals
	}
	return nil
}

// Val returns the values of a field as one text.
func (r *Record) Val(key string) string { return strings.Join(r.Vals(key), ", ") }

// folder returns the folder of the file, empty at the root.
func (r *Record) folder() string {
	if i := strings.LastIndexByte(r.File, '/'); i >= 0 {
		return r.File[:i]
	}
	return ""
}

// base returns the name of the page: its file name without extension.
func (r *Record) base() string {
	name := r.File[strings.LastIndexByte(r.File, '/')+1:]
	return trimPage(name)
}

// changed returns when the page was last changed, by its own word.
func (r *Record) changed() time.Time {
	if r.Updated.IsZero() {
		return r.Date
	}
	return r.Updated
}

// hidden says whether the page is not to be seen at now.
func (r *Record) hidden(now time.Time) bool {
	return r.Draft || r.Macro != "" || r.Date.After(now) || !r.Expires.IsZero() && !r.Expires.After(now)
}

// day writes a date, with its time where it has one.
func day(t time.Time) string {
	if t.Hour() == 0 && t.Minute() == 0 && t.Second() == 0 {
		return t.Format("2006-01-02")
	}
	return t.Format("2006-01-02 15:04")
}

// section returns the part of the fragment below the heading that path names
// ("A" or "A#B"), as start and end.
func (r *Record) section(path string) (start, end int, h *Heading, ok bool) {
	i := r.findHeading(path)
	if i < 0 || r.Headings[i].Off < 0 {
		return 0, 0, nil, false
	}
	h = &r.Headings[i]
	end = r.Body
	for _, next := range r.Headings[i+1:] {
		if next.Off >= 0 && next.Level <= h.Level {
			end = next.Off
			break
		}
	}
	return h.Off, end, h, true
}

// findHeading returns the index of the heading that path names, or -1. In a
// path every element must lie below the one before it.
func (r *Record) findHeading(path string) int {
	at, level, found := 0, 0, -1
	for _, name := range strings.Split(path, "#") {
		want := headingFold(name)
		if want == "" && strings.TrimSpace(name) == "" {
			continue
		}
		hit := -1
		for i := at; i < len(r.Headings); i++ {
			h := &r.Headings[i]
			if found >= 0 && h.Level <= level {
				break
			}
			if headingFold(h.Text) == want || h.ID == name {
				hit = i
				break
			}
		}
		if hit < 0 {
			return -1
		}
		found, level, at = hit, r.Headings[hit].Level, hit+1
	}
	return found
}

// block returns the block ^id.
func (r *Record) block(id string) (Block, bool) {
	id = fold(id)
	for _, b := range r.Blocks {
		if b.ID == id {
			return b, true
		}
	}
	return Block{}, false
}
