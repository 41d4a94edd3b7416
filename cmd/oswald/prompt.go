// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
)

// A conversation is the owner's side of the chat, as the prompt uses it.
type conversation interface {
	// Ask sends text and returns the last part of the reply. What comes before
	// goes to before: earlier parts of a long reply, and, with working set, how
	// it is going.
	Ask(ctx context.Context, text string, before func(text string, working bool)) (string, error)
}

// maxLine bounds what is read of a line; a longer one ends the conversation.
const maxLine = 16 << 20

// A screen prints whole messages without mixing them with each other or with
// the prompt. On a terminal the prompt is drawn again below an alert.
type screen struct {
	mu       sync.Mutex
	w        io.Writer
	terminal bool
	waiting  bool // the prompt is on the screen and nothing has been asked
}

// prompt says that a person may type.
func (s *screen) prompt() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waiting = true
	if s.terminal {
		fmt.Fprint(s.w, "\n> ")
	}
}

// asked says that text has been typed. Where no terminal echoes it, it is
// printed, so that a transcript reads as a conversation.
func (s *screen) asked(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waiting = false
	if !s.terminal {
		fmt.Fprintf(s.w, "\n> %s\n", text)
	}
}

// message prints what Oswald says. mark goes before its first line.
func (s *screen) message(mark, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.terminal && s.waiting {
		fmt.Fprint(s.w, "\r\033[K")
	}
	fmt.Fprintf(s.w, "%s%s\n", mark, strings.TrimRight(printable(text), "\n"))
	if s.terminal && s.waiting {
		fmt.Fprint(s.w, "\n> ")
	}
}

// printable keeps what a message holds from steering the terminal.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r < 0x20 && r != '\n' && r != '\t' || r == 0x7f || r >= 0x80 && r < 0xa0 {
			return '\uFFFD'
		}
		return r
	}, text)
}

// shortened is text as a transcript shows it.
func shortened(text string) string {
	const most = 2000
	if len(text) <= most {
		return text
	}
	return fmt.Sprintf("%s… (%d KB)", strings.ToValidUTF8(text[:most], ""), len(text)>>10)
}

// chat reads texts from in, a line each, asks them one after the other and
// prints the replies, until in ends or ctx does. A failed send is printed and
// the next text is taken.
func chat(ctx context.Context, in io.Reader, s *screen, c conversation) error {
	lines := make(chan string)
	go func() { // ends with in, or with the process: a terminal cannot be interrupted
		defer close(lines)
		sc := bufio.NewScanner(in)
		sc.Buffer(make([]byte, 0, 4096), maxLine)
		for sc.Scan() {
			select {
			case lines <- sc.Text():
			case <-ctx.Done():
				return
			}
		}
	}()
	for {
		s.prompt()
		select {
		case <-ctx.Done():
			return nil
		case text, ok := <-lines:
			if !ok {
				return nil
			}
			if strings.TrimSpace(text) == "" {
				continue
			}
			s.asked(shortened(text))
			reply, err := c.Ask(ctx, text, func(part string, working bool) {
				if working {
					part = "… " + part
				}
				s.message("", part)
			})
			switch {
			case ctx.Err() != nil:
				return nil
			case err != nil:
				s.message("! ", operatorText(err))
			default:
				s.message("", reply)
			}
		}
	}
}
