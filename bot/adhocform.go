// SPDX-License-Identifier: GPL-3.0-or-later

package bot

import (
	"strings"
	"sync"
	"time"

	"oswald"
	"oswald/internal/xmppclient/xmltree"
)

const (
	formsMax    = 200              // forms that are known, of all people
	formsEach   = 8                // of one session of somebody
	formTime    = 5 * time.Minute  // between two steps
	formForget  = 15 * time.Minute // after which an old form is no form at all
	resultMax   = 8_000            // characters
	formFields  = 32
	formLongest = 16 << 10 // bytes of a value
)

// The stages of a form.
const (
	formStage = iota // waits to be filled in
	askStage         // waits for yes or no
	runStage         // the command runs
	overStage
)

// forms are the sessions of ad-hoc commands (XEP-0050 section 3.3). They live in
// memory: what has been accepted is on record elsewhere. Safe for concurrent use.
type forms struct {
	now  func() time.Time
	wait time.Duration // for a command, before its form is answered

	mu     sync.Mutex
	byID   map[string]*form
	queues map[string]*queue // by bare JID, of those who run something
}

// A queue lets one form of a person run a command at a time. n is how many want to.
type queue struct {
	turn chan struct{} // of one
	n    int
}

func (t *forms) queue(who string) *queue {
	t.mu.Lock()
	defer t.mu.Unlock()
	q := t.queues[who]
	if q == nil {
		q = &queue{turn: make(chan struct{}, 1)}
		t.queues[who] = q
	}
	q.n++
	return q
}

func (t *forms) leave(who string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if q := t.queues[who]; q.n == 1 {
		delete(t.queues, who)
	} else {
		q.n--
	}
}

// A form is one session. Its first fields do not change.
type form struct {
	id, from, node string
	item           oswald.MenuItem

	// Of whoever has taken the form into runStage.
	values   map[string]string
	question string // the command whose question it asks
	steps    int

	mu      sync.Mutex
	touched time.Time
	stage   int
	asked   string           // the last request
	payload *xmltree.Element // the answer to it; nil while that is under way
}

// open makes a form for the request key of the full JID from; again is true if that
// request has come before. It returns nil if there are too many.
func (t *forms) open(from, key string, item oswald.MenuItem) (f *form, again bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.now()
	var oldest *form
	n := 0
	for _, f := range t.byID {
		stage, touched := f.state()
		switch {
		case now.Sub(touched) > formForget && stage != runStage:
			delete(t.byID, f.id)
			continue
		case f.from != from:
			continue
		case f.node == nodeOf(item) && f.again(key) && now.Sub(touched) < formTime:
			return f, true
		}
		n++
		if stage != runStage && (oldest == nil || touched.Before(oldest.touched)) {
			oldest = f
		}
	}
	switch {
	case n >= formsEach && oldest != nil:
		delete(t.byID, oldest.id)
	case n >= formsEach || len(t.byID) >= formsMax:
		return nil, false
	}
	f = &form{id: oswald.RandomID(), from: from, node: nodeOf(item), item: item, touched: now, stage: runStage, asked: key}
	t.byID[f.id] = f
	return f, false
}

// find returns the form id, if it is of that command and full JID; else what is
// wrong, as XEP-0050 section 4.6 names it.
func (t *forms) find(id, from, node string) (f *form, fault string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	f = t.byID[id]
	if f == nil || f.from != from || f.node != node {
		return nil, "bad-sessionid"
	}
	now := t.now()
	f.mu.Lock()
	defer f.mu.Unlock()
	if now.Sub(f.touched) > formTime && f.stage != runStage {
		return nil, "session-expired"
	}
	f.touched = now
	return f, ""
}

func (f *form) state() (stage int, touched time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.stage, f.touched
}

// again reports whether the request key is the last one that has come.
func (f *form) again(key string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.asked == key
}

// take lets the request key work on f, if no other does, and returns the stage it
// was in.
func (f *form) take(key string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	was := f.stage
	if was == formStage || was == askStage {
		f.stage, f.asked, f.payload = runStage, key, nil
	}
	return was
}

// back says that the request that took f has no answer here.
func (f *form) back(stage int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.stage, f.asked = stage, ""
}

