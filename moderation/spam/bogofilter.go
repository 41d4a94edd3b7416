// SPDX-License-Identifier: GPL-3.0-or-later

package spam

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"oswald"
)

// bogofilter is the engine that asks the program of that name. Each call runs it
// once, which takes some milliseconds; the lock keeps a run from meeting a word
// list that is being replaced.
type bogofilter struct {
	program string
	dir     string
	options []string
	timeout time.Duration
	log     *slog.Logger

	mu        sync.Mutex
	known     map[int64]bool // labels since the start, to undo them
	spam, ham int
}

func newBogofilter(cfg Config, log *slog.Logger) (*bogofilter, error) {
	path, err := exec.LookPath(cfg.Program)
	if err != nil {
		return nil, oswald.Wrap(err, oswald.Unavailable, "There is no program %q: install bogofilter, or set spam.engine to %q.", cfg.Program, EngineOwn)
	}
	b := &bogofilter{
		program: path, dir: cfg.Directory, options: strings.Fields(cfg.Parameters),
		timeout: cfg.Timeout, log: log, known: make(map[int64]bool),
	}
	if err := os.MkdirAll(b.dir, 0o700); err != nil {
		return nil, oswald.Wrap(err, oswald.Internal, "The folder of spam.bogofilter_dir cannot be made: see that its parent can be written.")
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.count()
	return b, nil
}

// mail is a text as the program wants it; without the empty line it would take
// the text for a header.
func mail(text string) string {
	return "Content-Type: text/plain; charset=UTF-8\nContent-Transfer-Encoding: 8bit\n\n" +
		strings.ReplaceAll(text, "\x00", "") + "\n"
}

// run runs a program of the family. Exit codes up to most are answers.
func (b *bogofilter) run(ctx context.Context, program string, most int, stdin string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, b.timeout)
	defer cancel()
	c := exec.CommandContext(ctx, program, args...)
	c.Env = []string{"LC_ALL=C", "HOME=" + b.dir}
	c.Stdin = strings.NewReader(stdin)
	c.WaitDelay = time.Second
	var out, fault bytes.Buffer
	c.Stdout, c.Stderr = &out, &fault
	err := c.Run()
	if code := c.ProcessState.ExitCode(); err != nil && (code < 1 || code > most) {
		return "", fmt.Errorf("%s: %w: %s", filepath.Base(program), err, bytes.TrimSpace(fault.Bytes()))
	}
	return out.String(), nil
}

func (b *bogofilter) args(dir string, more ...string) []string {
	return slices.Concat([]string{"-C", "-d", dir}, b.options, more)
}

// classify asks for the score and the table of tokens. A program that fails has
// no opinion, and the comment waits for a person.
func (b *bogofilter) classify(text string) Result {
	b.mu.Lock()
	defer b.mu.Unlock()
	unsure := Result{Score: 0.5}
	if b.spam == 0 || b.ham == 0 {
		return unsure // the program has no list yet, or knows one side only
	}
	out, err := b.run(context.Background(), b.program, 2, mail(text), b.args(b.dir, "-vvv")...)
	if err == nil {
		var r Result
		if r, err = parseTable(out); err == nil {
			return r
		}
	}
	b.log.Error("bogofilter does not judge", "err", err)
	return unsure
}

// parseTable reads what `bogofilter -vvv` prints: a line with "spamicity=", then
// for each token its quoted name, count, two probabilities, its score, and + if
// it was used.
func parseTable(out string) (Result, error) {
	r, found := Result{}, false
	for line := range strings.Lines(out) {
		line = strings.TrimSpace(line)
		if _, rest, ok := strings.Cut(line, "spamicity="); ok {
			v, _, _ := strings.Cut(rest, ",")
			score, err := strconv.ParseFloat(v, 64)
			if err != nil || !(score >= 0 && score <= 1) {
				return r, fmt.Errorf("odd answer %.100q", line)
			}
			r.Score, found = score, true
			continue
		}
		i := strings.LastIndexByte(line, '"')
		if !strings.HasPrefix(line, `"`) || i < 2 {
			continue
		}
		cols := strings.Fields(line[i+1:])
		if len(cols) != 5 || cols[4] != "+" {
			continue
		}
		if p, err := strconv.ParseFloat(cols[3], 64); err == nil && p >= 0 && p <= 1 {
			r.Evidence = append(r.Evidence, oswald.Evidence{Feature: fmt.Sprintf("word “%s”", line[1:i]), Spam: p})
		}
	}
	if !found {
		return r, errors.New("no answer")
	}
	slices.SortStableFunc(r.Evidence, strongest)
	r.Evidence = r.Evidence[:min(len(r.Evidence), maxEvidence)]
	return r, nil
}

