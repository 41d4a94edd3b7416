// SPDX-License-Identifier: GPL-3.0-or-later

package ipc

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"slices"
	"testing"
	"time"

	"oswald/internal/store"
)

// A storm is a run of real processes under faults.
type storm struct {
	t       testing.TB
	rand    *rand.Rand
	d       *daemon
	bus     Bus
	worker  child
	twin    child
	sender  child
	procs   map[string]*exec.Cmd // "worker", "sender", "twin"
	ended   chan error           // of the present sender
	done    counter              // commands that have ended
	records [][2]string
	faults  map[string]int
	strikes int
	guess   string // of who forges

	effects   []string        // folders of earlier twins
	cloned    bool            // files were copied with the effects in them
	forgotten map[string]bool // what a restored file no longer knows
}

func (s *storm) up(name string) {
	switch name {
	case "worker":
		s.procs[name] = spawn(s.t, s.worker)
	case "twin":
		s.procs[name] = spawn(s.t, s.twin)
	case "sender":
		cmd := spawn(s.t, s.sender, &s.done)
		s.procs[name] = cmd
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		s.ended = ended
	}
}

func (s *storm) down(name string) {
	cmd := s.procs[name]
	if cmd == nil {
		return
	}
	cmd.Process.Kill()
	if name == "sender" {
		<-s.ended
	} else {
		cmd.Wait()
	}
	delete(s.procs, name)
}

// strike draws a fault.
func (s *storm) strike(from []blow) {
	sum := 0
	for _, b := range from {
		sum += b.weight
	}
	n := s.rand.IntN(sum)
	for _, b := range from {
		if n -= b.weight; n < 0 {
			b.strike(s)
			s.strikes++
			s.faults[b.name]++
			return
		}
	}
}

// A forecast is what a storm is to be.
type forecast struct {
	seed     uint64
	commands int
	faults   int
	blows    []blow
	mutant   string
	twin     bool // from the start
}

// weather runs commands under faults until all have ended, and returns what was
// wrong with how they ended. A fault follows when so many commands have ended
// since the last, or after a while without: the storm is as long in commands on
// a slow machine as on a quick one.
func (f forecast) weather(t *testing.T) []string {
	t.Helper()
	d := startMemcached(t, "-m", "1", "-I", "512k")
	bus, err := NewMemcached(d.addr)
	if err != nil {
		t.Fatal(err)
	}
	s := &storm{
		t: t, rand: rand.New(rand.NewPCG(f.seed, 1)), d: d, bus: bus,
		worker: child{Role: "worker", Dir: t.TempDir(), Bus: d.addr, Mutant: f.mutant},
		twin:   child{Role: "worker", Dir: t.TempDir(), Bus: d.addr, Mutant: f.mutant},
		sender: child{Role: "sender", Dir: t.TempDir(), Bus: d.addr, To: f.commands, Mutant: f.mutant},
		procs:  map[string]*exec.Cmd{}, faults: map[string]int{}, forgotten: map[string]bool{}, guess: randomHex(),
	}
	s.up("worker")
	if f.twin {
		s.up("twin")
	}
	s.up("sender")
	began := time.Now()
	last, lastAt := int64(0), began
	step := max(int64(f.commands/(f.faults+1)), 1)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for over := false; !over; {
		select {
		case err := <-s.ended:
			if err != nil {
				t.Fatalf("the sender: %v", err)
			}
			delete(s.procs, "sender")
			over = true
		case <-tick.C:
			n := s.done.n.Load()
			if s.record(); n > last && s.strikes >= f.faults {
				last, lastAt = n, time.Now()
			}
			switch quiet := time.Since(lastAt); {
			case s.strikes < f.faults && (n >= last+step || quiet > time.Second):
				s.strike(f.blows)
				last, lastAt = s.done.n.Load(), time.Now()
			case s.strikes >= f.faults && quiet > time.Minute:
				t.Errorf("seed %d: commands do not end (%v)", f.seed, s.faults)
				over = true
			}
		}
	}
	for _, name := range []string{"twin", "worker", "sender"} {
		s.down(name)
	}
	t.Logf("seed %d: %d commands, %d faults in %v: %v", f.seed, f.commands, s.strikes, time.Since(began).Round(time.Second), s.faults)
	return s.judge(f.commands)
}

