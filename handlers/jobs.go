// SPDX-License-Identifier: GPL-3.0-or-later

package handlers

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"oswald"
)

// errGivenUp is why the context of a job ended that somebody has cancelled.
var errGivenUp = errors.New("cancelled")

// Canceller gives up a command that another host carries out. A command that it
// does not know is an error with the code oswald.NotFound.
type Canceller interface {
	Cancel(ctx context.Context, id string) error
}

// A job is a command that runs.
type job struct {
	n      int // what people call it
	id     string
	who    string
	text   string
	at     time.Time
	cancel context.CancelCauseFunc

	mu     sync.Mutex
	latest string // what it said last of how far it is
}

// begin notes that the command of req runs, under the lowest free number. The
// context that it returns ends when somebody cancels the job. What looks at jobs is
// none.
func (h *Handlers) begin(ctx context.Context, req oswald.Request, c call) (context.Context, oswald.Request, *job) {
	if c.urgent {
		return ctx, req, nil
	}
	j := &job{id: req.ID, who: req.Actor.Address, text: oneLine(req.Text, 60), at: h.now()}
	ctx, j.cancel = context.WithCancelCause(ctx)
	if tell := req.Progress; tell != nil {
		req.Progress = func(s string) {
			j.mu.Lock()
			j.latest = s
			j.mu.Unlock()
			tell(s)
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for j.n = 1; h.jobs[j.n] != nil; j.n++ {
	}
	h.jobs[j.n] = j
	return ctx, req, j
}

func (h *Handlers) end(j *job) {
	if j == nil {
		return
	}
	j.cancel(nil)
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.jobs, j.n)
}

// underWay returns the jobs that run, in their order.
func (h *Handlers) underWay() []*job {
	h.mu.Lock()
	defer h.mu.Unlock()
	list := make([]*job, 0, len(h.jobs))
	for _, j := range h.jobs {
		list = append(list, j)
	}
	slices.SortFunc(list, func(a, b *job) int { return cmp.Compare(a.n, b.n) })
	return list
}

// jobsShown is how many jobs fit a phone.
const jobsShown = 10

func (h *Handlers) listJobs(context.Context, oswald.Request, []string) (oswald.Reply, error) {
	list := h.underWay()
	if len(list) == 0 {
		return oswald.Reply{Text: "Nothing is running."}, nil
	}
	var b strings.Builder
	for i, j := range list {
		if i == jobsShown {
			fmt.Fprintf(&b, "… and %d more\n", len(list)-i)
			break
		}
		fmt.Fprintf(&b, "%d `%s` by %s, for %s", j.n, j.text, name(j.who), span(h.now().Sub(j.at)))
		j.mu.Lock()
		if j.latest != "" {
			b.WriteString(": " + oneLine(j.latest, 80))
		}
		j.mu.Unlock()
		b.WriteByte('\n')
	}
	fmt.Fprintf(&b, "`cancel %d` stops it.", list[0].n)
	return oswald.Reply{Text: b.String()}, nil
}

// cancelJob asks a job to stop; how it ended the job says itself.
func (h *Handlers) cancelJob(ctx context.Context, req oswald.Request, args []string) (oswald.Reply, error) {
	list := h.underWay()
	var j *job
	if len(args) == 1 {
		n, err := strconv.Atoi(strings.TrimPrefix(args[0], "#"))
		if err != nil {
			return oswald.Reply{}, oswald.Errorf(oswald.Invalid, "Say the number of a job; `jobs` lists them.")
		}
		if i := slices.IndexFunc(list, func(j *job) bool { return j.n == n }); i >= 0 {
			j = list[i]
		} else {
			return oswald.Reply{}, oswald.Errorf(oswald.NotFound, "No job %d is running; `jobs` lists them.", n)
		}
	} else {
		mine := slices.DeleteFunc(list, func(j *job) bool { return j.who != req.Actor.Address })
		switch len(mine) {
		case 0:
			return oswald.Reply{}, oswald.Errorf(oswald.NotFound, "Nothing of yours is running.")
		case 1:
			j = mine[0]
		default:
			return oswald.Reply{}, oswald.Errorf(oswald.Invalid, "%d jobs of yours are running: name one, as in `cancel %d`; `jobs` lists them.", len(mine), mine[0].n)
		}
	}
	if j.who != req.Actor.Address && req.Actor.Role < oswald.Moderator {
		return oswald.Reply{}, oswald.Errorf(oswald.Forbidden, "Job %d is not yours; it takes the role %s to cancel it.", j.n, oswald.Moderator)
	}
	return h.giveUp(ctx, j)
}

// giveUp tells a job to stop.
func (h *Handlers) giveUp(ctx context.Context, j *job) (oswald.Reply, error) {
	remote := false
	if h.deps.Canceller != nil {
		switch err := h.deps.Canceller.Cancel(ctx, j.id); {
		case err == nil:
			remote = true
		case oswald.CodeOf(err) != oswald.NotFound:
			return oswald.Reply{}, err
		}
	}
	if !remote {
		j.cancel(errGivenUp)
	}
	return oswald.Reply{Text: fmt.Sprintf("I have told `%s` to stop; it says itself how it ended.", j.text)}, nil
}

// Urgent reports whether a text must not wait for what its sender has asked before:
// it looks at that, or stops it.
func (h *Handlers) Urgent(text string) bool {
	word, _, _ := strings.Cut(strings.TrimLeft(strings.TrimSpace(text), "!/"), " ")
	word = strings.ToLower(strings.TrimRight(word, trimmed))
	return slices.ContainsFunc(h.rows, func(c command) bool { return c.urgent && c.named(word) })
}