func (b *bogofilter) learn(m Message) {
	b.mu.Lock()
	defer b.mu.Unlock()
	was, ok := b.known[m.N]
	if ok && was == m.Spam {
		return
	}
	flag := "-n"
	switch {
	case ok && m.Spam:
		flag = "-Ns" // also takes back that it was ham
	case ok:
		flag = "-Sn"
	case m.Spam:
		flag = "-s"
	}
	if _, err := b.run(context.Background(), b.program, 0, mail(m.Text), b.args(b.dir, flag)...); err != nil {
		b.log.Error("bogofilter does not learn", "err", err)
		return
	}
	b.known[m.N] = m.Spam
	b.count()
}

// refit makes a new word list beside the old one and then puts it in its place.
func (b *bogofilter) refit(ctx context.Context, list []Message) error {
	failed := func(err error) error {
		return oswald.Wrap(err, oswald.Unavailable, "bogofilter could not learn the labels: the log says why.")
	}
	fresh := b.dir + ".new"
	if err := errors.Join(os.RemoveAll(fresh), os.MkdirAll(fresh, 0o700)); err != nil {
		return failed(err)
	}
	defer os.RemoveAll(fresh)
	for _, side := range []struct {
		flag string
		spam bool
	}{{"-s", true}, {"-n", false}} {
		for part := range slices.Chunk(list, 500) {
			var box strings.Builder
			for _, m := range part {
				if m.Spam == side.spam {
					box.WriteString("From oswald Thu Jan  1 00:00:00 1970\n" + quoteFrom(mail(m.Text)) + "\n")
				}
			}
			if box.Len() == 0 {
				continue
			}
			if _, err := b.run(ctx, b.program, 0, box.String(), b.args(fresh, "-M", side.flag)...); err != nil {
				return failed(err)
			}
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	old := b.dir + ".old"
	if err := errors.Join(os.RemoveAll(old), os.Rename(b.dir, old), os.Rename(fresh, b.dir)); err != nil {
		return failed(err)
	}
	if err := os.RemoveAll(old); err != nil {
		b.log.Warn("an old word list stays behind", "err", err)
	}
	clear(b.known)
	for _, m := range list {
		b.known[m.N] = m.Spam
	}
	b.count()
	return nil
}

// quoteFrom keeps a line of a text from looking like the start of a message.
func quoteFrom(s string) string { return strings.ReplaceAll(s, "\nFrom ", "\n>From ") }

// count reads how much the word list knows; the caller holds the lock. The
// program that reads it, bogoutil, comes with bogofilter.
func (b *bogofilter) count() {
	list := filepath.Join(b.dir, "wordlist.db")
	if _, err := os.Stat(list); err != nil {
		b.spam, b.ham = 0, 0
		return
	}
	out, err := b.run(context.Background(), filepath.Join(filepath.Dir(b.program), "bogoutil"), 0, "", "-C", "-w", b.dir, ".MSG_COUNT")
	if err != nil {
		b.log.Error("the word list does not say what it knows", "err", err)
		return
	}
	for line := range strings.Lines(out) {
		if f := strings.Fields(line); len(f) >= 3 && f[0] == ".MSG_COUNT" {
			b.spam, _ = strconv.Atoi(f[1])
			b.ham, _ = strconv.Atoi(f[2])
		}
	}
}

func (b *bogofilter) counts() (spam, ham int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.spam, b.ham
}
