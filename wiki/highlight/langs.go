// SPDX-License-Identifier: GPL-3.0-or-later

package highlight

import "strings"

// lang says what a scanner must know of a language. Words stand in one text with
// spaces between them: a search in it is quicker than a map is made, and takes
// no memory before it is used.
type lang struct {
	form     form
	line     []string    // what begins a comment to the end of the line
	block    [][2]string // what begins and ends a comment
	quotes   string      // signs around a text with backslashes
	raw      string      // signs around a text without, which may hold lines
	sigils   string      // signs that a variable, decorator or rule begins with
	keywords string
	consts   string
	sep      byte // between name and value of a setting
	triple   bool // """ around texts of several lines
	lifetime bool // a ' may stand alone before a name
	long     bool // quoted texts may hold lines
	fold     bool // case does not matter
	dash     bool // words may have hyphens
	command  bool // the first word of a line is a command
}

// form is the scanner that a language takes.
type form int

const (
	formProgram form = iota
	formJSON
	formCSS
	formMake
	formMarkup
	formDiff
	formConsole
)

var (
	slashes = []string{"//"}
	hash    = []string{"#"}
	starred = [][2]string{{"/*", "*/"}}
)

// lookup returns the language of a name, or nil.
func lookup(name string) *lang {
	switch strings.ToLower(name) {
	case "go", "golang":
		return &lang{line: slashes, block: starred, quotes: `"'`, raw: "`",
			keywords: "break case chan const continue default defer else fallthrough for func go goto if import interface map package range return select struct switch type var",
			consts:   "any append bool byte cap clear close comparable complex128 copy delete error false float32 float64 int int16 int32 int64 int8 iota len make max min new nil panic print println recover rune string true uint uint16 uint32 uint64 uint8 uintptr"}
	case "python", "py", "python3":
		return &lang{line: hash, quotes: `"'`, triple: true, sigils: "@",
			keywords: "and as assert async await break case class continue def del elif else except finally for from global if import in is lambda match nonlocal not or pass raise return try while with yield",
			consts:   "False None True bool bytes dict float int len list object open print range self set str super tuple type"}
	case "sh", "bash", "shell", "zsh", "ksh":
		return &lang{line: hash, quotes: `"`, raw: "'", long: true, sigils: "$", dash: true,
			keywords: "case do done elif else esac fi for function if in return select then until while",
			consts:   "alias cd command declare echo eval exec exit export local printf read readonly set shift source test trap true false umask unset wait"}
	case "console", "terminal", "shell-session", "sh-session":
		return &lang{form: formConsole}
	case "js", "javascript", "mjs", "ts", "typescript", "jsx", "tsx":
		return &lang{line: slashes, block: starred, quotes: `"'`, raw: "`", sigils: "@",
			keywords: "abstract as async await break case catch class const continue debugger default delete do else enum export extends finally for from function get if implements import in instanceof interface let namespace new of private protected public readonly return set static super switch this throw try type typeof var void while with yield",
			consts:   "any boolean console document false never null number string true undefined unknown window NaN Infinity"}
	case "json", "json5", "jsonc":
		return &lang{form: formJSON, line: slashes, block: starred, quotes: `"`, consts: "true false null"}
	case "yaml", "yml":
		return &lang{line: hash, quotes: `"'`, sep: ':', consts: "true false null yes no on off", dash: true}
	case "toml":
		return &lang{line: hash, quotes: `"'`, triple: true, sep: '=', consts: "true false inf nan", dash: true}
	case "ini", "conf", "cfg", "systemd", "service", "desktop", "properties", "editorconfig", "env", "dotenv":
		return &lang{line: []string{"#", ";"}, quotes: `"`, sep: '=', consts: "true false yes no on off", fold: true, dash: true, sigils: "$"}
	case "html", "xml", "svg", "xhtml", "atom", "rss":
		return &lang{form: formMarkup, block: [][2]string{{"<!--", "-->"}, {"<![CDATA[", "]]>"}}}
	case "css", "scss", "less":
		return &lang{form: formCSS, block: starred, quotes: `"'`, sigils: "@#$", dash: true, consts: "important inherit initial none auto unset revert"}
	case "c", "h", "cpp", "c++", "cc", "hpp", "arduino", "ino":
		return &lang{line: slashes, block: starred, quotes: `"'`, sigils: "#",
			keywords: "alignas auto break case catch class const constexpr continue default delete do else enum explicit extern final for friend goto if inline mutable namespace new noexcept operator override private protected public register return sizeof static struct switch template this throw try typedef typename union using virtual volatile while",
			consts:   "bool char double false float int long NULL nullptr short signed size_t std string true unsigned void int8_t int16_t int32_t int64_t uint8_t uint16_t uint32_t uint64_t"}
	case "java", "kotlin", "kt", "csharp", "cs", "c#", "swift":
		return &lang{line: slashes, block: starred, quotes: `"'`, triple: true, sigils: "@",
			keywords: "abstract as async await break case catch class const continue data default do else enum extends final finally for foreach fun func guard if implements import in init instanceof interface internal is let lock namespace new object operator out override package private protected public readonly ref return sealed static struct super switch this throw throws try typealias using val var virtual when where while yield",
			consts:   "Boolean Int Integer List Map String bool boolean byte char decimal double false float int long nil null object short string true void"}
	case "rust", "rs":
		return &lang{line: slashes, block: starred, quotes: `"'`, sigils: "#", lifetime: true,
			keywords: "as async await break const continue crate dyn else enum extern fn for if impl in let loop match mod move mut pub ref return self Self static struct super trait type unsafe use where while",
			consts:   "bool char Err f32 f64 false i128 i16 i32 i64 i8 isize None Ok Option Result Some str String true u128 u16 u32 u64 u8 usize Vec"}
	case "sql", "sqlite", "postgresql", "postgres", "mysql":
		return &lang{line: []string{"--"}, block: starred, raw: "'", quotes: `"`, fold: true,
			keywords: "add all alter and as asc begin between by case check column commit constraint create cross default delete desc distinct drop else end except exists explain foreign from full group having if in index inner insert intersect into is join key left like limit not offset on or order outer pragma primary references returning right rollback select set table then transaction trigger union unique update using vacuum values view when where with",
			consts:   "avg bigint blob boolean char coalesce count current_timestamp date false integer int max min null numeric real sum text timestamp true varchar"}
	case "lua":
		return &lang{line: []string{"--"}, block: [][2]string{{"--[[", "]]"}, {"[[", "]]"}}, quotes: `"'`,
			keywords: "and break do else elseif end for function goto if in local not or repeat return then until while",
			consts:   "false nil true ipairs pairs print require self string table tonumber tostring type"}
	case "nginx":
		return &lang{line: hash, quotes: `"'`, sigils: "$", command: true, consts: "on off", dash: true}
	case "perl", "pl":
		return &lang{line: hash, quotes: `"'`, sigils: "$@%", long: true,
			keywords: "and do else elsif eval for foreach if last local my next no not or our package redo require return sub unless until use while",
			consts:   "defined die each exists grep join keys map open print printf push ref say shift sort split undef values warn"}
	case "ruby", "rb":
		return &lang{line: hash, quotes: `"'`, sigils: "@$",
			keywords: "alias and begin break case class def do else elsif end ensure for if in module next not or redo rescue retry return self super then undef unless until when while yield",
			consts:   "attr_accessor attr_reader false include nil private puts raise require true"}
	case "php":
		return &lang{line: []string{"//", "#"}, block: starred, quotes: `"'`, sigils: "$", long: true,
			keywords: "abstract as break case catch class const continue default do echo else elseif extends final finally fn for foreach function global if implements include interface match namespace new private protected public readonly require return static switch throw trait try use var while yield",
			consts:   "array bool false float int null self string this true void"}
	case "make", "makefile":
		return &lang{form: formMake, line: hash, quotes: `"'`, sigils: "$", dash: true, keywords: "define else endef endif export ifdef ifeq ifndef ifneq include override"}
	case "docker", "dockerfile":
		return &lang{line: hash, quotes: `"'`, sigils: "$", dash: true,
			keywords: "ADD ARG AS CMD COPY ENTRYPOINT ENV EXPOSE FROM HEALTHCHECK LABEL ONBUILD RUN SHELL STOPSIGNAL USER VOLUME WORKDIR"}
	case "diff", "patch":
		return &lang{form: formDiff}
	}
	return nil
}
