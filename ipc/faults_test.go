// SPDX-License-Identifier: GPL-3.0-or-later

package ipc

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"oswald/internal/store"
)

// A blow is one fault of a storm, drawn by its weight.
type blow struct {
	name   string
	weight int
	strike func(s *storm)
}

// blows are the faults that every storm has. The twin is a second worker of the
// same name: of its own file, or of a copy of the first one's.
func blows() []blow {
	return []blow{
		{"kill -9 worker", 18, func(s *storm) { s.down("worker"); s.up("worker") }},
		{"kill -9 sender", 10, func(s *storm) { s.down("sender"); s.up("sender") }},
		{"kill -9 memcached", 6, func(s *storm) { s.d.kill(); s.d.start() }},
		{"stop memcached a while", 4, func(s *storm) { s.stopped(s.d.cmd.Process, 400) }},
		{"flush memcached", 4, func(s *storm) { s.flush() }},
		{"flood memcached", 4, func(s *storm) { s.flood() }},
		{"replay 20 registers", 14, func(s *storm) { s.replay() }},
		{"delete a register", 4, func(s *storm) { s.bus.(cacheStore).Delete(s.keys()[s.rand.IntN(2)]) }},
		{"reflect a register", 5, func(s *storm) { s.reflect() }},
		{"flip a bit", 6, func(s *storm) { s.flip() }},
		{"forge a command", 6, func(s *storm) { s.forge() }},
		{"stop worker a while", 4, func(s *storm) { s.stopped(s.procs["worker"].Process, 80) }},
		{"stop sender a while", 4, func(s *storm) { s.stopped(s.procs["sender"].Process, 80) }},
		{"clock of the worker a day off", 3, func(s *storm) { s.worker.Skew = s.day(); s.down("worker"); s.up("worker") }},
		{"clock of the sender a day off", 3, func(s *storm) { s.sender.Skew = s.day(); s.down("sender"); s.up("sender") }},
	}
}

// twinBlows let a second worker come and go.
func twinBlows() []blow {
	return append(blows(),
		blow{"second worker comes or goes", 8, func(s *storm) { s.toggleTwin(false) }},
		blow{"clone of the worker comes or goes", 8, func(s *storm) { s.toggleTwin(true) }})
}

// restoreBlows bring one side's file back from a backup. Not both sides: what
// nobody remembers cannot be told. And not with a second worker; PROTOCOL.md
// says why.
func restoreBlows(side string) []blow {
	return append(blows(),
		blow{"back up " + side, 25, func(s *storm) { s.backUp(side) }},
		blow{"back up " + side + " full of offers", 10, func(s *storm) { s.backUpOffers(side) }},
		blow{"restore " + side, 25, func(s *storm) { s.restore(side) }})
}

func (s *storm) keys() []string {
	return []string{registerKey("bot", "comments"), registerKey("comments", "bot")}
}

func (s *storm) day() time.Duration { return time.Duration(s.rand.IntN(3)-1) * 24 * time.Hour }

func (s *storm) stopped(p *os.Process, most int) {
	p.Signal(syscall.SIGSTOP)
	pause(context.Background(), time.Duration(s.rand.IntN(most))*time.Millisecond)
	p.Signal(syscall.SIGCONT)
}

func (s *storm) flush() { s.bus.(remote).c.FlushAll() }

// flood makes a memcached of one megabyte evict.
func (s *storm) flood() {
	for i := range 60 {
		s.bus.Put(fmt.Sprint("flood", i), make([]byte, 50<<10))
	}
}

// record remembers registers to play them back later.
func (s *storm) record() {
	m, _ := s.bus.Get(s.keys())
	for k, v := range m {
		if len(s.records) < 1000 {
			s.records = append(s.records, [2]string{k, string(v)})
		} else {
			s.records[s.rand.IntN(len(s.records))] = [2]string{k, string(v)}
		}
	}
}

func (s *storm) replay() {
	for range min(20, len(s.records)) {
		r := s.records[s.rand.IntN(len(s.records))]
		s.bus.Put(r[0], []byte(r[1]))
	}
}

func (s *storm) reflect() {
	k := s.keys()
	m, _ := s.bus.Get(k)
	s.bus.Put(k[0], m[k[1]])
	s.bus.Put(k[1], m[k[0]])
}

func (s *storm) flip() {
	key := s.keys()[s.rand.IntN(2)]
	m, _ := s.bus.Get([]string{key})
	if v := append([]byte(nil), m[key]...); len(v) > 0 {
		v[s.rand.IntN(len(v))] ^= 1 << s.rand.IntN(8)
		s.bus.Put(key, v)
	}
}

