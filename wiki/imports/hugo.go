// SPDX-License-Identifier: GPL-3.0-or-later

package imports

import (
	"path"
	"regexp"
	"strings"
)

// hugoPlace knows the folders of a Hugo site: pages are in content, files in
// static. Of anything else, as of a content folder alone, all is taken.
func hugoPlace(name string) (string, bool) {
	switch first, rest, _ := strings.Cut(name, "/"); first {
	case "content":
		name = rest
	case "static", "assets":
		return rest, false
	case "layouts", "themes", "public", "resources", "archetypes", "data", "i18n":
		return "", false
	case "config.toml", "config.yaml", "hugo.toml", "hugo.yaml", "go.mod", "go.sum":
		return "", false
	}
	dir, base := path.Split(name)
	if base == "_index.md" {
		base = "index.md"
	}
	for _, blog := range []string{"posts/", "post/", "blog/"} {
		if strings.HasPrefix(dir, blog) {
			dir = "blog/" + dir[len(blog):]
			break
		}
	}
	return dir + base, strings.HasSuffix(base, ".md")
}

// taxonomies puts what other programs sort pages by among the tags, and gives
// addresses their names here.
func taxonomies(p *page) {
	p.head.tag(p.head.list("categories")...)
	p.head.tag(p.head.list("category")...)
	delete(p.head.vals, "categories")
	delete(p.head.vals, "category")
	p.head.move("url", "permalink")
	if slug, ok := p.head.vals["slug"].(string); ok && slug != "" {
		if _, set := p.head.vals["permalink"]; !set {
			p.head.vals["permalink"] = path.Join(path.Dir(p.to), slug)
		}
		delete(p.head.vals, "slug")
	}
	p.head.move("lastmod", "updated")
	p.head.move("expiryDate", "expires")
	p.head.move("publishDate", "date")
}

var (
	hugoCode  = regexp.MustCompile(`(?s)\{\{[<%]\s*highlight\s+"?([\w+-]+)"?[^}]*[>%]\}\}\n?(.*?)\n?\{\{[<%]\s*/\s*highlight\s*[>%]\}\}`)
	hugoShort = regexp.MustCompile(`\{\{[<%]\s*(/?\s*[\w./-]+)((?:[^}]|\}[^}])*?)\s*/?\s*[>%]\}\}`)
	arguments = regexp.MustCompile(`([\w-]+)\s*=\s*("[^"]*"|` + "`[^`]*`" + `|[^\s"]+)|"([^"]*)"|(\S+)`)
)

func hugoPage(p *page) {
	taxonomies(p)
	p.text = hugoCode.ReplaceAllString(p.text, "```$1\n$2\n```")
	outsideCode(p, func(text string, line func(off int) int) string {
		return replaceAll(hugoShort, text, func(m []string, off int) string {
			args, rest := parseArgs(m[2])
			first := ""
			if len(rest) > 0 {
				first = rest[0]
			}
			switch m[1] {
			case "ref", "relref":
				return strings.TrimSuffix(first, "/")
			case "figure":
				alt := args["alt"]
				if alt == "" {
					alt = args["caption"]
				}
				img := "![" + plain(alt) + "](" + strings.ReplaceAll(args["src"], " ", "%20") + ")"
				if args["link"] != "" {
					img = "[" + img + "](" + args["link"] + ")"
				}
				if c := args["caption"]; c != "" && c != alt {
					img += "\n*" + c + "*"
				}
				return img
			case "youtube":
				if id := first + args["id"]; id != "" {
					return "[A film on YouTube](https://www.youtube.com/watch?v=" + id + ")"
				}
			case "vimeo":
				if first != "" {
					return "[A film on Vimeo](https://vimeo.com/" + first + ")"
				}
			case "gist":
				if len(rest) > 1 {
					return "[A gist](https://gist.github.com/" + rest[0] + "/" + rest[1] + ")"
				}
			case "toc":
				return "{{toc}}"
			}
			p.note(line(off), "the shortcode %s stays as it is", strings.TrimSpace(m[1]))
			return m[0]
		})
	})
}

// parseArgs reads name=value and bare arguments.
func parseArgs(s string) (named map[string]string, bare []string) {
	named = map[string]string{}
	for _, m := range arguments.FindAllStringSubmatch(s, -1) {
		switch {
		case m[1] != "":
			named[m[1]] = strings.Trim(m[2], "\"`")
		case m[3] != "":
			bare = append(bare, m[3])
		case m[4] != "":
			bare = append(bare, m[4])
		}
	}
	return named, bare
}

// plain is text that can stand between the brackets of a link.
func plain(s string) string {
	return strings.NewReplacer("[", "(", "]", ")", "\n", " ").Replace(s)
}

// replaceAll is ReplaceAllStringFunc with the groups and the place of each match.
func replaceAll(re *regexp.Regexp, text string, f func(m []string, off int) string) string {
	var b strings.Builder
	at := 0
	for _, loc := range re.FindAllStringSubmatchIndex(text, -1) {
		m := make([]string, len(loc)/2)
		for i := range m {
			if loc[2*i] >= 0 {
				m[i] = text[loc[2*i]:loc[2*i+1]]
			}
		}
		b.WriteString(text[at:loc[0]])
		b.WriteString(f(m, loc[0]))
		at = loc[1]
	}
	return b.String() + text[at:]
}

// outsideCode calls f for the parts of a page that are no fenced code.
func outsideCode(p *page, f func(text string, line func(off int) int) string) {
	var out, part strings.Builder
	begins, n := p.head.lines, p.head.lines
	flush := func() {
		text := part.String()
		out.WriteString(f(text, func(off int) int { return lineAt(text, off, begins) }))
		part.Reset()
	}
	fence := ""
	for line := range strings.Lines(p.text) {
		n++
		trimmed := strings.TrimLeft(line, " ")
		mark := ""
		for _, c := range []string{"```", "~~~"} {
			if strings.HasPrefix(trimmed, c) {
				mark = c
			}
		}
		switch {
		case fence == "" && mark != "":
			flush()
			fence = mark
			out.WriteString(line)
		case fence != "":
			out.WriteString(line)
			if mark == fence {
				fence, begins = "", n
			}
		default:
			if part.Len() == 0 {
				begins = n - 1
			}
			part.WriteString(line)
		}
	}
	flush()
	p.text = out.String()
}
