// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"context"
	"fmt"
	"strings"
	"syscall"

	"oswald"
)

// status collects the lines of the command of that name.
type status struct {
	app *app
	bot *botRole
}

// Parts implements handlers.Status: what can go wrong first.
func (s *status) Parts(ctx context.Context) []oswald.Part {
	var list []oswald.Part
	if s.bot != nil {
		list = append(list, s.bot.bot.Part())
		list = append(list, s.bot.bot.RoomParts()...)
		list = append(list, s.busPart())
		list = append(list, s.bot.voice.Parts()...)
		list = append(list, s.bot.sensors.Parts()...)
	}
	if s.app.site != nil {
		list = append(list, s.app.site.site.Part())
	}
	if s.app.comments != nil {
		list = append(list, s.app.comments.server.Part(ctx))
	}
	list = append(list, diskPart(s.app.cfg.State))
	for _, r := range s.app.parts.running() {
		if p, ok := r.part(); !ok {
			list = append(list, p)
		}
	}
	return append(list, s.app.missing...)
}

// busPart says which roles answer.
func (s *status) busPart() oswald.Part {
	p := oswald.Part{Name: "bus", OK: true}
	if _, err := s.app.bus.bus.Get([]string{"osw/status"}); err != nil {
		s.app.log.Warn("the bus does not answer", "err", err)
		p.OK, p.State = false, "the Memcached server does not answer; check that it runs and that bus.address is right"
		return p
	}
	var up, down []string
	for _, h := range s.bot.node.Peers() {
		if h.Alive {
			up = append(up, h.Name)
		} else {
			down = append(down, h.Name)
		}
	}
	p.State = s.app.bus.kind
	if len(up) > 0 {
		p.State += ", " + strings.Join(up, " and ") + " up"
	}
	if len(down) > 0 {
		p.OK = false
		p.State += ", no word from " + strings.Join(down, " and ")
	}
	return p
}

// lowDisk is when the state folder's disk counts as nearly full.
const lowDisk = 200 << 20

func diskPart(dir string) oswald.Part {
	p := oswald.Part{Name: "disk"}
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil {
		p.State = "the state folder cannot be looked at"
		return p
	}
	free := st.Bavail * uint64(st.Bsize)
	p.OK = free > lowDisk
	p.State = fmt.Sprintf("%.1f GB free", float64(free)/1e9)
	return p
}