// put ends the work on f with an answer.
func (f *form) put(stage int, payload *xmltree.Element) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.stage, f.payload = stage, payload
}

func (f *form) last() *xmltree.Element {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.payload
}

// step names the next command of this form for ever.
func (f *form) step() string {
	f.steps++
	return f.id + "." + itoa(f.steps)
}

func titleOf(m oswald.MenuItem) string { return m.Name + ": " + m.Desc }

func (f *form) command(status string) *xmltree.Element {
	return xmltree.New(nsCommands, "command", "node", f.node, "sessionid", f.id, "status", status)
}

func actions(first string, more ...string) *xmltree.Element {
	x := xmltree.New(nsCommands, "actions", "execute", first)
	for _, name := range more {
		x.Add(xmltree.New(nsCommands, name))
	}
	return x
}

func note(text, kind string) *xmltree.Element {
	return xmltree.New(nsCommands, "note", "type", kind).AddText(text)
}

// ask is the form to fill in. values are there already; err says what is wrong with
// them.
func (f *form) ask(values map[string]string, err error) *xmltree.Element {
	action := "complete"
	if f.item.Asks {
		action = "next"
	}
	c := f.command("executing").Add(actions(action, action))
	how := f.item.Desc + "."
	if err != nil {
		c.Add(note(oswald.MessageOf(err), "error"))
		how = oswald.MessageOf(err) + "\n" + how
	}
	// One element of several lines: some clients show the first one only.
	x := xmltree.New(nsForms, "x", "type", "form").Add(text("title", f.item.Name), text("instructions", how))
	for _, field := range f.item.Fields {
		if v, ok := values[field.Name]; ok {
			field.Value = v
		}
		x.Add(fieldOf(field))
	}
	return c.Add(x)
}

func text(name, s string) *xmltree.Element { return xmltree.New(nsForms, name).AddText(clean(s)) }

// fieldOf is one field of a form (XEP-0004 section 3.2).
func fieldOf(f oswald.Field) *xmltree.Element {
	typ := "text-single"
	switch {
	case f.Options != nil:
		typ = "list-single"
	case f.Address:
		typ = "jid-single"
	case f.Lines:
		typ = "text-multi"
	}
	e := xmltree.New(nsForms, "field", "type", typ, "var", f.Name, "label", f.Label)
	if f.Required {
		e.Add(xmltree.New(nsForms, "required"))
	}
	if f.Value != "" {
		for line := range strings.SplitSeq(f.Value, "\n") {
			e.Add(text("value", line))
		}
	}
	for _, o := range f.Options {
		e.Add(xmltree.New(nsForms, "option", "label", o).Add(text("value", o)))
	}
	return e
}

// confirm asks whether to go on: what is going to happen, and no field.
func (f *form) confirm(question string) *xmltree.Element {
	question = strings.TrimSuffix(question, " yes/no")
	act := actions("complete", "complete")
	if len(f.item.Fields) > 0 {
		act = actions("complete", "prev", "complete")
	}
	x := xmltree.New(nsForms, "x", "type", "form").Add(text("title", f.item.Name+": really?"), text("instructions", clip(question, resultMax)))
	return f.command("executing").Add(act, x)
}

// result ends the command with its answer as a note of as many lines as it has:
// every client shows that, while some show a form only to fill it in.
func (f *form) result(answer, kind string) *xmltree.Element {
	answer = clip(strings.TrimSpace(clean(answer)), resultMax)
	if answer == "" {
		answer = "Done."
	}
	return f.command("completed").Add(note(answer, kind))
}

// readForm returns the values of a form that has come back, those of several lines
// joined; ok is false if it is none. What is too much is left out.
func readForm(x *xmltree.Element) (values map[string]string, ok bool) {
	if x == nil || x.Get("type") != "submit" {
		return nil, false
	}
	values = make(map[string]string)
	for _, f := range x.Children() {
		if !f.Is(nsForms, "field") || f.Get("var") == "" || len(values) == formFields {
			continue
		}
		var lines []string
		size := 0
		for _, v := range f.Children() {
			if size += len(v.Text()); v.Is(nsForms, "value") && size <= formLongest {
				lines = append(lines, v.Text())
			}
		}
		values[f.Get("var")] = clean(strings.Join(lines, "\n"))
	}
	return values, true
}
