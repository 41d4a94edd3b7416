// SPDX-License-Identifier: GPL-3.0-or-later

package moderation

import (
	"bufio"
	_ "embed"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"time"
	"unicode"

	"oswald"
)

// The knowledge captcha: a question in plain words, so that a screen reader reads
// it and no picture, sound or script is needed. It does not stop a determined
// person; it stops the programs that fill in every form they find.

//go:embed questions.txt
var builtinQuestions string

type question struct {
	id      uint32 // hash of the text, so that a form survives a reload of the file
	text    string
	answers []string // normalised
}

// right reports whether answer is one of the answers. Answering in a whole
// sentence is not wrong: "it is a rabbit".
func (q question) right(answer string) bool {
	a := normalAnswer(answer)
	if a == "" || len(a) > 200 {
		return false
	}
	for _, want := range q.answers {
		if a == want {
			return true
		}
		for _, lead := range []string{"it is ", "its ", "it s ", "that is "} {
			if strings.TrimPrefix(a, lead) == want {
				return true
			}
		}
	}
	return false
}

// normalAnswer keeps letters and digits, in lower case, and drops articles.
func normalAnswer(s string) string {
	words := strings.FieldsFunc(strings.ToLower(s), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsNumber(r) && !unicode.IsMark(r)
	})
	kept := words[:0]
	for _, w := range words {
		if w == "the" || (w == "a" || w == "an") && len(words) > 1 {
			continue
		}
		kept = append(kept, w)
	}
	return strings.Join(kept, " ")
}

const maxQuestions = 10000

// parseQuestions reads blocks of one "Q:" and one or more "A:" lines. A line that
// begins with # is a comment.
func parseQuestions(r io.Reader) ([]question, error) {
	var list []question
	seen := make(map[uint32]int)
	sc := bufio.NewScanner(r)
	sc.Buffer(make([]byte, 4096), 16<<10)
	for line := 1; sc.Scan(); line++ {
		t := strings.TrimSpace(strings.TrimPrefix(sc.Text(), "\uFEFF"))
		key, rest, ok := strings.Cut(t, ":")
		rest = strings.TrimSpace(rest)
		switch {
		case t == "" || strings.HasPrefix(t, "#"):
		case ok && strings.EqualFold(key, "Q"):
			text := cleanName(rest)
			if text == "" {
				return nil, fmt.Errorf("line %d: a question without words", line)
			}
			h := fnv.New32a()
			io.WriteString(h, text)
			q := question{id: h.Sum32(), text: text}
			if before, twice := seen[q.id]; twice {
				return nil, fmt.Errorf("line %d: the same question as in line %d", line, before)
			}
			if len(list) == maxQuestions {
				return nil, fmt.Errorf("line %d: more than %d questions", line, maxQuestions)
			}
			seen[q.id] = line
			list = append(list, q)
		case ok && strings.EqualFold(key, "A"):
			if len(list) == 0 {
				return nil, fmt.Errorf("line %d: an answer before any question", line)
			}
			for a := range strings.SplitSeq(rest, "|") {
				if a = normalAnswer(a); a != "" {
					q := &list[len(list)-1]
					q.answers = append(q.answers, a)
				}
			}
		default:
			return nil, fmt.Errorf("line %d: begins with neither \"Q:\" nor \"A:\"", line)
		}
	}
	if err := sc.Err(); err != nil {
		return nil, err
	}
	for _, q := range list {
		if len(q.answers) == 0 {
			return nil, fmt.Errorf("line %d: a question without an answer", seen[q.id])
		}
	}
	if len(list) == 0 {
		return nil, errors.New("no question in it")
	}
	return list, nil
}

// questions is the list in use; a changed file replaces it while running.
type questions struct {
	path string
	log  *slog.Logger
	now  func() time.Time

	mu      sync.Mutex
	list    []question
	byID    map[uint32]question
	stamp   time.Time // of the file that was read last, good or bad
	size    int64
	checked time.Time
}

func newQuestions(path string, log *slog.Logger, now func() time.Time) (*questions, error) {
	q := &questions{path: path, log: log, now: now}
	if path == "" {
		list, err := parseQuestions(strings.NewReader(builtinQuestions))
		if err != nil {
			return nil, err
		}
		q.set(list)
		return q, nil
	}
	if err := q.read(); err != nil {
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
			return nil, oswald.Wrap(err, oswald.Invalid, "The file with questions (comments.questions_file) cannot be read; name one that Oswald's user may read, or leave the key out.")
		}
		return nil, oswald.Wrap(err, oswald.Invalid, "The file with questions (comments.questions_file) has a fault, %s. Mend it, or leave the key out.", oneLine(err.Error(), 200))
	}
	return q, nil
}

func (q *questions) set(list []question) {
	q.list, q.byID = list, make(map[uint32]question, len(list))
	for _, one := range list {
		q.byID[one.id] = one
	}
}

// read takes the file in if it changed; one with a fault leaves the list as it was.
func (q *questions) read() error {
	f, err := os.Open(q.path)
	if err != nil {
		return err
	}
	defer f.Close()
	fi, err := f.Stat()
	if err != nil {
		return err
	}
	if fi.ModTime().Equal(q.stamp) && fi.Size() == q.size {
		return nil
	}
	q.stamp, q.size = fi.ModTime(), fi.Size()
	list, err := parseQuestions(f)
	if err != nil {
		return err
	}
	q.set(list)
	q.log.Info("questions read", "file", q.path, "count", len(list))
	return nil
}

// reload looks at the file, at most once a second.
func (q *questions) reload() {
	if q.path == "" {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	now := q.now()
	if now.Sub(q.checked) < time.Second && !now.Before(q.checked) {
		return
	}
	q.checked = now
	if err := q.read(); err != nil {
		q.log.Error("questions not changed", "file", q.path, "err", err)
	}
}

// pick returns any question, another than not if there is one.
func (q *questions) pick(not uint32) question {
	q.reload()
	q.mu.Lock()
	defer q.mu.Unlock()
	one := q.list[rand.IntN(len(q.list))]
	if one.id == not && len(q.list) > 1 {
		for i, o := range q.list {
			if o.id == not {
				return q.list[(i+1+rand.IntN(len(q.list)-1))%len(q.list)]
			}
		}
	}
	return one
}

func (q *questions) get(id uint32) (question, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	one, ok := q.byID[id]
	return one, ok
}
