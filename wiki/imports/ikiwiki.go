// SPDX-License-Identifier: GPL-3.0-or-later

package imports

import (
	"path"
	"regexp"
	"strings"
)

func ikiwikiPlace(name string) (string, bool) {
	switch first, _, _ := strings.Cut(name, "/"); first {
	case "templates", "wikiicons", "smileys":
		return "", false
	}
	if strings.HasSuffix(name, "._comment") {
		return "", false
	}
	for _, ext := range []string{".mdwn", ".md"} {
		if base, ok := strings.CutSuffix(name, ext); ok {
			return base + ".md", true
		}
	}
	return name, strings.HasSuffix(name, ".textile") || strings.HasSuffix(name, ".txtl")
}

var (
	ikiwikiDirective = regexp.MustCompile(`(?s)\\?\[\[!(\w+)\s*((?:"""(?s:.*?)"""|"[^"]*"|[^\]"]|\][^\]])*?)\s*\]\]`)
	ikiwikiLink      = regexp.MustCompile(`(\\?)\[\[([^\]|!\n][^\]|\n]*)\|([^\]\n]+)\]\]`)
	ikiwikiWords     = regexp.MustCompile(`(\w+)=("""(?s:.*?)"""|"[^"]*"|[^\s"]+)|"([^"]*)"|(\S+)`)
)

// ikiwikiPage turns directives and links: in ikiwiki the text of a link comes
// first, here the page does.
func ikiwikiPage(p *page) {
	outsideCode(p, func(text string, line func(off int) int) string {
		text = replaceAll(ikiwikiLink, text, func(m []string, _ int) string {
			if m[1] != "" {
				return "`" + m[0][1:] + "`"
			}
			return "[[" + ikiwikiTarget(m[3]) + "|" + strings.TrimSpace(m[2]) + "]]"
		})
		return replaceAll(ikiwikiDirective, text, func(m []string, off int) string {
			if strings.HasPrefix(m[0], `\`) {
				return "`" + m[0][1:] + "`"
			}
			out, ok := p.directive(m[1], m[2])
			if !ok {
				p.note(line(off), "the directive %s stays as it is", m[1])
				return m[0]
			}
			return out
		})
	})
}

func ikiwikiTarget(s string) string { return strings.ReplaceAll(strings.TrimSpace(s), "_", " ") }

// directive carries out one [[!name args]].
func (p *page) directive(name, args string) (string, bool) {
	named, bare := map[string]string{}, []string{}
	for _, m := range ikiwikiWords.FindAllStringSubmatch(args, -1) {
		switch {
		case m[1] != "":
			named[m[1]] = strings.Trim(m[2], `"`)
		case m[3] != "":
			bare = append(bare, m[3])
		default:
			bare = append(bare, m[4])
		}
	}
	switch name {
	case "meta":
		for key, val := range named {
			switch key {
			case "title", "author", "description", "date", "updated":
				p.head.vals[key] = val
			case "permalink":
				p.head.vals["source"] = val
			case "redir":
				p.head.vals["redirect"] = val
				return "Moved to [[" + ikiwikiTarget(val) + "]].", true
			case "license", "copyright", "guid", "robots", "stylesheet", "openid", "link":
				p.head.vals[key] = val
			default:
				return "", false
			}
		}
		return "", true
	case "tag":
		for _, t := range bare {
			p.head.tag(strings.TrimPrefix(t, "tags/"))
		}
		return "", true
	case "taglink":
		out := []string{}
		for _, t := range bare {
			out = append(out, "#"+strings.TrimPrefix(t, "tags/"))
		}
		return strings.Join(out, " "), len(out) > 0
	case "img":
		if len(bare) == 0 {
			return "", false
		}
		size := strings.Trim(named["size"], "x")
		if size == "" && named["alt"] != "" {
			return "![" + plain(named["alt"]) + "](" + strings.ReplaceAll(bare[0], " ", "%20") + ")", true
		}
		if size != "" {
			size = "|" + size
		}
		return "![[" + bare[0] + size + "]]", true
	case "toc":
		return "{{toc}}", true
	case "comment":
		return "", true
	case "orphans", "brokenlinks":
		return "{{" + map[string]string{"orphans": "orphans", "brokenlinks": "wanted"}[name] + "}}", true
	case "inline", "map", "pagestats":
		return ikiwikiQuery(named["pages"], named["show"], name)
	}
	return "", false
}

// ikiwikiQuery turns the simple forms of a PageSpec: one folder, one tag.
func ikiwikiQuery(pages, show, name string) (string, bool) {
	if name == "pagestats" {
		return "{{tags}}", true
	}
	spec := strings.TrimSpace(strings.TrimPrefix(pages, "page("))
	spec, rest, _ := strings.Cut(spec, " and ")
	if rest != "" && !strings.HasPrefix(rest, "!*/") && !strings.HasPrefix(rest, "!"+strings.TrimSuffix(spec, "*")) {
		return "", false
	}
	q := ""
	switch {
	case strings.HasPrefix(spec, "tagged(") && strings.HasSuffix(spec, ")"):
		q = "tag=" + spec[7:len(spec)-1]
	case strings.HasPrefix(spec, "link(") && strings.HasSuffix(spec, ")"):
		q = `links="` + spec[5:len(spec)-1] + `"`
	case strings.HasSuffix(spec, "/*") && !strings.ContainsAny(spec, "()!"):
		q = `folder="` + strings.TrimPrefix(path.Dir(spec), "./") + `"`
	default:
		return "", false
	}
	q = "{{query " + q
	if name == "inline" {
		q += " sort=-date"
	}
	if show != "" && show != "0" {
		q += " limit=" + show
	}
	return q + "}}", true
}
