// SPDX-License-Identifier: GPL-3.0-or-later

package bot

import (
	"context"
	"errors"
	"strings"
	"time"

	"oswald"
	"oswald/internal/xmppclient/xmltree"
)

const (
	nsCommands = "http://jabber.org/protocol/commands"

	// adhocWait is how long a form waits for a command: less than clients wait for
	// an answer. What takes longer comes as a message.
	adhocWait = 10 * time.Second
	laterNote = "It is still at it; the result comes as a message."
)

// Menu lists the commands that a role may use, as forms can ask for them.
type Menu interface {
	Menu(role oswald.Role) []oswald.MenuItem
}

// nodeOf is the name of a command in service discovery. It has no spaces, because
// people type it too.
func nodeOf(m oswald.MenuItem) string { return strings.ReplaceAll(m.Name, " ", "-") }

// menu returns what somebody may choose.
func (b *Bot) menu(role oswald.Role) []oswald.MenuItem {
	if b.deps.Menu == nil || role == oswald.NoRole {
		return nil
	}
	return b.deps.Menu.Menu(role)
}

// chosen finds a command by its node. allowed is false if there is one, but not for
// this role.
func (b *Bot) chosen(node string, role oswald.Role) (m oswald.MenuItem, known, allowed bool) {
	for _, r := range []oswald.Role{role, oswald.Owner} {
		for _, m := range b.menu(r) {
			if nodeOf(m) == node {
				return m, true, r == role
			}
		}
	}
	return m, false, false
}

// menuItems answers disco#items for the commands (XEP-0050 section 2.2).
func (s *session) menuItems(from string) *xmltree.Element {
	q := xmltree.New(nsItems, "query", "node", nsCommands)
	own := s.b.sm.jid.String()
	for _, m := range s.b.menu(s.b.deps.Role(bareOf(from))) {
		q.Add(xmltree.New(nsItems, "item", "jid", own, "node", nodeOf(m), "name", titleOf(m)))
	}
	return q
}

// menuInfo answers disco#info for the list of commands or one of them (XEP-0050
// section 2.3); nil if there is no such node for this person.
func (s *session) menuInfo(node, from string) *xmltree.Element {
	q := xmltree.New(nsInfo, "query", "node", node)
	typ, name := "command-list", "Commands"
	if node != nsCommands {
		m, _, allowed := s.b.chosen(node, s.b.deps.Role(bareOf(from)))
		if !allowed {
			return nil
		}
		typ, name = "command-node", titleOf(m)
	}
	q.Add(xmltree.New(nsInfo, "identity", "category", "automation", "type", typ, "name", name))
	for _, f := range []string{nsCommands, nsForms} {
		q.Add(xmltree.New(nsInfo, "feature", "var", f))
	}
	return q
}

// adhoc takes a <command/> (XEP-0050). It answers at once or, if the command has to
// run first, later; never twice.
func (s *session) adhoc(e, cmd *xmltree.Element, from string) {
	a := adhocAsk{s: s, id: e.Get("id"), key: oswald.CommandID(e.Get("id"), cmd.String()), from: from, who: bareOf(from), node: cmd.Get("node"), action: cmd.Get("action"), form: cmd.Child(nsForms, "x")}
	if a.action == "" {
		a.action = "execute"
	}
	role := s.b.deps.Role(a.who)
	item, known, allowed := s.b.chosen(a.node, role)
	switch a.action {
	case "execute", "next", "prev", "complete", "cancel":
	default:
		a.refuse("modify", "bad-request", "malformed-action")
		return
	}
	switch {
	case role == oswald.NoRole:
		if a.who != "" && a.who != s.b.own.String() {
			s.b.bother(a.who)
		}
		a.refuse("cancel", "service-unavailable", "")
	case !known:
		a.refuse("cancel", "item-not-found", "")
	case !allowed:
		a.refuse("auth", "forbidden", "")
	case cmd.Get("sessionid") != "":
		a.goOn(cmd.Get("sessionid"), role)
	case a.action != "execute":
		a.refuse("modify", "bad-request", "bad-sessionid")
	default:
		a.begin(item, role)
	}
}

// An adhocAsk is one request to the ad-hoc commands.
type adhocAsk struct {
	s                                *session
	id, key, from, who, node, action string // key is of id and content: a retry has the same
	form                             *xmltree.Element
}

func (a adhocAsk) iq(typ string, payload *xmltree.Element) string {
	return string(xmltree.New(nsClient, "iq", "type", typ, "id", a.id, "to", a.from).Add(payload).AppendXML(nil, nsClient))
}

// refuse answers with an error; detail is one of XEP-0050 section 4.6, or empty.
func (a adhocAsk) refuse(kind, condition, detail string) {
	x := xmltree.New(nsClient, "error", "type", kind).Add(xmltree.New(nsStanzas, condition))
	if detail != "" {
		x.Add(xmltree.New(nsCommands, detail))
	}
	a.s.b.out.pass(a.iq("error", x))
}

// begin starts a command: with its form, or at once if it has none.
func (a adhocAsk) begin(item oswald.MenuItem, role oswald.Role) {
	table := &a.s.b.forms
	f, again := table.open(a.from, a.key, item)
	switch {
	case f == nil:
		a.refuse("wait", "resource-constraint", "")
	case again:
		a.repeat(f)
	case len(item.Fields) == 0:
		a.run(f, item.Name, "", role)
	default:
		a.answer(f, formStage, f.ask(nil, nil))
	}
}

