// SPDX-License-Identifier: GPL-3.0-or-later

package xmppserver

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"oswald/internal/xmppclient/xmltree"
)

const (
	nsForm  = "jabber:x:data"
	maxPage = 250
)

// archive is an account's message archive (XEP-0313), oldest first.
type archive struct {
	items []archived
	bytes int
}

type archived struct {
	id   string
	with [2]string // the bare JIDs of both sides
	item
}

// archiveLocked stores it for acct and returns its id.
func (s *Server) archiveLocked(acct *account, it item) string {
	a := &acct.archive
	rec := archived{id: archiveID(), item: it}
	for i, k := range []string{"from", "to"} {
		if j, err := parseJID(it.el.Get(k)); err == nil {
			rec.with[i] = j.bare()
		}
	}
	a.items = append(a.items, rec)
	a.bytes += it.size
	for len(a.items) > maxArchive || a.bytes > archiveBytes {
		a.bytes -= a.items[0].size
		a.items[0] = archived{}
		a.items = a.items[1:]
	}
	return rec.id
}

// form reads the fields of a submitted form.
func form(x *xmltree.Element) map[string]string {
	fields := make(map[string]string)
	for _, f := range x.Children() {
		if f.Is(nsForm, "field") {
			fields[f.Get("var")] = f.Child(nsForm, "value").Text()
		}
	}
	return fields
}

// mamLocked answers a query of the own archive: results as messages, then the end.
func (s *Server) mamLocked(r request) (*xmltree.Element, *failed) {
	if r.get {
		x := xmltree.New(nsForm, "x", "type", "form").
			Add(xmltree.New(nsForm, "field", "type", "hidden", "var", "FORM_TYPE").Add(xmltree.New(nsForm, "value").AddText(nsMAM)))
		for _, f := range [][2]string{{"jid-single", "with"}, {"text-single", "start"}, {"text-single", "end"}} {
			x.Add(xmltree.New(nsForm, "field", "type", f[0], "var", f[1]))
		}
		return xmltree.New(nsMAM, "query").Add(x), nil
	}
	found, fail := filter(r.from.acct.archive.items, form(r.payload.Child(nsForm, "x")))
	if fail != nil {
		return nil, fail
	}
	page, index, complete, fail := pageOf(found, r.payload.Child(nsRSM, "set"))
	if fail != nil {
		return nil, fail
	}
	for _, m := range page {
		s.pushLocked(r.from, item{size: m.size + 512, el: xmltree.New(nsClient, "message", "from", r.from.acct.bare, "to", r.from.full).
			Add(xmltree.New(nsMAM, "result", "queryid", r.payload.Get("queryid"), "id", m.id).
				Add(xmltree.New(nsForward, "forwarded").Add(xmltree.New("urn:xmpp:delay", "delay", "stamp", stamp(m.at)), m.el)))})
	}
	set := xmltree.New(nsRSM, "set")
	if len(page) > 0 {
		set.Add(xmltree.New(nsRSM, "first", "index", strconv.Itoa(index)).AddText(page[0].id),
			xmltree.New(nsRSM, "last").AddText(page[len(page)-1].id))
	}
	set.Add(xmltree.New(nsRSM, "count").AddText(strconv.Itoa(len(found))))
	fin := xmltree.New(nsMAM, "fin")
	if complete {
		fin.Set("complete", "true")
	}
	return fin.Add(set), nil
}

// filter applies the form of a query (XEP-0313 section 4).
func filter(items []archived, f map[string]string) ([]archived, *failed) {
	var with string
	if w := f["with"]; w != "" {
		j, err := parseJID(w)
		if err != nil {
			return nil, badRequest
		}
		with = j.bare()
	}
	var start, end time.Time
	for k, t := range map[string]*time.Time{"start": &start, "end": &end} {
		if v := f[k]; v != "" {
			var err error
			if *t, err = time.Parse(time.RFC3339, v); err != nil {
				return nil, badRequest
			}
		}
	}
	var found []archived
	for _, m := range items {
		// Stamps show milliseconds: compare what the client has been shown.
		at := m.at.Truncate(time.Millisecond)
		if (with == "" || m.with[0] == with || m.with[1] == with) &&
			(start.IsZero() || !at.Before(start)) && (end.IsZero() || !at.After(end)) {
			found = append(found, m)
		}
	}
	return found, nil
}

// pageOf applies a result set request (XEP-0059): max, after an id, before an id,
// the last page, or nothing but the count.
func pageOf(found []archived, set *xmltree.Element) (page []archived, index int, complete bool, fail *failed) {
	limit := maxPage
	if m := set.Child(nsRSM, "max"); m != nil {
		n, err := strconv.Atoi(strings.TrimSpace(m.Text()))
		if err != nil || n < 0 {
			return nil, 0, false, badRequest
		}
		limit = min(n, maxPage)
	}
	lo, hi := 0, len(found)
	find := func(id string) int {
		return slices.IndexFunc(found, func(m archived) bool { return m.id == id })
	}
	if a := set.Child(nsRSM, "after").Text(); a != "" {
		i := find(a)
		if i < 0 {
			return nil, 0, false, notFound
		}
		lo = i + 1
	}
	before := set.Child(nsRSM, "before")
	if b := before.Text(); b != "" {
		i := find(b)
		if i < 0 {
			return nil, 0, false, notFound
		}
		hi = i
	}
	hi = max(lo, hi)
	if before != nil {
		from := max(lo, hi-limit)
		return found[from:hi], from, from == lo, nil
	}
	to := min(hi, lo+limit)
	return found[lo:to], lo, to == hi, nil
}
