// SPDX-License-Identifier: GPL-3.0-or-later

package imports

import (
	"path"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// foswikiPlace knows data/WEB/Topic.txt and pub/WEB/Topic/FILE; of a web alone it
// takes the topics. What belongs to the program itself is left out.
func foswikiPlace(name string) (string, bool) {
	first, rest, deeper := strings.Cut(name, "/")
	if deeper && (first == "data" || first == "pub") {
		name = rest
	} else {
		first = "data"
	}
	web, _, _ := strings.Cut(name, "/")
	switch web {
	case "System", "TWiki", "Trash", "_default", "_empty", "mime.types":
		return "", false
	}
	base := path.Base(name)
	if first == "pub" {
		if strings.HasSuffix(base, ",v") || strings.HasPrefix(base, "_") {
			return "", false
		}
		return name, false
	}
	topic, ok := strings.CutSuffix(name, ".txt")
	if !ok {
		return "", false // histories and locks
	}
	switch path.Base(topic) {
	case "WebPreferences", "WebStatistics", "WebAtom", "WebRss", "WebNotify", "WebChanges", "WebIndex", "WebSearch", "WebSearchAdvanced", "WebTopicList", "WebLeftBar", "WebCreateNewTopic":
		return "", false
	case "WebHome":
		return path.Join(path.Dir(topic), "index.md"), true
	}
	return topic + ".md", true
}

var (
	fosMeta     = regexp.MustCompile(`(?m)^%META:([A-Z]+)\{(.*)\}%\n?`)
	fosArgs     = regexp.MustCompile(`(\w+)="((?:[^"\\]|\\.)*)"`)
	fosVerbatim = regexp.MustCompile(`(?s)<verbatim[^>]*>\n?(.*?)\n?</verbatim>`)
	fosHeading  = regexp.MustCompile(`(?m)^---(\++)(?:!!)?[ \t]*(.*)$`)
	fosItem     = regexp.MustCompile(`(?m)^((?:   |\t)+)(\*|[1AaIi]\.?)[ \t]+`)
	fosTerm     = regexp.MustCompile(`(?m)^(?:   |\t)+\$ ([^:\n]+): `)
	fosRule     = regexp.MustCompile(`(?m)^---+[ \t]*$`)
	fosLink     = regexp.MustCompile(`(!?)\[\[([^\]\n]+)\](?:\[([^\]\n]+)\])?\]`)
	fosBold     = regexp.MustCompile(`(?m)(^|[\s(|])\*(\S(?:[^*\n]*?\S)?)\*($|[\s.,;:!?)|])`)
	fosStrong   = regexp.MustCompile(`(?m)(^|[\s(|])__(\S(?:[^_\n]*?\S)?)__($|[\s.,;:!?)|])`)
	fosItalic   = regexp.MustCompile(`(?m)(^|[\s(|])_(\S(?:[^_\n]*?\S)?)_($|[\s.,;:!?)|])`)
	fosCode     = regexp.MustCompile(`(?m)(^|[\s(|])==?(\S(?:[^=\n]*?\S)?)==?($|[\s.,;:!?)|])`)
	fosVar      = regexp.MustCompile(`%([A-Z][A-Z0-9_:]*)(?:\{(.*?)\})?%`)
	fosBang     = regexp.MustCompile(`(^|[\s(])!([A-Z][A-Za-z]+)`)
	fosTable    = regexp.MustCompile(`(?m)^\|.*\|[ \t]*\n(?:^\|.*\|[ \t]*(?:\n|$))*`)
)

func foswikiPage(p *page) {
	p.text = strings.ReplaceAll(p.text, "\x00", "")
	for rest := p.text; strings.HasPrefix(rest, "%META:"); p.head.lines++ {
		_, rest, _ = strings.Cut(rest, "\n")
	}
	p.text = replaceAll(fosMeta, p.text, func(m []string, off int) string {
		p.meta(m[1], parseFosArgs(m[2]), lineAt(p.text, off, 0))
		return ""
	})
	p.text = fosVerbatim.ReplaceAllString(p.text, "```\n$1\n```")
	p.text = strings.NewReplacer("<noautolink>", "", "</noautolink>", "", "<nop>", "").Replace(p.text)
	outsideCode(p, func(text string, line func(off int) int) string {
		text = replaceAll(fosVar, text, func(m []string, off int) string { return p.variable(m, line(off)) })
		text = replaceAll(fosHeading, text, func(m []string, _ int) string {
			return strings.Repeat("#", min(len(m[1]), 6)) + " " + strings.TrimSpace(m[2])
		})
		text = fosRule.ReplaceAllString(text, "---")
		text = fosTerm.ReplaceAllString(text, "- **$1**: ")
		text = fosCode.ReplaceAllString(text, "$1`$2`$3")
		text = fosBold.ReplaceAllString(text, "$1**$2**$3")
		text = fosStrong.ReplaceAllString(text, "$1***$2***$3")
		text = fosItalic.ReplaceAllString(text, "$1*$2*$3")
		text = replaceAll(fosItem, text, func(m []string, _ int) string {
			depth := strings.Count(m[1], "\t") + strings.Count(m[1], "   ") - 1
			if m[2] == "*" {
				return strings.Repeat("    ", depth) + "- "
			}
			return strings.Repeat("    ", depth) + "1. "
		})
		text = replaceAll(fosLink, text, func(m []string, _ int) string { return fosTarget(m) })
		text = replaceAll(fosTable, text, func(m []string, _ int) string { return fosRows(m[0]) })
		text = fosBang.ReplaceAllString(text, "$1$2")
		return strings.ReplaceAll(text, "\x00", "!")
	})
	p.text = strings.TrimLeft(p.text, "\n")
}

func parseFosArgs(s string) map[string]string {
	out := map[string]string{}
	for _, m := range fosArgs.FindAllStringSubmatch(s, -1) {
		out[m[1]] = strings.NewReplacer(`\"`, `"`, "%22", `"`, "%0a", "\n", "%25", "%").Replace(m[2])
	}
	return out
}

// meta takes what a topic says of itself into the front matter.
func (p *page) meta(name string, args map[string]string, line int) {
	switch name {
	case "TOPICINFO":
		if sec, err := strconv.ParseInt(args["date"], 10, 64); err == nil && sec > 0 {
			p.head.vals["updated"] = dateText(time.Unix(sec, 0).UTC())
		}
		if args["author"] != "" {
			p.head.vals["author"] = args["author"]
		}
	case "TOPICPARENT":
		if up := args["name"]; up != "" && up != "WebHome" {
			p.head.vals["parent"] = fosPage(up)
		}
	case "FORM":
		p.head.vals["form"] = args["name"]
	case "FIELD":
		key := strings.ToLower(strings.ReplaceAll(args["name"], " ", "_"))
		if key != "" && args["value"] != "" {
			p.head.vals[key] = args["value"]
		}
	case "PREFERENCE":
		p.note(line, "the setting %s is left out", args["name"])
	case "FILEATTACHMENT", "TOPICMOVED", "CREATEINFO", "VERSIONS":
	default:
		p.note(line, "what META:%s says is left out", name)
	}
}

// variable turns what stands between percent signs.
func (p *page) variable(m []string, line int) string {
	topic := strings.TrimSuffix(path.Base(p.file), ".txt")
	args := parseFosArgs(m[2])
	first := ""
	if s := strings.TrimSpace(m[2]); strings.HasPrefix(s, `"`) {
		first, _, _ = strings.Cut(s[1:], `"`)
	}
	switch m[1] {
	case "TOC":
		return "{{toc}}"
	case "TOPIC":
		return topic
	case "WEB":
		return path.Dir(p.to)
	case "BR":
		return "<br>"
	case "NBSP":
		return " "
	case "VBAR":
		return "|"
	case "STARTINCLUDE", "STOPINCLUDE", "ENDCOLOR", "STARTSECTION", "ENDSECTION", "WEBCOLOR", "COMMENT":
		return ""
	case "ATTACHURL", "ATTACHURLPATH":
		return topic
	case "PUBURL", "PUBURLPATH":
		return ""
	case "INCLUDE":
		if first != "" && !strings.Contains(first, "/") && !strings.Contains(first, ":") {
			if s := args["section"]; s != "" {
				p.note(line, "the section %s of %s is put in as the whole page", s, first)
			}
			return "\x00[[" + fosPage(first) + "]]" // with ! it would be no link
		}
	case "Y", "N", "X", "H", "S", "T", "P", "M":
		return map[string]string{"Y": "✓", "N": "✗", "X": "⚠", "H": "❓", "S": "★", "T": "💡", "P": "➔", "M": "➔"}[m[1]]
	case "USERSIG":
		return "– " + first
	}
	p.note(line, "%%%s%% stays as it is", m[1])
	return m[0]
}

// fosPage is the name of a topic as links here write it.
func fosPage(s string) string {
	s = strings.ReplaceAll(strings.TrimSpace(s), ".", "/")
	if web, ok := strings.CutSuffix(s, "/WebHome"); ok {
		return web
	}
	if s == "WebHome" {
		return "index"
	}
	return s
}

func fosTarget(m []string) string {
	target, text := strings.TrimSpace(m[2]), strings.TrimSpace(m[3])
	if m[1] != "" {
		return "`" + strings.TrimPrefix(m[0], "!") + "`"
	}
	if strings.Contains(target, "://") || strings.HasPrefix(target, "mailto:") {
		if text == "" {
			return "<" + target + ">"
		}
		return "[" + plain(text) + "](" + strings.ReplaceAll(target, " ", "%20") + ")"
	}
	name, section, _ := strings.Cut(target, "#")
	name = fosPage(name)
	if section != "" {
		name += "#" + section
	}
	if text == "" || text == name {
		return "[[" + name + "]]"
	}
	return "[[" + name + "|" + text + "]]"
}

// fosRows gives a table the line below its head that Markdown asks for. The
// head is the first row where its cells are bold, and empty otherwise.
func fosRows(table string) string {
	rows := strings.Split(strings.TrimRight(table, "\n"), "\n")
	n := strings.Count(strings.TrimSpace(rows[0]), "|") - 1
	if n < 1 {
		return table
	}
	line := "|" + strings.Repeat("---|", n)
	head := strings.Contains(rows[0], "**")
	if head {
		rows[0] = strings.ReplaceAll(rows[0], "**", "")
		rows = append([]string{rows[0], line}, rows[1:]...)
	} else {
		rows = append([]string{"|" + strings.Repeat("   |", n), line}, rows...)
	}
	return "\n" + strings.Join(rows, "\n") + "\n"
}
