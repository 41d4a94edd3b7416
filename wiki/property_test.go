// SPDX-License-Identifier: GPL-3.0-or-later

package wiki

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestIncremental changes the sources at random and builds after each change,
// in one process or after a restart, now and then killed in the middle. What
// comes out must be, byte for byte, what a clean build of the same sources in
// an empty folder makes; so must the warnings.
//
// WIKI_SEED repeats a run, WIKI_STEPS and OSWALD_LONG make it longer.
func TestIncremental(t *testing.T) {
	steps := 1000
	if os.Getenv("OSWALD_LONG") != "" {
		steps = 50000
	}
	if n, err := strconv.Atoi(os.Getenv("WIKI_STEPS")); err == nil {
		steps = n
	}
	seed := uint64(time.Now().UnixNano())
	if n, err := strconv.ParseUint(os.Getenv("WIKI_SEED"), 10, 64); err == nil {
		seed = n
	}
	t.Logf("WIKI_SEED=%d, %d steps", seed, steps)
	const run = 100 // steps before the folder is begun anew
	for done := 0; done < steps; done += run {
		rng := rand.New(rand.NewPCG(seed, uint64(done)))
		ops := make([]op, run)
		for i := range ops {
			ops[i] = randomOp(rng)
		}
		if err := replay(t, ops, ""); err != nil {
			ops = shrink(ops, func(some []op) bool { return replay(t, some, "") != nil })
			t.Fatalf("seed %d, run at step %d: %v\nshrunk to:\n%s\n%v", seed, done, err, listOps(ops), replay(t, ops, ""))
		}
	}
}

// TestIncrementalNotices makes the builder blind for one kind of question after
// the other. The test above must notice each time, or it proves nothing.
func TestIncrementalNotices(t *testing.T) {
	seeds := map[byte]uint64{depKey: 6, depHeads: 135, depFrag: 30, depTrail: 6, depHistory: 16, depPacked: 21, edgeTime: 5} // where it is soon noticed; any other will do
	for _, kind := range []byte{depName, depKey, depFile, depFace, depHeads, depFrag, depMacro, depQuery, depBack, depNear, depTags, depTrail, depFaults, depHistory, depLately, depSize, depPacked, depWords, edgeTheme, edgeConfig, edgeTime} {
		noticed := false
		first := max(1, seeds[kind])
		for seed := first; seed < first+100 && !noticed; seed++ {
			rng := rand.New(rand.NewPCG(seed, uint64(kind)))
			ops := make([]op, 60)
			for i := range ops {
				ops[i] = randomOp(rng)
			}
			noticed = replay(t, ops, string(kind)) != nil
			if noticed {
				t.Logf("%q: seed %d", kind, seed)
			}
		}
		if !noticed {
			t.Errorf("a builder that is blind for %q was not noticed", kind)
		}
	}
}

// scratch makes a folder in memory where there is one, since these tests write
// a great many small files.
func scratch(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "oswald-wiki-*")
	if err != nil {
		return t.TempDir()
	}
	return dir
}

// op is one change of the sources, or one thing that happens to the builder.
type op struct {
	kind, name, text string
	n                int
}

func listOps(ops []op) string {
	var b strings.Builder
	for _, o := range ops {
		fmt.Fprintf(&b, "%s %q %q %d\n", o.kind, o.name, o.text, o.n)
	}
	return b.String()
}

var propNames = []string{"Home.md", "Note.md", "a/Note.md", "a/Deep Page.md", "a/index.md", "b/Other.md", "WikiWord.md", "b/c/Leaf.md", "blog/one.md", "blog/two.md", "blog/three.md", "Été.md", "Tag page.md", "b/index.md", "Second.textile", "b/Other.textile", "macros/say.md", "macros/list.md", "macros/twice.md", "macros/tell.textile"}