// judge compares the ends in the sender's books with the effects.
func (s *storm) judge(commands int) (wrong []string) {
	var all []map[string]int
	for _, dir := range append(s.effects, s.worker.Dir, s.twin.Dir) {
		all = append(all, effects(s.t, dir))
	}
	db, err := store.Open(context.Background(), s.file("sender"))
	if err != nil {
		s.t.Fatal(err)
	}
	defer db.Close()
	books := newFile(db)
	defer books.close()
	ends := map[string]int{}
	ran := func(id string) (sum, most int) {
		for _, m := range all {
			sum, most = sum+m[id], max(most, m[id])
		}
		return
	}
	for i := range commands {
		c := plan(i, time.Now())
		t, err := books.ticket(context.Background(), c.ID)
		if err != nil || t == nil {
			wrong = append(wrong, fmt.Sprintf("%s is lost (%v)", c.ID, err))
			continue
		}
		ends[string(t.State)]++
		n, most := ran(c.ID)
		switch {
		case !t.State.ended():
			wrong = append(wrong, c.ID+" has not ended")
		case t.State == done && n == 0 && !s.forgotten[c.ID]:
			wrong = append(wrong, c.ID+" is done without effect")
		case (t.State == expired || t.State == refused) && n > 0 && !s.forgotten[c.ID]:
			wrong = append(wrong, fmt.Sprintf("%s is %s but ran", c.ID, t.State))
		case c.Verb == "mail" && n > 1, c.Verb == "decide" && most > 1:
			wrong = append(wrong, fmt.Sprintf("%s (%s, %s) ran %d times", c.ID, c.Verb, t.State, n))
		}
	}
	if n, _ := ran("forged"); n > 0 {
		wrong = append(wrong, "a forged command ran")
	}
	s.t.Logf("ends: %v", ends)
	return wrong
}

// TestChaos kills, stops, replays and forges while commands run, with a second
// worker and clones, and with files restored from backups. No command may be
// lost, doubled or untruthfully ended.
func TestChaos(t *testing.T) {
	commands, faults := 680, 30 // in each of three storms
	switch {
	case longTest():
		commands, faults = 10_000, 450
	case testing.Short():
		commands, faults = 100, 6
	}
	test := func(name string, seed uint64, b []blow) {
		t.Run(name, func(t *testing.T) {
			for _, w := range (forecast{seed: seed, commands: commands, faults: faults, blows: b}).weather(t) {
				t.Error(w)
			}
		})
	}
	test("second worker", 1, twinBlows())
	test("sender restored", 2, restoreBlows("sender"))
	test("worker restored", 3, restoreBlows("worker"))
}

// TestChaosCatches seeds a bug: the storm must find it, or it proves nothing.
// Each storm has the faults that bring its bug out, so that none depends on luck.
func TestChaosCatches(t *testing.T) {
	some := func(names ...string) (list []blow) {
		for _, b := range append(twinBlows(), restoreBlows("sender")...) {
			if slices.Contains(names, b.name) {
				list = append(list, b)
			}
		}
		return list
	}
	test := func(mutant string, f forecast) {
		t.Run(mutant, func(t *testing.T) {
			f.mutant = mutant
			f.commands = max(f.commands, 200)
			for f.seed = 1; f.seed <= 6; f.seed++ { // some need a little luck
				if wrong := f.weather(t); len(wrong) > 0 {
					t.Logf("%d wrong, such as: %s", len(wrong), wrong[0])
					return
				}
			}
			t.Fatal("not noticed")
		})
	}
	test("run on offer", forecast{twin: true})
	test("regrant", forecast{twin: true})
	test("expire granted", forecast{faults: 6, blows: some("stop worker a while")})
	test("cancel granted", forecast{})
	test("restore unnoticed", forecast{faults: 12, commands: 240, blows: some("back up sender full of offers", "restore sender")})
	test("no started record", forecast{faults: 30, commands: 400, blows: some("kill -9 worker")})
	test("no mac", forecast{faults: 40, blows: some("forge a command")})
}
