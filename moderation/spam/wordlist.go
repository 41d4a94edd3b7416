// SPDX-License-Identifier: GPL-3.0-or-later

package spam

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"oswald"
)

// A WordCount is how many spam and ham messages held a token.
type WordCount struct{ Spam, Ham uint32 }

// A WordList is the word list of bogofilter, in the text format that
// `bogoutil -d` writes and `bogoutil -l` reads: "token spam ham yyyymmdd". It is
// how the experience of an older filter comes in and ours goes out. Not safe for
// concurrent use.
type WordList struct {
	Words     map[string]WordCount
	Spam, Ham uint32 // messages counted
}

// NewWordList returns an empty list.
func NewWordList() *WordList { return &WordList{Words: make(map[string]WordCount)} }

// maxWords bounds a list that is read.
const maxWords = 1 << 20

// ReadWordList reads what `bogoutil -d` wrote. Lines are read from the right,
// since a token may hold spaces; tokens that begin with a full stop are notes of
// bogofilter to itself.
func ReadWordList(r io.Reader) (*WordList, error) {
	l := NewWordList()
	sc := bufio.NewScanner(r)
	for n := 1; sc.Scan(); n++ {
		line := strings.TrimRight(sc.Text(), "\r")
		if line == "" {
			continue
		}
		token, c, ok := parseWord(line)
		if !ok {
			return nil, oswald.Errorf(oswald.Invalid, "Line %d of the word list is not “token spam ham date”: make the list with bogoutil -d.", n)
		}
		switch {
		case token == ".MSG_COUNT":
			l.Spam, l.Ham = c.Spam, c.Ham
		case strings.HasPrefix(token, ".") && token == strings.ToUpper(token) && len(token) > 1:
		case len(l.Words) == maxWords:
			return nil, oswald.Errorf(oswald.Invalid, "The word list has more than %d words: shorten it with bogoutil -m.", maxWords)
		default:
			l.Words[token] = c
		}
	}
	if err := sc.Err(); err != nil {
		return nil, oswald.Wrap(err, oswald.Invalid, "The word list cannot be read: make it anew with bogoutil -d.")
	}
	return l, nil
}

func parseWord(line string) (token string, c WordCount, ok bool) {
	rest, _, ok := cutLast(line) // the date
	if !ok {
		return "", c, false
	}
	rest, ham, ok := cutLast(rest)
	if !ok {
		return "", c, false
	}
	token, spam, ok := cutLast(rest)
	if !ok || token == "" {
		return "", c, false
	}
	g, err1 := strconv.ParseUint(ham, 10, 32)
	b, err2 := strconv.ParseUint(spam, 10, 32)
	return token, WordCount{uint32(b), uint32(g)}, err1 == nil && err2 == nil
}

func cutLast(s string) (before, last string, ok bool) {
	i := strings.LastIndexByte(s, ' ')
	if i < 0 {
		return "", s, false
	}
	return s[:i], s[i+1:], true
}

// Write writes the list for `bogoutil -l`, which adds to what its target holds:
// load it into a fresh file.
func (l *WordList) Write(w io.Writer, day time.Time) error {
	b := bufio.NewWriter(w)
	date := day.Format("20060102")
	fmt.Fprintf(b, ".ENCODING 2 0 %s\n.MSG_COUNT %d %d %s\n", date, l.Spam, l.Ham, date)
	for _, token := range slices.Sorted(maps.Keys(l.Words)) {
		c := l.Words[token]
		fmt.Fprintf(b, "%s %d %d %s\n", token, c.Spam, c.Ham, date)
	}
	return b.Flush()
}

// Add counts a message by the words that bogofilter would find in it. Its own
// lexer knows more about mail; the tokens of plain comments come out nearly alike.
func (l *WordList) Add(text string, spam bool) {
	l.AddTokens(bogoTokens(text), spam)
}

// AddTokens counts a message by its tokens, each once.
func (l *WordList) AddTokens(tokens []string, spam bool) {
	if spam {
		l.Spam++
	} else {
		l.Ham++
	}
	for _, t := range unique(tokens) {
		c := l.Words[t]
		if spam {
			c.Spam++
		} else {
			c.Ham++
		}
		l.Words[t] = c
	}
}

func unique(tokens []string) []string {
	return slices.Compact(slices.Sorted(slices.Values(tokens)))
}

// bogofilter's tokens are 3 to 30 bytes long, keep their case and do not begin
// with a digit.
const minToken, maxToken = 3, 30

func bogoTokens(text string) []string {
	var list []string
	for _, t := range strings.FieldsFunc(text, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r) && r != '\'' && r != '-' && r != '.' && r != '$' || r == utf8.RuneError
	}) {
		t = strings.Trim(t, "'-.")
		if len(t) >= minToken && len(t) <= maxToken && !unicode.IsDigit(rune(t[0])) {
			list = append(list, t)
		}
	}
	return list
}

// BogoParameters are bogofilter's robx, robs and min_dev.
type BogoParameters struct{ Robx, Robs, MinDev float64 }

// BogoDefaults are the parameters of bogofilter 1.2.5.
var BogoDefaults = BogoParameters{Robx: 0.52, Robs: 0.0178, MinDev: 0.375}

// Score returns what bogofilter would say of a message with these tokens.
func (l *WordList) Score(tokens []string, p BogoParameters) float64 {
	own := fisher{robx: p.Robx, robs: p.Robs, minDev: p.MinDev}
	var sum fisherSum
	for _, t := range unique(tokens) {
		c := l.Words[t]
		own.add(&sum, own.of(float64(c.Spam), float64(l.Spam), float64(c.Ham), float64(l.Ham)))
	}
	return own.score(sum)
}

// wordShare is how many messages of each kind a word list counts as at most: it
// comes from somewhere else, often from mail.
const wordShare = 100

// prior makes counts of our features from the list. Its tokens keep their case
// and ours do not: of two that fall together, the counts add up.
func (l *WordList) prior() prior {
	c := newCounts()
	c.spam, c.ham = int(l.Spam), int(l.Ham)
	for _, t := range slices.SortedFunc(maps.Keys(l.Words), cmp.Compare[string]) {
		n := l.Words[t]
		c.put(mixAll(start(word), []byte(strings.ToLower(t))), n.Spam, n.Ham)
	}
	share := func(n uint32) float64 { return min(1, wordShare/math.Max(float64(n), 1)) }
	return prior{c, share(l.Spam), share(l.Ham)}
}
