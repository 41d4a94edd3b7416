// SPDX-License-Identifier: GPL-3.0-or-later

package wiki

import "github.com/yuin/goldmark/ast"

// The kinds of our own nodes.
var (
	kindWiki    = ast.NewNodeKind("Wiki")
	kindTag     = ast.NewNodeKind("Tag")
	kindMacro   = ast.NewNodeKind("Macro")
	kindCamel   = ast.NewNodeKind("Camel")
	kindMath    = ast.NewNodeKind("Math")
	kindMark    = ast.NewNodeKind("Mark")
	kindComment = ast.NewNodeKind("Comment")
	kindRaw     = ast.NewNodeKind("RawBlock")
	kindTitle   = ast.NewNodeKind("CalloutTitle")
	kindEdge    = ast.NewNodeKind("Edge")
	kindAnchor  = ast.NewNodeKind("Anchor")
)

// inline is the common part of our inline nodes.
type inline struct{ ast.BaseInline }

func (*inline) Dump([]byte, int) {}

// block is the common part of our block nodes.
type block struct{ ast.BaseBlock }

func (*block) Dump([]byte, int) {}

// wikiNode is [[target#section|text]] or, with a ! before it, an embedding.
type wikiNode struct {
	inline
	embed                 bool
	target, section, text string // as written
	line                  int
}

func (*wikiNode) Kind() ast.NodeKind { return kindWiki }

// label returns the words that a reader sees.
func (n *wikiNode) label() string {
	switch {
	case n.text != "":
		return n.text
	case n.section == "":
		return n.target
	}
	s := ""
	for i, part := range splitSection(n.section) {
		if i > 0 {
			s += " › "
		}
		s += part
	}
	if n.target == "" {
		return s
	}
	return n.target + " › " + s
}

// page says whether an embedding is of a page and not of a file.
func (n *wikiNode) page() bool { return n.embed && !isFile(n.target) }

// tagNode is #tag, without the #.
type tagNode struct {
	inline
	tag string
}

func (*tagNode) Kind() ast.NodeKind { return kindTag }

// macroNode is {{raw}}.
type macroNode struct {
	inline
	raw  string
	line int
}

func (*macroNode) Kind() ast.NodeKind { return kindMacro }

// camelNode is a CamelCase word.
type camelNode struct {
	inline
	word string
	line int
}

func (*camelNode) Kind() ast.NodeKind { return kindCamel }

// mathNode is $formula$ or $$formula$$, kept as it is.
type mathNode struct {
	inline
	formula string // with its dollar signs
	display bool
}

func (*mathNode) Kind() ast.NodeKind { return kindMath }

// markNode is ==marked== text.
type markNode struct{ inline }

func (*markNode) Kind() ast.NodeKind { return kindMark }

// commentNode is %%text%%; it has no output.
type commentNode struct{ inline }

func (*commentNode) Kind() ast.NodeKind { return kindComment }

// rawBlock is a comment or a formula of several lines.
type rawBlock struct {
	block
	math bool
	done bool
}

func (*rawBlock) Kind() ast.NodeKind { return kindRaw }
func (*rawBlock) IsRaw() bool        { return true }

// titleNode is the first line of a callout; its parent has the type.
type titleNode struct {
	block
	callout string // type, folded
	fold    byte   // '-' closed, '+' open, 0 does not fold
}

func (*titleNode) Kind() ast.NodeKind { return kindTitle }

// edgeNode marks where a block with an id begins or ends in the fragment.
type edgeNode struct {
	block
	id     string
	end    bool
	anchor bool // links lead here
	wrap   string
}

func (*edgeNode) Kind() ast.NodeKind { return kindEdge }

// anchorNode is where links to a block lead.
type anchorNode struct {
	inline
	id string
}

func (*anchorNode) Kind() ast.NodeKind { return kindAnchor }
