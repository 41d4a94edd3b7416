// SPDX-License-Identifier: GPL-3.0-or-later

package imports

import (
	"path"
	"regexp"
	"strings"
)

var jekyllPost = regexp.MustCompile(`^(\d{4}-\d\d-\d\d)-(.+)\.(md|markdown|html|textile)$`)

// jekyllPlace puts posts and drafts into the blog and leaves out what makes the
// look of a site.
func jekyllPlace(name string) (string, bool) {
	first, rest, deeper := strings.Cut(name, "/")
	switch {
	case !deeper && (first == "_config.yml" || first == "Gemfile" || first == "Gemfile.lock" || strings.HasSuffix(first, ".gemspec")):
		return "", false
	case deeper && (first == "_posts" || first == "_drafts"):
		name = "blog/" + rest
	case deeper && strings.HasPrefix(first, "_"):
		return "", false // _layouts, _includes, _sass, _data, _site
	}
	if i := strings.Index(name, "/_posts/"); i >= 0 { // posts of a category
		name = "blog/" + name[:i] + "/" + name[i+len("/_posts/"):]
	}
	if base, ok := strings.CutSuffix(name, ".markdown"); ok {
		name = base + ".md"
	}
	return name, strings.HasSuffix(name, ".md") || strings.HasSuffix(name, ".textile")
}

var (
	liquidCode = regexp.MustCompile(`(?s)\{%-?\s*highlight\s+([\w+-]+)[^%]*%\}\n?(.*?)\n?\{%-?\s*endhighlight\s*-?%\}`)
	liquidRaw  = regexp.MustCompile(`\{%-?\s*(end)?raw\s*-?%\}`)
	liquidTag  = regexp.MustCompile(`\{%-?\s*(\w+)\s*(.*?)\s*-?%\}`)
	liquidVar  = regexp.MustCompile(`\{\{-?\s*(.*?)\s*-?\}\}`)
	classes    = regexp.MustCompile(`(?m)^\{:[^}\n]*\}\n?`)
)

func jekyllPage(p *page) {
	if strings.HasPrefix(p.file, "_drafts/") {
		p.head.vals["draft"] = true
	}
	if m := jekyllPost.FindStringSubmatch(path.Base(p.file)); m != nil {
		if _, ok := p.head.vals["date"]; !ok {
			p.head.vals["date"] = m[1]
		}
	}
	if link, ok := p.head.vals["permalink"].(string); ok && strings.Contains(link, ":") {
		p.note(1, "the address %s has parts to fill in, and is left out", link)
		delete(p.head.vals, "permalink")
	}
	if v, ok := p.head.vals["published"].(bool); ok && !v {
		p.head.vals["draft"] = true
	}
	delete(p.head.vals, "published")
	delete(p.head.vals, "layout")
	p.head.move("redirect_from", "aliases")
	taxonomies(p)
	p.text = liquidCode.ReplaceAllString(p.text, "```$1\n$2\n```")
	outsideCode(p, func(text string, line func(off int) int) string {
		text = replaceAll(classes, text, func(m []string, off int) string {
			if strings.Contains(m[0], "toc") {
				return "{{toc}}\n"
			}
			return ""
		})
		text = replaceAll(liquidVar, text, func(m []string, off int) string {
			name, filter, _ := strings.Cut(m[1], "|")
			name, filter = strings.TrimSpace(name), strings.TrimSpace(filter)
			switch {
			case m[1] == "toc":
				return m[0]
			case name == "site.baseurl" || name == "site.url":
				return ""
			case name == "page.title":
				return "{{field title}}"
			case strings.HasPrefix(name, "\"") && (filter == "relative_url" || filter == "absolute_url" || filter == ""):
				return strings.Trim(name, `"`)
			}
			p.note(line(off), "the Liquid value %s stays as it is", m[1])
			return m[0]
		})
		text = liquidRaw.ReplaceAllString(text, "")
		return replaceAll(liquidTag, text, func(m []string, off int) string {
			switch m[1] {
			case "post_url":
				if f := path.Base(m[2]); f != "." {
					return "/blog/" + m[2] + ".md"
				}
			case "link":
				return "/" + strings.TrimPrefix(m[2], "/")
			case "comment", "endcomment":
				return "%%"
			}
			p.note(line(off), "the Liquid tag %s stays as it is", m[1])
			return m[0]
		})
	})
}
