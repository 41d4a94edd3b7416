// SPDX-License-Identifier: GPL-3.0-or-later

package handlers

import (
	"context"
	"database/sql"
	"slices"

	"oswald"
)

// Retract takes the command req.ID back, as far as that can be: what runs is told to
// stop, a question that waits is dropped. Of a command that has changed something it
// says so. An empty reply means that nothing was changed, and nothing has to be said.
func (h *Handlers) Retract(ctx context.Context, req oswald.Request) (oswald.Reply, error) {
	list := h.underWay()
	if i := slices.IndexFunc(list, func(j *job) bool { return j.id == req.ID && j.who == req.Actor.Address }); i >= 0 {
		return h.giveUp(ctx, list[i])
	}
	e, err := h.earlier(ctx, req, req.ID)
	if err != nil || e == nil {
		return oswald.Reply{}, err
	}
	what := oneLine(e.Text, 80)
	switch dropped, err := h.dropOne(ctx, req, *e); {
	case err != nil:
		return oswald.Reply{}, err
	case dropped:
		return oswald.Reply{Text: "Fine, nothing was done: `" + what + "`."}, nil
	case h.harmless(*e, req):
		return oswald.Reply{}, nil
	case e.State == stateAccepted:
		return oswald.Reply{}, oswald.Errorf(oswald.Conflict, "`%s` is running already and cannot be taken back; its answer follows.", what)
	}
	return oswald.Reply{}, oswald.Errorf(oswald.Conflict, "`%s` has been carried out already; taking the message back does not undo it.", what)
}

// corrected sees to it that req may take the place of the command req.Corrects: if
// that has changed nothing, and will not.
func (h *Handlers) corrected(ctx context.Context, req oswald.Request) error {
	e, err := h.earlier(ctx, req, req.Corrects)
	if err != nil || e == nil {
		return err
	}
	if dropped, err := h.dropOne(ctx, req, *e); err != nil || dropped {
		return err
	}
	if h.harmless(*e, req) {
		return nil
	}
	return oswald.Errorf(oswald.Conflict, "`%s` has been carried out already, so I leave the correction alone. Send it as a new message if you want that too.", oneLine(e.Text, 80))
}

// earlier returns what the record has of the asker's command id; nil if nothing.
func (h *Handlers) earlier(ctx context.Context, req oswald.Request, id string) (*entry, error) {
	if err := h.journal.flush(ctx); err != nil {
		return nil, h.internal(err, "record")
	}
	e, err := h.journal.find(ctx, id)
	if err != nil {
		return nil, h.internal(err, "record")
	}
	if e == nil || e.Who != req.Actor.Address {
		return nil, nil
	}
	return e, nil
}

// dropOne ends the question that the command e has asked, if it waits.
func (h *Handlers) dropOne(ctx context.Context, req oswald.Request, e entry) (dropped bool, err error) {
	if e.State != stateAsked {
		return false, nil
	}
	req.Room = e.Room
	err = inTx(ctx, h.deps.DB, func(tx *sql.Tx) error {
		var n int
		err := tx.QueryRowContext(ctx, "SELECT count(*) FROM questions WHERE who = ? AND room = ? AND id = ?", e.Who, e.Room, e.ID).Scan(&n)
		if err != nil || n == 0 {
			return err
		}
		dropped = true
		return dropQuestion(ctx, tx, req, h.now(), stateDeclined, "It was taken back; nothing was done.")
	})
	if err != nil {
		return false, h.internal(err, e.Text)
	}
	return dropped, nil
}

// harmless reports whether the command e has changed nothing, and will not.
func (h *Handlers) harmless(e entry, req oswald.Request) bool {
	switch e.State {
	case stateRefused, stateExpired, stateDeclined, stateAsked:
		return true
	}
	c, err := h.parse(e.Text, req.Actor, e.Room)
	return err == nil && !c.changes && c.answer == "" && e.Via == ""
}
