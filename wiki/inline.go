// SPDX-License-Identifier: GPL-3.0-or-later

package wiki

import (
	"bytes"
	"path"
	"sort"
	"strings"
	"unicode/utf8"

	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
)

// stateKey holds the *pageState of the page that is parsed.
var stateKey = parser.NewContextKey()

// pageState is what the parsers know of the page they work on.
type pageState struct {
	bag    *termBag // takes the words of the page, or nil
	lines  []int    // where each line of the source begins
	before int      // lines that stand before the source: front matter
}

// line returns the line of the page at a position of the source.
func (s *pageState) line(pos int) int {
	return s.before + sort.SearchInts(s.lines, pos+1)
}

func lineAt(pc parser.Context, pos int) int {
	if s, ok := pc.Get(stateKey).(*pageState); ok {
		return s.line(pos)
	}
	return 0
}

// lineStarts returns where each line begins.
func lineStarts(src []byte) []int {
	starts := make([]int, 1, 1+bytes.Count(src, []byte("\n")))
	for i := 0; ; {
		n := bytes.IndexByte(src[i:], '\n')
		if n < 0 {
			return starts
		}
		i += n + 1
		starts = append(starts, i)
	}
}

// wikiParser reads [[…]] and ![[…]]. A link is in one line.
type wikiParser struct{}

func (wikiParser) Trigger() []byte { return []byte{'[', '!'} }

func (wikiParser) Parse(_ ast.Node, block text.Reader, pc parser.Context) ast.Node {
	line, seg := block.PeekLine()
	at := 0
	if line[0] == '!' {
		at = 1
	}
	if !bytes.HasPrefix(line[at:], []byte("[[")) {
		return nil
	}
	inner, n, ok := wikiText(line[at+2:])
	if !ok {
		return nil
	}
	node := &wikiNode{embed: at == 1, line: lineAt(pc, seg.Start)}
	node.target, node.section, node.text = parseWiki(inner)
	if node.target == "" && node.section == "" {
		return nil
	}
	block.Advance(at + 2 + n + 2)
	return node
}

// wikiText returns what stands before the closing brackets and its length.
func wikiText(line []byte) (inner string, n int, ok bool) {
	if len(line) > 1000 {
		line = line[:1000]
	}
	n = bytes.Index(line, []byte("]]"))
	if n <= 0 || bytes.Contains(line[:n], []byte("[[")) {
		return "", 0, false
	}
	if n+2 < len(line) && line[n+2] == ']' {
		n++ // [[a|b[c]]] ends with the last two
	}
	return string(line[:n]), n, true
}

// parseWiki takes the inside of a wiki link apart. In a table the pipe has a
// backslash before it.
func parseWiki(s string) (target, section, label string) {
	s = strings.ReplaceAll(s, `\|`, "|")
	target, label, _ = strings.Cut(s, "|")
	target, section, _ = strings.Cut(target, "#")
	return strings.TrimSpace(target), strings.Trim(section, " #"), strings.TrimSpace(label)
}

// splitSection parts a heading path; a block is shown by its id.
func splitSection(s string) []string {
	parts := strings.Split(s, "#")
	for i, p := range parts {
		parts[i] = strings.TrimSpace(strings.TrimPrefix(p, "^"))
	}
	return parts
}

// fileTypes are the extensions by which a target is a file and not a page.
var fileTypes = map[string]string{
	".png": "image", ".jpg": "image", ".jpeg": "image", ".gif": "image", ".svg": "image", ".webp": "image", ".avif": "image", ".bmp": "image", ".ico": "image",
	".mp3": "audio", ".ogg": "audio", ".oga": "audio", ".wav": "audio", ".m4a": "audio", ".flac": "audio", ".3gp": "audio", ".opus": "audio",
	".mp4": "video", ".webm": "video", ".ogv": "video", ".mov": "video", ".mkv": "video",
	".pdf": "file", ".txt": "file", ".csv": "file", ".zip": "file", ".gz": "file", ".json": "file", ".xml": "file", ".canvas": "file", ".base": "file",
}

func isFile(target string) bool { return fileTypes[strings.ToLower(path.Ext(target))] != "" }

// tagParser reads #tag where no letter or digit stands before it.
type tagParser struct{}

func (tagParser) Trigger() []byte { return []byte{'#'} }

func (tagParser) Parse(_ ast.Node, block text.Reader, _ parser.Context) ast.Node {
	if before := block.PrecendingCharacter(); before != '\n' && before != ' ' && before != '\t' && before != '(' && before != '"' {
		return nil
	}
	line, _ := block.PeekLine()
	n := 1
	for n < len(line) {
		r, size := utf8.DecodeRune(line[n:])
		if !tagRune(r) {
			break
		}
		n += size
	}
	for n > 1 && (line[n-1] == '/' || line[n-1] == '-') {
		n--
	}
	tag := string(line[1:n])
	if !validTag(tag) {
		return nil
	}
	block.Advance(n)
	return &tagNode{tag: tag}
}

// macroParser reads {{…}} with the braces inside balanced, over several lines
// of one paragraph.
type macroParser struct{}

const maxMacro = 4000 // bytes of one call

func (macroParser) Trigger() []byte { return []byte{'{'} }

