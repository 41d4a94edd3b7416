// SPDX-License-Identifier: GPL-3.0-or-later

package wiki

import (
	"sort"
	"strconv"
	"strings"
)

// listedBelow is how many pages the search page lists for readers without
// JavaScript; the tags lead to the others.
const listedBelow = 500

// searchForm writes the page to search at. What its form does is the work of
// search.js; without it there are the tags and a list of pages.
func (w *writer) searchForm() error {
	if !w.need("search/index.html", w.all) {
		return nil
	}
	base := esc(w.s.base)
	var b strings.Builder
	b.WriteString(`<form id="search" role="search" action="` + base + `/search/" data-base="` + base + `" hidden>
<label for="q">Words to look for</label>
<input type="search" id="q" name="q" autocomplete="off" autocapitalize="off" spellcheck="false" enterkeyhint="search">
<button class="button">Search</button>
</form>
<p id="found" class="meta" role="status"></p>
<ul id="hits" class="pages"></ul>
<p><button id="more" class="button" type="button" hidden>Show more</button></p>
<noscript><p>Searching needs JavaScript. Without it, the tags and the list of pages lead everywhere.</p></noscript>
`)
	if len(w.ix.order) > 0 {
		b.WriteString("<h2 id=\"tags\">By tag</h2>\n")
		w.tagList(&b, "")
	}
	pages := append([]*Record(nil), w.ix.pages...)
	sort.SliceStable(pages, func(i, j int) bool { return byTitle(pages[i], pages[j]) })
	b.WriteString("<h2 id=\"pages\">By title</h2>\n<ul class=\"query\">\n")
	for _, r := range pages[:min(len(pages), listedBelow)] {
		b.WriteString(`<li><a href="` + w.s.base + pageURL(r.Key) + `">` + esc(r.Title) + "</a></li>\n")
	}
	b.WriteString("</ul>\n")
	if n := len(pages) - listedBelow; n > 0 {
		b.WriteString("<p>… and " + strconv.Itoa(n) + ` more, by <a href="` + base + `/tag/">their tags</a>.</p>` + "\n")
	}
	b.WriteString(`<script src="` + base + `/search.js" defer></script>` + "\n")
	return w.list("search/index.html", &PageData{Kind: "search", Title: "Search", URL: w.s.base + "/search/"}, b.String())
}