func randomOp(r *rand.Rand) op {
	name := propNames[r.IntN(len(propNames))]
	switch n := r.IntN(100); {
	case n < 40:
		return op{"write", name, randomPage(r, name), 0}
	case n < 58: // the end of a page changes, its face does not
		text := randomBlock(r)
		if r.IntN(3) == 0 { // what links to sections and blocks look for
			text = []string{"# One\n\n", "## Two\n\n", "block ^b\n\n", "h2. One\n\n"}[r.IntN(4)]
		}
		return op{"append", name, text, 0}
	case n < 70:
		return op{kind: "delete", name: name}
	case n < 76:
		return op{kind: "rename", name: name, text: propNames[r.IntN(16)]}
	case n < 82:
		return op{"write", []string{"pic.png", "a/pic.png", "file.pdf", "b/Other.txt"}[r.IntN(4)], drawing(1+r.IntN(3), 2), 0}
	case n < 84:
		return op{kind: "delete", name: []string{"pic.png", "a/pic.png", "file.pdf", "b/Other.txt"}[r.IntN(4)]}
	case n < 91:
		return op{kind: "restart"}
	case n < 94:
		return op{kind: "kill", name: []string{"staged", "journal", "half", "renamed", "removed", "exchange", "exchanged", "manifest", "cache"}[r.IntN(9)]}
	case n < 95:
		return op{kind: "commit", name: name, n: r.IntN(5)}
	case n < 96:
		return op{kind: "template", n: r.IntN(3)}
	case n < 98:
		return op{kind: "config", n: r.IntN(8)}
	case n < 99:
		return op{kind: "clock", n: r.IntN(4)}
	}
	return op{kind: "damage", n: r.IntN(1000)}
}

// drawing is a picture of a size, as small as can be.
func drawing(w, h int) string {
	return fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d"/>`, w, h)
}

func randomPage(r *rand.Rand, name string) string {
	pick := func(list ...string) string { return list[r.IntN(len(list))] }
	if name == "macros/tell.textile" {
		return pick("told *{{$x|nobody}}*", "[[Note]] {{say x={{$x}}}}", "{{tell x=b}}")
	}
	if strings.HasPrefix(name, "macros/") {
		return pick("said {{$x|nothing}}", "{{$x}} [[Note]] #m/{{$x}}", "{{say x={{$x}}}}", "{{query tag={{$x|t}}}}", "![[Note#One]]", "{{twice x=a}} {{say}}")
	}
	var b strings.Builder
	if strings.HasPrefix(name, "blog/") && r.IntN(4) > 0 {
		return "---\ndate: 2026-11-0" + pick("1", "2", "3", "4") + "\ntitle: " + pick("P", "Q", "R") + "\n---\n" + randomBlock(r)
	}
	if r.IntN(2) == 0 {
		b.WriteString("---\n")
		for range r.IntN(4) {
			b.WriteString(pick("title: "+pick("First", "Second", "Third")+"\n", "tags: ["+pick("t", "t/u", "v")+", "+pick("w", "T", "x")+"]\n",
				"date: 2026-"+pick("01-02", "11-23", "11-25", "12-24")+"\n", "draft: "+pick("true", "false")+"\n", "aliases: ["+pick("Alias", "Other name", "Note")+"]\n",
				"permalink: "+pick("here", "a/deep-page", "note")+"\n", "parent: "+pick("Home", "Note", "'[[a/Note]]'")+"\n", "rank: "+pick("1", "2", "10")+"\n", "trail: true\n", "trail: [Note, "+pick("Other", "Leaf")+"]\n",
				"expires: 2026-"+pick("11-24", "12-01")+"\n", "title: [broken\n", "toc: false\n", "comments: false\n"))
		}
		b.WriteString("---\n")
	}
	if r.IntN(3) == 0 {
		b.WriteString(pick("# Heading one\n\n", "# Title *two*\n\n"))
	}
	for range 1 + r.IntN(5) {
		if isTextile(name) {
			b.WriteString(randomTextile(r))
		} else {
			b.WriteString(randomBlock(r))
		}
	}
	return b.String()
}

