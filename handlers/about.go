// SPDX-License-Identifier: GPL-3.0-or-later

package handlers

import (
	"context"
	"strconv"
	"strings"

	"oswald"
)

// The words of oswald.Reply.About begin with one of these; see oswald.AboutQuestion
// for questions.
const (
	aboutAlert   = "alert:"
	aboutComment = "comment:"
	aboutEdit    = "edit:"
)

// acks are the words and pictures that acknowledge the alert they answer.
var acks = words("ack", "ok", "okay", "yes", "y", "seen", "thanks", "👍", "✅", "👌")

// What else a short answer means, by what it answers.
var (
	agreed  = words("yes", "y", "ok", "okay", "👍", "✅", "👌")
	refused = words("no", "n", "👎", "❌", "🚫")

	onComment = map[string]string{
		"ok": "approve", "okay": "approve", "approve": "approve", "ham": "approve", "👍": "approve", "✅": "approve", "👌": "approve",
		"spam": "flag", "flag": "flag", "👎": "flag", "🚩": "flag", "🚫": "flag",
		"delete": "delete", "🗑": "delete", "hold": "hold", "unflag": "unflag", "restore": "restore", "ban": "ban",
		"comment": "comment", "show": "comment", "why": "spam why",
	}
	onEdit = map[string]string{
		"ok": "accept", "okay": "accept", "accept": "accept", "👍": "accept", "✅": "accept", "👌": "accept",
		"reject": "reject", "👎": "reject", "❌": "reject", "🚫": "reject", "diff": "diff", "show": "diff",
	}
)

func words(list ...string) map[string]bool {
	m := make(map[string]bool, len(list))
	for _, w := range list {
		m[w] = true
	}
	return m
}

// A subject is what a message was about.
type subject struct {
	alerts, comments, edits []string
	question                string
}

func subjectOf(about string) (s subject) {
	for _, w := range strings.Fields(about) {
		if v, ok := strings.CutPrefix(w, aboutAlert); ok {
			s.alerts = append(s.alerts, v)
		} else if v, ok := strings.CutPrefix(w, aboutComment); ok {
			s.comments = append(s.comments, v)
		} else if v, ok := strings.CutPrefix(w, aboutEdit); ok {
			s.edits = append(s.edits, v)
		}
	}
	s.question = oswald.QuestionOf(about)
	return s
}

// meant returns the command that the answer text means on a message about s; ""
// if it is no short answer. All that it means on one message is one command: where
// it could be several it asks.
func (s subject) meant(text string) (string, error) {
	first, rest, _ := strings.Cut(strings.TrimSpace(text), " ")
	word := strings.TrimRight(strings.ToLower(first), trimmed)
	rest = strings.TrimSpace(rest)
	alone := rest == ""
	switch {
	case s.question != "" && alone && agreed[word]:
		return "yes", nil
	case s.question != "" && alone && refused[word]:
		return "no", nil
	case len(s.alerts) > 0 && alone && acks[word]:
		return "ack " + strings.Join(s.alerts, " "), nil
	case len(s.alerts) > 0 && (word == "snooze" || alone && (word == "😴" || word == "💤")):
		if strings.EqualFold(rest, s.alerts[0]) {
			return "", nil
		}
		return which("snooze", s.alerts, rest)
	case !alone:
		return "", nil
	}
	comment, edit := onComment[word], onEdit[word]
	switch {
	case comment != "" && edit != "" && len(s.comments) > 0 && len(s.edits) > 0:
		return "", oswald.Errorf(oswald.Invalid, "Which one? `%s %s` or `%s %s`.", comment, s.comments[0], edit, s.edits[0])
	case comment != "" && len(s.comments) > 0:
		return which(comment, s.comments, "")
	case edit != "" && len(s.edits) > 0:
		return which(edit, s.edits, "")
	case agreed[word] || refused[word]:
		return "", oswald.Errorf(oswald.NotFound, "That message asks nothing. To answer a question, answer the message with the question.")
	}
	return "", nil
}

// which completes a command with the one thing that it can mean.
func which(command string, things []string, rest string) (string, error) {
	if len(things) > 1 {
		return "", oswald.Errorf(oswald.Invalid, "Which one? For example `%s`.", strings.TrimSpace(command+" "+things[0]+" "+rest))
	}
	return strings.TrimSpace(command + " " + things[0] + " " + rest), nil
}

// interpret puts into req.Text what an answer to a message means. It returns false
// for a reaction that means nothing there.
func (h *Handlers) interpret(req *oswald.Request) (bool, error) {
	s := subjectOf(req.About)
	texts := []string{req.Text}
	if req.Reaction {
		texts = strings.Fields(req.Text)
	}
	for _, text := range texts {
		command, err := s.meant(text)
		if err != nil && !req.Reaction {
			return true, err
		}
		if command != "" {
			req.Text = command
			return true, nil
		}
	}
	return !req.Reaction, nil
}

// Answer carries out a short answer or a reaction to the alert with this label:
// req.Text holds the word or the picture. Anything that is no such word is
// carried out as the command that it is.
func (h *Handlers) Answer(ctx context.Context, req oswald.Request, alertLabel string) (oswald.Reply, error) {
	req.About = aboutAlert + alertLabel
	return h.Dispatch(ctx, req)
}

// aboutNumber is the word for a comment or an edit.
func aboutNumber(kind string, n int64) string { return kind + strconv.FormatInt(n, 10) }