// goOn takes the next step of a command that has begun.
func (a adhocAsk) goOn(id string, role oswald.Role) {
	f, state := a.s.b.forms.find(id, a.from, a.node)
	if state == "" && f.again(a.key) {
		a.repeat(f)
		return
	}
	stage := overStage
	if f != nil {
		stage = f.take(a.key)
	}
	cancel := a.action == "cancel"
	switch {
	case state == "session-expired":
		a.refuse("cancel", "not-allowed", state)
	case state != "":
		a.refuse("modify", "bad-request", state)
	case stage == runStage: // the answer to another request is under way
		a.refuse("modify", "bad-request", "bad-action")
	case stage == overStage:
		a.refuse("cancel", "not-allowed", "session-expired")
	case stage == formStage && cancel:
		a.answer(f, overStage, f.command("canceled"))
	case stage == formStage && a.action == "prev", stage == askStage && a.action == "prev" && len(f.item.Fields) == 0:
		f.back(stage)
		a.refuse("modify", "bad-request", "bad-action")
	case stage == formStage:
		a.fillIn(f, role)
	case a.action == "prev" || cancel:
		a.run(f, "no", f.question, role)
	default:
		a.run(f, "yes", f.question, role)
	}
}

// fillIn takes a form that has come back.
func (a adhocAsk) fillIn(f *form, role oswald.Role) {
	values, ok := readForm(a.form)
	if !ok {
		f.back(formStage)
		a.refuse("modify", "bad-request", "bad-payload")
		return
	}
	text, err := f.item.Text(values)
	if err != nil {
		a.answer(f, formStage, f.ask(values, err))
		return
	}
	f.values = values
	a.run(f, text, "", role)
}

// run dispatches text and answers with what becomes of it. question is the command
// whose question text answers, if it does.
func (a adhocAsk) run(f *form, text, question string, role oswald.Role) {
	b := a.s.b
	b.hear()
	req := oswald.Request{ID: oswald.CommandID(a.who, f.step()), Actor: oswald.Actor{Address: a.who, Role: role}, Text: text, At: b.now()}
	if question != "" {
		req.About = oswald.AboutQuestion(question)
	}
	type result struct {
		r   oswald.Reply
		err error
	}
	ch := make(chan result, 1)
	ctx := b.talks.ctx
	b.talks.wg.Go(func() {
		if b.deps.Urgent == nil || !b.deps.Urgent(text) {
			leave := b.turn(ctx, a.who)
			if leave == nil {
				return
			}
			defer leave()
		}
		r, err := b.dispatch(ctx, req)
		ch <- result{r, err}
	})
	b.talks.wg.Go(func() {
		t := time.NewTimer(b.forms.wait)
		defer t.Stop()
		var res result
		select {
		case res = <-ch:
			if a.s.ctx.Err() == nil {
				a.show(f, req, res.r, res.err)
				return
			}
		case <-t.C:
			a.answer(f, overStage, f.result(laterNote, "info"))
			select {
			case res = <-ch:
			case <-ctx.Done():
				return
			}
		case <-ctx.Done():
			return
		}
		if f.last() == nil {
			f.back(overStage) // who asked has gone
		}
		if ctx.Err() != nil && res.err != nil {
			return // stopped in the middle: how it ended is told after the start
		}
		if res.err != nil {
			res.r = oswald.Reply{Text: b.failure(req, res.err), Raw: true}
		}
		if res.r.Text != "" {
			b.say(a.who, "", req.ID, res.r, nil, nil)
		}
	})
}

// turn waits until no other form of who runs a command and there is room for one
// more, as for texts; nil if ctx ends before.
func (b *Bot) turn(ctx context.Context, who string) (leave func()) {
	q := b.forms.queue(who)
	select {
	case q.turn <- struct{}{}:
	case <-ctx.Done():
		b.forms.leave(who)
		return nil
	}
	done := func() { <-q.turn; b.forms.leave(who) }
	select {
	case b.talks.slots <- struct{}{}:
		return func() { <-b.talks.slots; done() }
	case <-ctx.Done():
		done()
		return nil
	}
}

// show answers with what a command has answered.
func (a adhocAsk) show(f *form, req oswald.Request, r oswald.Reply, err error) {
	b := a.s.b
	question := oswald.QuestionOf(r.About)
	switch {
	case err != nil && b.talks.ctx.Err() != nil:
		f.back(overStage)
	case f.question != "" && req.Text == "no" && a.action == "prev":
		f.question = ""
		a.answer(f, formStage, f.ask(f.values, nil))
	case f.question != "" && req.Text == "no":
		a.answer(f, overStage, f.command("canceled"))
	case err != nil && oswald.CodeOf(err) == oswald.Invalid && f.question == "" && len(f.item.Fields) > 0:
		a.answer(f, formStage, f.ask(f.values, err))
	case err != nil:
		a.answer(f, overStage, f.result(b.failure(req, err), "error"))
	case question != "" && f.question == "":
		f.question = question
		a.answer(f, askStage, f.confirm(r.Text))
	default:
		a.answer(f, overStage, f.result(r.Text, "info"))
	}
}

// answer sends payload and moves f to its next stage.
func (a adhocAsk) answer(f *form, stage int, payload *xmltree.Element) {
	f.put(stage, payload)
	a.s.b.out.pass(a.iq("result", payload))
}

// repeat answers a request that has come before, if its answer is not under way.
func (a adhocAsk) repeat(f *form) {
	if payload := f.last(); payload != nil {
		a.s.b.out.pass(a.iq("result", payload))
	}
}

// failure words an error for who asked.
func (b *Bot) failure(req oswald.Request, err error) string {
	var e *oswald.Error
	if errors.As(err, &e) {
		return e.Message
	}
	return b.refer(command{id: req.ID, sender: req.Actor.Address}, err)
}
