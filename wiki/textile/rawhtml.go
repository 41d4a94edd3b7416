// SPDX-License-Identifier: GPL-3.0-or-later

package textile

import (
	"bytes"
	"strings"
)

// blockElements are the elements that begin a block of raw HTML, which gets no
// paragraph around it.
var blockElements = map[string]bool{
	"address": true, "article": true, "aside": true, "blockquote": true, "details": true, "dialog": true, "div": true, "dl": true,
	"dt": true, "dd": true, "fieldset": true, "figcaption": true, "figure": true, "footer": true, "form": true, "h1": true, "h2": true,
	"h3": true, "h4": true, "h5": true, "h6": true, "header": true, "hr": true, "li": true, "main": true, "nav": true, "ol": true,
	"p": true, "pre": true, "script": true, "section": true, "style": true, "summary": true, "table": true, "tbody": true, "td": true,
	"tfoot": true, "th": true, "thead": true, "tr": true, "ul": true, "video": true, "audio": true, "iframe": true, "notextile": true,
}

// whole are the elements whose text is no Textile, blank lines included.
var whole = map[string]bool{"pre": true, "script": true, "style": true, "notextile": true}

// element returns the name of the tag that begins a block.
func (d *doc) element(from, to int) string {
	if from >= to || d.src[from] != '<' {
		return ""
	}
	i := from + 1
	if i < to && d.src[i] == '/' {
		i++
	}
	j := i
	for j < to && isWord(d.src[j]) && j-i < 12 {
		j++
	}
	return strings.ToLower(string(d.src[i:j]))
}

// htmlBlock returns where the raw HTML ends that begins at from, or 0.
func (d *doc) htmlBlock(from, to int) int {
	if !d.o.RawHTML {
		return 0
	}
	if bytes.HasPrefix(d.src[from:to], []byte("<!--")) {
		return d.htmlEnd("<!--", from, to, "-->")
	}
	el := d.element(from, to)
	if !blockElements[el] {
		return 0
	}
	if whole[el] && d.src[from+1] != '/' {
		return d.htmlEnd(el, from, to, "</"+el+">")
	}
	return to
}

// htmlEnd finds the line on which an element ends.
func (d *doc) htmlEnd(el string, from, to int, closer string) int {
	if d.noEnd[el] {
		return to
	}
	i := bytes.Index(d.src[from:], []byte(closer))
	if i < 0 {
		if d.noEnd == nil {
			d.noEnd = map[string]bool{}
		}
		d.noEnd[el] = true
		return to
	}
	return max(to, d.lineEnd(from+i, len(d.src)))
}

// html writes a block of raw HTML; there are phrases in it.
func (d *doc) html(p span) {
	el := d.element(p.from, p.to)
	text := d.src[p.from:p.to]
	switch {
	case el == "notextile":
		text = bytes.TrimSpace(text)
		if len(text) > 11 && strings.EqualFold(string(text[:11]), "<notextile>") {
			text = text[11:]
		}
		text = bytes.TrimSuffix(text, []byte("</notextile>"))
		d.out = append(append(d.out, bytes.TrimSpace(text)...), '\n')
	case el == "script" || el == "style" || bytes.HasPrefix(text, []byte("<!--")):
		d.out = append(append(d.out, text...), '\n')
	default:
		d.s.noBreaks = true
		s := d.inline(p.from, p.to)
		d.s.noBreaks = false
		d.out = append(append(d.out, s.html...), '\n')
		d.told("div", s.plain)
	}
}

// notextile writes a block that is not looked at; only where tags may pass it
// is HTML.
func (d *doc) notextile(p span) {
	text := d.src[p.from:p.to]
	if d.o.RawHTML {
		d.out = append(append(d.out, text...), '\n')
		return
	}
	d.out = append(d.out, "<p>"...)
	d.out = append(d.out, bytes.ReplaceAll(escape(nil, text), []byte("\n"), []byte("<br>\n"))...)
	d.out = append(d.out, "</p>\n"...)
	d.told("p", text)
}
