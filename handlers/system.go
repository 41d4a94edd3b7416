// SPDX-License-Identifier: GPL-3.0-or-later

package handlers

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"oswald"
)

func (h *Handlers) ping(context.Context, oswald.Request, []string) (oswald.Reply, error) {
	return oswald.Reply{Text: "Pong."}, nil
}

func (h *Handlers) version(context.Context, oswald.Request, []string) (oswald.Reply, error) {
	version := h.deps.Version
	if version == "" {
		version = "of unknown version"
	}
	return oswald.Reply{Text: fmt.Sprintf("Oswald %s on %s/%s, up for %s.", version, runtime.GOOS, runtime.GOARCH, span(h.now().Sub(h.started)))}, nil
}

func (h *Handlers) status(ctx context.Context, _ oswald.Request, _ []string) (oswald.Reply, error) {
	if h.deps.Status == nil {
		return oswald.Reply{}, absent("Status is")
	}
	parts := h.deps.Status.Parts(ctx)
	var bad, good []string
	for _, p := range parts {
		if p.OK {
			good = append(good, p.String())
		} else {
			bad = append(bad, p.String())
		}
	}
	head := "All is well."
	if len(bad) > 0 {
		head = fmt.Sprintf("%s of %d not well:", plural(len(bad), "part", "parts"), len(parts))
	}
	lines := append(append([]string{head}, bad...), good...)
	return oswald.Reply{Text: strings.Join(lines, "\n")}, nil
}

// clockOff is how far the clock of another host may be off before it is told;
// less is the way of the message.
const clockOff = 3 * time.Second

func (h *Handlers) hosts(context.Context, oswald.Request, []string) (oswald.Reply, error) {
	if h.deps.Hosts == nil {
		return oswald.Reply{}, absent("The message bus is")
	}
	peers := h.deps.Hosts.Peers()
	if len(peers) == 0 {
		return oswald.Reply{Text: "There is no other host."}, nil
	}
	lines := make([]string, len(peers))
	for i, p := range peers {
		s := p.Name + ": "
		switch {
		case p.Alive:
			s += "alive, seen " + ago(h.now(), p.Seen)
		case p.Seen.IsZero():
			s = "⚠ " + s + "never seen"
		default:
			s = "⚠ " + s + "silent, last seen " + ago(h.now(), p.Seen)
		}
		if p.Version != "" {
			s += ", " + oneLine(p.Version, 30)
		}
		switch off := p.Offset.Abs().String(); {
		case p.Offset >= clockOff:
			s += ", clock " + off + " ahead"
		case p.Offset <= -clockOff:
			s += ", clock " + off + " behind"
		}
		if p.Open > 0 {
			s += ", " + plural(p.Open, "open command", "open commands")
		}
		if p.Note != "" {
			s += " · " + oneLine(p.Note, 60)
		}
		lines[i] = s
	}
	return oswald.Reply{Text: strings.Join(lines, "\n")}, nil
}

func (h *Handlers) alerts(ctx context.Context, _ oswald.Request, _ []string) (oswald.Reply, error) {
	if h.deps.Alerts == nil {
		return oswald.Reply{}, absent("Alerts are")
	}
	list, err := h.deps.Alerts.Open(ctx)
	if err != nil {
		return oswald.Reply{}, err
	}
	if len(list) == 0 {
		return oswald.Reply{Text: "No alert is open."}, nil
	}
	lines := make([]string, len(list))
	fresh := false
	for i, a := range list {
		lines[i] = fmt.Sprintf("%s %s (%s)", a.Label, oneLine(a.Summary, 160), h.since(a))
		fresh = fresh || a.AckedBy == ""
	}
	if fresh {
		lines = append(lines, fmt.Sprintf("`ack %s` stops the reminders.", firstUnacked(list)))
	}
	return oswald.Reply{Text: strings.Join(lines, "\n")}, nil
}

func (h *Handlers) since(a OpenAlert) string {
	s := "for " + span(h.now().Sub(a.Since))
	if a.Severity == oswald.Critical {
		s = "critical, " + s
	}
	switch {
	case a.AckedBy != "":
		s += ", acknowledged by " + name(a.AckedBy)
	case a.SeenBy != "":
		s += ", seen by " + name(a.SeenBy)
	case a.Arrived:
		s += ", delivered"
	}
	return s
}

