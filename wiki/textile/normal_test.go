// SPDX-License-Identifier: GPL-3.0-or-later

package textile

import (
	"net/url"
	"regexp"
	"sort"
	"strings"

	"golang.org/x/net/html"
	body "golang.org/x/net/html/atom"
)

// normal returns HTML in a form in which two texts that show the same are the
// same: parsed, one element a line, without the differences of taste between
// the oracles.
func normal(text string) string {
	nodes, err := html.ParseFragment(strings.NewReader(text), &html.Node{Type: html.ElementNode, DataAtom: body.Body, Data: "body"})
	if err != nil {
		return "cannot be parsed: " + err.Error()
	}
	n := &normaliser{ids: map[string]string{}}
	for _, c := range nodes {
		n.node(c, 0, false)
	}
	n.flush()
	return strings.Join(n.lines, "\n")
}

type normaliser struct {
	lines []string
	text  strings.Builder
	ids   map[string]string
}

var blank = regexp.MustCompile(`[ \t\n\r]+`)

// flush writes the text that has come together, without space at its ends.
func (n *normaliser) flush() {
	if s := strings.TrimSpace(blank.ReplaceAllString(n.text.String(), " ")); s != "" {
		n.lines = append(n.lines, s)
	}
	n.text.Reset()
}

var phrasing = map[string]bool{
	"a": true, "strong": true, "b": true, "em": true, "i": true, "cite": true, "del": true, "ins": true, "sup": true, "sub": true,
	"span": true, "code": true, "abbr": true, "img": true, "kbd": true, "u": true, "small": true,
}

func (n *normaliser) node(c *html.Node, depth int, pre bool) {
	switch c.Type {
	case html.TextNode:
		s := c.Data
		if pre {
			s = strings.ReplaceAll(strings.Trim(s, "\n"), "\n", "⏎")
			s = strings.ReplaceAll(s, " ", "␣")
		}
		n.text.WriteString(s)
		return
	case html.CommentNode:
		n.text.WriteString("<!--" + c.Data + "-->")
		return
	case html.ElementNode:
	default:
		return
	}
	name := c.Data
	if name == "acronym" {
		name = "abbr"
	}
	open, end := "<"+name+n.attributes(c)+">", "</"+name+">"
	switch {
	case name == "span" && open == `<span class="caps">`:
		open, end = "", ""
	case name == "br":
		s := strings.TrimRight(n.text.String(), " \t\n")
		n.text.Reset()
		n.text.WriteString(s + "<br>")
		return
	case name == "img":
		end = ""
	}
	if phrasing[name] {
		n.text.WriteString(open)
		for k := c.FirstChild; k != nil; k = k.NextSibling {
			n.node(k, depth, pre)
		}
		n.text.WriteString(end)
		return
	}
	n.flush()
	n.lines = append(n.lines, open)
	for k := c.FirstChild; k != nil; k = k.NextSibling {
		n.node(k, depth+1, pre || name == "pre")
	}
	n.flush()
	n.lines = append(n.lines, end)
}

var noteID = regexp.MustCompile(`^(#?)fn(rev|r)?([0-9a-f-]+)$`)

func (n *normaliser) attributes(c *html.Node) string {
	var out []string
	for _, a := range c.Attr {
		v := a.Val
		switch a.Key {
		case "style":
			v = styles(v)
		case "align":
			if c.Data != "img" {
				a.Key, v = "style", "text-align:"+v
			}
		case "valign":
			a.Key, v = "style", "vertical-align:"+v
		case "href", "src", "cite":
			if u, err := url.PathUnescape(v); err == nil {
				v = u
			}
		case "class":
			if c.Data == "tr" && (v == "odd" || v == "even" || v == "header") {
				continue
			}
		}
		if m := noteID.FindStringSubmatch(v); m != nil && (a.Key == "id" || a.Key == "href") {
			if n.ids[m[3]] == "" {
				n.ids[m[3]] = string(rune('A' + len(n.ids)))
			}
			v = m[1] + "fn" + strings.TrimSuffix(m[2], "ev") + n.ids[m[3]]
		}
		out = append(out, ` `+a.Key+`="`+v+`"`)
	}
	sort.Strings(out)
	return strings.Join(out, "")
}

// styles sorts the declarations of a style attribute.
func styles(s string) string {
	var out []string
	for _, d := range strings.Split(s, ";") {
		if k, v, ok := strings.Cut(d, ":"); ok {
			out = append(out, strings.TrimSpace(k)+":"+strings.TrimSpace(v))
		} else if strings.TrimSpace(d) != "" {
			out = append(out, strings.TrimSpace(d))
		}
	}
	sort.Strings(out)
	return strings.Join(out, ";")
}
