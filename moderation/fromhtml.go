// SPDX-License-Identifier: GPL-3.0-or-later

package moderation

import (
	"strings"

	"golang.org/x/net/html"
)

// fromHTML turns the HTML of another system's comment into our markup: text,
// emphasis, code, quotes and addresses stay, everything else goes. What comes out
// is text like any other and is escaped when it is shown.
func fromHTML(s string) string {
	c := converter{out: new(strings.Builder)}
	z := html.NewTokenizer(strings.NewReader(s))
	for {
		switch z.Next() {
		case html.ErrorToken:
			for len(c.quotes) > 0 {
				c.end("blockquote")
			}
			return cleanText(c.out.String())
		case html.TextToken:
			c.text(html.UnescapeString(string(z.Raw())))
		case html.StartTagToken:
			c.start(z.Token())
		case html.SelfClosingTagToken:
			t := z.Token()
			c.start(t)
			c.end(t.Data)
		case html.EndTagToken:
			name, _ := z.TagName()
			c.end(string(name))
		}
	}
}

type converter struct {
	out    *strings.Builder
	quotes []*strings.Builder // what stood before each open quote
	hrefs  []string           // of the open links
	skip   int                // open elements whose text is no text
	pre    int
}

func (c *converter) text(s string) {
	if c.skip > 0 {
		return
	}
	if c.pre == 0 {
		s = spaces(s)
	}
	c.out.WriteString(s)
}

// around is what stands before and after an element in our markup.
var around = map[string]string{"p": "\n\n", "div": "\n\n", "ul": "\n\n", "ol": "\n\n", "h1": "\n\n", "h2": "\n\n", "h3": "\n\n",
	"h4": "\n\n", "h5": "\n\n", "h6": "\n\n", "strong": "**", "b": "**", "em": "*", "i": "*"}

const maxNested = 10 // quotes and links; what is deeper stands without

func (c *converter) start(t html.Token) {
	switch t.Data {
	case "script", "style":
		c.skip++
	case "br":
		c.out.WriteString("\n")
	case "li":
		c.out.WriteString("\n- ")
	case "pre":
		c.pre++
		c.out.WriteString("\n\n```\n")
	case "code":
		if c.pre == 0 {
			c.out.WriteString("`")
		}
	case "blockquote":
		if len(c.quotes) < maxNested {
			c.quotes = append(c.quotes, c.out)
			c.out = new(strings.Builder)
		}
	case "a":
		href := ""
		for _, a := range t.Attr {
			if a.Key == "href" {
				href = a.Val
			}
		}
		if len(c.hrefs) < maxNested {
			c.hrefs = append(c.hrefs, href)
		}
	default:
		c.out.WriteString(around[t.Data])
	}
}

func (c *converter) end(name string) {
	switch name {
	case "script", "style":
		c.skip = max(c.skip-1, 0)
	case "pre":
		if c.pre > 0 {
			c.pre--
			c.out.WriteString("\n```\n\n")
		}
	case "code":
		if c.pre == 0 {
			c.out.WriteString("`")
		}
	case "blockquote":
		if len(c.quotes) == 0 {
			return
		}
		inner := cleanText(c.out.String())
		c.out = c.quotes[len(c.quotes)-1]
		c.quotes = c.quotes[:len(c.quotes)-1]
		c.out.WriteString("\n\n")
		for line := range strings.SplitSeq(inner, "\n") {
			c.out.WriteString(strings.TrimRight("> "+line, " ") + "\n")
		}
		c.out.WriteString("\n")
	case "a":
		if len(c.hrefs) == 0 {
			return
		}
		href := c.hrefs[len(c.hrefs)-1]
		c.hrefs = c.hrefs[:len(c.hrefs)-1]
		if _, ok := safeURL(href); ok && !strings.HasSuffix(c.out.String(), href) {
			c.out.WriteString(" (" + href + ")")
		}
	default:
		c.out.WriteString(around[name])
	}
}

// spaces makes one space of each run of white space, as a browser does.
func spaces(s string) string {
	out := strings.Join(strings.Fields(s), " ")
	if out == "" {
		if s != "" {
			return " "
		}
		return ""
	}
	if strings.ContainsRune(" \t\r\n", rune(s[0])) {
		out = " " + out
	}
	if strings.ContainsRune(" \t\r\n", rune(s[len(s)-1])) {
		out += " "
	}
	return out
}
