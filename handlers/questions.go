// SPDX-License-Identifier: GPL-3.0-or-later

package handlers

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"oswald"
)

// skew is how far a server's stamp on a delayed message may be behind our clock.
const skew = time.Minute

// ask puts a command aside and asks whether to run it. One question waits at a
// time in each chat; a new one takes the place of the old.
func (h *Handlers) ask(ctx context.Context, req oswald.Request, c call, late time.Duration) (oswald.Reply, error) {
	if e, err := h.journal.find(ctx, req.ID); err != nil {
		return oswald.Reply{}, h.internal(err, c.path)
	} else if e != nil {
		return h.recorded(ctx, req)
	}
	question := "Run it?"
	if c.confirm != nil {
		preview, err := h.call(ctx, req, c, func(ctx context.Context, req oswald.Request, args []string) (oswald.Reply, error) {
			text, err := c.confirm(ctx, req, args)
			return oswald.Reply{Text: text}, err
		})
		if err != nil {
			h.note(req, stateRefused, oswald.Reply{}, err)
			return oswald.Reply{}, err
		}
		question = preview.Text
	}
	if late > h.cfg.Late {
		question = fmt.Sprintf("Sent %s ago while I was away: `%s`\n%s", span(late), oneLine(req.Text, 200), question)
	}
	reply := oswald.Reply{Text: question + " yes/no", Raw: c.confirm != nil, About: oswald.AboutQuestion(req.ID)}
	now := h.now()
	e := entry{ID: req.ID, Who: req.Actor.Address, Room: req.Room, Text: req.Text, Sent: req.At, At: h.journal.stamp(now), State: stateAsked, Reply: reply}
	err := inTx(ctx, h.deps.DB, func(tx *sql.Tx) error {
		if err := dropQuestion(ctx, tx, req, now, stateDeclined, "Another question came before the answer; nothing was done."); err != nil {
			return err
		}
		if _, err := insert(ctx, tx, e); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, "INSERT INTO questions(who, room, id, asked) VALUES(?, ?, ?, ?)", req.Actor.Address, req.Room, req.ID, millis(now))
		return err
	})
	if err != nil {
		return oswald.Reply{}, h.internal(err, c.path)
	}
	return reply, nil
}

// dropQuestion ends the question that waits in the chat of req, if there is one.
func dropQuestion(ctx context.Context, tx *sql.Tx, req oswald.Request, now time.Time, state, why string) error {
	_, err := tx.ExecContext(ctx, `UPDATE journal SET state = ?, ended = ?, reply = ?, raw = 0
		WHERE state = ? AND id = (SELECT id FROM questions WHERE who = ? AND room = ?)`,
		state, millis(now), why, stateAsked, req.Actor.Address, req.Room)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, "DELETE FROM questions WHERE who = ? AND room = ?", req.Actor.Address, req.Room)
	return err
}

// An answer is what a "yes" or "no" did to the question.
type answer struct {
	repeated bool   // this very answer came before
	run      *entry // the command that is now accepted
	reply    oswald.Reply
	refusal  error
}

// answered takes a "yes" or "no" for the question that waits in this chat.
func (h *Handlers) answered(ctx context.Context, req oswald.Request, yes bool) (oswald.Reply, error) {
	var a answer
	err := inTx(ctx, h.deps.DB, func(tx *sql.Tx) (err error) {
		a, err = h.settle(ctx, tx, req, yes)
		return err
	})
	switch {
	case err != nil:
		return oswald.Reply{}, h.internal(err, req.Text)
	case a.repeated:
		return h.recorded(ctx, req)
	case a.refusal != nil:
		h.note(req, stateRefused, oswald.Reply{}, a.refusal)
		return oswald.Reply{}, a.refusal
	case a.run == nil:
		return a.reply, nil
	}
	asked := oswald.Request{ID: a.run.ID, Actor: req.Actor, Room: req.Room, Text: a.run.Text, At: a.run.Sent, Progress: req.Progress}
	return h.once(ctx, asked, func() (oswald.Reply, error) {
		// The role may have changed since the question.
		c, err := h.parse(asked.Text, asked.Actor, asked.Room)
		if err != nil {
			return oswald.Reply{}, errors.Join(err, h.finish(ctx, asked.ID, oswald.Reply{}, err))
		}
		return h.carryOut(ctx, asked, c)
	})
}

// settle decides in tx what the answer does.
func (h *Handlers) settle(ctx context.Context, tx *sql.Tx, req oswald.Request, yes bool) (a answer, err error) {
	var n int
	if err := tx.QueryRowContext(ctx, "SELECT count(*) FROM journal WHERE id = ?", req.ID).Scan(&n); err != nil {
		return a, err
	}
	if n > 0 {
		a.repeated = true
		return a, nil
	}
	e, err := scanEntry(tx.QueryRowContext(ctx, columns+"WHERE id = (SELECT id FROM questions WHERE who = ? AND room = ?)", req.Actor.Address, req.Room))
	want := oswald.QuestionOf(req.About)
	switch {
	case errors.Is(err, sql.ErrNoRows) && want != "":
		a.refusal = oswald.Errorf(oswald.NotFound, "That question is over already.")
		return a, nil
	case errors.Is(err, sql.ErrNoRows):
		a.refusal = oswald.Errorf(oswald.NotFound, "I have not asked anything.")
		return a, nil
	}
	if err != nil {
		return a, err
	}
	if want != "" && want != e.ID {
		a.refusal = oswald.Errorf(oswald.Conflict, "I have asked something else since, so nothing was done; the question that waits is about `%s`.", oneLine(e.Text, 80))
		return a, nil
	}
	now := h.now()
	if req.At.Add(skew).Before(e.At) { // an old "yes" that arrived late means something else
		a.refusal = oswald.Errorf(oswald.Conflict, "That %s was sent before I asked; the question still stands.", map[bool]string{true: "yes", false: "no"}[yes])
		return a, nil
	}
	if now.Sub(e.At) > h.cfg.Answer {
		a.refusal = oswald.Errorf(oswald.Expired, "That question was over %s old, so nothing was done: `%s`. Send the command again if you still want it.", span(h.cfg.Answer), oneLine(e.Text, 80))
		return a, dropQuestion(ctx, tx, req, now, stateExpired, "There was no answer in time; nothing was done.")
	}
	a.reply = oswald.Reply{Text: fmt.Sprintf("Fine, nothing was done: `%s`.", oneLine(e.Text, 80))}
	if !yes {
		if err := dropQuestion(ctx, tx, req, now, stateDeclined, a.reply.Text); err != nil {
			return a, err
		}
	} else {
		_, err = tx.ExecContext(ctx, "UPDATE journal SET state = ?, at = ?, reply = '', raw = 0 WHERE id = ?", stateAccepted, millis(h.journal.stamp(now)), e.ID)
		if err != nil {
			return a, err
		}
		if _, err = tx.ExecContext(ctx, "DELETE FROM questions WHERE who = ? AND room = ?", req.Actor.Address, req.Room); err != nil {
			return a, err
		}
		a.run = &e
	}
	_, err = insert(ctx, tx, entry{ID: req.ID, Who: req.Actor.Address, Room: req.Room, Text: req.Text, Sent: req.At, At: h.journal.stamp(now), Ended: now, State: stateDone, Via: e.ID})
	return a, err
}