func firstUnacked(list []OpenAlert) string {
	for _, a := range list {
		if a.AckedBy == "" {
			return a.Label
		}
	}
	return ""
}

// name shortens an address to what people call each other.
func name(address string) string {
	local, _, _ := strings.Cut(address, "@")
	return oneLine(local, 24)
}

func (h *Handlers) ack(ctx context.Context, req oswald.Request, args []string) (oswald.Reply, error) {
	if h.deps.Alerts == nil {
		return oswald.Reply{}, absent("Alerts are")
	}
	list, err := h.deps.Alerts.Open(ctx)
	if err != nil {
		return oswald.Reply{}, err
	}
	chosen, err := chooseAlerts(list, args)
	if err != nil {
		return oswald.Reply{}, err
	}
	var lines []string
	for _, a := range chosen {
		if err := h.deps.Alerts.Ack(ctx, a.Label, req.Actor.Address); err != nil {
			return oswald.Reply{}, err
		}
		lines = append(lines, fmt.Sprintf("%s is acknowledged, no more reminders: %s", a.Label, oneLine(a.Summary, 120)))
	}
	return oswald.Reply{Text: strings.Join(lines, "\n")}, nil
}

// chooseAlerts picks the alerts that `ack` means: the named ones, all, or the
// only one that nobody has acknowledged.
func chooseAlerts(list []OpenAlert, args []string) ([]OpenAlert, error) {
	all := len(args) == 1 && strings.EqualFold(args[0], "all")
	if len(args) > 0 && !all {
		var named []OpenAlert
		for _, arg := range args {
			i := slices.IndexFunc(list, func(a OpenAlert) bool { return strings.EqualFold(a.Label, label(arg)) })
			if i >= 0 {
				named = append(named, list[i])
			} else if len(args) == 1 {
				return nil, oswald.Errorf(oswald.NotFound, "No alert %s is open; `alerts` lists them.", quote(arg))
			}
		}
		if len(named) == 0 {
			return nil, oswald.Errorf(oswald.NotFound, "None of these alerts is open; `alerts` lists those that are.")
		}
		return named, nil
	}
	var fresh []OpenAlert
	var labels []string
	for _, a := range list {
		if a.AckedBy == "" {
			fresh = append(fresh, a)
			labels = append(labels, a.Label)
		}
	}
	switch {
	case len(fresh) == 0:
		return nil, oswald.Errorf(oswald.NotFound, "No alert waits to be acknowledged.")
	case len(fresh) > 1 && !all:
		return nil, oswald.Errorf(oswald.Invalid, "Which one? %s are open; `ack all` takes them all.", listed(labels, "and"))
	}
	return fresh, nil
}

// label reads "A3", "a3", "3" and "#3" as A3.
func label(s string) string {
	s = strings.Trim(s, "#.,")
	if _, err := strconv.Atoi(s); err == nil {
		return "A" + s
	}
	return s
}

const (
	logShown = 10
	logMax   = 100
)

func (h *Handlers) showLog(ctx context.Context, _ oswald.Request, args []string) (oswald.Reply, error) {
	n := logShown
	if len(args) == 1 {
		var err error
		if n, err = strconv.Atoi(args[0]); err != nil || n < 1 || n > logMax {
			return oswald.Reply{}, oswald.Errorf(oswald.Invalid, "Say how many: a number from 1 to %d.", logMax)
		}
	}
	list, err := h.journal.last(ctx, n)
	if err != nil {
		return oswald.Reply{}, err
	}
	if len(list) == 0 {
		return oswald.Reply{Text: "Nothing is on record yet."}, nil
	}
	var b strings.Builder
	for i := len(list) - 1; i >= 0; i-- { // the newest stands last, as in a chat
		e := list[i]
		fmt.Fprintf(&b, "%s %s: %s → %s\n", clock(h.now(), e.At), name(e.Who), oneLine(e.Text, 60), endText(e))
	}
	return oswald.Reply{Text: strings.TrimRight(b.String(), "\n"), Raw: true}, nil
}

// endText says how a command ended and, if it failed, why.
func endText(e entry) string {
	switch e.State {
	case stateDone:
		return "done"
	case stateAccepted:
		return "running"
	case stateAsked:
		return "asked, waits for yes or no"
	case stateDeclined:
		return "not run"
	}
	return e.State + ": " + oneLine(e.Reply.Text, 50)
}