func randomTextile(r *rand.Rand) string {
	pick := func(list ...string) string { return list[r.IntN(len(list))] }
	page := pick("Note", "note", "a/Note", "Deep Page", "Other", "Alias", "Nowhere", "Home", "Second", "../Note")
	return pick("h2. One\n\nunder one\n\n", "h3. Two\n\nbelow\n\n", "h1. Title *"+pick("a", "b")+"*\n\n", "See [["+page+"]] and [["+page+"#One|text]].\n\n",
		"![["+page+"]]\n\n", "![["+page+"#One]]\n\n", "WikiWord and #t/u and #"+pick("v", "w")+"\n\n", "\"a link\":"+pick("Note.md", "../Note", "/note/", "Second.textile#one")+"\n\n",
		"!pic.png(alt)! ![[a/pic.png|10]]\n\n", "a note[1]\n\nfn1. with [["+page+"]]\n\n", "{{tell x="+pick("t", "v")+"}} {{query tag=t}}\n\n", "{{backlinks}} {{toc}} {{field title page="+page+"}}\n\n",
		"| [["+page+"]] | b |\n\n")
}

func randomBlock(r *rand.Rand) string {
	pick := func(list ...string) string { return list[r.IntN(len(list))] }
	page := func() string {
		return pick("Note", "note", "a/Note", "Deep Page", "deep-page", "Other", "Alias", "Other name", "Leaf", "Nowhere", "Home", "one", "Two", "été", "a", "WikiWord", "../Note")
	}
	return pick(
		"[["+pick("a/Note", "Other", "Leaf")+"#"+pick("One", "Two", "^b", "One#Two")+"]]\n\n", "[x]("+pick("../b/Other.md", "/a/note/")+"#"+pick("One", "two")+")\n\n",
		"# "+pick("One", "Two")+"\n\n", "#### Two\n\n", "another ^b\n\n",
		"Plain words "+pick("one", "two", "three")+".\n\n",
		"See [["+page()+"]] and [["+page()+"|text]].\n\n",
		"See [["+page()+"#One]] and [["+page()+"#^b]].\n\n",
		"![["+page()+"]]\n\n", "![["+page()+"#One]]\n\n", "![["+page()+"#^b]]\n\n",
		"## One\n\nunder one "+pick("x", "y")+"\n\n", "## Two\n\nunder two\n\n", "### One\n\nbelow\n\n",
		"a block "+pick("p", "q")+" ^b\n\n", "WikiWord and OtherWord and DeepPage\n\n",
		"#t and #t/u and #"+pick("v", "T/w", "été")+"\n\n",
		"{{query tag="+pick("t", "v", "nothing")+" sort="+pick("title", "-date", "rank")+" limit="+pick("2", "9")+" show="+pick("list", "table", "cards", "inline")+"}}\n\n",
		"{{query tag=t group="+pick("tags", "rank", "year", "parent.title")+" fields=backlinks,words,parent,parent.rank sort=-"+pick("rank", "backlinks")+"}}\n\n",
		"{{query "+pick("to", "from")+".tag=t show="+pick("gallery", "calendar", "cards", "posts")+" feed="+pick("yes", "other")+"}}\n\n", "{{query parent.title="+pick("First", "Second")+" fields=to.title,from.rank}}\n\n",
		"{{query links="+page()+"}}\n\n", "{{query linked="+page()+" rank>1}}\n\n", "{{query tag!=t folder="+pick("a", "b", "blog")+" fields=summary,tags}}\n\n",
		"{{say x="+pick("t", "v")+"}} {{list}}\n\n", "{{twice x={{calc 1 + 1}}}}\n\n", "{{backlinks}} {{backlinks page="+page()+"}}\n\n",
		"{{tell x=a}} ![[Second#One]] [[Second]]\n\n", "{{wanted}} {{orphans}} {{broken}}\n\n", "{{history page="+page()+"}} {{changes}} {{query tag=t fields=changed,changedby}}\n\n", "{{recent}} {{tags}} {{toc}}\n\n", "{{field title page="+page()+"}} {{count tag=t}} {{nosuch}}\n\n",
		"![[pic.png|"+pick("10", "A cat")+"]] ![x](pic.png) [f](file.pdf) ![[gone.png]]\n\n",
		"[rel](../Note.md) [abs](/note/) [root](/) [t](/tag/t/) [s](#one) [no](nowhere.md)\n\n",
		"a note[^1]\n\n[^1]: the note [["+page()+"]]\n\n", "> [!tip] [["+page()+"]]\n> inside\n\n", "%%[["+page()+"]]%%\n\n")
}