// forge offers commands under a guessed secret, granting whatever the worker
// last claimed.
func (s *storm) forge() {
	toSender, toWorker := s.keys()[0], s.keys()[1]
	key := directionKey(pairSecret, "x", "y") // not the right one
	grant := "guess"
	for i := range 8 {
		o, _ := encode(offer{ID: "forged", V: "mail", A: []byte("{}"), G: grant})
		boot := time.Now().Add(48 * time.Hour).UnixMilli()
		body, _ := encode(register{Inst: s.guess, Boot: boot, BN: s.guess, Seq: int64(s.strikes*8 + i + 1), O: []json.RawMessage{o}})
		s.bus.Put(toWorker, seal(key, toWorker, body))
		pause(context.Background(), 5*time.Millisecond)
		m, _ := s.bus.Get([]string{toSender})
		if v := m[toSender]; len(v) > len(magic)+macLen {
			if msg, err := decode(v[len(magic)+macLen:]); err == nil {
				for _, it := range msg.items {
					if it.ID == "forged" && it.N != "" {
						grant = it.N
					}
				}
			}
		}
	}
}

// toggleTwin starts or kills the second worker. A clone has a copy of the
// worker's file; it keeps its own list of effects.
func (s *storm) toggleTwin(clone bool) {
	switch {
	case s.procs["twin"] != nil:
		s.down("twin")
		return
	case clone && s.copyDB("worker", filepath.Join(s.twin.Dir, "new.db")):
		s.effects = append(s.effects, s.twin.Dir)
		s.twin.Dir = s.t.TempDir() // what an earlier twin did is not forgotten
		s.replaceDB(filepath.Join(s.effects[len(s.effects)-1], "new.db"), filepath.Join(s.twin.Dir, "comments.db"))
		s.cloned = true
	}
	s.up("twin")
}

// file is where the database of a side lies.
func (s *storm) file(side string) string {
	if side == "sender" {
		return filepath.Join(s.sender.Dir, "bot.db")
	}
	return filepath.Join(s.worker.Dir, "comments.db")
}

// copyDB makes a consistent copy of the database of a side.
func (s *storm) copyDB(side, to string) bool {
	os.Remove(to)
	db, err := store.Open(context.Background(), s.file(side))
	if err != nil {
		s.t.Log("copy:", err)
		return false
	}
	defer db.Close()
	if _, err := db.Exec("VACUUM INTO ?", to); err != nil {
		s.t.Log("copy:", err)
		return false
	}
	return true
}

func (s *storm) replaceDB(from, to string) {
	for _, suffix := range []string{"", "-wal", "-shm"} {
		os.Remove(to + suffix)
	}
	b, err := os.ReadFile(from)
	if err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(to, b, 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// backUpOffers makes a backup while the worker stands still, so that commands are
// in it which run afterwards.
func (s *storm) backUpOffers(side string) {
	p := s.procs["worker"].Process
	p.Signal(syscall.SIGSTOP)
	pause(context.Background(), 10*time.Millisecond)
	s.backUp(side)
	p.Signal(syscall.SIGCONT)
}

func (s *storm) backUp(side string) {
	if s.copyDB(side, s.file(side)+".new") {
		os.Rename(s.file(side)+".new", s.file(side)+".backup")
	}
}

// restore brings a side back as it was. What the file alone knew is excused: a
// command that the sender never heard of again, an effect undone with its file.
func (s *storm) restore(side string) {
	backup := s.file(side) + ".backup"
	if _, err := os.Stat(backup); err != nil {
		s.backUp(side)
		return
	}
	s.down(side)
	query := "SELECT id FROM ipc_outbox"
	if side == "worker" {
		query = "SELECT id FROM effect"
	}
	before, after := s.ids(s.file(side), query), s.ids(backup, query)
	for id := range before {
		if !after[id] {
			s.forgotten[id] = true
		}
	}
	s.replaceDB(backup, s.file(side))
	s.up(side)
}

func (s *storm) ids(file, query string) map[string]bool {
	m := map[string]bool{}
	db, err := store.Open(context.Background(), file)
	if err != nil {
		s.t.Fatal(err)
	}
	defer db.Close()
	if err := eachID(context.Background(), db, query, func(id string) { m[id] = true }); err != nil {
		s.t.Log(err) // the process never came up
	}
	return m
}