func (macroParser) Parse(_ ast.Node, block text.Reader, pc parser.Context) ast.Node {
	line, seg := block.PeekLine()
	if !bytes.HasPrefix(line, []byte("{{")) {
		return nil
	}
	var call []byte
	for line != nil && len(call) < maxMacro {
		call = append(call, line...)
		if n := macroEnd(call); n > 0 {
			block.Advance(n - (len(call) - len(line)))
			raw := strings.TrimSpace(string(call[2 : n-2]))
			if raw == "" {
				raw = " "
			}
			return &macroNode{raw: raw, line: lineAt(pc, seg.Start)}
		}
		block.AdvanceLine()
		line, _ = block.PeekLine()
	}
	return nil
}

// macroEnd returns where the call that begins s ends, or 0.
func macroEnd(s []byte) int {
	depth := 0
	for i := 0; i+1 < len(s); i++ {
		switch {
		case s[i] == '{' && s[i+1] == '{':
			depth++
			i++
		case s[i] == '}' && s[i+1] == '}':
			depth--
			i++
			if depth == 0 {
				return i + 1
			}
		}
	}
	return 0
}

// mathParser reads $…$ and $$…$$. As in Obsidian the opening dollar has no
// space after it, the closing one none before it and no digit after it, so that
// prices stay prices.
type mathParser struct{}

func (mathParser) Trigger() []byte { return []byte{'$'} }

func (mathParser) Parse(_ ast.Node, block text.Reader, _ parser.Context) ast.Node {
	line, _ := block.PeekLine()
	if bytes.HasPrefix(line, []byte("$$")) {
		if s, ok := enclosed(block, "$$"); ok && strings.TrimSpace(s) != "" {
			return &mathNode{formula: "$$" + s + "$$", display: true}
		}
		return nil
	}
	if len(line) < 3 || isSpace(line[1]) {
		return nil
	}
	for i := 1; i < len(line) && i < maxMacro; i++ {
		switch {
		case line[i] == '\\':
			i++
		case line[i] == '$':
			if isSpace(line[i-1]) || i+1 < len(line) && line[i+1] >= '0' && line[i+1] <= '9' {
				return nil
			}
			s := string(line[:i+1])
			block.Advance(i + 1)
			return &mathNode{formula: s}
		}
	}
	return nil
}

// commentParser reads %%…%% inside a paragraph.
type commentParser struct{}

func (commentParser) Trigger() []byte { return []byte{'%'} }

func (commentParser) Parse(_ ast.Node, block text.Reader, _ parser.Context) ast.Node {
	if _, ok := enclosed(block, "%%"); ok {
		return &commentNode{}
	}
	return nil
}

// enclosed reads fence…fence, over several lines of one paragraph, and moves
// the reader behind it.
func enclosed(block text.Reader, fence string) (string, bool) {
	line, _ := block.PeekLine()
	if !bytes.HasPrefix(line, []byte(fence)) {
		return "", false
	}
	var b strings.Builder
	skip := len(fence)
	for line != nil && b.Len() < maxMacro {
		if n := bytes.Index(line[skip:], []byte(fence)); n >= 0 {
			b.Write(line[skip : skip+n])
			block.Advance(skip + n + len(fence))
			return b.String(), true
		}
		b.Write(line[skip:])
		skip = 0
		block.AdvanceLine()
		line, _ = block.PeekLine()
	}
	return "", false
}

// markParser reads ==…==.
type markParser struct{}

func (markParser) IsDelimiter(b byte) bool                        { return b == '=' }
func (markParser) CanOpenCloser(open, end *parser.Delimiter) bool { return open.Char == end.Char }
func (markParser) OnMatch(int) ast.Node                           { return &markNode{} }
func (markParser) Trigger() []byte                                { return []byte{'='} }

func (p markParser) Parse(_ ast.Node, block text.Reader, pc parser.Context) ast.Node {
	before := block.PrecendingCharacter()
	line, seg := block.PeekLine()
	node := parser.ScanDelimiter(line, before, 2, p)
	if node == nil || node.OriginalLength != 2 || before == '=' {
		return nil
	}
	node.Segment = seg.WithStop(seg.Start + 2)
	block.Advance(2)
	pc.PushDelimiter(node)
	return node
}

// camelParser reads CamelCase words. It is asked at the start of each word
// after a space or at the start of a line.
type camelParser struct{}

func (camelParser) Trigger() []byte { return []byte{' ', '('} }

func (camelParser) Parse(parent ast.Node, block text.Reader, pc parser.Context) ast.Node {
	line, seg := block.PeekLine()
	skip := 0
	if line[0] == ' ' || line[0] == '(' {
		skip = 1
	}
	n := camelWord(line[skip:])
	if n == 0 || pc.IsInLinkLabel() {
		return nil
	}
	if skip > 0 {
		ast.MergeOrAppendTextSegment(parent, seg.WithStop(seg.Start+1))
	}
	node := &camelNode{word: string(line[skip : skip+n]), line: lineAt(pc, seg.Start)}
	block.Advance(skip + n)
	return node
}

// camelWord returns the length of the CamelCase word that begins s: two or more
// parts of an upper-case letter and lower-case letters or digits, and nothing
// else beside it.
func camelWord(s []byte) int {
	parts, n := 0, 0
	for n < len(s) && s[n] >= 'A' && s[n] <= 'Z' {
		n++
		low := n
		for n < len(s) && (s[n] >= 'a' && s[n] <= 'z' || s[n] >= '0' && s[n] <= '9') {
			n++
		}
		if n == low {
			return 0
		}
		parts++
	}
	if parts < 2 || n < len(s) && (s[n] >= 0x80 || s[n] == '_' || s[n] == '/' || s[n] == '@') {
		return 0
	}
	return n
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }
