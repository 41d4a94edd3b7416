// SPDX-License-Identifier: GPL-3.0-or-later

package wiki

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"time"

	"oswald"
)

// A publish is a change set: what a build has changed is staged, the gate looks
// at it as a whole, and then each file is renamed into the output; see output.
// What a set has replaced is kept, so that Rollback can bring it back.

// The gate holds what is likely a mistake. A first build passes.
const (
	lostPages = 5        // so many pages may go at once, or a fifth of all
	sizeJump  = 10 << 20 // the site may double, and grow by this in any case
)

// Publish is Rebuild past the gate: it puts live what was held back, and ends a
// rollback.
func (s *Site) Publish(ctx context.Context, id string, progress func(string)) (oswald.Build, error) {
	return s.rebuild(ctx, id, "", true, progress)
}

// Changes returns the change set that waits for Publish, or else the last one
// that was published. It may be called while a build runs.
func (s *Site) Changes() (oswald.ChangeSet, error) {
	s.mu.Lock()
	held := s.held
	s.mu.Unlock()
	if held != nil {
		return *held, nil
	}
	list := s.sets()
	if len(list) == 0 {
		return oswald.ChangeSet{}, oswald.Errorf(oswald.NotFound, "Nothing has changed since the site was first built.")
	}
	set, err := readSet(s.setFolder(list[len(list)-1]))
	if err != nil {
		return oswald.ChangeSet{}, oswald.Wrap(err, oswald.Internal, "The record of the last change cannot be read.")
	}
	set.N = list[len(list)-1]
	return set.ChangeSet, nil
}

// changeSet says what the commit of out will change.
func (b *work) changeSet(out *output, rep Report) *oswald.ChangeSet {
	c := &oswald.ChangeSet{At: b.s.now().UTC()}
	note := func(file string, list *[]string, tag int) {
		if len(out.packing) > 0 && plainName(file) != file {
			return // goes with another
		}
		c.Files++
		if key := keyOfFile(file); key != "" {
			*list = append(*list, key)
		} else if strings.HasPrefix(file, "tag/") && strings.Count(file, "/") > 1 && strings.HasSuffix(file, "/index.html") {
			c.Tags += tag
		}
	}
	for _, s := range out.staged {
		file, _, _ := strings.Cut(s, "\x00")
		if _, known := out.was(file); known {
			note(file, &c.Changed, 0)
		} else {
			note(file, &c.Added, 1)
		}
	}
	for _, file := range out.gone() {
		note(file, &c.Removed, -1)
	}
	sort.Strings(c.Added)
	sort.Strings(c.Changed)
	sort.Strings(c.Removed)
	now := brokenLinks(rep)
	if last := b.s.lastBroken(); last != nil {
		for id, what := range now {
			if _, old := last[id]; !old {
				c.Broken = append(c.Broken, what)
			}
		}
		for id := range last {
			if _, still := now[id]; !still {
				c.Mended++
			}
		}
	}
	sort.Strings(c.Broken)
	b.broken = now
	c.Stopped = b.stops(out, c)
	return c
}

// keyOfFile returns the key of the page in a file of the output, empty where it
// holds no page.
func keyOfFile(file string) string {
	if file == "index.html" {
		return "index"
	}
	key, ok := strings.CutSuffix(file, "/index.html")
	if first, _, _ := strings.Cut(key, "/"); !ok || reserved[first] {
		return ""
	}
	return key
}

// stops says why the set should not be published without a look at it.
func (b *work) stops(out *output, c *oswald.ChangeSet) []string {
	var why []string
	if out.first || !b.s.cfg.Gate {
		return nil
	}
	for i, link := range c.Broken {
		if i == 5 {
			why = append(why, fmt.Sprintf("… and %d more new links that lead nowhere", len(c.Broken)-i))
			break
		}
		why = append(why, link)
	}
	w := b.w
	if _, made := w.made["index.html"]; made && len(w.known) > 0 {
		if _, before := w.known["index.html"]; !before {
			why = append(why, "the front page is gone")
		}
	}
	before, size, sizeBefore := out.totals()
	if lost := len(c.Removed); lost > lostPages && lost*5 > before {
		why = append(why, fmt.Sprintf("%d of %d pages go", lost, before))
	}
	if size > 2*sizeBefore+sizeJump && out.trusted {
		why = append(why, fmt.Sprintf("the site grows from %d to %d MB", sizeBefore>>20, size>>20))
	}
	return why
}

// gate keeps the set from being published where it should not be. Memory then
// knows pages that are not published, so the next build begins with the cache.
func (b *work) gate(c *oswald.ChangeSet, force bool) error {
	s := b.s
	at, rolled := s.rolledBack()
	if force || !rolled && len(c.Stopped) == 0 {
		return nil
	}
	b.m.held = true
	if rolled {
		c.Stopped = append([]string{"the site was rolled back at " + at.Local().Format("15:04 on 2 January")}, c.Stopped...)
	}
	s.mu.Lock()
	s.held = c
	s.mu.Unlock()
	return oswald.Errorf(oswald.Conflict, "Nothing was published: %s. `publish` puts it live all the same.", strings.Join(c.Stopped, "; "))
}

// brokenLinks lists what leads nowhere and what goes in circles, by a name that
// does not change when lines move.
func brokenLinks(rep Report) map[string]string {
	all := make(map[string]string, len(rep.Wanted))
	for _, w := range rep.Wanted {
		for _, from := range w.From {
			file := from[:max(strings.LastIndexByte(from, ':'), 0)]
			all[file+"\t"+w.Name] = from + ": there is no page “" + cut(w.Name, 60) + "”"
		}
	}
	for _, warn := range rep.Warnings {
		if file, rest, ok := strings.Cut(warn, ":"); ok && strings.Contains(rest, ": a loop:") {
			_, what, _ := strings.Cut(rest, ": ")
			all[file+"\t"+what] = warn
		}
	}
	return all
}

// lastBroken are the names of brokenLinks on the published site; nil where that
// is not known.
func (s *Site) lastBroken() map[string]string {
	data, err := os.ReadFile(filepath.Join(s.cfg.state(), "broken"))
	if err != nil {
		return nil
	}
	last := map[string]string{}
	for line := range strings.Lines(string(data)) {
		last[strings.TrimSuffix(line, "\n")] = ""
	}
	return last
}

// published notes what is live now.
func (b *work) published(out *output, c *oswald.ChangeSet) error {
	s := b.s
	if last := s.lastBroken(); last == nil || len(c.Broken) > 0 || c.Mended > 0 {
		names := make([]string, 0, len(b.broken))
		for id := range b.broken {
			names = append(names, strings.ReplaceAll(id, "\n", " ")+"\n")
		}
		sort.Strings(names)
		if err := out.replace("broken", []byte(strings.Join(names, ""))); err != nil {
			return err
		}
	}
	s.mu.Lock()
	s.held = nil
	s.mu.Unlock()
	return s.endHold()
}

// rolledBack says whether the site was rolled back and waits for Publish.
func (s *Site) rolledBack() (at time.Time, ok bool) {
	h, ok := s.readHold()
	return h.At, ok && h.Done
}
